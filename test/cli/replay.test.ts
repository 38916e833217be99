// A log applied with two builds of a counter, made from the command line as a user makes them.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openBuilds } from '../../src/cli/replay-build.ts'
import { ReplaySide } from '../../src/cli/replay-side.ts'
import type { Entry, LogBase } from '../../src/core/types.ts'
import type { Envelope } from '../../src/machine/envelope.ts'
import { LevelLog } from '../../src/storage/level-log.ts'
import { openSnapshotDir } from '../../src/storage/snapshot-dir.ts'
import { decodeEnvelope, encodeEnvelope } from '../../src/wire/envelope-codec.ts'
import { encodeReplica } from '../../src/wire/replica-codec.ts'
import { packValue } from '../../src/wire/value.ts'
import { built } from './built.ts'
import { command, type Said } from './in-process.ts'
import { closed, confOf } from './log-data.ts'
import { fileTimes, project } from './project.ts'
import { linkPackages } from './raftgen.ts'
import { temporaryFolder, writeFiles } from './temporary-folder.ts'

beforeAll(built, 180_000)

const schema = (version: number): string => `import Type from 'typebox'
import { defineMachine, Record } from 'raftgen'

export default defineMachine({
  name: 'counter',
  version: ${version},
  state: Type.Object({ counts: Record(Type.String(), Type.Object({ value: Type.Integer() })) }),
  commands: {
    add: { input: Type.Object({ name: Type.String(), by: Type.Integer() }), output: Type.Integer() },
  },
  queries: {},
})
`
/** `body`: with \`value\`, what it was, \`by\` and \`version\`; returns what it is. */
const handlers = (body = 'return value + by'): string => `const count = (value: number, by: number, version: number): number => { ${body} }

export const handlers = {
  add: (state: any, { name, by }: any, { version }: any) => {
    const value = count(state.counts.get(name)?.value ?? 0, by, version)
    state.counts.set(name, { value })
    return value
  },
}
`

/** Made once: it takes its time. */
const builds = new Map<string, Promise<string>>()
const root = realpathSync(mkdtempSync(join(tmpdir(), 'raftgen-replay-')))
afterAll(() => rmSync(root, { recursive: true, force: true }), 60_000)

function build(body?: string, versions = 1): Promise<string> {
  const key = `${versions} ${body}`
  const known = builds.get(key) ?? checkout(join(root, `${builds.size}`), body, versions)
  builds.set(key, known)
  return known
}

/** Generated and frozen. Its schema file. */
async function checkout(folder: string, body: string | undefined, versions: number): Promise<string> {
  writeFiles(folder, { 'package.json': '{ "type": "module" }' })
  linkPackages(folder)
  writeFiles(folder, { 'schema.ts': schema(1), 'handlers.ts': handlers(body) })
  await done(['freeze', join(folder, 'schema.ts')])
  for (let version = 2; version <= versions; version++) {
    writeFiles(folder, { 'schema.ts': schema(version) })
    await done(['freeze', join(folder, 'schema.ts')])
  }
  return join(folder, 'schema.ts')
}
async function done(args: readonly string[]): Promise<void> {
  const { code, err } = await command(args)
  expect([code, err]).toEqual([0, err])
}

const now = Date.UTC(2026, 0, 2)
type Call = readonly [name: string, by: number]

type Step = Call | { readonly activate: number }

/** Entry 1: a leader begins; 2: version 1 is in force; 3: a session opens; then calls, or activations. */
function entries(steps: readonly Step[]): readonly Entry[] {
  let version = 1
  const envelopes: readonly Envelope[] = [
    { kind: 'activate', now, version: 1 },
    { kind: 'openSession', now, ttlMs: 60_000 },
    ...steps.map((step, i): Envelope => {
      if ('activate' in step) {
        version = step.activate
        return { kind: 'activate', now, version }
      }
      const input = packValue([version, 1, [...step]])
      return { kind: 'command', now, session: 3, seq: i + 1, ackedBelow: 1, version, command: input }
    }),
  ]
  const first: Entry = { term: 3, index: 1, kind: 'noop', data: new Uint8Array(0), conf: undefined }
  const rest = envelopes.map((one, i): Entry => ({ term: 3, index: i + 2, kind: 'command', data: encodeEnvelope(one), conf: undefined }))
  return [first, ...rest]
}

async function write(all: readonly Entry[], base?: LogBase): Promise<string> {
  const dir = join(temporaryFolder(), '1')
  await LevelLog.bootstrap({ dir, identity: { clusterId: 'prod', nodeId: 1, incarnation: 1 }, conf: confOf(1) })
  const log = await LevelLog.open(dir)
  const persist = { seq: 1, hardState: { term: 3, votedFor: 1 }, reset: base, truncateFrom: undefined, entries: all }
  await new Promise<void>((resolve, reject) => log.appendEntries(persist, (error) => (error === undefined ? resolve() : reject(error))))
  await closed(log)
  return dir
}
const data = (...steps: readonly Step[]): Promise<string> => write(entries(steps))

/** A snapshot of what `schemaFile` makes of `applied`. */
async function snapshot(dir: string, schemaFile: string, applied: readonly Entry[]): Promise<void> {
  const [build] = await openBuilds({ old: schemaFile, new: schemaFile }, temporaryFolder())
  const side = new ReplaySide(build)
  for (const entry of applied) side.apply(entry, entry.kind === 'command' ? decodeEnvelope(entry.data) : undefined, 'fail')
  const { replica } = side
  const snapshots = await openSnapshotDir(dir)
  const writer = snapshots.create({ id: { index: replica.lastApplied, term: replica.lastAppliedTerm }, conf: confOf(1) })
  await new Promise<void>((resolve, reject) =>
    writer.write(Buffer.concat([...encodeReplica(replica)]), (error) => (error === undefined ? resolve() : reject(error))),
  )
  await new Promise<void>((resolve, reject) => writer.finish((error) => (error === undefined ? resolve() : reject(error))))
  await closed(snapshots)
}

async function replay(dir: string, old: string, next: string, ...more: readonly string[]): Promise<Said> {
  const { code, out, err } = await command(['replay', dir, '--old', old, '--new', next, ...more])
  return { code, out: out.replaceAll(dir, 'data/1'), err: err.replaceAll(dir, 'data/1') }
}

describe('two builds', () => {
  test('that do the same are said to, and the directory is as it was', async () => {
    const dir = await data(['a', 1], ['b', 2])
    const before = fileTimes(dir)
    const said = await replay(dir, await build(), await build('return by + value'))
    expect(said).toEqual({ code: 0, err: '', out: 'Both builds do the same with entries 1 to 5 of data/1.\n' })
    expect(fileTimes(dir)).toEqual(before)
  })

  test('of which one has other handlers in the same version are found out at the first entry where that shows', async () => {
    const dir = await data(['a', 1], ['b', 2], ['a', 4], ['b', 5])
    const [old, next] = [await build(), await build('return value + (by > 3 ? 3 : by)')]
    const said = await replay(dir, old, next)
    expect(said).toMatchObject({ code: 1, err: '' })
    expect(said.out).toBe(`Both builds do the same with entries 1 to 5 of data/1.
Entry 6 of term 3: add { name: "a", by: 4 }

the old build answers { command: "add", result: 5 }
the new build answers { command: "add", result: 4 }
state.counts["a"].value is 5 in old and 4 in new
sessions[3].replies[3].result is 5 in old and 4 in new

The builds differ: 2 differences.
`)
    const { difference, ...report } = JSON.parse((await replay(dir, old, next, '--json')).out)
    expect(report).toEqual({ ok: false, dir: 'data/1', machine: 'counter', old, new: next, firstIndex: 1, lastIndex: 5 })
    expect(difference).toMatchObject({
      index: 6,
      entry: { kind: 'command', command: 'add', input: { name: 'a', by: 4 }, version: 1 },
      old: { kind: 'applied', version: 1, reply: { command: 'add', result: 5 } },
      new: { kind: 'applied', version: 1, reply: { command: 'add', result: 4 } },
      count: 2,
    })
    expect(difference.differences[0]).toEqual({ path: 'state.counts["a"].value', old: 5, new: 4 })
    expect((await replay(dir, old, next, '--to', '5')).code).toBe(0)
  })

  test('of which one fails are found out, and it is said why', async () => {
    const dir = await data(['a', 1], ['a', -1])
    const { code, out } = await replay(dir, await build(), await build("if (by < 0) throw new Error('no way down'); return value + by"))
    expect(code).toBe(1)
    expect(out).toContain('Entry 5 of term 3: add { name: "a", by: -1 }\n')
    expect(out).toContain('the old build answers { command: "add", result: 0 }\nthe new build fails: the handler of add: no way down\n')
    expect(out).toContain('state.counts["a"].value is 0 in old and 1 in new\n')
  })

  test('that both fail are the same, whatever they say', async () => {
    const dir = await data(['a', 1])
    expect(await replay(dir, await build("throw new Error('a')"), await build("throw new Error('b')"))).toMatchObject({ code: 0 })
  })
})

describe('over versions', () => {
  const branched = 'return version < 2 ? value + by : value + 2 * by'

  test('a handler that branches on the version replays older entries as they were', async () => {
    const dir = await data(['a', 1], ['a', 4])
    expect(await replay(dir, await build(), await build(branched, 2))).toMatchObject({ code: 0 })
  })

  test('an activation is replayed by two builds that know both versions', async () => {
    const dir = await data(['a', 1], { activate: 2 }, ['a', 4])
    expect(await replay(dir, await build(branched, 2), await build(branched, 2))).toMatchObject({ code: 0 })
    const { code, out } = await replay(dir, await build(branched, 2), await build('return value + by', 2))
    expect(code).toBe(1)
    expect(out).toContain('Both builds do the same with entries 1 to 5 of data/1.\nEntry 6 of term 3: add { name: "a", by: 4 }\n')
    expect(out).toContain('state.counts["a"].value is 9 in old and 5 in new\n')
  })

  test('a build that does not know a version cannot go on where it is put in force', async () => {
    const dir = await data(['a', 1], { activate: 2 }, ['a', 4])
    const [old, next] = [await build(), await build(branched, 2)]
    const said = await replay(dir, old, next)
    expect(said.code).toBe(1)
    expect(said.out).toBe(`Both builds do the same with entries 1 to 4 of data/1.
Entry 5 of term 3: version 2 of the schema is put in force

the old build cannot go on: this build of the machine counter knows version 1 of its schema, not 2
`)
    expect(JSON.parse((await replay(dir, old, next, '--json')).out).difference).toMatchObject({ index: 5, old: { kind: 'stopped' } })
    expect(await replay(dir, old, next, '--to', '4')).toMatchObject({ code: 0 })
  })
})

describe('with snapshots', () => {
  const calls: readonly Call[] = [
    ['a', 1],
    ['b', 9],
    ['a', 2],
  ]

  test('a log is applied from its beginning all the same, or after the last one before --from', async () => {
    const [dir, plain] = [await data(...calls), await build()]
    for (const count of [4, 5]) await snapshot(dir, plain, entries(calls).slice(0, count))
    const next = await build('return by === 9 ? 0 : value + by')
    expect((await replay(dir, plain, next)).out).toContain('Both builds do the same with entries 1 to 4 of data/1.\nEntry 5')
    expect((await replay(dir, plain, next, '--from', '5')).out).toContain('Entry 5 of term 3: add { name: "b", by: 9 }\n')
    expect(await replay(dir, plain, next, '--from', '6')).toMatchObject({
      code: 0,
      out: 'Both builds do the same with entry 6 of data/1, after the snapshot of entry 5.\n',
    })
  })

  test('a log that begins later goes on from one', async () => {
    const all = entries(calls)
    const plain = await build()
    const dir = await write(all.slice(4), { id: { term: 3, index: 4 }, conf: confOf(1) })
    expect(await replay(dir, plain, plain)).toMatchObject({
      code: 2,
      err: `raftgen: the log of data/1 begins after entry 4, and there is no snapshot that both builds can begin with
  Take another node, or a copy of its directory from before.
`,
    })
    await snapshot(dir, plain, all.slice(0, 4))
    expect((await replay(dir, plain, plain)).out).toBe(
      'Both builds do the same with entries 5 to 6 of data/1, after the snapshot of entry 4.\n',
    )
  })

  test('one that a build cannot read is passed over, and both begin with what is before', async () => {
    const steps = [{ activate: 2 }, ['a', 1]] as const
    const [dir, both, first] = [await data(...steps), await build(undefined, 2), await build()]
    await snapshot(dir, both, entries(steps).slice(0, 4))
    for (const [old, next, label] of [
      [first, both, 'old'],
      [both, first, 'new'],
    ] as const) {
      const { err, out } = await replay(dir, old, next, '--from', '5')
      expect(err).toMatch(new RegExp(`snapshot-4-3 is passed over: the ${label} build cannot read it: .*version`))
      expect(out).toContain('Both builds do the same with entries 1 to 3 of data/1.\nEntry 4 of term 3: version 2')
    }
  })
})

describe('a build', () => {
  test('of a commit is all that was in the repository then', async () => {
    const folder = temporaryFolder()
    const schemaFile = await checkout(folder, undefined, 1)
    const git = (...args: readonly string[]): string => execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8' })
    git('init', '--quiet', '--initial-branch', 'main')
    writeFiles(folder, { '.gitignore': 'node_modules\n' })
    git('add', '.')
    git('-c', 'user.name=ann', '-c', 'user.email=ann@localhost', 'commit', '--quiet', '-m', 'first')
    const dir = await data(['a', 1], ['a', 4])
    writeFiles(folder, { 'handlers.ts': handlers('return value - by') })
    const status = git('status', '--porcelain')
    expect(await replay(dir, 'git:HEAD', 'git:HEAD')).toMatchObject({
      code: 2,
      err: 'raftgen: both builds are commits, and nothing says where the schema is\n  Name the schema file of one of the two.\n',
    })
    const { code, out } = await replay(dir, 'git:HEAD', schemaFile)
    expect(code).toBe(1)
    expect(out).toContain('Both builds do the same with entries 1 to 3 of data/1.\nEntry 4 of term 3: add { name: "a", by: 1 }\n')
    expect(git('status', '--porcelain')).toBe(status)
    expect((await replay(dir, 'git:nowhere', schemaFile)).err).toContain("--old: 'nowhere' is no commit of this repository")
  })

  test('whose version has another wire format is none of the same machine', async () => {
    const other = project({ 'schema.ts': schema(1).replace('by: Type.Integer()', 'by: Type.Number()'), 'handlers.ts': handlers() })
    await done([join(other, 'schema.ts')])
    const said = await replay(await data(['a', 1]), await build(), join(other, 'schema.ts'))
    expect(said.code).toBe(2)
    expect(said.err).toMatch(/^raftgen: version 1 has the wire format \w{16} in the old build, and \w{16} in the new one\n/)
  })
})

test('a directory that a node holds is not looked at', async () => {
  const dir = await data(['a', 1])
  const log = await LevelLog.open(dir)
  const schemaFile = await build()
  const said = await replay(dir, schemaFile, schemaFile)
  await closed(log)
  expect(said.code).toBe(2)
  expect(said.err).toMatch(/another process .*holds/)
})

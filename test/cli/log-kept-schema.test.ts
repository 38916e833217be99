// A data directory that says by itself what is in it: the build that wrote it is gone.
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { locksDescriptor } from '../../examples/locks/generated/index.ts'
import { keepSchema, readSchema } from '../../src/storage/schema-file.ts'
import { LevelLog } from '../../src/storage/level-log.ts'
import { encodeEnvelope } from '../../src/wire/envelope-codec.ts'
import { packValue } from '../../src/wire/value.ts'
import { command, type Said } from './in-process.ts'
import { append, closed, node } from './log-data.ts'
import { acquireBy, locksNode, stored } from './state-data.ts'
import { temporaryFolder } from './temporary-folder.ts'

let dir = ''
beforeEach(async () => {
  dir = await node(join(temporaryFolder(), '1'), { count: 3 })
  await keepSchema(dir, { machine: 'locks', versions: locksDescriptor.schema ?? [] })
})

async function raftgen(...args: readonly string[]): Promise<Said> {
  const { code, out, err } = await command(args)
  return { code, out: out.replaceAll(dir, 'data/1'), err: err.replaceAll(dir, 'data/1') }
}
const show = (...more: readonly string[]): Promise<Said> => raftgen('log', 'show', dir, ...more)

/** Of locks, where `release` is called `free` and has a reason. */
async function keepSecond(): Promise<void> {
  const [first] = (await readSchema(dir))?.versions ?? []
  const version = JSON.parse(first?.text ?? '')
  const release = { ...version.types.Release.fields[0], name: 'reason' }
  const types = { ...version.types, Release: { fields: [...version.types.Release.fields, release] } }
  const commands = { acquire: version.commands.acquire, free: { ...version.commands.release, was: 'release' } }
  await keepSchema(dir, { machine: 'locks', versions: [{ version: 2, text: JSON.stringify({ ...version, wire: 'w2', commands, types }) }] })
}

async function call(index: number, version: number, input: readonly string[]): Promise<void> {
  const log = await LevelLog.open(dir)
  const bytes = packValue([version, 2, [...input]])
  const data = encodeEnvelope({ kind: 'command', now: 0, session: 2, seq: index, ackedBelow: 1, version, command: bytes })
  await append(log, [{ term: 3, index, kind: 'command', data, conf: undefined }])
  await closed(log)
}

describe('without a schema on the command line', () => {
  test('a log is shown in the words that are kept beside it, and it is said which', async () => {
    const { code, out, err } = await show('--last', '1')
    expect([code, err]).toEqual([0, 'the schema in data/1/schema.json is used: locks, version 1\n'])
    expect(out).toContain('acquire { name: "orders/3", owner: "ann", ttlMs: 30000 }')
    expect((await show('--command', 'acquire', '--json')).out).toContain('"name":"orders/3"')
  })

  test('each entry is read in the version in which it is encoded', async () => {
    await keepSecond()
    await call(4, 1, ['orders/3', 'ann'])
    await call(5, 2, ['orders/3', 'ann', 'done'])
    const { out, err } = await show('--last', '2')
    expect(err).toContain('locks, versions 1, 2\n')
    expect(out).toContain('release { name: "orders/3", owner: "ann" }\n')
    expect(out).toContain('free { name: "orders/3", owner: "ann", reason: "done" }\n')
  })

  test('an entry of a version that nobody has left a schema of is shown as bytes', async () => {
    await call(4, 3, ['orders/3', 'ann'])
    expect((await show('--last', '1')).out).toContain(
      'command with tag 2 of version 3, 17 bytes: ["orders/3", "ann"] (the wire lock has no version 3)',
    )
  })

  test('one that is damaged is a finding, and a log is shown as bytes', async () => {
    await writeFile(join(dir, 'schema.json'), '{', { mode: 0o600 })
    const { code, out, err } = await show('--last', '1')
    expect([code, err]).toEqual([0, ''])
    expect(out).toContain('command with tag 1 of version 1')
    const verified = await raftgen('log', 'verify', dir)
    expect(verified.code).toBe(1)
    expect(verified.out).toContain(
      '  data/1/schema.json: it is not JSON\n    -> No node needs it: start this one, and it is written anew, with the versions that its build knows.\n',
    )
    expect(verified.out).toContain('data/1 is whole.')
  })

  test('one of another machine than wrote the log is not used', async () => {
    await rm(join(dir, 'schema.json'))
    await keepSchema(dir, { machine: 'bank', versions: locksDescriptor.schema ?? [] })
    const { out, err } = await show('--last', '1')
    expect(err).toBe('data/1 holds a log of the machine locks, and data/1/schema.json is of bank; commands are shown as bytes\n')
    expect(out).toContain('command with tag 1 of version 1')
  })

  test('nothing is known where nothing is kept', async () => {
    await rm(join(dir, 'schema.json'))
    expect((await show('--last', '1')).err).toBe('')
    expect((await show('--command', 'acquire')).err).toContain('--command needs --schema')
  })
})

test('`log verify` says what is kept', async () => {
  await keepSecond()
  const { out } = await raftgen('log', 'verify', dir)
  expect(out).toContain('\nschema      of locks, versions 1, 2\n')
  expect(JSON.parse((await raftgen('log', 'verify', dir, '--json')).out).schema).toEqual({ machine: 'locks', versions: [1, 2] })
})

test('a repair leaves it where it is', async () => {
  const before = await readFile(join(dir, 'schema.json'), 'utf8')
  await raftgen('log', 'repair', dir, '--yes')
  expect(await readFile(join(dir, 'schema.json'), 'utf8')).toBe(before)
})

test('states are compared in the words that one of the nodes keeps', async () => {
  const [a, b] = [locksNode(), locksNode()]
  acquireBy(a, 'orders/1', 'ann')
  acquireBy(b, 'orders/1', 'bob')
  const folder = temporaryFolder()
  const dirs = [await stored(a, join(folder, 'a')), await stored(b, join(folder, 'b'))]
  await keepSchema(dirs[1] ?? '', { machine: 'locks', versions: locksDescriptor.schema ?? [] })
  const { out, err } = await command(['state', 'diff', ...dirs])
  expect(err).toBe(`the schema in ${dirs[1]}/schema.json is used: locks, version 1\n`)
  expect(out).toContain(`state.leases["orders/1"].owner is "ann" in ${dirs[0]} and "bob" in ${dirs[1]}`)
})

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { built } from './built.ts'
import { add, counterSchema, project, reset, textOf } from './project.ts'
import { command } from './in-process.ts'
import { type Ended, linkPackages, raftgen } from './raftgen.ts'
import { temporaryFolder, writeFiles } from './temporary-folder.ts'

beforeAll(built, 180_000)

/** Version 2 of the counter: a default, a new command, and what is asked for in `by`. */
const second = (by = 'by: Type.Integer({ minimum: 1 }), note: Type.String()'): string =>
  counterSchema({ commands: `${add.replace('by: Type.Integer()', by)}\n${reset}` }).replace('version: 1', 'version: 2')
const required = 'schema.ts:11:53 warning EVOLVE_FIELD_ADDED_REQUIRED Add.note is new and required, in the input of add'

function git(folder: string, ...args: readonly string[]): void {
  const identity = ['-c', 'user.name=a', '-c', 'user.email=a@example.org', '-c', 'commit.gpgsign=false', '-c', 'init.defaultBranch=main']
  execFileSync('git', [...identity, ...args], { cwd: folder, stdio: 'ignore' })
}
function commit(folder: string, message: string): void {
  git(folder, 'add', 'schema.ts', 'counter.wire.json')
  git(folder, 'commit', '-q', '-m', message)
}
/** A repository whose branch `main` has version 1 frozen. */
async function repository(): Promise<string> {
  const folder = project()
  await prepare(folder, 'freeze')
  git(folder, 'init', '-q')
  commit(folder, 'version 1')
  git(folder, 'checkout', '-q', '-b', 'topic')
  return folder
}
/** Generates, or freezes, without the second that a process takes. */
async function prepare(folder: string, what: 'generate' | 'freeze'): Promise<void> {
  const { code, err } = await command([what, join(folder, 'schema.ts')])
  if (code !== 0) throw new Error(err)
}
const check = (folder: string, ...args: readonly string[]): Promise<Ended> =>
  raftgen(folder, ['check', 'schema.ts', '--only', 'evolution', ...args])

/** The lines around a place are told of in code-frame.test.ts. */
const withoutFrames = (said: string): string => said.replace(/^ {2}[> ] *\d* +\| ?.*\n/gm, '')

describe('raftgen schema.ts', () => {
  test('tells what was edited since the frozen version: migrations as warnings, and a summary', async () => {
    const folder = project()
    await prepare(folder, 'freeze')
    writeFiles(folder, { 'schema.ts': second() })

    const { code, err } = await raftgen(folder, ['schema.ts'])

    expect(code).toBe(0)
    expect(withoutFrames(err).split('\n')).toEqual([
      expect.stringMatching(
        /^schema\.ts:11:\d+ warning EVOLVE_BOUND_NARROWED the bound minimum of Add\.by was none and is 1, in the input of add$/,
      ),
      '  Keep the bound, and refuse in the handler. Else: say in `migrations.ts` what becomes of values of the older version that do not fit.',
      expect.stringMatching(/^schema\.ts:11:\d+ warning EVOLVE_FIELD_ADDED_REQUIRED Add\.note is new and required, in the input of add$/),
      '  Give it a default, or make it optional. Else: say in `migrations.ts` what becomes of values of the older version.',
      'counter: 6 created, 9 updated, 0 removed, 0 unchanged; stubs in handlers.ts: reset; to be written in migrations.ts: upcastAddV1toV2; 2 warnings',
      'edits since version 1: 1 safe, 2 need a migration',
      '',
    ])
  })

  test('writes nothing where something breaks, unless the schema says that it is gone on purpose', async () => {
    const folder = project()
    await prepare(folder, 'freeze')
    const gone = counterSchema({ commands: reset }).replace('version: 1', 'version: 2')
    writeFiles(folder, { 'schema.ts': gone })

    const broken = await raftgen(folder, ['schema.ts', '--json'])
    expect(broken.code).toBe(1)
    expect(JSON.parse(broken.out)).toMatchObject({
      ok: false,
      updated: [],
      diagnostics: [{ severity: 'error', code: 'EVOLVE_COMMAND_REMOVED', line: 9, message: 'the command add is gone' }],
      evolution: {
        since: 1,
        findings: [
          { rule: 'EVOLVE_COMMAND_ADDED', level: 'safe' },
          { rule: 'EVOLVE_COMMAND_REMOVED', level: 'breaking' },
        ],
      },
    })

    writeFiles(folder, { 'schema.ts': gone.replace('  commands:', "  retired: { commands: ['add'] },\n  commands:") })
    const { code, err } = await raftgen(folder, ['schema.ts'])
    expect(code).toBe(0)
    expect(err).toMatch(/\nedits since version 1: 2 safe\n$/)
  })
})

describe('raftgen check --only evolution', () => {
  test('compares with what is frozen here; a migration is no failure, and no handlers are needed', async () => {
    const folder = project()
    await prepare(folder, 'freeze')
    writeFiles(folder, { 'schema.ts': second('by: Type.Integer(), note: Type.String()') })

    const { code, out, err } = await check(folder, '--handlers', 'nowhere.ts')

    expect(code).toBe(0)
    expect(withoutFrames(out).replace(/^schema\.ts:11:\d+/, 'schema.ts:11:53')).toBe(
      `${required}\n  Give it a default, or make it optional. Else: say in \`migrations.ts\` what becomes of values of the older version.\n`,
    )
    expect(err).toBe('evolution: schema.ts, edits since version 1: 1 safe, 1 needs a migration; 1 warning\n')
  })

  test('with --json every finding is an object on a line of its own, safe ones too', async () => {
    const folder = await repository()
    writeFiles(folder, { 'schema.ts': second('by: Type.Integer(), note: Type.String()') })

    const { code, out, err } = await check(folder, '--against', 'main', '--json')

    expect({ code, err }).toEqual({
      code: 0,
      err: 'evolution: schema.ts, edits since version 1 at main: 1 safe, 1 needs a migration; 1 warning\n',
    })
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line))
    expect(lines).toMatchObject([
      {
        part: 'evolution',
        severity: 'warning',
        code: 'EVOLVE_FIELD_ADDED_REQUIRED',
        level: 'migration',
        subject: 'command',
        file: 'schema.ts',
        line: 11,
        after: 'string',
      },
      {
        part: 'evolution',
        code: 'EVOLVE_COMMAND_ADDED',
        level: 'safe',
        subject: 'command',
        line: 13,
        after: 'reset',
        message: 'the command reset is new',
      },
    ])
    expect(lines[1]).not.toHaveProperty('severity')
  })

  test('what breaks ends with 1', async () => {
    const folder = await repository()
    writeFiles(folder, { 'schema.ts': second().replace('output: Type.Integer() },\n  },', 'output: Type.Number() },\n  },') })

    const { code, out } = await check(folder, '--against', 'main')

    expect(code).toBe(1)
    expect(out).toContain('error EVOLVE_INTEGER_WIDENED read.output was an integer and is a number, in the result of read\n')
  })

  test('an open version promises nothing: what breaks is a warning', async () => {
    const folder = project()
    await prepare(folder, 'generate')
    git(folder, 'init', '-q')
    commit(folder, 'version 1, open')
    writeFiles(folder, { 'schema.ts': counterSchema({ commands: reset }) })

    const { code, out, err } = await check(folder, '--against', 'HEAD')

    expect(code).toBe(0)
    expect(out).toMatch(/^schema\.ts:9:3 warning EVOLVE_COMMAND_REMOVED the command add is gone\n/)
    expect(err).toBe(
      'evolution: version 1 is open at HEAD: nothing is promised there, so what breaks is a warning\n' +
        'evolution: schema.ts, edits since version 1 at HEAD: 1 safe, 1 breaking; 1 warning\n',
    )
  })

  test('a schema that is new, and a version that is retired, have nothing to be compared with', async () => {
    const folder = await repository()
    writeFiles(folder, { 'schema.ts': second().replace('  state:', '  retired: { versions: [1] },\n  state:') })
    expect(await check(folder, '--against', 'main')).toEqual({
      code: 0,
      out: '',
      err: 'evolution: version 1, the newest at main, is retired: there is nothing to compare with\nevolution: schema.ts; nothing found\n',
    })

    writeFiles(folder, { 'schema.ts': counterSchema().replace("'counter'", "'other'") })
    expect(await check(folder, '--against', 'main')).toEqual({
      code: 0,
      out: '',
      err: 'evolution: there is no other.wire.json at main: nothing is promised there\nevolution: schema.ts; nothing found\n',
    })
  })

  test('a wire lock can be named by its path; one of another machine is found out', async () => {
    const folder = await repository()
    const lock = textOf(folder, 'counter.wire.json')
    writeFiles(folder, { 'old/counter.wire.json': lock, 'old/shop.wire.json': lock.replace('"machine": "counter"', '"machine": "shop"') })

    expect(await check(folder, '--against', 'old/counter.wire.json')).toMatchObject({
      code: 0,
      out: '',
      err: 'evolution: schema.ts, edits since version 1 at old/counter.wire.json: none; nothing found\n',
    })
    const { code, out } = await check(folder, '--against', 'old/shop.wire.json')
    expect(code).toBe(1)
    expect(out).toContain('schema.ts:5:3 error EVOLVE_MACHINE_RENAMED the machine was called shop and is called counter\n')
  })
})

describe('LOCK_CONFLICT', () => {
  const conflicts = ({ out }: Ended): readonly string[] => out.split('\n').filter((line) => line.includes('LOCK_CONFLICT'))
  async function onMain(folder: string, schema: string, what: 'generate' | 'freeze' = 'generate'): Promise<void> {
    git(folder, 'checkout', '-q', '-f', 'main')
    writeFiles(folder, { 'schema.ts': schema })
    await prepare(folder, what)
    commit(folder, 'on main')
    git(folder, 'checkout', '-q', '-f', 'topic')
  }
  const withCommand = (name: string): string =>
    counterSchema({ commands: `${add}\n    ${name}: { input: Type.Object({}) },` }).replace('version: 1', 'version: 2')

  test('two branches have begun the same version, each in its own way', async () => {
    const folder = await repository()
    await onMain(folder, withCommand('theirs'))
    writeFiles(folder, { 'schema.ts': withCommand('ours') })
    await prepare(folder, 'generate')

    const ended = await check(folder, '--against', 'main')

    expect(ended.code).toBe(1)
    expect(conflicts(ended)).toEqual([
      'counter.wire.json error LOCK_CONFLICT version 2 was begun at main and here as well, where the command theirs is gone',
    ])
  })

  test('one branch alone may change an open version, and go on from what the other has merged', async () => {
    const folder = await repository()
    await onMain(folder, withCommand('theirs'))
    expect(conflicts(await check(folder, '--against', 'main'))).toEqual([])

    git(folder, 'merge', '-q', 'main')
    const both = withCommand('theirs')
      .replace('  queries:', '  queries:')
      .replace('theirs:', 'ours: { input: Type.Object({}) },\n    theirs:')
    writeFiles(folder, { 'schema.ts': both })
    await prepare(folder, 'generate')
    expect(await check(folder, '--against', 'main')).toMatchObject({ code: 0, out: '' })
  })

  test('a version that is frozen there is missing, open or another one here', async () => {
    const folder = await repository()
    await onMain(folder, withCommand('theirs'), 'freeze')
    const missing = await check(folder, '--against', 'main')
    expect(missing.code).toBe(1)
    expect(conflicts(missing)).toEqual([
      'counter.wire.json error LOCK_CONFLICT version 2 is frozen at main, and the wire lock here does not have it',
    ])

    writeFiles(folder, { 'schema.ts': withCommand('theirs') })
    await prepare(folder, 'generate')
    expect(conflicts(await check(folder, '--against', 'main'))).toEqual([
      'counter.wire.json error LOCK_CONFLICT version 2 is frozen at main, and open here',
    ])

    const lock = join(folder, 'counter.wire.json')
    writeFiles(folder, { 'schema.ts': withCommand('ours') })
    await prepare(folder, 'generate')
    writeFileSync(lock, readFileSync(lock, 'utf8').replace('"open"', '"frozen"'))
    expect(conflicts(await check(folder, '--against', 'main'))).toEqual([
      'counter.wire.json error LOCK_CONFLICT version 2 is frozen at main, and here the command theirs is gone',
    ])
  })
})

describe('wrong use, exit code 2', () => {
  test.each([
    [
      ['--against', 'mian'],
      "--against: 'mian' is neither a file nor a commit of this repository\n  Correct it; in a shallow clone fetch it first: git fetch origin main, then --against FETCH_HEAD.\n",
    ],
    [['--against', '--all'], /^error: |argument missing|neither a file nor a commit/],
    [['--against', 'gone.wire.json'], '--against: there is no file gone.wire.json\n  Correct the path, or name a commit.\n'],
    [['--against', '.'], '--against: . is a folder\n  Name the wire lock in it, or a commit.\n'],
    [
      ['--against', 'package.json'],
      '--against: package.json: the wire lock is not one that this release of raftgen can read\n  Restore it from version control, or use the release that wrote it.\n',
    ],
    [
      ['--against', 'schema.ts'],
      '--against: schema.ts: the wire lock is not JSON\n  Restore it from version control; where two branches meet, take one side and run raftgen again.\n',
    ],
    [
      ['--against', 'main', '--only', 'lint'],
      '--against is of the part evolution, which --only leaves out\n  Leave one of the two out, or name the part.\n',
    ],
  ])('%j', async (args, expected) => {
    const folder = project()
    git(folder, 'init', '-q')
    const { code, out, err } = await check(folder, ...args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    if (typeof expected === 'string') expect(err).toBe(`raftgen: ${expected}`)
    else expect(err).toMatch(expected)
  })

  test('where there is no version control, that is said', async () => {
    const loose = temporaryFolder({ 'package.json': '{ "type": "module" }', 'schema.ts': counterSchema() })
    linkPackages(loose)
    expect(await check(loose, '--against', 'main')).toMatchObject({
      code: 2,
      err: 'raftgen: --against: there is no file main, and the schema is in no git repository\n  Name a wire lock, or run it where the schema is under version control.\n',
    })
  })
})

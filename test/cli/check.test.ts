import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { built, repository } from './built.ts'
import { project } from './project.ts'
import { linkPackages, raftgen } from './raftgen.ts'
import { temporaryFolder, writeFiles } from './temporary-folder.ts'

beforeAll(built, 180_000)

const wolf = `export const handlers = {
  add: () => Date.now(),
  read: () => 'a'.localeCompare('b'),
}
`
const clock = 'Take the time from ctx.now: the same on every replica, and it never goes backwards.'

describe('raftgen check', () => {
  test('findings go to stdout with their place and what to write, the rest to stderr; the code is 1', async () => {
    const folder = project()
    writeFiles(folder, { 'handlers.ts': wolf })
    expect(await raftgen(folder, ['check', 'schema.ts', '--only', 'lint'])).toEqual({
      code: 1,
      out:
        'handlers.ts:2:14 error CLOCK Date.now reads the clock of its machine\n' +
        '    1 | export const handlers = {\n' +
        '  > 2 |   add: () => Date.now(),\n' +
        '      |              ^^^^^^^^\n' +
        "    3 |   read: () => 'a'.localeCompare('b'),\n" +
        `  ${clock}\n` +
        "handlers.ts:3:19 error LOCALE 'a'.localeCompare depends on the language of its machine and on the ICU of its Node\n" +
        '    2 |   add: () => Date.now(),\n' +
        "  > 3 |   read: () => 'a'.localeCompare('b'),\n" +
        '      |                   ^^^^^^^^^^^^^\n' +
        '    4 | }\n' +
        '  Sort by code unit: (a, b) => (a < b ? -1 : a > b ? 1 : 0). Tables are sorted that way already.\n',
      err: 'lint: handlers.ts; 2 errors\n',
    })
  })

  test('with --json each finding is an object on a line of its own', async () => {
    const folder = project()
    writeFiles(folder, { 'handlers.ts': wolf })
    const { code, out } = await raftgen(folder, ['check', 'schema.ts', '--only', 'lint', '--json'])
    expect(code).toBe(1)
    const [first, second, ...rest] = out.split('\n')
    expect(JSON.parse(first ?? '')).toEqual({
      part: 'lint',
      severity: 'error',
      code: 'CLOCK',
      file: 'handlers.ts',
      line: 2,
      column: 14,
      endLine: 2,
      endColumn: 22,
      message: 'Date.now reads the clock of its machine',
      hint: clock,
    })
    expect(JSON.parse(second ?? '')).toMatchObject({ code: 'LOCALE', line: 3 })
    expect(rest).toEqual([''])
  })

  test('warnings are no failure, and what was not looked into is said', async () => {
    const folder = project()
    writeFiles(folder, { 'src/handlers.ts': "import { z } from 'zod'\nimport './b.js'\nconsole.log(z)\n", 'src/b.ts': 'export {}\n' })
    const { code, out, err } = await raftgen(folder, ['check', 'schema.ts', '--handlers', 'src/handlers.ts', '--only', 'lint'])
    expect(code).toBe(0)
    expect(out).toMatch(/^src\/handlers\.ts:3:1 warning OUTPUT console\.log is no state/)
    expect(err).toBe('lint: not looked into: zod\nlint: src/handlers.ts and 1 module that it imports; 1 warning\n')
  })

  test('nothing found: nothing on stdout, and the code is 0', async () => {
    const folder = project()
    await raftgen(folder, ['schema.ts'])
    expect(await raftgen(folder, ['check', 'schema.ts', '--only', 'lint', '--json'])).toEqual({
      code: 0,
      out: '',
      err: 'lint: handlers.ts; nothing found\n',
    })
  })

  test.each([
    [['nowhere.ts'], 'raftgen: there is no schema file nowhere.ts\n  Correct the path, or start with `raftgen init <dir>`.\n'],
    [
      ['schema.ts'],
      'raftgen: there is no file of handlers handlers.ts\n  Run `raftgen schema.ts`, which makes one, or name yours with --handlers.\n',
    ],
    [['schema.ts', '--handlers', 'schema.ts'], 'raftgen: schema.ts is the file of the handlers\n  Name the schema file.\n'],
    [['schema.ts', '--only', 'lint,corpse'], "raftgen: --only: 'corpse' is no part of check\n  Did you mean corpus?\n"],
    [['schema.ts', '--only', 'lnt'], "raftgen: --only: 'lnt' is no part of check\n  Did you mean lint?\n"],
    [['schema.ts', '--fix'], "raftgen: unknown option '--fix'\n  `raftgen check --help` shows how it is used.\n"],
  ])('wrong use, exit code 2: check %j', async (args, err) => {
    expect(await raftgen(project(), ['check', ...args])).toEqual({ code: 2, out: '', err })
  })
})

describe('nothing is found in what we hand over', () => {
  test.each(['examples/counter', 'examples/locks', 'examples/locks-v2', 'test/bench/kv'])('%s', async (folder) => {
    const { code, out } = await raftgen(join(repository, folder), ['check', 'schema.ts', '--cases', '30'])
    expect({ code, out }).toEqual({ code: 0, out: '' })
  })

  test('the project of raftgen init', async () => {
    const folder = temporaryFolder()
    await raftgen(folder, ['init', 'svc'])
    const svc = join(folder, 'svc')
    linkPackages(svc)
    await raftgen(svc, ['schema.ts'])
    const { code, out, err } = await raftgen(svc, ['check', 'schema.ts', '--cases', '30'])
    expect([code, out]).toEqual([0, ''])
    expect(err).toMatch(
      /^lint: handlers\.ts; nothing found\nevolution: schema\.ts: nothing that is needed is frozen before it; nothing found\ncorpus: \w+\.corpus\.json: 0 versions; nothing found\n(?:properties: \d+ of 30 cases hold\n)*properties: handlers\.ts, seed 1: 30 cases with .*; nothing found\n$/,
    )
  })
})

test('a small project is looked through in less than two seconds, the compiler once loaded', async () => {
  const { lint } = await import('../../codegen/check/lint.ts')
  const folder = join(repository, 'examples/locks')
  const options = { schemaFile: join(folder, 'schema.ts'), handlersFile: join(folder, 'handlers.ts'), cwd: folder }
  await lint(options)

  const start = process.cpuUsage()
  const { files } = await lint(options)
  const { user } = process.cpuUsage(start)

  expect(files).toEqual(['handlers.ts'])
  // Of our own work; the clock also counts what else the machine does.
  expect(user / 1_000).toBeLessThan(2_000)
})

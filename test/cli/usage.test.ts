import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { ownPackage } from '../../src/cli/own-package.ts'
import { built } from './built.ts'
import { raftgen } from './raftgen.ts'
import { temporaryFolder } from './temporary-folder.ts'

beforeAll(built, 180_000)

test('--version prints the version of the package on stdout', async () => {
  expect(await raftgen(temporaryFolder(), ['--version'])).toEqual({ code: 0, out: `${ownPackage().version}\n`, err: '' })
})

test('--help names every command and every exit code', async () => {
  const { code, out, err } = await raftgen(temporaryFolder(), ['--help'])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  for (const word of [
    'generate',
    'check',
    'init',
    'bootstrap',
    'freeze',
    'cluster',
    'log',
    'state',
    '0  fine',
    '1  findings',
    '2  wrong use',
    '3  a bug',
  ])
    expect(out).toContain(word)
})

test('--help shows the options of generating, which is what raftgen is run for', async () => {
  const { out } = await raftgen(temporaryFolder(), ['--help'])
  const section = /\nOptions of generating:\n((?: {2}.+\n)+)/.exec(out)?.[1] ?? ''
  const shown = [...section.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, option]) => option)
  expect(shown.sort()).toEqual(['--check', '--handlers', '--import-extension', '--json', '--out', '--watch'])
})

test('without anything to do the help goes to stderr, and it was wrong use', async () => {
  const { code, out, err } = await raftgen(temporaryFolder(), [])
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(err).toContain('Usage: raftgen <schema.ts...> [options]')
})

const wrong: readonly (readonly [string, readonly string[], string])[] = [
  ['a mistyped command', ['inti'], "raftgen: 'inti' is neither a schema file nor a command\n  Did you mean `raftgen init`?\n"],
  [
    'a word that resembles none',
    ['frobnicate'],
    "raftgen: 'frobnicate' is neither a schema file nor a command\n  Run `raftgen --help` for the commands.\n",
  ],
  [
    'a schema file that is not there',
    ['none.schema.ts'],
    'raftgen: there is no schema file none.schema.ts\n  Correct the path, or start with `raftgen init <dir>`.\n',
  ],
  ['a folder instead of a schema file', ['folder'], 'raftgen: folder is a folder\n  Name the schema file in it.\n'],
  ['a mistyped option', ['schema.ts', '--chek'], "raftgen: unknown option '--chek'\n  Did you mean --check?\n"],
  [
    'an option of another command',
    ['freeze', 'schema.ts', '--check'],
    "raftgen: unknown option '--check'\n  `raftgen freeze --help` shows how it is used.\n",
  ],
  [
    'a mistyped command with its argument',
    ['inti', 'svc'],
    "raftgen: 'inti' is neither a schema file nor a command\n  Did you mean `raftgen init`?\n",
  ],
  [
    'schema files that are not there',
    ['a.ts', 'b.ts'],
    ['a.ts', 'b.ts']
      .map((file) => `raftgen: there is no schema file ${file}\n  Correct the path, or start with \`raftgen init <dir>\`.\n`)
      .join(''),
  ],
  [
    'an extension that there is not',
    ['schema.ts', '--import-extension', 'mjs'],
    "raftgen: option '--import-extension <extension>' argument 'mjs' is invalid. Allowed choices are js, ts.\n  `raftgen --help` shows how it is used.\n",
  ],
  [
    '--check together with --watch',
    ['schema.ts', '--check', '--watch'],
    'raftgen: --check and --watch exclude each other\n  Leave one of them out.\n',
  ],
  [
    'a bootstrap without its options',
    ['bootstrap'],
    "raftgen: required option '--dir <dir>' not specified\n  `raftgen bootstrap --help` shows how it is used.\n",
  ],
  [
    'a member that is none',
    ['bootstrap', '--dir', 'd', '--id', '1', '--cluster', 'c', '--member', '1:a'],
    'raftgen: --member 1:a is not a member\n  Write <id>=<peer host:port>,<client host:port>, for example 1=10.0.0.1:7001,10.0.0.1:7101.\n',
  ],
  [
    'an id that is none',
    ['bootstrap', '--dir', 'd', '--id', 'one', '--cluster', 'c', '--member', '1=a:1,a:2'],
    "raftgen: --id: 'one' is not the id of a node\n  Ids are whole numbers from 1.\n",
  ],
]

test.each(wrong)('wrong use, exit code 2, nothing on stdout: %s', async (_, args, err) => {
  const folder = temporaryFolder({ 'schema.ts': 'export default 1\n' })
  mkdirSync(join(folder, 'folder'))
  expect(await raftgen(folder, args)).toEqual({ code: 2, out: '', err })
  expect(existsSync(join(folder, 'generated'))).toBe(false)
})

test('with --json wrong use is one object on stdout, too, be it found by the parser of arguments', async () => {
  const parsed = await raftgen(temporaryFolder(), ['cluster', 'status', '--json'])
  expect(JSON.parse(parsed.out)).toEqual({
    ok: false,
    error: {
      exitCode: 2,
      message: "required option '--server <host:port>' not specified",
      hint: '`raftgen cluster status --help` shows how it is used.',
    },
  })
  const { code, out } = await raftgen(temporaryFolder(), ['inti', '--json'])
  expect(code).toBe(2)
  expect(JSON.parse(out)).toEqual({
    ok: false,
    error: { exitCode: 2, message: "'inti' is neither a schema file nor a command", hint: 'Did you mean `raftgen init`?' },
  })
})

describe('bootstrap', () => {
  const member = ['--member', '1=127.0.0.1:7001,127.0.0.1:7101']

  test('makes the data directory of a node', async () => {
    const folder = temporaryFolder()
    expect(await raftgen(folder, ['bootstrap', '--dir', 'data/1', '--id', '1', '--cluster', 'dev', ...member])).toEqual({
      code: 0,
      out: '',
      err:
        'node 1 of cluster dev may start on data/1; members: 1\n' +
        'Once per node and cluster: should data/1 be lost, do not bootstrap node 1 again, but start it with `join`.\n',
    })
    expect(existsSync(join(folder, 'data/1'))).toBe(true)
  })

  test('never touches a data directory that is there', async () => {
    const folder = temporaryFolder()
    const args = ['bootstrap', '--dir', 'data/1', '--id', '1', '--cluster', 'dev', ...member]
    await raftgen(folder, args)
    const { code, err } = await raftgen(folder, args)
    expect(code).toBe(2)
    expect(err).toContain('DATA_DIR_EXISTS. Choose another directory, or run the node that is there.')
  })

  test('a wrong address is refused with its place', async () => {
    const args = ['bootstrap', '--dir', 'd', '--id', '1', '--cluster', 'dev', '--member', '1=localhost,localhost:7101']
    const { code, err } = await raftgen(temporaryFolder(), args)
    expect(code).toBe(2)
    expect(err).toContain('members[0].peer is "localhost", it must be host:port')
  })
})

import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { nodeFinding } from '../../src/cli/doctor-packages.ts'
import { tsconfigFinding } from '../../src/cli/doctor-tsconfig.ts'
import { repository } from './built.ts'
import { command, type Said } from './in-process.ts'
import { counterSchema, fileTimes, project, textOf } from './project.ts'
import { writeFiles } from './temporary-folder.ts'

vi.setConfig({ testTimeout: 120_000 })

const tsconfig = '{ "compilerOptions": { "strict": true, "target": "es2022", "module": "nodenext" } }'
const written = `import type { CounterHandlers } from './generated/index.js'
export const handlers: CounterHandlers = { add: (state, { by }) => (state.value += by), read: (state) => state.value }
`

/** In the folder of a project, as its user would be. */
async function inFolder(folder: string, args: readonly string[]): Promise<Said> {
  vi.spyOn(process, 'cwd').mockReturnValue(folder)
  onTestFinished(() => void vi.restoreAllMocks())
  return await command(args)
}
const git = (folder: string, ...args: readonly string[]): string =>
  execFileSync('git', ['-C', folder, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { encoding: 'utf8', stdio: 'pipe' })

/** Of one machine: generated, frozen, committed, its handlers written. */
async function healthy(): Promise<string> {
  const folder = project({
    'schema.ts': counterSchema(),
    'tsconfig.json': tsconfig,
    'handlers.ts': written,
    '.gitignore': 'node_modules\n',
  })
  await inFolder(folder, [join(folder, 'schema.ts')])
  await inFolder(folder, ['freeze', join(folder, 'schema.ts')])
  git(folder, 'init', '--quiet')
  git(folder, 'add', '.')
  git(folder, 'commit', '--quiet', '-m', 'all')
  return folder
}

/** Lines that are not ok, each with its way out. */
async function troubles(folder: string, args: readonly string[] = []): Promise<readonly string[]> {
  const { out } = await inFolder(folder, ['doctor', ...args, '--json'])
  const { checks }: { checks: readonly { check: string; state: string; file?: string; message: string; wayOut?: string }[] } =
    JSON.parse(out)
  return checks
    .filter(({ state }) => state !== 'ok')
    .map(({ check, state, file, message, wayOut }) => `${state} ${check} ${file === undefined ? '' : `${file}: `}${message} | ${wayOut}`)
}

test('a project that is well is said to be, check by check, and nothing is written', async () => {
  const folder = await healthy()
  const before = fileTimes(folder)
  const { code, out, err } = await inFolder(folder, ['doctor'])
  expect(out).toBe(`ok       node       ${process.versions.node}
ok       raftgen    0.1.0
ok       typebox    1.4.3
ok       schema     schema.ts: counter, version 1
ok       generated  generated: 7 files up to date
ok       handlers   handlers.ts: all there
ok       lock       counter.wire.json: committed
ok       version    schema.ts: version 1 is frozen
ok       tsconfig   schema.ts: compiles generated code
`)
  expect({ code, err }).toEqual({ code: 0, err: 'doctor: 9 checks, all is well\n' })
  expect(fileTimes(folder)).toEqual(before)
})

test('what is wrong is told with the way out, and is a finding', async () => {
  const folder = project({ 'schema.ts': counterSchema() })
  const { code, out, err } = await inFolder(folder, ['doctor'])
  expect(code).toBe(1)
  expect(out).toContain(`error    handlers   handlers.ts: there are no handlers
                    npx raftgen schema.ts begins them.
`)
  expect(out).toContain(`warning  tsconfig   schema.ts: there is no tsconfig.json in its folder or above
`)
  expect(err).toBe('doctor: 9 checks, 3 errors, 2 warnings\n')
})

describe('what is looked for', () => {
  test('a schema with errors', async () => {
    const folder = await healthy()
    writeFiles(folder, { 'schema.ts': counterSchema({ commands: '    then: { input: Type.Object({}) },' }) })
    expect(await troubles(folder)).toEqual([
      'error schema schema.ts: 1 error: NAME_RESERVED the command is called "then", which every object or client has already | npx raftgen schema.ts says where.',
    ])
  })

  test('generated code that is out of date, and one that was edited by hand', async () => {
    const folder = await healthy()
    writeFiles(folder, { 'schema.ts': counterSchema().replace('Adds to', 'Adds something to') })
    expect(await troubles(folder)).toEqual([
      'error generated generated: out of date: generated/types.ts, generated/client.ts | npx raftgen schema.ts',
    ])

    writeFiles(folder, { 'schema.ts': counterSchema() })
    utimesSync(join(folder, 'schema.ts'), 1_000, 1_000)
    writeFiles(folder, { 'generated/types.ts': `${textOf(folder, 'generated/types.ts')}// mine\n` })
    expect(await troubles(folder)).toEqual([
      'error generated generated: changed after the schema was, as if by hand: generated/types.ts | What is in them is lost with the next run: move it to a file of yours, then npx raftgen schema.ts',
    ])
  })

  test('handlers that are missing, and stubs that nobody has written', async () => {
    const folder = await healthy()
    writeFiles(folder, { 'handlers.ts': written.replace(', read: (state) => state.value', '') })
    expect(await troubles(folder)).toEqual(['error handlers handlers.ts: none of read | npx raftgen schema.ts inserts stubs.'])
    await inFolder(folder, [join(folder, 'schema.ts')])
    expect(await troubles(folder)).toEqual([
      'warning handlers handlers.ts: not written yet: read | Calls of them are answered with HANDLER_FAILED: write them.',
    ])
  })

  test('a wire lock that has changes, is untracked, is ignored, is gone, or is in no repository', async () => {
    const folder = await healthy()
    const lock = 'counter.wire.json'
    const said = async (): Promise<readonly string[]> => (await troubles(folder)).filter((line) => line.includes(' lock '))
    const add = 'git add counter.wire.json && git commit'
    const text = textOf(folder, lock)
    writeFiles(folder, { [lock]: `${text}\n` })
    expect(await said()).toEqual([`warning lock ${lock}: it has changes that are not committed | ${add}`])
    writeFiles(folder, { [lock]: text })
    git(folder, 'rm', '--cached', '--quiet', lock)
    expect(await said()).toEqual([`error lock ${lock}: it is not under version control: others would begin another | ${add}`])
    writeFiles(folder, { '.gitignore': '*.json\n' })
    expect(await said()).toEqual([
      `error lock ${lock}: git ignores it: others would begin another | Take it out of .gitignore, and commit it.`,
    ])
    rmSync(join(folder, '.git'), { recursive: true })
    expect(await said()).toEqual([
      `warning lock ${lock}: it is in no git repository | Put the project under version control: what the lock keeps cannot be made again.`,
    ])
    rmSync(join(folder, lock))
    expect(await said()).toEqual([
      `error lock ${lock}: there is no wire lock | Take it from version control; if there never was one: raftgen schema.ts`,
    ])
  })

  test('an open version, and a wire lock without a schema', async () => {
    const folder = project({ 'schema.ts': counterSchema(), 'tsconfig.json': tsconfig, 'handlers.ts': written })
    await inFolder(folder, [join(folder, 'schema.ts')])
    writeFiles(folder, { 'old.wire.json': '{}' })
    expect((await troubles(folder)).filter((line) => !line.includes('git'))).toEqual([
      'warning version schema.ts: version 1 of counter is open: servers refuse it but with development: true | Before it is deployed: npx raftgen freeze schema.ts',
      'warning lock old.wire.json: there is no schema of old beside it | A machine was renamed, or its schema was moved: take the wire lock along, or delete it where no data of that machine is left.',
    ])
  })

  test('raftgen and TypeBox that are missing, there twice, or of another version', async () => {
    const folder = await healthy()
    mkdirSync(join(folder, 'node_modules/other/node_modules/raftgen'), { recursive: true })
    writeFiles(folder, { 'node_modules/other/node_modules/raftgen/package.json': '{ "version": "0.0.9" }' })
    const [twice, ...others] = await troubles(folder)
    expect(others).toEqual([])
    expect(twice).toMatch(
      /^error raftgen there are 2 copies of raftgen: 0\.1\.0 in \S+, 0\.0\.9 in node_modules\/other\/node_modules\/raftgen \| /,
    )

    rmSync(join(folder, 'node_modules'), { recursive: true })
    mkdirSync(join(folder, 'node_modules/typebox'), { recursive: true })
    symlinkTypebox(folder)
    expect((await troubles(folder)).slice(0, 2)).toEqual([
      'error raftgen raftgen is not installed in the project, and generated code imports it | npm install raftgen',
      'warning typebox TypeBox 1.3.0 in node_modules/typebox, and raftgen was made for 1.4.3 | npm install typebox@1.4.3',
    ])
  })

  test('a Node that is too old', () => {
    expect(nodeFinding('20.15.0')).toMatchObject({ state: 'ok' })
    expect(nodeFinding('24.1.0')).toMatchObject({ state: 'ok' })
    expect(nodeFinding('20.9.9')).toEqual({
      check: 'node',
      state: 'error',
      message: 'Node 20.9.9, and raftgen needs >=20.15',
      wayOut: 'Install a newer Node.',
    })
  })

  test.each([
    ['{ "strict": true, "target": "es2022", "module": "nodenext" }', 'ok'],
    ['{ "strict": true, "target": "esnext", "module": "preserve" }', 'ok'],
    ['{ "strict": true, "module": "esnext", "moduleResolution": "bundler" }', 'ok'],
    ['{ "strict": true, "module": "commonjs", "moduleResolution": "node10" }', 'error'],
    ['{ "strict": true, "target": "es2020", "module": "nodenext" }', 'error'],
    ['{ "module": "nodenext" }', 'warning'],
  ])('settings of TypeScript: %s', async (options, state) => {
    const folder = project({ 'tsconfig.json': `{ "compilerOptions": ${options} }` })
    expect(await tsconfigFinding(join(folder, 'schema.ts'))).toMatchObject({ check: 'tsconfig', state })
  })
})

test('generated code and handlers are found where they are, of each machine of the project', async () => {
  const folder = project({ 'machines/counter.ts': counterSchema(), 'machines/other.ts': counterSchema().replace("'counter'", "'other'") })
  for (const name of ['counter', 'other'])
    await inFolder(folder, [
      join(folder, `machines/${name}.ts`),
      '--out',
      `${folder}/gen/${name}`,
      '--handlers',
      `${folder}/app/${name}.ts`,
    ])
  const { out } = await inFolder(folder, ['doctor'])
  for (const name of ['counter', 'other']) {
    expect(out).toContain(`ok       generated  gen/${name}: 7 files up to date\n`)
    expect(out).toContain(`warning  handlers   app/${name}.ts: not written yet: add, read\n`)
  }
})

test('without a schema it is wrong use', async () => {
  const folder = project({ 'a.ts': '' })
  const { code, err } = await inFolder(folder, ['doctor'])
  expect({ code, err }).toEqual({
    code: 2,
    err: 'raftgen: there is no schema in this folder or below\n  Name it, or start with `raftgen init <dir>`.\n',
  })
})

/** Of another version, by its package.json. */
function symlinkTypebox(folder: string): void {
  const source = join(repository, 'node_modules/typebox')
  for (const name of readdirSync(source)) {
    if (name !== 'package.json') symlinkSync(join(source, name), join(folder, 'node_modules/typebox', name))
  }
  const manifest: object = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'))
  writeFileSync(join(folder, 'node_modules/typebox/package.json'), JSON.stringify({ ...manifest, version: '1.3.0' }))
}

// A schema in two versions, from the command line.
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { built } from './built.ts'
import { command, type Said } from './in-process.ts'
import { counterSchema, fileTimes, project, textOf } from './project.ts'
import { writeFiles } from './temporary-folder.ts'
import { typeErrors } from './type-errors.ts'

beforeAll(built, 180_000)

const generate = (folder: string, ...flags: readonly string[]): Promise<Said> => command([join(folder, 'schema.ts'), ...flags])
const freeze = (folder: string): Promise<Said> => command(['freeze', join(folder, 'schema.ts')])

const raised = counterSchema({
  commands: '    add: { input: Type.Object({ by: Type.Integer(), why: Type.String() }), output: Type.Integer() },',
}).replace('version: 1', 'version: 2')
const written = `import type { AddV1, AddV2 } from './generated/versions.js'

export const upcastAddV1toV2 = ({ by }: AddV1): AddV2 => ({ by, why: '' })
`

test('what has no plain way up is asked for until it is written, and then left alone', async () => {
  const folder = project()
  await freeze(folder)
  writeFiles(folder, { 'schema.ts': raised })

  const first = await generate(folder)
  expect(first).toMatchObject({ code: 0 })
  expect(first.out).toContain('migrations.ts\n')
  expect(first.err).toMatch(/; to be written in \S+migrations\.ts: upcastAddV1toV2; 1 warning\n/)
  expect(textOf(folder, 'migrations.ts')).toContain('/** To be written: Add.why is new and required in version 2. */\n')
  expect(typeErrors(folder, ['generated/index.ts']).join()).toContain('migrations.ts:8 A function whose declared type')

  writeFiles(folder, { 'migrations.ts': written })
  expect(typeErrors(folder, ['generated/index.ts'])).toEqual([])
  const before = fileTimes(folder)
  expect((await generate(folder)).err).toContain('counter: up to date, 13 files unchanged')
  expect(fileTimes(folder)).toEqual(before)
  expect(await generate(folder, '--check')).toMatchObject({ code: 0 })

  // Once it is decided it is no news any more.
  await freeze(folder)
  expect((await generate(folder)).err).toBe('counter: up to date, 13 files unchanged\nedits since version 1: 1 needs a migration\n')
})

describe('the handlers of a state that has another shape now', () => {
  const texts = counterSchema()
    .replace('version: 1', 'version: 2')
    .replace('value: Type.Integer()', 'value: Type.String()')
    .replace('value: 0', "value: ''")
  const handlersOf = (note: string): string => `// ${note}
import type { CounterHandlers } from './generated/index.js'
import type { Add } from './generated/types.js'

const sum = (value: number, { by }: Add): number => value + by
export const handlers: CounterHandlers = {
  add(state, input) {
    state.value = sum(state.value, input)
    return state.value
  },
  read: (state) => state.value,
}
`
  const begun = async (): Promise<string> => {
    const folder = project()
    writeFiles(folder, { 'handlers.ts': handlersOf('as deployed') })
    await freeze(folder)
    return folder
  }

  test('are copied once, and import what they did, of their version', async () => {
    const folder = await begun()
    writeFiles(folder, { 'schema.ts': texts })

    const first = await generate(folder)
    expect(first).toMatchObject({ code: 0 })
    expect(first.err).toMatch(
      /; copied: \S+handlers\.v1\.ts from \S+handlers\.ts; to be written in \S+migrations\.ts: migrateValueV1toV2; /,
    )
    const copy = textOf(folder, 'handlers.v1.ts')
    expect(copy).toContain('// as deployed\n')
    expect(copy).toContain(
      "import type { CounterHandlers } from './generated/v1/index.js'\nimport type { Add } from './generated/v1/types.js'\n",
    )
    writeFiles(folder, {
      'migrations.ts': textOf(folder, 'migrations.ts').replace('ValueValueV2 {}', 'ValueValueV2 {\n  return String(old)\n}'),
    })
    expect(typeErrors(folder, ['generated/index.ts', 'handlers.v1.ts'])).toEqual([])

    const check = () => command(['check', join(folder, 'schema.ts'), '--only', 'lint'])
    expect((await check()).err).toMatch(/^lint: \S+handlers\.ts, \S+handlers\.v1\.ts, \S+migrations\.ts; nothing found\n$/)
    writeFiles(folder, { 'migrations.ts': 'export const migrateValueV1toV2 = () => String(Date.now())\n' })
    expect(await check()).toMatchObject({ code: 1, out: expect.stringMatching(/migrations\.ts:1:\d+ error CLOCK /) })

    writeFiles(folder, { 'handlers.v1.ts': '// mine by now\n' })
    await generate(folder)
    expect(textOf(folder, 'handlers.v1.ts')).toBe('// mine by now\n')
  })

  test('are those that were committed before the lock had the next version', async () => {
    const folder = await begun()
    const git = (...args: readonly string[]): string =>
      execFileSync('git', ['-C', folder, '-c', 'user.name=me', '-c', 'user.email=me@example.com', ...args], { encoding: 'utf8' })
    git('init', '--quiet')
    git('add', '.', ':!node_modules')
    git('commit', '--quiet', '-m', 'version 1')
    writeFiles(folder, { 'handlers.ts': handlersOf('mended') })
    git('commit', '--quiet', '-a', '-m', 'a fix')
    const deployed = git('rev-parse', 'HEAD').slice(0, 12)
    writeFiles(folder, { 'handlers.ts': handlersOf('for version 2'), 'schema.ts': texts })

    expect((await generate(folder)).err).toMatch(new RegExp(`copied: \\S+handlers\\.v1\\.ts from commit ${deployed}; `))
    expect(textOf(folder, 'handlers.v1.ts')).toContain('// mended\n')
    expect(textOf(folder, 'handlers.v1.ts')).toContain(`from commit ${deployed} when`)

    // Also once the next version was committed, and a clone lacks the copy.
    git('add', '.', ':!node_modules', ':!handlers.v1.ts')
    git('commit', '--quiet', '-m', 'version 2')
    rmSync(join(folder, 'handlers.v1.ts'))
    await generate(folder)
    expect(textOf(folder, 'handlers.v1.ts')).toContain('// mended\n')
  })
})

test('a version that is retired is taken away', async () => {
  const folder = project()
  await freeze(folder)
  writeFiles(folder, { 'schema.ts': counterSchema().replace('version: 1', 'version: 2') })
  await generate(folder)

  writeFiles(folder, { 'schema.ts': textOf(folder, 'schema.ts').replace('commands: {', 'retired: { versions: [1] },\n  commands: {') })
  const { err } = await generate(folder)

  expect(err).toContain('counter: 0 created, 2 updated, 5 removed, ')
  expect(textOf(folder, 'generated/machine.ts')).not.toContain('V1')
})

// A schema in two versions, from the command line.
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
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

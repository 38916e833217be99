import { beforeAll, expect, test } from 'vitest'
import { built } from './built.ts'
import { add, counterSchema, fileTimes, project, reset, textOf } from './project.ts'
import { raftgen } from './raftgen.ts'
import { writeFiles } from './temporary-folder.ts'

beforeAll(built, 180_000)

const frozen = 'counter: version 1 is frozen; commit it before you deploy\n'

test('freezing marks the version in the wire lock, and the generated code says so', async () => {
  const folder = project()
  await raftgen(folder, ['schema.ts'])
  expect(textOf(folder, 'generated/machine.ts')).toContain('open: true')
  const { code, out, err } = await raftgen(folder, ['freeze', 'schema.ts'])
  expect(code).toBe(0)
  expect(out).toContain('generated/machine.ts\n')
  expect(err.endsWith(frozen)).toBe(true)
  expect(JSON.parse(textOf(folder, 'counter.wire.json'))).toMatchObject({ versions: { 1: { status: 'frozen' } } })
  expect(textOf(folder, 'generated/machine.ts')).toContain('open: false')
  expect(await raftgen(folder, ['schema.ts', '--check'])).toMatchObject({ code: 0 })
})

test('freezing twice changes nothing', async () => {
  const folder = project()
  await raftgen(folder, ['freeze', 'schema.ts'])
  const before = fileTimes(folder)
  expect(await raftgen(folder, ['freeze', 'schema.ts'])).toEqual({
    code: 0,
    out: '',
    err: 'counter: up to date, 8 files unchanged\ncounter: version 1 is frozen already\n',
  })
  expect(fileTimes(folder)).toEqual(before)
})

test('a frozen version refuses a change of its wire format; the next version may have it', async () => {
  const folder = project()
  await raftgen(folder, ['freeze', 'schema.ts'])
  const changed = counterSchema({ commands: `${add}\n${reset}` })
  writeFiles(folder, { 'schema.ts': changed })
  const { code, err } = await raftgen(folder, ['schema.ts'])
  expect(code).toBe(1)
  expect(err).toContain(
    'error LOCK_FROZEN version 1 is frozen, and the command reset is new\n' +
      '  Set version: 2. The next run then tells which edits need a migration.\n',
  )

  writeFiles(folder, { 'schema.ts': changed.replace('version: 1', 'version: 2') })
  expect(await raftgen(folder, ['schema.ts'])).toMatchObject({ code: 0 })
})

test('a schema with errors is not frozen', async () => {
  const folder = project({ 'schema.ts': counterSchema({ commands: '    then: { input: Type.Object({}) },' }) })
  const { code, err } = await raftgen(folder, ['freeze', 'schema.ts'])
  expect(code).toBe(1)
  expect(err).toMatch(/1 error; nothing was written\n$/)
})

test('--json prints one object', async () => {
  const folder = project()
  const { code, out } = await raftgen(folder, ['freeze', 'schema.ts', '--json'])
  expect(code).toBe(0)
  expect(JSON.parse(out)).toEqual({ ok: true, machine: 'counter', version: 1, lock: 'counter.wire.json', changed: true })
})

test('with --json a schema with errors gives their object', async () => {
  const folder = project({ 'schema.ts': counterSchema({ commands: '    then: { input: Type.Object({}) },' }) })
  const { code, out } = await raftgen(folder, ['freeze', 'schema.ts', '--json'])
  expect(code).toBe(1)
  expect(JSON.parse(out)).toMatchObject({ ok: false, diagnostics: [{ code: 'NAME_RESERVED' }] })
})

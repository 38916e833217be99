import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { built } from './built.ts'
import { add, counterSchema, fileTimes, project, reset, textOf } from './project.ts'
import { raftgen } from './raftgen.ts'
import { writeFiles } from './temporary-folder.ts'
import { typeErrors } from './type-errors.ts'

beforeAll(built, 180_000)

const emitted = ['client', 'codec', 'errors', 'index', 'machine', 'schema-text', 'types'].map((name) => `generated/${name}.ts`)

test('the first run writes generated code, the wire lock and handlers with a stub for each operation', async () => {
  const folder = project()
  const { code, out, err } = await raftgen(folder, ['schema.ts'])
  expect({ code, err }).toEqual({
    code: 0,
    err: 'counter: 9 created, 0 updated, 0 removed, 0 unchanged; stubs in handlers.ts: add, read\n',
  })
  expect(out.split('\n').sort()).toEqual(['', 'counter.wire.json', ...emitted, 'handlers.ts'].sort())
  expect(textOf(folder, 'handlers.ts')).toContain(`import type { CounterHandlers } from './generated/index.js'

export const handlers: CounterHandlers = {
  /** Adds to the counter. */
  add(_state, _input, _ctx) {
    throw new Error('not implemented: add')
  },

  /** What it is now. */
  read(_state, _input, _ctx) {
    throw new Error('not implemented: read')
  },
}
`)
  expect(typeErrors(folder, ['handlers.ts', 'generated/index.ts'])).toEqual([])
})

test('a second run writes nothing: no file changes its time', async () => {
  const folder = project()
  await raftgen(folder, ['schema.ts'])
  const before = fileTimes(folder)
  expect(await raftgen(folder, ['schema.ts'])).toEqual({ code: 0, out: '', err: 'counter: up to date, 8 files unchanged\n' })
  expect(fileTimes(folder)).toEqual(before)
})

test('a new command gets a stub behind the opening brace; nothing of the user changes', async () => {
  const folder = project()
  await raftgen(folder, ['schema.ts'])
  const mine = `import type { CounterHandlers } from './generated/index.js'

export const handlers: CounterHandlers = {
  // by hand
  add: (state, { by }) => (state.value += by),
  read: (state) => state.value,
}
`
  writeFiles(folder, { 'handlers.ts': mine, 'schema.ts': counterSchema({ commands: `${add}\n${reset}` }) })
  const { code, err } = await raftgen(folder, ['schema.ts'])
  expect(code).toBe(0)
  expect(err).toContain('; stubs in handlers.ts: reset\n')
  const stub = "\n  /** Back to 0. */\n  reset(_state, _input, _ctx) {\n    throw new Error('not implemented: reset')\n  },\n"
  expect(textOf(folder, 'handlers.ts')).toBe(mine.replace('= {', `= {${stub}`))
  expect(typeErrors(folder, ['handlers.ts'])).toEqual([])
})

test('a handler whose command is gone is a warning, its code stays, and TypeScript refuses it', async () => {
  const folder = project({ 'schema.ts': counterSchema({ commands: `${add}\n${reset}` }) })
  await raftgen(folder, ['schema.ts'])
  const before = textOf(folder, 'handlers.ts')
  writeFiles(folder, { 'schema.ts': counterSchema() })
  const { code, err } = await raftgen(folder, ['schema.ts'])
  expect(code).toBe(0)
  expect(
    err,
  ).toContain(`handlers.ts:14:3 warning HANDLER_UNUSED the schema has no command or query 'reset'; TypeScript will refuse this handler too
    13 |   /** Back to 0. */
  > 14 |   reset(_state, _input, _ctx) {
       |   ^^^^^
    15 |     throw new Error('not implemented: reset')
  Delete the handler, or put the operation back into the schema.
`)
  expect(textOf(folder, 'handlers.ts')).toBe(before)
  expect(typeErrors(folder, ['handlers.ts'])[0]).toMatch(/^handlers\.ts:14 .*'reset' does not exist in type/)
})

test('three errors are told in one run, and nothing is written', async () => {
  const wrong = `    one: { input: Type.Object({ f: Type.Any() }) },
    two: { input: Type.Object({}), errors: ['Nowhere'] },
    then: { input: Type.Object({}) },`
  const folder = project({ 'schema.ts': counterSchema({ commands: wrong }) })
  const before = fileTimes(folder)
  const { code, out, err } = await raftgen(folder, ['schema.ts'])
  expect({ code, out }).toEqual({ code: 1, out: '' })
  const lines = err.split('\n').filter((line) => line.startsWith('schema.ts:'))
  expect(lines.map((line) => /^schema\.ts:(\d+):\d+ error ([A-Z_]+) /.exec(line)?.slice(1))).toEqual([
    ['10', expect.any(String)],
    ['11', expect.any(String)],
    ['12', 'NAME_RESERVED'],
  ])
  expect(err).toMatch(/\n3 errors; nothing was written\n$/)
  expect(fileTimes(folder)).toEqual(before)
})

test('a schema that does not compile, or exports no machine, is a finding', async () => {
  const folder = project({ 'broken.ts': 'export default {\n', 'empty.ts': 'export const a = 1\n', 'throws.ts': "throw new Error('no')\n" })
  for (const file of ['broken.ts', 'empty.ts', 'throws.ts']) {
    const { code, out, err } = await raftgen(folder, [file])
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(new RegExp(`^${file}[:0-9]* error [A-Z_]+ [\\s\\S]*\n1 error; nothing was written\n$`))
  }
})

describe('--check', () => {
  test('tells what would be written, writes nothing, and is a finding', async () => {
    const folder = project()
    const { code, out, err } = await raftgen(folder, ['schema.ts', '--check'])
    expect({ code, err }).toEqual({ code: 1, err: 'counter: out of date, would be: 9 created, 0 updated, 0 removed, 0 unchanged\n' })
    expect(out).toContain('generated/client.ts\n')
    expect(existsSync(join(folder, 'generated'))).toBe(false)
    expect(existsSync(join(folder, 'handlers.ts'))).toBe(false)
  })

  test('is fine where nothing would change', async () => {
    const folder = project()
    await raftgen(folder, ['schema.ts'])
    expect(await raftgen(folder, ['schema.ts', '--check'])).toEqual({ code: 0, out: '', err: 'counter: up to date, 8 files unchanged\n' })
  })

  test('finds a generated file that was edited, and one that is missing', async () => {
    const folder = project()
    await raftgen(folder, ['schema.ts'])
    writeFileSync(join(folder, 'generated/types.ts'), `${textOf(folder, 'generated/types.ts')}// mine\n`)
    rmSync(join(folder, 'generated/client.ts'))
    const { code, out } = await raftgen(folder, ['schema.ts', '--check'])
    expect({ code, out }).toEqual({ code: 1, out: 'generated/client.ts\ngenerated/types.ts\n' })
  })

  test('with --json answers with one object', async () => {
    const folder = project()
    const { code, out } = await raftgen(folder, ['schema.ts', '--check', '--json'])
    expect(code).toBe(1)
    expect(JSON.parse(out)).toEqual({
      ok: false,
      machine: 'counter',
      created: expect.arrayContaining([...emitted, 'counter.wire.json', 'handlers.ts']),
      updated: [],
      removed: [],
      unchanged: [],
      stubs: ['add', 'read'],
      copied: [],
      upcasts: [],
      diagnostics: [],
    })
  })
})

test('--json carries the diagnostics, and the exit code stays', async () => {
  const folder = project({ 'schema.ts': counterSchema({ commands: '    then: { input: Type.Object({}) },' }) })
  const { code, out } = await raftgen(folder, ['schema.ts', '--json'])
  expect(code).toBe(1)
  expect(JSON.parse(out)).toMatchObject({ ok: false, created: [], diagnostics: [{ severity: 'error', code: 'NAME_RESERVED', line: 10 }] })
})

test('--out and --handlers name places relative to the working directory', async () => {
  const folder = project({ 'machines/counter.ts': counterSchema() })
  const { code } = await raftgen(folder, ['machines/counter.ts', '--out', 'gen/counter', '--handlers', 'app/counter.ts'])
  expect(code).toBe(0)
  expect(textOf(folder, 'app/counter.ts')).toContain("from '../gen/counter/index.js'")
  expect(existsSync(join(folder, 'machines/counter.wire.json'))).toBe(true)
  expect(existsSync(join(folder, 'machines/generated'))).toBe(false)
  expect(typeErrors(folder, ['app/counter.ts', 'gen/counter/index.ts'])).toEqual([])
})

test('--import-extension ts is followed in generated code and in the handlers', async () => {
  const folder = project()
  await raftgen(folder, ['schema.ts', '--import-extension', 'ts'])
  expect(textOf(folder, 'handlers.ts')).toContain("from './generated/index.ts'")
  expect(textOf(folder, 'generated/index.ts')).not.toContain(".js'")
  expect(typeErrors(folder, ['handlers.ts', 'generated/index.ts'], { allowImportingTsExtensions: true })).toEqual([])
})

test('a file of somebody else in the place of generated code is not overwritten', async () => {
  const folder = project({ 'schema.ts': counterSchema(), 'index.ts': 'export const mine = 1\n' })
  expect(await raftgen(folder, ['schema.ts', '--out', '.'])).toEqual({
    code: 2,
    out: '',
    err: 'raftgen: index.ts is not a file that raftgen has written; nothing was written\n  Choose another --out, or move the file away.\n',
  })
  expect(textOf(folder, 'index.ts')).toBe('export const mine = 1\n')
})

test('handlers among the generated files are refused', async () => {
  const folder = project()
  expect(await raftgen(folder, ['schema.ts', '--handlers', 'generated/index.ts'])).toEqual({
    code: 2,
    out: '',
    err: 'raftgen: --handlers generated/index.ts is a file that raftgen overwrites\n  Name a file of your own.\n',
  })
})

test('a file left over from an earlier version goes, a file of somebody else stays', async () => {
  const folder = project()
  await raftgen(folder, ['schema.ts'])
  const header = textOf(folder, 'generated/types.ts').split('\n')[0]
  writeFiles(folder, { 'generated/old.ts': `${header}\n`, 'generated/notes.ts': '// mine\n' })
  const { code, out, err } = await raftgen(folder, ['schema.ts'])
  expect({ code, out, err }).toEqual({ code: 0, out: 'generated/old.ts\n', err: 'counter: 0 created, 0 updated, 1 removed, 8 unchanged\n' })
  expect(existsSync(join(folder, 'generated/notes.ts'))).toBe(true)
})

test('what a schema prints does not get among the data', async () => {
  const folder = project({ 'schema.ts': `console.log('hello')\n${counterSchema()}` })
  const { out, err } = await raftgen(folder, ['schema.ts', '--json'])
  expect(JSON.parse(out)).toMatchObject({ ok: true })
  expect(err).toContain('hello\n')
})

test('a second machine in the same folder writes nothing over the first', async () => {
  const folder = project()
  await raftgen(folder, ['schema.ts'])
  writeFiles(folder, { 'other.ts': counterSchema().replace("'counter'", "'other'") })
  const before = fileTimes(folder)
  const { code, out, err } = await raftgen(folder, ['other.ts'])
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toContain('generated/index.ts error OUT_TAKEN this folder holds the code of another machine, counter of schema.ts\n')
  expect(fileTimes(folder)).toEqual(before)

  const places = /(--out) (\S+) (--handlers) (\S+)/.exec(err)?.slice(1) ?? []
  expect(await raftgen(folder, ['other.ts', ...places])).toMatchObject({ code: 0 })
  expect(typeErrors(folder, ['handlers.ts', 'other/handlers.ts', 'generated/index.ts'])).toEqual([])
})

test('no colour reaches a pipe', async () => {
  const folder = project({ 'schema.ts': 'export default 1\n' })
  const { err } = await raftgen(folder, ['schema.ts'], { TERM: 'xterm-256color' })
  expect(err).not.toContain('\u001b')
})

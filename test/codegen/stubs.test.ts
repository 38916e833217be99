import { expect, test } from 'vitest'
import { propertyName } from '../../codegen/names.ts'
import type { StubOperation } from '../../codegen/stub-text.ts'
import { planStubs } from '../../codegen/stubs.ts'
import { typeErrors } from '../cli/type-errors.ts'
import { temporaryFolder } from '../cli/temporary-folder.ts'

const operation = (name: string, docs?: string): StubOperation => ({ name, handlerKey: propertyName(name), docs })
const acquire = operation('acquire', 'Takes the lock.')
const release = operation('release')

const plan = (text: string | undefined, operations: readonly StubOperation[] = [acquire, release]) =>
  planStubs({ file: 'handlers.ts', text, operations, handlersType: 'LocksHandlers', generatedModule: './generated/index.js' })

test('without a handlers file, one is created with a stub for each operation', async () => {
  const { text, added, diagnostics } = await plan(undefined)
  expect(added).toEqual(['acquire', 'release'])
  expect(diagnostics).toEqual([])
  expect(
    text,
  ).toBe(`// Written once by raftgen; yours from then on. Later runs insert stubs for new operations and never change or delete a line.
//
// Every replica runs these functions over the same log, so they must answer alike everywhere: take time from \`ctx.now\`, identity
// from \`ctx.index\` or \`ctx.id()\` and chance from \`ctx.random()\`, never from Date, Math.random, process or I/O.
import type { LocksHandlers } from './generated/index.js'

export const handlers: LocksHandlers = {
  /** Takes the lock. */
  acquire(_state, _input, _ctx) {
    throw new Error('not implemented: acquire')
  },

  release(_state, _input, _ctx) {
    throw new Error('not implemented: release')
  },
}
`)
})

test('a machine without operations gets an empty literal', async () => {
  expect((await plan(undefined, [])).text).toContain('export const handlers: LocksHandlers = {}\n')
})

test('docs of several lines become a block, and cannot end the comment', async () => {
  const { text } = await plan(undefined, [operation('a', 'First.\n\nThen */ this.')])
  expect(text).toContain(
    "  /**\n   * First.\n   *\n   * Then *\\/ this.\n   */\n  a(_state, _input, _ctx) {\n    throw new Error('not implemented: a')\n  },\n",
  )
})

test('a name that is no identifier is quoted', async () => {
  const { text } = await plan(undefined, [operation('set-it'), operation("it's"), operation('größe'), operation('delete')])
  expect(text).toContain("  'set-it'(_state, _input, _ctx) {\n    throw new Error('not implemented: set-it')")
  expect(text).toContain("  'it\\'s'(_state, _input, _ctx) {\n    throw new Error('not implemented: it\\'s')")
  expect(text).toContain('  größe(_state')
  expect(text).toContain('  delete(_state')
})

const inserted = (head: string, tail: string, stub: string) => ({ before: head + tail, after: head + stub + tail })
const releaseStub = "release(_state, _input, _ctx) {\n    throw new Error('not implemented: release')\n  },"

test.each([
  ['a literal with members', inserted('const h: LocksHandlers = {', '\n  acquire() {},\n}\n', `\n  ${releaseStub}\n`)],
  ['a literal in one line', inserted('const h: LocksHandlers = {', ' acquire() {} }\n', `\n  ${releaseStub}\n\n `)],
  ['satisfies', inserted('export default {', '\n  acquire() {},\n} satisfies LocksHandlers\n', `\n  ${releaseStub}\n`)],
  ['satisfies in parentheses', inserted('const h = ({', '\n  acquire() {},\n}) satisfies LocksHandlers\n', `\n  ${releaseStub}\n`)],
  [
    'annotated and satisfies',
    inserted('const h: LocksHandlers = {', '\n  acquire() {},\n} satisfies LocksHandlers\n', `\n  ${releaseStub}\n`),
  ],
  [
    'a name of its own',
    inserted(
      "import { type LocksHandlers as H } from './generated/index.js'\nconst h: H = {",
      '\n  acquire() {},\n}',
      `\n  ${releaseStub}\n`,
    ),
  ],
  ['a namespace import', inserted('const h: gen.LocksHandlers = {', '\n  acquire() {},\n}', `\n  ${releaseStub}\n`)],
  ['a comment behind the brace', inserted('const h: LocksHandlers = {', ' // all of them\n  acquire() {},\n}', `\n  ${releaseStub}\n\n `)],
  ['a byte order mark', inserted('\ufeffconst h: LocksHandlers = {', '\n  acquire() {},\n}', `\n  ${releaseStub}\n`)],
  ['a static property', inserted('class A {\nstatic h: LocksHandlers = {', '\n  acquire() {},\n}\n}', `\n  ${releaseStub}\n`)],
])('a stub is inserted behind the brace: %s', async (_, { before, after }) => {
  const { text, added, diagnostics } = await plan(before)
  expect(text).toBe(after)
  expect(added).toEqual(['release'])
  expect(diagnostics).toEqual([])
})

test('an empty literal is opened up', async () => {
  const { text } = await plan('const h: LocksHandlers = {}\n', [release])
  expect(text).toBe(`const h: LocksHandlers = {\n  ${releaseStub}\n}\n`)
})

test('tabs, deeper levels and CRLF are kept', async () => {
  const { text } = await plan('if (x) {\r\n\tconst h: LocksHandlers = {\r\n\t\tacquire() {},\r\n\t}\r\n}\r\n')
  expect(text).toBe(
    "if (x) {\r\n\tconst h: LocksHandlers = {\r\n\t\trelease(_state, _input, _ctx) {\r\n\t\t\tthrow new Error('not implemented: release')\r\n\t\t},\r\n\r\n\t\tacquire() {},\r\n\t}\r\n}\r\n",
  )
})

test.each([
  ['method', 'acquire() {}'],
  ['arrow', 'acquire: () => {}'],
  ['shorthand', 'acquire'],
  ['async method', 'async acquire() {}'],
  ['getter', 'get acquire() { return f }'],
  ['quoted', "'acquire'() {}"],
  ['quoted twice', '"acquire": f'],
  ['computed literal', "['acquire']: f"],
  ['computed template', '[`acquire`]() {}'],
])('a handler given as %s counts as present', async (_, member) => {
  const { text, diagnostics } = await plan(`const h: LocksHandlers = { ${member} }`, [acquire])
  expect({ text, diagnostics }).toEqual({ text: undefined, diagnostics: [] })
})

test('a handler whose operation is gone is a warning with its place', async () => {
  const { text, diagnostics } = await plan('const h: LocksHandlers = {\n  acquire() {},\n  renew() {},\n}', [acquire])
  expect(text).toBeUndefined()
  expect(diagnostics).toEqual([
    {
      severity: 'warning',
      code: 'HANDLER_UNUSED',
      file: 'handlers.ts',
      line: 3,
      column: 3,
      endLine: 3,
      endColumn: 8,
      message: "the schema has no command or query 'renew'; TypeScript will refuse this handler too",
      hint: 'Delete the handler, or put the operation back into the schema.',
    },
  ])
})

test('without a literal of the type nothing is written and the text is printed', async () => {
  const { text, diagnostics } = await plan('export const handlers = create()\n', [release])
  expect(text).toBeUndefined()
  expect(diagnostics).toEqual([
    {
      severity: 'warning',
      code: 'HANDLER_MISSING',
      file: 'handlers.ts',
      line: 0,
      column: 0,
      message: 'no object literal in this file is typed LocksHandlers, so no stub was inserted for: release',
      hint: `Where they are not there yet, paste these into your handlers:\n\n  ${releaseStub}`,
    },
  ])
})

test.each([
  ['a spread', '...others', 'raftgen cannot see what is spread or computed into the object literal typed LocksHandlers'],
  ['a computed name', '[name]() {}', 'raftgen cannot see what is spread or computed into the object literal typed LocksHandlers'],
])('into a literal with %s nothing is inserted', async (_, member, why) => {
  const { text, diagnostics } = await plan(`import x from 'x'\n\nconst h: LocksHandlers = { acquire() {}, ${member} }`)
  expect(text).toBeUndefined()
  expect(diagnostics.map(({ code, line, column, message }) => ({ code, line, column, message }))).toEqual([
    { code: 'HANDLER_MISSING', line: 3, column: 26, message: `${why}, so no stub was inserted for: release` },
  ])
})

test('a spread does no harm where every operation has a handler beside it', async () => {
  expect(await plan('const h: LocksHandlers = { ...a, acquire, release }')).toEqual({ text: undefined, added: [], diagnostics: [] })
})

test('of several literals none is chosen', async () => {
  const { text, diagnostics } = await plan('const a: LocksHandlers = { acquire, release }\nconst b: LocksHandlers = { acquire }')
  expect(text).toBeUndefined()
  expect(diagnostics[0]?.message).toBe(
    '2 object literals in this file are typed LocksHandlers (lines 1, 2), so no stub was inserted for: release',
  )
})

test('a file that does not parse is left alone', async () => {
  const { text, diagnostics } = await plan('const h: LocksHandlers = {\n  acquire() {\n}\n')
  expect(text).toBeUndefined()
  expect(diagnostics).toEqual([
    {
      severity: 'warning',
      code: 'HANDLERS_UNREADABLE',
      file: 'handlers.ts',
      line: 4,
      column: 1,
      endLine: 4,
      endColumn: 1,
      message: "cannot look for missing handlers: '}' expected.",
      hint: 'Correct the syntax, then run raftgen again.',
    },
  ])
})

test('stubs compile under every strict flag, whatever their operation returns', async () => {
  const { text = '' } = await plan(undefined, [acquire, release, operation('holder')])
  const handlersType = `export interface LocksHandlers {
    acquire(state: object, input: { a: string }, ctx: object): { ok: true; value: number } | { ok: false }
    release(state: object, input: object, ctx: object): void
    holder(state: object, input: object, ctx: object): { owner: string } | null
  }`
  const folder = temporaryFolder({ 'package.json': '{ "type": "module" }', 'handlers.ts': text, 'generated/index.ts': handlersType })
  expect(typeErrors(folder, ['handlers.ts'])).toEqual([])
})

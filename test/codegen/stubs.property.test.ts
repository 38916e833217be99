import fc from 'fast-check'
import { expect, test } from 'vitest'
import { propertyName } from '../../codegen/names.ts'
import type { StubOperation } from '../../codegen/stub-text.ts'
import { planStubs } from '../../codegen/stubs.ts'

const names = ['acquire', 'release', 'holder', 'set-it', 'delete', 'ünï'] as const

const operation = fc
  .tuple(fc.constantFrom(...names), fc.option(fc.constantFrom('Takes it.', 'One.\nTwo.', 'Ends */ it.'), { nil: undefined }))
  .map(([name, docs]): StubOperation => ({ name, handlerKey: propertyName(name), docs }))
const operations: fc.Arbitrary<readonly StubOperation[]> = fc.uniqueArray(operation, { selector: ({ name }) => name })

const key = fc.constantFrom(...names).map((name) => (/^\p{L}+$/u.test(name) ? name : `'${name}'`))
const member = fc.oneof(
  key.map((name) => `${name}() { return 1 }`),
  key.map((name) => `${name}: (_state) => {}`),
  key.map((name) => `["${name.replaceAll("'", '')}"]() {}`),
  fc.constant('acquire'),
  fc.constant('/** Of mine. */ holder() {}'),
  fc.constant('holder() { return `{` } // }'),
)
/** Between two tokens: blanks, line breaks and comments. */
const gap = fc
  .array(fc.constantFrom(' ', '\t', '\n', '\n\n  ', '/* { */', '// {\n', '  // LocksHandlers = {\n'), { maxLength: 3 })
  .map((parts) => parts.join(''))
const literal = fc
  .tuple(fc.array(fc.tuple(gap, member, gap), { maxLength: 4 }), gap)
  .map(([members, end]) => `{${members.map(([before, text, after]) => `${before}${text}\n${after},`).join('')}${end}}`)
const statement = fc.constantFrom(
  '',
  'const a = { b: {} }\n',
  '// const h: LocksHandlers = {}\n',
  "const s = 'satisfies LocksHandlers {'\n",
)
const handlersFile = fc
  .tuple(fc.constantFrom('', '\ufeff'), statement, fc.constantFrom('', '  ', '\t'), literal, fc.boolean(), statement, fc.boolean())
  .map(([mark, before, indent, body, isAnnotated, after, isCrlf]) => {
    const handlers = isAnnotated ? `const h: LocksHandlers = ${body}` : `const h = ${body} satisfies LocksHandlers`
    const text = `${mark}${before}${indent}${handlers}\n${after}`
    return isCrlf ? text.replaceAll('\n', '\r\n') : text
  })

const plan = (text: string, wanted: readonly StubOperation[]) =>
  planStubs({ file: 'h.ts', text, operations: wanted, handlersType: 'LocksHandlers', generatedModule: './generated/index.js' })

test('what is inserted is one piece: without it the file is the same, byte for byte', async () => {
  await fc.assert(
    fc.asyncProperty(handlersFile, operations, async (before, wanted) => {
      const { text: after, added, diagnostics } = await plan(before, wanted)
      expect(diagnostics.filter(({ code }) => code !== 'HANDLER_UNUSED')).toEqual([])
      if (after === undefined) {
        expect(added).toEqual([])
        return
      }

      const start = commonPrefix(before, after)
      const piece = after.slice(start, start + after.length - before.length)
      expect(after.slice(0, start) + after.slice(start + piece.length)).toBe(before)
      for (const name of added) expect(piece).toContain(`not implemented: ${name}`)
      if (before.includes('\r\n')) expect(piece.replaceAll('\r\n', '')).not.toContain('\n')
    }),
    { numRuns: 300 },
  )
})

test('a second run finds nothing to do: every stub is where TypeScript sees it', async () => {
  await fc.assert(
    fc.asyncProperty(handlersFile, operations, async (before, wanted) => {
      const { text: after } = await plan(before, wanted)
      const second = await plan(after ?? before, wanted)
      expect(second.text).toBeUndefined()
      expect(second.diagnostics.filter(({ code }) => code !== 'HANDLER_UNUSED')).toEqual([])
    }),
    { numRuns: 200 },
  )
})

function commonPrefix(left: string, right: string): number {
  let length = 0
  while (length < left.length && left[length] === right[length]) length += 1
  return length
}

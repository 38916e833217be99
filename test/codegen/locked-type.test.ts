import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bareText, nodeText } from '../../codegen/locked-text.ts'
import { parseLockedState, parseLockedType } from '../../codegen/locked-type.ts'
import type { KeyNode, TypeNode } from '../../codegen/model.ts'

const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined })
const count = maybe(fc.nat())
// -0 is written as 0, as it is on the wire.
const real = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value))
const string = fc.record({
  kind: fc.constant('string' as const),
  minLength: count,
  maxLength: count,
  pattern: maybe(fc.record({ source: fc.string(), flags: fc.constantFrom('u', '', 'is') })),
  format: maybe(fc.constantFrom('uuid' as const, 'date-time' as const)),
})
const integers = { minimum: maybe(fc.maxSafeInteger()), maximum: maybe(fc.maxSafeInteger()), multipleOf: count }
const integer = fc.record({ kind: fc.constant('integer' as const), ...integers })
const reals = { minimum: maybe(real), maximum: maybe(real), exclusiveMinimum: maybe(real), exclusiveMaximum: maybe(real) }
const bigints = { minimum: maybe(fc.bigInt()), maximum: maybe(fc.bigInt()), multipleOf: maybe(fc.bigInt({ min: 1n })) }
const scalar: fc.Arbitrary<TypeNode> = fc.oneof(
  string,
  integer,
  fc.record({ kind: fc.constant('number' as const), ...reals, multipleOf: maybe(real) }),
  fc.record({ kind: fc.constant('bigint' as const), ...bigints }),
  fc.record({ kind: fc.constant('bytes' as const), minLength: count, maxLength: count }),
  fc.constantFrom<TypeNode>({ kind: 'boolean' }, { kind: 'null' }, { kind: 'named', name: 'Größe' }, { kind: 'named', name: 'Map' }),
)
const literal = fc.oneof(fc.string(), real, fc.boolean())
const key: fc.Arbitrary<KeyNode> = fc.oneof(string, integer)

/** What the generator makes: a nullable of something that is not null already, an array of anything. */
const { node } = fc.letrec<{ node: TypeNode; solid: TypeNode }>((tie) => ({
  solid: fc.oneof(
    { maxDepth: 4 },
    scalar.filter(({ kind }) => kind !== 'null'),
    fc.record({ kind: fc.constant('literals' as const), values: fc.array(literal, { minLength: 1, maxLength: 4 }) }),
    fc.record({
      kind: fc.constant('array' as const),
      items: tie('node'),
      minItems: count,
      maxItems: count,
      unique: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('tuple' as const), items: fc.array(tie('node'), { maxLength: 3 }) }),
    fc.record({
      kind: fc.constant('map' as const),
      key,
      value: tie('node'),
      minEntries: count,
      maxEntries: count,
    }),
  ),
  node: fc.oneof(
    tie('solid'),
    fc.constant({ kind: 'null' as const }),
    fc.record({ kind: fc.constant('nullable' as const), of: tie('solid') }),
  ),
}))

test('whatever type the lock writes is read back, with all its bounds', () => {
  fc.assert(
    fc.property(node, (type) => {
      expect(parseLockedType(nodeText(type))).toEqual(type)
    }),
  )
})

test('what the wire hash is made of has no bounds, however the type is bounded', () => {
  fc.assert(
    fc.property(node, (type) => {
      expect(bareText(parseLockedType(bareText(type)))).toBe(bareText(type))
      expect(bareText(parseLockedType(nodeText(type)))).toBe(bareText(type))
    }),
  )
})

test.each([
  ['string(maxLength 64, pattern "^a+$")', { kind: 'string', maxLength: 64, pattern: { source: '^a+$', flags: 'u' } }],
  ['string(pattern "^\\"|\\\\)$", flags "i", format "uuid")', { pattern: { source: '^"|\\)$', flags: 'i' }, format: 'uuid' }],
  ['integer(minimum 0)', { kind: 'integer', minimum: 0, maximum: undefined }],
  ['bigint(minimum -1000000000000000000000)', { kind: 'bigint', minimum: -(10n ** 21n) }],
  ['number(exclusiveMinimum 1e-7)', { kind: 'number', exclusiveMinimum: 1e-7 }],
  ['string[](maxItems 5)', { kind: 'array', items: { kind: 'string' }, maxItems: 5, unique: false }],
  [
    '(string | null)[](unique)[](minItems 1)',
    { kind: 'array', minItems: 1, items: { kind: 'array', unique: true, items: { kind: 'nullable' } } },
  ],
  ['Map<string(maxLength 9), bytes>(maxEntries 3)', { kind: 'map', key: { maxLength: 9 }, value: { kind: 'bytes' }, maxEntries: 3 }],
])('%s is read', (text, type) => {
  expect(parseLockedType(text)).toMatchObject(type)
  expect(nodeText(parseLockedType(text))).toBe(text)
})

test('every type in the lock of the kitchen sink is read', () => {
  const { versions } = JSON.parse(readFileSync(new URL('./golden/kitchen-sink/kitchen-sink.wire.json', import.meta.url), 'utf8'))
  const texts = [...JSON.stringify(versions[1].types).matchAll(/"(?:type|is)":("(?:[^"\\]|\\.)*")/g)].map(([, text = '']) =>
    String(JSON.parse(text)),
  )
  expect(texts.length).toBeGreaterThan(50)
  for (const text of texts) expect(() => parseLockedType(text), text).not.toThrow()
})

test('a field of the state is a table, or a cell of any type', () => {
  expect(parseLockedState('Table<string(maxLength 5), Größe[]>')).toMatchObject({
    kind: 'table',
    key: { kind: 'string', maxLength: 5 },
    value: { kind: 'array', items: { kind: 'named', name: 'Größe' } },
  })
  expect(parseLockedState('Table<integer, Map<string, ">"> | null>')).toMatchObject({ kind: 'table', value: { kind: 'nullable' } })
  expect(parseLockedState('Map<string, integer>')).toMatchObject({ kind: 'cell', type: { kind: 'map' } })
  expect(parseLockedState('"Table<a>"')).toEqual({ kind: 'cell', type: { kind: 'literals', values: ['Table<a>'] } })
  expect(() => parseLockedState('Table<string>')).toThrow(SyntaxError)
  expect(() => parseLockedState('Table<string, a> | Map<string, b>')).toThrow(SyntaxError)
})

const none = ['', '[', 'a b', 'string | integer', 'Map<string>', 'Map<string, a, b>', 'Map<bytes, a>', '(string', '"open', 'string |', '?']
const noBounds = ['string(', 'string()', 'string(maxLength)', 'string(minimum 1)', 'string(maxLength "1")', 'integer(minimum 1, minimum 1)']
const noValues = [
  'string(format "none")',
  'bigint(minimum 1.5)',
  'boolean(minimum 1)',
  'A(maxLength 1)',
  'string(maxLength 1',
  'a[](unique 1)',
]
test.each([...none, ...noBounds, ...noValues])('%j is no type', (text) => {
  expect(() => parseLockedType(text)).toThrow(new SyntaxError(`the wire lock has the type ${text}, which is none`))
})

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nodeText } from '../../codegen/lock.ts'
import { type LockedNode, parseLockedState, parseLockedType } from '../../codegen/locked-type.ts'
import type { TypeNode } from '../../codegen/model.ts'

const unbounded = { minLength: undefined, maxLength: undefined, pattern: undefined, format: undefined }
const scalar: fc.Arbitrary<TypeNode> = fc.constantFrom(
  { kind: 'string', ...unbounded },
  { kind: 'integer', minimum: undefined, maximum: undefined, multipleOf: undefined },
  {
    kind: 'number',
    minimum: undefined,
    maximum: undefined,
    exclusiveMinimum: undefined,
    exclusiveMaximum: undefined,
    multipleOf: undefined,
  },
  { kind: 'bigint', minimum: undefined, maximum: undefined, multipleOf: undefined },
  { kind: 'bytes', minLength: undefined, maxLength: undefined },
  { kind: 'boolean' },
  { kind: 'null' },
  { kind: 'named', name: 'Größe' },
  { kind: 'named', name: 'Map' },
)
const literal = fc.oneof(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean())
const key: fc.Arbitrary<Extract<TypeNode, { kind: 'map' }>['key']> = fc.constantFrom(
  { kind: 'string', ...unbounded },
  { kind: 'integer', minimum: undefined, maximum: undefined, multipleOf: undefined },
)

/** What the generator makes: a nullable of something that is not null already, an array of anything. */
const { node } = fc.letrec<{ node: TypeNode; solid: TypeNode }>((tie) => ({
  solid: fc.oneof(
    { maxDepth: 4 },
    scalar.filter(({ kind }) => kind !== 'null'),
    fc.record({ kind: fc.constant('literals' as const), values: fc.array(literal, { minLength: 1, maxLength: 4 }) }),
    fc.record({
      kind: fc.constant('array' as const),
      items: tie('node'),
      minItems: fc.constant(undefined),
      maxItems: fc.constant(undefined),
      unique: fc.constant(false),
    }),
    fc.record({ kind: fc.constant('tuple' as const), items: fc.array(tie('node'), { maxLength: 3 }) }),
    fc.record({
      kind: fc.constant('map' as const),
      key,
      value: tie('node'),
      minEntries: fc.constant(undefined),
      maxEntries: fc.constant(undefined),
    }),
  ),
  node: fc.oneof(
    tie('solid'),
    fc.constant({ kind: 'null' as const }),
    fc.record({ kind: fc.constant('nullable' as const), of: tie('solid') }),
  ),
}))

/** Without what the lock does not hold. */
function bare(of: TypeNode): LockedNode {
  switch (of.kind) {
    case 'named':
      return { kind: 'named', name: of.name }
    case 'literals':
      // -0 is written as 0, as it is on the wire.
      return { kind: 'literals', values: of.values.map((value) => (value === 0 ? 0 : value)) }
    case 'nullable':
      return { kind: 'nullable', of: bare(of.of) }
    case 'array':
      return { kind: 'array', items: bare(of.items) }
    case 'tuple':
      return { kind: 'tuple', items: of.items.map(bare) }
    case 'map':
      return { kind: 'map', key: bare(of.key), value: bare(of.value) }
    default:
      return { kind: of.kind }
  }
}

test('whatever type the lock writes is read back', () => {
  fc.assert(
    fc.property(node, (type) => {
      expect(parseLockedType(nodeText(type))).toEqual(bare(type))
    }),
  )
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
  expect(parseLockedState('Table<string, Größe[]>')).toEqual({
    kind: 'table',
    key: { kind: 'string' },
    value: { kind: 'array', items: { kind: 'named', name: 'Größe' } },
  })
  expect(parseLockedState('Table<integer, Map<string, ">"> | null>')).toMatchObject({ kind: 'table', value: { kind: 'nullable' } })
  expect(parseLockedState('Map<string, integer>')).toMatchObject({ kind: 'cell', type: { kind: 'map' } })
  expect(parseLockedState('"Table<a>"')).toEqual({ kind: 'cell', type: { kind: 'literals', values: ['Table<a>'] } })
  expect(() => parseLockedState('Table<string>')).toThrow(SyntaxError)
  expect(() => parseLockedState('Table<string, a> | Map<string, b>')).toThrow(SyntaxError)
})

test.each(['', '[', 'a b', 'string | integer', 'Map<string>', 'Map<string, a, b>', '(string', '"open', 'string |', '?'])(
  '%j is no type',
  (text) => {
    expect(() => parseLockedType(text)).toThrow(new SyntaxError(`the wire lock has the type ${text}, which is none`))
  },
)

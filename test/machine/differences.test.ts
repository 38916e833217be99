import { expect, test } from 'vitest'
import { type Difference, differences, entryDifferences, named, placeText } from '../../src/machine/differences.ts'

const path = (found: Difference): string => placeText(found.place, (key) => JSON.stringify(key))

function said(found: Difference): string {
  if (found.kind === 'values') return `${path(found)}: ${found.here} / ${found.there}`
  if (found.kind === 'lengths') return `${path(found)}: ${found.here} / ${found.there} items`
  return `${path(found)}: ${found.kind} ${JSON.stringify(found.value)}`
}
const all = (here: unknown, there: unknown): readonly string[] => [...differences(named('v'), here, there)].map(said)

test.each([
  [null, null],
  [undefined, undefined],
  [{ a: [1, { b: 'x' }] }, { a: [1, { b: 'x' }] }],
  [Uint8Array.of(1, 2), Uint8Array.of(1, 2)],
  [new Map([['a', { b: 2n }]]), new Map([['a', { b: 2n }]])],
])('%j and %j do not differ', (here, there) => {
  expect(all(here, there)).toEqual([])
})

test.each<[string, unknown, unknown, readonly string[]]>([
  ['scalars', 1, 2, ['v: 1 / 2']],
  ['integers of any size', 1n, 2n, ['v: 1 / 2']],
  ['a value and null', { a: 1 }, { a: null }, ['v.a: 1 / null']],
  ['things of different kinds', { a: [1] }, { a: 'x' }, ['v.a: 1 / x']],
  ['bytes', { a: Uint8Array.of(1) }, { a: Uint8Array.of(1, 2) }, ['v.a: 1 / 1,2']],
  ['every field', { a: 1, b: 2, c: 3 }, { a: 1, b: 3, c: 4 }, ['v.b: 2 / 3', 'v.c: 3 / 4']],
  ['fields that only one has', { a: 1 }, { b: 2 }, ['v.a: onlyHere 1', 'v.b: onlyThere 2']],
  ['fields that are no identifiers', { 'a b': 1 }, { 'a b': 2 }, ['v["a b"]: 1 / 2']],
  ['items', [1, 2, 3], [1, 9, 4], ['v[1]: 2 / 9', 'v[2]: 3 / 4']],
  ['an item that was inserted', ['b', 'c'], ['a', 'b', 'c'], ['v: 2 / 3 items', 'v[0]: onlyThere "a"']],
  ['items that were appended', [1], [1, 1, 1], ['v: 1 / 3 items', 'v[1]: onlyThere 1', 'v[2]: onlyThere 1']],
  ['items that are gone from between', [1, 2, 3, 4], [1, 4], ['v: 4 / 2 items', 'v[1]: onlyHere 2', 'v[2]: onlyHere 3']],
  [
    'a Map',
    new Map([
      ['a', { n: 1 }],
      ['b', { n: 1 }],
    ]),
    new Map([
      ['b', { n: 2 }],
      ['c', { n: 3 }],
    ]),
    ['v["a"]: onlyHere {"n":1}', 'v["b"].n: 1 / 2', 'v["c"]: onlyThere {"n":3}'],
  ],
])('%s: all that differs, in order', (_, here, there, expected) => {
  expect(all(here, there)).toEqual(expected)
})

test('entries are walked in the order of their keys: integers by size', () => {
  const here = [[2, 'x'] as const, [10, 'x'] as const]
  const there = [[9, 'x'] as const, [10, 'y'] as const, [11, 'x'] as const]
  const found = [...entryDifferences(named('t'), here.values(), there.values())].map(said)
  expect(found).toEqual(['t[2]: onlyHere "x"', 't[9]: onlyThere "x"', 't[10]: x / y', 't[11]: onlyThere "x"'])
})

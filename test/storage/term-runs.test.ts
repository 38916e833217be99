import { expect, test } from 'vitest'
import type { EntryId, Index } from '../../src/core/types.ts'
import { TermRuns } from '../../src/storage/term-runs.ts'

/** Entries 1 to 30: ten of each of the terms 1, 3 and 4. */
function thirty(): TermRuns {
  const terms = new TermRuns({ term: 0, index: 0 })
  for (const [term, index] of [
    [1, 1],
    [3, 11],
    [4, 21],
  ] as const)
    terms.push(term, index)
  return terms
}

test.each<[EntryId, readonly [term: number, firstIndex: Index][]]>([
  [
    { term: 1, index: 5 },
    [
      [1, 6],
      [3, 11],
      [4, 21],
    ],
  ],
  [
    { term: 1, index: 10 },
    [
      [3, 11],
      [4, 21],
    ],
  ],
  [
    { term: 3, index: 11 },
    [
      [3, 12],
      [4, 21],
    ],
  ],
  [{ term: 4, index: 29 }, [[4, 30]]],
  [{ term: 4, index: 30 }, []],
])('the runs above the base %j are %j', (base, runs) => {
  const terms = thirty()
  terms.compact(base, 30)
  expect(terms.runs).toEqual(runs.map(([term, firstIndex]) => ({ term, firstIndex })))
  expect(terms.at(base.index)).toBe(base.term)
  terms.truncate(base.index + 1)
  expect(terms.at(base.index)).toBe(base.term)
})

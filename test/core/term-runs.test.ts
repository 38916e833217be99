import fc from 'fast-check'
import { expect, test } from 'vitest'
import { InvariantError, type Term } from '../../src/core/index.ts'
import { TermRuns } from '../../src/core/term-runs.ts'

const base = { term: 1, index: 3 }
/** Terms of entries 4, 5, ... after a base of term 1. */
const termsArbitrary = fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 12 }).map((terms) => terms.sort((a, b) => a - b))

function runsOf(terms: readonly Term[]): TermRuns {
  const runs = new TermRuns({ base, runs: [], lastIndex: base.index })
  for (const [i, term] of terms.entries()) runs.append({ term, index: base.index + 1 + i })
  return runs
}

test('every index has the term it was appended with, also after a truncation', () => {
  fc.assert(
    fc.property(termsArbitrary, fc.nat({ max: 12 }), (terms, cut) => {
      const runs = runsOf(terms)
      const kept = cut < terms.length ? terms.slice(0, cut) : terms
      if (cut < terms.length) runs.truncateFrom(base.index + 1 + cut)
      expect(runs.lastIndex).toBe(base.index + kept.length)
      expect(runs.lastTerm).toBe(kept[kept.length - 1] ?? base.term)
      for (let index = 0; index < 20; index++) {
        expect(runs.termAt(index)).toBe(index === base.index ? base.term : kept[index - base.index - 1])
      }
    }),
  )
})

test('the hint is the newest entry that is neither later nor of a later term (§3.5)', () => {
  fc.assert(
    fc.property(termsArbitrary, fc.integer({ min: 3, max: 17 }), fc.integer({ min: 1, max: 7 }), (terms, index, term) => {
      const all = [base, ...terms.map((of, i) => ({ term: of, index: base.index + 1 + i }))]
      const expected = all.filter((id) => id.index <= index && id.term <= term).pop()
      expect(runsOf(terms).newestNotAfter({ term, index })).toEqual(expected)
    }),
  )
})

test('a log whose terms fall, or that has a gap, is not taken', () => {
  const runs = [
    { term: 4, firstIndex: 4 },
    { term: 2, firstIndex: 6 },
  ]
  expect(() => new TermRuns({ base, runs, lastIndex: 9 })).toThrow(new InvariantError('the run of term 2 follows that of term 4'))
  expect(() => new TermRuns({ base, runs: [{ term: 4, firstIndex: 6 }], lastIndex: 9 })).toThrow(
    new InvariantError('the log starts at 6, after a base at 3'),
  )
  expect(() => runsOf([2]).append({ term: 1, index: 5 })).toThrow(new InvariantError('entry 5 has term 1, the one before it 2'))
  expect(() => runsOf([2]).append({ term: 2, index: 6 })).toThrow(new InvariantError('entry 6 does not follow 4'))
})

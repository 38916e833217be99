import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DigestRing } from '../../src/machine/digest-ring.ts'
import { DifferenceSearch, digestsOf } from '../../src/node/difference-search.ts'

/** Of a replica that has been `first` to `last`, and is another than the rest from `wrongAt` on. */
function ringOf({ first = 1, last, wrongAt = Number.POSITIVE_INFINITY }: { first?: number; last: number; wrongAt?: number }): DigestRing {
  const ring = new DigestRing()
  for (let index = first; index <= last; index++) ring.note(index, { low: index, high: index >= wrongAt ? 1 : 0 })
  return ring
}

/** Until it is found; the number of questions must not grow with the log. */
function search(ours: DigestRing, theirs: DigestRing, { equalAt, differsAt }: { readonly equalAt: number; readonly differsAt: number }) {
  const found = new DifferenceSearch(ours, { peer: 2, equalAt, differsAt })
  for (let questions = 0; found.result === undefined; questions++) {
    if (questions > 4) throw new Error('it asks without end')
    found.receive({ kind: 'DigestsChunk', from: 2, to: 1, term: 1, ...digestsOf(theirs, found.question) })
  }
  return found.result
}

test('finds the first entry, wherever it is, and whichever of both is wrong', () => {
  const length = 60_000
  fc.assert(
    fc.property(fc.integer({ min: 1, max: length }), fc.nat(length), fc.boolean(), (wrongAt, before, isOurs) => {
      const good = ringOf({ last: length })
      const bad = ringOf({ last: length, wrongAt })
      const given = { equalAt: Math.max(0, wrongAt - 1 - before), differsAt: length }
      const expected = { index: wrongAt, isFirst: true }
      expect(isOurs ? search(bad, good, given) : search(good, bad, given)).toEqual(expected)
    }),
    { numRuns: 30 },
  )
})

test.each([
  { ours: 1, theirs: 500 },
  { ours: 500, theirs: 1 },
  { ours: 500, theirs: 500 },
])('where it lies further back than is remembered, says from where on they differ (%j)', ({ ours, theirs }) => {
  const good = ringOf({ first: ours, last: 20_000 })
  const bad = ringOf({ first: theirs, last: 20_000, wrongAt: 300 })
  expect(search(good, bad, { equalAt: 0, differsAt: 20_000 })).toEqual({ index: 500, isFirst: false })
})

test('of a peer that remembers nothing of it learns no more than it knew', () => {
  const found = new DifferenceSearch(ringOf({ last: 90 }), { peer: 2, equalAt: 0, differsAt: 80 })
  found.receive({ kind: 'DigestsChunk', from: 2, to: 1, term: 1, firstIndex: 1, stride: 1, digests: [] })
  expect(found.result).toEqual({ index: 80, isFirst: false })
})

test('asks nothing where it is known already', () => {
  expect(new DifferenceSearch(ringOf({ last: 90 }), { peer: 2, equalAt: 79, differsAt: 80 }).result).toEqual({ index: 80, isFirst: true })
})

import { expect, test } from 'vitest'
import { DigestRing, digestRingEntries } from '../../src/machine/digest-ring.ts'

const digest = (index: number) => ({ low: index | 0, high: -index })

test('remembers the digests of the last entries, and of no others', () => {
  const ring = new DigestRing()
  expect(ring.at(0)).toBeUndefined()
  for (let index = 1; index <= digestRingEntries + 10; index++) ring.note(index, digest(index))
  expect([ring.first, ring.last]).toEqual([11, digestRingEntries + 10])
  expect(ring.at(10)).toBeUndefined()
  expect(ring.at(11)).toEqual(digest(11))
  expect(ring.at(digestRingEntries + 10)).toEqual(digest(digestRingEntries + 10))
  expect(ring.at(digestRingEntries + 11)).toBeUndefined()
})

test('begins anew where a state takes the place of another', () => {
  const ring = new DigestRing()
  for (const index of [1, 2, 3, 70, 71]) ring.note(index, digest(index))
  expect([ring.first, ring.last]).toEqual([70, 71])
  expect(ring.at(3)).toBeUndefined()
  ring.note(20, digest(20))
  expect([ring.first, ring.last, ring.at(70)]).toEqual([20, 20, undefined])
})

test('begins anew, too, where the state that takes the place of another is that of the very next entry', () => {
  const ring = new DigestRing()
  for (const index of [1, 2, 3]) ring.note(index, digest(index))
  ring.begin(4, digest(4))
  ring.note(5, digest(5))
  expect([ring.first, ring.last, ring.at(3), ring.at(4)]).toEqual([4, 5, undefined, digest(4)])
})

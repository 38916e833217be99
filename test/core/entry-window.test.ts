import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EntryWindow } from '../../src/core/entry-window.ts'
import { bytesOfEntries } from '../../src/core/limits.ts'
import { type Entry, entryOverheadBytes } from '../../src/core/index.ts'
import { entryOf } from './core-cluster.ts'

const stepArbitrary = fc.oneof(
  fc.record({ kind: fc.constant('push' as const), length: fc.nat({ max: 9 }) }),
  fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ kind: fc.constant('truncate' as const), back: fc.nat({ max: 6 }) }),
  fc.record({ kind: fc.constant('evict' as const), back: fc.nat({ max: 8 }), bytesMax: fc.nat({ max: 400 }) }),
  fc.record({ kind: fc.constant('seal' as const) }),
  fc.record({
    kind: fc.constant('slice' as const),
    back: fc.nat({ max: 8 }),
    count: fc.integer({ min: 1, max: 6 }),
    bytesMax: fc.nat({ max: 400 }),
  }),
)

test('a window gives what was put into it, whatever was cut off at either end', () => {
  fc.assert(
    fc.property(fc.array(stepArbitrary, { maxLength: 60 }), (steps) => {
      const window = new EntryWindow(1)
      let all: Entry[] = []
      let term = 1
      let sealedBelow = 1
      const given: { readonly entries: readonly Entry[]; readonly copy: readonly Entry[] }[] = []
      const kept = () => all.filter(({ index }) => index >= window.firstIndex)
      for (const step of steps) {
        const end = all.length + 1
        if (step.kind === 'push') {
          const entry = entryOf({ term, index: end, word: 'x'.repeat(step.length) })
          window.push(entry)
          all.push(entry)
        } else if (step.kind === 'append') {
          const entries = Array.from({ length: step.count }, (_, i) => entryOf({ term, index: end + i }))
          window.append(entries)
          all.push(...entries)
        } else if (step.kind === 'truncate') {
          const from = Math.max(1, end - step.back)
          if (from < end) window.truncateFrom(from)
          all = all.slice(0, from - 1)
          sealedBelow = Math.min(sealedBelow, from)
          term++
        } else if (step.kind === 'evict') {
          window.evict({ lastIndex: Math.min(sealedBelow - 1, end - 1 - step.back), bytesMax: step.bytesMax })
        } else if (step.kind === 'seal' && sealedBelow < end) {
          const entries = window.seal(sealedBelow)
          expect(entries).toEqual(all.slice(sealedBelow - 1))
          given.push({ entries, copy: [...entries] })
          sealedBelow = end
        } else if (step.kind === 'slice') {
          const firstIndex = Math.max(1, end - 1 - step.back)
          const lastIndex = Math.min(end - 1, firstIndex + step.count - 1)
          if (firstIndex > lastIndex) continue
          const entries = window.slice({ firstIndex, lastIndex, bytesMax: step.bytesMax })
          if (entries === undefined) expect(firstIndex).toBeLessThan(window.firstIndex)
          else {
            expect(entries).toEqual(all.slice(firstIndex - 1, firstIndex - 1 + entries.length))
            expect(entries.length).toBeGreaterThan(0)
            if (entries.length > 1) expect(bytesOfEntries(entries)).toBeLessThanOrEqual(step.bytesMax)
            const next = all[firstIndex - 1 + entries.length]
            if (entries.length < lastIndex - firstIndex + 1 && next !== undefined) {
              expect(bytesOfEntries([...entries, next])).toBeGreaterThan(step.bytesMax)
            }
            given.push({ entries, copy: [...entries] })
          }
        }
        expect(window.bytes).toBe(bytesOfEntries(kept()))
        expect(window.bytesOf({ firstIndex: 1, lastIndex: all.length })).toBe(bytesOfEntries(kept()))
      }
      // Codecs remember arrays by identity: what was given out must never change.
      for (const { entries, copy } of given) expect(entries).toEqual(copy)
    }),
    { numRuns: 300 },
  )
})

test('bytes of a part of the window are those of its entries', () => {
  const window = new EntryWindow(1)
  window.append([entryOf({ term: 1, index: 1, word: 'a' }), entryOf({ term: 1, index: 2, word: 'bb' })])
  window.append([entryOf({ term: 1, index: 3, word: 'ccc' }), entryOf({ term: 1, index: 4, word: 'dddd' })])
  expect(window.bytesOf({ firstIndex: 2, lastIndex: 3 })).toBe(5 + 2 * entryOverheadBytes)
  expect(window.bytesOf({ firstIndex: 3, lastIndex: 9 })).toBe(7 + 2 * entryOverheadBytes)
})

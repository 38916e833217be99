import { describe, expect, test } from 'vitest'
import { confOfVoters, type Entry, type Index, type Persist } from '../../src/core/index.ts'
import { Skips } from '../../src/node/skips.ts'
import type { EntriesDone, EntriesRange, Skip } from '../../src/ports/log.ts'
import { encodeEnvelope } from '../../src/wire/envelope-codec.ts'
import { memberOf } from './nodes.ts'

const plain = (index: Index): Entry => ({ term: 1, index, kind: 'command', data: Uint8Array.of(0), conf: undefined })
const skip = (index: Index, skipped: Index): Entry => ({
  ...plain(index),
  data: encodeEnvelope({ kind: 'skip', now: 0, skipped }),
})
const write = (given: Partial<Persist>): Persist => ({
  seq: 1,
  hardState: { term: 1, votedFor: undefined },
  reset: undefined,
  truncateFrom: undefined,
  entries: [],
  ...given,
})

/** Of a log that holds `entries`, all of them not applied, and gives two of them at a time when the test says so. */
function reading(entries: readonly Entry[], known?: readonly Skip[]) {
  const asked: { readonly range: EntriesRange; readonly done: EntriesDone }[] = []
  const failures: string[] = []
  let woken = 0
  const log = { entries: (range: EntriesRange, done: EntriesDone) => void asked.push({ range, done }), ...(known && { skips: known }) }
  const wake = () => {
    woken += 1
  }
  const fail = ({ message }: Error) => void failures.push(message)
  const skips = new Skips({ log, wake, fail }, { firstIndex: entries[0]?.index ?? 1, lastIndex: entries.at(-1)?.index ?? 0 })
  /** Answers what was asked, from `from` where that is not the same any more. */
  const answer = (from = entries) => {
    for (const { range, done } of asked.splice(0)) {
      done(undefined, from.filter(({ index }) => index >= range.firstIndex && index <= range.lastIndex).slice(0, 2))
    }
  }
  return { skips, answer, failures, woken: () => woken }
}

describe('what is to be skipped', () => {
  test('is read once from what earlier lives left behind, and nothing is applied before', () => {
    const { skips, answer, woken } = reading([plain(5), plain(6), skip(7, 5), plain(8), skip(9, 6)])
    const seen = [skips.isReading]
    for (let i = 0; i < 3; i++) {
      answer()
      seen.push(skips.isReading)
    }
    expect(seen).toEqual([true, true, true, false])
    expect([skips.of(5), skips.of(6), skips.of(7), woken()]).toEqual([7, 9, undefined, 1])
  })

  test('is not read where the log tells it, nor where all of the log is applied', () => {
    const told = reading(
      [plain(5), plain(6)],
      [
        { index: 3, skipped: 1 },
        { index: 6, skipped: 5 },
      ],
    )
    expect([told.skips.isReading, told.skips.of(5), told.skips.of(1)]).toEqual([false, 6, undefined])
    expect(reading([]).skips.isReading).toBe(false)
  })

  test('is seen in what is written, the first of several counts', () => {
    const { skips } = reading([])
    skips.written(write({ entries: [plain(1), skip(2, 1), skip(3, 1)] }))
    expect(skips.of(1)).toBe(2)
  })

  test('goes with what is truncated, and with a log that gives way to a snapshot', () => {
    const { skips } = reading([])
    skips.written(write({ entries: [plain(1), skip(2, 1), plain(3), skip(4, 3)] }))
    skips.written(write({ truncateFrom: 4, entries: [plain(4)] }))
    expect([skips.of(1), skips.of(3)]).toEqual([2, undefined])
    const conf = confOfVoters([memberOf(1)])
    skips.written(write({ reset: { id: { term: 2, index: 9 }, conf }, entries: [skip(10, 8)] }))
    expect([skips.of(1), skips.of(8)]).toEqual([undefined, 10])
  })

  test('is forgotten once it is applied', () => {
    const { skips } = reading([])
    skips.written(write({ entries: [plain(1), skip(2, 1)] }))
    skips.applied(1)
    expect(skips.isEmpty).toBe(false)
    skips.applied(2)
    expect(skips.isEmpty).toBe(true)
  })

  test('is not taken from what was truncated while it was read', () => {
    const { skips, answer, failures } = reading([plain(5), plain(6), skip(7, 5), skip(8, 6)])
    answer()
    skips.written(write({ truncateFrom: 7, entries: [plain(7), skip(8, 5)] }))
    answer()
    expect([skips.isReading, skips.of(5), skips.of(6), failures]).toEqual([false, 8, undefined, []])
  })

  test('cannot be told of a log that does not have what it says it has', () => {
    const { answer, failures } = reading([plain(5), plain(6)])
    answer([])
    expect(failures).toEqual(['entry 5 is not in the log'])
  })
})

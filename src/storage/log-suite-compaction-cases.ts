// Cases for the front of a log: compaction behind a snapshot, and the snapshot that takes the place of a log.
import assert from 'node:assert/strict'
import type { Entry } from '../core/types.ts'
import type { Log } from '../ports/log.ts'
import {
  append,
  baseAt,
  type Case,
  called,
  commands,
  compact,
  confEntry,
  ends,
  otherConf,
  persist,
  read,
  readOne,
  summary,
} from './log-suite-support.ts'

const term = (number: number): { readonly term: number; readonly votedFor: undefined } => ({ term: number, votedFor: undefined })

/** 60 entries in three writes: terms 1, 1, 2. */
async function sixty(log: Log): Promise<readonly Entry[]> {
  const entries = [...commands(1, 1, 40), ...commands(2, 41, 20)]
  for (let first = 0; first < 60; first += 20) await append(log, { hardState: term(2), entries: entries.slice(first, first + 20) })
  return entries
}

export const compactionCases: readonly Case<[]>[] = [
  {
    name: 'a compaction drops everything up to its base, wherever writes began',
    run: async (log) => {
      const all = await sixty(log)
      for (const index of [1, 19, 20, 21, 39, 45, 59]) {
        await compact(log, baseAt({ term: index > 40 ? 2 : 1, index }))
        assert.deepEqual(ends(log), { currentTerm: 2, votedFor: undefined, firstIndex: index + 1, lastIndex: 60, lastTerm: 2 })
        assert.deepEqual(await read(log, index + 1, 99), all.slice(index), `after a compaction at ${index}`)
      }
      return undefined
    },
  },
  {
    name: 'below the base there is nothing to read',
    run: async (log) => {
      const all = await sixty(log)
      await compact(log, baseAt({ term: 1, index: 30 }))
      assert.deepEqual(await read(log, 1, 60), [])
      assert.deepEqual(await read(log, 30, 60), [])
      assert.equal(await readOne(log, 30), undefined)
      assert.deepEqual(await readOne(log, 31), all[30])
      return undefined
    },
  },
  {
    name: 'a compaction at the base or below it does nothing',
    run: async (log) => {
      const all = await sixty(log)
      await compact(log, baseAt({ term: 0, index: 0 }))
      assert.equal(log.firstIndex, 1)
      await compact(log, baseAt({ term: 1, index: 30 }))
      await compact(log, baseAt({ term: 1, index: 30 }))
      await compact(log, baseAt({ term: 1, index: 12 }))
      assert.equal(log.firstIndex, 31)
      assert.deepEqual(await read(log, 31, 60), all.slice(30))
      return undefined
    },
  },
  {
    name: 'a log that was compacted as a whole is empty, keeps its last term, and goes on after its base',
    run: async (log) => {
      await sixty(log)
      await compact(log, baseAt({ term: 2, index: 60 }))
      assert.deepEqual(ends(log), { currentTerm: 2, votedFor: undefined, firstIndex: 61, lastIndex: 60, lastTerm: 2 })
      assert.deepEqual(await read(log, 61, 99), [])
      await append(log, { hardState: term(3), entries: commands(3, 61, 5) })
      assert.deepEqual(await read(log, 61, 99), commands(3, 61, 5))
      return undefined
    },
  },
  {
    name: 'a compaction takes its turn among the writes',
    run: async (log) => {
      const order: string[] = []
      const note = (name: string, done: (error: Error | undefined) => void) => (error: Error | undefined) => {
        order.push(`${name}: ${log.firstIndex} to ${log.latestLogIndex}`)
        done(error)
      }
      await Promise.all([
        called((done) => log.appendEntries(persist({ entries: commands(1, 1, 10) }), note('append', done))),
        called((done) => log.compact(baseAt({ term: 1, index: 7 }), note('compact', done))),
        called((done) => log.appendEntries(persist({ truncateFrom: 8, entries: commands(1, 8, 1) }), note('truncate', done))),
        called((done) => log.compact(baseAt({ term: 1, index: 5 }), note('compact lower', done))),
      ])
      assert.deepEqual(order, ['append: 1 to 10', 'compact: 8 to 10', 'truncate: 8 to 8', 'compact lower: 8 to 8'])
      return undefined
    },
  },
  {
    name: 'a truncation of a compacted log leaves what lies between base and truncation',
    run: async (log) => {
      const all = await sixty(log)
      await compact(log, baseAt({ term: 1, index: 25 }))
      await append(log, { hardState: term(3), truncateFrom: 33, entries: commands(3, 33, 2) })
      assert.deepEqual(await read(log, 26, 99), [...all.slice(25, 32), ...commands(3, 33, 2)])
      await append(log, { hardState: term(4), truncateFrom: 26 })
      assert.deepEqual(ends(log), { currentTerm: 4, votedFor: undefined, firstIndex: 26, lastIndex: 25, lastTerm: 1 })
      await append(log, { hardState: term(4), entries: commands(4, 26, 3) })
      assert.deepEqual(await read(log, 26, 99), commands(4, 26, 3))
      return undefined
    },
  },
  {
    name: 'reads beside a compaction give the log before it or after it',
    run: async (log) => {
      const all = await sixty(log)
      const reads = [read(log, 5, 60), read(log, 50, 60)]
      const compaction = compact(log, baseAt({ term: 1, index: 30 }))
      reads.push(read(log, 5, 60), read(log, 50, 60))
      await compaction
      const [before, tailBefore, after, tailAfter] = await Promise.all(reads)
      assert.deepEqual(before, all.slice(4))
      assert.deepEqual([tailBefore, tailAfter], [all.slice(49), all.slice(49)])
      assert.ok(after?.length === 0 || after?.length === 56, `${after?.length} entries`)
      return undefined
    },
  },
  {
    name: 'a reset drops everything, and the log begins anew after its base',
    run: async (log) => {
      await sixty(log)
      for (const index of [100, 30]) {
        await append(log, { hardState: { term: 7, votedFor: 2 }, reset: baseAt({ term: 5, index }) })
        assert.deepEqual(ends(log), { currentTerm: 7, votedFor: 2, firstIndex: index + 1, lastIndex: index, lastTerm: 5 })
        assert.deepEqual(await read(log, 1, 999), [])
        assert.deepEqual(await read(log, index + 1, 999), [])
      }
      return undefined
    },
  },
  {
    name: 'a reset and the entries that follow it are one write',
    run: async (log) => {
      await sixty(log)
      await compact(log, baseAt({ term: 1, index: 10 }))
      await append(log, { hardState: term(6), reset: baseAt({ term: 5, index: 41 }), entries: commands(6, 42, 5) })
      assert.deepEqual(ends(log), { currentTerm: 6, votedFor: undefined, firstIndex: 42, lastIndex: 46, lastTerm: 6 })
      assert.deepEqual(await read(log, 42, 99), commands(6, 42, 5))
      await append(log, { hardState: term(6), truncateFrom: 45, entries: commands(6, 45, 3) })
      await compact(log, baseAt({ term: 6, index: 43 }))
      assert.deepEqual(await read(log, 44, 99), [...commands(6, 44, 1), ...commands(6, 45, 3)])
      return undefined
    },
  },
]

export const storedCompactionCases: readonly Case<[reopen: (log: Log) => Promise<Log>]>[] = [
  {
    name: 'a compacted log is there after a reopen: base, terms and configurations above it',
    run: async (log, reopen) => {
      await append(log, { hardState: term(1), entries: [...commands(1, 1, 3), confEntry(1, 4), ...commands(1, 5, 6)] })
      await append(log, { hardState: term(3), entries: [...commands(2, 11, 2), ...commands(3, 13, 3), confEntry(3, 16)] })
      const bases = [
        { id: { term: 1, index: 4 }, terms: [1, 2, 3] },
        { id: { term: 1, index: 10 }, terms: [2, 3] },
        { id: { term: 2, index: 11 }, terms: [2, 3] },
        { id: { term: 3, index: 14 }, terms: [3] },
      ]
      let opened = log
      for (const { id, terms } of bases) {
        await compact(opened, baseAt(id))
        opened = await reopen(opened)
        const starts = new Map([
          [1, 1],
          [2, 11],
          [3, 13],
        ])
        const runs = terms.map((term) => ({ term, firstIndex: Math.max(starts.get(term) ?? 0, id.index + 1) }))
        const confs = [{ index: 16, conf: otherConf }]
        assert.deepEqual(opened.summary, summary({ hardState: term(3), base: baseAt(id), lastIndex: 16, terms: runs, confs }))
        assert.equal((await read(opened, id.index + 1, 99)).length, 16 - id.index)
      }
      return opened
    },
  },
  {
    name: 'a log that was compacted as a whole opens empty, and goes on',
    run: async (log, reopen) => {
      await sixty(log)
      await compact(log, baseAt({ term: 2, index: 60 }))
      const empty = await reopen(log)
      const base = baseAt({ term: 2, index: 60 })
      assert.deepEqual(empty.summary, summary({ hardState: term(2), base, lastIndex: 60 }))
      await append(empty, { hardState: term(2), entries: commands(2, 61, 5) })
      const opened = await reopen(empty)
      assert.deepEqual(await read(opened, 61, 99), commands(2, 61, 5))
      return opened
    },
  },
  {
    name: 'what was truncated inside the write into which the base falls is gone after a reopen',
    run: async (log, reopen) => {
      const all = await sixty(log)
      await compact(log, baseAt({ term: 1, index: 25 }))
      await append(log, { hardState: term(3), truncateFrom: 28, entries: commands(3, 28, 2) })
      const twice = await reopen(log)
      assert.deepEqual(await read(twice, 26, 99), [...all.slice(25, 27), ...commands(3, 28, 2)])
      await append(twice, { hardState: term(3), truncateFrom: 26 })
      const opened = await reopen(twice)
      assert.deepEqual(opened.summary, summary({ hardState: term(3), base: baseAt({ term: 1, index: 25 }), lastIndex: 25 }))
      return opened
    },
  },
  {
    name: 'a reset, over a longer log and over a shorter one, is there after a reopen',
    run: async (log, reopen) => {
      await sixty(log)
      await append(log, { hardState: term(4), reset: baseAt({ term: 3, index: 30 }), entries: commands(4, 31, 4) })
      const shorter = await reopen(log)
      const terms = [{ term: 4, firstIndex: 31 }]
      assert.deepEqual(shorter.summary, summary({ hardState: term(4), base: baseAt({ term: 3, index: 30 }), lastIndex: 34, terms }))
      assert.deepEqual(await read(shorter, 31, 99), commands(4, 31, 4))
      await append(shorter, { hardState: { term: 9, votedFor: 1 }, reset: baseAt({ term: 8, index: 1_000 }) })
      const longer = await reopen(shorter)
      const hardState = { term: 9, votedFor: 1 }
      assert.deepEqual(longer.summary, summary({ hardState, base: baseAt({ term: 8, index: 1_000 }), lastIndex: 1_000 }))
      await append(longer, { hardState, entries: commands(9, 1_001, 3) })
      const opened = await reopen(longer)
      assert.deepEqual(await read(opened, 1_001, 9_999), commands(9, 1_001, 3))
      return opened
    },
  },
]

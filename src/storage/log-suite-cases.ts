// Cases for every log.
import assert from 'node:assert/strict'
import type { Entry, Index, Persist } from '../core/types.ts'
import {
  append,
  type Case,
  called,
  commands,
  confEntry,
  ends,
  kibibyte,
  persist,
  plainEntries,
  read,
  readOne,
  summary,
} from './log-suite-support.ts'

export const cases: readonly Case<[]>[] = [
  {
    name: 'a new log is empty, of term 0, without a vote',
    run: async (log) => {
      assert.deepEqual(ends(log), { currentTerm: 0, votedFor: undefined, firstIndex: 1, lastIndex: 0, lastTerm: 0 })
      assert.deepEqual(log.summary, summary({ hardState: { term: 0, votedFor: undefined } }))
      assert.deepEqual(await read(log, 1, 10), [])
      assert.equal(await readOne(log, 1), undefined)
      return undefined
    },
  },
  {
    name: 'a write sets term, vote and entries together',
    run: async (log) => {
      const entries = commands(3, 1, 5)
      await append(log, { hardState: { term: 3, votedFor: 2 }, entries })
      assert.deepEqual(ends(log), { currentTerm: 3, votedFor: 2, firstIndex: 1, lastIndex: 5, lastTerm: 3 })
      assert.deepEqual(await read(log, 1, 5), entries)
      return undefined
    },
  },
  {
    name: 'a write without entries sets term and vote and leaves the entries',
    run: async (log) => {
      await append(log, { hardState: { term: 1, votedFor: undefined }, entries: commands(1, 1, 2) })
      await append(log, { hardState: { term: 4, votedFor: undefined } })
      await append(log, { hardState: { term: 4, votedFor: 3 } })
      assert.deepEqual(ends(log), { currentTerm: 4, votedFor: 3, firstIndex: 1, lastIndex: 2, lastTerm: 1 })
      await append(log, { hardState: { term: 5, votedFor: undefined } })
      assert.equal(log.votedFor, undefined)
      return undefined
    },
  },
  {
    name: 'no callback comes before its call has returned',
    run: async (log) => {
      await append(log, { entries: commands(1, 1, 3) })
      const early: string[] = []
      let returned = false
      const calls = [
        called((done) => log.appendEntries(persist({ entries: commands(1, 4, 1) }), note('appendEntries', done))),
        called((done) => log.entries({ firstIndex: 1, lastIndex: 3, bytesMax: 9 }, note('entries', done))),
        called((done) => log.entries({ firstIndex: 7, lastIndex: 8, bytesMax: 9 }, note('entries of nothing', done))),
        called((done) => log.entry(2, note('entry', done))),
        called((done) => log.entry(9, note('entry of nothing', done))),
      ]
      function note(name: string, done: (error: Error | undefined) => void): (error: Error | undefined) => void {
        return (error) => {
          if (!returned) early.push(name)
          done(error)
        }
      }
      returned = true
      await Promise.all(calls)
      assert.deepEqual(early, [])
      return undefined
    },
  },
  {
    name: 'the getters change when a write completes, not when it is asked for',
    run: async (log) => {
      const write = append(log, { hardState: { term: 2, votedFor: 1 }, entries: commands(2, 1, 3) })
      assert.deepEqual(ends(log), { currentTerm: 0, votedFor: undefined, firstIndex: 1, lastIndex: 0, lastTerm: 0 })
      await write
      assert.equal(log.latestLogIndex, 3)
      return undefined
    },
  },
  {
    name: 'writes that are queued take effect, and complete, in the order of the calls',
    run: async (log) => {
      const completed: [write: number, lastIndex: Index][] = []
      const write = (number: number, changes: Partial<Persist>): Promise<void> =>
        called((done) =>
          log.appendEntries(persist(changes), (error) => {
            completed.push([number, log.latestLogIndex])
            done(error)
          }),
        )
      await Promise.all([
        write(1, { entries: commands(1, 1, 3) }),
        write(2, { entries: commands(1, 4, 3) }),
        write(3, { hardState: { term: 2, votedFor: undefined }, truncateFrom: 3, entries: commands(2, 3, 1) }),
        write(4, { hardState: { term: 2, votedFor: undefined }, entries: commands(2, 4, 1) }),
      ])
      assert.deepEqual(completed, [
        [1, 3],
        [2, 6],
        [3, 3],
        [4, 4],
      ])
      assert.deepEqual(await read(log, 1, 9), [...commands(1, 1, 2), ...commands(2, 3, 1), ...commands(2, 4, 1)])
      return undefined
    },
  },
  {
    name: 'a range gives the entries that exist, contiguous from its first index',
    run: async (log) => {
      await append(log, { entries: commands(1, 1, 4) })
      await append(log, { entries: commands(1, 5, 40) })
      await append(log, { entries: commands(1, 45, 6) })
      const all = commands(1, 1, 50)
      assert.deepEqual(await read(log, 1, 50), all)
      assert.deepEqual(await read(log, 3, 47), all.slice(2, 47))
      assert.deepEqual(await read(log, 20, 21), all.slice(19, 21))
      assert.deepEqual(await read(log, 50, 900), all.slice(49))
      assert.deepEqual(await readOne(log, 5), all[4])
      return undefined
    },
  },
  {
    name: 'a range that does not begin in the log, or ends before it begins, is empty',
    run: async (log) => {
      await append(log, { entries: commands(1, 1, 4) })
      assert.deepEqual(await read(log, 5, 9), [])
      assert.deepEqual(await read(log, 0, 3), [])
      assert.deepEqual(await read(log, 3, 2), [])
      assert.equal(await readOne(log, 0), undefined)
      assert.equal(await readOne(log, 5), undefined)
      return undefined
    },
  },
  {
    name: 'a range stops before its bytes are exceeded, but gives one entry at least',
    run: async (log) => {
      await append(log, { entries: commands(1, 1, 3, kibibyte) })
      await append(log, { entries: commands(1, 4, 3, kibibyte) })
      assert.equal((await read(log, 1, 6, 4 * kibibyte)).length, 4)
      assert.equal((await read(log, 1, 6, 4 * kibibyte - 1)).length, 3)
      assert.equal((await read(log, 2, 6, 1)).length, 1)
      assert.equal((await read(log, 6, 6, 0)).length, 1)
      for (const index of [7, 8, 9])
        await append(log, { entries: commands(1, index, 1, 8).map((entry) => ({ ...entry, data: new Uint8Array(0) })) })
      assert.equal((await read(log, 7, 9, 0)).length, 3)
      assert.equal((await read(log, 5, 9, 0)).length, 1)
      return undefined
    },
  },
  {
    name: 'entries come back byte for byte, with term, index, kind and configuration',
    run: async (log) => {
      const every = Uint8Array.from({ length: 256 }, (_, i) => i)
      const entries: Entry[] = [
        { term: 1, index: 1, kind: 'noop', data: new Uint8Array(0), conf: undefined },
        { term: 1, index: 2, kind: 'command', data: every, conf: undefined },
        { term: 1, index: 3, kind: 'command', data: new Uint8Array(0), conf: undefined },
        confEntry(1, 4),
        { term: 1, index: 5, kind: 'command', data: new Uint8Array(3 * kibibyte * kibibyte).fill(7), conf: undefined },
      ]
      await append(log, { entries })
      assert.deepEqual(await read(log, 1, 5), plainEntries(entries))
      return undefined
    },
  },
  {
    name: 'a truncation removes everything from its index on, wherever writes began',
    run: async (log) => {
      for (let first = 1; first <= 61; first += 20) await append(log, { entries: commands(1, first, 20) })
      const all = commands(1, 1, 80)
      for (const truncateFrom of [75, 61, 60, 42, 21, 20, 2, 1]) {
        await append(log, { truncateFrom })
        assert.equal(log.latestLogIndex, truncateFrom - 1, `after a truncation from ${truncateFrom}`)
        assert.deepEqual(await read(log, 1, 80), all.slice(0, truncateFrom - 1))
      }
      return undefined
    },
  },
  {
    name: 'a truncation and the entries that replace what it removes are one write',
    run: async (log) => {
      await append(log, { entries: commands(1, 1, 10) })
      await append(log, { entries: commands(1, 11, 10) })
      await append(log, { hardState: { term: 2, votedFor: undefined }, truncateFrom: 15, entries: commands(2, 15, 3) })
      await append(log, { hardState: { term: 3, votedFor: 1 }, truncateFrom: 5, entries: commands(3, 5, 30) })
      assert.deepEqual(await read(log, 1, 99), [...commands(1, 1, 4), ...commands(3, 5, 30)])
      assert.deepEqual(ends(log), { currentTerm: 3, votedFor: 1, firstIndex: 1, lastIndex: 34, lastTerm: 3 })
      return undefined
    },
  },
  {
    name: 'an index that was overwritten has the entry of the later term',
    run: async (log) => {
      for (const term of [1, 2, 3, 4]) {
        const truncateFrom = term === 1 ? undefined : 2
        await append(log, { hardState: { term, votedFor: undefined }, truncateFrom, entries: commands(term, term === 1 ? 1 : 2, 2) })
      }
      assert.deepEqual((await readOne(log, 2))?.term, 4)
      assert.deepEqual(await read(log, 1, 9), [...commands(1, 1, 1), ...commands(4, 2, 2)])
      return undefined
    },
  },
  {
    name: 'the last term after a truncation is that of the last entry left',
    run: async (log) => {
      for (const term of [1, 3, 5])
        await append(log, { hardState: { term, votedFor: undefined }, entries: commands(term, term * 2 - 1, 4) })
      await append(log, { hardState: { term: 5, votedFor: undefined }, truncateFrom: 9 })
      assert.equal(log.latestLogTerm, 3)
      await append(log, { hardState: { term: 5, votedFor: undefined }, truncateFrom: 3 })
      assert.equal(log.latestLogTerm, 1)
      await append(log, { hardState: { term: 5, votedFor: undefined }, truncateFrom: 1 })
      assert.equal(log.latestLogTerm, 0)
      return undefined
    },
  },
  {
    name: 'reads beside a truncation give the log before it or after it',
    run: async (log) => {
      const before = commands(1, 1, 60)
      const after = [...commands(1, 1, 9), ...commands(2, 10, 60)]
      for (let first = 1; first < 60; first += 20) await append(log, { entries: commands(1, first, 20) })
      const reads = [read(log, 1, 60), read(log, 45, 60)]
      const write = append(log, { hardState: { term: 2, votedFor: undefined }, truncateFrom: 10, entries: after.slice(9) })
      reads.push(read(log, 1, 60), read(log, 45, 60))
      await write
      for (const [i, entries] of (await Promise.all(reads)).entries()) {
        const first = i % 2 === 0 ? 1 : 45
        const wanted = entries.at(-1)?.term === 1 ? before : after
        assert.deepEqual(entries, wanted.slice(first - 1, 60))
      }
      return undefined
    },
  },
  {
    name: 'closing waits for the writes under way; later calls are refused',
    run: async (log) => {
      const write = append(log, { entries: commands(1, 1, 3) })
      const order: string[] = []
      const closed = called((done) => log.close(done)).then(() => order.push('closed'))
      await write.then(() => order.push('written'))
      await closed
      assert.deepEqual(order, ['written', 'closed'])
      await assert.rejects(append(log, { entries: commands(1, 4, 1) }), { code: 'CLOSED' })
      await assert.rejects(read(log, 1, 3), { code: 'CLOSED' })
      await called((done) => log.close(done))
      return undefined
    },
  },
]

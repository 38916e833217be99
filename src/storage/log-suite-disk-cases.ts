// Cases for logs that outlive their process, and for those whose writes can be made to fail.
import assert from 'node:assert/strict'
import type { Log } from '../ports/log.ts'
import { append, baseAt, type Case, commands, compact, confEntry, ends, otherConf, read, summary } from './log-suite-support.ts'

export const storedCases: readonly Case<[reopen: (log: Log) => Promise<Log>]>[] = [
  {
    name: 'a completed write is there after a reopen: term, vote and entries',
    run: async (log, reopen) => {
      await append(log, { hardState: { term: 3, votedFor: 2 }, entries: commands(2, 1, 30) })
      await append(log, { hardState: { term: 3, votedFor: 2 }, entries: commands(3, 31, 5) })
      const opened = await reopen(log)
      assert.deepEqual(ends(opened), { currentTerm: 3, votedFor: 2, firstIndex: 1, lastIndex: 35, lastTerm: 3 })
      assert.deepEqual(await read(opened, 1, 99), [...commands(2, 1, 30), ...commands(3, 31, 5)])
      return opened
    },
  },
  {
    name: 'a log that was never written to opens empty, and can be written to',
    run: async (log, reopen) => {
      const opened = await reopen(await reopen(log))
      assert.deepEqual(opened.summary, summary({ hardState: { term: 0, votedFor: undefined } }))
      await append(opened, { entries: commands(1, 1, 2) })
      assert.equal(opened.latestLogIndex, 2)
      return opened
    },
  },
  {
    name: 'the summary has the runs of terms and the configurations that a truncation left',
    run: async (log, reopen) => {
      await append(log, { entries: [...commands(1, 1, 3), confEntry(1, 4), ...commands(1, 5, 2)] })
      await append(log, {
        hardState: { term: 3, votedFor: undefined },
        entries: [...commands(2, 7, 2), ...commands(3, 9, 2), confEntry(3, 11)],
      })
      await append(log, { hardState: { term: 6, votedFor: 1 }, truncateFrom: 10, entries: [...commands(5, 10, 1), ...commands(6, 11, 3)] })
      const opened = await reopen(log)
      const terms = [
        { term: 1, firstIndex: 1 },
        { term: 2, firstIndex: 7 },
        { term: 3, firstIndex: 9 },
        { term: 5, firstIndex: 10 },
        { term: 6, firstIndex: 11 },
      ]
      const confs = [{ index: 4, conf: otherConf }]
      assert.deepEqual(opened.summary, summary({ hardState: { term: 6, votedFor: 1 }, lastIndex: 13, terms, confs }))
      return opened
    },
  },
  {
    name: 'a truncation, and what replaced it, is there after a reopen',
    run: async (log, reopen) => {
      for (let first = 1; first <= 41; first += 20) await append(log, { entries: commands(1, first, 20) })
      const twice = await reopen(log)
      await append(twice, { hardState: { term: 2, votedFor: undefined }, truncateFrom: 30, entries: commands(2, 30, 3) })
      await append(twice, { hardState: { term: 2, votedFor: undefined }, truncateFrom: 31 })
      const opened = await reopen(twice)
      assert.deepEqual(await read(opened, 1, 99), [...commands(1, 1, 29), ...commands(2, 30, 1)])
      assert.equal(opened.latestLogTerm, 2)
      return opened
    },
  },
]

export const failingCases: readonly Case<[failNextWrite: () => void]>[] = [
  {
    name: 'after a failed write every later call fails, and the getters stay as they were',
    run: async (log, failNextWrite) => {
      await append(log, { entries: commands(1, 1, 3) })
      failNextWrite()
      const failed = append(log, { entries: commands(1, 4, 1) })
      const queued = append(log, { entries: commands(1, 5, 1) })
      await Promise.all([assert.rejects(failed, { code: 'STORAGE_FAILED' }), assert.rejects(queued, { code: 'STORAGE_FAILED' })])
      await assert.rejects(append(log, { entries: commands(1, 4, 1) }), { code: 'STORAGE_FAILED' })
      await assert.rejects(read(log, 1, 3), { code: 'STORAGE_FAILED' })
      assert.equal(log.latestLogIndex, 3)
      return undefined
    },
  },
  {
    name: 'after a failed compaction every later call fails, and the getters stay as they were',
    run: async (log, failNextWrite) => {
      await append(log, { entries: commands(1, 1, 3) })
      failNextWrite()
      const failed = compact(log, baseAt({ term: 1, index: 2 }))
      const queued = append(log, { entries: commands(1, 4, 1) })
      await Promise.all([assert.rejects(failed, { code: 'STORAGE_FAILED' }), assert.rejects(queued, { code: 'STORAGE_FAILED' })])
      await assert.rejects(compact(log, baseAt({ term: 1, index: 2 })), { code: 'STORAGE_FAILED' })
      assert.deepEqual([log.firstIndex, log.latestLogIndex], [1, 3])
      return undefined
    },
  },
]

// Cases for logs that can be fenced: what they have lost they say, until they hold it again.
import assert from 'node:assert/strict'
import type { Fence } from '../core/types.ts'
import type { Log } from '../ports/log.ts'
import { append, type Case, commands, read } from './log-suite-support.ts'

const floorOf = (log: Log): Fence['floor'] => log.summary.fence?.floor
const hardState = { term: 2, votedFor: 1 }

/** `damage` ends the log, loses its entries from 21 on and opens what is left. */
export const fenceCases: readonly Case<[damage: (log: Log) => Promise<Log>, reopen: (log: Log) => Promise<Log>]>[] = [
  {
    name: 'a log that has lost its end is fenced at least as high as that was, and keeps term, vote and what comes before',
    run: async (log, damage) => {
      for (const first of [1, 21]) await append(log, { hardState, entries: commands(2, first, 20) })
      const opened = await damage(log)
      assert.deepEqual(floorOf(opened), { term: 2, index: 40 })
      assert.deepEqual([opened.currentTerm, opened.votedFor, opened.latestLogIndex], [2, 1, 20])
      assert.deepEqual(await read(opened, 1, 99), commands(2, 1, 20))
      return opened
    },
  },
  {
    name: 'a fence stays, over a reopen too, until the log ends at its floor',
    run: async (log, damage, reopen) => {
      for (const first of [1, 21]) await append(log, { hardState, entries: commands(2, first, 20) })
      const opened = await damage(log)
      await append(opened, { hardState, entries: commands(2, 21, 19) })
      const fenced = await reopen(opened)
      assert.deepEqual(floorOf(fenced), { term: 2, index: 40 })
      await append(fenced, { hardState, entries: commands(2, 40, 1) })
      const whole = await reopen(fenced)
      assert.equal(whole.summary.fence, undefined)
      assert.deepEqual(await read(whole, 1, 99), commands(2, 1, 40))
      return whole
    },
  },
  {
    name: 'a fence is set by a write that says so, gone where the log holds its floor, and gone with entries of a later term',
    run: async (log, damage, reopen) => {
      for (const first of [1, 21]) await append(log, { hardState, entries: commands(2, first, 20) })
      const first = await damage(log)
      await append(first, { hardState, fence: { floor: { term: 2, index: 50 } } })
      const higher = await reopen(first)
      assert.deepEqual([floorOf(higher), higher.latestLogIndex], [{ term: 2, index: 50 }, 20])
      await append(higher, { hardState, fence: { floor: { term: 2, index: 20 } } })
      const second = await reopen(higher)
      assert.deepEqual([second.summary.fence, second.latestLogIndex], [undefined, 20])
      await append(second, { hardState, entries: commands(2, 21, 20) })
      const third = await damage(second)
      await append(third, { hardState: { term: 3, votedFor: undefined }, entries: commands(3, 21, 1) })
      const fourth = await reopen(third)
      assert.equal(fourth.summary.fence, undefined)
      return fourth
    },
  },
  {
    name: 'what is known of others comes back as it was noted last, once anything was written after it',
    run: async (log, _, reopen) => {
      const witness = [{ id: 2, incarnation: 1, match: { term: 1, index: 3 }, matchTerm: 2, votedTerm: 1 }]
      log.note?.([])
      await append(log, { hardState, entries: commands(2, 1, 3) })
      log.note?.(witness)
      await append(log, { hardState, entries: commands(2, 4, 3) })
      const opened = await reopen(log)
      assert.deepEqual(opened.summary.witness, witness)
      return opened
    },
  },
]

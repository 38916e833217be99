import { describe, expect, test } from 'vitest'
import type { Entry, Index } from '../../src/core/index.ts'
import { Replica } from '../../src/machine/replica.ts'
import { Applier } from '../../src/node/applier.ts'
import type { EntriesDone } from '../../src/ports/log.ts'
import { lines } from './nodes.ts'

const entry = (index: Index): Entry => ({ term: 1, index, kind: 'noop', data: new Uint8Array(0), conf: undefined })
const run = (from: Index, to: Index): readonly Entry[] => Array.from({ length: to - from + 1 }, (_, i) => entry(from + i))

/** An applier whose entries are all on the disk, which answers when the test says so. */
function onDisk() {
  const replica = new Replica(lines())
  const failures: string[] = []
  const reads: { readonly firstIndex: Index; readonly done: EntriesDone }[] = []
  const passed: Index[] = []
  const flushedAt: number[] = []
  let isHeld = false
  const applier = new Applier({
    raft: { entriesInMemory: () => undefined },
    log: { entries: ({ firstIndex }, done) => void reads.push({ firstIndex, done }) },
    net: { flush: () => void flushedAt.push(passed.length) },
    replica,
    clock: { monotonicMs: () => 0, wallMs: () => 0 },
    sliceMs: 5,
    halting: {
      treatmentOf: () => 'fail',
      strayedBy: () => undefined,
      onHalted: () => {},
      onFatal: () => {},
      onSkipped: () => {},
      applied: () => {},
    },
    wentAstray: () => {},
    isHeld: () => isHeld,
    wake: () => {},
    fail: ({ message }) => void failures.push(message),
    applied: () => {},
    passed: ({ index }) => void passed.push(index),
  })
  const jumpTo = (index: Index) => {
    const state = { lastApplied: { term: 1, index }, now: 0, ceiling: 0, ceilingTerm: 0, sessions: [], skipped: [], begunAt: 0 }
    replica.restore(state, new Uint8Array(0))
  }
  const hold = (is: boolean) => {
    isHeld = is
  }
  return { applier, replica, reads, passed, flushedAt, failures, jumpTo, hold }
}

describe('entries are applied', () => {
  test('as they are read from the disk, each once', () => {
    const { applier, reads, passed } = onDisk()
    applier.aim(5)
    expect(applier.run()).toBe('idle')
    reads[0]?.done(undefined, run(1, 3))
    expect(applier.run()).toBe('applied')
    reads[1]?.done(undefined, run(4, 5))
    expect(applier.run()).toBe('applied')
    expect(passed).toEqual([1, 2, 3, 4, 5])
    expect(reads).toHaveLength(2)
  })

  test('after what peers wait for has left, and it is not sent by itself where there is nothing to apply', () => {
    const { applier, reads, flushedAt } = onDisk()
    applier.run()
    applier.aim(3)
    applier.run()
    reads[0]?.done(undefined, run(1, 3))
    applier.run()
    applier.run()
    expect(flushedAt).toEqual([0, 0])
  })

  test('not while they are held back, and then from where they were', () => {
    const { applier, reads, passed, hold } = onDisk()
    applier.aim(5)
    applier.run()
    hold(true)
    reads[0]?.done(undefined, run(1, 3))
    expect(applier.run()).toBe('idle')
    applier.aim(9)
    expect(applier.run()).toBe('idle')
    expect(passed).toEqual([])
    hold(false)
    expect(applier.run()).toBe('applied')
    expect(passed).toEqual([1, 2, 3])
    expect(reads.map(({ firstIndex }) => firstIndex)).toEqual([1, 4])
  })

  test('not while a whole state is about to take the place of this one', () => {
    const { applier, replica, reads, jumpTo } = onDisk()
    applier.aim(5)
    applier.run()
    reads[0]?.done(undefined, run(1, 5))
    applier.suspend()
    expect(applier.run()).toBe('idle')
    expect(replica.lastApplied).toBe(0)
    expect(reads).toHaveLength(1)
    jumpTo(9)
    applier.resume()
    applier.aim(10)
    applier.run()
    expect(reads.map(({ firstIndex }) => firstIndex)).toEqual([1, 10])
  })

  test('though what was read for the state before is gone: that is no damage', () => {
    const { applier, replica, reads, failures, jumpTo } = onDisk()
    applier.aim(5)
    applier.run()
    applier.suspend()
    reads[0]?.done(undefined, [])
    jumpTo(9)
    applier.resume()
    applier.aim(10)
    applier.run()
    reads[0]?.done(undefined, run(1, 5))
    reads[1]?.done(undefined, run(10, 10))
    applier.run()
    expect(failures).toEqual([])
    expect(replica.lastApplied).toBe(10)
  })

  test('and one that is missing although it is committed stops the node', () => {
    const { applier, reads, failures } = onDisk()
    applier.aim(5)
    applier.run()
    reads[0]?.done(undefined, [])
    expect(failures).toEqual(['committed entry 1 is not in the log'])
  })
})

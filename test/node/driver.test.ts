// What the driver asks of a disk that is slow.
import { expect, test } from 'vitest'
import { Raft } from '../../src/core/index.ts'
import { Driver } from '../../src/node/driver.ts'
import type { Done } from '../../src/ports/log.ts'
import { MemoryLog } from '../../src/storage/memory-log.ts'
import { confOf } from '../core/core-cluster.ts'

test('compactions do not pile up behind a slow disk: one is under way, and the last that was asked for follows it', () => {
  const tasks: (() => void)[] = []
  const log = new MemoryLog(confOf({ voters: [1] }), (task) => void tasks.push(task))
  const asked: number[] = []
  const held: (() => void)[] = []
  const compact = log.compact.bind(log)
  log.compact = (base, done: Done) => {
    asked.push(base.id.index)
    held.push(() => compact(base, done))
  }
  const raft = new Raft({ id: 1, log: log.summary, now: 0, seed: 1, nonce: 1 })
  let through = 0
  const compacted: number[] = []
  const nothing = () => {}
  const driver = new Driver(raft, {
    log,
    net: { send: nothing },
    writes: nothing,
    wake: nothing,
    fail: (error) => expect(error).toBeUndefined(),
    accepted: nothing,
    refused: nothing,
    granted: nothing,
    applyThrough: (index) => {
      through = index
    },
    snapshotWanted: nothing,
    restore: nothing,
    compacted: (firstIndex) => compacted.push(firstIndex),
    changed: nothing,
  })
  let now = 0
  const turn = () => {
    now += 50
    driver.stepCompletions()
    raft.step({ kind: 'tick', now })
    while (driver.perform());
    if (raft.status.lastApplied < through) raft.step({ kind: 'applied', index: through })
    while (driver.perform());
    for (const task of tasks.splice(0)) task()
  }
  while (raft.softState.role !== 'leader') turn()
  raft.step({ kind: 'propose', ticket: 1, commands: Array.from({ length: 100 }, () => new Uint8Array(1)) })
  while (raft.status.lastApplied < 101) turn()

  for (let index = 1; index <= 90; index++) {
    raft.step({ kind: 'compact', index })
    turn()
  }
  expect(asked).toEqual([1])
  for (const release of held.splice(0)) release()
  turn()
  turn()
  expect(asked).toEqual([1, 90])
  for (const release of held.splice(0)) release()
  turn()
  turn()
  expect([asked, compacted, log.firstIndex]).toEqual([[1, 90], [2, 91], 91])
})

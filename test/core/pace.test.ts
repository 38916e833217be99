import { expect, test } from 'vitest'
import { Pace } from '../../src/core/index.ts'

/** Observed every 10 ms: what waits, and how many are done in between. */
function observe(pace: Pace, { from, to, perMs, waiting }: { from: number; to: number; perMs: number; waiting: number }, done = 0): number {
  let sum = done
  for (let now = from; now <= to; now += 10) {
    if (now > from) sum += 10 * perMs
    pace.observe({ waiting, done: sum, now })
  }
  return sum
}

test('the pace of a queue that never runs empty is what leaves it', () => {
  const pace = new Pace()
  observe(pace, { from: 0, to: 1_000, perMs: 3, waiting: 5_000 })
  expect(pace.perMs).toBeCloseTo(3)
})

test('a queue that becomes slower is believed after some samples', () => {
  const pace = new Pace()
  const done = observe(pace, { from: 0, to: 1_000, perMs: 10, waiting: 5_000 })
  observe(pace, { from: 1_010, to: 2_000, perMs: 1, waiting: 5_000 }, done)
  expect(pace.perMs).toBeCloseTo(1, 1)
})

test('a queue that runs empty tells only what it can be worked off at least', () => {
  const pace = new Pace()
  const done = observe(pace, { from: 0, to: 1_000, perMs: 10, waiting: 1 })
  observe(pace, { from: 1_010, to: 5_000, perMs: 0.1, waiting: 1 }, done)
  expect(pace.perMs).toBeCloseTo(10)
})

test('while nothing is done at all nothing is learned', () => {
  const pace = new Pace()
  const done = observe(pace, { from: 0, to: 1_000, perMs: 10, waiting: 5_000 })
  observe(pace, { from: 1_010, to: 9_000, perMs: 0, waiting: 5_000 }, done)
  expect(pace.perMs).toBeCloseTo(10)
})

test('what comes before and after an interruption is not one sample', () => {
  const pace = new Pace()
  observe(pace, { from: 0, to: 90, perMs: 1, waiting: 5_000 })
  pace.interrupt()
  const done = observe(pace, { from: 10_000, to: 10_090, perMs: 1, waiting: 5_000 })
  expect(pace.perMs).toBe(0)
  pace.observe({ waiting: 5_000, done: done + 10, now: 10_100 })
  expect(pace.perMs).toBeCloseTo(1)
})

test('what a pipeline holds is no queue: as many as are always on their way tell nothing of how many more it could take', () => {
  const pace = new Pace()
  const done = observe(pace, { from: 0, to: 1_000, perMs: 10, waiting: 30 })
  observe(pace, { from: 1_010, to: 5_000, perMs: 0.1, waiting: 30 }, done)
  expect(pace.perMs).toBeCloseTo(10)
})

import { expect, test } from 'vitest'
import { firstStepMaxMs, LogClock } from '../../src/machine/log-clock.ts'

const wall = 1_700_000_000_000

test('log time starts at the wall clock in a cluster without history', () => {
  expect(new LogClock().now({ monotonicMs: 5, wallMs: wall })).toBe(wall)
})

test('log time follows the wall clock while it is right', () => {
  const clock = new LogClock()
  clock.now({ monotonicMs: 0, wallMs: wall })
  expect(clock.now({ monotonicMs: 60_000, wallMs: wall + 60_000 })).toBe(wall + 60_000)
})

test.each([
  ['an hour ahead', 3_600_000, 1_100],
  ['an hour back', -3_600_000, 900],
])('a wall clock that jumps %s moves log time by a tenth of what really passed', (_, jump, passed) => {
  const clock = new LogClock()
  clock.now({ monotonicMs: 0, wallMs: wall })
  expect(clock.now({ monotonicMs: 1_000, wallMs: wall + 1_000 + jump })).toBe(wall + passed)
})

test('log time never falls, however often it is asked and whatever the wall clock does', () => {
  const clock = new LogClock()
  let last = clock.now({ monotonicMs: 0, wallMs: wall })
  for (let i = 1; i < 1_000; i++) {
    const now = clock.now({ monotonicMs: i * 0.1, wallMs: wall - i * 1_000 })
    expect(now).toBeGreaterThanOrEqual(last)
    last = now
  }
  expect(last).toBeGreaterThan(wall + 80)
})

test('a stamp seen in the log is never followed by a lower one', () => {
  const clock = new LogClock()
  clock.observe(wall + 5_000, 0)
  expect(clock.now({ monotonicMs: 10, wallMs: wall })).toBeGreaterThanOrEqual(wall + 5_000)
})

test('the first step of a new leader towards its wall clock is bounded', () => {
  const clock = new LogClock()
  clock.observe(wall, 0)
  clock.lead({ monotonicMs: 0, wallMs: wall + 86_400_000 })
  expect(clock.now({ monotonicMs: 0, wallMs: wall + 86_400_000 })).toBe(wall + firstStepMaxMs)
})

test('a new leader whose wall clock lags does not step back', () => {
  const clock = new LogClock()
  clock.observe(wall, 0)
  clock.lead({ monotonicMs: 0, wallMs: wall - 86_400_000 })
  expect(clock.now({ monotonicMs: 0, wallMs: wall - 86_400_000 })).toBe(wall)
})

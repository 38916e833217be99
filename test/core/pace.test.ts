import { expect, test } from 'vitest'
import { Pace } from '../../src/core/index.ts'

interface Stretch {
  readonly from: number
  readonly to: number
  readonly perMs: number
  readonly waiting: number
}

/** What is known after all of these, one after the other; observed every 10 ms. */
function paceAfter(...stretches: readonly Stretch[]): number {
  const pace = new Pace()
  let done = 0
  for (const { from, to, perMs, waiting } of stretches) {
    for (let now = from; now <= to; now += 10) {
      if (now > from) done += 10 * perMs
      pace.observe({ waiting, done, now })
    }
  }
  return pace.perMs
}

const fast = { from: 0, to: 1_000, perMs: 10, waiting: 5_000 }

test.each<[string, readonly Stretch[], number]>([
  ['the pace of a queue that never runs empty is what leaves it', [{ ...fast, perMs: 3 }], 3],
  ['one sample is none: who has only begun is slow at first', [{ ...fast, to: 150 }], 0],
  ['a queue that becomes slower is believed after some samples', [fast, { from: 1_010, to: 2_000, perMs: 1, waiting: 5_000 }], 1],
  [
    'and one that becomes faster',
    [
      { ...fast, perMs: 1 },
      { from: 1_010, to: 2_000, perMs: 10, waiting: 5_000 },
    ],
    10,
  ],
  ['of one that is short nothing is known', [{ ...fast, waiting: 1 }], 0],
  [
    'nor of what a pipeline holds: as many as are always on their way tell nothing of how many more it could take',
    [{ ...fast, waiting: 3_900 }],
    0,
  ],
  [
    'a queue that is short now is as fast as it was at least',
    [fast, { from: 1_010, to: 1_500, perMs: 10, waiting: 30 }, { from: 1_510, to: 5_000, perMs: 0.1, waiting: 30 }],
    10,
  ],
  [
    'and nothing is known of one that was empty',
    [fast, { from: 1_010, to: 1_010, perMs: 0, waiting: 0 }, { from: 1_020, to: 1_200, perMs: 1, waiting: 5_000 }],
    0,
  ],
  ['while nothing is done at all nothing is learned', [fast, { from: 1_010, to: 9_000, perMs: 0, waiting: 5_000 }], 10],
])('%s', (_, stretches, expected) => {
  // Where one stretch goes over into the next a sample is of both.
  expect(paceAfter(...stretches)).toBeCloseTo(expected, 0)
})

import { expect, test } from 'vitest'
import { described, isFine, summary } from './summary.ts'
import type { Result } from './result.ts'

const result = (more: Partial<Result>): Result => ({
  name: 'high-water: deleted, at rest',
  kind: 'high-water',
  outcome: 'repaired',
  isEndedBySignal: false,
  problems: [],
  lost: [],
  wrong: [],
  said: [],
  tookMs: 7,
  ...more,
})

test('each kind has a row, all together have one, and what was skipped is said', () => {
  const results = [
    result({}),
    result({ outcome: 'refused', isEndedBySignal: true }),
    result({ outcome: 'failed', lost: ['number 1', 'number 2'] }),
    result({ kind: 'power cut (ext4)', outcome: 'unaffected' }),
  ]
  const skipped = [{ kind: 'hung disk (strace)', name: 'of the leader', reason: 'not installed: strace' }]
  expect(summary(results, skipped)).toBe(
    [
      '                  cases  repaired  refused  unaffected  by signal  failed  lost  wrong',
      'high-water            3         1        1           0          1       1     1      0',
      'power cut (ext4)      1         0        0           1          0       0     0      0',
      'all                   4         1        1           1          1       1     1      0',
      'SKIPPED  hung disk (strace): of the leader: not installed: strace',
    ].join('\n'),
  )
})

test.each([
  [{}, true],
  [{ outcome: 'refused' }, true],
  [{ outcome: 'failed' }, false],
  [{ lost: ['number 1'] }, false],
  [{ wrong: ['number 1'] }, false],
] as const)('%o: fine is %s', (more, isIt) => {
  expect(isFine(result(more))).toBe(isIt)
})

test('what is not fine comes with all that is known, and with the command that repeats it', () => {
  const bad = result({ outcome: 'failed', problems: ['it hangs'], lost: ['1', '2', '3', '4', '5', '6', '7'], said: ['node 1 stops'] })
  expect(described(bad, { seed: 3, isVerbose: false }).split('\n')).toEqual([
    'failed     high-water: deleted, at rest (7 ms)',
    '    PROBLEM: it hangs',
    ...['1', '2', '3', '4', '5'].map((one) => `    LOST: ${one}`),
    '    LOST: and 2 more',
    '    said: node 1 stops',
    '    again: npm run test:disk -- --seed 3 --case "high-water: deleted, at rest"',
  ])
})

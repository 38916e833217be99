import { expect, test } from 'vitest'
import type { Operation } from './history.ts'
import type { StageResult } from './stage.ts'
import { problemsOf, summary } from './summary.ts'
import { longestGapMs } from './tally.ts'

const operation = (more: Partial<Operation>): Operation => ({
  client: 1,
  session: 1,
  call: 1,
  op: 'append',
  input: {},
  invoke: 0,
  return: 0,
  outcome: 'ok',
  ...more,
})
const happened = { family: 'kill', name: 'all', begun: 0, ended: 1_000_000, hits: 3, detail: '' } as const

const result = (more: Partial<StageResult> = {}): StageResult => ({
  stage: 'relay-3',
  problems: [],
  happened: [happened],
  skipped: [],
  possible: [{ family: 'kill', name: 'all' }],
  operations: [operation({}), operation({ outcome: 'unknown' }), operation({ op: 'read', consistency: 'stale' })],
  checked: 3,
  searched: 2,
  compared: 7,
  longestGapMs: 1_500,
  recoveriesMs: [20, 400],
  levelMs: 60,
  counts: { elections: 2, starts: 6, snapshots: 1, fetched: 4 },
  residentBytesMax: 90 * 1_048_576,
  tookMs: 61_000,
  ...more,
})
const demands = { minutes: 1, isAllRequired: false }

test('a run in which all was felt and nothing is wrong has no problems', () => {
  expect(problemsOf([result()], [], demands)).toEqual([])
})

test('a family that was never felt is a problem, however often it was planned', () => {
  expect(problemsOf([result({ happened: [{ ...happened, hits: 0 }] })], [], demands)).toEqual([
    'relay-3: no fault of the family kill was felt',
  ])
})

test('in a long run each variant has to be felt', () => {
  const possible = [
    { family: 'kill', name: 'all' },
    { family: 'kill', name: 'the leader' },
  ] as const
  expect(problemsOf([result({ possible })], [], demands)).toEqual([])
  expect(problemsOf([result({ possible })], [], { ...demands, minutes: 10 })).toEqual([
    'relay-3: the fault "kill: the leader" was never felt',
  ])
})

test('what could not be tried is a problem only where all is required', () => {
  const skipped = [{ family: 'disk', name: 'no space (tmpfs)', reason: 'only root may mount file systems' }]
  expect(problemsOf([result()], skipped, demands)).toEqual([])
  expect(problemsOf([result()], skipped, { ...demands, isAllRequired: true })).toEqual([
    'not tried: disk: no space (tmpfs): only root may mount file systems',
  ])
})

test('a run without a stage shows nothing', () => {
  expect(problemsOf([], [], demands)).toEqual(['nothing was tried'])
})

test('the tables say how often what happened, and the last line what that means', () => {
  const skipped = [{ family: 'disk', name: 'no space (tmpfs)', reason: 'only root may mount file systems' }]
  expect(summary([result()], skipped, ['relay-3: exactly once: it was twice'])).toBe(
    [
      'faults  planned  felt  hits  variants',
      'kill          1     1     3    1 of 1',
      'all           1     1     3    1 of 1',
      '',
      'operations   called  ok  notApplied  applied  unknown  none',
      'append            2   1           0        0        1     0',
      'read, stale       1   1           0        0        0     0',
      'all               3   2           0        0        1     0',
      '',
      'stage    seconds  checked  searched  entries  longest gap  serves after  level after  leaders  starts  snapshots  fetched  MiB',
      'relay-3     61.0        3         2        7          1.5           0.4          0.1        2       6          1        4   90',
      '',
      'SKIPPED  disk: no space (tmpfs): only root may mount file systems',
      '',
      '1 faults were felt, 3 operations were checked:',
      'PROBLEM  relay-3: exactly once: it was twice',
    ].join('\n'),
  )
})

test('the longest gap is between answers that need a majority, as long as clients call', () => {
  const times: readonly (readonly [number, Partial<Operation>])[] = [
    [1_000, {}],
    [3_000, { op: 'read', consistency: 'stale' }],
    [4_000, { outcome: 'unknown' }],
    [6_500, { op: 'read', consistency: 'linearizable' }],
    [7_000, {}],
    [50_000, {}],
  ]
  const operations = times.map(([at, more]) => operation({ return: at, ...more }))
  expect([longestGapMs(operations, 8_000), longestGapMs(operations, 20_000)]).toEqual([5.5, 13])
})

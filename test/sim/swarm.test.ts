import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Coverage, parsePlan, runSeed, type SwarmReport, seeds } from '../../src/sim/index.ts'
import { built } from '../cli/built.ts'

/** One seed to look into, or a run of it (`123/acts=1-3`), or a range of its own: `RAFTGEN_SEED=123`, `RAFTGEN_SEEDS=2000 RAFTGEN_FROM=5000`. */
const { RAFTGEN_SEED: one, RAFTGEN_SEEDS: count = '250', RAFTGEN_FROM: first = '1' } = process.env
const chosen = one === undefined ? seeds(Number(count), Number(first)).map(String) : [one]
const reports: SwarmReport[] = []

describe('whatever breaks, clients see one copy of the state, and once nothing breaks they are served', () => {
  test.each(chosen)('seed %s', (text) => {
    const plan = parsePlan(text)
    if (plan === undefined) throw new Error(`${text} is no seed`)
    reports.push(runSeed(plan))
  })
})

test.skipIf(chosen.length < 250)('every class of faults happened', () => {
  const total = new Coverage()
  for (const { coverage } of reports) total.add(coverage)
  expect(total.missing).toEqual([])
})

test.skipIf(chosen.length < 100)('the swarm is not idle: leaders and members change, and most calls are answered', () => {
  const sum = (of: (report: SwarmReport) => number): number => reports.reduce((total, report) => total + of(report), 0)
  expect(sum(({ elections }) => elections)).toBeGreaterThan(3 * chosen.length)
  expect(sum(({ changes }) => changes)).toBeGreaterThan(3 * chosen.length)
  expect(sum(({ answered }) => answered)).toBeGreaterThan(0.5 * sum(({ calls }) => calls))
})

describe('no more is broken than a cluster gets over', () => {
  test.each([
    ['a disk with nothing on it yet is not damaged', 40_648],
    [
      'a snapshot is damaged only where the log goes on from an older one: with the disk of the other gone, it was the last copy of the state',
      40_993,
    ],
    ['nobody goes back to the build before because of one who has it, and is no member any more', 20_816],
    ['who joins, and is sent an entry a round trip, is waited for as long as that takes', 1_248],
    ['as long as that takes with what is written meanwhile', 30_752],
  ])('%s', (_, seed) => {
    expect(runSeed(seed)).toMatchObject({ seed })
  })
})

describe('what a seed has found stays mended', () => {
  test.each([
    ['who was removed, and has lost its snapshots before it heard of it, does not take itself for the only one of its cluster', 60_421],
    ['what a node acknowledges after its disk was damaged, and before that is found, may be counted', 20_444],
  ])('%s', (_, seed) => {
    expect(runSeed(seed)).toMatchObject({ seed })
  })
})

describe('one seed decides everything', () => {
  beforeAll(built, 180_000)

  test.each([1, 2, 3])('seed %i gives the same run twice', (seed) => {
    const { traceHash, steps } = runSeed(seed)
    expect(runSeed(seed)).toMatchObject({ traceHash, steps })
  })

  test('and the same in another process', async () => {
    const { traceHash, steps } = runSeed(2)
    const code = `import { runSeed } from '${new URL('../../dist/src/sim/index.js', import.meta.url).href}'
      const { traceHash, steps } = runSeed(2)
      console.log(JSON.stringify({ traceHash, steps }))`
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' })
    expect(JSON.parse(stdout)).toEqual({ traceHash, steps })
  })

  test('two seeds give two runs', () => {
    expect(runSeed(1).traceHash).not.toBe(runSeed(2).traceHash)
  })
})

afterAll(() => {
  if (reports.length === 0) return
  const total = new Coverage()
  for (const { coverage } of reports) total.add(coverage)
  const steps = reports.reduce((sum, report) => sum + report.steps, 0)
  console.log(`${reports.length} seeds, ${steps} steps: ${total}`)
})

import { describe, expect, test } from 'vitest'
import {
  Chart,
  chartRows,
  chartSvg,
  chartText,
  parsePlan,
  planText,
  type RunPlan,
  runSeed,
  type Sabotage,
  seeds,
  shrink,
  SimulationError,
} from '../../src/sim/index.ts'

/** Voters that refuse nobody. */
const sabotage: Sabotage = { message: (message) => (message.kind === 'RequestVoteReply' ? { ...message, granted: true } : message) }

function failureOf(plan: number | RunPlan, { chart = false } = {}): SimulationError | undefined {
  try {
    runSeed(plan, { simulation: { sabotage, chart } })
    return undefined
  } catch (error) {
    if (error instanceof SimulationError) return error
    throw error
  }
}

function* failures(): Generator<SimulationError> {
  for (const seed of seeds(50)) {
    const failure = failureOf(seed)
    if (failure !== undefined) yield failure
  }
}

/** The smallest of five: leaving things out one by one takes a run for each of them. */
function smallFailure(): SimulationError {
  const sizeOf = ({ run: { acts, calls } }: SimulationError): number => acts + calls
  const five: SimulationError[] = []
  for (const failure of failures()) if (five.push(failure) === 5) break
  const [smallest] = five.toSorted((one, other) => sizeOf(one) - sizeOf(other))
  if (smallest === undefined) throw new Error('no seed fails')
  return smallest
}

function twoLeaders(): SimulationError {
  for (const failure of failures()) if (failure.invariant === 'election safety (figure 3.2)') return failure
  throw new Error('no seed fails with two leaders in one term')
}

describe('a run that fails', () => {
  test('is made smaller, and fails with the same invariant still', () => {
    const runs: number[] = []
    const failed = smallFailure()
    const least = shrink(failed, failureOf, { runsMax: 400, onRun: (run) => runs.push(run) })
    const { acts, calls, links } = least.run.plan
    expect(least.invariant).toBe(failed.invariant)
    expect((acts?.size ?? least.run.acts) + (calls?.size ?? least.run.calls)).toBeLessThan((failed.run.acts + failed.run.calls) / 2)
    expect(runs.length).toBeLessThanOrEqual(400)
    expect(links?.size ?? 5).toBeLessThan(5)
  }, 120_000)

  test('is repeated by its plan as text, to the last step', () => {
    const least = shrink(twoLeaders(), failureOf, { runsMax: 40 })
    const plan = parsePlan(planText(least.run.plan))
    if (plan === undefined) throw new Error('it is no plan')
    const again = failureOf(plan, { chart: true })
    expect(again?.message.split('\n')[0]).toBe(least.message.split('\n')[0])
    expect(again?.message).toContain(`RAFTGEN_SEED=${planText(least.run.plan)} npx vitest run`)
    const { chart } = again?.run ?? {}
    if (chart === undefined) throw new Error('no chart was kept')
    const lines = chartText(chartRows(chart, { rowsMax: 40 }))
    expect(lines[0]).toMatch(/^\(left out: [\d,]+ earlier ones, \d+ heartbeats, greetings and the like\)$/)
    expect(lines).toHaveLength(42)
    const leaders = lines.filter((line) => / node \d is leader of term \d+$/.test(line))
    expect(new Set(leaders.map((line) => line.replace(/.* of term /, ''))).size).toBeLessThan(leaders.length)
  }, 60_000)
})

describe('a plan', () => {
  test.each(['12', '0/acts=none', '7/acts=1-3,9/calls=2', '3/links=loss,corruption', '3/acts=1/calls=none/links=none'])(
    '%s is written as it is read',
    (text) => {
      const plan = parsePlan(text)
      expect(plan === undefined ? undefined : planText(plan)).toBe(text)
    },
  )

  test.each([
    '',
    'x',
    '-1',
    '1.5',
    '1/acts',
    '1/acts=',
    '1/acts=3-1',
    '1/acts=1-99999999',
    '1/calls=a',
    '1/links=fire',
    '1/other=1',
    '1/acts=1/x',
  ])('%j is none', (text) => {
    expect(parsePlan(text)).toBeUndefined()
  })
})

describe('a chart', () => {
  const chart = new Chart()
  const header = { from: 1, to: 2, term: 3 } as const
  chart.note(1, { who: 'node 1', what: 'is leader of term', about: 3 })
  const arrives = chart.peerMessage(2, 'node 1', 'node 3', { ...header, kind: 'Heartbeat', commitIndex: 4, round: 1 })
  arrives(5)
  const lost = chart.peerMessage(3, 'node 3', 'node 1', { ...header, kind: 'PreVoteReply', granted: true })
  lost(undefined)
  chart.clientMessage(4, 'client 1', 'node 1', {
    kind: 'Commands',
    session: 1,
    ackedBelow: 1,
    items: [{ seq: 7, command: new Uint8Array(1) }],
  })
  chart.note(6, { who: 'client 1', what: 'learns of call 1:', about: 'put({ key: "<a>" }) -> done' })
  chart.note(7, { who: 'node 1', what: 'sends', about: 'what has an arrow' })

  test('as text has a lane for each who takes part, and a row for each thing that happens', () => {
    expect(chartText(chartRows(chart)).join('\n')).toBe(
      `
(left out: 1 heartbeats, greetings and the like)
         ms  c1  n1  n3  
      1.000  │   ●   │    node 1 is leader of term 3
      3.000  │   ╳───┤    PreVoteReply term 3, granted true (lost)
      4.000  ├───►   │    Commands 7 of session 1
      6.000  ●   │   │    client 1 learns of call 1: put({ key: "<a>" }) -> done
`.slice(1, -1),
    )
  })

  test('as a picture is XML by itself, whatever is said in it', () => {
    const svg = chartSvg(chartRows(chart), 'seed 1: <all> & "more"')
    expect(svg).toContain('seed 1: &#60;all&#62; &#38; &#34;more&#34;')
    expect(svg).toContain('put({ key: &#34;&#60;a&#62;&#34; }) -&#62; done')
    expect(svg.match(/<text class="d" x="78"/g)).toHaveLength(4)
    expect(svg).not.toMatch(/https?:(?!\/\/www\.w3\.org\/2000\/svg)/)
  })
})

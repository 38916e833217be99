// A process that runs seeds of the swarm as its parent says, one after the other. What fails is made small first.
import { chartRows, chartSvg, chartText, type RunPlan, runSeed, shrink, SimulationError, type SwarmReport } from '../../src/prove/index.ts'

export interface Order {
  readonly seed: number
}
/** What a seed went through, as a message can carry it. */
export interface Held extends Pick<SwarmReport, 'steps' | 'elections' | 'changes' | 'calls' | 'answered'> {
  readonly kind: 'held'
  readonly seed: number
  readonly counts: Readonly<Record<string, number>>
}
export interface Failed {
  readonly kind: 'failed'
  readonly seed: number
  readonly invariant: string
  /** Of the run as the seed decides it, and of the smallest that was found. */
  readonly message: string
  readonly least: string
  readonly chart: string
  readonly svg: string
}
export type Outcome = Held | Failed

function run(seed: number): Outcome {
  try {
    const { steps, elections, changes, calls, answered, coverage } = runSeed(seed)
    return { kind: 'held', seed, steps, elections, changes, calls, answered, counts: coverage.counts }
  } catch (error) {
    if (!(error instanceof SimulationError)) throw error
    return describe(seed, error)
  }
}

function describe(seed: number, error: SimulationError): Failed {
  const smallest = shrink(error, (plan) => failureOf(plan, false))
  const least = failureOf(smallest.run.plan, true) ?? smallest
  const { chart } = least.run
  const rows = chart === undefined ? undefined : chartRows(chart)
  return {
    kind: 'failed',
    seed,
    invariant: error.invariant,
    message: error.message,
    least: least.message,
    chart: rows === undefined ? '' : chartText(rows).join('\n'),
    svg: rows === undefined ? '' : chartSvg(rows, least.message.split('\n')[0] ?? ''),
  }
}

function failureOf(plan: RunPlan, chart: boolean): SimulationError | undefined {
  try {
    runSeed(plan, { simulation: { chart } })
    return undefined
  } catch (error) {
    if (error instanceof SimulationError) return error
    throw error
  }
}

process.on('message', (order: Order) => process.send?.(run(order.seed)))
process.once('disconnect', () => process.exit())
// Ctrl-C goes to all processes of a terminal: the seed that is being run is finished first.
process.on('SIGINT', () => {})
process.send?.('ready')

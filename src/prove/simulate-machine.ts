// A user's machine in a simulated cluster: the real nodes, logs, codecs and client sessions, with simulated disks, links and clocks.
import { RaftgenError } from '../errors.ts'
import type { StateMachine } from '../machine/state-machine.ts'
import type { FaultClass } from '../sim/faults.ts'
import { parsePlan, planText, type RunPlan } from '../sim/plan.ts'
import { shrink, type ShrinkOptions } from '../sim/shrink.ts'
import { runSeed, type SwarmReport } from '../sim/swarm.ts'
import { SimulationError } from '../sim/violation.ts'
import { DrawnCalls } from './drawn-calls.ts'
import { Elsewhere } from './elsewhere.ts'
import { isGenerated, type ResolvedSubject, resolveSubject, type Subject } from './subject.ts'

export interface SimulateOptions {
  /** A whole number, at least 0, which decides everything; or a run as a failure names it: `12/acts=1-3/calls=7`. */
  readonly seed: number | string
  /** What may go wrong; the seed chooses among these. Default: everything that a cluster must get over (`everyFault`). */
  readonly faults?: readonly FaultClass[]
  /** Keeps all that is sent and that happens, for a chart of a failure. Default false. */
  readonly chart?: boolean
  /** The command that repeats this run, for the message of a failure. */
  readonly repeat?: (seed: string) => string
}

/** Of any input that is drawn from a schema, in a typical one. A cluster whose limits are smaller than a command refuses it for ever. */
const commandBytesMax = 16_384

/**
 * Clients call the machine at random while nodes crash, links break and disks fail; then nothing breaks any more, and all must be well: every call ends,
 * replicas are equal, nothing acknowledged is lost, nothing takes effect twice, and what clients were told is what the machine does when it goes through
 * the log one command after the other; the invariants of the schema hold all the way. Throws a `SimulationError`; BAD_OPTIONS.
 */
export function simulateMachine(subject: Subject, options: SimulateOptions): SwarmReport {
  return runPlan(resolveSubject(subject), planOf(options.seed), options)
}

/** As `simulateMachine`; a run that fails is made as small as can be first. The failure that is thrown has a chart. */
export function simulateAndShrink(subject: Subject, options: SimulateOptions, shrinking: ShrinkOptions = {}): SwarmReport {
  const resolved = resolveSubject(subject)
  const failureOf = (plan: RunPlan, chart: boolean): SimulationError | undefined => {
    try {
      runPlan(resolved, plan, { ...options, chart })
      return undefined
    } catch (error) {
      if (error instanceof SimulationError) return error
      throw error
    }
  }
  const plan = planOf(options.seed)
  try {
    return runPlan(resolved, plan, options)
  } catch (error) {
    if (!(error instanceof SimulationError)) throw error
    const least = shrink(error, (tried) => failureOf(tried, false), shrinking)
    throw failureOf(least.run.plan, true) ?? least
  }
}

function runPlan(subject: ResolvedSubject, plan: RunPlan, { faults, chart = false, repeat }: SimulateOptions): SwarmReport {
  const calls = new DrawnCalls(subject)
  return runSeed(plan, {
    ...(faults === undefined ? {} : { faults }),
    operations: calls,
    commandBytesMax,
    ...calls.share,
    simulation: {
      machine: (node) => (node === undefined || node % 2 === 1 ? subject.machine() : new Elsewhere(subject.machine())),
      words: calls.words,
      broken: (model) => brokenInvariant(subject, model),
      repeat: repeat?.(planText(plan)) ?? `simulateMachine(..., { seed: '${planText(plan)}' })`,
      chart,
    },
  })
}

function planOf(seed: number | string): RunPlan {
  const plan = parsePlan(String(seed))
  if (plan !== undefined) return plan
  throw new RaftgenError(
    'BAD_OPTIONS',
    `seed is ${seed}: a whole number of at least 0 is required, or a run as a failure names it (12/acts=1-3/calls=7)`,
  )
}

function brokenInvariant({ invariants }: ResolvedSubject, model: StateMachine): string | undefined {
  for (const { name, broken } of invariants) {
    const why = isGenerated(model) ? broken(model) : undefined
    if (why !== undefined) return `${name} does not hold${why === '' ? '' : `: ${why}`}`
  }
  return undefined
}

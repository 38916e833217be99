// One seed of the swarm: a cluster and a workload drawn from it, faults, and then everything that must hold in the end.
import type { Ms } from '../core/types.ts'
import { Chance } from './chance.ts'
import type { Coverage, FaultClass } from './faults.ts'
import { everyFault } from './faults.ts'
import type { SimulationOptions } from './options.ts'
import { planText, type RunPlan } from './plan.ts'
import { shapeOf } from './shapes.ts'
import { Simulation } from './simulation.ts'
import { drawOptions, drawWorkload, drawVersions, isMixed } from './swarm-draws.ts'
import { listOperations, listOperations2, type Operations } from './workload.ts'

export interface SwarmOptions {
  /** Default: all. */
  readonly faults?: readonly FaultClass[]
  /** What is set here is not drawn from the seed. */
  readonly simulation?: Partial<Omit<SimulationOptions, 'plan'>>
  /** What clients ask for. Default: `listOperations`, for the machine of lists. */
  readonly operations?: Operations
  /** The share of queries among them, 0 to 1. Default: as the seed draws it. */
  readonly queries?: number
  /** The longest command among them, in bytes. Default 32. */
  readonly commandBytesMax?: number
}
/** What a seed went through. */
export interface SwarmReport {
  readonly seed: number
  /** At the start. */
  readonly voters: number
  /** Changes of the configuration that were committed. */
  readonly changes: number
  readonly steps: number
  readonly virtualMs: Ms
  readonly elections: number
  readonly committed: number
  readonly calls: number
  readonly answered: number
  readonly coverage: Coverage
  readonly traceHash: string
}

/** As many seeds, from `first` on. */
export const seeds = (count: number, first = 1): readonly number[] => Array.from({ length: count }, (_, i) => first + i)

const commandBytesDefault = 32
/** A vote that has to wait for a slow disk may come too late. */
const handOversMax = 5
/** Of so many seeds the calls of one are searched through, too: how far the certificate of the others can be trusted. */
const searchEvery = 10
/** And of so many the cores of one are watched by a second Raft: it makes the same run, and takes several times as long. */
const referenceEvery = 25
/** Of so many, those of one have to get well while clients write: each for so many calls at most. */
const busyEvery = 4
const busyCallsMax = 2_000

/**
 * Faults, then heal, converge, serve, and a scan of what is durable. Throws a `SimulationError` when anything does not hold. With a plan only the part
 * of the seed's run takes place that it names.
 */
export function runSeed(seed: number | RunPlan, options: SwarmOptions = {}): SwarmReport {
  const {
    faults = everyFault,
    simulation: given = {},
    operations: givenOperations,
    commandBytesMax = commandBytesDefault,
    queries,
  } = options
  const plan = typeof seed === 'number' ? { seed } : seed
  const chance = new Chance(plan.seed ^ 0x5eed)
  const voters = chance.pick([1, 2, 3, 3, 3, 4, 5, 5])
  const drawn = drawOptions(chance, { commandBytesMax })
  const repeat = `RAFTGEN_SEED=${planText(plan)} npx vitest run test/sim/swarm.test.ts`
  const isOfLists = givenOperations === undefined && given.machine === undefined
  // What is broken on purpose stands in the place of builds.
  const versions = isOfLists && given.sabotage === undefined && isMixed(plan.seed) ? drawVersions(plan.seed, voters) : {}
  const operations = givenOperations ?? ('rollout' in versions ? listOperations2 : listOperations)
  const watched = { reference: plan.seed % referenceEvery === referenceEvery - 1 }
  const shape = shapeOf(plan.seed, { isOfLists })
  const simulation = new Simulation({
    voters,
    faults,
    repeat,
    ...drawn,
    ...versions,
    ...shape.options,
    ...watched,
    ...given,
    plan,
    seed: plan.seed,
  })
  const share = queries === undefined ? {} : { queries }
  shape.begin(simulation)
  simulation.work({ operations, ...drawWorkload(chance), ...share })
  simulation.run({ ms: chance.between(2_000, 10_000) })
  simulation.heal()
  simulation.stopWork()
  if (plan.seed % busyEvery === 0) catchUp(simulation, { operations })
  // Calls may wait out their deadlines, which are longer than any election; and where limits are drawn low, who lacks the whole log gets an entry a round trip:
  // those of commands that are still open, too.
  const open = simulation.calls.filter(({ outcome }) => outcome.kind === 'pending').length
  simulation.runUntilConverged({ withinMs: 15_000 + roundTripMs * (simulation.commitIndex + open) })
  shape.end(simulation)
  serve(simulation, { operations, ...share })
  simulation.crashAll()
  simulation.run({ ms: 10 })
  simulation.restartAll()
  serve(simulation, { operations, ...share })
  handOver(simulation)
  simulation.checkLinearizable()
  if (isOfLists && plan.seed % searchEvery === 0) simulation.checkBySearch()
  return { ...report(simulation), voters: given.voters ?? shape.options.voters ?? voters }
}

const roundTripMs = 10

/** Whoever lags gets there, although others go on writing: nobody may run away from it. */
function catchUp(simulation: Simulation, { operations }: { readonly operations: Operations }): void {
  simulation.work({ operations, clients: 2, calls: busyCallsMax, pauseMs: 4, queries: 0, timeoutMs: { min: 5_000, max: 5_000 } })
  simulation.runUntilReached({ withinMs: 15_000 })
  simulation.stopWork()
}

/** New calls succeed, on every node, now that nothing breaks. */
function serve(simulation: Simulation, workload: { readonly operations: Operations; readonly queries?: number }): void {
  simulation.runUntilLeader({ withinMs: 10_000 })
  simulation.work({ ...workload, clients: 2, calls: 8, pauseMs: 5, timeoutMs: { min: 5_000, max: 5_000 } })
  const before = simulation.calls.length
  simulation.runUntil('clients call', () => simulation.calls.length === before + 8, { withinMs: 2_000 })
  simulation.stopWork()
  simulation.runUntilConverged({ withinMs: 10_000 })
  const failed = simulation.calls.slice(before).find(({ outcome }) => outcome.kind !== 'answered')
  simulation.check(
    failed === undefined,
    'liveness',
    `call ${failed?.id} failed although nothing was broken: ${JSON.stringify(failed?.outcome)}`,
  )
}

/** Leadership goes to another voter, without a term in between that nobody leads; now and then it takes more than one attempt. */
function handOver(simulation: Simulation): void {
  if (simulation.members.conf.voters.length < 2) return
  for (let attempts = 0; attempts < handOversMax; attempts++) {
    const from = simulation.runUntilLeader({ withinMs: 10_000 })
    const term = simulation.status(from)?.term ?? 0
    const order = simulation.members.transfer()
    simulation.runUntil('leadership is handed over, or that is given up', () => order.outcome.kind !== 'pending', { withinMs: 10_000 })
    const to = simulation.runUntilLeader({ withinMs: 10_000 })
    if (to !== from && simulation.status(to)?.term === term + 1) return simulation.runUntilConverged({ withinMs: 10_000 })
  }
  simulation.check(false, 'liveness', `leadership was not handed over in ${handOversMax} attempts although nothing was broken`)
}

function report(simulation: Simulation): Omit<SwarmReport, 'voters'> {
  const { seed, steps, elections, coverage, traceHash, calls } = simulation
  return {
    seed,
    changes: simulation.members.changes,
    steps,
    virtualMs: simulation.now,
    elections,
    committed: simulation.commitIndex,
    calls: calls.length,
    answered: calls.filter(({ outcome }) => outcome.kind === 'answered').length,
    coverage,
    traceHash,
  }
}

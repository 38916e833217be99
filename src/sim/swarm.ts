// One seed of the swarm: a cluster and a workload drawn from it, faults, and then everything that must hold in the end.
import type { Ms } from '../core/types.ts'
import { Chance } from './chance.ts'
import type { Coverage, FaultClass } from './faults.ts'
import { everyFault } from './faults.ts'
import type { SimulationOptions } from './options.ts'
import { ListMachine } from './list-machine.ts'
import { Simulation } from './simulation.ts'

export interface SwarmOptions {
  /** Default: all. */
  readonly faults?: readonly FaultClass[]
  /** What is set here is not drawn from the seed. */
  readonly simulation?: Partial<SimulationOptions>
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

/** Faults, then heal, converge, serve, and a scan of what is durable. Throws a `SimulationError` when anything does not hold. */
export function runSeed(seed: number, { faults = everyFault, simulation: given = {} }: SwarmOptions = {}): SwarmReport {
  const chance = new Chance(seed ^ 0x5eed)
  const voters = chance.pick([1, 2, 3, 3, 3, 4, 5, 5])
  const drawn = drawOptions(chance)
  const repeat = `RAFTGEN_SEED=${seed} npx vitest run test/sim/swarm.test.ts`
  const simulation = new Simulation({ voters, faults, repeat, ...drawn, ...given, seed })
  simulation.work(drawWorkload(chance))
  simulation.run({ ms: chance.between(2_000, 10_000) })
  simulation.heal()
  simulation.stopWork()
  // Calls may wait out their deadlines, which are longer than any election.
  simulation.runUntilConverged({ withinMs: 15_000 })
  serve(simulation)
  simulation.crashAll()
  simulation.run({ ms: 10 })
  simulation.restartAll()
  serve(simulation)
  simulation.checkLinearizable()
  return { ...report(simulation), voters }
}

/** New calls succeed, on every node, now that nothing breaks. */
function serve(simulation: Simulation): void {
  simulation.runUntilLeader({ withinMs: 10_000 })
  simulation.work({ clients: 2, calls: 8, pauseMs: 5, timeoutMs: { min: 5_000, max: 5_000 } })
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

/** Short queues and small buffers as often as roomy ones: what is seldom full in the field is often full here. */
function drawOptions(chance: Chance): Omit<SimulationOptions, 'seed'> {
  const electionTimeoutMs = chance.whole(60, 300)
  const small = chance.happens(0.5)
  const max = chance.between(1, 8)
  const heartbeatMs = Math.floor(electionTimeoutMs / chance.whole(3, 6))
  return {
    timing: { electionTimeoutMs, heartbeatMs },
    latencyMs: { min: chance.between(0.1, 1), max: 1 + max },
    diskMs: { min: 0.1, max: chance.between(1, 10) },
    coreLimits: small
      ? {
          messageBytesMax: chance.whole(1, 500),
          inflightMessagesMax: chance.whole(1, 4),
          inflightBytesMax: chance.whole(100, 2_000),
          uncommittedBytesMax: chance.whole(200, 4_000),
          cacheBytesMax: chance.whole(1, 2_000),
        }
      : {},
    drift: chance.pick([0.01, 0.045]),
    // By what was drawn before: a draw of its own would make other runs of all seeds.
    machine: drawMachine(chance, { isFrozen: electionTimeoutMs % 2 === 0 }),
    limits: {
      snapshotEntries: chance.pick([5, 20, 60, 200]),
      logTailEntries: chance.whole(0, 50),
      digestEntries: [0, 5, 20, 80][electionTimeoutMs % 4] ?? 0,
      ...(small ? { pendingCommandsMax: chance.whole(2, 40), pendingQueriesMax: chance.whole(2, 40) } : {}),
      applySliceMs: chance.pick([0, 5]),
      // Sessions are kept alive thrice in this time, and followers learn of that by a heartbeat: at some moment all is said.
      sessionTtlMs: chance.pick([Math.max(300, 6 * heartbeatMs), 1_000, 3_000, 60_000]),
    },
    session: {
      timing: {
        connectTimeoutMs: chance.whole(100, 500),
        leaderWaitMs: chance.whole(50, 300),
        silenceMs: chance.whole(300, 1_000),
        distrustMs: chance.whole(100, 1_000),
      },
    },
    nemesis: { pauseMs: chance.between(40, 400), lastsMs: chance.between(50, 800) },
  }
}

/** Now and then a state of several pieces. */
function drawMachine(chance: Chance, { isFrozen }: { readonly isFrozen: boolean }): () => ListMachine {
  const ballastBytes = chance.happens(0.15) ? chance.whole(50_000, 300_000) : 0
  return () => new ListMachine({ ballastBytes, isFrozen })
}

function drawWorkload(chance: Chance): Parameters<Simulation['work']>[0] {
  return {
    clients: chance.whole(1, 5),
    calls: chance.whole(50, 600),
    pauseMs: chance.between(10, 150),
    burstMax: chance.pick([1, 3, 10, 40]),
    queries: chance.between(0.1, 0.6),
    timeoutMs: { min: chance.between(50, 500), max: chance.between(500, 4_000) },
  }
}

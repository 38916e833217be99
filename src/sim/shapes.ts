// Runs of a shape of their own: what chance alone would hardly ever bring together. What is drawn for them is drawn apart, so other runs stay as they
// are.
import type { Index, NodeId } from '../core/types.ts'
import { replicaPieceBytes } from '../wire/replica-codec.ts'
import { Chance } from './chance.ts'
import { ListMachine } from './list-machine.ts'
import type { SimulationOptions } from './options.ts'
import type { Simulation } from './simulation.ts'

export interface Shape {
  /** In place of what was drawn. */
  readonly options: Partial<SimulationOptions>
  /** Before clients call, and anything breaks. */
  begin(simulation: Simulation): void
  /** Once all that broke is mended, and the cluster has converged. */
  end(simulation: Simulation): void
}

/** Of so many runs one has this shape. Others than these begin with several builds (`isMixed`). */
const inPhaseEvery = 10
const overtakenEvery = 20

/** `isOfLists`: the machine is the one of lists, and no other. */
export function shapeOf(seed: number, { isOfLists }: { readonly isOfLists: boolean }): Shape {
  if (seed % inPhaseEvery === 2) return { ...plain, options: { inPhase: true, drift: 0 }, begin: beginInPhase }
  // A state of another machine may be too small for that.
  if (seed % overtakenEvery === 5 && isOfLists) return { ...plain, options: drawOvertaken(seed), end: overtake }
  return plain
}

const plain: Shape = { options: {}, begin: () => {}, end: () => {} }
/** Of a shape, drawn by chance of its own. */
const shapeChance = (seed: number): Chance => new Chance(seed ^ 0x54a9e)

/** So long an election may take where votes are split by chance only, in election timeouts: an attempt takes one to two. */
const electionTimeoutsMax = 30

/**
 * Servers begin at one instant and nothing tells them apart but their chance: their votes are split unless that differs (§3.4). Once more after a power
 * cut. Then whatever is allowed breaks.
 */
function beginInPhase(simulation: Simulation): void {
  const withinMs = electionTimeoutsMax * simulation.electionTimeoutMs
  simulation.runUntilLeader({ withinMs })
  // Until all have the same, and nothing is on its way to a disk.
  simulation.runUntilConverged({ withinMs })
  simulation.run({ ms: simulation.electionTimeoutMs })
  simulation.crashAll()
  simulation.restartAll()
  simulation.runUntilLeader({ withinMs })
  simulation.coverage.count('electedInPhase')
  simulation.unleash()
}

/** Parts of an election timeout that a piece of a snapshot takes on the slow line: heartbeats wait behind it. */
const pieceTimeouts = 1 / 3
/** Of all clients together: several hundred a second. */
const pressure = { clients: 2, calls: 10_000, pauseMs: 8, burstMax: 4, queries: 0, timeoutMs: { min: 5_000, max: 5_000 } } as const
/** A fetch takes a second or two. */
const overtakenMs = 10_000
const lookMs = 50

/** Snapshots often, a short tail behind them, a state of many pieces; and queues that hold what clients write. */
function drawOvertaken(seed: number): Partial<SimulationOptions> {
  const chance = shapeChance(seed)
  const electionTimeoutMs = chance.whole(300, 500)
  const ballastBytes = chance.whole(250_000, 450_000)
  const isFrozen = chance.happens(0.5)
  return {
    voters: chance.pick([3, 5]),
    timing: { electionTimeoutMs, heartbeatMs: Math.floor(electionTimeoutMs / chance.whole(3, 6)) },
    coreLimits: {},
    diskMs: { min: 0.1, max: chance.between(1, 3) },
    machine: () => new ListMachine({ ballastBytes, isFrozen }),
    limits: {
      snapshotEntries: chance.whole(40, 100),
      logTailEntries: chance.whole(0, 30),
      digestEntries: chance.pick([0, 20, 80]),
      applySliceMs: chance.pick([0, 5]),
      sessionTtlMs: 3_000,
    },
  }
}

/**
 * A follower is away until the log that is kept begins after its end, and comes back over a slow line, while clients write: more in the time that it
 * takes to fetch a snapshot than is kept otherwise. It follows the log again, since that is kept for it (§5.3). The cluster has converged.
 */
function overtake(simulation: Simulation): void {
  const leader = simulation.runUntilLeader()
  const others = dispensable(simulation).filter((id) => id !== leader)
  if (others.length === 0) return
  const follower = shapeChance(simulation.seed).pick(others)
  const { lastIndex = 0 } = simulation.status(follower) ?? {}
  simulation.crash(follower)
  simulation.work(pressure)
  runUntilBegins(simulation, { leader, afterIndex: lastIndex + 1 })
  const bytesPerSecond = Math.floor((replicaPieceBytes * 1_000) / (simulation.electionTimeoutMs * pieceTimeouts))
  for (const from of simulation.nodes) if (from !== follower) simulation.slowDown({ from, to: follower, byMs: 0, bytesPerSecond })
  simulation.restart(follower)
  simulation.runUntilReached({ withinMs: overtakenMs })
  simulation.coverage.count('overtaken')
  simulation.stopWork()
  simulation.runUntilConverged({ withinMs: overtakenMs })
}

/** Members without which the others still decide. */
function dispensable({ members: { conf } }: Simulation): readonly NodeId[] {
  return conf.voters.length >= 3 ? conf.members.map(({ id }) => id) : conf.learners
}

/** Until the log of `leader` begins after `afterIndex`. Looks now and then: the status that it gives has a digest of the whole state. */
function runUntilBegins(simulation: Simulation, { leader, afterIndex }: { readonly leader: NodeId; readonly afterIndex: Index }): void {
  const until = simulation.now + overtakenMs
  const begins = (): boolean => (simulation.status(leader)?.firstIndex ?? 0) > afterIndex
  while (!begins() && simulation.now < until) simulation.run({ ms: lookMs })
  simulation.check(begins(), 'liveness', `the log of node ${leader} does not begin after entry ${afterIndex} within ${overtakenMs} ms`)
}

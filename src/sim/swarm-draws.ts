// What a seed decides of a run of the swarm: the cluster, its limits, what clients do.
import { Chance } from './chance.ts'
import { ListMachine } from './list-machine.ts'
import type { SimulationOptions } from './options.ts'
import { Rollout } from './rollout.ts'
import type { WorkloadOptions } from './workload.ts'

/** Short queues and small buffers as often as roomy ones: what is seldom full in the field is often full here. */
export function drawOptions(chance: Chance, { commandBytesMax }: { readonly commandBytesMax: number }): Omit<SimulationOptions, 'seed'> {
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
          // What holds no command would refuse it for ever.
          uncommittedBytesMax: Math.max(chance.whole(200, 4_000), 2 * commandBytesMax),
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

export function drawWorkload(chance: Chance): { readonly clients: number } & Partial<WorkloadOptions> {
  return {
    clients: chance.whole(1, 5),
    calls: chance.whole(50, 600),
    pauseMs: chance.between(10, 150),
    burstMax: chance.pick([1, 3, 10, 40]),
    queries: chance.between(0.1, 0.6),
    timeoutMs: { min: chance.between(50, 500), max: chance.between(500, 4_000) },
  }
}

/** Two of five runs begin with builds that know one version of the schema, and end with builds that know two. */
export const isMixed = (seed: number): boolean => seed % 5 === 1 || seed % 5 === 3

/** By chance of its own: what else is drawn is as in a run without. */
export function drawVersions(seed: number, voters: number): Required<Pick<SimulationOptions, 'rollout' | 'machine'>> {
  const chance = new Chance(seed ^ 0x7e25)
  const isFrozen = chance.happens(0.5)
  const rollout = new Rollout({ seed: chance.seed(), pauseMs: chance.between(100, 1_500), isFrozen })
  rollout.begin(Array.from({ length: voters }, (_, i) => i + 1))
  return { rollout, machine: (node) => rollout.machine(node) }
}

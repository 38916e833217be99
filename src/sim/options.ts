import type { CoreLimits, Timing } from '../core/api.ts'
import type { Ms, NodeId } from '../core/types.ts'
import type { StateMachine } from '../machine/state-machine.ts'
import type { NodeLimits } from '../node/index.ts'
import type { SessionLimits, SessionTiming } from '../session/limits.ts'
import type { FaultClass } from './faults.ts'
import type { CallKind } from './history.ts'
import type { RunPlan } from './plan.ts'
import type { Rollout } from './rollout.ts'
import type { SimClient } from './sim-client.ts'
import type { Sabotage } from './world.ts'

/** How calls are put into words, where their bytes say nothing. */
export interface Words {
  call(kind: CallKind, payload: Uint8Array): string
  answer(kind: CallKind, payload: Uint8Array, reply: Uint8Array): string
}

export interface SimulationOptions {
  /** Decides everything that is decided by chance. */
  readonly seed: number
  /** Servers, all with a vote. 1 to 9; default 3. */
  readonly voters?: number
  /** Makes one machine for each life of each server, and, for `undefined`, the model that they are compared with. Default: lists (`ListMachine`). */
  readonly machine?: (node: NodeId | undefined) => StateMachine
  /** Builds of the machine that know more or fewer versions of its schema: its `machine` has to be the one above. Default: all are the same. */
  readonly rollout?: Rollout
  /** As for servers; of all of them. Default `fail`. */
  readonly onHandlerError?: 'fail' | 'halt'
  /** What may go wrong by itself; the seed chooses among these. Default: nothing. */
  readonly faults?: readonly FaultClass[]
  /** Default: an election timeout of 300 ms and a heartbeat of 60 ms. */
  readonly timing?: Partial<Timing>
  readonly coreLimits?: Partial<CoreLimits>
  readonly limits?: Partial<NodeLimits>
  readonly session?: { readonly timing?: Partial<SessionTiming>; readonly limits?: Partial<SessionLimits> }
  /** One way, between any two. Default 0.2 to 3. */
  readonly latencyMs?: { readonly min: Ms; readonly max: Ms }
  /** Default 0.1 to 3. */
  readonly diskMs?: { readonly min: Ms; readonly max: Ms }
  /** How far the clocks of servers go wrong, each way. A share; default 0.01. Leases assume that two do not run apart by more than a tenth. */
  readonly drift?: number
  /** Servers begin at one instant, and ticks, links and disks take equally long everywhere; nothing breaks; until `unleash`. Default false. */
  readonly inPhase?: boolean
  /** How often things break, and for how long; on average. Default 300 and 400. */
  readonly nemesis?: { readonly pauseMs: Ms; readonly lastsMs: Ms }
  /** How many of the last events the message of a failure tells. Default 40. */
  readonly storyLines?: number
  /** The command that repeats this run, for the message of a failure. Default: the seed, for a test that fixes it. */
  readonly repeat?: string
  /** Which part of the run takes place. Default: all. */
  readonly plan?: Omit<RunPlan, 'seed'>
  /** Keeps all that is sent and that happens, for a chart of a failure. Default false. */
  readonly chart?: boolean
  /** Default: calls are numbers. */
  readonly words?: Words
  /** What must be so of the model after every command of the log; a sentence where it is not. Default: nothing. */
  readonly broken?: (model: StateMachine) => string | undefined
  /** A second, slow Raft looks at every step of every core: see `reference/`. Default false: it takes several times as long. */
  readonly reference?: boolean
  /** For testing the tests: breaks something on purpose. */
  readonly sabotage?: Sabotage
}

export interface CallSettings {
  /** A client made with `client`. Default: one that all calls without this share. */
  readonly client?: SimClient
  /** Only this server can be reached. Each has a client of its own. */
  readonly at?: NodeId
  /** Of a query: to the first server in the client's list that can be reached, whoever leads. With `at`: to that server. */
  readonly nearest?: boolean
  /** Default 5,000. */
  readonly timeoutMs?: Ms
}

/** From one server to another. */
export interface SlowLink {
  readonly from: NodeId
  readonly to: NodeId
  /** Longer than a link takes anyway. Milliseconds. */
  readonly byMs: Ms
  readonly bytesPerSecond: number
}

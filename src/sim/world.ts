import type { Ms, NodeId, PeerMessage, SnapshotMeta } from '../core/types.ts'
import type { StateMachine } from '../machine/state-machine.ts'
import type { Log } from '../ports/log.ts'
import type { PeerDisk } from '../ports/peer-disks.ts'
import type { Snapshots } from '../ports/snapshots.ts'
import type { NodeOptions } from '../node/index.ts'
import type { ClientMessage } from '../wire/client-messages.ts'
import type { Chance } from './chance.ts'
import type { Chart } from './chart.ts'
import type { Directory } from './directory.ts'
import type { Coverage } from './faults.ts'
import type { History } from './history.ts'
import type { Network } from './network.ts'
import type { Applied } from './oracle/applied.ts'
import type { LogShadow } from './oracle/log-shadow.ts'
import type { Safety } from './oracle/safety.ts'
import type { SnapshotsSeen } from './oracle/snapshots.ts'
import type { Words } from './options.ts'
import type { Scheduler } from './scheduler.ts'
import type { SimServer } from './sim-server.ts'
import type { Trace, TraceLine } from './trace.ts'
import type { Verdict } from './violation.ts'

/** What is broken on purpose, to see whether it is found out. */
export interface Sabotage {
  /** Takes the place of the log of each new life of a node. */
  readonly log?: (log: Log) => Log
  /** Takes the place of the store of snapshots of each new life of a node. */
  readonly snapshots?: (snapshots: Snapshots) => Snapshots
  /** Takes the place of the machine of each new life of a node. */
  readonly machine?: (machine: StateMachine, node: NodeId) => StateMachine
  /** What each message between servers is changed to before it is sent; `undefined`: it is not. */
  readonly message?: (message: PeerMessage) => PeerMessage | undefined
  /** What each message of a client is changed to before it is sent. */
  readonly clientMessage?: (message: ClientMessage) => ClientMessage
  /** No server remembers with which disk it has seen the others. */
  readonly forgetsDisks?: boolean
  /** Invariants that are not looked at, to see whether another one finds it as well. */
  readonly blindTo?: readonly string[]
}

/** Who wants to be there when something happens, to make it fail. */
export interface Watch {
  /** A server asks another for a piece of a snapshot. */
  fetch: ((server: SimServer, source: NodeId) => void) | undefined
  /** A piece of a snapshot has arrived at a server, or one has just taken the place of its log. */
  install: ((server: SimServer) => void) | undefined
  /** A leader tells its successor to go ahead. */
  handOver: ((server: SimServer) => void) | undefined
}

/** What everything in a run shares. */
export interface World {
  readonly scheduler: Scheduler
  readonly chance: Chance
  readonly coverage: Coverage
  readonly trace: Trace
  /** Where one is wanted. */
  readonly chart: Chart | undefined
  readonly words: Words | undefined
  readonly verdict: Verdict
  readonly network: Network
  readonly directory: Directory
  readonly watch: Watch
  readonly history: History
  readonly safety: Safety
  readonly applied: Applied
  readonly snapshots: SnapshotsSeen
  readonly sabotage: Sabotage
  /** See `SimulationOptions.reference`. */
  readonly reference: boolean
  readonly clusterId: string
  readonly tickMs: Ms
  readonly machine: (node: NodeId | undefined) => StateMachine
  /** Of every node: timing and limits, and what becomes of a handler that fails. */
  readonly node: Pick<NodeOptions, 'timing' | 'coreLimits' | 'limits' | 'onHandlerError'>
  /** Whom one may ask to be let in, or for anything else: the members as far as anybody knows. */
  contacts(): readonly SimServer[]
  /** Whether the newest committed configuration names `id`. */
  isMember(id: NodeId): boolean
  /** `node` has a connection to the one that has this disk. */
  meet(node: NodeId, disk: PeerDisk): void
  onSnapshot(node: NodeId, meta: SnapshotMeta): void
  /** A process has ended, and its machine says so to whoever dials it. */
  onProcessEnded(server: SimServer): void
  onRetired(server: SimServer): void
  onWiped(server: SimServer): void
  /** It has an older copy of its disk, of which `shadow` is what the oracles knew. */
  onRolledBack(server: SimServer, shadow: LogShadow): void
  /** Notes what happened. */
  note(mark: number, line: TraceLine): void
}

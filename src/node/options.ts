import type { ConfState, CoreLimits, EntryId, Index, Ms, NodeId, Raft, RaftOptions, SoftState, Term, Timing } from '../core/index.ts'
import type { HandlerFailure } from '../machine/state-machine.ts'
import type { Replica } from '../machine/replica.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Net } from '../ports/net.ts'
import type { Snapshots } from '../ports/snapshots.ts'
import type { ServerMessage } from '../wire/client-messages.ts'
import type { Standing } from './state-check.ts'

/** Names one connection of a client, for as long as it lasts. Never used twice in the life of a node. */
export type ConnectionId = number

/** Where answers to clients go. Nothing is sent to a connection that was reported closed. */
export interface ClientPort {
  /** Queues; what is sent in one turn to one connection leaves in one write. */
  send(connection: ConnectionId, messages: readonly ServerMessage[]): void
  /** Says why, then closes. */
  goodbye(connection: ConnectionId, message: Extract<ServerMessage, { kind: 'Goodbye' }>): void
}

/** What a node needs of the world. Everything is synchronous or calls back later, never before it returned. */
export interface NodePorts {
  readonly log: Log
  /** `undefined`: the log is never compacted, and a node that lost its state cannot get it back. */
  readonly snapshots: Snapshots | undefined
  readonly net: Net
  readonly clock: Clock
  readonly clients: ClientPort
  /** Asks the host to call `turn` soon, after what has arrived already was handed in. May be called often. */
  wake(): void
  /** The node cannot go on: a failed write, a broken invariant, or NODE_REMOVED. The host stops it; nothing of it is used any more. */
  fail(error: Error): void
  /** Hash of bytes as hex, for comparing replicas. */
  digest(parts: readonly Uint8Array[]): string
  /** The newest configuration in the log is another one: whom to dial, and, of `committed`, whom to tell that it was removed. */
  confChanged(conf: ConfState, committed: ConfState): void
  /** For people. */
  report(event: NodeEvent): void
  /** Makes the core. Default: a plain one. For whoever watches it. */
  core?(options: RaftOptions): Raft
}

/** What is left of the disk that a node writes to. */
export interface DiskSpace {
  /** Free for this node, bytes; its reserve file counts as free. */
  readonly freeBytes: number
  /** Of these, what its database may need for a while to merge what it holds: not to be given to anything else. */
  readonly neededBytes: number
}

export type NodeEvent =
  | { readonly kind: 'role'; readonly softState: SoftState }
  | { readonly kind: 'handlerFailed'; readonly index: number; readonly failure: HandlerFailure }
  /** This version of the schema is in force from now on. */
  | { readonly kind: 'versionActive'; readonly version: number }
  /** It was to be in force, and its migration has failed: what was before stays so, on every replica. */
  | { readonly kind: 'versionRefused'; readonly version: number; readonly message: string }
  /** Apply has halted before this command; told again by each life that comes to it. */
  | { readonly kind: 'applyHalted'; readonly halt: Halt; readonly stack: string | undefined }
  /** The command at `index`, where it had halted, is behind it: applied after all, skipped, or part of a state that came from another node. */
  | { readonly kind: 'applyGoesOn'; readonly index: Index }
  /** The machine threw HANDLER_FATAL: this life ends of it, and no later one is to try that command again (`NodeOptions.halted`). */
  | { readonly kind: 'handlerFatal'; readonly halt: Halt }
  | { readonly kind: 'commandSkipped'; readonly index: Index }
  /** Entry `skipIndex` says that the command at `index` was skipped, and this node has applied it: its state is given up for that of another. */
  | { readonly kind: 'stateAstray'; readonly index: Index; readonly skipIndex: Index }
  | { readonly kind: 'queryFailed'; readonly message: string; readonly stack: string | undefined }
  /** `longestMs`: what it kept the node from anything else at a time, at most. */
  | { readonly kind: 'snapshotTaken'; readonly index: Index; readonly bytes: number; readonly tookMs: Ms; readonly longestMs: Ms }
  /** From 0 to `bytes`, about every second while it lasts, and at its end. */
  | { readonly kind: 'snapshotFetching'; readonly index: Index; readonly from: NodeId; readonly offset: number; readonly bytes: number }
  | { readonly kind: 'snapshotInstalled'; readonly index: Index }
  /** The snapshot could not be written, read or used. The node goes on where it can. */
  | { readonly kind: 'snapshotFailed'; readonly index: Index; readonly error: Error }
  | { readonly kind: 'logCompacted'; readonly firstIndex: Index }
  | { readonly kind: 'confCommitted'; readonly conf: ConfState }
  /** `by` remembers what this node has forgotten: that it had acknowledged `floor`, or had voted for it in `votedTerm`. The log ended at `lastIndex`. */
  | {
      readonly kind: 'forgotten'
      readonly by: NodeId
      readonly floor: EntryId | undefined
      readonly votedTerm: Term | undefined
      readonly lastIndex: Index
    }
  /** Nobody could tell what this node had acknowledged; now all the others have said what they hold. */
  | { readonly kind: 'floorLearned'; readonly floor: EntryId }
  /** Entries that this node had lost are back. `from`: a peer; `undefined`: they lay apart on its own disk. */
  | { readonly kind: 'logRepaired'; readonly firstIndex: Index; readonly lastIndex: Index; readonly from: NodeId | undefined }
  /**
   * This node has lost entries from `firstIndex` to at most `lastIndex`, of what it held up to `floor`, and there is no leader to give them back:
   * `lacking` do not have the first of them either, `silent` do not answer. Said again, less and less often, while it lasts.
   */
  | {
      readonly kind: 'entriesMissing'
      readonly firstIndex: Index
      readonly lastIndex: Index
      readonly floor: EntryId
      readonly lacking: readonly NodeId[]
      readonly silent: readonly NodeId[]
    }
  /** Less than the reserve is left; it has room again at `roomBytes`. */
  | { readonly kind: 'diskFull' | 'diskHasRoom'; readonly space: DiskSpace; readonly reserveBytes: number; readonly roomBytes: number }
  /** A write is under way for longer than an election timeout; told more and more seldom. */
  | { readonly kind: 'diskHung'; readonly forMs: Ms; readonly handsOver: boolean }
  | { readonly kind: 'diskBack'; readonly tookMs: Ms }
  /**
   * After the check entry `index` not all replicas were the same. `fenced`: a majority, `others`, has another state than this node, which answers and
   * votes no more; `doubtful`: there is no majority so far, so this node does not answer; `sound`: `others` have another state than the majority, which this node is of.
   */
  | { readonly kind: 'stateDiverged'; readonly standing: Standing; readonly index: Index; readonly others: readonly NodeId[] }
  /** Replicas differ since this entry (`isFirst`), or since this one or an earlier one, compared with `from`. `command`: its name, where the log still has it. */
  | {
      readonly kind: 'differenceFound'
      readonly index: Index
      readonly isFirst: boolean
      readonly command: string | undefined
      readonly from: NodeId
    }
  /** They are all the same again. */
  | { readonly kind: 'statesAgree'; readonly index: Index }

export interface NodeLimits {
  /** One command or query, bytes. Default 1 MiB; up to 3 MiB, so that with all its headers it fits a frame. */
  readonly commandBytesMax: number
  /** Commands accepted and not yet answered, of all clients. Default 131,072; up to 1,048,576. */
  readonly pendingCommandsMax: number
  /** Bytes of them; and, apart from them, of the queries that wait. Default 64 MiB; `commandBytesMax` to 1 GiB. */
  readonly pendingBytesMax: number
  /**
   * A command that would wait longer for its answer, at the pace of the last moments, is refused: so a leader that is offered more than it can take goes on at its
   * most, and what it takes does not wait for long. Milliseconds; default 500, 10 to 60,000.
   */
  readonly pendingMsMax: number
  /** Queries that wait for their turn, of all clients. Default 65,536; up to 1,048,576. */
  readonly pendingQueriesMax: number
  /** A turn stops applying, or encoding a snapshot, after this long, so that heartbeats are not late. Milliseconds; default 5, 1 to the heartbeat interval. */
  readonly applySliceMs: number
  /** Time to live of a session without a sign of life, milliseconds of log time. Default 60,000; 1,000 to 86,400,000. */
  readonly sessionTtlMs: number
  /** A snapshot is taken every so many entries, by each node at others of them: the first comes sooner. Default 100,000; 1 to 1,000,000,000. */
  readonly snapshotEntries: number
  /** Or after this many bytes of commands since the last; the first, by a share that each node has, sooner. Default 64 MiB; 1 KiB to 1 TiB. */
  readonly snapshotLogBytes: number
  /** Entries kept in the log behind the newest snapshot, for followers that lag a little. Default 10,000; 0 to 1,000,000,000. */
  readonly logTailEntries: number
  /** A node fetches a snapshot no faster than this, bytes a second. Default 64 MiB; 64 KiB to 16 GiB. */
  readonly snapshotBytesPerSecond: number
  /**
   * With less than this left of its disk, bytes, a node takes no commands as leader, hands over where another has room, and takes no snapshots;
   * queries go on, and so does all else once there is a tenth more. Default 64 MiB; 0 to 1 TiB, 0 to never look.
   */
  readonly diskReserveBytes: number
  /**
   * Replicas compare their states every so many entries, and every 10 seconds while any are applied: a difference is noticed within as many, and those
   * that are under way. Default 4,096; up to 32,768, or 0 to never compare.
   */
  readonly digestEntries: number
}

export const defaultNodeLimits: NodeLimits = {
  commandBytesMax: 1_024 * 1_024,
  pendingCommandsMax: 131_072,
  pendingBytesMax: 64 * 1_024 * 1_024,
  pendingMsMax: 500,
  pendingQueriesMax: 65_536,
  applySliceMs: 5,
  sessionTtlMs: 60_000,
  snapshotEntries: 100_000,
  snapshotLogBytes: 64 * 1_024 * 1_024,
  logTailEntries: 10_000,
  snapshotBytesPerSecond: 64 * 1_024 * 1_024,
  diskReserveBytes: 64 * 1_024 * 1_024,
  digestEntries: 4_096,
}

/** A command before which a node has stopped applying. */
export interface Halt {
  readonly index: Index
  /** Name of the operation; empty where the machine does not tell it. */
  readonly command: string
  /** What its handler threw. */
  readonly message: string
  /** It was HANDLER_FATAL, in an earlier life. */
  readonly isFatal: boolean
}

/** A replica at the start of a life: see `recover.ts`. */
export interface Recovered {
  readonly replica: Replica
  /** False: the state behind the log is lost, or this node is new and joins: it fetches a snapshot before it applies anything. */
  readonly hasState: boolean
}

export interface NodeOptions {
  readonly id: NodeId
  readonly clusterId: string
  readonly incarnation: number
  /** What `recover` made of the newest snapshot that is whole and fits the log, or of nothing. */
  readonly recovered: Recovered
  /** Must differ between nodes and between lives of a node. */
  readonly seed: number
  /** 48 bits that no other life of this node has had: see `RaftOptions.nonce`. */
  readonly nonce: number
  /** Default `fail`: see `ServerOptions`. The same on every node. */
  readonly onHandlerError?: 'fail' | 'halt'
  /** An earlier life died of this command: apply halts before it. */
  readonly halted?: Halt | undefined
  /**
   * When the next version of the schema is put in force: as soon as every member knows it (`automatic`, the default), or when an operator says so, too. That of
   * the leader counts.
   */
  readonly activation?: 'automatic' | 'byOperator'
  /** It is applied nevertheless. Default false. */
  readonly retryHalted?: boolean
  readonly timing?: Partial<Timing>
  readonly coreLimits?: Partial<CoreLimits>
  readonly limits?: Partial<NodeLimits>
}

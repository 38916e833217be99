// The contract between the core and its driver: what goes in, what comes out. The core decides, the driver performs.
import type { ConfState, Entry, EntryId, Index, LogSummary, Message, Ms, NodeId, Persist, SoftState, Term } from './types.ts'

/** Everything that can happen to a node. Time, disk and network exist only as inputs, so a run is a list of these. */
export type Input =
  /** Monotonic time now. Several milliseconds may pass unseen between two ticks: timeouts are judged by `now`, never by counting. */
  | { readonly kind: 'tick'; readonly now: Ms }
  | { readonly kind: 'receive'; readonly message: Message }
  /** Commands to append, in order. Answered by `accepted` and, for what does not fit, `refused`, with the same ticket. */
  | { readonly kind: 'propose'; readonly ticket: number; readonly commands: readonly Uint8Array[] }
  /** Asks for an index at which a linearizable read may be served (§6.4). Answered by a grant or a refusal with the same id. */
  | { readonly kind: 'read'; readonly id: number }
  /** The write `seq`, and every one before it, is durable. */
  | { readonly kind: 'persisted'; readonly seq: number }
  /** Everything up to `index` has been applied to the state machine. */
  | { readonly kind: 'applied'; readonly index: Index }
  /** Answer to a `Fetch`. Contiguous from `firstIndex`, at least one entry; or empty when the range is gone, overwritten meanwhile. */
  | { readonly kind: 'fetched'; readonly peer: NodeId; readonly firstIndex: Index; readonly entries: readonly Entry[] }
  /** The connection to a peer broke, or its queue was full: what was in flight to it may be lost. */
  | { readonly kind: 'unreachable'; readonly peer: NodeId }

/** Entries that a slow follower needs and that are no longer in memory: read them from the log, answer with `fetched`. */
export interface Fetch {
  readonly peer: NodeId
  readonly firstIndex: Index
  readonly lastIndex: Index
  /** Stop before this many bytes of data, but return one entry at least. */
  readonly bytesMax: number
}
export interface Accepted {
  readonly ticket: number
  /** Of the first command; the others follow it. */
  readonly first: EntryId
  readonly count: number
}
/** `of: 'propose'`: commands from position `from` on were not appended, and never will be. */
export interface Refusal {
  readonly of: 'propose' | 'read'
  /** Ticket of a proposal, id of a read. */
  readonly id: number
  readonly from: number
  readonly reason: 'notLeader' | 'uncommittedBytesMax' | 'readsMax' | 'leadershipLost'
  readonly leader: NodeId | undefined
}
export interface ReadGrant {
  readonly id: number
  /** Serve once everything up to here is applied. */
  readonly index: Index
}

/**
 * Everything a node wants done. The driver performs it and decides nothing:
 * `send` at once; `persist` in one atomic durable write; `sendAfterPersist` once that write is durable (at once when there is none:
 * `ready` gives promises out only while no write is in flight).
 */
export interface Ready {
  readonly persist: Persist | undefined
  /** May leave while `persist` is still being written (§10.2.1). */
  readonly send: readonly Message[]
  /** Promises: votes asked and given, acknowledgements of entries (§3.8). */
  readonly sendAfterPersist: readonly Message[]
  /** Everything up to here is committed and durable on this node: apply it, in order, each once. Never falls. */
  readonly applyThrough: Index
  readonly reads: readonly ReadGrant[]
  readonly fetches: readonly Fetch[]
  readonly accepted: readonly Accepted[]
  readonly refused: readonly Refusal[]
  /** Present when it changed since the last `Ready`. */
  readonly softState: SoftState | undefined
}

export interface Timing {
  /** A follower that hears nothing for 1 to 2 times this long starts an election (§3.4). Milliseconds; default 1,000. */
  readonly electionTimeoutMs: number
  /** Default 100. At most a third of the election timeout. */
  readonly heartbeatMs: number
}

/** Every queue has a limit. Bytes are those of `Entry.data` plus `entryOverheadBytes` an entry. */
export interface CoreLimits {
  /** Entries in one AppendEntries, bytes. Default 1 MiB. */
  readonly messageBytesMax: number
  /** AppendEntries unanswered per follower. Default 8. */
  readonly inflightMessagesMax: number
  /** Bytes unanswered per follower. Default 8 MiB. */
  readonly inflightBytesMax: number
  /** Bytes appended by a leader and not yet committed; beyond it proposals are refused. Default 32 MiB. */
  readonly uncommittedBytesMax: number
  /** Applied entries kept in memory for followers that lag a little. Default 16 MiB. */
  readonly cacheBytesMax: number
  /** Reads that wait for a confirmation round. Default 65,536. */
  readonly readsMax: number
}

export interface RaftOptions {
  readonly id: NodeId
  readonly log: LogSummary
  /** Monotonic time at the start. */
  readonly now: Ms
  /** Seeds the election timeouts. Must differ between nodes, or votes split for ever. */
  readonly seed: number
  readonly timing?: Partial<Timing>
  readonly limits?: Partial<CoreLimits>
}

/** What a leader knows of one follower. */
export interface FollowerStatus {
  readonly id: NodeId
  readonly state: 'probe' | 'replicate'
  readonly matchIndex: Index
  readonly nextIndex: Index
  readonly inflightMessages: number
  readonly inflightBytes: number
}
/** A node as it is now, for status pages and tests. */
export interface RaftStatus extends SoftState {
  readonly id: NodeId
  readonly votedFor: NodeId | undefined
  readonly commitIndex: Index
  /** Whether an entry of the current term is known to be committed: until then nobody knows what else is (§6.4). */
  readonly committedInTerm: boolean
  readonly lastApplied: Index
  readonly lastIndex: Index
  readonly lastTerm: Term
  /** Everything up to here is durable on this node. */
  readonly stableIndex: Index
  /** The newest configuration in the log, committed or not (§4.1). */
  readonly conf: ConfState
  /** Of a leader; empty otherwise. */
  readonly followers: readonly FollowerStatus[]
  /** Of a leader's own entries; 0 otherwise. */
  readonly uncommittedBytes: number
}

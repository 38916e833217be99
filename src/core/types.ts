/** A leader's number: grows, is never used twice by two leaders (§3.3). 0 before the first election. */
export type Term = number
/** 1-based position in the log; 0 is "before the first entry". */
export type Index = number
/** Number of one server for the life of the cluster. A positive safe integer, never used again, even after removal. */
export type NodeId = number
/** Milliseconds of monotonic time since an arbitrary start. Only differences mean anything. */
export type Ms = number

/** Term and index always travel together, so that they cannot be swapped. */
export interface EntryId {
  readonly term: Term
  readonly index: Index
}

/**
 * One entry of the log. `command` belongs to the layers above (opaque here), `conf` is a configuration of the cluster, in force
 * from the moment it is appended (§4.1), `noop` is what a new leader appends to commit what came before it (§3.6.2).
 */
export interface Entry extends EntryId {
  readonly kind: 'command' | 'conf' | 'noop'
  /** Empty for `conf` and `noop`. Never changed once it is in an entry. */
  readonly data: Uint8Array
  /** Only of a `conf` entry. */
  readonly conf: ConfState | undefined
}

/** One server as the cluster knows it. A server that lost its disk comes back with a higher incarnation. */
export interface Member {
  readonly id: NodeId
  /** Starts at 1. */
  readonly incarnation: number
  /** `host:port` where other servers reach it. */
  readonly peer: string
  /** `host:port` where clients reach it. */
  readonly client: string
}

/** A configuration. `votersOutgoing` is empty unless the configuration is joint (§4.3): then both majorities are needed. */
export interface ConfState {
  /** Everyone named below, by ascending id. */
  readonly members: readonly Member[]
  readonly voters: readonly NodeId[]
  readonly votersOutgoing: readonly NodeId[]
  readonly learners: readonly NodeId[]
}

/** What must be durable before any promise that depends on it leaves the node (§3.8). */
export interface HardState {
  readonly term: Term
  readonly votedFor: NodeId | undefined
}

/** A run of entries of one term: it starts at `firstIndex` and ends before the next run. */
export interface TermRun {
  readonly term: Term
  readonly firstIndex: Index
}

/** What precedes the first entry of the log: nothing (index 0, and the configuration of bootstrap), or a snapshot. */
export interface LogBase {
  readonly id: EntryId
  readonly conf: ConfState
}

/** All that the core must know of the log on the disk when it starts. Entries stay on the disk until they are asked for. */
export interface LogSummary {
  readonly hardState: HardState
  readonly base: LogBase
  readonly lastIndex: Index
  /** Ascending by `firstIndex` and by term, covering `base.id.index + 1 .. lastIndex`; empty for an empty log. */
  readonly terms: readonly TermRun[]
  /** The `conf` entries above the base, ascending. */
  readonly confs: readonly { readonly index: Index; readonly conf: ConfState }[]
}

/** One atomic, durable write. Term, vote and entries that belong together are never separated (§3.8). */
export interface Persist {
  /** Names this write: grows by one with each. (term, index) would not do: an index can be overwritten and come back. */
  readonly seq: number
  readonly hardState: HardState
  /** First index to delete, before `entries` are appended. `undefined` when nothing conflicts. */
  readonly truncateFrom: Index | undefined
  /** Contiguous; the first follows what is on the disk after the truncation. May be empty. */
  readonly entries: readonly Entry[]
}

interface Header {
  readonly from: NodeId
  readonly to: NodeId
  /** The sender's term; of a `PreVote`, and of a `PreVoteReply` that grants it, the term the candidate would have. */
  readonly term: Term
}
export type PreVote = Header & { readonly kind: 'PreVote'; readonly last: EntryId }
export type PreVoteReply = Header & { readonly kind: 'PreVoteReply'; readonly granted: boolean }
/** `transfer`: the leader asked for this election (§3.10), so those who hear from a leader do not ignore it. */
export type RequestVote = Header & { readonly kind: 'RequestVote'; readonly last: EntryId; readonly transfer: boolean }
export type RequestVoteReply = Header & { readonly kind: 'RequestVoteReply'; readonly granted: boolean }
/** `entries` follow `prev`. One array may be shared by the messages of several peers and by `Persist`: nobody changes it. */
export type AppendEntries = Header & {
  readonly kind: 'AppendEntries'
  readonly prev: EntryId
  readonly entries: readonly Entry[]
  readonly commitIndex: Index
}
/** `ok`: everything up to `matchIndex` = prev + entries of that message is durable and the leader's. */
export type AppendEntriesReply = Header & { readonly kind: 'AppendEntriesReply' } & (
    | { readonly ok: true; readonly matchIndex: Index }
    /** `prevIndex` names the refused message; `hint` is the newest entry of the follower that may match (§3.5). */
    | { readonly ok: false; readonly prevIndex: Index; readonly hint: EntryId }
  )
/**
 * Keeps followers and confirms leadership for reads (§6.4). It is not an empty AppendEntries: its reply claims nothing of the log, so it
 * need not wait for the disk. `commitIndex` never exceeds what this follower is known to hold.
 */
export type Heartbeat = Header & { readonly kind: 'Heartbeat'; readonly commitIndex: Index; readonly round: number }
export type HeartbeatReply = Header & { readonly kind: 'HeartbeatReply'; readonly round: number }

export type Message =
  | PreVote
  | PreVoteReply
  | RequestVote
  | RequestVoteReply
  | AppendEntries
  | AppendEntriesReply
  | Heartbeat
  | HeartbeatReply

/** What is known from outside: for logs, redirects and status pages. */
export interface SoftState {
  readonly role: 'follower' | 'preCandidate' | 'candidate' | 'leader'
  readonly term: Term
  readonly leader: NodeId | undefined
}

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
  /**
   * Everyone named below, by ascending id. A node that is about to join starts from a configuration without voters: it knows whom to
   * dial, takes no entries, and waits for a snapshot.
   */
  readonly members: readonly Member[]
  readonly voters: readonly NodeId[]
  readonly votersOutgoing: readonly NodeId[]
  /** They hold the log and do not count. In a joint configuration also voters that are being demoted: they still count in `votersOutgoing`. */
  readonly learners: readonly NodeId[]
  /** Of the learners, those that the leader makes voters by itself as soon as they have caught up (§4.2.1). */
  readonly joining: readonly NodeId[]
  /** Ids of former members, ascending: never used again. */
  readonly removed: readonly NodeId[]
  /**
   * 0: no lease reads. Else nobody that hears from a leader helps to elect another within this many milliseconds, whatever its own
   * election timeout, and a leader that a quorum has answered serves lease reads for `leaseShare` of it (§6.4.1).
   */
  readonly leaseMs: Ms
}

/** One step of a change of members; a change has one or more, of different members. */
export type ConfStep =
  /** `joining`: the leader makes it a voter once it has caught up. */
  | { readonly kind: 'addLearner'; readonly member: Member; readonly joining: boolean }
  /** Makes a learner a voter. */
  | { readonly kind: 'promote'; readonly id: NodeId }
  /** Makes a voter a learner. */
  | { readonly kind: 'demote'; readonly id: NodeId }
  /** Makes a voter that has lost its disk a learner until it has caught up again: as if it were joining. */
  | { readonly kind: 'suspend'; readonly id: NodeId }
  | { readonly kind: 'remove'; readonly id: NodeId }
  /** New addresses of a member. A higher incarnation (it has lost its disk) is for learners only: demote or suspend a voter first. */
  | { readonly kind: 'update'; readonly member: Member; readonly joining: boolean }
  | { readonly kind: 'setLease'; readonly leaseMs: Ms }

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
  /** Default: it holds all that it has promised. */
  readonly fence?: Fence | undefined
  /** As last written. Default: nothing is known of others. */
  readonly witness?: readonly Witness[] | undefined
}

/**
 * A log that does not hold all that it has promised to hold: it is damaged, or an older copy of it was put back. Until it holds it again, its
 * node campaigns for nobody, votes for those only who have at least as much, and acknowledges what it has.
 */
export interface Fence {
  /** The newest entry that it may have acknowledged. `undefined`: nobody knows; then it votes for nobody. */
  readonly floor: EntryId | undefined
}

/** What a node knows of another, and keeps: it is asked for when that one comes back and may have forgotten. */
export interface Witness {
  readonly id: NodeId
  readonly incarnation: number
  /** The newest entry that it has acknowledged to this node; (0, 0) when none. */
  readonly match: EntryId
  /** The term that this node led then: in a later one it may have replaced that entry, and knows. */
  readonly matchTerm: Term
  /** The last term in which this node got its vote; 0 when none. */
  readonly votedTerm: Term
}

/** One atomic, durable write. Term, vote and entries that belong together are never separated (§3.8). */
export interface Persist {
  /** Names this write: grows by one with each. (term, index) would not do: an index can be overwritten and come back. */
  readonly seq: number
  readonly hardState: HardState
  /**
   * A snapshot takes the place of the log (§5.3): everything on the disk is dropped, whatever it is, and the log begins anew after this.
   * `truncateFrom` is `undefined` then, and `entries` follow it.
   */
  readonly reset: LogBase | undefined
  /** First index to delete, before `entries` are appended. `undefined` when nothing conflicts. */
  readonly truncateFrom: Index | undefined
  /** Contiguous; the first follows what is on the disk after the truncation. May be empty. */
  readonly entries: readonly Entry[]
  /** The log is fenced from now on, in place of what it was; a floor that it holds after this write is no fence. Left out: as it was. */
  readonly fence?: Fence | undefined
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
export type HeartbeatReply = Header & {
  readonly kind: 'HeartbeatReply'
  readonly round: number
  /** The disk of the sender is nearly full. Default: it has room. */
  readonly isFull?: boolean
}

/**
 * What this follower needs next is compacted away (§5.3): it should fetch a snapshot of `last` or later, from whichever member has one.
 * Repeated about every heartbeat until the reply says that the follower has got there.
 */
export type InstallSnapshot = Header & { readonly kind: 'InstallSnapshot'; readonly last: EntryId }
/** `hint`: the newest entry here that is known to be committed. No promise: the leader probes from there, and the log match decides. */
export type InstallSnapshotReply = Header & { readonly kind: 'InstallSnapshotReply'; readonly hint: EntryId }
/** The leader asks for an election now (§3.10). */
export type TimeoutNow = Header & { readonly kind: 'TimeoutNow' }
/** A replica asks its leader for a read index (§6.4). (node, nonce, counter) names the question for good, across restarts. */
export type ReadIndex = Header & { readonly kind: 'ReadIndex'; readonly nonce: number; readonly counter: number }
export type ReadIndexReply = Header & {
  readonly kind: 'ReadIndexReply'
  readonly nonce: number
  readonly counter: number
  readonly index: Index
}

export type Message =
  | PreVote
  | PreVoteReply
  | RequestVote
  | RequestVoteReply
  | AppendEntries
  | AppendEntriesReply
  | Heartbeat
  | HeartbeatReply
  | InstallSnapshot
  | InstallSnapshotReply
  | TimeoutNow
  | ReadIndex
  | ReadIndexReply

/** A snapshot: the state after `id`, which is committed. */
export interface SnapshotMeta {
  readonly id: EntryId
  /** In force at `id`. */
  readonly conf: ConfState
  /** Length of its content. */
  readonly bytes: number
  /** CRC-32 of its content: two with the same id and checksum are the same, whoever made them. */
  readonly checksum: number
}

/** Asks any member for a piece of a snapshot. The core never sees these two: nodes exchange them for its sake. `term`: of the sender. */
export type SnapshotRequest = Header & {
  readonly kind: 'SnapshotRequest'
  /** Of this index or later. */
  readonly minIndex: Index
  /** Go on with this one; `undefined` at first, when the newest will do. */
  readonly of: { readonly id: EntryId; readonly checksum: number } | undefined
  readonly offset: number
}
/**
 * `snapshot` is `undefined` when the sender has none (any more) that was asked for. `term` matters: what was committed in a later term
 * may contradict a leader of an earlier one, so the receiver adopts the term before it uses the snapshot.
 */
export type SnapshotChunk = Header & {
  readonly kind: 'SnapshotChunk'
  readonly snapshot: SnapshotMeta | undefined
  readonly offset: number
  readonly data: Uint8Array
}
export type SnapshotMessage = SnapshotRequest | SnapshotChunk

/**
 * A node that has just started asks what the receiver remembers of it. `nonce` names its life, `awaited` those that it waits for, 64 at most. Of these
 * four, too, the core sees nothing.
 */
export type Recall = Header & {
  readonly kind: 'Recall'
  readonly incarnation: number
  readonly nonce: number
  readonly awaited: readonly NodeId[]
}
/** `term`: of the sender. See `Recollected`. */
export type RecallReply = Header & {
  readonly kind: 'RecallReply'
  readonly nonce: number
  readonly match: EntryId
  readonly matchTerm: Term
  readonly votedTerm: Term
  readonly held: EntryId
  readonly isForgetful: boolean
  readonly voters: readonly NodeId[]
  readonly isConfLasting: boolean
  readonly gone: readonly NodeId[]
}
/** A node that has lost entries, and has no leader to give them back, asks any member for them. */
export type EntriesRequest = Header & { readonly kind: 'EntriesRequest'; readonly firstIndex: Index; readonly lastIndex: Index }
/** Contiguous from `firstIndex`, as many as fit; none when the sender does not have the first. Nothing is claimed of them: their chain tells. */
export type EntriesChunk = Header & { readonly kind: 'EntriesChunk'; readonly firstIndex: Index; readonly entries: readonly Entry[] }
export type RepairMessage = Recall | RecallReply | EntriesRequest | EntriesChunk

/** What a replica adds up to: 64 bits, as two signed 32-bit integers. */
export interface Digest {
  readonly low: number
  readonly high: number
}
/** The replica of the sender had `digest` after entry `index`. `asks`: and what had that of the receiver? The core sees nothing of these either. */
export type DigestReport = Header & {
  readonly kind: 'DigestReport'
  readonly index: Index
  readonly digest: Digest
  readonly asks: boolean
}
/** Asks for the digests after entry `firstIndex`, and each `stride` further up to `lastIndex`. */
export type DigestsRequest = Header & {
  readonly kind: 'DigestsRequest'
  readonly firstIndex: Index
  readonly lastIndex: Index
  readonly stride: number
}
/** In that order, from the first that the sender still has: `firstIndex` is that one. None when it has none of them. */
export type DigestsChunk = Header & {
  readonly kind: 'DigestsChunk'
  readonly firstIndex: Index
  readonly stride: number
  readonly digests: readonly Digest[]
}
export type DigestMessage = DigestReport | DigestsRequest | DigestsChunk
/** The sender applies nothing from the committed entry `index` on; repeated while that lasts. The core sees nothing of it. */
export type Halted = Header & { readonly kind: 'Halted'; readonly index: Index }
/**
 * The machine of the sender can be of these versions of its schema, which are newer than the one in force; ascending. To whom it takes for the leader, again
 * and again. The core sees nothing of it.
 */
export type VersionsKnown = Header & { readonly kind: 'VersionsKnown'; readonly versions: readonly KnownVersion[] }
/** A version of a schema, and the hash of its wire format. */
export interface KnownVersion {
  readonly version: number
  readonly wire: string
}
/** Everything that nodes say to each other. */
export type PeerMessage = Message | SnapshotMessage | RepairMessage | DigestMessage | Halted | VersionsKnown

/** What is known from outside: for logs, redirects and status pages. */
export interface SoftState {
  readonly role: 'follower' | 'preCandidate' | 'candidate' | 'leader'
  readonly term: Term
  readonly leader: NodeId | undefined
}

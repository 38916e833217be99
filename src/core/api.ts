// The contract between the core and its driver: what goes in, what comes out. The core decides, the driver performs.
import type {
  ConfState,
  ConfStep,
  Entry,
  EntryId,
  Fence,
  HardState,
  Index,
  LogBase,
  LogSummary,
  Message,
  Ms,
  NodeId,
  Persist,
  SoftState,
  Term,
  Witness,
} from './types.ts'

/** Everything that can happen to a node. Time, disk and network exist only as inputs, so a run is a list of these. */
export type Input =
  /** Monotonic time now. Several milliseconds may pass unseen between two ticks: timeouts are judged by `now`, never by counting. */
  | { readonly kind: 'tick'; readonly now: Ms }
  | { readonly kind: 'receive'; readonly message: Message }
  /** Commands to append, in order. Answered by `accepted` and, for what does not fit, `refused`, with the same ticket. */
  | { readonly kind: 'propose'; readonly ticket: number; readonly commands: readonly Uint8Array[] }
  /**
   * Asks for an index at which a linearizable read may be served (§6.4), on any replica: a follower asks its leader. Answered by a grant or
   * a refusal with the same id. `lease`: a leader may answer from its lease (§6.4.1); where there is none it makes no difference.
   */
  | { readonly kind: 'read'; readonly id: number; readonly lease: boolean }
  /** Answered by `accepted` (one entry; settled once that entry, or the one that leaves the joint configuration, is committed) or `refused`. */
  | { readonly kind: 'changeConf'; readonly ticket: number; readonly steps: readonly ConfStep[]; readonly force: boolean }
  /** Hands leadership to `to`, by default the most up-to-date voter (§3.10). See `RaftStatus.transferee`; `refused` when it cannot begin. */
  | { readonly kind: 'transfer'; readonly ticket: number; readonly to: NodeId | undefined }
  /** The write `seq`, and every one before it, is durable. */
  | { readonly kind: 'persisted'; readonly seq: number }
  /** Everything up to `index` has been applied to the state machine. */
  | { readonly kind: 'applied'; readonly index: Index }
  /** Answer to a `Fetch`. Contiguous from `firstIndex`, at least one entry; or empty when the range is gone, overwritten meanwhile. */
  | { readonly kind: 'fetched'; readonly peer: NodeId; readonly firstIndex: Index; readonly entries: readonly Entry[] }
  /** The connection to a peer broke, or its queue was full: what was in flight to it may be lost. */
  | { readonly kind: 'unreachable'; readonly peer: NodeId }
  /** The process of a peer has just started, and hears: what was in flight to it is lost, and it is sent what it lacks, or a word, at once. */
  | { readonly kind: 'peerUp'; readonly peer: NodeId }
  /**
   * The process of a peer has ended: its connection closed *and* an immediate redial was refused. A follower of it need not wait out its
   * election timeout, only a short jitter; pre-vote makes that safe. Without effect while lease reads are on.
   */
  | { readonly kind: 'peerDown'; readonly peer: NodeId; readonly incarnation: number }
  /**
   * A snapshot of committed state is durable here, fetched from a member whose term was `term`. Old news is ignored; else everything up to it
   * is committed, a log that does not contain it is replaced by it, and `Ready.restore` says when the state is to be read from it.
   */
  | { readonly kind: 'snapshotReceived'; readonly base: LogBase; readonly term: Term }
  /**
   * The others remember what this node has forgotten, for an older copy of its disk was put back, or it is damaged: `hardState`, where its term is
   * later than the present one, or it names a vote in the present term that is not known here; `floor`, the newest entry that this node has
   * acknowledged, as far as they know. Where the log does not hold that it is fenced from then on; where nobody knew what it lacks
   * (`Fence.floor` is `undefined`), it is from now on known to be this. See `recollect`.
   */
  | { readonly kind: 'recalled'; readonly hardState: HardState | undefined; readonly floor: EntryId | undefined }
  /**
   * Entries that the log of this node has held, and lost: they follow its end, and are proven to be the very same (`Log.anchors`). Ignored unless
   * it is fenced at a known floor, follows nobody, and all of it is on the disk.
   */
  | { readonly kind: 'repaired'; readonly entries: readonly Entry[] }
  /**
   * What the disk of this node is like from now on; at first it is well. `isFull`: it has little room left. Its leader hears of it; it campaigns only
   * when nobody else has taken over for long; and a leader takes no commands (`Raft.hasRoom`). `isHung`: a write is not done for long: it campaigns
   * for nobody, not even when it is asked to, and grants no pre-vote.
   */
  | { readonly kind: 'disk'; readonly isFull: boolean; readonly isHung: boolean }
  /**
   * The state of this node is none that the log leads to, and is given up, as if it had been missing at the start: see `RaftOptions.hasState`. A leader
   * hands over and leads no more. The snapshot that brings a state again must be of a later entry than was applied.
   */
  | { readonly kind: 'stateLost' }
  /**
   * Whether the state of this node can be trusted; at first it can. While it cannot, the node follows and acknowledges like any other, since its log is as good
   * as ever; but it campaigns for nobody, not even when it is asked to, grants no vote, and a leader hands over and leads no more.
   */
  | { readonly kind: 'sound'; readonly isSound: boolean }
  /**
   * The state up to `index` is in durable snapshots: entries up to there may go, as far as no follower that is fetching a snapshot
   * will need them. Answered by `Ready.compact` when any goes. At most what was applied.
   */
  | { readonly kind: 'compact'; readonly index: Index }

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
export type RefusalReason =
  | 'notLeader'
  /** Of reads: who would have answered leads no more, or did not answer within an election timeout. */
  | 'leadershipLost'
  | 'uncommittedBytesMax'
  | 'readsMax'
  /** Leadership is being handed over: propose again when `RaftStatus.transferee` is `undefined` again, or to the next leader. */
  | 'transferring'
  | ConfRefusalReason
  | TransferRefusalReason
/** Why a configuration was not changed. */
export type ConfRefusalReason =
  /** The leader has not committed an entry of its own term yet (the erratum of 2015 to §4.1). */
  | 'notCommittedInTerm'
  /** One unsettled change at a time. */
  | 'confPending'
  | 'noSteps'
  | 'unknownId'
  /** It is a member already; or two steps name it. */
  | 'duplicateId'
  | 'removedId'
  | 'notLearner'
  | 'notVoter'
  /** An incarnation never falls, and rises only for a learner. */
  | 'badIncarnation'
  | 'noVoters'
  | 'membersMax'
  | 'badLease'
  /** Fewer than a majority of the new voters were heard from within an election timeout, or hold the log. Not checked when forced. */
  | 'quorumUnreachable'
  /** A learner to be promoted lags by more than it fetches within an election timeout (§4.2.1). Not checked when forced. */
  | 'notCaughtUp'
export type TransferRefusalReason = 'transferPending' | 'notVoter' | 'transferToSelf' | 'noTarget'

/** `of: 'propose'`: commands from position `from` on were not appended, and never will be. */
export interface Refusal {
  readonly of: 'propose' | 'read' | 'changeConf' | 'transfer'
  /** Ticket of a proposal, a change or a transfer; id of a read. */
  readonly id: number
  readonly from: number
  readonly reason: RefusalReason
  /** A sentence for people, with the values in it; of changes and transfers only. */
  readonly message: string | undefined
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
  /**
   * A snapshot of at least this index is needed: a leader says so, or the state of this node is missing. Given again about each heartbeat
   * until `snapshotReceived` was stepped, or the log got there by itself.
   */
  readonly snapshotWanted: Index | undefined
  /** Read the state from the received snapshot of this index, whose log is durable now; answer with `applied`. Nothing is applied before. */
  readonly restore: Index | undefined
  /** The log may drop everything up to here, at leisure; it begins after this from now on. */
  readonly compact: LogBase | undefined
  /** What this node knows of others has changed: all of it, to be kept by the log. No promise waits for it (`Log.note`). */
  readonly witness: readonly Witness[] | undefined
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

/** Every queue has a limit: a positive whole number. Bytes are those of `Entry.data` plus `entryOverheadBytes` an entry. */
export interface CoreLimits {
  /** Entries in one AppendEntries, bytes. Default 1 MiB. */
  readonly messageBytesMax: number
  /** AppendEntries unanswered per follower. Default 8. */
  readonly inflightMessagesMax: number
  /** Bytes unanswered per follower. Default 8 MiB. */
  readonly inflightBytesMax: number
  /** Bytes appended by a leader and not yet committed; beyond it proposals are refused. Default 32 MiB. */
  readonly uncommittedBytesMax: number
  /** Applied entries kept in memory for followers that lag a little; up to twice as much with those that wait to be applied. Default 1 MiB. */
  readonly cacheBytesMax: number
  /** Reads that wait for a confirmation round, or for the leader's answer. Default 65,536. */
  readonly readsMax: number
  /**
   * Entries that a leader keeps at most, of those it was asked to compact, for followers that fetch a snapshot. Beyond it they have to fetch
   * a newer one; too few, and a follower whose snapshot takes longer than so many writes never gets there. Default 4,000,000.
   */
  readonly pinnedEntriesMax: number
}

export interface RaftOptions {
  /** A whole number from 1 to 2^48 - 1. */
  readonly id: NodeId
  readonly log: LogSummary
  /**
   * The state was read from a snapshot of this index, which is in the log or its base. Default: 0, where the base is index 0. Behind any other
   * base either this is given, or `hasState: false`.
   */
  readonly lastApplied?: Index
  /**
   * False: the state behind the log is lost, or does not exist yet. Nothing is applied until a snapshot was received, this node neither
   * campaigns nor leads, and `Ready.snapshotWanted` asks for one by itself. Default: true, but false where `log.base.conf` has no voters.
   */
  readonly hasState?: boolean
  /** Monotonic time at the start. */
  readonly now: Ms
  /** A whole number that seeds the election timeouts. Should differ between nodes: timeouts in phase split votes. */
  readonly seed: number
  /**
   * From 0 to 2^48 - 1, and new at each start: 48 random bits will do. It names the questions of this life for read indexes. Were it used
   * again, a late answer to a question of an earlier life could be taken for one of this life, and a read would be stale.
   */
  readonly nonce: number
  readonly timing?: Partial<Timing>
  readonly limits?: Partial<CoreLimits>
}

/** What a leader knows of one follower. */
export interface FollowerStatus {
  readonly id: NodeId
  readonly state: 'probe' | 'replicate' | 'snapshot'
  /** Anything came from it within an election timeout. */
  readonly isActive: boolean
  /** Of a learner: its last round of catching up took less than an election timeout (§4.2.1). True of voters. */
  readonly isCaughtUp: boolean
  /** It said so with its last heartbeat: its disk is nearly full. */
  readonly isFull: boolean
  readonly matchIndex: Index
  readonly nextIndex: Index
  readonly inflightMessages: number
  readonly inflightBytes: number
}
/** What a node remembers, for another that comes back and asks: see `Raft.recollect`. */
export interface Recollected extends Pick<Witness, 'match' | 'matchTerm' | 'votedTerm'> {
  /** The newest entry that was durable here, as far as this node knows. Some of what it lost may be missing. */
  readonly held: EntryId
  /** It may have held more, voted more, and does not know. */
  readonly isForgetful: boolean
  /** Of the newest configuration here, in both halves of a joint one. */
  readonly voters: readonly NodeId[]
  /** That is committed and durable here, and not joint. */
  readonly isConfLasting: boolean
  /** Those that the other asked for and that are no members any more, as an entry says that is committed and durable here. */
  readonly gone: readonly NodeId[]
}
/** A node as it is now, for status pages and tests. */
export interface RaftStatus extends SoftState {
  readonly id: NodeId
  readonly votedFor: NodeId | undefined
  readonly commitIndex: Index
  /** Whether an entry of the current term is known to be committed: until then nobody knows what else is (§6.4). */
  readonly committedInTerm: boolean
  readonly lastApplied: Index
  /** First index that is still in the log. */
  readonly firstIndex: Index
  readonly lastIndex: Index
  readonly lastTerm: Term
  /** Everything up to here is durable on this node. */
  readonly stableIndex: Index
  /** The newest configuration in the log, committed or not (§4.1). */
  readonly conf: ConfState
  /** The newest configuration that is committed. */
  readonly committedConf: ConfState
  /** Whether a change of the configuration is under way: the newest is joint, or not committed. */
  readonly isConfPending: boolean
  /** False while the state behind the log is missing: see `RaftOptions.hasState`. */
  readonly hasState: boolean
  /** While the log lacks what it may have acknowledged: see `Fence`. */
  readonly fence: Fence | undefined
  /** Of a leader that hands over: to whom. `undefined` again when it gave up, an election timeout later. */
  readonly transferee: NodeId | undefined
  /** Of a leader; empty otherwise. */
  readonly followers: readonly FollowerStatus[]
  /** Of a leader's own entries; 0 otherwise. */
  readonly uncommittedBytes: number
}

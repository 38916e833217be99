// What clients and servers say to each other, as values; `client-codec.ts` turns them into frames and back.
import type { ConfRefusalReason, TransferRefusalReason } from '../core/api.ts'
import type { ConfState, ConfStep, Fence, Index, Ms, NodeId } from '../core/types.ts'
import type { ErrorCode } from '../errors.ts'

/**
 * How fresh an answer must be. `lease`: as fresh as `linearizable`, from the leader's lease where the cluster has lease reads on (§6.4.1);
 * where it has not, the same as `linearizable`. `atLeast`: whatever reflects the index that comes with it.
 */
export type Consistency = 'linearizable' | 'lease' | 'atLeast' | 'stale'

/** First message of a client. The server answers `Welcome` or `Goodbye`. */
export interface Hello {
  readonly kind: 'Hello'
  /** Empty when the client does not know yet. */
  readonly clusterId: string
  readonly machine: string
  readonly version: number
  /** Hash of the client's wire format; empty for a client of bytes. */
  readonly wire: string
}
export interface OpenSession {
  readonly kind: 'OpenSession'
  readonly requestId: number
}
export interface CommandItem {
  readonly seq: number
  readonly command: Uint8Array
}
/** Everything that was called in one turn, ascending by `seq`. Replies below `ackedBelow` are no longer wanted. */
export interface Commands {
  readonly kind: 'Commands'
  readonly session: number
  readonly ackedBelow: number
  readonly items: readonly CommandItem[]
}
export interface QueryItem {
  readonly requestId: number
  readonly consistency: Consistency
  /** Of `atLeast`: the index that the answer must reflect; 0 otherwise. */
  readonly atLeast: Index
  readonly query: Uint8Array
}
export interface Queries {
  readonly kind: 'Queries'
  readonly items: readonly QueryItem[]
}
/** Keeps a session alive, and its connection; also acknowledges replies. `session` is 0 when there is none. */
export interface KeepAlive {
  readonly kind: 'KeepAlive'
  readonly session: number
  readonly ackedBelow: number
}
export interface CloseSession {
  readonly kind: 'CloseSession'
  readonly session: number
}
/** Asks a node how it is. Answered at once, by any node, from its own view. */
export interface StatusRequest {
  readonly kind: 'StatusRequest'
  readonly requestId: number
  /** Also compute a digest of the replicated state: reads all of it. */
  readonly digest: boolean
}
/** Operations on the cluster itself. Only the leader does them; others answer NOT_LEADER. */
export type AdminOperation =
  /** Settled when the change is committed, and a joint configuration left again. */
  | { readonly kind: 'changeConf'; readonly steps: readonly ConfStep[]; readonly force: boolean }
  /** Settled when another node leads, or when it was given up. `to`: default the most up-to-date voter. */
  | { readonly kind: 'transfer'; readonly to: NodeId | undefined }
  /** Settled when the entry that says so is committed: the command at `index`, where apply has halted, counts as one whose handler failed. */
  | { readonly kind: 'skip'; readonly index: Index }
  /** Settled when the version is in force. `version`: of the schema; default the newest that the leader knows. */
  | { readonly kind: 'activate'; readonly version: number | undefined }
  /** Changes nothing: who is in the cluster, and how far each has got. Linearizable. */
  | { readonly kind: 'members' }
export interface AdminRequest {
  readonly kind: 'AdminRequest'
  readonly requestId: number
  readonly operation: AdminOperation
}
/**
 * A node with an empty directory asks to be let in. Where `id` is unknown it becomes a learner, to be promoted; where it is known, it has
 * lost its disk: a voter loses its vote first, then it gets a higher incarnation, and has to catch up like any other.
 */
export interface JoinRequest {
  readonly kind: 'JoinRequest'
  readonly requestId: number
  readonly id: NodeId
  readonly peer: string
  readonly client: string
  /** False: it stays a learner. `undefined`: it gets the role that its id has; a new one becomes a voter. */
  readonly voter: boolean | undefined
}
export type ClientMessage = Hello | OpenSession | Commands | Queries | KeepAlive | CloseSession | StatusRequest | AdminRequest | JoinRequest

/** Where the leader is, as far as this node knows. */
export interface LeaderHint {
  readonly id: NodeId
  /** `host:port` for clients. */
  readonly client: string
}

/** First message of a server that will have this client; sent again, unasked, when `servers` or `version` are others. */
export interface Welcome {
  readonly kind: 'Welcome'
  readonly clusterId: string
  readonly nodeId: NodeId
  readonly leader: LeaderHint | undefined
  /** Client addresses of all members. */
  readonly servers: readonly string[]
  readonly commandBytesMax: number
  readonly keepAliveMs: number
  /** Of the schema, in force here: what is called has to be of it, or older. Sent again when it rises. 0: the machine has no versions. */
  readonly version: number
}

/**
 * Why something was not done. Beside the public codes: `NOT_LEADER` (go to `leader`, resend with the same seq) and `RETRY` (this
 * node cannot say yet: resend with the same seq, here or elsewhere). A client resolves these two by itself.
 */
export interface Refused {
  readonly code: ErrorCode | 'NOT_LEADER' | 'RETRY'
  readonly message: string
}
export interface SessionOpened {
  readonly kind: 'SessionOpened'
  readonly requestId: number
  /** Index of the entry that opened it. */
  readonly session: number
  readonly refused: Refused | undefined
}
export interface ReplyItem {
  readonly seq: number
  /** Index at which the command was applied; 0 when it was not. */
  readonly index: Index
  /** Reply of the machine; empty when refused. */
  readonly reply: Uint8Array
  readonly refused: Refused | undefined
  /** What the handler of the command threw, and where, in the words of the node that answers; of the first reply only. */
  readonly failure?: string | undefined
}
/** Ascending by position in the log. */
export interface Replies {
  readonly kind: 'Replies'
  readonly session: number
  readonly items: readonly ReplyItem[]
}
export interface QueryReplyItem {
  readonly requestId: number
  /** Index of the last entry that the answer reflects. */
  readonly index: Index
  readonly reply: Uint8Array
  readonly refused: Refused | undefined
}
export interface QueryReplies {
  readonly kind: 'QueryReplies'
  readonly items: readonly QueryReplyItem[]
}
/** The leader changed, as far as this node knows. Sent unasked. */
export interface LeaderChanged {
  readonly kind: 'LeaderChanged'
  readonly leader: LeaderHint | undefined
}
export interface NodeStatus {
  readonly nodeId: NodeId
  readonly clusterId: string
  readonly role: 'follower' | 'preCandidate' | 'candidate' | 'leader'
  readonly term: number
  readonly leader: NodeId | undefined
  readonly commitIndex: Index
  readonly lastApplied: Index
  /** First index that is still in its log. */
  readonly firstIndex: Index
  readonly lastIndex: Index
  /** Index of its newest snapshot, 0 when it has none. */
  readonly snapshotIndex: Index
  /** The newest configuration in its log. */
  readonly conf: ConfState
  readonly sessions: number
  /** Hex, of machine and sessions at `lastApplied`; empty unless asked for. */
  readonly digest: string
  /** While its log lacks what it may have acknowledged: until it has that again it follows, and votes for none that has less. */
  readonly fence: Fence | undefined
  readonly disk: DiskStatus
  /** The command before which it has stopped applying: nothing that needs it, or a later one, is answered. */
  readonly halted: HaltedStatus | undefined
  /** Since its state, or that of others, was found to differ. */
  readonly divergence: StateDivergence | undefined
  readonly schema: SchemaStatus
}
/** Which version of its schema the machine of a node is of. */
export interface SchemaStatus {
  /** In force, as far as this node has applied; 0: the machine has no versions, or nobody has said yet. */
  readonly version: number
  /** The newest that this node knows beyond it; `undefined`: none. */
  readonly next: number | undefined
  /** Of a leader that knows one: members that have not said that they know it, too. */
  readonly lacking: readonly NodeId[]
  /** Why `next` cannot be put in force by this node: its migration has failed there. A sentence. */
  readonly failed?: string
}
/** Why, and where. */
export interface HaltedStatus {
  readonly index: Index
  /** Name of the operation; empty where the machine does not tell it. */
  readonly command: string
  /** What its handler threw. */
  readonly message: string
  /** It ended an earlier life of the node, and is tried again only when that is asked for. */
  readonly isFatal: boolean
}
/** Not all replicas are the same. */
export interface StateDivergence {
  /**
   * Of the node that says so. `fenced`: a majority has another state, and this node answers and votes no more; `doubtful`: there is no majority so far, and it does not
   * answer; `sound`: a majority has what it has.
   */
  readonly standing: 'sound' | 'doubtful' | 'fenced'
  /** The check entry after which it was noticed last. */
  readonly checkedIndex: Index
  /** Of a fenced node: the majority; else who differs. */
  readonly others: readonly NodeId[]
  /** Of an entry after which they differed; `undefined` while it is looked for. */
  readonly index: Index | undefined
  /** Whether that is known to be the first. */
  readonly isFirst: boolean
  /** The command at `index`, where it is one and the log still has it. */
  readonly command: string | undefined
}
/** The disk of a node, as far as it stands in its way. */
export interface DiskStatus {
  /** Left of it, bytes, less what its database needs to merge what it holds; the reserve file counts as left. `undefined` where it is not measured. */
  readonly leftBytes: number | undefined
  /** Less than the reserve is left: as leader the node takes no commands, and it leads only where nobody else can. */
  readonly isFull: boolean
  /** A write has been under way for so long, longer than an election timeout; `undefined` where none has. */
  readonly hungMs: Ms | undefined
}
export interface StatusReply {
  readonly kind: 'StatusReply'
  readonly requestId: number
  readonly status: NodeStatus
}
/** How far one member has got, as its leader sees it. */
export interface MemberProgress {
  readonly id: NodeId
  readonly state: 'leader' | 'probe' | 'replicate' | 'snapshot'
  readonly isActive: boolean
  readonly isCaughtUp: boolean
  readonly matchIndex: Index
}
/** Why a command is not skipped. `notHalted`: the leader itself has not halted there. `quorumNotHalted`: no majority is known to have. */
export type SkipRefusalReason = 'notHalted' | 'quorumNotHalted'
/**
 * Why a version is not put in force. `versionUnknown`: the leader does not know it. `membersLackVersion`: others have not said that they do.
 * `migrationFailed`: a function of the user threw; what was in force stays so.
 */
export type VersionRefusalReason = 'versionUnknown' | 'membersLackVersion' | 'migrationFailed'
/** `reason` beside the code: what a program can act on. */
export interface AdminRefused extends Refused {
  readonly reason: ConfRefusalReason | TransferRefusalReason | SkipRefusalReason | VersionRefusalReason | undefined
}
export interface AdminReply {
  readonly kind: 'AdminReply'
  readonly requestId: number
  readonly refused: AdminRefused | undefined
  /** As of the answer; `undefined` when refused. */
  readonly members:
    | {
        readonly leader: NodeId
        readonly term: number
        readonly commitIndex: Index
        readonly conf: ConfState
        readonly progress: readonly MemberProgress[]
        readonly electionTimeoutMs: Ms
      }
    | undefined
}
/** What a node that was let in needs to make its data directory, before it fetches a snapshot of `minIndex` or later. */
export interface JoinReply {
  readonly kind: 'JoinReply'
  readonly requestId: number
  readonly refused: AdminRefused | undefined
  readonly clusterId: string
  readonly incarnation: number
  /** Committed: everyone; the node that joins among them, as this incarnation. */
  readonly conf: ConfState | undefined
  /** Index of the entry that let it in. */
  readonly minIndex: Index
}
/** Last message before the server closes the connection. */
export interface Goodbye {
  readonly kind: 'Goodbye'
  readonly code: ErrorCode
  readonly message: string
}
/** Answer to `KeepAlive`: the connection is alive, and whether the session still is. `unknown` when this node does not lead. */
export interface KeepAliveReply {
  readonly kind: 'KeepAliveReply'
  readonly session: number
  readonly alive: boolean
}
export type ServerMessage =
  | Welcome
  | SessionOpened
  | Replies
  | QueryReplies
  | LeaderChanged
  | StatusReply
  | Goodbye
  | KeepAliveReply
  | AdminReply
  | JoinReply

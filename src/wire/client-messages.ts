// What clients and servers say to each other, as values; `client-codec.ts` turns them into frames and back.
import type { Index, NodeId } from '../core/types.ts'
import type { ErrorCode } from '../errors.ts'

/** How fresh an answer must be. Only these two exist so far. */
export type Consistency = 'linearizable' | 'stale'

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
export type ClientMessage = Hello | OpenSession | Commands | Queries | KeepAlive | CloseSession | StatusRequest

/** Where the leader is, as far as this node knows. */
export interface LeaderHint {
  readonly id: NodeId
  /** `host:port` for clients. */
  readonly client: string
}

export interface Welcome {
  readonly kind: 'Welcome'
  readonly clusterId: string
  readonly nodeId: NodeId
  readonly leader: LeaderHint | undefined
  /** Client addresses of all members. */
  readonly servers: readonly string[]
  readonly commandBytesMax: number
  readonly keepAliveMs: number
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
  readonly lastIndex: Index
  readonly sessions: number
  /** Hex, of machine and sessions at `lastApplied`; empty unless asked for. */
  readonly digest: string
}
export interface StatusReply {
  readonly kind: 'StatusReply'
  readonly requestId: number
  readonly status: NodeStatus
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
export type ServerMessage = Welcome | SessionOpened | Replies | QueryReplies | LeaderChanged | StatusReply | Goodbye | KeepAliveReply

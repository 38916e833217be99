// The contract between the session and what drives it, a shell with sockets or the simulator: what goes in, what comes out.
import type { Ms } from '../core/types.ts'
import type { ErrorCode, RaftgenError } from '../errors.ts'
import type { ClientMessage, Hello, ServerMessage } from '../wire/client-messages.ts'
import type { Answer, Consistency, OlderForms, QueryOptions, Token } from './caller.ts'
import type { SessionLimits, SessionTiming } from './limits.ts'

/** `connect` settles as soon as any member has welcomed this client; its answer is empty. */
export type Operation = 'command' | 'query' | 'connect'

export interface CallInput {
  readonly kind: 'call'
  /** Names the call until it is settled; may be used again after that, and better is: memory is held up to the largest. 0 or above. */
  readonly callId: number
  readonly operation: Operation
  /** Of a command or a query. Must not be changed until the call is settled: it may have to be sent again. */
  readonly payload: Uint8Array
  /** Where it can be put into older versions of the schema. Default: it goes as it is, whatever the cluster uses. */
  readonly older?: OlderForms | undefined
  /** When it was made, of the clock that `tick` tells, which may have been told of earlier. */
  readonly since: Ms
  /** Absolute, of the same clock. */
  readonly deadline: Ms
  /** Of a query. */
  readonly consistency: Consistency
  /** Of a query: takes the place of `consistency`. */
  readonly atLeast?: Token | undefined
  /** Of a query. Default: the leader. */
  readonly from?: QueryOptions['from'] | undefined
}

/** Everything that can happen to a client. `attempt` names a connection, so that what an old one still brings is ignored. */
export type SessionInput =
  | CallInput
  /** The caller gives the call up. Unknown ids are ignored: it may have been settled meanwhile. */
  | { readonly kind: 'abort'; readonly callId: number }
  /** Monotonic time now. Comes before the other inputs of a turn. Nothing is judged late before `ready`, so what arrived in time counts. */
  | { readonly kind: 'tick'; readonly now: Ms }
  | { readonly kind: 'received'; readonly attempt: number; readonly message: ServerMessage }
  /** The connection could not be made, or is gone. Not wanted after a `disconnect` of ours, but harmless. */
  | { readonly kind: 'disconnected'; readonly attempt: number; readonly reason: string; readonly code: ErrorCode | undefined }
  | { readonly kind: 'close' }

export interface Settled {
  readonly callId: number
  readonly error: RaftgenError | undefined
  readonly answer: Answer | undefined
}

export interface Connect {
  readonly attempt: number
  /** `host:port`. */
  readonly address: string
  /** First message, sent as soon as the connection stands. */
  readonly hello: Hello
}

/** What a client wants done with one of its two connections, in this order. */
export interface LinkOrders {
  /** To the present connection, in order. Everything of one turn belongs in one write. */
  readonly send: readonly ClientMessage[]
  /** Close this connection; nothing of it is wanted any more. */
  readonly disconnect: number | undefined
  readonly connect: Connect | undefined
}

/** The orders are those for the connection to the leader. */
export interface SessionReady extends LinkOrders {
  /** For the connection of queries `from: 'nearest'`, when there is anything to do. There is none before the first of them. */
  readonly nearest: LinkOrders | undefined
  /** Each call exactly once. The array is used again by the second next `ready`. */
  readonly settled: readonly Settled[]
  /** When `tick` and `ready` are wanted at the latest. */
  readonly nextTickAt: Ms | undefined
}

/** The machine that this client was generated for. */
export interface MachineIdentity {
  readonly name: string
  readonly version: number
  /** Hash of the wire format. */
  readonly wire: string
}

export interface ClientSessionOptions {
  /** `host:port` of some members, one at least. */
  readonly servers: readonly string[]
  /** Monotonic time at the start. */
  readonly now: Ms
  /** Seeds the choice of the first server and all jitter. */
  readonly seed: number
  /** Only this cluster will do. Default: that of the first Welcome. */
  readonly clusterId?: string
  /** Default: a client of bytes, which any machine welcomes. */
  readonly machine?: MachineIdentity
  readonly limits?: Partial<SessionLimits>
  readonly timing?: Partial<SessionTiming>
}

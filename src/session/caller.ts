import type { Index } from '../core/types.ts'
import type { RaftgenError } from '../errors.ts'
import type { Consistency } from '../wire/client-messages.ts'

export interface CallOptions {
  /** From the call to its answer, the search for a leader included. Milliseconds, 1 to 3,600,000. Default: that of the client, 5,000. */
  readonly timeoutMs?: number
  /** Gives the call up: ABORTED when it was not sent yet, else OUTCOME_UNKNOWN. */
  readonly signal?: AbortSignal
}
export interface QueryOptions extends CallOptions {
  /**
   * `linearizable` (default): reflects everything that was acknowledged to anyone before the call.
   * `stale`: whatever the node that is asked has applied, without asking the others.
   */
  readonly consistency?: Consistency
}

export interface Answer {
  /** Of a command: its index in the log. Of a query: index of the last entry the answer reflects. */
  readonly index: Index
  readonly reply: Uint8Array
}

/** Called exactly once, with one of the two. */
export type Settle = (error: RaftgenError | undefined, answer: Answer | undefined) => void

/**
 * What generated clients stand on: bytes to a cluster and back. Callbacks, since a promise more per call is felt. Implemented by
 * `Client` (over TCP) and by `local` (one replica in this process).
 */
export interface Caller {
  command(command: Uint8Array, options: CallOptions | undefined, settle: Settle): void
  query(query: Uint8Array, options: QueryOptions | undefined, settle: Settle): void
  close(): Promise<void>
}

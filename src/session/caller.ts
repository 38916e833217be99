import type { Index } from '../core/types.ts'
import type { RaftgenError } from '../errors.ts'

export interface CallOptions {
  /** From the call to its answer, the search for a leader included. Milliseconds, 1 to 3,600,000. Default: that of the client, 5,000. */
  readonly timeoutMs?: number
  /** Gives the call up: ABORTED when it was not sent yet, else OUTCOME_UNKNOWN. */
  readonly signal?: AbortSignal
}

/** How fresh the answer to a query is: see `QueryOptions.consistency`. */
export type Consistency = 'linearizable' | 'lease' | 'stale'

/**
 * What a client was acknowledged and has read, up to now. Plain data: it may be sent to another process as JSON and given to a client there.
 */
export interface Token {
  readonly clusterId: string
  /** Index in the log of that cluster. */
  readonly index: Index
}

export interface QueryOptions extends CallOptions {
  /**
   * `linearizable` (default): reflects everything that was acknowledged to anyone before the call.
   * `lease`: the same promise, answered without asking a majority where the cluster has lease reads on and the leader is asked. It rests on
   * clocks that run at about the same pace, and on no process being suspended in between.
   * `stale`: whatever the node that is asked has applied, without asking the others.
   */
  readonly consistency?: Consistency
  /**
   * Reflects at least what this token stands for: a `token` of any client of the same cluster. Takes the place of `consistency`, with which
   * it may not be given. CLUSTER_MISMATCH for the token of another cluster.
   */
  readonly atLeast?: Token
  /**
   * `leader` (default): asks the leader. `nearest`: asks the first of `servers`, in their order, that can be reached, over a connection of its
   * own; the others only when that one fails or is cut off from the leader. Every consistency keeps its promise either way.
   */
  readonly from?: 'leader' | 'nearest'
}

export interface Answer {
  /** Of a command: its index in the log. Of a query: index of the last entry the answer reflects. */
  readonly index: Index
  readonly reply: Uint8Array
  /** What its handler threw, and where, if it failed just now. */
  readonly failure?: string
}

/** A call in older versions of the schema: for a cluster that does not use the newest of this client yet. */
export interface OlderForms {
  /** That of the call as it was given. */
  readonly version: number
  /** The same call as `version` has it. Throws where that has no words for it. */
  encode(version: number): Uint8Array
}

/** Called exactly once, with one of the two. */
export type Settle = (error: RaftgenError | undefined, answer: Answer | undefined) => void

/**
 * What generated clients stand on: bytes to a cluster and back. Callbacks, since a promise more per call is felt. Implemented by
 * `Client` (over TCP) and by `local` (one replica in this process).
 */
export interface Caller {
  /**
   * Whether a command with these options would be refused as things are, whatever it is: then `refused` is called with OVERLOADED, once, and later. For
   * who would encode it in vain. Default: none would be.
   */
  turnsAway?(options: CallOptions | undefined, refused: (error: RaftgenError) => void): boolean
  command(command: Uint8Array, options: CallOptions | undefined, settle: Settle, older?: OlderForms): void
  query(query: Uint8Array, options: QueryOptions | undefined, settle: Settle, older?: OlderForms): void
  /** Covers everything that this caller was acknowledged or has read so far: for `QueryOptions.atLeast`. */
  readonly token: Token
  close(): Promise<void>
}

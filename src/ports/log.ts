import type { Entry, EntryId, Index, LogBase, LogSummary, NodeId, Persist, Term, Witness } from '../core/types.ts'

/** Called once, never before the call that was given it has returned. */
export type Done = (error: Error | undefined) => void
export type EntriesDone = (error: Error | undefined, entries: readonly Entry[]) => void

export interface EntriesRange {
  readonly firstIndex: Index
  readonly lastIndex: Index
  /** Stop before this many bytes of data, but return one entry at least. */
  readonly bytesMax: number
}

/**
 * Durable store of a node's term, vote and entries. It stores; it never acts on entries. Any `Log` that passes the suite exported as
 * `raftgen/log-suite` can be given to `Server.run`.
 *
 * Contract: `appendEntries` is atomic, and durable when `done` is called without an error; writes take effect in the order of the calls.
 * The getters reflect the last *completed* write. After an error the log is unusable and says so to every later call: what reached the
 * disk is unknown, so nothing is retried and the node stops.
 */
export interface Log {
  readonly currentTerm: Term
  readonly votedFor: NodeId | undefined
  /** Index of the first entry kept. 1 unless the log was compacted or reset; `latestLogIndex + 1` of an empty log. */
  readonly firstIndex: Index
  readonly latestLogIndex: Index
  readonly latestLogTerm: Term
  /** What the core needs at its start. Current only until the first write or compaction. */
  readonly summary: LogSummary
  /** Sets term and vote, resets or truncates, and appends `entries`: all of it, or nothing. */
  appendEntries(write: Persist, done: Done): void
  /**
   * Drops everything up to `base.id`, an entry of the log: atomic, and durable when `done` is called without an error. It takes its turn among
   * the writes. At or below the present base it does nothing. Its space may be freed later.
   */
  compact(base: LogBase, done: Done): void
  /** Entries of the range that exist, contiguous from `firstIndex`; empty when `firstIndex` does not exist. Verified as they are read. */
  entries(range: EntriesRange, done: EntriesDone): void
  /** The entry at `index`, or none. */
  entry(index: Index, done: (error: Error | undefined, entry: Entry | undefined) => void): void
  /** Waits for writes under way, then releases the store. */
  close(done: Done): void
  /**
   * The rest is for logs that can be fenced; any of it may be absent. Such a log gives `summary.fence` and keeps it, across restarts too, until
   * its end is at the floor or beyond, or until a write sets another.
   *
   * Entries behind a hole, verified, of a fenced log: some of the range, contiguous from the first that is there; empty when none is.
   */
  salvaged?(range: EntriesRange, done: EntriesDone): void
  /** Of a fenced log: where its own chain tells whether entries are those it held. As of its opening, ascending by index. */
  readonly anchors?: readonly Anchor[]
  /**
   * As of its opening, ascending by index: entries by which an operator skips a command (`skippedBy`). A log that reads all its entries anyhow finds them
   * on the way; of one without this a node reads all that is not applied, once, at its start.
   */
  readonly skips?: readonly Skip[]
  /** The end of the log, and the chain after it; as of the last completed write. */
  readonly end?: EntryId & { readonly chain: number }
  /** The chain after `entries`, which go on from `chain`. */
  chainAfter?(chain: number, entries: readonly Entry[]): number
  /** Keeps what is known of others, in place of what was kept: `summary.witness` of a later life. Durable soon; nobody waits for it. */
  note?(witness: readonly Witness[]): void
}

/** `chain` is the one after the entry at `index`: entries that lead there from the end of the log are the very ones it held. */
export interface Anchor {
  readonly index: Index
  readonly chain: number
}

/** Entry `index` says that the command at `skipped` is not applied. */
export interface Skip {
  readonly index: Index
  readonly skipped: Index
}

/** Who this store belongs to. Written once, at bootstrap. */
export interface Identity {
  readonly clusterId: string
  readonly nodeId: NodeId
  readonly incarnation: number
  /**
   * Tells this disk from any other that ever bore this id and incarnation: 32 hex digits, drawn once, where it is bootstrapped. Peers remember it,
   * and refuse another. Without it they cannot tell.
   */
  readonly diskId?: string
}

/** The last position of a log, for the message of a refusal. */
export type LogEnd = EntryId

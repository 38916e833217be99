// What the storage logic needs of a disk: an ordered store of small records with atomic, durable batches. LevelDB is one
// (`LevelKeyValue`), a map in memory another (`MemoryKeyValue`), a simulated disk the third. Callbacks, no promises, so that the
// simulator runs the same logic in its own order of events.
import type { Done } from '../ports/log.ts'

/** Later operations of a batch prevail over earlier ones on the same key. */
export type Operation =
  | { readonly kind: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly kind: 'delete'; readonly key: Uint8Array }

export type ValueDone = (error: Error | undefined, value: Uint8Array | undefined) => void

/** Both ends belong to the range. Keys compare by unsigned bytes, a prefix before what it starts. */
export interface KeyRange {
  readonly firstKey: Uint8Array
  readonly lastKey: Uint8Array
  /** About how much will be wanted: a store reads ahead no further than this, and one record. */
  readonly bytesMax: number
}

/**
 * Contract: no callback runs before the call that was given it has returned. Batches take effect in the order of the calls. A read sees
 * every batch that completed before it, and none by halves. Keys and values passed in are not changed afterwards; values handed out
 * belong to the receiver. An error that is a `RaftgenError` is passed on as it is, any other is reported as STORAGE_FAILED.
 */
export interface KeyValue {
  /** `undefined` when the key is not there. */
  get(key: Uint8Array, done: ValueDone): void
  /** All of it or nothing, and durable, when `done` is called without an error; after one, what was kept is unknown. */
  batch(operations: readonly Operation[], done: Done): void
  /** Calls `each` in key order until it returns false. A throw in `each` ends the range; `done` gets what was thrown. */
  range(range: KeyRange, each: (key: Uint8Array, value: Uint8Array) => boolean, done: Done): void
  /**
   * As `batch`, and `slot` is durable with it: whoever opens the store again finds the newest in the place of the high water's. One at a time.
   * Absent where slots have to be written for themselves.
   */
  commit?(operations: readonly Operation[], slot: Uint8Array, done: Done): void
  /** For who has `commit`, before `close`: all is in its place, the slot too, and nothing will be committed any more. Notes that it is so. */
  settle?(done: Done): void
  /** Runs `task` soon, but not before this call has returned. */
  defer(task: () => void): void
  close(done: Done): void
}

import type { ConfState, EntryId, SnapshotMeta } from '../core/types.ts'
import type { Done } from './log.ts'

/**
 * Durable store of a node's snapshots. Content is opaque bytes. Any number may be read at once, one is written at a time.
 *
 * Contract: a snapshot is listed only once it is whole and durable, and stays so across a crash; half-written ones are gone after it. What is
 * read was verified, piece by piece: damage is an error (STORAGE_DAMAGED), and the snapshot is listed no more. No callback runs before the
 * call that was given it has returned. After a failed write the writer is unusable and leaves nothing behind; the store goes on.
 */
export interface Snapshots {
  /** Newest first. At the start only those that were found whole, every checksum read. */
  readonly list: readonly SnapshotMeta[]
  /** Begins one. While another is being written every step of it fails with OVERLOADED. `expected`: `finish` fails with STORAGE_DAMAGED when what was written is something else. */
  create(snapshot: {
    readonly id: EntryId
    readonly conf: ConfState
    readonly expected?: { readonly bytes: number; readonly checksum: number }
  }): SnapshotWriter
  /**
   * At most `bytesMax` bytes from `offset`; fewer only at its end. UNAVAILABLE when it is not listed any more; one that is unlisted while it is
   * read is still read rightly.
   */
  read(
    snapshot: SnapshotMeta,
    range: { readonly offset: number; readonly bytesMax: number },
    done: (error: Error | undefined, data: Uint8Array) => void,
  ): void
  /** Unlists it at once, and frees its space once it is not read any more. Does nothing for one that is not listed. */
  remove(snapshot: SnapshotMeta, done: Done): void
  /**
   * Its content cannot be used, for the reason `cause`, though every checksum is right: unlists it at once, and sets it aside where a person can
   * look at it. Does nothing for one that is not listed. Where it cannot be set aside it is listed again at the next start.
   */
  condemn(snapshot: SnapshotMeta, cause: Error, done: Done): void
  /** Waits for what is under way; a writer that has not finished is aborted. */
  close(done: Done): void
}

export interface SnapshotWriter {
  /** Bytes written so far. */
  readonly bytes: number
  /** One at a time, in order. `data` must not be changed before `done`. */
  write(data: Uint8Array, done: Done): void
  /** Makes it durable and lists it; one of the same id is replaced. */
  finish(done: (error: Error | undefined, snapshot: SnapshotMeta | undefined) => void): void
  /** Leaves nothing behind. Harmless after `finish`. */
  abort(done: Done): void
}

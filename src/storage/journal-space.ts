// Where a journal stands: a fixed number of bytes outside the database, written over and over. A file is one (`JournalFile`), a buffer in memory
// another (`MemoryJournal`). Callbacks, no promises.
import type { Done } from '../ports/log.ts'

export interface JournalSpace {
  /** Place, for messages: a file. */
  readonly name: string
  /** Two halves, each of whole sectors. */
  readonly bytes: number
  /**
   * Overwrites whole sectors from the byte `at` on; durable when `done` is called without an error, and `done` is not called before this has
   * returned. One at a time. `bytes` are not changed before `done`. A crash meanwhile leaves any of these sectors as they were, and no other is touched.
   */
  write(at: number, bytes: Uint8Array, done: Done): void
  close(done: Done): void
}

/** Bytes of a journal, whole sectors: the first, and the first after them. */
export interface JournalSpan {
  readonly from: number
  readonly to: number
}

/** What a journal holds. */
export interface JournalContent {
  /** What cannot be read is zeros. */
  readonly bytes: Uint8Array
  /** Where anything but zeros may be, ascending, with zeros in between: nobody need touch the rest, memory that the system has not given yet. */
  readonly written: readonly JournalSpan[]
  /** It is there, in its whole length, and can be read at all. */
  readonly isWhole: boolean
}

/** A place for one. */
export interface NewJournal extends JournalSpace {
  /** One of zeros takes the place of what is there, durably. */
  make(): Promise<void>
  /** Before the first write. */
  open(): void
}

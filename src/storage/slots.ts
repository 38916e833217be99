// Where the high water of a log stands, and in another such file what is known of others: two places of 4 KiB outside its database, written in turn, so that a write which is torn leaves the one
// before it. A small file is one (`SlotsFile`), two buffers in memory another (`MemorySlots`), a simulated disk the third. Callbacks, no promises.
import type { Done } from '../ports/log.ts'

/** A sector of most disks, and a page of memory: written as one. */
export const slotBytes = 4_096

export type SlotPosition = 0 | 1
export type SlotsDone = (error: Error | undefined, slots: readonly [Uint8Array, Uint8Array]) => void

/** Contract: no callback runs before the call that was given it has returned. */
export interface Slots {
  /** Place, for messages: a file. */
  readonly name: string
  /** What both places hold; fewer bytes, or none, where nothing is or nothing can be read: that is no error. */
  read(done: SlotsDone): void
  /**
   * Overwrites one place; durable when `done` is called without an error. One at a time. `bytes` are at most `slotBytes` and are not changed
   * before `done`. A crash meanwhile leaves any part of them, and the other place untouched.
   */
  write(position: SlotPosition, bytes: Uint8Array, done: Done): void
  close(done: Done): void
}

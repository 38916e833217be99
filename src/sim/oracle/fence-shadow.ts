// Whether a log would be fenced if its process died now. A node drops its fence when it has in memory what it lacked; the disk follows, write by write:
//
//   the floor is     slot before the batch    batch                           slot after it
//   known            a fence that is raised   no fence, where it is reached
//   not known                                 as before                       the floor that was learned, or no fence
//
// It knows what the node asks for and what is on the disk, and refuses to know what the node says of itself.
import type { EntryId, Fence, Persist } from '../../core/types.ts'
import { compareIds } from '../../storage/high-water.ts'

export class FenceShadow {
  /** While one that is raised is on its way to the disk, that one. */
  #fence: Fence | undefined
  /** Handed over; its slot is not on the disk. */
  #write: Persist | undefined
  /** While that lasts: the next one raises the fence, or may. */
  #isRaised = false

  /** Nor is any on its way to the disk. */
  get isGone(): boolean {
    return this.#fence === undefined && !this.#isRaised
  }

  /** Nothing is on its way to the disk. */
  get isSettled(): boolean {
    return this.#write === undefined
  }

  get present(): Fence | undefined {
    return this.#fence
  }

  opened(fence: Fence | undefined): void {
    this.#fence = fence
    this.#write = undefined
    this.#isRaised = false
  }

  /** The node is told of a floor. What comes of that is in the write of this turn, or in the one after the write under way. */
  raised(): void {
    this.#isRaised = this.#write !== undefined
  }

  writes(persist: Persist): void {
    this.#write = persist
    this.#isRaised = false
    if (persist.fence !== undefined && !this.#isFloorUnknown) this.#fence = persist.fence
  }

  /** Its batch is on the disk: the log ends with `last`. */
  stored(last: EntryId): void {
    if (!this.#isFloorUnknown) this.#fence = above(this.#fence, last)
  }

  /** So is its slot. */
  written(last: EntryId): void {
    if (this.#isFloorUnknown) this.#fence = above(this.#write?.fence ?? this.#fence, last)
    this.#write = undefined
    this.#isRaised = false
  }

  get #isFloorUnknown(): boolean {
    return this.#fence !== undefined && this.#fence.floor === undefined
  }
}

/** A floor that the log reaches is no fence. */
const above = (fence: Fence | undefined, last: EntryId): Fence | undefined =>
  fence?.floor !== undefined && compareIds(last, fence.floor) >= 0 ? undefined : fence

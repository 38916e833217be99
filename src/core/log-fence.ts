// What a log may have acknowledged and does not hold. Its node answers for it as if it were there, as far as votes go, and does not campaign.
import { isAtLeast } from './entry-order.ts'
import type { EntryId, Fence } from './types.ts'

export class LogFence {
  #fence: Fence | undefined
  /** The highest floor so far. */
  #floor: EntryId
  /** It was set, and is to be written. */
  #news: Fence | undefined

  constructor(fence: Fence | undefined) {
    this.#fence = fence
    this.#floor = fence?.floor ?? { term: 0, index: 0 }
  }

  /** `undefined` once all is there again, in a log that ends with `last`. The term of what replaces an entry is higher: then it was not committed (§3.6.3). */
  of(last: EntryId): Fence | undefined {
    if (this.#fence?.floor !== undefined && isAtLeast(last, this.#fence.floor)) this.#fence = undefined
    return this.#fence
  }

  get isFloorUnknown(): boolean {
    return this.#fence !== undefined && this.#fence.floor === undefined
  }

  /** The log, which ends with `last`, has acknowledged `floor`. */
  raise(floor: EntryId, last: EntryId): void {
    const before = this.#fence?.floor
    const isKnown = isAtLeast(last, floor) || (before !== undefined && isAtLeast(before, floor))
    if (isKnown && !this.isFloorUnknown) return
    this.#fence = { floor }
    this.#floor = this.upTo(floor)
    this.#news = this.#fence
  }

  /** The newest that was ever held, by a log that holds `durable`. */
  upTo(durable: EntryId): EntryId {
    return isAtLeast(durable, this.#floor) ? durable : this.#floor
  }

  /** What the disk has to be told, or `undefined`. */
  take(): Fence | undefined {
    const news = this.#news
    this.#news = undefined
    return news
  }
}

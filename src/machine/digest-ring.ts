// The digests after the last entries, so that two replicas that differ can find the first entry after which they did.
import type { Index } from '../core/types.ts'
import type { Digest } from './field-digest.ts'

/** Entries it goes back: half a megabyte of memory, once there are so many. A power of two. */
export const digestRingEntries = 65_536
/** That it begins with room for. A power of two. */
const firstEntries = 1_024

export class DigestRing {
  #words = new Int32Array(2 * firstEntries)
  /** First and last index that it has; none when the first is the higher. */
  #first: Index = 1
  #last: Index = 0

  /** Of the last `digestRingEntries` entries; 0 when there is none. */
  get last(): Index {
    return this.#last
  }

  get first(): Index {
    return Math.max(this.#first, this.#last - digestRingEntries + 1)
  }

  /** After entry `index`: the one after the last, or another that it begins anew with. */
  note(index: Index, { low, high }: Digest): void {
    if (index !== this.#last + 1) this.#first = index
    this.#last = index
    if (2 * (index - this.#first + 1) > this.#words.length && this.#words.length < 2 * digestRingEntries) this.#grow()
    const at = this.#placeOf(index)
    this.#words[at] = low
    this.#words[at + 1] = high
  }

  /** The state after entry `index` has taken the place of another: what that one added up to means nothing any more. */
  begin(index: Index, digest: Digest): void {
    this.#first = index
    this.#last = index - 1
    this.note(index, digest)
  }

  /** After entry `index`; `undefined` when that is too long ago, or not yet. */
  at(index: Index): Digest | undefined {
    if (index < this.first || index > this.#last) return undefined
    const at = this.#placeOf(index)
    return { low: this.#words[at] ?? 0, high: this.#words[at + 1] ?? 0 }
  }

  #placeOf(index: Index): number {
    return (2 * index) % this.#words.length
  }

  #grow(): void {
    const before = this.#words
    this.#words = new Int32Array(2 * before.length)
    for (let index = this.#first; index < this.#last; index++) {
      const from = (2 * index) % before.length
      this.#words.set(before.subarray(from, from + 2), this.#placeOf(index))
    }
  }
}

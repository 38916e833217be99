// The digests after the last entries, so that two replicas that differ can find the first entry after which they did.
import type { Index } from '../core/types.ts'
import type { Digest } from './field-digest.ts'

/** Entries it goes back: half a megabyte of memory. A power of two. */
export const digestRingEntries = 65_536

export class DigestRing {
  readonly #words = new Int32Array(2 * digestRingEntries)
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
    const at = 2 * (index % digestRingEntries)
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
    const at = 2 * (index % digestRingEntries)
    return { low: this.#words[at] ?? 0, high: this.#words[at + 1] ?? 0 }
  }
}

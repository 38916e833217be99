import { Slab } from '../../machine/slab.ts'

/** Commands that were checked and not applied yet, or queries not answered yet. What is older is decoded again. */
const keptMax = 1_024
/** Refused and repeated commands are checked and never applied: this many may lie between two that are. */
const lookAhead = 16

/** How the bytes that come again are known: commands by what is in them, since they have been through an envelope meanwhile; queries are the same bytes. */
export type Recognition = 'content' | 'identity'

/** Inputs that were decoded when they were checked, until they are needed again: on a leader every command is. In the order in which they were checked. */
export class Decoded<T> {
  readonly #bytes: (Uint8Array | undefined)[] = []
  readonly #calls: (T | undefined)[] = []
  readonly #recognition: Recognition
  readonly #slab = new Slab()
  /** Counts of what was kept and of what was taken or passed over. Invariant: 0 <= kept - taken <= keptMax. */
  #kept = 0
  #taken = 0

  constructor(recognition: Recognition) {
    this.#recognition = recognition
  }

  /** Where they are known by content, a copy of `bytes` is: they may lie in memory that is used again, and a mistaken match would part this replica from the others. */
  keep(bytes: Uint8Array, call: T): void {
    if (this.#kept - this.#taken === keptMax) this.#taken++
    const at = this.#kept % keptMax
    this.#bytes[at] = this.#recognition === 'content' ? this.#copyOf(bytes) : bytes
    this.#calls[at] = call
    this.#kept++
  }

  /** Each is given out once. When it is not where it should be the rest is no use either: the next ones are kept afresh. */
  take(bytes: Uint8Array): T | undefined {
    const end = Math.min(this.#kept, this.#taken + lookAhead)
    for (let n = this.#taken; n < end; n++) {
      const known = this.#bytes[n % keptMax]
      if (known === undefined || !this.#isSame(known, bytes)) continue
      const call = this.#calls[n % keptMax]
      this.#forgetBelow(n + 1)
      return call
    }
    this.#forgetBelow(this.#kept)
    return undefined
  }

  #copyOf(bytes: Uint8Array): Uint8Array {
    const copy = this.#slab.take(bytes.length)
    copy.set(bytes)
    return copy
  }

  #isSame(known: Uint8Array, bytes: Uint8Array): boolean {
    return this.#recognition === 'content' ? known.length === bytes.length && Buffer.compare(known, bytes) === 0 : known === bytes
  }

  #forgetBelow(end: number): void {
    for (let n = this.#taken; n < end; n++) {
      this.#bytes[n % keptMax] = undefined
      this.#calls[n % keptMax] = undefined
    }
    this.#taken = end
  }
}

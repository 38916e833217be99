import { Slab } from '../../machine/slab.ts'

/** Commands that were checked and not applied yet, or queries not answered yet. What is older is decoded again. */
const keptMax = 1_024
/** Refused and repeated commands are checked and never applied: this many may lie between two that are. */
const lookAhead = 16

/**
 * Inputs that were decoded when they were checked, until they are needed again: on a leader every command is. Found by content, since the
 * bytes have been through an envelope meanwhile; in order, since they are applied in the order in which they were checked.
 */
export class Decoded<T> {
  readonly #bytes: (Uint8Array | undefined)[] = []
  readonly #calls: (T | undefined)[] = []
  readonly #slab = new Slab()
  /** Counts of what was kept and of what was taken or passed over. Invariant: 0 <= kept - taken <= keptMax. */
  #kept = 0
  #taken = 0

  /** Copies `bytes`: they may lie in a buffer that a transport uses again, and a mistaken match would part this replica from the others. */
  keep(bytes: Uint8Array, call: T): void {
    if (this.#kept - this.#taken === keptMax) this.#taken++
    const at = this.#kept % keptMax
    const copy = this.#slab.take(bytes.length)
    copy.set(bytes)
    this.#bytes[at] = copy
    this.#calls[at] = call
    this.#kept++
  }

  /** Each is given out once. When it is not where it should be the rest is no use either: the next ones are kept afresh. */
  take(bytes: Uint8Array): T | undefined {
    const end = Math.min(this.#kept, this.#taken + lookAhead)
    for (let n = this.#taken; n < end; n++) {
      const known = this.#bytes[n % keptMax]
      if (known === undefined || !isEqual(known, bytes)) continue
      const call = this.#calls[n % keptMax]
      this.#forgetBelow(n + 1)
      return call
    }
    this.#forgetBelow(this.#kept)
    return undefined
  }

  #forgetBelow(end: number): void {
    for (let n = this.#taken; n < end; n++) {
      this.#bytes[n % keptMax] = undefined
      this.#calls[n % keptMax] = undefined
    }
    this.#taken = end
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0
}

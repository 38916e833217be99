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
  /** Counts of what was kept and of what was taken or passed over. Invariant: 0 <= kept - taken <= keptMax. */
  #kept = 0
  #taken = 0

  /** `bytes` must not change from here on. */
  keep(bytes: Uint8Array, call: T): void {
    if (this.#kept - this.#taken === keptMax) this.#taken++
    const at = this.#kept % keptMax
    this.#bytes[at] = bytes
    this.#calls[at] = call
    this.#kept++
  }

  /** Each is given out once. */
  take(bytes: Uint8Array): T | undefined {
    const end = Math.min(this.#kept, this.#taken + lookAhead)
    for (let n = this.#taken; n < end; n++) {
      const known = this.#bytes[n % keptMax]
      if (known === undefined || !isEqual(known, bytes)) continue
      const call = this.#calls[n % keptMax]
      for (let passed = this.#taken; passed <= n; passed++) {
        this.#bytes[passed % keptMax] = undefined
        this.#calls[passed % keptMax] = undefined
      }
      this.#taken = n + 1
      return call
    }
    return undefined
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || (a.length === b.length && Buffer.compare(a, b) === 0)
}

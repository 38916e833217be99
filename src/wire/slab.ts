/** Taken from the system at once. What is larger than a quarter of it gets a piece of its own. */
const slabBytes = 256 * 1_024

/**
 * Memory for what comes in large numbers, is small, and goes in the order in which it came: a piece from the system for each would cost more than what is
 * done with it. A piece holds its slab in memory until the last of its neighbours is gone.
 */
export class Slab {
  #slab = Buffer.alloc(0)
  #at = 0

  /** Not filled. */
  take(length: number): Buffer {
    if (length > slabBytes / 4) return Buffer.allocUnsafeSlow(length)
    if (this.#at + length > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(slabBytes)
      this.#at = 0
    }
    const start = this.#at
    this.#at += length
    return this.#slab.subarray(start, this.#at)
  }
}

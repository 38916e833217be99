import { markAsUntransferable } from 'node:worker_threads'

/** Of the largest element that typed arrays have. */
const alignment = 8
/** Taken from the system at once, where nothing else is said. */
const defaultSlabBytes = 256 * 1_024

/**
 * Memory for what comes in large numbers, is small, and goes in the order in which it came: a piece from the system for each would cost more than what is
 * done with it. A piece holds its slab in memory until the last of its neighbours is gone.
 */
export class Slab {
  readonly #bytes: number
  #slab = Buffer.alloc(0)
  #at = 0

  /** `bytes`: taken from the system at once. What is larger than a quarter of it gets a piece of its own. */
  constructor(bytes: number = defaultSlabBytes) {
    this.#bytes = bytes
  }

  /** Not filled. */
  take(length: number): Buffer {
    if (length > this.#bytes / 4) return Buffer.allocUnsafeSlow(length)
    const start = this.reserve(length)
    return this.#slab.subarray(start, start + length)
  }

  /** A copy, which is a `Uint8Array` and no `Buffer`: for who does not know that a slice of a `Buffer` is none. */
  copy(source: Uint8Array): Uint8Array {
    if (source.length > this.#bytes / 4) return Uint8Array.from(source)
    const start = this.reserve(source.length)
    const copy = new Uint8Array(this.#slab.buffer, start, source.length)
    copy.set(source)
    return copy
  }

  /** So many bytes as `text` has characters, which are below 256. As `copy`. */
  latin1(text: string): Uint8Array {
    const { length } = text
    if (length > this.#bytes / 4) return Uint8Array.from(Buffer.from(text, 'latin1'))
    const start = this.reserve(length)
    this.#slab.write(text, start, length, 'latin1')
    return new Uint8Array(this.#slab.buffer, start, length)
  }

  /** What is being filled: to be written to where `reserve` said. Another one after the next call of anything. */
  get memory(): Buffer {
    return this.#slab
  }

  /** Takes a piece, to be written in `memory`. Where it begins. At most as much as is taken from the system at once. */
  reserve(length: number): number {
    if (this.#at + length > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(this.#bytes)
      // Who gave the memory of one piece to another thread would take it from all its neighbours.
      markAsUntransferable(this.#slab.buffer)
      this.#at = 0
    }
    const start = this.#at
    // Wherever a piece is, a view of numbers can begin there: on every replica, or on none.
    this.#at = start + Math.ceil(length / alignment) * alignment
    return start
  }
}

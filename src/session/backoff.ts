import type { Range } from './limits.ts'

/** Numbers in [0, 1). The same seed gives the same sequence (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Waits that double until `maxMs`, each drawn anew from [minMs, ceiling]: many clients of one failed server must not come back as one. */
export class Backoff {
  readonly #range: Range
  readonly #random: () => number
  #ceilingMs: number

  constructor(range: Range, random: () => number) {
    this.#range = range
    this.#random = random
    this.#ceilingMs = range.minMs
  }

  nextMs(): number {
    const { minMs, maxMs } = this.#range
    this.#ceilingMs = Math.min(maxMs, this.#ceilingMs * 2)
    return minMs + Math.floor(this.#random() * (this.#ceilingMs - minMs + 1))
  }

  /** Something worked: the next wait is short again. */
  reset(): void {
    this.#ceilingMs = this.#range.minMs
  }
}

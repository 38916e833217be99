/** Latencies in buckets of 2 % width: percentiles without keeping every sample. */
export class Histogram {
  readonly #buckets = new Uint32Array(2_048)
  #count = 0

  get count(): number {
    return this.#count
  }

  add(ms: number): void {
    const bucket = Math.max(0, Math.min(this.#buckets.length - 1, Math.round(Math.log(Math.max(ms, 1e-6) / 1e-3) / Math.log(1.02))))
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1
    this.#count += 1
  }

  /** `p` from 0 to 1; milliseconds. */
  percentile(p: number): number {
    let left = Math.ceil(p * this.#count)
    for (let i = 0; i < this.#buckets.length; i++) {
      left -= this.#buckets[i] ?? 0
      if (left <= 0) return 1e-3 * 1.02 ** i
    }
    return Number.NaN
  }
}

// Entries that count as failed, and were not applied: commands that an operator has skipped, activations whose migration has failed.
import type { Index } from '../core/types.ts'

/** Indexes that are remembered as skipped, and as failed: more commands that stop a cluster do not lie between one and the entry that skips it. */
export const skippedMax = 1_024

export class SkippedEntries {
  /**
   * Ascending: what was skipped here, the newest of it. Replicated: the entry that says so comes later, and what it finds must be the same whether this state was in a
   * snapshot in between or not. Never changed, but replaced.
   */
  #skipped: readonly Index[] = []
  /** What has failed here, in this life: skipping one of them comes to the same. */
  readonly #failed = new Set<Index>()

  get list(): readonly Index[] {
    return this.#skipped
  }

  /** Whether the entry at `index`, which was applied or skipped, has come to nothing here. */
  has(index: Index): boolean {
    if (this.#skipped.includes(index) || this.#failed.has(index)) return true
    // Below the oldest that is remembered everything was settled long ago.
    return this.#skipped.length === skippedMax && index < (this.#skipped[0] ?? 0)
  }

  skip(index: Index): void {
    if (this.#skipped.includes(index)) return
    this.#skipped = [...this.#skipped, index].sort((a, b) => a - b).slice(-skippedMax)
  }

  fail(index: Index): void {
    this.#failed.add(index)
    if (this.#failed.size <= skippedMax) return
    for (const oldest of this.#failed) {
      this.#failed.delete(oldest)
      return
    }
  }

  /** An entry says that the one at `index` is skipped: what has failed here is so from now on. */
  settle(index: Index): void {
    if (this.#failed.has(index)) this.skip(index)
  }

  replace(skipped: readonly Index[]): void {
    this.#skipped = skipped
    this.#failed.clear()
  }
}

import type { Index } from '../core/types.ts'
import { assert } from '../core/invariant.ts'

/** Where the blocks of a log begin: in memory, 16 bytes a block, so that a read goes straight to its block. */
export class BlockIndex {
  /** Invariant: ascending; block `i` ends before block `i + 1` begins, the last one with the log. */
  #firstIndexes: Index[] = []
  /** Chain after the last entry of each block. */
  #lastChains: number[] = []

  get length(): number {
    return this.#firstIndexes.length
  }

  push(firstIndex: Index, lastChain: number): void {
    assert(firstIndex > (this.#firstIndexes.at(-1) ?? 0), 'blocks begin in ascending order')
    this.#firstIndexes.push(firstIndex)
    this.#lastChains.push(lastChain)
  }

  /** Forgets the blocks from `position` on. */
  truncate(position: number): void {
    this.#firstIndexes.length = position
    this.#lastChains.length = position
  }

  /** Forgets the blocks before `position`. Those that stay move up: once per compaction, a millisecond for a million. */
  removeBefore(position: number): void {
    this.#firstIndexes = this.#firstIndexes.slice(position)
    this.#lastChains = this.#lastChains.slice(position)
  }

  /** What the blocks before `position` begin with. */
  before(position: number): readonly Index[] {
    return this.#firstIndexes.slice(0, position)
  }

  /** What the blocks from `position` on begin with. */
  from(position: number): readonly Index[] {
    return this.#firstIndexes.slice(position)
  }

  /** Position of the block that holds `index`, which must be in the log. */
  find(index: Index): number {
    let low = 0
    let high = this.#firstIndexes.length
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if (this.firstIndex(middle) <= index) low = middle
      else high = middle
    }
    assert(this.firstIndex(low) <= index, 'a block holds every entry of the log')
    return low
  }

  firstIndex(position: number): Index {
    const firstIndex = this.#firstIndexes[position]
    assert(firstIndex !== undefined, 'the block exists')
    return firstIndex
  }

  /** Chain after the block at `position`; `base` is the chain before the first one. */
  chainAfter(position: number, base: number): number {
    return position < 0 ? base : (this.#lastChains[position] ?? base)
  }
}

import { broken } from './invariant.ts'
import type { ConfState, Index } from './types.ts'

interface Placed {
  readonly index: Index
  readonly conf: ConfState
}

/** The configurations of a log: that of its base, and those of its entries. Each is in force from the moment it is appended (§4.1). */
export class ConfHistory {
  #base: Placed
  /** Invariant: ascending, above the base. */
  readonly #later: Placed[]
  #newest: Placed

  constructor({ base, later }: { readonly base: Placed; readonly later: readonly Placed[] }) {
    this.#base = base
    this.#later = [...later]
    this.#newest = this.#later[this.#later.length - 1] ?? base
  }

  get newest(): ConfState {
    return this.#newest.conf
  }

  /** Index of the entry that holds the newest one, or that of the base. */
  get newestIndex(): Index {
    return this.#newest.index
  }

  /** The one that was in force before the newest. */
  get previous(): ConfState {
    return (this.#later[this.#later.length - 2] ?? this.#base).conf
  }

  /** In force at `index`, at or after the base. */
  at(index: Index): ConfState {
    for (let i = this.#later.length - 1; i >= 0; i--) {
      const placed = this.#later[i]
      if (placed !== undefined && placed.index <= index) return placed.conf
    }
    return this.#base.conf
  }

  push(placed: Placed): void {
    if (placed.index <= this.#newest.index) broken(`the configuration at ${placed.index} follows the one at ${this.#newest.index}`)
    this.#later.push(placed)
    this.#newest = placed
  }

  /** What was in force before is in force again. */
  truncateFrom(index: Index): void {
    while ((this.#later[this.#later.length - 1]?.index ?? 0) >= index) this.#later.pop()
    this.#newest = this.#later[this.#later.length - 1] ?? this.#base
  }

  compactTo(index: Index): void {
    this.#base = { index, conf: this.at(index) }
    while (this.#later[0] !== undefined && this.#later[0].index <= index) this.#later.shift()
    this.#newest = this.#later[this.#later.length - 1] ?? this.#base
  }
}

// Linearizable reads without the log (§6.4): a read may be served at the commit index of its arrival, once a round of heartbeats that
// began after it was answered by a quorum. All reads that wait share a round.
import type { ReadGrant } from './api.ts'
import type { Index } from './types.ts'

interface ReadBatch {
  readonly round: number
  readonly index: Index
  readonly ids: readonly number[]
}

export class Reads {
  #waiting: number[] = []
  /** In rounds that are not confirmed yet, ascending. */
  #batches: ReadBatch[] = []
  #count = 0

  /** All that were added and neither granted nor taken back. */
  get count(): number {
    return this.#count
  }

  /** Whether some have no round yet. */
  get areWaiting(): boolean {
    return this.#waiting.length > 0
  }

  /** Whether some are in a round. */
  get areInRound(): boolean {
    return this.#batches.length > 0
  }

  add(id: number): void {
    this.#waiting.push(id)
    this.#count++
  }

  /** All that wait join `round`, which has just begun. `index` is the commit index now: what a read must see was committed before. */
  join({ round, index }: { readonly round: number; readonly index: Index }): void {
    if (this.#waiting.length === 0) return
    this.#batches.push({ round, index, ids: this.#waiting })
    this.#waiting = []
  }

  /** A quorum answered `round`, and so every one before it. */
  confirm(round: number, grant: (grant: ReadGrant) => void): void {
    while (this.#batches.length > 0) {
      const first = this.#batches[0]
      if (first === undefined || first.round > round) return
      this.#batches.shift()
      this.#count -= first.ids.length
      for (const id of first.ids) grant({ id, index: first.index })
    }
  }

  /** All of them, which nobody will confirm any more. */
  takeAll(): readonly number[] {
    const ids = [...this.#batches.flatMap((batch) => batch.ids), ...this.#waiting]
    this.#batches = []
    this.#waiting = []
    this.#count = 0
    return ids
  }
}

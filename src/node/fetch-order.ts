// Whom to ask for a snapshot: other followers first, in an order of chance, so that not all who fetch ask the same one; the leader, who has
// enough to do, last; never itself.
import type { ConfState, NodeId } from '../core/index.ts'
import { Random, seedOf } from '../core/random.ts'

export interface Sources {
  readonly conf: ConfState
  readonly leader: NodeId | undefined
}

export class FetchOrder {
  readonly #id: NodeId
  readonly #random: Random
  /** Not asked yet in this round. */
  #rest: NodeId[] = []
  #current: NodeId | undefined

  constructor(options: { readonly id: NodeId; readonly seed: number }) {
    this.#id = options.id
    this.#random = new Random(seedOf(options))
  }

  /** `undefined` before the first `next`, and where there is nobody else. */
  get current(): NodeId | undefined {
    return this.#current
  }

  /** Goes on to the next; true when everyone was asked and the round begins anew. */
  next(sources: Sources): boolean {
    const isNewRound = this.#rest.length === 0
    if (isNewRound) this.#rest = this.#shuffled(sources)
    this.#current = this.#rest.shift()
    return isNewRound
  }

  /** This one answers: it is asked on. */
  stay(source: NodeId): void {
    this.#current = source
  }

  #shuffled({ conf, leader }: Sources): NodeId[] {
    const others = conf.members.map(({ id }) => id).filter((id) => id !== this.#id && id !== leader)
    const drawn = others.map((id) => ({ id, lot: this.#random.next() })).toSorted((a, b) => a.lot - b.lot)
    const ids = drawn.map(({ id }) => id)
    // Known or not: one that has been away, or has just joined, may not know anybody else who is still there.
    return leader === undefined || leader === this.#id ? ids : [...ids, leader]
  }
}

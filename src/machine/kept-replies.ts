// The replies that are kept for one session, by seq. They come in that order and go in that order, all the time: a `Map` would be built anew every so
// often. Knows nothing of sessions.
import { broken } from '../core/invariant.ts'
import type { Index } from '../core/types.ts'

export interface Recorded {
  readonly index: Index
  /** `undefined` once dropped: applied, but the reply is gone. */
  readonly reply: Uint8Array | undefined
}

/** By ascending seq. */
export interface KeptReplies extends Iterable<readonly [number, Recorded]> {
  readonly size: number
  get(seq: number): Recorded | undefined
}

/** Seqs in one piece: a session without replies keeps none. */
const pieceSeqs = 16

type Piece = (Recorded | undefined)[]

/** What it costs to hold them grows with the distance between the first and the last. */
export class ReplyQueue implements KeptReplies {
  /** One after the other, also where there is nothing in between. Invariant: at most one while nothing is in it. */
  #pieces: Piece[] = []
  /** The first one begins with the seq that is so many times `pieceSeqs`. */
  #first = 0
  #size = 0

  /** A copy, whose own changes do not show in `others`. */
  static from(others: KeptReplies): ReplyQueue {
    const queue = new ReplyQueue()
    for (const [seq, recorded] of others) queue.set(seq, recorded)
    return queue
  }

  get size(): number {
    return this.#size
  }

  get(seq: number): Recorded | undefined {
    const at = Math.floor(seq / pieceSeqs) - this.#first
    return at < 0 ? undefined : this.#pieces[at]?.[seq % pieceSeqs]
  }

  /** In the place of the one that is there; else above all those that are. */
  set(seq: number, recorded: Recorded): void {
    const number = Math.floor(seq / pieceSeqs)
    if (this.#size === 0 && number !== this.#first) this.#beginAt(number)
    if (number < this.#first) broken(`the reply to command ${seq} comes after later ones`)
    const at = number - this.#first
    while (this.#pieces.length <= at) this.#pieces.push(new Array<Recorded | undefined>(pieceSeqs).fill(undefined))
    const piece = this.#pieces[at]
    if (piece === undefined) broken(`the reply to command ${seq} has no place`)
    const offset = seq % pieceSeqs
    if (piece[offset] === undefined) this.#size += 1
    piece[offset] = recorded
  }

  /** Takes out those below `seq`, and shows each. */
  dropBelow(seq: number, dropped: (seq: number, recorded: Recorded) => void): void {
    while (this.#size > 0) {
      const start = this.#first * pieceSeqs
      if (start >= seq) return
      const piece = this.#pieces[0] ?? []
      const end = Math.min(pieceSeqs, seq - start)
      for (let offset = 0; offset < end; offset++) {
        const recorded = piece[offset]
        if (recorded === undefined) continue
        piece[offset] = undefined
        this.#size -= 1
        dropped(start + offset, recorded)
      }
      if (end < pieceSeqs) break
      this.#pieces.shift()
      this.#first += 1
    }
    if (this.#pieces.length > 1 && this.#size === 0) this.#pieces = []
  }

  #beginAt(number: number): void {
    this.#pieces = []
    this.#first = number
  }

  *[Symbol.iterator](): Generator<readonly [number, Recorded]> {
    for (const [at, piece] of this.#pieces.entries()) {
      const start = (this.#first + at) * pieceSeqs
      for (const [offset, recorded] of piece.entries()) if (recorded !== undefined) yield [start + offset, recorded]
    }
  }
}

// Queries that were sent and not answered, by the id of the request. Ids ascend, and nearly all are answered in about that order, all the time: a `Map`
// would be built anew every so often. What waits for long does not hold up the place of those that came after it.
import type { Call } from './call.ts'

const pieceIds = 16
/** From the first piece to the last. What is still open before them is kept elsewhere. */
const piecesMax = 1_024

class Piece {
  readonly calls = new Array<Call | undefined>(pieceIds).fill(undefined)
  openCount = 0
}

export class OpenRequests {
  /** One after the other; the last is where the next id goes. */
  readonly #pieces: Piece[] = []
  /** The first one begins with the id that is so many times `pieceIds`. */
  #first = 0
  #lastId = 0
  #openCount = 0
  /** Those before the first piece. */
  readonly #late = new Map<number, Call>()

  get size(): number {
    return this.#openCount + this.#late.size
  }

  /** Gives `call` the next id. */
  add(call: Call): void {
    const id = ++this.#lastId
    call.seq = id
    const piece = this.#lastPiece(Math.floor(id / pieceIds))
    piece.calls[id % pieceIds] = call
    piece.openCount += 1
    this.#openCount += 1
  }

  get(id: number): Call | undefined {
    const at = Math.floor(id / pieceIds) - this.#first
    return at < 0 ? this.#late.get(id) : this.#pieces[at]?.calls[id % pieceIds]
  }

  delete(id: number): void {
    const at = Math.floor(id / pieceIds) - this.#first
    if (at < 0) {
      this.#late.delete(id)
      return
    }
    const piece = this.#pieces[at]
    if (piece?.calls[id % pieceIds] === undefined) return
    piece.calls[id % pieceIds] = undefined
    piece.openCount -= 1
    this.#openCount -= 1
    while (this.#pieces.length > 1 && this.#pieces[0]?.openCount === 0) this.#dropFirst()
  }

  /** By ascending id. */
  calls(): readonly Call[] {
    return [...this.#late.values(), ...this.#pieces.flatMap(({ calls }) => calls.filter((call) => call !== undefined))]
  }

  some(test: (call: Call) => boolean): boolean {
    const fits = (call: Call | undefined): boolean => call !== undefined && test(call)
    for (const call of this.#late.values()) if (test(call)) return true
    return this.#pieces.some(({ calls }) => calls.some(fits))
  }

  clear(): void {
    this.#pieces.length = 0
    this.#openCount = 0
    this.#late.clear()
  }

  /** The piece of that number, which is the last, or comes right after it. */
  #lastPiece(number: number): Piece {
    const last = this.#pieces[this.#pieces.length - 1]
    if (last !== undefined && number - this.#first < this.#pieces.length) return last
    if (last === undefined) this.#first = number
    const piece = new Piece()
    this.#pieces.push(piece)
    if (this.#pieces.length > piecesMax) this.#setFirstAside()
    return piece
  }

  #setFirstAside(): void {
    for (const call of this.#pieces[0]?.calls ?? []) {
      if (call === undefined) continue
      this.#late.set(call.seq, call)
      this.#openCount -= 1
    }
    this.#dropFirst()
  }

  #dropFirst(): void {
    this.#pieces.shift()
    this.#first += 1
  }
}

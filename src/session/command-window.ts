import { broken } from '../core/invariant.ts'
import type { Call } from './call.ts'
import { sessionWindow } from './limits.ts'

const mask = sessionWindow - 1

/**
 * The commands that were given a number in the present session and are not settled, by that number.
 *
 *     1 ........ ackedBelow ........ nextSeq ........ ackedBelow + sessionWindow
 *       settled              some open        free
 */
export class CommandWindow {
  readonly #ring: (Call | undefined)[] = new Array<Call | undefined>(sessionWindow).fill(undefined)
  /** Invariant: the place of `#lowest` is taken, or `#lowest === #next`. */
  #lowest = 1
  #next = 1
  #openCount = 0

  /** Those that are open. */
  get openCount(): number {
    return this.#openCount
  }

  /** The lowest number that is not settled. Given-up calls are settled too: their replies are not wanted. */
  get ackedBelow(): number {
    return this.#lowest
  }

  get nextSeq(): number {
    return this.#next
  }

  get hasRoom(): boolean {
    return this.#next < this.#lowest + sessionWindow
  }

  /** Gives `call` the next number. */
  add(call: Call): void {
    if (!this.hasRoom) broken(`command ${this.#next} is outside the window from ${this.#lowest}`)
    call.seq = this.#next
    this.#ring[this.#next & mask] = call
    this.#next += 1
    this.#openCount += 1
  }

  get(seq: number): Call | undefined {
    return seq >= this.#lowest && seq < this.#next ? this.#ring[seq & mask] : undefined
  }

  remove(call: Call): void {
    if (this.get(call.seq) !== call) broken(`command ${call.seq} is not in the window`)
    this.#ring[call.seq & mask] = undefined
    this.#openCount -= 1
    while (this.#lowest < this.#next && this.#ring[this.#lowest & mask] === undefined) this.#lowest += 1
  }

  /** The highest open number that is not above `seq`; the lowest of all when there is none. */
  openAtOrBelow(seq: number): number {
    for (let at = Math.min(seq, this.#next - 1); at > this.#lowest; at--) if (this.#ring[at & mask] !== undefined) return at
    return this.#lowest
  }

  /** Empties the window, for a new session. What was in it, by ascending number. */
  reset(): readonly Call[] {
    const calls: Call[] = []
    for (let seq = this.#lowest; seq < this.#next; seq++) {
      const call = this.get(seq)
      if (call !== undefined) calls.push(call)
    }
    this.#ring.fill(undefined)
    this.#lowest = 1
    this.#next = 1
    this.#openCount = 0
    return calls
  }
}

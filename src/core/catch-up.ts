import { Stopwatch } from './stopwatch.ts'
import type { Index, Ms } from './types.ts'

/**
 * How a follower catches up, in rounds (§4.2.1): one ends when it holds all that the leader had when the round began. Once a round takes
 * less than an election timeout, so would the pause of a cluster that waits for it.
 */
export class CatchUp {
  readonly #electionTimeoutMs: Ms
  /** Last index of the leader when the round began. */
  #target: Index
  readonly #round = new Stopwatch(undefined)
  #isCaughtUp = false

  constructor({ lastIndex, electionTimeoutMs }: { readonly lastIndex: Index; readonly electionTimeoutMs: Ms }) {
    this.#target = lastIndex
    this.#electionTimeoutMs = electionTimeoutMs
  }

  get isCaughtUp(): boolean {
    return this.#isCaughtUp
  }

  tick({ now, lastIndex, matchIndex }: { readonly now: Ms; readonly lastIndex: Index; readonly matchIndex: Index }): void {
    this.#round.tick(now)
    if (matchIndex < this.#target) {
      if (this.#round.elapsedMs(now) >= this.#electionTimeoutMs) this.#isCaughtUp = false
      return
    }
    // A round with nothing in it takes no time: a learner that is let in when all is quiet has no other.
    if (matchIndex >= lastIndex) this.#isCaughtUp = true
    // It had everything: what came since begins a round now.
    this.#target = lastIndex
    this.#round.startAt(now)
  }

  acknowledged({ now, lastIndex, matchIndex }: { readonly now: Ms; readonly lastIndex: Index; readonly matchIndex: Index }): void {
    if (matchIndex < this.#target) return
    this.#isCaughtUp = this.#round.elapsedMs(now) < this.#electionTimeoutMs
    this.#target = lastIndex
    this.#round.start()
  }
}

import type { Ms } from './types.ts'

/** What is worked off in less time says little: it comes in batches. */
const sampleMs = 100

/**
 * How fast a queue can be worked off, as far as that was seen: while there was always more of it. A queue that runs empty tells only what it
 * can be worked off at least.
 */
export class Pace {
  #perMs = 0
  #sample: { readonly since: Ms; readonly waiting: number; readonly done: number } | undefined

  /** Per millisecond; 0 while nothing is known. */
  get perMs(): number {
    return this.#perMs
  }

  /** `waiting`: what the queue holds now. `done`: how many have left it since it was made. */
  observe({ waiting, done, now }: { readonly waiting: number; readonly done: number; readonly now: Ms }): void {
    const sample = this.#sample
    if (sample === undefined) {
      if (waiting > 0) this.#sample = { since: now, waiting, done }
      return
    }
    const count = done - sample.done
    // While nothing is done at all, something else is wrong.
    if (now - sample.since < sampleMs || count === 0) return
    const perMs = count / (now - sample.since)
    // All of what was done waited from the beginning: it could not be done any faster.
    const wasNeverEmpty = count <= sample.waiting
    if (this.#perMs === 0) this.#perMs = perMs
    // What was done in one sample may have been waited for in the one before: half of it is believed.
    else if (perMs > this.#perMs || wasNeverEmpty) this.#perMs = (this.#perMs + perMs) / 2
    this.#sample = waiting > 0 ? { since: now, waiting, done } : undefined
  }

  /** What comes next has nothing to do with what was before: nothing is done for a reason that will pass. */
  interrupt(): void {
    this.#sample = undefined
  }
}

import type { Ms } from './types.ts'

/** What is worked off in less time says little: it comes in batches. */
const sampleMs = 100
/** So many samples' worth has to wait before it counts as a queue: less is what any pipeline has in it, however much more it could take. */
const standing = 4

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
    this.#learn(count / (now - sample.since), { isBound: count * standing <= sample.waiting })
    this.#sample = waiting > 0 ? { since: now, waiting, done } : undefined
  }

  /** What comes next has nothing to do with what was before: nothing is done for a reason that will pass. */
  interrupt(): void {
    this.#sample = undefined
  }

  /** `isBound`: it could not be done any faster. Only half of a change is believed: what was done in one sample may have waited in the one before. */
  #learn(perMs: number, { isBound }: { readonly isBound: boolean }): void {
    if (perMs > 2 * this.#perMs) this.#perMs = perMs
    else if (perMs > this.#perMs || isBound) this.#perMs = (this.#perMs + perMs) / 2
  }
}

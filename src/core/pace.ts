import type { Ms } from './types.ts'

/** What is worked off in less time says little: it comes in batches. */
const sampleMs = 100
/** So many samples' worth has to wait before it counts as a queue: less is what any pipeline has in it, however much more it could take. */
const standing = 4
/** So many such samples, since nothing waited, make a pace: a process that has only begun to work is slow at first. */
const samplesMin = 2

/**
 * How fast a queue can be worked off, as far as that is seen: while there is always more in it than can be. Of a queue that is not too long nothing
 * is known, and of one that was once empty nothing any more.
 */
export class Pace {
  #perMs = 0
  /** Of a queue that was too long for it. */
  #samples = 0
  #sample: { readonly since: Ms; readonly waiting: number; readonly done: number } | undefined

  /** Per millisecond; 0 while nothing is known. */
  get perMs(): number {
    return this.#samples < samplesMin ? 0 : this.#perMs
  }

  /** `waiting`: what the queue holds now. `done`: how many have left it since it was made. */
  observe({ waiting, done, now }: { readonly waiting: number; readonly done: number; readonly now: Ms }): void {
    if (waiting === 0) return this.forget()
    const sample = this.#sample
    if (sample === undefined) {
      this.#sample = { since: now, waiting, done }
      return
    }
    const count = done - sample.done
    // While nothing is done at all, something else is wrong.
    if (now - sample.since < sampleMs || count === 0) return
    this.#learn(count / (now - sample.since), { isBound: count * standing <= sample.waiting })
    this.#sample = { since: now, waiting, done }
  }

  /** What comes next has nothing to do with what was before. */
  forget(): void {
    this.#perMs = 0
    this.#samples = 0
    this.#sample = undefined
  }

  /** `isBound`: it could not be done any faster. Only half of a change is believed: what was done in one sample may have waited in the one before. */
  #learn(perMs: number, { isBound }: { readonly isBound: boolean }): void {
    if (isBound) this.#samples += 1
    if (perMs > 2 * this.#perMs) this.#perMs = perMs
    else if (perMs > this.#perMs || isBound) this.#perMs = (this.#perMs + perMs) / 2
  }
}

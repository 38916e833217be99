import { assert } from '../core/invariant.ts'
import { Random } from '../core/random.ts'

/** What a stream shares with all that were forked from it. */
interface Mood {
  isEven: boolean
}

/** All that is decided by lot in a run: one stream of numbers from one seed. */
export class Chance {
  readonly #random: Random
  readonly #mood: Mood

  constructor(seed: number, mood: Mood = { isEven: false }) {
    this.#random = new Random(seed)
    this.#mood = mood
  }

  /** A stream of its own, so that more draws here change nothing there. */
  fork(): Chance {
    return new Chance(this.seed(), this.#mood)
  }

  /** While it is true, whatever takes long takes equally long each time, here and in every stream that was forked from this one. */
  set isEven(isEven: boolean) {
    this.#mood.isEven = isEven
  }

  /** Whole, 0 to 2^32 - 1. */
  seed(): number {
    return Math.floor(this.#random.next() * 0x1_0000_0000)
  }

  happens(probability: number): boolean {
    return probability > 0 && this.#random.next() < probability
  }

  /** Uniform in [min, max); their mean while all is even. */
  between(min: number, max: number): number {
    if (this.#mood.isEven) return (min + max) / 2
    return min + this.#random.next() * (max - min)
  }

  /** Whole, both ends included. */
  whole(min: number, max: number): number {
    return min + Math.floor(this.#random.next() * (max - min + 1))
  }

  /** Mostly short, now and then long: how waits are spread when nothing holds them together. The mean while all is even. */
  wait(meanMs: number): number {
    if (this.#mood.isEven) return meanMs
    return -Math.log(1 - this.#random.next()) * meanMs
  }

  pick<T>(list: readonly T[]): T {
    const picked = list[Math.floor(this.#random.next() * list.length)]
    assert(picked !== undefined, 'nothing can be picked from an empty list')
    return picked
  }

  /** Some of the list, in its order: each with the same probability. */
  some<T>(list: readonly T[], probability: number): readonly T[] {
    return list.filter(() => this.happens(probability))
  }
}

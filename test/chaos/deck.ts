// In which order faults happen: of each family one, by turns, each of its variants once before any comes again.
import type { Chance } from '../../src/sim/chance.ts'
import { type Fault, shuffled } from './faults/fault.ts'

export class Deck {
  readonly #faults: readonly Fault[]
  readonly #chance: Chance
  #waiting: Fault[] = []

  constructor(faults: readonly Fault[], chance: Chance) {
    this.#faults = faults
    this.#chance = chance
  }

  /** Undefined when there are none. */
  next(): Fault | undefined {
    if (this.#waiting.length === 0) this.#waiting = byTurns(this.#faults, this.#chance)
    return this.#waiting.shift()
  }

  /** It was not noticed: so it comes once more, after the next one. */
  again(fault: Fault): void {
    this.#waiting.splice(1, 0, fault)
  }
}

function byTurns(faults: readonly Fault[], chance: Chance): Fault[] {
  const families = shuffled([...new Set(faults.map(({ family }) => family))], chance)
  const piles = families.map((family) => [
    ...shuffled(
      faults.filter((one) => one.family === family),
      chance,
    ),
  ])
  const dealt: Fault[] = []
  while (dealt.length < faults.length) for (const pile of piles) dealt.push(...pile.splice(0, 1))
  return dealt
}

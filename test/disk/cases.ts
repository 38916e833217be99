// Every case of the suite: something that happens to a file, and when. Its name says all of it, and repeats it with the seed.
import { Chance } from '../../src/sim/chance.ts'
import { fileKinds } from './files.ts'
import { fileHarms } from './file-harms.ts'
import { folderHarms } from './folder-harms.ts'
import { type Harm, type Moment, moments } from './harm.ts'
import { placedHarms } from './placed-harms.ts'

export interface DiskCase {
  readonly name: string
  readonly harm: Harm
  readonly moment: Moment
}

/** All harms. `sample`: a data directory, for the places that there are in its files. */
export async function harmsOf(sample: string): Promise<readonly Harm[]> {
  const placed = await Promise.all(fileKinds.map((kind) => placedHarms(kind, sample)))
  return [...placed.flat(), ...fileKinds.flatMap(fileHarms), ...folderHarms]
}

/** Every harm at every moment. */
export const casesOf = (harms: readonly Harm[]): readonly DiskCase[] =>
  harms.flatMap((harm) => (harm.moments ?? moments).map((moment) => ({ name: `${harm.name}, ${moment}`, harm, moment })))

/** So many cases of each place, drawn by the seed, in an order of their own: whoever stops half-way has seen some of everything. */
export function drawn(harms: readonly Harm[], { seed, each }: { readonly seed: number; readonly each: number }): readonly DiskCase[] {
  const chance = new Chance(seed)
  const places = [...new Set(harms.map(({ place }) => place))]
  const cases = places.flatMap((place) => shuffled(casesOf(harms.filter((harm) => harm.place === place)), chance).slice(0, each))
  return shuffled(cases, chance)
}

/** The same for the same seed and name, in whatever order cases run. */
export const chanceOf = (seed: number, { name }: DiskCase): Chance =>
  new Chance([...name].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 16_777_619), seed))

function shuffled<T>(list: readonly T[], chance: Chance): readonly T[] {
  return list
    .map((one) => ({ one, by: chance.seed() }))
    .sort((a, b) => a.by - b.by)
    .map(({ one }) => one)
}

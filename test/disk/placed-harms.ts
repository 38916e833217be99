// Every kind of damage at every place of a file.
import { readFile } from 'node:fs/promises'
import { type Damage, damageFile, damages, damaged } from './damage.ts'
import { type FileKind, newest } from './files.ts'
import type { Harm } from './harm.ts'

/** `sample`: a data directory with such a file. */
export async function placedHarms(kind: FileKind, sample: string): Promise<readonly Harm[]> {
  const places = kind.places(await readFile(await newest(kind, sample)))
  return places.flatMap(({ name }) => damages.map((damage) => placedHarm(kind, name, damage)))
}

function placedHarm(kind: FileKind, placeName: string, damage: Damage): Harm {
  const place = `${kind.name}: ${placeName}`
  return {
    kind: kind.name,
    place,
    name: `${place}: ${damage}`,
    harm: async ({ dir, chance }) => {
      await damageFile(await newest(kind, dir), (content) => {
        const found = kind.places(content).find(({ name }) => name === placeName)
        if (found === undefined) throw new Error(`there is no ${place} in ${dir}`)
        return damaged(content, found.ranges, { damage, chance })
      })
    },
  }
}

// What a schema says is gone on purpose. Whether it has ever been there only the wire lock knows: `codegen/retirement.ts`.
import type { Draft, DraftRetired } from '../draft.ts'
import type { Place } from '../place.ts'
import type { Reporter } from './reporter.ts'
import { isPlainObject, listOf, schemaOf } from './schema-value.ts'
import { checkKeys } from './shape.ts'

const nameLists = ['commands', 'queries', 'errors'] as const
const versionLists = ['versions', 'clients'] as const

export function retiredOf(value: unknown, place: Place, reporter: Reporter): DraftRetired {
  if (value !== undefined && !isPlainObject(value)) {
    reporter.report(place, {
      code: 'DEFINITION_INVALID',
      message: `${place.path} is no object`,
      hint: "Write { versions: [1], commands: ['old'] }.",
    })
  }
  const retired = schemaOf(value)
  checkKeys(retired, [...versionLists, ...nameLists], place, reporter)
  const names = (list: (typeof nameLists)[number]): readonly string[] =>
    entries(retired[list], isName, { place: place.property(list), reporter, wanted: 'a list of names', example: "['old']" }).map(String)
  const versions = (list: (typeof versionLists)[number]): readonly number[] =>
    entries(retired[list], isVersion, { place: place.property(list), reporter, wanted: 'a list of versions', example: '[1, 2]' }).map(
      Number,
    )
  return {
    ...{ versions: versions('versions'), clients: versions('clients') },
    ...{ commands: names('commands'), queries: names('queries'), errors: names('errors') },
  }
}

const isName = (item: unknown): boolean => typeof item === 'string' && item !== ''
const isVersion = (item: unknown): boolean => typeof item === 'number' && Number.isSafeInteger(item) && item >= 1

interface ListPlace {
  readonly place: Place
  readonly reporter: Reporter
  readonly wanted: string
  readonly example: string
}

function entries(value: unknown, fits: (item: unknown) => boolean, { place, reporter, wanted, example }: ListPlace): readonly unknown[] {
  if (value === undefined) return []
  if (Array.isArray(value) && value.every(fits)) return [...new Set(listOf(value))]
  reporter.report(place, { code: 'RETIRED_INVALID', message: `${place.path} is not ${wanted}`, hint: `Write one: ${example}.` })
  return []
}

/** What is retired is not there. */
export function checkRetired(draft: Draft, place: Place, reporter: Reporter): void {
  for (const list of nameLists) {
    const known = new Set(draft[list].map(({ name }) => name))
    for (const [i, name] of draft.retired[list].entries()) {
      if (!known.has(name)) continue
      reporter.report(place.property(list).listed(i), {
        code: 'RETIRED_IN_USE',
        message: `retired.${list} has ${name}, and ${list} has it too`,
        hint: 'Take it out of one of the two.',
      })
    }
  }
  for (const list of versionLists) {
    for (const [i, version] of draft.retired[list].entries()) {
      if (version < draft.version) continue
      reporter.report(place.property(list).listed(i), {
        code: 'RETIRED_IN_USE',
        message: `retired.${list} has ${version}, and the schema has version ${draft.version}`,
        hint: 'Only versions before that of the schema can be retired.',
      })
    }
  }
}

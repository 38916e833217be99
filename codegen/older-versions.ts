// Which older versions of a schema what is emitted knows beside its own.
import { compareVersions, lockedVersionOf, type SchemaVersion } from './evolution/compare.ts'
import type { LockedSchema } from './locked-schema.ts'
import type { Model } from './model.ts'

export interface OlderVersions {
  /** Ascending: frozen ones that are not retired. */
  readonly known: readonly Model[]
  /**
   * The last of each generation that is over: those whose state is changed so that it cannot be undone value by value. What became of it is a migration, and
   * the handlers of that version serve its generation.
   */
  readonly ended: ReadonlySet<number>
}

export const noOlderVersions: OlderVersions = { known: [], ended: new Set() }

export function olderVersions({ lock, model, locked, draft }: LockedSchema): OlderVersions {
  const numbers = Object.entries(lock.versions).flatMap(([number, { status, partial }]) => {
    const isKnown = status === 'frozen' && partial !== true && !draft.retired.versions.includes(Number(number))
    return isKnown && Number(number) < draft.version ? [Number(number)] : []
  })
  const known: Model[] = []
  const ended = new Set<number>()
  let after: SchemaVersion = { model, locked }
  for (const number of numbers.toSorted((a, b) => b - a)) {
    const before = lockedVersionOf(lock, number)
    const isOver = compareVersions(before, after, draft.retired).some(({ level, subject }) => level === 'migration' && subject === 'state')
    if (isOver) ended.add(number)
    known.unshift(before.model)
    after = before
  }
  return { known, ended }
}

/** The versions before `version` whose entries its handlers serve, ascending: those of its generation. */
export function sameGeneration({ known, ended }: OlderVersions, version: number): readonly Model[] {
  const before = known.filter((one) => one.version < version)
  return before.slice(before.findLastIndex((one) => ended.has(one.version)) + 1)
}

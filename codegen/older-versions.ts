// Which older versions of a schema what is emitted knows beside its own.
import { compareVersions, lockedVersionOf, type SchemaVersion } from './evolution/compare.ts'
import type { LockedSchema } from './locked-schema.ts'
import type { Model } from './model.ts'

/** Ascending. Frozen ones that are not retired; what is older than a change of the state that cannot be undone value by value is left out. */
export function olderVersions({ lock, model, locked, draft }: LockedSchema): readonly Model[] {
  const numbers = Object.entries(lock.versions).flatMap(([number, { status, partial }]) => {
    const isKnown = status === 'frozen' && partial !== true && !draft.retired.versions.includes(Number(number))
    return isKnown && Number(number) < draft.version ? [Number(number)] : []
  })
  const older: Model[] = []
  let after: SchemaVersion = { model, locked }
  for (const number of numbers.toSorted((a, b) => b - a)) {
    const before = lockedVersionOf(lock, number)
    if (compareVersions(before, after, draft.retired).some(({ level, subject }) => level === 'migration' && subject === 'state')) break
    older.unshift(before.model)
    after = before
  }
  return older
}

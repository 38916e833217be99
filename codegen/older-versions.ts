// Which older versions of a schema what is emitted knows beside its own.
import { compareVersions, lockedVersionOf, type SchemaVersion } from './evolution/compare.ts'
import type { LockedSchema } from './locked-schema.ts'
import type { Model } from './model.ts'

/**
 * Ascending. Frozen ones that are not retired; of each, the step to the next is one that raftgen can write by itself, and what is older than one where it
 * cannot is left out.
 */
export function olderVersions({ lock, model, locked, draft }: LockedSchema): readonly Model[] {
  const numbers = Object.entries(lock.versions).flatMap(([number, { status, partial }]) => {
    const isKnown = status === 'frozen' && partial !== true && !draft.retired.versions.includes(Number(number))
    return isKnown && Number(number) < draft.version ? [Number(number)] : []
  })
  const older: Model[] = []
  let after: SchemaVersion = { model, locked }
  for (const number of numbers.toSorted((a, b) => b - a)) {
    const before = lockedVersionOf(lock, number)
    if (compareVersions(before, after, draft.retired).some(({ level }) => level === 'migration')) break
    older.unshift(before.model)
    after = before
  }
  return older
}

// Which older versions of a schema what is emitted knows beside its own.
import type { Diagnostic } from './diagnostic.ts'
import { compareVersions, lockedVersionOf, type SchemaVersion } from './evolution/compare.ts'
import type { LockedSchema } from './locked-schema.ts'
import type { Model } from './model.ts'

export interface OlderVersions {
  /** Ascending. Frozen ones that are not retired; what is older than a change of the state that cannot be undone value by value is left out. */
  readonly known: readonly Model[]
  /** Why some are left out. */
  readonly givenUp: Diagnostic | undefined
}

export function olderVersions({ lock, model, locked, draft, where, file }: LockedSchema): OlderVersions {
  const numbers = Object.entries(lock.versions).flatMap(([number, { status, partial }]) => {
    const isKnown = status === 'frozen' && partial !== true && !draft.retired.versions.includes(Number(number))
    return isKnown && Number(number) < draft.version ? [Number(number)] : []
  })
  const known: Model[] = []
  let after: SchemaVersion = { model, locked }
  for (const number of numbers.toSorted((a, b) => b - a)) {
    const before = lockedVersionOf(lock, number)
    const change = compareVersions(before, after, draft.retired).find(({ level, subject }) => level === 'migration' && subject === 'state')
    if (change !== undefined) {
      const place = { file, ...where.position({ kind: 'machine', key: 'version' }) }
      return { known, givenUp: givenUp(number, after.model.version, { why: change.message, place }) }
    }
    known.unshift(before.model)
    after = before
  }
  return { known, givenUp: undefined }
}

interface Reason {
  readonly why: string
  readonly place: Pick<Diagnostic, 'file' | 'line' | 'column'>
}

const givenUp = (number: number, next: number, { why, place }: Reason): Diagnostic => ({
  severity: 'warning',
  code: 'VERSION_GIVEN_UP',
  ...place,
  message: `what is generated knows nothing of version ${number}, whose state cannot become one of version ${next} by plain steps: ${why}`,
  hint: `It opens no data of version ${number}, and joins no cluster that uses it. Change the state so that it can: a default, an optional field, a new field beside the old one; or go on without that data.`,
})

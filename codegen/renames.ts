// `was: 'old'` against the wire lock: whether there has been an `old`.
import { type Scope, scopesOf } from './build/former-names.ts'
import type { Reporter } from './build/reporter.ts'
import { suggestion } from './build/shape.ts'
import type { Where } from './build/where.ts'
import type { Draft } from './draft.ts'
import type { Lock, LockedVersion } from './lock.ts'

/** Without a lock there is nothing that could have been renamed, and nothing to be wrong about. */
export function checkRenames(
  draft: Draft,
  lock: Lock | undefined,
  { where, reporter }: { readonly where: Where; readonly reporter: Reporter },
): void {
  const versions = Object.entries(lock?.versions ?? {})
    .sort(([a], [b]) => Number(b) - Number(a))
    .slice(0, 2)
  const [latest] = versions
  if (latest === undefined) return
  for (const scope of scopesOf(draft)) {
    const now = new Set(scope.items.map(({ name }) => name))
    const done = namesIn(latest[1], scope)
    const known = new Set(versions.flatMap(([, version]) => [...namesIn(version, scope), ...retiredIn(version, scope)]))
    for (const { name, was } of scope.items) {
      // A rename that the lock has made already may stay in the schema.
      if (was === undefined || known.has(was) || done.includes(name)) continue
      const candidates = [...known].filter((candidate) => !now.has(candidate))
      reporter.report(where.place(scope.spot(name)).namePosition, {
        code: 'RENAME_UNKNOWN',
        message: `${scope.prefix}${name} was called ${was}, and the wire lock knows no ${was} there`,
        hint: suggestion(was, candidates) ?? (candidates.length === 0 ? 'Leave `was` out.' : `Gone are ${candidates.join(', ')}.`),
      })
    }
  }
}

function namesIn(version: LockedVersion, { of }: Scope): readonly string[] {
  if ('list' in of) return of.list === 'state' ? version.state.map(({ name }) => name) : Object.keys(version[of.list])
  if ('error' in of) return ((version.errors[of.error] ?? version.errors[of.was ?? ''])?.fields ?? []).map(({ name }) => name)
  const type = version.types[of.type]
  return type !== undefined && 'fields' in type ? type.fields.map(({ name }) => name) : []
}

const retiredIn = ({ retired }: LockedVersion, { of }: Scope): readonly string[] =>
  'list' in of && of.list !== 'state' ? Object.keys(retired[of.list]) : []

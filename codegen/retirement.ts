// `retired` of a schema against the wire lock: what never was there cannot be gone.
import type { Reporter } from './build/reporter.ts'
import { suggestion } from './build/shape.ts'
import type { Where } from './build/where.ts'
import type { Draft } from './draft.ts'
import type { Lock } from './lock.ts'
import type { Place } from './place.ts'

const nouns = { commands: 'command', queries: 'query', errors: 'error' } as const

/** Without a lock there is nothing that could be gone, and nothing to be wrong about. */
export function checkRetirement(
  draft: Draft,
  lock: Lock | undefined,
  { where, reporter }: { readonly where: Where; readonly reporter: Reporter },
): void {
  if (lock === undefined) return
  const place = where.place({ kind: 'machine', key: 'retired' })
  for (const list of ['commands', 'queries', 'errors'] as const) {
    const known = namesEver(lock, list)
    for (const [i, name] of draft.retired[list].entries()) {
      if (known.has(name)) continue
      const hint = suggestion(name, [...known]) ?? 'Leave it out: only what a version in the wire lock has can be retired.'
      const message = `retired.${list} has ${name}, and no version in the wire lock has such a ${nouns[list]}`
      reporter.report(place.property(list).listed(i), { code: 'RETIRED_UNKNOWN', message, hint })
    }
  }
  checkVersions('versions', draft, lock, { place: place.property('versions'), reporter })
  checkVersions('clients', draft, lock, { place: place.property('clients'), reporter })
}

function namesEver({ versions }: Lock, list: 'commands' | 'queries' | 'errors'): ReadonlySet<string> {
  return new Set(Object.values(versions).flatMap((version) => [...Object.keys(version[list]), ...Object.keys(version.retired[list])]))
}

interface ListPlace {
  readonly place: Place
  readonly reporter: Reporter
}

/**
 * A log is replayed from its first entry, and a result goes down to a client version by version: what is newer than a version that is still needed is needed,
 * too. A version that is retired has no clients either.
 */
function checkVersions(list: 'versions' | 'clients', { version, retired }: Draft, lock: Lock, { place, reporter }: ListPlace): void {
  const gone = new Set([...retired.versions, ...retired[list]])
  const older = Object.keys(lock.versions)
    .map(Number)
    .filter((number) => number < version)
  for (const [i, number] of retired[list].entries()) {
    const gap = older.find((other) => other < number && !gone.has(other))
    if (older.includes(number) && gap === undefined) continue
    const message = older.includes(number)
      ? `retired.${list} has ${number}, and not ${gap}, which is older`
      : `retired.${list} has ${number}, and the wire lock has no version ${number}`
    const hint = older.includes(number) ? `Add ${gap}: who still needs it needs ${number} as well.` : 'Leave it out.'
    reporter.report(place.listed(i), { code: older.includes(number) ? 'RETIRED_GAP' : 'RETIRED_UNKNOWN', message, hint })
  }
}

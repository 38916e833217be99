// The outline of a definition: which keys there are, and which of them are what they must be.
import type { Place } from '../place.ts'
import type { Reporter } from './reporter.ts'
import { isPlainObject } from './schema-value.ts'

const reservedKeys = new Set(['permissions'])
const machineKeys = ['name', 'version', 'state', 'indexes', 'initial', 'invariants', 'errors', 'commands', 'queries', 'retired']

export function checkMachineKeys(definition: Readonly<Record<string, unknown>>, place: Place, reporter: Reporter): void {
  for (const key of Object.keys(definition)) {
    if (machineKeys.includes(key)) continue
    const at = place.property(key).namePosition
    if (reservedKeys.has(key)) {
      reporter.report(at, { code: 'KEY_RESERVED', message: `${key} is reserved for a later release of raftgen`, hint: 'Leave it out.' })
      continue
    }
    reporter.report(at, {
      code: 'KEY_UNKNOWN',
      message: `defineMachine knows no ${key}`,
      hint: suggestion(key, machineKeys) ?? `Its keys are ${machineKeys.join(', ')}.`,
    })
  }
}

export function checkKeys(value: Readonly<Record<string, unknown>>, known: readonly string[], place: Place, reporter: Reporter): void {
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue
    const hint = suggestion(key, known) ?? `Its keys are ${known.join(', ')}.`
    reporter.report(place.property(key).namePosition, { code: 'KEY_UNKNOWN', message: `${place.path} has the unknown key ${key}`, hint })
  }
}

/** The entries of `errors`, `commands` or `queries`; none when there are none. */
export function entriesOf(value: unknown, place: Place, reporter: Reporter): readonly (readonly [string, unknown])[] {
  if (value === undefined) return []
  if (isPlainObject(value)) return Object.entries(value)
  reporter.report(place, { code: 'DEFINITION_INVALID', message: `${place.path} is no object`, hint: 'Write one: { name: { ... } }.' })
  return []
}

export function checkInvariants(value: unknown, place: Place, reporter: Reporter): void {
  for (const [name, invariant] of entriesOf(value, place, reporter)) {
    if (typeof invariant === 'function') continue
    reporter.report(place.property(name), {
      code: 'INVARIANT_INVALID',
      message: `${place.property(name).path} is no function`,
      hint: 'Write one of the state, which says whether it holds: (state) => state.count >= 0.',
    })
  }
}

/** `Did you mean Held?` for the nearest of `known`, if one is near. */
export function suggestion(word: string, known: readonly string[]): string | undefined {
  const [nearest] = known
    .map((candidate) => ({ candidate, distance: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
  return nearest !== undefined && nearest.distance < word.length && nearest.distance <= Math.max(1, Math.floor(word.length / 3))
    ? `Did you mean ${nearest.candidate}?`
    : undefined
}

/** Insertions, deletions and replacements between two words. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...b].entries()) {
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)))
    }
    row = next
  }
  return row.at(-1) ?? 0
}

// Where two values differ: all places, and what is there. Values are what codecs make: objects, arrays, Maps in key order, bytes, and scalars;
// `undefined` is none. Words are for others to find.

/** A step from the root of a state to a value in it. */
export interface Place {
  readonly above: Place | undefined
  readonly step: Step
}
export type Step =
  | { readonly kind: 'name'; readonly name: string }
  /** Of a table, a Map or a list. */
  | { readonly kind: 'key'; readonly key: string | number }

export type Difference =
  | { readonly kind: 'values'; readonly place: Place; readonly here: unknown; readonly there: unknown }
  | { readonly kind: 'onlyHere' | 'onlyThere'; readonly place: Place; readonly value: unknown }
  /** Lists of different lengths. How their items differ follows. */
  | { readonly kind: 'lengths'; readonly place: Place; readonly here: number; readonly there: number }

export const named = (name: string, above?: Place): Place => ({ above, step: { kind: 'name', name } })
export const keyed = (key: string | number, above: Place): Place => ({ above, step: { kind: 'key', key } })

const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u

/** `state.leases["a"].token`. `word`: how keys are written. */
export function placeText({ above, step }: Place, word: (key: string | number) => string): string {
  const before = above === undefined ? '' : placeText(above, word)
  if (step.kind === 'key') return `${before}[${word(step.key)}]`
  if (!identifier.test(step.name)) return `${before}[${word(step.name)}]`
  return above === undefined ? step.name : `${before}.${step.name}`
}

export function isSame(here: unknown, there: unknown): boolean {
  if (Object.is(here, there)) return true
  if (!isObject(here) || !isObject(there)) return false
  if (here instanceof Uint8Array || there instanceof Uint8Array) {
    return here instanceof Uint8Array && there instanceof Uint8Array && isSameBytes(here, there)
  }
  if (Array.isArray(here) || Array.isArray(there)) return Array.isArray(here) && Array.isArray(there) && isSameList(here, there)
  if (here instanceof Map || there instanceof Map) {
    return here instanceof Map && there instanceof Map && isSameList([...here], [...there])
  }
  const names = Object.keys(here)
  return names.length === Object.keys(there).length && names.every((name) => isSame(Reflect.get(here, name), Reflect.get(there, name)))
}

/** Of what stands at `place`: in the order of fields, keys and items. */
export function* differences(place: Place, here: unknown, there: unknown): Generator<Difference> {
  if (isSame(here, there)) return
  if (here === undefined) return yield { kind: 'onlyThere', place, value: there }
  if (there === undefined) return yield { kind: 'onlyHere', place, value: here }
  if (here instanceof Map && there instanceof Map) return yield* entryDifferences(place, here.entries(), there.entries())
  if (Array.isArray(here) && Array.isArray(there)) return yield* itemDifferences(place, here, there)
  if (!isPlain(here) || !isPlain(there)) return yield { kind: 'values', place, here, there }
  const names = new Set([...Object.keys(here), ...Object.keys(there)])
  for (const name of names) yield* differences(named(name, place), Reflect.get(here, name), Reflect.get(there, name))
}

type Entries = Iterator<readonly [string | number, unknown]>

/** Both in the order of their keys. */
export function* entryDifferences(place: Place, here: Entries, there: Entries): Generator<Difference> {
  let [ours, theirs] = [next(here), next(there)]
  while (ours !== undefined || theirs !== undefined) {
    const order = orderOf(ours?.[0], theirs?.[0])
    const key = (order <= 0 ? ours : theirs)?.[0]
    if (key === undefined) return
    // Most are the same: nothing is made for those.
    if (order !== 0 || !isSame(ours?.[1], theirs?.[1])) {
      yield* differences(keyed(key, place), order <= 0 ? ours?.[1] : undefined, order >= 0 ? theirs?.[1] : undefined)
    }
    if (order <= 0) ours = next(here)
    if (order >= 0) theirs = next(there)
  }
}

/** Negative when `here` comes first, and when there is nothing there. Keys of one table are of one type. */
export function orderOf(here: string | number | undefined, there: string | number | undefined): number {
  if (here === there) return 0
  if (here === undefined) return 1
  if (there === undefined) return -1
  return here < there ? -1 : 1
}

/** What both begin and end with is left out: an item that was inserted is one difference, not all that follow it. */
function* itemDifferences(place: Place, here: readonly unknown[], there: readonly unknown[]): Generator<Difference> {
  if (here.length !== there.length) yield { kind: 'lengths', place, here: here.length, there: there.length }
  const shorter = Math.min(here.length, there.length)
  let first = 0
  while (first < shorter && isSame(here[first], there[first])) first += 1
  let after = 0
  while (after < shorter - first && isSame(here.at(-1 - after), there.at(-1 - after))) after += 1
  const [ours, theirs] = [here.slice(0, here.length - after), there.slice(0, there.length - after)]
  for (let i = first; i < Math.max(ours.length, theirs.length); i++) yield* differences(keyed(i, place), ours[i], theirs[i])
}

function next(entries: Entries): readonly [string | number, unknown] | undefined {
  const step = entries.next()
  return step.done === true ? undefined : step.value
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const isPlain = (value: unknown): value is object =>
  isObject(value) && !(value instanceof Uint8Array) && !(value instanceof Map) && !Array.isArray(value)

const isSameBytes = (here: Uint8Array, there: Uint8Array): boolean =>
  here.length === there.length && here.every((byte, i) => byte === there[i])

const isSameList = (here: readonly unknown[], there: readonly unknown[]): boolean =>
  here.length === there.length && here.every((item, i) => isSame(item, there[i]))

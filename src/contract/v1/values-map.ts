const refusal = (): never => {
  throw new TypeError('a map in a value is read-only: make a new Map from it and assign that')
}
const readOnly = { set: { value: refusal }, delete: { value: refusal }, clear: { value: refusal } }

/**
 * A `Map` that nobody changes any more, in the order given: values are shared between the state, its snapshots and handlers. Not a
 * subclass: tests of users compare it with Maps of theirs.
 */
export const frozenMap = <K, V>(entries: Iterable<readonly [K, V]>): ReadonlyMap<K, V> =>
  Object.freeze(Object.defineProperties(new Map(entries), readOnly))

/** Integers by size, strings by code units: the same on every machine, whatever its locale. */
export const byKey = <K extends string | number>([a]: readonly [K, unknown], [b]: readonly [K, unknown]): number =>
  a < b ? -1 : a > b ? 1 : 0

/** A `Map` that nobody changes any more: values are shared between the state, its snapshots and handlers. */
export class FrozenMap<K, V> extends Map<K, V> {
  /** In the order given. */
  static of<K, V>(entries: Iterable<readonly [K, V]>): FrozenMap<K, V> {
    const map = new FrozenMap<K, V>()
    for (const [key, value] of entries) Map.prototype.set.call(map, key, value)
    return Object.freeze(map)
  }

  override set(): never {
    throw new TypeError('a map in a value is read-only: make a new Map from it and assign that')
  }
  override delete(): never {
    return this.set()
  }
  override clear(): never {
    return this.set()
  }
}

/** Integers by size, strings by code units: the same on every machine, whatever its locale. */
export const byKey = <K extends string | number>([a]: readonly [K, unknown], [b]: readonly [K, unknown]): number =>
  a < b ? -1 : a > b ? 1 : 0

// An index of a table, as handlers see it: reads only. What changes it is the table.
import { assert } from '../core/invariant.ts'
import { above, below, type IndexKey, type IndexValue, sameValues } from './index-key.ts'
import { type AnyIndexRange, type IndexPart, type IndexRange, indexSpanOf, type Leading, prefixOf, spanUnder } from './index-range.ts'
import type { Moment } from './ordered-map.ts'
import type { OrderedSet } from './ordered-set.ts'
import type { Key } from './table-range.ts'
import type { Span } from './tree-walk.ts'

/**
 * The entries of a table in the order of some fields of their values, `F`, and then of their keys. An entry in which one of the fields is absent
 * or null is not in it. Strings are in the order of their UTF-16 code units, numbers in that of their size, false is before true. Every
 * iteration shows table and index as they were when it was asked for. What is of the wrong type is refused with a TypeError.
 */
export interface TableIndex<K extends string | number, V, F extends readonly IndexValue[]> extends Iterable<readonly [K, V]> {
  /** Number of entries in it. */
  readonly size: number
  /** Whether there is an entry whose first fields have these values. */
  has(...prefix: Leading<F>): boolean
  /** How many there are. Cheaper than to iterate, and yet in proportion to what it counts. */
  count(...prefix: Leading<F>): number
  /** Those entries, all without a prefix: `leases.by.owner.entries('me')`. */
  entries(...prefix: Leading<F>): IterableIterator<readonly [K, V]>
  keys(...prefix: Leading<F>): IterableIterator<K>
  values(...prefix: Leading<F>): IterableIterator<V>
  /**
   * A part of it: `jobs.by.next.range({ prefix: ['mail', 'ready'], lte: 5, limit: 10 })`. Costs what it gives out, wherever in the index that is.
   * To go on behind an entry, `gt` has the fields that `prefix` leaves, and the key: `{ prefix: ['mail', 'ready'], gt: [5, 'job-7'] }`.
   */
  range(range: IndexRange<F, K>): IterableIterator<readonly [K, V]>
}

/** An index in which no two entries have the same values. */
export interface UniqueTableIndex<K extends string | number, V, F extends readonly IndexValue[]> extends TableIndex<K, V, F> {
  /** The entry that has these values: `accounts.by.email.get('a@example.org')?.[1]`. */
  get(...values: F): readonly [K, V] | undefined
}

/** The table that is indexed, as far as an index must know it. */
export interface Rows {
  /** As it is now, for good. Values as handlers may have them. */
  moment(): Moment<Key, unknown>
}

export interface IndexViewOptions {
  /** `state.jobs.by.next` */
  readonly name: string
  readonly unique: boolean
  /** The key of the table is the last. */
  readonly parts: readonly IndexPart[]
  readonly keys: OrderedSet<IndexKey>
  readonly rows: Rows
}

/** The index behind both interfaces. Of what handlers may get wrong, the values are checked here, the rest is up to the types above. */
export class IndexView implements Iterable<readonly [Key, unknown]> {
  readonly #name: string
  readonly #unique: boolean
  readonly #parts: readonly IndexPart[]
  /** Without the key. */
  readonly #fields: readonly IndexPart[]
  readonly #keys: OrderedSet<IndexKey>
  readonly #rows: Rows

  constructor({ name, unique, parts, keys, rows }: IndexViewOptions) {
    this.#name = name
    this.#unique = unique
    this.#parts = parts
    this.#fields = parts.slice(0, -1)
    this.#keys = keys
    this.#rows = rows
    // What handlers are given they cannot change, not even for each other.
    Object.freeze(this)
  }

  get size(): number {
    return this.#keys.size
  }

  get(...values: readonly unknown[]): readonly [Key, unknown] | undefined {
    if (!this.#unique) throw new TypeError(`${this.#name} is not unique: use entries`)
    if (values.length !== this.#fields.length) {
      const wanted = this.#fields.map(({ name }) => name).join(', ')
      throw new TypeError(`${this.#name}.get: ${values.length} values are given, ${this.#fields.length} are wanted: ${wanted}`)
    }
    const [found] = this.#entries({ ...this.#under('get', values), limit: 1 })
    return found
  }

  has(...prefix: readonly unknown[]): boolean {
    const values = this.#prefix('has', prefix)
    const first = this.#keys.after([...values, below])
    return first !== undefined && sameValues(first, values, values.length)
  }

  count(...prefix: readonly unknown[]): number {
    const values = this.#prefix('count', prefix)
    return values.length === 0 ? this.#keys.size : this.#keys.count({ low: [...values, below], high: [...values, above] })
  }

  entries(...prefix: readonly unknown[]): IterableIterator<readonly [Key, unknown]> {
    return this.#entries(this.#under('entries', prefix))
  }

  keys(...prefix: readonly unknown[]): IterableIterator<Key> {
    return this.#keys.walk(keyOf, this.#under('keys', prefix))
  }

  values(...prefix: readonly unknown[]): IterableIterator<unknown> {
    const span = this.#under('values', prefix)
    const rows = this.#rows.moment()
    return this.#keys.walk((key) => rows.get(keyOf(key)), span, rows.end)
  }

  range(range: AnyIndexRange): IterableIterator<readonly [Key, unknown]> {
    return this.#entries(indexSpanOf(range, { name: `${this.#name}.range`, parts: this.#parts }))
  }

  [Symbol.iterator](): IterableIterator<readonly [Key, unknown]> {
    return this.entries()
  }

  #entries(span: Span<IndexKey>): IterableIterator<readonly [Key, unknown]> {
    const rows = this.#rows.moment()
    const entry = (indexKey: IndexKey): readonly [Key, unknown] => {
      const key = keyOf(indexKey)
      return [key, rows.get(key)]
    }
    return this.#keys.walk(entry, span, rows.end)
  }

  #under(method: string, prefix: readonly unknown[]): Span<IndexKey> {
    return spanUnder(this.#prefix(method, prefix))
  }

  #prefix(method: string, values: readonly unknown[]): IndexKey {
    return prefixOf(values, { name: `${this.#name}.${method}`, parts: this.#fields })
  }
}

/** Of the table. */
export function keyOf(indexKey: IndexKey): Key {
  const key = indexKey.at(-1)
  assert(typeof key === 'string' || typeof key === 'number', 'an index has lost the key of an entry')
  return key
}

// All indexes of one table, in step with it. They hold keys only: a write that leaves the indexed fields alone leaves them alone, too.
import { RaftgenError } from '../errors.ts'
import { below, compareKeys, type IndexKey, type IndexValue, sameValues, valuesText, valueText } from './index-key.ts'
import type { IndexPart } from './index-range.ts'
import { OrderedSet } from './ordered-set.ts'
import { IndexView, keyOf, type Rows } from './table-index.ts'
import type { Key } from './table-range.ts'

export interface IndexSpec {
  readonly name: string
  readonly unique: boolean
  /** In their order, at least one. */
  readonly fields: readonly IndexPart[]
  /** What these fields hold in `value`, and then `key`. */
  entry(key: Key, value: unknown): readonly (IndexValue | null | undefined)[]
}

interface Index {
  readonly spec: IndexSpec
  /** How many values of a key are of fields. */
  readonly count: number
  /** Invariant: those of exactly the entries in the table whose indexed fields are there. */
  readonly keys: OrderedSet<IndexKey>
}

/** Entries that will take the place of others. */
interface IndexesLoader {
  /**
   * Changes nothing that is in the indexes. Throws MACHINE_MISMATCH when two would have the same place in a unique index: they were written when there
   * was no such index.
   */
  add(key: Key, value: unknown): void
  /** Puts them there. Once. */
  install(): void
}

interface TableIndexesOptions {
  /** `state.leases` */
  readonly table: string
  readonly key: 'string' | 'number'
  readonly specs: readonly IndexSpec[]
  readonly rows: Rows
}

export class TableIndexes {
  /** What handlers get, by name. */
  readonly by: Readonly<Record<string, IndexView>>
  readonly #table: string
  readonly #indexes: readonly Index[]
  readonly #unique: readonly Index[]

  constructor({ table, key, specs, rows }: TableIndexesOptions) {
    this.#table = table
    this.#indexes = specs.map((spec) => ({ spec, count: spec.fields.length, keys: new OrderedSet(compareKeys) }))
    this.#unique = this.#indexes.filter(({ spec }) => spec.unique)
    const views = this.#indexes.map(({ spec: { name, unique, fields }, keys }) => {
      const parts = [...fields, { name: 'key', type: key }]
      return [name, new IndexView({ name: `${table}.by.${name}`, unique, parts, keys, rows })] as const
    })
    this.by = Object.freeze(Object.fromEntries(views))
  }

  /** Whether there is something to `check`. */
  get hasUnique(): boolean {
    return this.#unique.length > 0
  }

  /** Throws when `value`, in the place of `before`, would be the second of its kind in a unique index. Changes nothing. */
  check(key: Key, before: unknown, value: unknown): void {
    for (const index of this.#unique) {
      const fresh = entryOf(index, key, value)
      if (fresh === undefined) continue
      const old = entryOf(index, key, before)
      if (old !== undefined && sameValues(old, fresh, index.count)) continue
      const holder = holderOf(index.keys, fresh, index.count)
      if (holder !== undefined) throw new Error(this.#same(index, fresh, holder, 'would have'))
    }
  }

  /** `value` stands under `key` in the place of `before`; `undefined`: nothing. */
  replace(key: Key, before: unknown, value: unknown): void {
    for (const index of this.#indexes) {
      const old = entryOf(index, key, before)
      const fresh = entryOf(index, key, value)
      if (old === undefined && fresh === undefined) continue
      if (old !== undefined && fresh !== undefined && sameValues(old, fresh, index.count)) continue
      if (old !== undefined) index.keys.remove(old)
      if (fresh !== undefined) index.keys.add(fresh)
    }
  }

  /** For a table that is to hold other entries. Each costs a search of the index, so that nothing is left for the end. */
  loader(): IndexesLoader {
    const loads = this.#indexes.map((index) => ({ index, keys: new OrderedSet(compareKeys) }))
    return {
      add: (key, value) => {
        for (const { index, keys } of loads) {
          const entry = entryOf(index, key, value)
          if (entry === undefined) continue
          if (index.spec.unique) this.#checkOther(index, entry, keys)
          keys.add(entry)
        }
      },
      install: () => {
        for (const { index, keys } of loads) index.keys.become(keys)
      },
    }
  }

  #checkOther(index: Index, entry: IndexKey, keys: OrderedSet<IndexKey>): void {
    const holder = holderOf(keys, entry, index.count)
    if (holder === undefined) return
    const why = 'the state was written by a machine without this index'
    throw new RaftgenError('MACHINE_MISMATCH', `${this.#same(index, entry, holder, 'has')}: ${why}`)
  }

  #same({ spec, count }: Index, entry: IndexKey, holder: IndexKey, has: string): string {
    const row = (key: IndexKey): string => `${this.#table}[${valueText(keyOf(key))}]`
    const fields = spec.fields.map(({ name }) => name).join(', ')
    return `${row(entry)} ${has} the same ${fields} as ${row(holder)}, ${valuesText(entry.slice(0, count))}, and by.${spec.name} is unique`
  }
}

/** What has the same values as `entry`, the first `count`. */
function holderOf(keys: OrderedSet<IndexKey>, entry: IndexKey, count: number): IndexKey | undefined {
  const first = keys.after([...entry.slice(0, count), below])
  return first !== undefined && sameValues(first, entry, count) ? first : undefined
}

/** What stands for an entry in an index; nothing for none, or where a field is absent. */
function entryOf({ spec }: Index, key: Key, value: unknown): IndexKey | undefined {
  if (value === undefined) return undefined
  const entry = spec.entry(key, value)
  return isWhole(entry) ? entry : undefined
}

function isWhole(entry: readonly (IndexValue | null | undefined)[]): entry is IndexKey {
  for (const value of entry) {
    if (value === undefined || value === null) return false
  }
  return true
}

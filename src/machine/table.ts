import { broken } from '../core/invariant.ts'
import { type Check, holdsBytes } from './codec.ts'
import type { Digest, FieldDigest } from './field-digest.ts'
import { hasMap, hold, holdAsTheyCome, isHeldWhole, peek, release } from './held-bytes.ts'
import { type Frozen, type Moment, OrderedMap, type View } from './ordered-map.ts'
import { checkInPlace } from './own-bytes.ts'
import type { Rows } from './table-index.ts'
import { type IndexSpec, TableIndexes } from './table-indexes.ts'
import { type Key, type TableRange, spanOf } from './table-range.ts'
import type { Participant, Transaction } from './transaction.ts'
import type { Compare } from './tree-walk.ts'

/**
 * A record of the state, as queries see it. Safe for any key, `__proto__` too. Every iteration goes in key order (strings by UTF-16 code
 * unit, integers numerically) over the table as it was when the iteration was asked for; changes made meanwhile are not seen.
 */
export interface ReadonlyTable<K extends string | number, V> extends Iterable<readonly [K, V]> {
  /** Number of entries. */
  readonly size: number
  /** The value under `key`, deeply frozen, or `undefined`. Bytes in it are a copy. */
  get(key: K): V | undefined
  has(key: K): boolean
  entries(): IterableIterator<readonly [K, V]>
  /**
   * The entries between two keys, in key order: `leases.range({ gte: 'a', lt: 'b', limit: 10 })`. Costs what it gives out, wherever in the table that is.
   * Throws a TypeError when both of two bounds of one end are given, or one of another type than the keys.
   */
  range(range: TableRange<K>): IterableIterator<readonly [K, V]>
  keys(): IterableIterator<K>
  values(): IterableIterator<V>
  forEach(callback: (value: V, key: K) => void): void
}

/** A record of the state, as commands see it. */
export interface Table<K extends string | number, V> extends ReadonlyTable<K, V> {
  /**
   * Stores a canonical copy of `value` (-0 becomes 0). Throws when key or value do not fit the schema; nothing has changed then, and a
   * handler that does not catch it fails as a whole.
   */
  set(key: K, value: V): void
  /** True when there was such a key. */
  delete(key: K): boolean
}

export interface TableOptions {
  /** For messages: `state.leases`. */
  readonly name: string
  readonly key: 'string' | 'integer'
  readonly keys: Check
  readonly values: Check
  readonly transaction: Transaction
  /** Default: none. */
  readonly indexes?: readonly IndexSpec[] | undefined
  /** Kept up with what is committed. Default: none. */
  readonly digest?: FieldDigest | undefined
  /** What is set is checked and not kept. */
  readonly absent?: boolean
}

/** Entries that will take the place of those of a table. */
export interface TableLoader {
  /** Keys must ascend; both must be what `check` returns. Nothing has changed yet. Throws MACHINE_MISMATCH when a unique index does not allow it. */
  add(key: Key, value: unknown): void
  /** Puts them there, outside of transactions. Once. `sum`: that of the records, where the table has a digest. */
  install(sum?: Digest): void
}

const none: TableIndexes['by'] = Object.freeze({})

/** Journals longer than this are not kept for the next transaction: one that deletes a million entries is rare. */
const journalKeptMax = 1_024

/** The table behind both interfaces. Which keys and values it takes is up to the codecs: handlers see it through the types above. */
export class StateTable implements Table<Key, unknown>, Rows, Participant {
  readonly #name: string
  readonly #keyPath: string
  readonly #keyType: 'string' | 'number'
  readonly #keys: Check
  readonly #values: Check
  readonly #transaction: Transaction
  readonly #map: OrderedMap<Key, unknown>
  /** Invariant: in step with the map whenever a write is not under way. */
  readonly #indexes: TableIndexes | undefined
  readonly #digest: FieldDigest | undefined
  readonly #absent: boolean
  /** Whether a value with bytes was ever stored: from then on what is given out is a copy. */
  #copies = false
  /** Whether one of them had a record inside: such a value is stored as it is. */
  #hasMaps = false
  /** What stood under a key before a write of this transaction, and after it; `undefined`: nothing. Parallel, used up to `#journaled`. */
  readonly #journalKeys: (Key | undefined)[] = []
  readonly #journalValues: unknown[] = []
  readonly #journalAfter: unknown[] = []
  #journaled = 0
  /** Set while map and journal do not agree: a stack overflow in between, caught by the handler, would leave it set. */
  #torn = false

  constructor({ name, key, keys, values, transaction, indexes = [], digest, absent = false }: TableOptions) {
    this.#name = name
    this.#keyPath = `a key of ${name}`
    this.#keyType = key === 'string' ? 'string' : 'number'
    this.#keys = keys
    this.#values = values
    this.#transaction = transaction
    this.#digest = digest
    this.#absent = absent
    this.#map = new OrderedMap<Key, unknown>(key === 'string' ? compareStrings : compareIntegers)
    if (indexes.length > 0) this.#indexes = new TableIndexes({ table: name, key: this.#keyType, specs: indexes, rows: this })
  }

  /** Its indexes by name, as the schema declares them. */
  get by(): TableIndexes['by'] {
    return this.#indexes?.by ?? none
  }

  get size(): number {
    return this.#map.size
  }

  get(key: Key): unknown {
    if (typeof key !== this.#keyType) throw this.#wrongKey('get', key)
    const value = this.#map.get(key)
    return this.#copies && value !== undefined ? this.#out(value) : value
  }

  has(key: Key): boolean {
    if (typeof key !== this.#keyType) throw this.#wrongKey('has', key)
    return this.#map.has(key)
  }

  set(key: Key, value: unknown): void {
    if (!this.#transaction.writable) throw this.#transaction.refusal(`${this.#name}.set`)
    if (typeof key !== this.#keyType) throw this.#wrongKey('set', key)
    const canonicalKey = this.#checkKey(key)
    const canonical = this.#checkValue(canonicalKey, value)
    if (this.#absent) return
    if (this.#indexes?.hasUnique === true) this.#indexes.check(canonicalKey, this.#map.get(canonicalKey), canonical)
    const stored = this.#in(canonical, hold)
    this.#beginWrite()
    const before = this.#map.put(canonicalKey, stored)
    this.#indexes?.replace(canonicalKey, before, stored)
    this.#endWrite(canonicalKey, before, stored)
  }

  delete(key: Key): boolean {
    if (!this.#transaction.writable) throw this.#transaction.refusal(`${this.#name}.delete`)
    if (typeof key !== this.#keyType) throw this.#wrongKey('delete', key)
    if (!this.#map.has(key)) return false
    this.#beginWrite()
    const before = this.#map.remove(key)
    this.#indexes?.replace(key, before, undefined)
    this.#endWrite(key, before, undefined)
    return true
  }

  entries(): IterableIterator<readonly [Key, unknown]> {
    return this.#map.walk((key, value) => [key, this.#copies ? this.#out(value) : value] as const)
  }

  range(range: TableRange<Key>): IterableIterator<readonly [Key, unknown]> {
    const span = spanOf(range, { name: this.#name, keyType: this.#keyType })
    return this.#map.walk((key, value) => [key, this.#copies ? this.#out(value) : value] as const, span)
  }

  keys(): IterableIterator<Key> {
    return this.#map.walk((key) => key)
  }

  values(): IterableIterator<unknown> {
    return this.#map.walk((_, value) => (this.#copies ? this.#out(value) : value))
  }

  forEach(callback: (value: unknown, key: Key) => void): void {
    for (const [key, value] of this.entries()) callback(value, key)
  }

  [Symbol.iterator](): IterableIterator<readonly [Key, unknown]> {
    return this.entries()
  }

  /** The table as it is now, for good, in O(1). Values may be those of the state itself: only for who does not change them. */
  view(): View<Key, unknown> {
    const view = this.#map.view()
    return this.#copies ? { size: view.size, entries: () => peeked(view.entries()) } : view
  }

  /** The same, to be read once; cheaper for those who write meanwhile. */
  freeze(): Frozen<Key, unknown> {
    const frozen = this.#map.freeze()
    return this.#copies ? { size: frozen.size, entries: () => peeked(frozen.entries()), end: () => frozen.end() } : frozen
  }

  /** The same for reads by key; values are those that handlers may have. */
  moment(): Moment<Key, unknown> {
    const { get, end } = this.#map.moment()
    if (!this.#copies) return { get, end }
    return { get: (key) => this.#out(get(key)), end }
  }

  /** What will replace everything, entry by entry. Changes nothing before it is installed. */
  loader(): TableLoader {
    const entries = this.#map.loader()
    const indexes = this.#indexes?.loader()
    return {
      add: (key, value) => {
        entries.add(key, this.#in(value, holdAsTheyCome))
        indexes?.add(key, value)
      },
      install: (sum) => {
        if (this.#transaction.writable) broken(`${this.#name} is replaced within a transaction`)
        entries.install()
        indexes?.install()
        if (sum !== undefined) this.#digest?.load(sum)
      },
    }
  }

  commit(): void {
    if (this.#torn) broken(`a write to ${this.#name} was interrupted`)
    if (this.#digest !== undefined) this.#addUp(this.#digest)
    this.#forgetJournal()
  }

  rollback(): void {
    if (this.#torn) broken(`a write to ${this.#name} was interrupted`)
    for (let i = this.#journaled - 1; i >= 0; i--) {
      const key = this.#journalKeys[i]
      if (key === undefined) broken(`the journal of ${this.#name} has a gap`)
      const before = this.#journalValues[i]
      const undone = before === undefined ? this.#map.remove(key) : this.#map.put(key, before)
      this.#indexes?.replace(key, undone, before)
    }
    this.#forgetJournal()
  }

  #beginWrite(): void {
    if (this.#torn) broken(`a write to ${this.#name} was interrupted`)
    if (this.#journaled === 0) this.#transaction.join(this)
    this.#torn = true
  }

  /** Of a key that was written twice the first change ends where the second begins. */
  #addUp(digest: FieldDigest): void {
    for (let i = 0; i < this.#journaled; i++) {
      const key = this.#journalKeys[i] ?? ''
      if (this.#copies) digest.replaceHeld(key, this.#journalValues[i], this.#journalAfter[i])
      else digest.replace(key, this.#journalValues[i], this.#journalAfter[i])
    }
  }

  #forgetJournal(): void {
    const lists: unknown[][] = [this.#journalKeys, this.#journalValues, this.#journalAfter]
    for (const list of lists) {
      if (list.length > journalKeptMax) list.length = 0
      else for (let i = 0; i < this.#journaled; i++) list[i] = undefined
    }
    this.#journaled = 0
  }

  #endWrite(key: Key, before: unknown, after: unknown): void {
    const at = this.#journaled
    this.#journalKeys[at] = key
    this.#journalValues[at] = before
    this.#journalAfter[at] = after
    this.#journaled = at + 1
    this.#torn = false
  }

  #checkKey(key: Key): Key {
    const canonical = this.#keys.check(key, this.#keyPath)
    if (typeof canonical !== 'string' && typeof canonical !== 'number') broken(`a key of ${this.#name} became something else`)
    return canonical
  }

  #checkValue(key: Key, value: unknown): unknown {
    try {
      return isHeldWhole(value) ? checkInPlace(this.#values, value, this.#name) : this.#values.check(value, this.#name)
    } catch {
      // The path with the key in it costs more than the check, so it is made for those who fail only.
      return this.#values.check(value, `${this.#name}[${JSON.stringify(key)}]`)
    }
  }

  /** As it is stored, of a value that `check` returned. */
  #in(value: unknown, holding: (value: unknown) => unknown): unknown {
    if (!holdsBytes(value)) return value
    this.#copies = true
    if (!hasMap(value)) return holding(value)
    this.#hasMaps = true
    return value
  }

  /** The same value, shared with nobody. `check` is idempotent, and copies bytes. */
  #out(value: unknown): unknown {
    return this.#hasMaps && hasMap(value) ? this.#values.check(value, this.#name) : release(value)
  }

  #wrongKey(method: string, key: unknown): Error {
    return new TypeError(`${this.#name}.${method}: a key is a ${this.#keyType}, not ${typeof key} ${String(key)}`)
  }
}

/** Within one table all keys are of one type. Two functions, so that the engine sees one type in each. Strings: no locale takes part. */
const compareStrings: Compare<Key> = (a, b) => (a === b ? 0 : a < b ? -1 : 1)
const compareIntegers: Compare<Key> = (a, b) => (a === b ? 0 : a < b ? -1 : 1)

function* peeked(entries: Iterable<readonly [Key, unknown]>): Generator<readonly [Key, unknown]> {
  for (const [key, value] of entries) yield [key, peek(value)]
}

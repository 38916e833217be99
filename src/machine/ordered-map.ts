// A map in key order with views that never change. Point reads go through a hash table (a tree of a million strings needs twenty cache
// misses for one), order comes from a persistent B+ tree; both hold the same slots. Knows nothing of schemas and transactions.
import { bulkLoad } from 'sorted-btree/extended/bulkLoad.js'
import { type Compare, everything, nodeEntriesMax, type Span, stepsOf, type Tree, Walk } from './tree-walk.ts'

/** Where a value stands. Invariant: a slot older than the map's last view is never written again. */
class Slot<V> {
  value: V
  readonly age: number

  constructor(value: V, age: number) {
    this.value = value
    this.age = age
  }
}

const noEnd = (): void => {}

/** What a map held at one moment. */
export interface View<K, V> {
  readonly size: number
  /** In key order. */
  entries(): IterableIterator<readonly [K, V]>
}

/** Point reads of a map as it was at one moment, until `end`. */
export interface Moment<K, V> {
  get(key: K): V | undefined
  end(): void
}

/** Values are never `undefined`: that means "no such key". */
export class OrderedMap<K, V> {
  readonly #compare: Compare<K>
  /** Invariant: both hold the same keys, and the same slot for each. */
  #slots = new Map<K, Slot<V>>()
  #tree: Tree<K, Slot<V>>
  /** Grows with each view. */
  #age = 0
  /** Iterators that began since the last view and have not ended: they walk the nodes of the tree as it is. */
  #walkers = 0
  /** Of the point reads among them: where to find what they are to see, once that is no longer what is there. */
  #past: { tree: Tree<K, Slot<V>> | undefined } | undefined

  constructor(compare: Compare<K>) {
    this.#compare = compare
    this.#tree = bulkLoad<K, Slot<V>>([], [], nodeEntriesMax, compare)
  }

  get size(): number {
    return this.#slots.size
  }

  get(key: K): V | undefined {
    return this.#slots.get(key)?.value
  }

  has(key: K): boolean {
    return this.#slots.has(key)
  }

  /** Returns what was there before. */
  put(key: K, value: V): V | undefined {
    if (this.#walkers > 0) this.#protect()
    const slot = this.#slots.get(key)
    if (slot !== undefined && slot.age === this.#age) {
      const before = slot.value
      slot.value = value
      return before
    }
    const fresh = new Slot(value, this.#age)
    this.#slots.set(key, fresh)
    this.#tree.set(key, fresh)
    return slot?.value
  }

  /** Returns what was there before. */
  remove(key: K): V | undefined {
    const slot = this.#slots.get(key)
    if (slot === undefined) return undefined
    if (this.#walkers > 0) this.#protect()
    this.#slots.delete(key)
    this.#tree.delete(key)
    return slot.value
  }

  /**
   * What `pick` makes of each entry of `span` (default: all), in key order, of the map as it is now: later changes are not seen. Costs nothing when
   * nothing is changed before the iterator ends; else the same as a view.
   */
  walk<T>(pick: (key: K, value: V) => T, span: Span<K> = everything): IterableIterator<T> {
    const end = this.#beginWalk()
    return new Walk(stepsOf(this.#tree, span, this.#compare), span.limit, (key, slot) => pick(key, slot.value), end)
  }

  /** The same for reads: they cost what `get` costs until something is written, and a search of the tree from then on. */
  moment(): Moment<K, V> {
    const end = this.#beginWalk()
    this.#past ??= { tree: undefined }
    const past = this.#past
    return { get: (key) => (past.tree === undefined ? this.#slots.get(key) : past.tree.get(key))?.value, end }
  }

  /** The map as it is now, for good. O(1); afterwards the first write to each part of the tree copies that part. */
  view(): View<K, V> {
    const tree = this.#protect()
    return {
      size: tree.size,
      entries: () => new Walk(tree.entries(undefined, []), Number.POSITIVE_INFINITY, (key, slot) => [key, slot.value] as const, noEnd),
    }
  }

  /** Replaces everything. Throws, and changes nothing, unless `keys` ascend. */
  load(keys: K[], values: readonly V[]): void {
    const slots = values.map((value) => new Slot(value, this.#age))
    const tree = bulkLoad(keys, slots, nodeEntriesMax, this.#compare)
    // Those who still walk the tree that is replaced need no protection: nobody writes to it again.
    this.#part(this.#tree)
    this.#tree = tree
    this.#slots = new Map()
    for (const [i, key] of keys.entries()) {
      const slot = slots[i]
      if (slot !== undefined) this.#slots.set(key, slot)
    }
  }

  /** Returns what ends it. */
  #beginWalk(): () => void {
    const age = this.#age
    this.#walkers++
    return () => {
      if (this.#age === age) this.#walkers--
    }
  }

  /** Marks all nodes shared, so that the next write copies those on its path and the walkers keep theirs. Returns the tree as it is, for good. */
  #protect(): Tree<K, Slot<V>> {
    const tree: Tree<K, Slot<V>> = this.#tree.clone()
    this.#part(tree)
    return tree
  }

  /** From now on the walkers see `past`, whatever happens here. */
  #part(past: Tree<K, Slot<V>>): void {
    this.#age++
    this.#walkers = 0
    if (this.#past === undefined) return
    this.#past.tree = past
    this.#past = undefined
  }
}

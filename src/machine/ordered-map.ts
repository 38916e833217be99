// A map in key order with views that never change. Point reads go through a hash table (a tree of a million strings needs twenty cache
// misses for one), order comes from a persistent B+ tree; both hold the same slots. Knows nothing of schemas and transactions.
import { bulkLoad } from 'sorted-btree/extended/bulkLoad.js'

/** Negative, zero or positive, as in `Array.prototype.sort`. */
export type Compare<K> = (a: K, b: K) => number

/** Children of a node of the tree. 32 and 64 measure the same within noise; smaller nodes are cheaper to copy under a view. */
const nodeEntriesMax = 32

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

type Tree<K, V> = ReturnType<typeof bulkLoad<K, Slot<V>>>

/** Where a range begins or ends. */
export interface Bound<K> {
  readonly key: K
  /** Without the key itself. */
  readonly isOpen: boolean
}
/** A part of a map. */
export interface Span<K> {
  readonly low: Bound<K> | undefined
  readonly high: Bound<K> | undefined
  /** From its high end down. */
  readonly isReversed: boolean
  /** So many entries at most. */
  readonly limit: number
}
const everything = { low: undefined, high: undefined, isReversed: false, limit: Number.POSITIVE_INFINITY } as const

/** What a map held at one moment. */
export interface View<K, V> {
  readonly size: number
  /** In key order. */
  entries(): IterableIterator<readonly [K, V]>
}

/** Values are never `undefined`: that means "no such key". */
export class OrderedMap<K, V> {
  readonly #compare: Compare<K>
  /** Invariant: both hold the same keys, and the same slot for each. */
  #slots = new Map<K, Slot<V>>()
  #tree: Tree<K, V>
  /** Grows with each view. */
  #age = 0
  /** Iterators that began since the last view and have not ended: they walk the nodes of the tree as it is. */
  #walkers = 0

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
    const age = this.#age
    this.#walkers++
    return new Walk(stepsOf(this.#tree, span, this.#compare), span.limit, pick, () => {
      if (this.#age === age) this.#walkers--
    })
  }

  /** The map as it is now, for good. O(1); afterwards the first write to each part of the tree copies that part. */
  view(): View<K, V> {
    this.#age++
    this.#walkers = 0
    const tree: Tree<K, V> = this.#tree.clone()
    return {
      size: tree.size,
      entries: () => new Walk(tree.entries(undefined, []), Number.POSITIVE_INFINITY, (key, value) => [key, value] as const, noEnd),
    }
  }

  /** Replaces everything. Throws, and changes nothing, unless `keys` ascend. */
  load(keys: K[], values: readonly V[]): void {
    const slots = values.map((value) => new Slot(value, this.#age))
    this.#tree = bulkLoad(keys, slots, nodeEntriesMax, this.#compare)
    this.#slots = new Map()
    for (const [i, key] of keys.entries()) {
      const slot = slots[i]
      if (slot !== undefined) this.#slots.set(key, slot)
    }
    // Those who still walk the tree that was replaced need no protection: nobody writes to it again.
    this.#age++
    this.#walkers = 0
  }

  /** Marks all nodes shared, so that the next write copies those on its path and the walkers keep theirs. */
  #protect(): void {
    this.#age++
    this.#walkers = 0
    this.#tree.clone()
  }
}

/** The entries of `span`. The array of a step is reused for the next: one allocation less for each. */
function stepsOf<K, V>(tree: Tree<K, V>, { low, high, isReversed }: Span<K>, compare: Compare<K>): Iterator<[K, Slot<V>], unknown> {
  const [first, last] = isReversed ? [high, low] : [low, high]
  const all = isReversed ? tree.entriesReversed(first?.key, []) : tree.entries(first?.key, [])
  if (first?.isOpen !== true && last === undefined) return all
  const sign = isReversed ? -1 : 1
  const isBefore = (key: K): boolean => first?.isOpen === true && compare(key, first.key) === 0
  const isBehind = (key: K): boolean => {
    if (last === undefined) return false
    const order = sign * compare(key, last.key)
    return order > 0 || (order === 0 && last.isOpen)
  }
  const next = (): IteratorResult<[K, Slot<V>], unknown> => {
    const step = all.next()
    if (step.done === true) return step
    if (isBefore(step.value[0])) return next()
    return isBehind(step.value[0]) ? { done: true, value: undefined } : step
  }
  return { next }
}

class Walk<K, V, T> implements IterableIterator<T> {
  readonly #steps: Iterator<[K, Slot<V>], unknown>
  readonly #pick: (key: K, value: V) => T
  /** Entries that may still come. */
  #left: number
  #onEnd: (() => void) | undefined

  constructor(steps: Iterator<[K, Slot<V>], unknown>, limit: number, pick: (key: K, value: V) => T, onEnd: () => void) {
    this.#steps = steps
    this.#left = limit
    this.#pick = pick
    this.#onEnd = onEnd
  }

  next(): IteratorResult<T> {
    if (this.#onEnd === undefined) return { done: true, value: undefined }
    if (this.#left === 0) return this.return()
    const step = this.#steps.next()
    if (step.done === true) return this.return()
    this.#left -= 1
    return { done: false, value: this.#pick(step.value[0], step.value[1].value) }
  }

  return(): IteratorResult<T> {
    this.#onEnd?.()
    this.#onEnd = undefined
    return { done: true, value: undefined }
  }

  [Symbol.iterator](): this {
    return this
  }
}

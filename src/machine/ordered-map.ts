// A map in key order with views that never change. Point reads go through a hash table (a tree of a million strings needs twenty cache
// misses for one), order comes from a persistent B+ tree; both hold the same slots. Knows nothing of schemas and transactions.
import { bulkLoad } from 'sorted-btree/extended/bulkLoad.js'
import { type Compare, everything, nodeEntriesMax, type Span, stepsOf, type Tree, Walk } from './tree-walk.ts'

/** Where a value stands. Invariant: a slot older than the map's last view is never written again; what a frozen map is to show, it has set aside before. */
class Slot<V> {
  value: V
  readonly age: number
  /** What it held when maps were frozen that have not read it since. Here, and not in a table of theirs: that would grow, and shrink, in long steps. */
  kept: Note<V> | undefined = undefined

  constructor(value: V, age: number) {
    this.value = value
    this.age = age
  }
}

interface Note<V> {
  readonly of: { readonly hasEnded: boolean }
  readonly value: V
  readonly next: Note<V> | undefined
}

const noEnd = (): void => {}

/** What a map held at one moment. */
export interface View<K, V> {
  readonly size: number
  /** In key order. */
  entries(): IterableIterator<readonly [K, V]>
}

/** What a map held at one moment, to be read once. */
export interface Frozen<K, V> {
  readonly size: number
  /** In key order; once. */
  entries(): IterableIterator<readonly [K, V]>
  /** It is not needed any more: at the end of its entries by itself. Until then what is overwritten is kept for it. */
  end(): void
}

/** Point reads of a map as it was at one moment, until `end`. */
export interface Moment<K, V> {
  get(key: K): V | undefined
  end(): void
}

/** Entries that will take the place of others. */
export interface Loader<K, V> {
  /** Keys must ascend. */
  add(key: K, value: V): void
  /** Puts them there. Throws, and changes nothing, unless the keys ascend. Once. */
  install(): void
}

/** The hash table grows with each entry; what is left for the end is to build the tree, a tenth of the work. */
class MapLoader<K, V> implements Loader<K, V> {
  readonly #compare: Compare<K>
  readonly #age: number
  readonly #replace: (built: { readonly tree: Tree<K, Slot<V>>; readonly slots: Map<K, Slot<V>> }) => void
  readonly #map = new Map<K, Slot<V>>()
  readonly #keys: K[] = []
  readonly #slots: Slot<V>[] = []

  constructor(
    compare: Compare<K>,
    age: number,
    replace: (built: { readonly tree: Tree<K, Slot<V>>; readonly slots: Map<K, Slot<V>> }) => void,
  ) {
    this.#compare = compare
    this.#age = age
    this.#replace = (built) => replace(built)
  }

  add(key: K, value: V): void {
    const slot = new Slot(value, this.#age)
    this.#map.set(key, slot)
    this.#keys.push(key)
    this.#slots.push(slot)
  }

  install(): void {
    this.#replace({ tree: bulkLoad(this.#keys, this.#slots, nodeEntriesMax, this.#compare), slots: this.#map })
  }
}

class FrozenMap<K, V> implements Frozen<K, V> {
  readonly size: number
  readonly #tree: Tree<K, Slot<V>>
  readonly #age: number
  readonly #compare: Compare<K>
  readonly #ended: () => void
  /** Read so far, this one included. */
  #readTo: { readonly key: K } | undefined
  #hasEnded = false

  constructor(tree: Tree<K, Slot<V>>, { age, compare, ended }: { readonly age: number; readonly compare: Compare<K>; ended(): void }) {
    this.size = tree.size
    this.#tree = tree
    this.#age = age
    this.#compare = compare
    this.#ended = () => ended()
  }

  /** What was noted for it is of no use any more. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  entries(): IterableIterator<readonly [K, V]> {
    return new Walk(
      this.#tree.entries(undefined, []),
      Number.POSITIVE_INFINITY,
      (key, slot) => [key, this.#take(key, slot)] as const,
      () => this.end(),
    )
  }

  /** Notes that were not read yet go when their slot is next written beside a frozen map, or read by one. */
  end(): void {
    this.#hasEnded = true
    this.#ended()
  }

  /** The slot of `key` is about to be written. */
  keep(key: K, slot: Slot<V>): void {
    // It was not there then; or has been read.
    if (slot.age >= this.#age || (this.#readTo !== undefined && this.#compare(key, this.#readTo.key) <= 0)) return
    if (noteOf(this, slot.kept) === undefined) slot.kept = { of: this, value: slot.value, next: without(this, slot.kept) }
  }

  #take(key: K, slot: Slot<V>): V {
    this.#readTo = { key }
    if (slot.kept === undefined) return slot.value
    const note = noteOf(this, slot.kept)
    slot.kept = without(this, slot.kept)
    return note === undefined ? slot.value : note.value
  }
}

function noteOf<V>(frozen: object, notes: Note<V> | undefined): Note<V> | undefined {
  let note = notes
  while (note !== undefined && note.of !== frozen) note = note.next
  return note
}

/** All but those of `frozen`, and of those that have ended. */
function without<V>(frozen: object, notes: Note<V> | undefined): Note<V> | undefined {
  if (notes === undefined) return undefined
  const next = without(frozen, notes.next)
  if (notes.of === frozen || notes.of.hasEnded) return next
  return next === notes.next ? notes : { ...notes, next }
}

/** Values are never `undefined`: that means "no such key". */
export class OrderedMap<K, V> {
  readonly #compare: Compare<K>
  /** Invariant: both hold the same keys, and the same slot for each. */
  #slots = new Map<K, Slot<V>>()
  #tree: Tree<K, Slot<V>>
  /** Grows with each view, and each time it is frozen. */
  #age = 0
  /** Older slots are those of a view. */
  #writableFrom = 0
  readonly #frozen = new Set<FrozenMap<K, V>>()
  /** Iterators that began since the last view and have not ended: they walk the nodes of the tree as it is. */
  #walkers = 0
  /** Grows whenever they need no more protection. */
  #epoch = 0
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
    if (slot !== undefined && slot.age >= this.#writableFrom) {
      const before = slot.value
      if (this.#frozen.size > 0) for (const frozen of this.#frozen) frozen.keep(key, slot)
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

  /**
   * The map as it is now, to be read once. O(1); afterwards an entry that is overwritten before it was read costs a note of what it was, and only new and
   * removed ones copy a part of the tree: where most writes replace, that is several times cheaper than a view.
   */
  freeze(): Frozen<K, V> {
    this.#age++
    const tree: Tree<K, Slot<V>> = this.#tree.clone()
    const frozen = new FrozenMap(tree, { age: this.#age, compare: this.#compare, ended: () => this.#frozen.delete(frozen) })
    this.#frozen.add(frozen)
    return frozen
  }

  /** What will replace everything, entry by entry. */
  loader(): Loader<K, V> {
    const age = this.#age
    return new MapLoader(this.#compare, age, ({ tree, slots }) => {
      // Those who still walk the tree that is replaced, or have frozen it, need no protection: nobody writes to it again.
      this.#part(this.#tree)
      this.#frozen.clear()
      this.#tree = tree
      this.#slots = slots
      this.#writableFrom = age
    })
  }

  /** Returns what ends it. */
  #beginWalk(): () => void {
    const epoch = this.#epoch
    this.#walkers++
    return () => {
      if (this.#epoch === epoch) this.#walkers--
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
    this.#writableFrom = this.#age
    this.#walkers = 0
    this.#epoch++
    if (this.#past === undefined) return
    this.#past.tree = past
    this.#past = undefined
  }
}

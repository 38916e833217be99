// A set in order, of things that are the same when they compare as equal. Walks show it as it was when they began, as those of `OrderedMap` do.
import { bulkLoad } from 'sorted-btree/extended/bulkLoad.js'
import { type Compare, everything, nodeEntriesMax, type Span, stepsOf, type Tree, Walk } from './tree-walk.ts'

export class OrderedSet<K> {
  readonly #compare: Compare<K>
  #tree: Tree<K, undefined>
  /** Grows whenever the nodes that walkers are on become shared. */
  #age = 0
  /** Iterators that began since then and have not ended. */
  #walkers = 0

  constructor(compare: Compare<K>) {
    this.#compare = compare
    this.#tree = bulkLoad<K, undefined>([], [], nodeEntriesMax, compare)
  }

  get size(): number {
    return this.#tree.size
  }

  add(key: K): void {
    if (this.#walkers > 0) this.#protect()
    this.#tree.set(key, undefined)
  }

  remove(key: K): void {
    if (this.#walkers > 0) this.#protect()
    this.#tree.delete(key)
  }

  /** The first behind `key`. */
  after(key: K): K | undefined {
    return this.#tree.nextHigherKey(key)
  }

  /** How many stand from `low` to `high`. Costs a visit to each node of the tree in between. */
  count({ low, high }: { readonly low: K; readonly high: K }): number {
    return this.#tree.forRange(low, high, true)
  }

  /** What `pick` makes of each in `span`, in order, as it is now. `onEnd` is called once, when the walk ends or is given up. */
  walk<T>(pick: (key: K) => T, span: Span<K> = everything, onEnd: () => void = () => {}): IterableIterator<T> {
    const age = this.#age
    this.#walkers++
    return new Walk(stepsOf(this.#tree, span, this.#compare), span.limit, pick, () => {
      if (this.#age === age) this.#walkers--
      onEnd()
    })
  }

  /** Replaces everything by what is in `other`, which is not used any more. */
  become(other: OrderedSet<K>): void {
    this.#tree = other.#tree
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

// Walking a part of a persistent B+ tree, from either end.
import type { bulkLoad } from 'sorted-btree/extended/bulkLoad.js'

/** Negative, zero or positive, as in `Array.prototype.sort`. */
export type Compare<K> = (a: K, b: K) => number

/** Children of a node of a tree. 32 and 64 measure the same within noise; smaller nodes are cheaper to copy under a view. */
export const nodeEntriesMax = 32

export type Tree<K, V> = ReturnType<typeof bulkLoad<K, V>>

/** Where a range begins or ends. */
export interface Bound<K> {
  readonly key: K
  /** Without the key itself. */
  readonly isOpen: boolean
}

/** A part of a tree. */
export interface Span<K> {
  readonly low: Bound<K> | undefined
  readonly high: Bound<K> | undefined
  /** From its high end down. */
  readonly isReversed: boolean
  /** So many entries at most. */
  readonly limit: number
}
export const everything = { low: undefined, high: undefined, isReversed: false, limit: Number.POSITIVE_INFINITY } as const

/** The entries of `span`. The array of a step is reused for the next: one allocation less for each. */
export function stepsOf<K, V>(tree: Tree<K, V>, { low, high, isReversed }: Span<K>, compare: Compare<K>): Iterator<[K, V], unknown> {
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
  const next = (): IteratorResult<[K, V], unknown> => {
    const step = all.next()
    if (step.done === true) return step
    if (isBefore(step.value[0])) return next()
    return isBehind(step.value[0]) ? { done: true, value: undefined } : step
  }
  return { next }
}

/** What `pick` makes of each step. Calls `onEnd` once, when it ends or is given up. */
export class Walk<K, V, T> implements IterableIterator<T> {
  readonly #steps: Iterator<[K, V], unknown>
  readonly #pick: (key: K, value: V) => T
  /** Entries that may still come. */
  #left: number
  #onEnd: (() => void) | undefined

  constructor(steps: Iterator<[K, V], unknown>, limit: number, pick: (key: K, value: V) => T, onEnd: () => void) {
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
    return { done: false, value: this.#pick(step.value[0], step.value[1]) }
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

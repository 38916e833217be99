import type { Ms } from '../core/types.ts'

interface Event {
  readonly at: Ms
  /** Of two events at one time the one that was planned first comes first. */
  readonly order: number
  readonly run: () => void
}

const earlier = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** Virtual time: a queue of events, ordered by (time, order of planning). Nothing happens but in here. */
export class Scheduler {
  /** A binary heap: no event is earlier than its parent. */
  readonly #heap: Event[] = []
  #now: Ms = 0
  #planned = 0
  #steps = 0

  get now(): Ms {
    return this.#now
  }

  /** Events that have run. */
  get steps(): number {
    return this.#steps
  }

  after(delayMs: Ms, run: () => void): void {
    this.at(this.#now + delayMs, run)
  }

  /** At `at`, or now when that has passed. */
  at(at: Ms, run: () => void): void {
    const heap = this.#heap
    const event = { at: Math.max(at, this.#now), order: this.#planned++, run }
    let hole = heap.length
    heap.push(event)
    while (hole > 0) {
      const above = (hole - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || !earlier(event, parent)) break
      heap[hole] = parent
      hole = above
    }
    heap[hole] = event
  }

  /** Runs the next event if it is due by `until`. False when there is none: time is `until` then. */
  step(until: Ms): boolean {
    const next = this.#heap[0]
    if (next === undefined || next.at > until) {
      this.#now = Math.max(this.#now, until)
      return false
    }
    this.#removeFirst()
    this.#now = next.at
    this.#steps += 1
    next.run()
    return true
  }

  #removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let hole = 0
    for (;;) {
      let below = 2 * hole + 1
      let child = heap[below]
      if (child === undefined) break
      const right = heap[below + 1]
      if (right !== undefined && earlier(right, child)) {
        child = right
        below += 1
      }
      if (!earlier(child, last)) break
      heap[hole] = child
      hole = below
    }
    heap[hole] = last
  }
}

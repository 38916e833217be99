// Queries that wait for the state to be recent enough: each for its index.
import type { Index, Ms } from '../core/index.ts'
import type { ConnectionId } from './options.ts'

export interface PendingQuery {
  readonly connection: ConnectionId
  readonly requestId: number
  readonly query: Uint8Array
  /** When it arrived. */
  readonly since: Ms
}
interface Batch {
  readonly index: Index
  readonly queries: readonly PendingQuery[]
}

export class QueriesByIndex {
  /** Ascending by index. */
  #batches: Batch[] = []
  /** Of the first batch, taken already. */
  #taken = 0
  #count = 0
  #bytes = 0

  get count(): number {
    return this.#count
  }
  /** Of all that is asked. */
  get bytes(): number {
    return this.#bytes
  }

  /** Most come in the order of their indexes: then it is put at the end. */
  add(index: Index, queries: readonly PendingQuery[]): void {
    if (queries.length === 0) return
    const at = this.#placeOf(index)
    if (at === 0) this.#cutFirst()
    if (at === this.#batches.length) this.#batches.push({ index, queries })
    else this.#batches.splice(at, 0, { index, queries })
    this.#count += queries.length
    for (const { query } of queries) this.#bytes += query.length
  }

  /** The next one that a state applied up to `lastApplied` can answer. */
  take(lastApplied: Index): PendingQuery | undefined {
    const first = this.#batches[0]
    if (first === undefined || first.index > lastApplied) return undefined
    const query = first.queries[this.#taken++]
    if (this.#taken >= first.queries.length) {
      this.#batches.shift()
      this.#taken = 0
    }
    this.#count -= 1
    this.#bytes -= query?.query.length ?? 0
    return query
  }

  /** Whether any could be answered at `lastApplied`. */
  isDue(lastApplied: Index): boolean {
    const first = this.#batches[0]
    return first !== undefined && first.index <= lastApplied
  }

  /** Takes out those of which `test` is true. */
  remove(test: (query: PendingQuery) => boolean): readonly { readonly query: PendingQuery; readonly index: Index }[] {
    this.#cutFirst()
    const removed: { readonly query: PendingQuery; readonly index: Index }[] = []
    const batches: Batch[] = []
    for (const { index, queries } of this.#batches) {
      const kept = queries.filter((query) => !test(query))
      if (kept.length > 0) batches.push({ index, queries: kept })
      if (kept.length < queries.length) for (const query of queries) if (test(query)) removed.push({ query, index })
    }
    this.#batches = batches
    this.#count -= removed.length
    for (const { query } of removed) this.#bytes -= query.query.length
    return removed
  }

  /** Takes out those for which a state at `index` is too old. */
  removeAbove(index: Index): readonly PendingQuery[] {
    const from = this.#placeOf(index)
    if (from === this.#batches.length) return []
    if (from === 0) this.#cutFirst()
    const removed = this.#batches.splice(from).flatMap(({ queries }) => queries)
    this.#count -= removed.length
    for (const { query } of removed) this.#bytes -= query.length
    return removed
  }

  /** Before the first batch of a higher index. */
  #placeOf(index: Index): number {
    const last = this.#batches.at(-1)
    if (last === undefined || last.index <= index) return this.#batches.length
    let low = 0
    let high = this.#batches.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#batches[middle]?.index ?? 0) > index) high = middle
      else low = middle + 1
    }
    return low
  }

  #cutFirst(): void {
    const first = this.#batches[0]
    if (first === undefined || this.#taken === 0) return
    this.#batches[0] = { index: first.index, queries: first.queries.slice(this.#taken) }
    this.#taken = 0
  }
}

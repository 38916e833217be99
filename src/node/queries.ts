// Queries on their way: they wait for a confirmation of leadership, then for the state to be recent enough (§6.4).
import type { Index, ReadGrant } from '../core/index.ts'
import type { ConnectionId } from './options.ts'

export interface PendingQuery {
  readonly connection: ConnectionId
  readonly requestId: number
  readonly query: Uint8Array
}
interface Granted {
  readonly index: Index
  readonly queries: readonly PendingQuery[]
}

export class Queries {
  #waiting: PendingQuery[] = []
  readonly #confirming = new Map<number, readonly PendingQuery[]>()
  #granted: Granted[] = []
  #reads = 0
  #count = 0

  get count(): number {
    return this.#count
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0
  }

  add(query: PendingQuery): void {
    this.#waiting.push(query)
    this.#count += 1
  }

  /** Everything that waits, as one read for the core: the id to ask with. */
  confirm(): number {
    const id = ++this.#reads
    this.#confirming.set(id, this.#waiting)
    this.#waiting = []
    return id
  }

  grant({ id, index }: ReadGrant): void {
    const queries = this.#confirming.get(id)
    if (queries === undefined) return
    this.#confirming.delete(id)
    this.#granted.push({ index, queries })
  }

  refuse(id: number): readonly PendingQuery[] {
    const queries = this.#confirming.get(id) ?? []
    this.#confirming.delete(id)
    this.#count -= queries.length
    return queries
  }

  /** Those that a state applied up to `lastApplied` can answer. */
  due(lastApplied: Index): readonly PendingQuery[] {
    if (this.#granted.length === 0) return []
    const due: PendingQuery[] = []
    // Grants of one leadership do not fall, so the due ones are in front.
    let taken = 0
    for (const { index, queries } of this.#granted) {
      if (index > lastApplied) break
      for (const query of queries) due.push(query)
      taken += 1
    }
    if (taken > 0) this.#granted = this.#granted.slice(taken)
    this.#count -= due.length
    return due
  }

  /** Whether any could be answered at `lastApplied`. */
  isDue(lastApplied: Index): boolean {
    const first = this.#granted[0]
    return first !== undefined && first.index <= lastApplied
  }

  abandon(): readonly PendingQuery[] {
    const all = [...this.#granted.flatMap(({ queries }) => queries), ...[...this.#confirming.values()].flat(), ...this.#waiting]
    this.#granted = []
    this.#confirming.clear()
    this.#waiting = []
    this.#count = 0
    return all
  }
}

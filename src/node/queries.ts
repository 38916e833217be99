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
  /** Of the first grant, answered already. */
  #taken = 0
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

  /** The next one that a state applied up to `lastApplied` can answer. Grants of one leadership do not fall: the due ones are in front. */
  take(lastApplied: Index): PendingQuery | undefined {
    const first = this.#granted[0]
    if (first === undefined || first.index > lastApplied) return undefined
    const query = first.queries[this.#taken++]
    if (this.#taken >= first.queries.length) {
      this.#granted.shift()
      this.#taken = 0
    }
    if (query !== undefined) this.#count -= 1
    return query
  }

  /** Whether any could be answered at `lastApplied`. */
  isDue(lastApplied: Index): boolean {
    const first = this.#granted[0]
    return first !== undefined && first.index <= lastApplied
  }

  abandon(): readonly PendingQuery[] {
    const granted = this.#granted.flatMap(({ queries }) => queries).slice(this.#taken)
    const all = [...granted, ...[...this.#confirming.values()].flat(), ...this.#waiting]
    this.#granted = []
    this.#taken = 0
    this.#confirming.clear()
    this.#waiting = []
    this.#count = 0
    return all
  }
}

// Queries on their way: they wait for a confirmation of leadership, here or at the leader, then for the state to be recent enough (§6.4).
import type { Index, Ms, ReadGrant } from '../core/index.ts'
import type { ConnectionId } from './options.ts'
import { type PendingQuery, QueriesByIndex } from './queries-by-index.ts'
import type { Tickets } from './tickets.ts'

/** One read of the core, for all queries of a turn. */
export interface Question {
  readonly id: number
  readonly lease: boolean
}

export class Queries {
  readonly #tickets: Tickets
  /** Not handed to the core yet. */
  #waiting: PendingQuery[] = []
  #waitingForLease: PendingQuery[] = []
  /** By the id of their read. */
  readonly #confirming = new Map<number, readonly PendingQuery[]>()
  #confirmingCount = 0
  /** Of those that wait or are being confirmed. */
  #bytes = 0
  /** Confirmed: good at their index, whoever leads by now. */
  readonly granted = new QueriesByIndex()
  /** Theirs came with them: nobody needs to confirm it. */
  readonly atLeast = new QueriesByIndex()

  constructor(tickets: Tickets) {
    this.#tickets = tickets
  }

  get count(): number {
    return this.#waiting.length + this.#waitingForLease.length + this.#confirmingCount + this.granted.count + this.atLeast.count
  }

  /** Of all that is asked. */
  get bytes(): number {
    return this.#bytes + this.granted.bytes + this.atLeast.bytes
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0 || this.#waitingForLease.length > 0
  }

  add(query: PendingQuery, { lease }: { readonly lease: boolean }): void {
    if (lease) this.#waitingForLease.push(query)
    else this.#waiting.push(query)
    this.#bytes += query.query.length
  }

  /** Everything that waits, as one read for the core, two where some may be answered from a lease; `undefined` when nothing does. */
  confirm(): Question | undefined {
    const lease = this.#waiting.length === 0
    const queries = lease ? this.#waitingForLease : this.#waiting
    if (queries.length === 0) return undefined
    if (lease) this.#waitingForLease = []
    else this.#waiting = []
    const id = this.#tickets.next()
    this.#confirming.set(id, queries)
    this.#confirmingCount += queries.length
    return { id, lease }
  }

  grant({ id, index }: ReadGrant): void {
    this.granted.add(index, this.refuse(id))
  }

  /** Takes out those of one read. */
  refuse(id: number): readonly PendingQuery[] {
    const queries = this.#confirming.get(id) ?? []
    this.#confirming.delete(id)
    this.#confirmingCount -= queries.length
    for (const { query } of queries) this.#bytes -= query.length
    return queries
  }

  /** The client is gone: of those that the core was asked for, the answer is dropped when it comes. */
  forget(connection: ConnectionId): void {
    if (this.granted.count > 0) this.granted.remove((query) => query.connection === connection)
    if (this.atLeast.count > 0) this.atLeast.remove((query) => query.connection === connection)
  }

  /** Takes out those that wait for a later entry than `index`. */
  above(index: Index): readonly PendingQuery[] {
    return [...this.granted.removeAbove(index), ...this.atLeast.removeAbove(index)]
  }

  /** Takes out those that arrived before `before` and whose index was not reached yet. */
  expire(before: Ms): readonly { readonly query: PendingQuery; readonly index: Index }[] {
    const isOld = ({ since }: PendingQuery) => since < before
    return [...this.granted.remove(isOld), ...this.atLeast.remove(isOld)]
  }
}

import { assert, broken } from '../core/invariant.ts'

/** A table or a cell: keeps its own journal while a transaction is open, and joins it with its first write. */
export interface Participant {
  /** Forgets the journal: what was written stands. */
  commit(): void
  /** Undoes what the journal holds, last first. */
  rollback(): void
}

/**
 * Guards every write to one state. A command opens it, writes join, and it ends in a commit or in a rollback that leaves no trace. While
 * it is not open nothing can be written, which also catches a handler that goes on after it has returned.
 */
export class Transaction {
  #mode: 'closed' | 'command' | 'query' = 'closed'
  /** Who has written, up to `#joined`; what stands beyond is of earlier transactions. */
  readonly #participants: Participant[] = []
  #joined = 0

  get writable(): boolean {
    return this.#mode === 'command'
  }

  begin(): void {
    if (this.#mode !== 'closed') broken(`a transaction begins in a ${this.#mode}`)
    this.#mode = 'command'
  }

  commit(): void {
    assert(this.#mode === 'command', 'a commit without a transaction')
    // The one place where changes become final: each participant adds its own to the digest, from its journal, before that is forgotten.
    for (let i = 0; i < this.#joined; i++) this.#participants[i]?.commit()
    this.#end()
  }

  rollback(): void {
    assert(this.#mode === 'command', 'a rollback without a transaction')
    for (let i = 0; i < this.#joined; i++) this.#participants[i]?.rollback()
    this.#end()
  }

  beginQuery(): void {
    if (this.#mode !== 'closed') broken(`a query begins in a ${this.#mode}`)
    this.#mode = 'query'
  }

  endQuery(): void {
    assert(this.#mode === 'query', 'the end of a query that did not begin')
    this.#mode = 'closed'
  }

  /** The first write of a participant in this transaction. */
  join(participant: Participant): void {
    this.#participants[this.#joined++] = participant
  }

  /** What a write throws that came when `writable` was false. `what` names it: `state.leases.set`. */
  refusal(what: string): Error {
    if (this.#mode === 'query') return new TypeError(`queries cannot write: ${what}`)
    return new TypeError(`${what} was called after its handler returned: handlers are synchronous`)
  }

  #end(): void {
    this.#joined = 0
    this.#mode = 'closed'
  }
}

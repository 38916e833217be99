import { broken } from '../core/invariant.ts'
import { type Check, holdsBytes } from './codec.ts'
import type { FieldDigest } from './field-digest.ts'
import type { Participant, Transaction } from './transaction.ts'

export interface CellOptions {
  /** For messages: `state.total`. */
  readonly name: string
  readonly value: Check
  readonly initial: unknown
  readonly transaction: Transaction
  /** Kept up with what is committed. Default: none. */
  readonly digest?: FieldDigest | undefined
  /** What is assigned is checked and not kept. */
  readonly absent?: boolean
}

/** A property of the state that is replaced as a whole, by assignment. */
export class Cell implements Participant {
  readonly #name: string
  readonly #codec: Check
  readonly #transaction: Transaction
  readonly #digest: FieldDigest | undefined
  readonly #absent: boolean
  #value: unknown
  #copies: boolean
  /** What stood here before the first write of this transaction. */
  #before: unknown
  #written = false

  constructor({ name, value, initial, transaction, digest, absent = false }: CellOptions) {
    this.#name = name
    this.#codec = value
    this.#transaction = transaction
    this.#digest = digest
    this.#absent = absent
    this.#value = initial
    digest?.begin(initial)
    this.#copies = holdsBytes(initial)
  }

  get value(): unknown {
    return this.#copies ? this.#codec.check(this.#value, this.#name) : this.#value
  }

  assign(value: unknown): void {
    if (!this.#transaction.writable) throw this.#transaction.refusal(this.#name)
    const canonical = this.#codec.check(value, this.#name)
    if (this.#absent) return
    if (!this.#copies && holdsBytes(canonical)) this.#copies = true
    if (!this.#written) {
      this.#transaction.join(this)
      this.#before = this.#value
      this.#written = true
    }
    this.#value = canonical
  }

  /** The value itself: only for who does not change bytes in it. */
  view(): unknown {
    return this.#value
  }

  /** Replaces the value, outside of transactions, by one that `check` returned. */
  load(value: unknown): void {
    if (this.#transaction.writable) broken(`${this.#name} is replaced within a transaction`)
    this.#digest?.change(this.#value, value)
    this.#value = value
    this.#copies = holdsBytes(value)
  }

  commit(): void {
    this.#digest?.change(this.#before, this.#value)
    this.#forget()
  }

  rollback(): void {
    this.#value = this.#before
    this.#forget()
  }

  #forget(): void {
    this.#before = undefined
    this.#written = false
  }
}

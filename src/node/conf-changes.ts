// Changes of the configuration on their way through the log (§4), and who waits for each.
import type { Accepted, ConfStep, Index, Raft, Refusal } from '../core/index.ts'
import type { Tickets } from './tickets.ts'

export type ConfOutcome =
  /** The entry at `index`, and the one that leaves a joint configuration where it led to one, are committed. */
  | { readonly kind: 'settled'; readonly index: Index }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** This node lost its leadership: the entry may be in the log of others, or not. */
  | { readonly kind: 'open' }

export interface ConfChange {
  readonly steps: readonly ConfStep[]
  readonly force: boolean
  /** Called once. */
  done(outcome: ConfOutcome): void
}

export class ConfChanges {
  readonly #raft: Raft
  readonly #tickets: Tickets
  /** Handed to the core, not answered by it. */
  readonly #asked = new Map<number, ConfChange>()
  #settling: { readonly index: Index; readonly change: ConfChange }[] = []

  constructor(raft: Raft, tickets: Tickets) {
    this.#raft = raft
    this.#tickets = tickets
  }

  ask(change: ConfChange): void {
    const ticket = this.#tickets.next()
    this.#asked.set(ticket, change)
    this.#raft.step({ kind: 'changeConf', ticket, steps: change.steps, force: change.force })
  }

  /** False when it is none of these. */
  accepted({ ticket, first }: Accepted): boolean {
    const change = this.#asked.get(ticket)
    if (change === undefined) return false
    this.#asked.delete(ticket)
    this.#settling.push({ index: first.index, change })
    return true
  }

  refused(refusal: Refusal): void {
    const change = this.#asked.get(refusal.id)
    this.#asked.delete(refusal.id)
    change?.done({ kind: 'refused', refusal })
  }

  /** After anything may have been committed. */
  settle(): void {
    if (this.#settling.length === 0) return
    // A change that is committed is settled unless the newest committed configuration is joint: then its end is still to come (§4.3).
    const { commitIndex, committedConf } = this.#raft.status
    if (committedConf.votersOutgoing.length > 0) return
    const settled = this.#settling.filter(({ index }) => index <= commitIndex)
    if (settled.length === 0) return
    this.#settling = this.#settling.filter(({ index }) => index > commitIndex)
    for (const { index, change } of settled) change.done({ kind: 'settled', index })
  }

  /** This node does not lead any more. A leader that removed itself has settled that by stepping down. */
  unlead(): void {
    this.settle()
    const open = [...this.#asked.values(), ...this.#settling.map(({ change }) => change)]
    this.#asked.clear()
    this.#settling = []
    for (const change of open) change.done({ kind: 'open' })
  }
}

// Changes of the configuration on their way through the log (§4), and who waits for each.
import type { Accepted, ConfStep, EntryId, Index, Raft, Refusal } from '../core/index.ts'
import type { Tickets } from './tickets.ts'

export type ConfOutcome =
  /** The entry at `index`, and the one that leaves a joint configuration where it led to one, are committed. */
  | { readonly kind: 'settled'; readonly index: Index }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** This node lost its leadership: the entry may be in the log of others, or not, or was lost. */
  | { readonly kind: 'open' }

export interface ConfChange {
  readonly steps: readonly ConfStep[]
  readonly force: boolean
  /** Called once. */
  done(outcome: ConfOutcome): void
}

interface Settling {
  readonly id: EntryId
  readonly change: ConfChange
  /** The entry is known to be committed: this one, not another leader's in its place. */
  isCommitted: boolean
}

export class ConfChanges {
  readonly #raft: Raft
  readonly #tickets: Tickets
  /** Handed to the core, not answered by it. */
  readonly #asked = new Map<number, ConfChange>()
  #settling: Settling[] = []

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
    this.#settling.push({ id: first, change, isCommitted: false })
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
    for (const settling of this.#settling) settling.isCommitted ||= this.#isCommitted(settling.id)
    // A change that is committed is settled unless the newest committed configuration is joint: then its end is still to come (§4.3).
    if (this.#raft.committedConf.votersOutgoing.length > 0) return
    const settled = this.#settling.filter(({ isCommitted }) => isCommitted)
    if (settled.length === 0) return
    this.#settling = this.#settling.filter(({ isCommitted }) => !isCommitted)
    for (const { id, change } of settled) change.done({ kind: 'settled', index: id.index })
  }

  /** This node does not lead any more. A leader that removed itself has settled that by stepping down. */
  unlead(): void {
    this.settle()
    const open = [...this.#asked.values(), ...this.#settling.map(({ change }) => change)]
    this.#asked.clear()
    this.#settling = []
    for (const change of open) change.done({ kind: 'open' })
  }

  /**
   * By its term too: where this node lost its leadership meanwhile, another leader's entry may have been committed at that index (§3.5). Of what
   * the log has forgotten nobody can tell, but of a leader's own entries in its term: those it never gives up.
   */
  #isCommitted({ term, index }: EntryId): boolean {
    if (index > this.#raft.status.commitIndex) return false
    const { role, term: now } = this.#raft.softState
    return (role === 'leader' && now === term) || this.#raft.termAt(index) === term
  }
}

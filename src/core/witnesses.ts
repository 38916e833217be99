// What this node knows of the others that they may forget: which entry each has acknowledged to it, and when each has voted for it. Kept by the log,
// told to whoever comes back and asks (an older copy of its disk may have been put back, and does not know it).
import { isAtLeast } from './entry-order.ts'
import type { RaftLog } from './raft-log.ts'
import type { EntryId, Member, NodeId, Term, Witness } from './types.ts'

const nothing: EntryId = { term: 0, index: 0 }

export class Witnesses {
  /** Of the newest incarnation that was heard of. */
  readonly #known = new Map<NodeId, Witness>()
  #isNews = false

  constructor(stored: readonly Witness[]) {
    for (const witness of stored) this.#known.set(witness.id, witness)
  }

  of({ id, incarnation }: Pick<Member, 'id' | 'incarnation'>): Witness {
    const known = this.#known.get(id)
    return known?.incarnation === incarnation ? known : { id, incarnation, match: nothing, matchTerm: 0, votedTerm: 0 }
  }

  /** It holds `match`, and has told this node so as the leader of `matchTerm`. */
  acknowledged(member: Pick<Member, 'id' | 'incarnation'>, { match, matchTerm }: Pick<Witness, 'match' | 'matchTerm'>): void {
    const known = this.of(member)
    if (!isAtLeast(known.match, match)) this.#set({ ...known, match, matchTerm })
  }

  /** This node got its vote. */
  voted(member: Pick<Member, 'id' | 'incarnation'>, term: Term): void {
    const known = this.of(member)
    if (term > known.votedTerm) this.#set({ ...known, votedTerm: term })
  }

  /**
   * All that is worth keeping, where it changed since the last call. Those who are no members any more are forgotten: neither of the newest
   * configuration nor, for that may be rolled back, of the newest that is committed.
   */
  take({ conf, committedConf }: Pick<RaftLog, 'conf' | 'committedConf'>): readonly Witness[] | undefined {
    if (!this.#isNews) return undefined
    this.#isNews = false
    const members = [...conf.members, ...committedConf.members]
    for (const [id, { incarnation }] of this.#known) {
      if (!members.some((member) => member.id === id && member.incarnation <= incarnation)) this.#known.delete(id)
    }
    return [...this.#known.values()]
  }

  #set(witness: Witness): void {
    this.#known.set(witness.id, witness)
    this.#isNews = true
  }
}

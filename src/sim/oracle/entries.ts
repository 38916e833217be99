import type { Entry, EntryId, Index, Term } from '../../core/types.ts'
import type { Verdict } from '../violation.ts'

interface Known {
  readonly entry: Entry
  /** Of the entry before it. */
  readonly prevTerm: Term
}

/**
 * Log matching (§3.5, figure 3.2): an index and a term name one entry and everything before it. Every entry that any node writes or sends
 * is compared with what is known under that name, and so is the term of the one before: the rest follows by induction.
 */
export class Entries {
  readonly #verdict: Verdict
  /** By index, then by term: seldom more than two of them. */
  readonly #known: Known[][] = []
  /** Arrays that were looked at: the same one goes to several peers and to the disk. */
  readonly #seen = new WeakSet<readonly Entry[]>()

  constructor(verdict: Verdict) {
    this.#verdict = verdict
  }

  /** Takes note of `entries`, which follow an entry of `prevTerm` in the log of some node. */
  note(prevTerm: Term, entries: readonly Entry[]): void {
    const first = entries[0]
    if (first === undefined) return
    if (this.#seen.has(entries)) return this.#noteOne(prevTerm, first)
    this.#seen.add(entries)
    let before = prevTerm
    for (const entry of entries) {
      this.#noteOne(before, entry)
      before = entry.term
    }
  }

  find({ term, index }: EntryId): Entry | undefined {
    return this.#at(index).find(({ entry }) => entry.term === term)?.entry
  }

  #noteOne(prevTerm: Term, entry: Entry): void {
    const here = this.#at(entry.index)
    const known = here.find((one) => one.entry.term === entry.term)
    if (known === undefined) {
      here.push({ entry, prevTerm })
      return
    }
    const name = `entry ${entry.index} of term ${entry.term}`
    const isSame = known.entry === entry || (known.entry.kind === entry.kind && Buffer.compare(known.entry.data, entry.data) === 0)
    this.#verdict.check(isSame, 'log matching (figure 3.2)', () => `${name} is two different entries`)
    this.#verdict.check(
      known.prevTerm === prevTerm,
      'log matching (figure 3.2)',
      () => `${name} follows an entry of term ${known.prevTerm} in one log, of term ${prevTerm} in another`,
    )
  }

  #at(index: Index): Known[] {
    const here = this.#known[index]
    if (here !== undefined) return here
    const fresh: Known[] = []
    this.#known[index] = fresh
    return fresh
  }
}

// Terms of a whole log in a few numbers: terms only grow along a log, so it is enough to know where each begins.
import { broken } from './invariant.ts'
import type { EntryId, Index, Term, TermRun } from './types.ts'

export class TermRuns {
  /** What precedes the first entry. */
  #base: EntryId
  /** Invariant: ascending by term and by firstIndex; the first starts at base.index + 1. */
  #runs: TermRun[]
  #lastIndex: Index

  constructor({ base, runs, lastIndex }: { readonly base: EntryId; readonly runs: readonly TermRun[]; readonly lastIndex: Index }) {
    this.#base = base
    this.#runs = [...runs]
    this.#lastIndex = lastIndex
    this.#checkRuns()
  }

  get lastIndex(): Index {
    return this.#lastIndex
  }

  get lastTerm(): Term {
    return this.#runs[this.#runs.length - 1]?.term ?? this.#base.term
  }

  append(id: EntryId): void {
    if (id.index !== this.#lastIndex + 1) broken(`entry ${id.index} does not follow ${this.#lastIndex}`)
    const lastTerm = this.lastTerm
    if (id.term < lastTerm) broken(`entry ${id.index} has term ${id.term}, the one before it ${lastTerm}`)
    if (id.term > lastTerm || this.#runs.length === 0) this.#runs.push({ term: id.term, firstIndex: id.index })
    this.#lastIndex = id.index
  }

  truncateFrom(index: Index): void {
    if (index <= this.#base.index || index > this.#lastIndex) broken(`cannot truncate from ${index}`)
    while ((this.#runs[this.#runs.length - 1]?.firstIndex ?? 0) >= index) this.#runs.pop()
    this.#lastIndex = index - 1
  }

  /** What is up to `index` is forgotten; the entry there becomes the base. */
  compactTo(base: EntryId): void {
    if (this.termAt(base.index) !== base.term) broken(`entry ${base.index} of term ${base.term} is not in the log: it cannot be its base`)
    const next = this.#runs[this.#runAt(base.index + 1)]
    this.#base = base
    if (base.index === this.#lastIndex || next === undefined) this.#runs = []
    else {
      const later = this.#runs.filter(({ firstIndex }) => firstIndex > base.index + 1)
      this.#runs = [{ term: next.term, firstIndex: base.index + 1 }, ...later]
    }
  }

  /** `undefined` outside the log; the base counts as inside. */
  termAt(index: Index): Term | undefined {
    if (index > this.#lastIndex || index < this.#base.index) return undefined
    return this.#runs[this.#runAt(index)]?.term ?? this.#base.term
  }

  /**
   * The newest entry up to `id.index` whose term is at most `id.term`: all that can match a log which has `id` (§3.5). Both sides use it,
   * so that a conflict costs one round a term, not one an entry.
   */
  newestNotAfter(id: EntryId): EntryId {
    const index = Math.min(id.index, this.#lastIndex)
    let at = this.#runAt(index)
    if ((this.#runs[at]?.term ?? 0) <= id.term)
      return { term: this.#runs[at]?.term ?? this.#base.term, index: Math.max(index, this.#base.index) }
    while ((this.#runs[at]?.term ?? 0) > id.term) at--
    const next = this.#runs[at + 1]
    return { term: this.#runs[at]?.term ?? this.#base.term, index: (next?.firstIndex ?? this.#base.index + 1) - 1 }
  }

  /** Position of the run that holds `index`; -1 at or before the base. */
  #runAt(index: Index): number {
    let low = 0
    let high = this.#runs.length
    // Nearly always the last one is asked for.
    if ((this.#runs[high - 1]?.firstIndex ?? Number.POSITIVE_INFINITY) <= index) return high - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#runs[middle]?.firstIndex ?? 0) <= index) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  #checkRuns(): void {
    let previous: TermRun = { term: this.#base.term - 1, firstIndex: this.#base.index }
    for (const run of this.#runs) {
      if (run.term <= previous.term) broken(`the run of term ${run.term} follows that of term ${previous.term}`)
      if (run.firstIndex <= previous.firstIndex) broken(`the run at ${run.firstIndex} follows the one at ${previous.firstIndex}`)
      previous = run
    }
    if (this.#lastIndex < previous.firstIndex) broken(`the log ends at ${this.#lastIndex}, before its last run`)
    const start = this.#runs[0]?.firstIndex ?? this.#lastIndex + 1
    if (start !== this.#base.index + 1) broken(`the log starts at ${start}, after a base at ${this.#base.index}`)
  }
}

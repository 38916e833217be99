import { assert } from '../core/invariant.ts'
import type { Entry, EntryId, Index, Term, TermRun } from '../core/types.ts'

/** The term of every entry of a log, as runs: a handful, however long the log. */
export class TermRuns {
  #base: EntryId
  /** Invariant: ascending by index and by term, all above the base. */
  #runs: TermRun[] = []

  constructor(base: EntryId) {
    this.#base = base
  }

  get runs(): readonly TermRun[] {
    return this.#runs
  }

  /** Of the entry at `index`, which must not be beyond the end of the log, nor before its base. */
  at(index: Index): Term {
    for (let i = this.#runs.length - 1; i >= 0; i--) {
      const run = this.#runs[i]
      if (run !== undefined && run.firstIndex <= index) return run.term
    }
    return this.#base.term
  }

  append(entries: readonly Entry[]): void {
    for (const entry of entries) this.push(entry.term, entry.index)
  }

  push(term: Term, index: Index): void {
    const last = this.#runs.at(-1)
    if (last?.term === term) return
    assert(term >= (last?.term ?? this.#base.term), 'terms never fall along a log (§3.6)')
    this.#runs.push({ term, firstIndex: index })
  }

  /** Forgets the entries from `index` on. */
  truncate(index: Index): void {
    while ((this.#runs.at(-1)?.firstIndex ?? 0) >= index) this.#runs.pop()
  }

  /** Forgets the entries up to `base`, which is one of the log; `lastIndex` is where that ends. */
  compact(base: EntryId, lastIndex: Index): void {
    const firstIndex = base.index + 1
    const kept = this.#runs.filter((_, i) => (this.#runs[i + 1]?.firstIndex ?? lastIndex + 1) > firstIndex)
    this.#runs = kept.map((run) => (run.firstIndex < firstIndex ? { term: run.term, firstIndex } : run))
    this.#base = base
  }
}

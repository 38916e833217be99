import type { Entry, HardState, Index, LogSummary, Persist, Term } from '../../core/types.ts'

/** What a log holds, without what is in the entries: followed write by write, to be compared with what a node says and promises. */
export class LogShadow {
  /** By index; position 0 is before the first entry. */
  #terms: Term[] = [0]
  #hardState: HardState = { term: 0, votedFor: undefined }

  get lastIndex(): Index {
    return this.#terms.length - 1
  }

  get lastTerm(): Term {
    return this.#terms[this.#terms.length - 1] ?? 0
  }

  get hardState(): HardState {
    return this.#hardState
  }

  /** `undefined` beyond the end. */
  termAt(index: Index): Term | undefined {
    return this.#terms[index]
  }

  write({ hardState, truncateFrom, entries }: Persist): void {
    this.#hardState = hardState
    if (truncateFrom !== undefined && truncateFrom <= this.lastIndex) this.#terms.length = truncateFrom
    this.#append(entries)
  }

  copyOf(other: LogShadow): void {
    this.#terms = [...other.#terms]
    this.#hardState = other.#hardState
  }

  /** The first difference to what was read from the disk, in words. */
  differenceTo({ hardState, lastIndex, terms }: LogSummary): string | undefined {
    const { term, votedFor } = this.#hardState
    if (hardState.term !== term) return `term ${hardState.term}, not ${term}`
    if (hardState.votedFor !== votedFor) return `a vote for ${hardState.votedFor}, not ${votedFor}`
    if (lastIndex !== this.lastIndex) return `${lastIndex} entries, not ${this.lastIndex}`
    for (const [i, run] of terms.entries()) {
      const end = terms[i + 1]?.firstIndex ?? lastIndex + 1
      for (let index = run.firstIndex; index < end; index++) {
        if (run.term !== this.#terms[index]) return `entry ${index} of term ${run.term}, not ${this.#terms[index]}`
      }
    }
    return undefined
  }

  #append(entries: readonly Entry[]): void {
    for (const { term } of entries) this.#terms.push(term)
  }
}

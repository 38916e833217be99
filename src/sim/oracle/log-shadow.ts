import type { ConfState, Entry, EntryId, HardState, Index, LogBase, LogSummary, Persist, Term } from '../../core/types.ts'

interface ConfAt {
  readonly index: Index
  readonly conf: ConfState
}

/**
 * What a log holds, without what is in the entries: followed write by write, to be compared with what a node says and promises. What was
 * compacted away stays known here: a node that dropped it had it. Only a reset begins anew.
 */
export class LogShadow {
  /** Of the entry before the first: nothing, or what the last reset began after. */
  #base: EntryId = { term: 0, index: 0 }
  /** From `base.index` on. */
  #terms: Term[] = [0]
  /** Ascending; the first is that of the base. */
  #confs: ConfAt[]
  #hardState: HardState = { term: 0, votedFor: undefined }

  constructor(conf: ConfState) {
    this.#confs = [{ index: 0, conf }]
  }

  get base(): EntryId {
    return this.#base
  }

  get lastIndex(): Index {
    return this.#base.index + this.#terms.length - 1
  }

  get last(): EntryId {
    return { term: this.termAt(this.lastIndex) ?? 0, index: this.lastIndex }
  }

  get hardState(): HardState {
    return this.#hardState
  }

  /** The newest configuration: in force from the moment it was written (§4.1). */
  get conf(): ConfState {
    return this.#newest.conf
  }

  /** Where the newest configuration stands; that of the base when none came after it. */
  get confIndex(): Index {
    return this.#newest.index
  }

  /** `undefined` beyond the end, and before the base. */
  termAt(index: Index): Term | undefined {
    return this.#terms[index - this.#base.index]
  }

  /** Whether the entry is here; what lies before the base of a reset was committed, and counts as held. */
  holds({ term, index }: EntryId): boolean {
    return index < this.#base.index || this.termAt(index) === term
  }

  /** The configuration in force at `index`, and where it stands; `undefined` before the base. */
  confAt(index: Index): ConfAt | undefined {
    for (let i = this.#confs.length - 1; i >= 0; i--) {
      const conf = this.#confs[i]
      if (conf !== undefined && conf.index <= index) return conf
    }
    return undefined
  }

  write({ hardState, reset, truncateFrom, entries }: Persist): void {
    this.#hardState = hardState
    if (reset !== undefined) this.#reset(reset)
    if (truncateFrom !== undefined && truncateFrom <= this.lastIndex) this.#truncate(truncateFrom)
    this.#append(entries)
  }

  /** Only this is left of it, as was read from a damaged disk: the beginning of it, what it was before, or what a snapshot holds. */
  loseTo({ hardState, base, lastIndex, terms, confs }: LogSummary): void {
    this.#hardState = hardState
    this.#base = base.id
    this.#terms = [base.id.term]
    for (const [i, { term, firstIndex }] of terms.entries()) {
      const end = terms[i + 1]?.firstIndex ?? lastIndex + 1
      for (let index = firstIndex; index < end; index++) this.#terms.push(term)
    }
    this.#confs = [{ index: base.id.index, conf: base.conf }, ...confs]
  }

  copyOf(other: LogShadow): void {
    this.#base = other.#base
    this.#terms = [...other.#terms]
    this.#confs = [...other.#confs]
    this.#hardState = other.#hardState
  }

  /** The first difference to what was read from the disk, in words. */
  differenceTo({ hardState, base, lastIndex, terms, confs }: LogSummary): string | undefined {
    const { term, votedFor } = this.#hardState
    if (hardState.term !== term) return `term ${hardState.term}, not ${term}`
    if (hardState.votedFor !== votedFor) return `a vote for ${hardState.votedFor}, not ${votedFor}`
    if (lastIndex !== this.lastIndex) return `entries up to ${lastIndex}, not ${this.lastIndex}`
    if (this.termAt(base.id.index) !== base.id.term)
      return `a base ${base.id.index} of term ${base.id.term}, not ${this.termAt(base.id.index)}`
    for (const [i, run] of terms.entries()) {
      const end = terms[i + 1]?.firstIndex ?? lastIndex + 1
      for (let index = run.firstIndex; index < end; index++) {
        if (run.term !== this.termAt(index)) return `entry ${index} of term ${run.term}, not ${this.termAt(index)}`
      }
    }
    return this.#differenceOfConfs([{ index: base.id.index, conf: base.conf }, ...confs])
  }

  get #newest(): ConfAt {
    const newest = this.#confs.at(-1)
    if (newest === undefined) throw new Error('a log has a configuration')
    return newest
  }

  #differenceOfConfs([base, ...confs]: readonly ConfAt[]): string | undefined {
    if (base === undefined) return undefined
    const here = this.confAt(base.index)
    if (here === undefined || !isSameConf(here.conf, base.conf)) return `another configuration at its base ${base.index}`
    const expected = this.#confs.filter(({ index }) => index > base.index)
    if (expected.length !== confs.length) return `${confs.length} configurations after ${base.index}, not ${expected.length}`
    const differs = expected.find(({ index, conf }, i) => confs[i]?.index !== index || !isSameConf(confs[i].conf, conf))
    return differs === undefined ? undefined : `another configuration ${differs.index}`
  }

  #reset({ id, conf }: LogBase): void {
    this.#base = id
    this.#terms = [id.term]
    this.#confs = [{ index: id.index, conf }]
  }

  #truncate(from: Index): void {
    this.#terms.length = from - this.#base.index
    while (this.#confs.length > 1 && this.confIndex >= from) this.#confs.pop()
  }

  #append(entries: readonly Entry[]): void {
    for (const { term, index, conf } of entries) {
      this.#terms.push(term)
      if (conf !== undefined) this.#confs.push({ index, conf })
    }
  }
}

export const isSameConf = (a: ConfState, b: ConfState): boolean => a === b || JSON.stringify(a) === JSON.stringify(b)

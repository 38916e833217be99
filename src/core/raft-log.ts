//             base      lastApplied    commitIndex              lastIndex
//   ...........|..............|.............|.......................|
//              |<- applied -->|                                     |
//              |<- on the disk: stableIndex ->|<- in a write: writtenIndex ->|<- not handed out yet
//
// The log as the core knows it: pointers, terms, configurations, and the newest entries. It stores nothing.
import { EntryWindow, type EntriesRange } from './entry-window.ts'
import { broken } from './invariant.ts'
import { TermRuns } from './term-runs.ts'
import type { ConfState, Entry, EntryId, Index, LogSummary, Persist, Term } from './types.ts'

export type LogWrite = Pick<Persist, 'truncateFrom' | 'entries'>

const noEntries: readonly Entry[] = []

export class RaftLog {
  readonly base: EntryId
  readonly #baseConf: ConfState
  readonly #terms: TermRuns
  readonly #window: EntryWindow
  readonly #cacheBytesMax: number
  /** Configurations above the base, ascending. In force from the moment they are appended (§4.1). */
  readonly #confs: { readonly index: Index; readonly conf: ConfState }[]
  #commitIndex: Index
  #lastApplied: Index
  /** Everything up to here is on the disk, and is this log's. Invariant: stableIndex <= writtenIndex <= lastIndex. */
  #stableIndex: Index
  /** Everything up to here was handed out to be written, and not overwritten since. */
  #writtenIndex: Index
  /** What the write in flight makes stable. Less than it holds when a part of it was overwritten meanwhile. */
  #writingIndex: Index
  /** First index on the disk, or on its way there, that the next write must delete. */
  #truncateFrom: Index | undefined

  constructor(summary: LogSummary, { cacheBytesMax }: { readonly cacheBytesMax: number }) {
    const { base, lastIndex } = summary
    this.base = base.id
    this.#baseConf = base.conf
    this.#terms = new TermRuns({ base: base.id, runs: summary.terms, lastIndex })
    this.#window = new EntryWindow(lastIndex + 1)
    this.#cacheBytesMax = cacheBytesMax
    this.#confs = [...summary.confs]
    // Not persisted: a leader of the new term tells it again, and a copy on the disk could run ahead of the entries (§3.8).
    this.#commitIndex = base.id.index
    this.#lastApplied = base.id.index
    this.#stableIndex = lastIndex
    this.#writtenIndex = lastIndex
    this.#writingIndex = lastIndex
  }

  get lastIndex(): Index {
    return this.#terms.lastIndex
  }
  get lastTerm(): Term {
    return this.#terms.lastTerm
  }
  get last(): EntryId {
    return { term: this.#terms.lastTerm, index: this.#terms.lastIndex }
  }
  get commitIndex(): Index {
    return this.#commitIndex
  }
  get lastApplied(): Index {
    return this.#lastApplied
  }
  get stableIndex(): Index {
    return this.#stableIndex
  }
  get writtenIndex(): Index {
    return this.#writtenIndex
  }
  /** Committed *and* durable here: applying more would let the state run ahead of the log after a crash. Never falls. */
  get applyThrough(): Index {
    return Math.min(this.#commitIndex, this.#stableIndex)
  }
  /** The newest configuration in the log, committed or not (§4.1). */
  get conf(): ConfState {
    return this.#confs[this.#confs.length - 1]?.conf ?? this.#baseConf
  }
  /** First index whose entry is in memory; `lastIndex + 1` when there is none. */
  get firstIndexInMemory(): Index {
    return this.#window.firstIndex
  }

  /** `undefined` outside the log; the base counts as inside. */
  termAt(index: Index): Term | undefined {
    return this.#terms.termAt(index)
  }

  has(id: EntryId): boolean {
    return this.#terms.termAt(id.index) === id.term
  }

  /** Whether a log that ends with `last` is at least as up to date as this one: terms first, then length (§3.6.1). */
  isUpToDate(last: EntryId): boolean {
    return last.term > this.lastTerm || (last.term === this.lastTerm && last.index >= this.lastIndex)
  }

  /** The newest entry that may match a log which has `id` (§3.5). */
  newestNotAfter(id: EntryId): EntryId {
    return this.#terms.newestNotAfter(id)
  }

  /** A leader's own entry: it only ever appends (§3.5, leader append-only). */
  push(entry: Entry): void {
    this.#terms.append(entry)
    if (entry.conf !== undefined) this.#confs.push({ index: entry.index, conf: entry.conf })
    this.#window.push(entry)
  }

  /**
   * Entries of the leader, following one that matches. What is here already is skipped; only an entry with another term is a conflict
   * (§3.5), so that a delayed or repeated message never removes what a later one brought.
   */
  accept(entries: readonly Entry[]): void {
    const known = this.#countKnown(entries)
    const first = entries[known]
    if (first === undefined) return
    if (first.index <= this.lastIndex) this.#truncate(first.index)
    // The very array where possible: it is written as the bytes it came in.
    const fresh = known === 0 ? entries : entries.slice(known)
    for (const entry of fresh) {
      this.#terms.append(entry)
      if (entry.conf !== undefined) this.#confs.push({ index: entry.index, conf: entry.conf })
    }
    this.#window.append(fresh)
  }

  /** Lower than what is known is not news; higher than the log would be a promise without the entry. */
  commitTo(index: Index): void {
    if (index <= this.#commitIndex) return
    if (index > this.lastIndex) broken(`commit of ${index}, past the end of the log at ${this.lastIndex}`)
    this.#commitIndex = index
  }

  appliedTo(index: Index): void {
    if (index < this.#lastApplied) broken(`applied falls from ${this.#lastApplied} to ${index}`)
    if (index > this.applyThrough) broken(`applied ${index}, but only ${this.applyThrough} is committed and durable`)
    this.#lastApplied = index
    this.#evict()
  }

  /** What the disk does not have yet, or `undefined`. The next call needs `writeCompleted` first. */
  takeWrite(): LogWrite | undefined {
    const truncateFrom = this.#truncateFrom
    if (truncateFrom === undefined && this.#writtenIndex === this.lastIndex) return undefined
    const entries = this.#writtenIndex === this.lastIndex ? noEntries : this.#window.seal(this.#writtenIndex + 1)
    this.#truncateFrom = undefined
    this.#writtenIndex = this.lastIndex
    this.#writingIndex = this.lastIndex
    return { truncateFrom, entries }
  }

  writeCompleted(): void {
    this.#stableIndex = this.#writingIndex
    this.#evict()
  }

  /** Entries of the range from memory, one at least; `undefined` when the first is on the disk only. */
  slice(range: EntriesRange): readonly Entry[] | undefined {
    return this.#window.slice(range)
  }

  bytesOf(range: { readonly firstIndex: Index; readonly lastIndex: Index }): number {
    return this.#window.bytesOf(range)
  }

  checkPointers(): void {
    if (this.base.index > this.#lastApplied) broken(`applied ${this.#lastApplied}, before the base at ${this.base.index}`)
    if (this.#lastApplied > this.applyThrough) broken(`applied ${this.#lastApplied}, beyond ${this.applyThrough}`)
    if (this.#commitIndex > this.lastIndex) broken(`committed ${this.#commitIndex}, past the end of the log at ${this.lastIndex}`)
    if (this.#stableIndex > this.#writtenIndex) broken(`stable ${this.#stableIndex}, beyond what was written, ${this.#writtenIndex}`)
    if (this.#writtenIndex > this.lastIndex) broken(`written ${this.#writtenIndex}, past the end of the log at ${this.lastIndex}`)
    if (this.#window.firstIndex > this.#stableIndex + 1) broken(`entries from ${this.#stableIndex + 1} are neither durable nor in memory`)
  }

  /** How many of `entries` this log has. */
  #countKnown(entries: readonly Entry[]): number {
    if ((entries[0]?.index ?? 0) > this.lastIndex) return 0
    const conflict = entries.findIndex((entry) => !this.has(entry))
    return conflict === -1 ? entries.length : conflict
  }

  #truncate(index: Index): void {
    if (index <= this.#commitIndex) broken(`truncates from ${index}, but ${this.#commitIndex} is committed`)
    this.#terms.truncateFrom(index)
    this.#window.truncateFrom(index)
    while ((this.#confs[this.#confs.length - 1]?.index ?? 0) >= index) this.#confs.pop()
    if (index <= this.#writtenIndex) {
      // Lower than one that still waits to be written: only what is written can be truncated on the disk.
      this.#truncateFrom = index
      this.#writtenIndex = index - 1
    }
    this.#stableIndex = Math.min(this.#stableIndex, index - 1)
    // The write in flight completes with entries that are this log's no more: they must not count as its successors.
    this.#writingIndex = Math.min(this.#writingIndex, index - 1)
  }

  #evict(): void {
    // What is not applied yet is about to be read, what is not durable is nowhere else.
    this.#window.evict({ lastIndex: Math.min(this.#lastApplied, this.#stableIndex), bytesMax: this.#cacheBytesMax })
  }
}

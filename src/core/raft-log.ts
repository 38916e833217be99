//             base      lastApplied    commitIndex              lastIndex
//   ...........|..............|.............|.......................|
//              |<- applied -->|                                     |
//              |<- on the disk: stableIndex ->|<- in a write: writtenIndex ->|<- not handed out yet
//
// The log as the core knows it: pointers, terms, configurations, and the newest entries. It stores nothing. What is up to the base is only
// in snapshots (§5.1): forgotten here, and known to match every other log, since it is committed.
import { ConfHistory } from './conf-history.ts'
import { EntryWindow, type EntriesRange } from './entry-window.ts'
import { isAtLeast } from './entry-order.ts'
import { broken } from './invariant.ts'
import { LogFence } from './log-fence.ts'
import { TermRuns } from './term-runs.ts'
import type { ConfState, Entry, EntryId, Fence, Index, LogBase, LogSummary, Persist, Term } from './types.ts'

export type LogWrite = Pick<Persist, 'reset' | 'truncateFrom' | 'entries'>
/** Where the state behind a log is, at its start. */
export interface Restored {
  /** It was read from a snapshot of this index. */
  readonly lastApplied: Index
  /** False: it is lost, or there is none yet. */
  readonly hasState: boolean
}

const noEntries: readonly Entry[] = []

export class RaftLog {
  #base: EntryId
  #confs: ConfHistory
  #terms: TermRuns
  #window: EntryWindow
  readonly #cacheBytesMax: number
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
  /** A snapshot that takes the place of what is on the disk, by the next write. */
  #reset: LogBase | undefined
  #hasState: boolean
  /** Index of the snapshot that the state is to be read from. Nothing is applied before that is done. */
  #restoring: Index | undefined
  /** What it may have acknowledged and does not hold. */
  readonly #fence: LogFence

  constructor(summary: LogSummary, { cacheBytesMax, lastApplied, hasState }: { readonly cacheBytesMax: number } & Restored) {
    const { base, lastIndex } = summary
    this.#base = base.id
    this.#confs = new ConfHistory({ base: { index: base.id.index, conf: base.conf }, later: summary.confs })
    this.#terms = new TermRuns({ base: base.id, runs: summary.terms, lastIndex })
    this.#window = new EntryWindow(lastIndex + 1)
    this.#cacheBytesMax = cacheBytesMax
    // Not persisted: a leader of the new term tells it again, and a copy on the disk could run ahead of the entries (§3.8). But what is in
    // a snapshot was committed.
    this.#commitIndex = Math.max(base.id.index, lastApplied)
    this.#lastApplied = lastApplied
    this.#hasState = hasState
    this.#stableIndex = lastIndex
    this.#writtenIndex = lastIndex
    this.#writingIndex = lastIndex
    this.#fence = new LogFence(summary.fence)
  }

  /** `undefined` once all is there again. */
  get fence(): Fence | undefined {
    return this.#fence.of(this.last)
  }

  /** Nobody knows what it has acknowledged, not even in which terms it has voted: it takes part in nothing. */
  get isFloorUnknown(): boolean {
    return this.#fence.isFloorUnknown
  }

  /** What precedes the first entry that is still here. */
  get base(): EntryId {
    return this.#base
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
  /** The disk holds just this. */
  get isStable(): boolean {
    return this.#stableIndex === this.lastIndex && this.#reset === undefined && this.#truncateFrom === undefined
  }
  get writtenIndex(): Index {
    return this.#writtenIndex
  }
  /**
   * Committed *and* durable here: applying more would let the state run ahead of the log after a crash. `undefined` while the state is
   * missing, or about to be read from a snapshot: then nothing is applied.
   */
  get applyThrough(): Index | undefined {
    return this.#isHeld ? undefined : Math.min(this.#commitIndex, this.#stableIndex)
  }
  get hasState(): boolean {
    return this.#hasState
  }
  /** Index that a snapshot must have at least, to bring back a state that is missing: the log goes on from there. */
  get stateWanted(): Index | undefined {
    return this.#hasState || this.#restoring !== undefined ? undefined : Math.max(1, this.#base.index)
  }
  /** Index of the snapshot to read the state from now: its log is durable. */
  get restorable(): Index | undefined {
    return this.#restoring !== undefined && this.#restoring <= this.#stableIndex ? this.#restoring : undefined
  }
  /** The newest configuration in the log, committed or not (§4.1). */
  get conf(): ConfState {
    return this.#confs.newest
  }
  /** Index of the entry that holds it, or of the base. */
  get confIndex(): Index {
    return this.#confs.newestIndex
  }
  get committedConf(): ConfState {
    return this.#confs.at(this.#commitIndex)
  }
  /** The newest configuration that is known to be committed and is on the disk here. */
  get lastingConf(): ConfState {
    return this.#confs.at(Math.min(this.#commitIndex, this.durable.index))
  }
  /** In force before the newest; the newest itself where that is known to be committed. */
  get confBefore(): ConfState {
    return this.isConfCommitted ? this.conf : this.#confs.previous
  }
  get isConfCommitted(): boolean {
    return this.#confs.newestIndex <= this.#commitIndex
  }
  /** A change is under way: only one may be (§4.1). */
  get isConfPending(): boolean {
    return !this.isConfCommitted || this.conf.votersOutgoing.length > 0
  }
  /** The newest entry that is known to be committed. */
  get committed(): EntryId {
    const term = this.#terms.termAt(this.#commitIndex)
    if (term === undefined) broken(`the committed entry ${this.#commitIndex} is not in the log`)
    return { term, index: this.#commitIndex }
  }
  /** The newest entry that is on the disk and this log's. */
  get durable(): EntryId {
    const term = this.#terms.termAt(this.#stableIndex)
    // What a snapshot brought is durable in it, before its log is.
    return term === undefined ? this.#base : { term, index: this.#stableIndex }
  }
  /** The newest entry that this node has acknowledged, or may have, and answers for: some of it may be lost. */
  get held(): EntryId {
    return this.#fence.upTo(this.durable)
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

  /**
   * Whether a log that ends with `last` is at least as up to date as this one: terms first, then length (§3.6.1). What was lost counts as if it
   * were here: it was acknowledged, and may be committed because of that.
   */
  isUpToDate(last: EntryId): boolean {
    const { fence } = this
    if (fence === undefined) return isAtLeast(last, this.last)
    return fence.floor !== undefined && isAtLeast(last, fence.floor) && isAtLeast(last, this.last)
  }

  /** The newest entry that may match a log which has `id` (§3.5). */
  newestNotAfter(id: EntryId): EntryId {
    return this.#terms.newestNotAfter(id)
  }

  /** The same for a log where nothing after `hint` matches: `undefined` when nothing does that is still here. */
  newestMatching(hint: EntryId): Index | undefined {
    if (hint.index < this.#base.index) return undefined
    const { term, index } = this.#terms.newestNotAfter(hint)
    return term <= hint.term ? index : undefined
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

  /** It has acknowledged `floor`, as others remember. */
  fenceAt(floor: EntryId): void {
    this.#fence.raise(floor, this.last)
  }

  /** Entries that were here, and follow. */
  repair(entries: readonly Entry[]): void {
    if (entries[0]?.index === this.lastIndex + 1) this.accept(entries)
  }

  /** Lower than what is known is not news; higher than the log would be a promise without the entry. */
  commitTo(index: Index): void {
    if (index <= this.#commitIndex) return
    if (index > this.lastIndex) broken(`commit of ${index}, past the end of the log at ${this.lastIndex}`)
    this.#commitIndex = index
  }

  appliedTo(index: Index): void {
    if (index < this.#lastApplied) broken(`applied falls from ${this.#lastApplied} to ${index}`)
    if (index > this.#durablyCommitted) broken(`applied ${index}, but only ${this.#durablyCommitted} is committed and durable`)
    this.#lastApplied = index
    if (this.#restoring !== undefined && index >= this.#restoring) {
      this.#restoring = undefined
      this.#hasState = true
    }
    this.#evict()
  }

  /** Nothing is applied until a snapshot was received, of a later entry than the last one that was. */
  loseState(): void {
    this.#hasState = false
  }

  /** Forgets what is up to `index`, which is applied, and so in a snapshot or in entries that a node without it gets from others. */
  compactTo(index: Index): LogBase {
    if (index > this.#lastApplied) broken(`compacts up to ${index}, but only ${this.#lastApplied} is applied`)
    const term = this.#terms.termAt(index)
    if (term === undefined) broken(`compacts up to ${index}, but the log begins after ${this.#base.index}`)
    this.#base = { term, index }
    this.#terms.compactTo(this.#base)
    this.#confs.compactTo(index)
    this.#window.evict({ lastIndex: index, bytesMax: 0 })
    return { id: this.#base, conf: this.#confs.at(index) }
  }

  /** Whether a snapshot of `id` brings anything: what is committed here already does not, unless the state itself is missing. */
  isNews(id: EntryId): boolean {
    if (id.index <= (this.#restoring ?? 0)) return false
    return this.#hasState ? id.index > this.#commitIndex : id.index >= this.#base.index
  }

  /**
   * A snapshot that is news is durable here: what it holds is committed. Where the log has its last entry, the log stays; else it conflicts
   * or ends before, and all of it gives way (§5.3). True when it did.
   */
  restoreFrom(base: LogBase): boolean {
    const { id } = base
    if (id.index <= this.#commitIndex && !this.has(id)) {
      broken(`a snapshot of entry ${id.index} of term ${id.term}, committed here with term ${this.#terms.termAt(id.index)}`)
    }
    const isReplaced = !this.has(id)
    if (isReplaced) this.#replaceBy(base)
    this.commitTo(id.index)
    // Every snapshot has a state to be read, but one that was applied meanwhile.
    this.#restoring = id.index
    return isReplaced
  }

  /** What the disk does not have yet, or `undefined`. The next call needs `writeCompleted` first. */
  takeWrite(): LogWrite | undefined {
    const reset = this.#reset
    const truncateFrom = this.#truncateFrom
    if (reset === undefined && truncateFrom === undefined && this.#writtenIndex === this.lastIndex) return undefined
    const entries = this.#writtenIndex === this.lastIndex ? noEntries : this.#window.seal(this.#writtenIndex + 1)
    this.#reset = undefined
    this.#truncateFrom = undefined
    this.#writtenIndex = this.lastIndex
    this.#writingIndex = this.lastIndex
    return { reset, truncateFrom, entries }
  }

  /** What the disk has to be told of it, or `undefined`. */
  takeFence(): Fence | undefined {
    return this.#fence.take()
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
    if (this.#base.index > this.#lastApplied && !this.#isHeld) {
      broken(`applied ${this.#lastApplied}, before the base at ${this.#base.index}`)
    }
    if (this.#base.index > this.#commitIndex) broken(`committed ${this.#commitIndex}, before the base at ${this.#base.index}`)
    if (this.#lastApplied > this.#durablyCommitted) broken(`applied ${this.#lastApplied}, beyond ${this.#durablyCommitted}`)
    if (this.#commitIndex > this.lastIndex) broken(`committed ${this.#commitIndex}, past the end of the log at ${this.lastIndex}`)
    if (this.confIndex > this.lastIndex)
      broken(`the configuration of ${this.confIndex} is in force, past the end of the log at ${this.lastIndex}`)
    if (this.#stableIndex > this.#writtenIndex) broken(`stable ${this.#stableIndex}, beyond what was written, ${this.#writtenIndex}`)
    if (this.#writtenIndex > this.lastIndex) broken(`written ${this.#writtenIndex}, past the end of the log at ${this.lastIndex}`)
    // What a snapshot brought is durable in it, before its log is.
    const durableIndex = Math.max(this.#stableIndex, this.#base.index)
    if (this.#window.firstIndex > durableIndex + 1) broken(`entries from ${durableIndex + 1} are neither durable nor in memory`)
  }

  get #isHeld(): boolean {
    return !this.#hasState || this.#restoring !== undefined
  }

  get #durablyCommitted(): Index {
    return Math.min(this.#commitIndex, this.#stableIndex)
  }

  #replaceBy(base: LogBase): void {
    const { index } = base.id
    this.#base = base.id
    this.#confs = new ConfHistory({ base: { index, conf: base.conf }, later: [] })
    this.#terms = new TermRuns({ base: base.id, runs: [], lastIndex: index })
    this.#window = new EntryWindow(index + 1)
    // Until it is written the disk has what was committed before, and no more that is this log's; a write in flight brings nothing of it.
    this.#stableIndex = Math.min(this.#stableIndex, this.#commitIndex)
    this.#writingIndex = this.#stableIndex
    this.#writtenIndex = index
    this.#truncateFrom = undefined
    this.#reset = base
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
    this.#confs.truncateFrom(index)
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
    // What is not applied yet is about to be read, unless that takes a snapshot first; what is not durable is nowhere else.
    const lastIndex = this.#isHeld ? this.#durablyCommitted : Math.min(this.#lastApplied, this.#stableIndex)
    this.#window.evict({ lastIndex, bytesMax: this.#cacheBytesMax })
    // Where applying is held up they are read from the log after all: memory has a limit, that wait has none.
    this.#window.evict({ lastIndex: this.#durablyCommitted, bytesMax: 2 * this.#cacheBytesMax })
  }
}

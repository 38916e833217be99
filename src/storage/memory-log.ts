import { assert } from '../core/invariant.ts'
import type { ConfState, Entry, EntryId, Fence, HardState, Index, LogBase, LogSummary, Persist, Term, Witness } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import type { Done, EntriesDone, EntriesRange, Log } from '../ports/log.ts'
import { TermRuns } from './term-runs.ts'

/**
 * A log that ends with its process: for tests, and for one replica in memory. What was written stays in the object, so a node can be started
 * on it again after it "crashed"; `summary` is always current.
 */
export class MemoryLog implements Log {
  readonly #defer: (task: () => void) => void
  #base: LogBase
  /** Invariant: the entry at position `i` has index `firstIndex + i`. */
  #entries: Entry[] = []
  #hardState: HardState = { term: 0, votedFor: undefined }
  #fence: Fence | undefined
  #witness: readonly Witness[] | undefined
  #failure: Error | undefined
  #closed = false

  /** A new, empty log of a cluster with the configuration `conf`. `defer` brings callbacks back; default `queueMicrotask`. */
  constructor(conf: ConfState, defer: (task: () => void) => void = queueMicrotask) {
    this.#base = { id: { term: 0, index: 0 }, conf }
    this.#defer = defer
  }

  get currentTerm(): Term {
    return this.#hardState.term
  }
  get votedFor(): HardState['votedFor'] {
    return this.#hardState.votedFor
  }
  get firstIndex(): Index {
    return this.#base.id.index + 1
  }
  get latestLogIndex(): Index {
    return this.#base.id.index + this.#entries.length
  }
  get latestLogTerm(): Term {
    return (this.#entries.at(-1) ?? this.#base.id).term
  }

  get summary(): LogSummary {
    const terms = new TermRuns(this.#base.id)
    terms.append(this.#entries)
    const confs = this.#entries.flatMap(({ index, conf }) => (conf === undefined ? [] : [{ index, conf }]))
    return {
      hardState: this.#hardState,
      base: this.#base,
      lastIndex: this.latestLogIndex,
      terms: terms.runs,
      confs,
      ...(this.#fence === undefined ? {} : { fence: this.#fence }),
      ...(this.#witness === undefined ? {} : { witness: this.#witness }),
    }
  }

  appendEntries(persist: Persist, done: Done): void {
    this.#soon((refusal) => {
      if (refusal === undefined) this.#write(persist)
      done(refusal)
    })
  }

  compact(base: LogBase, done: Done): void {
    this.#soon((refusal) => {
      if (refusal === undefined && base.id.index > this.#base.id.index) this.#compact(base)
      done(refusal)
    })
  }

  entries({ firstIndex, lastIndex, bytesMax }: EntriesRange, done: EntriesDone): void {
    this.#soon((refusal) => {
      if (refusal !== undefined) return done(refusal, [])
      const found: Entry[] = []
      let bytes = 0
      const from = firstIndex - this.firstIndex
      for (const entry of from < 0 ? [] : this.#entries.slice(from, Math.max(lastIndex - this.firstIndex + 1, 0))) {
        bytes += entry.data.length
        if (found.length > 0 && bytes > bytesMax) break
        found.push(entry)
      }
      done(undefined, found)
    })
  }

  entry(index: Index, done: (error: Error | undefined, entry: Entry | undefined) => void): void {
    this.#soon((refusal) => done(refusal, refusal === undefined ? this.#entries[index - this.firstIndex] : undefined))
  }

  note(witness: readonly Witness[]): void {
    this.#witness = witness
  }

  close(done: Done): void {
    this.#closed = true
    this.#defer(() => done(undefined))
  }

  /** Loses the entries from `firstIndex` on, as a damaged disk does: what is opened again is fenced. Between two lives of a node. */
  lose(firstIndex: Index): void {
    const floor: EntryId = { term: this.latestLogTerm, index: this.latestLogIndex }
    this.#entries.length = Math.min(this.#entries.length, Math.max(firstIndex - this.firstIndex, 0))
    this.#fence = { floor }
  }

  /** Fails every call from now on, as a disk does. */
  fail(error: Error): void {
    this.#failure = new RaftgenError('STORAGE_FAILED', `memory: a write failed: ${error.message}`, { cause: error })
  }

  #soon(run: (refusal: Error | undefined) => void): void {
    const closed = this.#closed
    this.#defer(() => {
      run(this.#failure ?? (closed ? new RaftgenError('CLOSED', 'memory: the log is closed') : undefined))
    })
  }

  #compact(base: LogBase): void {
    const { index, term } = base.id
    assert(index <= this.latestLogIndex, 'a compaction ends within the log')
    assert(this.#entries[index - this.firstIndex]?.term === term, 'a compaction ends with an entry of the log')
    this.#entries = this.#entries.slice(index - this.#base.id.index)
    this.#base = base
  }

  #write({ hardState, reset, truncateFrom, entries, fence = this.#fence }: Persist): void {
    assert(hardState.term >= this.currentTerm, 'a term never falls (§3.3)')
    const voted = hardState.term === this.currentTerm && this.votedFor !== undefined
    assert(!voted || hardState.votedFor === this.votedFor, 'one vote a term (§3.4)')
    if (reset !== undefined) {
      assert(truncateFrom === undefined, 'a reset leaves nothing to truncate')
      this.#base = reset
      this.#entries = []
    }
    if (truncateFrom !== undefined) {
      assert(truncateFrom >= this.firstIndex, 'a truncation leaves the base in place')
      this.#entries.length = Math.min(this.#entries.length, truncateFrom - this.firstIndex)
    }
    for (const entry of entries) {
      assert(entry.index === this.latestLogIndex + 1, 'appended entries follow the log without a gap')
      assert(entry.term >= this.latestLogTerm, 'terms never fall along a log (§3.6)')
      this.#entries.push(entry)
    }
    assert(this.latestLogTerm <= hardState.term, 'no entry is of a later term than the node')
    this.#hardState = hardState
    const { floor } = fence ?? {}
    const term = this.latestLogTerm
    const isReached = floor !== undefined && (term > floor.term || (term === floor.term && this.latestLogIndex >= floor.index))
    this.#fence = isReached ? undefined : fence
  }
}

import type { Entry, Index, LogSummary, NodeId, Persist, Term } from '../core/types.ts'
import type { Done, EntriesDone, EntriesRange, Log } from '../ports/log.ts'

/** A log that tells of each write before it is made. */
export class WatchedLog implements Log {
  readonly #log: Log
  readonly #onWrite: (persist: Persist) => void

  constructor(log: Log, onWrite: (persist: Persist) => void) {
    this.#log = log
    this.#onWrite = onWrite
  }

  get currentTerm(): Term {
    return this.#log.currentTerm
  }
  get votedFor(): NodeId | undefined {
    return this.#log.votedFor
  }
  get firstIndex(): Index {
    return this.#log.firstIndex
  }
  get latestLogIndex(): Index {
    return this.#log.latestLogIndex
  }
  get latestLogTerm(): Term {
    return this.#log.latestLogTerm
  }
  get summary(): LogSummary {
    return this.#log.summary
  }

  appendEntries(write: Persist, done: Done): void {
    this.#onWrite(write)
    this.#log.appendEntries(write, done)
  }

  entries(range: EntriesRange, done: EntriesDone): void {
    this.#log.entries(range, done)
  }

  entry(index: Index, done: (error: Error | undefined, entry: Entry | undefined) => void): void {
    this.#log.entry(index, done)
  }

  close(done: Done): void {
    this.#log.close(done)
  }
}

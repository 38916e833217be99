import type { Entry, EntryId, Index, LogBase, LogSummary, NodeId, Persist, Term, Witness } from '../core/types.ts'
import type { Anchor, Done, EntriesDone, EntriesRange, Log, Skip } from '../ports/log.ts'
import type { BlockLog } from '../storage/block-log.ts'

export interface LogWatcher {
  /** Before it is handed to the log. */
  writes(persist: Persist): void
  /** After that: it is on its way to the disk. */
  handedOver(persist: Persist): void
  /** All of it is on the disk. */
  written(): void
  compacts(base: LogBase): void
  /** The log has done it, or had nothing to do. */
  compacted(base: LogBase): void
}

/** A log that tells of each change. */
export class WatchedLog implements Log {
  readonly #log: BlockLog
  readonly #watcher: LogWatcher

  constructor(log: BlockLog, watcher: LogWatcher) {
    this.#log = log
    this.#watcher = watcher
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
    this.#watcher.writes(write)
    this.#log.appendEntries(write, (error) => {
      if (error === undefined) this.#watcher.written()
      done(error)
    })
    this.#watcher.handedOver(write)
  }

  compact(base: LogBase, done: Done): void {
    this.#watcher.compacts(base)
    this.#log.compact(base, (error) => {
      this.#watcher.compacted(base)
      done(error)
    })
  }

  entries(range: EntriesRange, done: EntriesDone): void {
    this.#log.entries(range, done)
  }

  entry(index: Index, done: (error: Error | undefined, entry: Entry | undefined) => void): void {
    this.#log.entry(index, done)
  }

  salvaged(range: EntriesRange, done: EntriesDone): void {
    this.#log.salvaged(range, done)
  }

  get anchors(): readonly Anchor[] {
    return this.#log.anchors
  }
  get skips(): readonly Skip[] {
    return this.#log.skips
  }

  get end(): Anchor & EntryId {
    return this.#log.end
  }

  chainAfter(chain: number, entries: readonly Entry[]): number {
    return this.#log.chainAfter(chain, entries)
  }

  note(witness: readonly Witness[]): void {
    this.#log.note(witness)
  }

  close(done: Done): void {
    this.#log.close(done)
  }
}

// What one node has on its disk: its log, and its snapshots. Both survive a crash; what was not written does not.
import {
  assert,
  type Entry,
  type HardState,
  type Index,
  type LogBase,
  type LogSummary,
  type Persist,
  type TermRun,
} from '../../src/core/index.ts'

/** The state after `base.id`, durable as a whole. */
export interface Snapshot {
  readonly base: LogBase
  readonly state: string
}

export class ModelDisk {
  base: LogBase
  hardState: HardState
  entries: Entry[] = []
  /** Newest first. */
  snapshots: readonly Snapshot[]

  /** A base above index 0 comes from a snapshot. */
  constructor(base: LogBase) {
    this.base = base
    this.hardState = { term: base.id.term, votedFor: undefined }
    this.snapshots = base.id.index === 0 ? [] : [{ base, state: `given at ${base.id.index}` }]
  }

  get lastIndex(): Index {
    return this.base.id.index + this.entries.length
  }

  get summary(): LogSummary {
    const terms: TermRun[] = []
    for (const { term, index } of this.entries) {
      if (terms[terms.length - 1]?.term !== term) terms.push({ term, firstIndex: index })
    }
    const confs = this.entries.flatMap(({ index, conf }) => (conf === undefined ? [] : [{ index, conf }]))
    return { hardState: this.hardState, base: this.base, lastIndex: this.lastIndex, terms, confs }
  }

  /** The newest snapshot that the log goes on from, if there is one: the state at the start. */
  get restorable(): Snapshot | undefined {
    return this.snapshots.find(({ base: { id } }) => this.#termAt(id.index) === id.term)
  }

  entry(index: Index): Entry | undefined {
    return this.entries[index - this.base.id.index - 1]
  }

  /** All of it or nothing, as a `Log` must. */
  perform({ hardState, reset, truncateFrom, entries }: Persist): void {
    this.hardState = hardState
    if (reset !== undefined) {
      assert(truncateFrom === undefined, 'the disk is told to truncate a log that is reset')
      this.base = reset
      this.entries = []
    }
    if (truncateFrom !== undefined) {
      assert(truncateFrom <= this.lastIndex, `the disk is told to truncate from ${truncateFrom}, but ends at ${this.lastIndex}`)
      assert(truncateFrom > this.base.id.index, `the disk is told to truncate from ${truncateFrom}, but begins after ${this.base.id.index}`)
      this.entries.length = truncateFrom - 1 - this.base.id.index
    }
    for (const entry of entries) {
      assert(entry.index === this.lastIndex + 1, `the disk is given entry ${entry.index} after ${this.lastIndex}`)
      this.entries.push(entry)
    }
  }

  /** Drops what is up to `base`, an entry of this log. At or below the present base it does nothing. */
  compact(base: LogBase): void {
    const { term, index } = base.id
    if (index <= this.base.id.index) return
    assert(this.#termAt(index) === term, `the disk is told to compact up to entry ${index} of term ${term}, which it does not have`)
    this.entries.splice(0, index - this.base.id.index)
    this.base = base
  }

  /** Makes a snapshot durable: the two newest are kept. */
  keep(snapshot: Snapshot): void {
    const others = this.snapshots.filter(({ base }) => base.id.index !== snapshot.base.id.index)
    this.snapshots = [snapshot, ...others].sort((a, b) => b.base.id.index - a.base.id.index).slice(0, 2)
  }

  /** Stops before `bytesMax` bytes of data, but gives one entry at least if there is one. Nothing when the first is gone. */
  read(range: { readonly firstIndex: Index; readonly lastIndex: Index; readonly bytesMax: number }): readonly Entry[] {
    const read: Entry[] = []
    let bytes = 0
    for (let index = range.firstIndex; index <= range.lastIndex; index++) {
      const entry = this.entry(index)
      if (entry === undefined) break
      bytes += entry.data.length
      if (bytes > range.bytesMax && read.length > 0) break
      read.push(entry)
    }
    return read
  }

  #termAt(index: Index): number | undefined {
    return index === this.base.id.index ? this.base.id.term : this.entry(index)?.term
  }
}

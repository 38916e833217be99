import type { Entry, Index, NodeId } from '../core/index.ts'
import type { NodeLimits } from './options.ts'

/** The fractional parts of its multiples lie as far apart as so many points can: those of neighbouring ids, too. */
const goldenRatio = 0.618_033_988_749_895

export interface RhythmOptions {
  readonly id: NodeId
  readonly limits: Pick<NodeLimits, 'snapshotEntries' | 'snapshotLogBytes'>
}

/**
 * When a node takes its snapshots: every `snapshotEntries` entries, or `snapshotLogBytes` bytes of commands, but not where the others do: they
 * would all be slower at the same time. Of the entries each has its own of every `snapshotEntries`, by its id, and comes back to them after one
 * that was taken at another; of the bytes, only the first number is a share by id.
 */
export class SnapshotRhythm {
  readonly #options: RhythmOptions
  /** In (0, 1]. */
  readonly #share: number
  #dueIndex: Index = 0
  #dueBytes = 0
  /** Applied since the last one was begun. */
  #bytes = 0

  /** `lastIndex`: of the snapshot that the state was read from; 0 for none. */
  constructor(options: RhythmOptions, lastIndex: Index) {
    this.#options = options
    this.#share = (options.id * goldenRatio) % 1 || 1
    if (lastIndex === 0) this.restored(0)
    else this.begun(lastIndex)
  }

  passed(entry: Entry): void {
    this.#bytes += entry.data.length
  }

  isDue(lastApplied: Index): boolean {
    return lastApplied >= this.#dueIndex || this.#bytes >= this.#dueBytes
  }

  /** One of the state at `index` is taken, or was tried in vain. */
  begun(index: Index): void {
    this.#bytes = 0
    this.#dueIndex = this.#turnAfter(index)
    this.#dueBytes = this.#options.limits.snapshotLogBytes
  }

  /** The state is that of a snapshot of somebody else, whose rhythm is not to become this node's. */
  restored(index: Index): void {
    this.begun(index)
    this.#dueBytes *= this.#share
  }

  /** The first entry of this node's own that is not too near to the last one. */
  #turnAfter(index: Index): Index {
    const { snapshotEntries } = this.#options.limits
    const first = Math.ceil(snapshotEntries * this.#share)
    const earliest = index === 0 ? first : index + Math.ceil(snapshotEntries / 2)
    return first + snapshotEntries * Math.max(0, Math.ceil((earliest - first) / snapshotEntries))
  }
}

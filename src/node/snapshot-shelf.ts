// The snapshots that this node has: which it vouches for, which it keeps, and how far the log may be compacted because of them.
import type { EntryId, Index, Ms, SnapshotMeta } from '../core/index.ts'
import type { Replica } from '../machine/replica.ts'
import type { Clock } from '../ports/clock.ts'
import type { Snapshots } from '../ports/snapshots.ts'
import type { NodeEvent } from './options.ts'

/** The newest, and one to fall back to: where that is damaged, the older one and the log behind it give the same state. */
const keptSnapshots = 2
/** One that somebody fetches stays this long after its last piece. Milliseconds. */
const servedMs = 10_000
/** Never more than this many, whoever fetches them: each may be as large as the state. */
const snapshotsMax = 4
/** How often those are looked at that stayed for somebody. Milliseconds. */
const pruneMs = 1_000

export interface ShelfPorts {
  readonly snapshots: Snapshots
  readonly replica: Replica
  readonly clock: Clock
  /** It is being read, or about to be, to take the place of the state. */
  isInUse(index: Index): boolean
  report(event: NodeEvent): void
}

export class SnapshotShelf {
  readonly #ports: ShelfPorts
  /** When a piece of it was last asked for, by index. */
  readonly #served = new Map<Index, Ms>()
  /**
   * Nobody has found out whether their content is any good: fetched, and not read yet, or left behind by an earlier life that did not come to it.
   * They cover nothing, and nobody else may have them.
   */
  readonly #doubted: Set<string>
  /** Something stayed only because it was served, or goes as soon as the state has got there. */
  #hasSurplus = false
  #prunedAt: Ms = 0
  /** It shows how replicas differ. */
  #kept: Index = 0

  constructor(ports: ShelfPorts) {
    this.#ports = ports
    const { snapshots, replica } = ports
    this.#doubted = new Set(snapshots.list.filter(({ id }) => id.index > replica.lastApplied).map(keyOf))
  }

  /** The one of `index` is to stay, and none that was before. */
  keep(index: Index): void {
    this.#kept = index
  }

  /** It was fetched. */
  doubt(snapshot: SnapshotMeta): void {
    this.#doubted.add(keyOf(snapshot))
  }

  /** Its content was read, and is a state. */
  trust(snapshot: SnapshotMeta): void {
    this.#doubted.delete(keyOf(snapshot))
  }

  /** Its content was read, and is none: it covers nothing any more. */
  condemn(snapshot: SnapshotMeta, cause: Error): void {
    const { snapshots, report } = this.#ports
    this.#doubted.delete(keyOf(snapshot))
    snapshots.condemn(snapshot, cause, (error) => {
      if (error !== undefined) report({ kind: 'snapshotFailed', index: snapshot.id.index, error })
    })
  }

  /** The states from `firstIndex` up to before `endIndex` are none that the log leads to: nothing of them is used again, nor given to anybody. */
  disown({ firstIndex, endIndex }: { readonly firstIndex: Index; readonly endIndex: Index }): void {
    const cause = new Error(`the command at index ${firstIndex} was applied in it, and entry ${endIndex} says that it was to be skipped`)
    const wrong = this.#ports.snapshots.list.filter(({ id }) => id.index >= firstIndex && id.index < endIndex)
    for (const snapshot of wrong) this.condemn(snapshot, cause)
  }

  /** The newest of at least `minIndex` that this node vouches for. */
  newest(minIndex: Index): SnapshotMeta | undefined {
    return this.#ports.snapshots.list.find((one) => one.id.index >= minIndex && this.#isOurs(one))
  }

  find({ id, checksum }: { readonly id: EntryId; readonly checksum: number }): SnapshotMeta | undefined {
    return this.#ports.snapshots.list.find(
      (one) => one.id.index === id.index && one.id.term === id.term && one.checksum === checksum && this.#isOurs(one),
    )
  }

  /** Somebody fetches it. */
  serve({ id }: SnapshotMeta): void {
    this.#served.set(id.index, this.#ports.clock.monotonicMs())
  }

  /** Every entry up to here is in all snapshots that are kept; 0 while there is nothing to fall back to. */
  get coveredIndex(): Index {
    return this.#ours()[keptSnapshots - 1]?.id.index ?? 0
  }

  /** Removes those that newer ones have superseded. */
  prune(): void {
    const now = this.#ports.clock.monotonicMs()
    this.#prunedAt = now
    for (const [index, at] of this.#served) if (now - at >= servedMs) this.#served.delete(index)
    const old = this.#ours().slice(keptSnapshots)
    const stay = old.filter(({ id }) => id.index === this.#kept || this.#served.has(id.index)).slice(0, snapshotsMax - keptSnapshots)
    this.#hasSurplus = stay.length > 0 || this.#doubted.size > 0
    for (const snapshot of [...old.filter((one) => !stay.includes(one)), ...this.#left()]) this.#remove(snapshot)
  }

  pruneLater(): void {
    if (this.#hasSurplus && this.#ports.clock.monotonicMs() - this.#prunedAt >= pruneMs) this.prune()
  }

  #ours(): readonly SnapshotMeta[] {
    return this.#ports.snapshots.list.filter((one) => this.#isOurs(one))
  }

  /** Fetched ones that are of no use any more. Of those that the state has not reached only the newest can still be used. */
  #left(): readonly SnapshotMeta[] {
    const { snapshots, isInUse } = this.#ports
    const others = snapshots.list.filter((one) => !this.#isOurs(one) && !isInUse(one.id.index))
    const [newest] = others.filter(({ id }) => !this.#isApplied(id))
    return others.filter((one) => one !== newest)
  }

  /**
   * What is ahead of the state was fetched and is not installed. It is committed all the same, but the term in which this became known is
   * forgotten, so nobody else may have it from here.
   */
  #isOurs(snapshot: SnapshotMeta): boolean {
    return this.#isApplied(snapshot.id) && !this.#doubted.has(keyOf(snapshot))
  }

  #isApplied({ index }: EntryId): boolean {
    return index <= this.#ports.replica.lastApplied
  }

  #remove(snapshot: SnapshotMeta): void {
    const { snapshots, report } = this.#ports
    this.#doubted.delete(keyOf(snapshot))
    snapshots.remove(snapshot, (error) => {
      if (error !== undefined) report({ kind: 'snapshotFailed', index: snapshot.id.index, error })
    })
  }
}

const keyOf = ({ id, bytes, checksum }: SnapshotMeta): string => `${id.index} ${id.term} ${bytes} ${checksum}`

import { type ConfState, type Entry, type EntryId, InvariantError, type Ms } from '../core/index.ts'
import type { Replica } from '../machine/replica.ts'
import type { Clock } from '../ports/clock.ts'
import type { Snapshots, SnapshotWriter } from '../ports/snapshots.ts'
import { encodeReplica } from '../wire/replica-codec.ts'
import type { NodeEvent, NodeLimits } from './options.ts'

/** After a failed write nobody gets one on demand for this long: a full disk would be asked at every request. Milliseconds. */
const pauseMs = 10_000

export interface SnapshotterPorts {
  readonly snapshots: Snapshots
  readonly replica: Replica
  readonly clock: Clock
  readonly limits: Pick<NodeLimits, 'snapshotEntries' | 'snapshotLogBytes'>
  wake(): void
  report(event: NodeEvent): void
}

interface Taking {
  readonly id: EntryId
  readonly startedAt: Ms
  readonly pieces: readonly Uint8Array[]
  readonly writer: SnapshotWriter
}

/**
 * Takes snapshots of the state as it is between two entries: encoded at once, written piece by piece while the node goes on. One at a time.
 * One that fails is tried again after as many entries as are between two.
 */
export class Snapshotter {
  readonly #ports: SnapshotterPorts
  /** In force at the last entry applied. */
  #conf: ConfState
  /** Applied since the last one was begun. */
  #entries = 0
  #bytes = 0
  #isWanted = false
  #isWriting = false
  #hasFinished = false
  /** `undefined`: none has failed. */
  #failedAt: Ms | undefined

  /** `conf`: in force at the last entry that `replica` has applied. */
  constructor(ports: SnapshotterPorts, conf: ConfState) {
    this.#ports = ports
    this.#conf = conf
  }

  get isWriting(): boolean {
    return this.#isWriting
  }

  /** `entry` was applied. */
  passed(entry: Entry): void {
    this.#entries += 1
    this.#bytes += entry.data.length
    if (entry.conf !== undefined) this.#conf = entry.conf
  }

  /** The state was replaced by one in which `conf` is in force, and which is in a snapshot already. */
  restored(conf: ConfState): void {
    this.#conf = conf
    this.#entries = 0
    this.#bytes = 0
    this.#isWanted = false
  }

  /** Somebody needs one newer than there is. */
  request(): void {
    if (this.#failedAt !== undefined && this.#ports.clock.monotonicMs() - this.#failedAt < pauseMs) return
    this.#isWanted = true
  }

  /** Between two entries: takes one if it is time for that. */
  maybeTake(): void {
    const { snapshotEntries, snapshotLogBytes } = this.#ports.limits
    const isDue = this.#isWanted || this.#entries >= snapshotEntries || this.#bytes >= snapshotLogBytes
    if (!isDue || this.#isWriting) return
    const { replica, snapshots } = this.#ports
    this.#entries = 0
    this.#bytes = 0
    this.#isWanted = false
    const id = { term: replica.lastAppliedTerm, index: replica.lastApplied }
    // Before the first entry there is nothing to take; and one of the same state would be the same.
    if (id.index === 0 || snapshots.list.some((one) => one.id.index === id.index)) return
    this.#take(id)
  }

  /** True once after each that has become durable. */
  takeFinished(): boolean {
    const hasFinished = this.#hasFinished
    this.#hasFinished = false
    return hasFinished
  }

  #take(id: EntryId): void {
    const { snapshots, clock } = this.#ports
    const startedAt = clock.monotonicMs()
    const pieces = this.#encode(id)
    if (pieces === undefined) return
    this.#isWriting = true
    this.#write({ id, startedAt, pieces, writer: snapshots.create({ id, conf: this.#conf }) }, 0)
  }

  /** All of it, before anything more is applied. A machine that cannot is reported: its state is as good as before. */
  #encode(id: EntryId): readonly Uint8Array[] | undefined {
    try {
      return [...encodeReplica(this.#ports.replica)]
    } catch (error) {
      if (error instanceof InvariantError) throw error
      this.#failed(id, error instanceof Error ? error : new Error(String(error)))
      return undefined
    }
  }

  #write(taking: Taking, position: number): void {
    const piece = taking.pieces[position]
    if (piece === undefined) return this.#finish(taking)
    taking.writer.write(piece, (error) => {
      if (error === undefined) this.#write(taking, position + 1)
      else this.#failed(taking.id, error)
    })
  }

  #finish({ id, startedAt, writer }: Taking): void {
    const { clock, report, wake } = this.#ports
    writer.finish((error, snapshot) => {
      if (error !== undefined) return this.#failed(id, error)
      this.#isWriting = false
      this.#hasFinished = true
      this.#failedAt = undefined
      report({ kind: 'snapshotTaken', index: id.index, bytes: snapshot?.bytes ?? 0, tookMs: clock.monotonicMs() - startedAt })
      wake()
    })
  }

  #failed({ index }: EntryId, error: Error): void {
    const { clock, report } = this.#ports
    this.#isWriting = false
    this.#failedAt = clock.monotonicMs()
    report({ kind: 'snapshotFailed', index, error })
  }
}

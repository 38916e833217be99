import { type ConfState, type Entry, type EntryId, type Index, InvariantError, type Ms, type NodeId } from '../core/index.ts'
import { RaftgenError } from '../errors.ts'
import type { Replica } from '../machine/replica.ts'
import type { Clock } from '../ports/clock.ts'
import type { Snapshots, SnapshotWriter } from '../ports/snapshots.ts'
import { encodeReplica } from '../wire/replica-codec.ts'
import type { NodeEvent, NodeLimits } from './options.ts'
import { SnapshotRhythm } from './snapshot-rhythm.ts'

/** After a failed write nobody gets one on demand for this long: a full disk would be asked at every request. Milliseconds. */
const pauseMs = 10_000
/** Encoded in one turn, up to a piece more: half a millisecond of work, and all that is kept in memory of it. */
const sliceBytes = 32 * 1_024
/** While commands are applied a slice is followed by so many times as long without one: they keep five sixths of the time, and most of the rest. */
const restTimes = 5
/** Commands are applied as long as the last was so recently. Milliseconds. */
const busyMs = 20

export interface SnapshotterPorts {
  readonly id: NodeId
  readonly snapshots: Snapshots
  readonly replica: Replica
  readonly clock: Clock
  readonly limits: Pick<NodeLimits, 'snapshotEntries' | 'snapshotLogBytes' | 'applySliceMs'>
  wake(): void
  report(event: NodeEvent): void
}

interface Taking {
  readonly id: EntryId
  readonly conf: ConfState
  readonly startedAt: Ms
  readonly pieces: Generator<Uint8Array>
  /** Made with the first piece. */
  writer: SnapshotWriter | undefined
  /** Whether the live state is still being read. */
  readonly live: { isRead: boolean }
  /** The next slice waits until then, while commands are applied. */
  restsUntil: Ms
  /** All pieces were made. */
  isDrained: boolean
  /** The next slice may be made: what was is written. */
  isReady: boolean
  /** Why it cannot be written. */
  error: Error | undefined
  /** What one step of it has taken at most. */
  longestMs: Ms
}

/**
 * Takes snapshots of the state as it is between two entries, in slices: each turn encodes a little, and the next of it only once that is
 * written. Of a frozen state, while everything goes on, and no faster than commands leave time for; of a machine that has none, while nothing may
 * be applied (`isEncoding`). One at a time; one that fails is tried again when it is time for the next.
 */
export class Snapshotter {
  readonly #ports: SnapshotterPorts
  readonly #rhythm: SnapshotRhythm
  /** In force at the last entry applied. */
  #conf: ConfState
  #isWanted = false
  /** Last entry applied before the last turn of a snapshot, and when there was a newer one. */
  #seen: Index = 0
  #busyAt: Ms = Number.NEGATIVE_INFINITY
  #taking: Taking | undefined
  /** Set aside to be taken next, though more has been applied since. */
  #next: Taking | undefined
  /** The store is at it: until the last step, be it that of giving up, has come back. */
  #isWriting = false
  #hasFinished = false
  /** `undefined`: none has failed. */
  #failedAt: Ms | undefined

  /** `conf`: in force at the last entry that `replica` has applied. */
  constructor(ports: SnapshotterPorts, conf: ConfState) {
    this.#ports = ports
    this.#rhythm = new SnapshotRhythm(ports, ports.replica.lastApplied)
    this.#conf = conf
  }

  get isWriting(): boolean {
    return this.#isWriting
  }

  /** The replica must stay as it is. */
  get isEncoding(): boolean {
    return this.#taking?.live.isRead ?? false
  }

  /** `entry` was applied. */
  passed(entry: Entry): void {
    this.#rhythm.passed(entry)
    if (entry.conf !== undefined) this.#conf = entry.conf
  }

  /** The state was replaced by that of `index`, in which `conf` is in force, and which is in a snapshot already. */
  restored(index: Index, conf: ConfState): void {
    this.#conf = conf
    this.#rhythm.restored(index)
    this.#isWanted = false
  }

  /** Somebody needs one newer than there is. */
  request(): void {
    if (this.#failedAt !== undefined && this.#ports.clock.monotonicMs() - this.#failedAt < pauseMs) return
    this.#isWanted = true
  }

  /** The state is about to be replaced: one that still reads the live one is given up, and is no loss beside a newer one. */
  cancel(): void {
    const taking = this.#taking
    if (taking?.live.isRead === true) this.#giveUp(taking)
  }

  /** The state is none that the log leads to: what is being made of it goes, or is finished and then disowned. */
  abandon(): void {
    this.#isWanted = false
    this.#next?.pieces.return(undefined)
    this.#next = undefined
    if (this.#taking?.isDrained === false) this.#giveUp(this.#taking)
  }

  /** There is no room for one: what is there of it goes, and it is taken again when there is. */
  putOff(): void {
    const taking = this.#taking
    if (taking === undefined || taking.isDrained) return
    this.#giveUp(taking)
    this.#isWanted = true
  }

  /** Between two entries: one of just this state is to be taken. Of a machine without frozen views it may become one of a later state. */
  takeThis(): void {
    const taking = this.#next ?? this.#draw()
    if (taking?.live.isRead === false) this.#next = taking
    else this.#isWanted = true
    this.#ports.wake()
  }

  /**
   * Between two entries: takes one that was set aside for it; or, with `forOthers`, one that somebody needs; or, with `isRhythmic`, one if it is time
   * for that.
   */
  maybeTake({ forOthers = true, isRhythmic = true } = {}): void {
    const index = this.#ports.replica.lastApplied
    const isDue = this.#next !== undefined || (forOthers && this.#isWanted) || (isRhythmic && this.#rhythm.isDue(index))
    if (this.#isWriting || !isDue) return
    const taking = this.#next ?? this.#draw()
    if (this.#next === undefined) {
      this.#rhythm.begun(index)
      this.#isWanted = false
    }
    this.#next = undefined
    if (taking === undefined) return
    this.#taking = taking
    this.#isWriting = true
    this.#goOn(taking)
  }

  /** `undefined`: there is one of this state. */
  #draw(): Taking | undefined {
    const { replica, snapshots, clock } = this.#ports
    const index = replica.lastApplied
    // Before the first entry, and before the state has a version, there is nothing to take; and one of the same state would be the same.
    if (index === 0 || !replica.hasBegun || snapshots.list.some(({ id }) => id.index === index)) return undefined
    const live = { isRead: true }
    const startedAt = clock.monotonicMs()
    const pieces = encodeReplica(replica, () => {
      live.isRead = false
    })
    return {
      id: { term: replica.lastAppliedTerm, index },
      conf: this.#conf,
      startedAt,
      pieces,
      live,
      writer: undefined,
      restsUntil: 0,
      isDrained: false,
      isReady: true,
      error: undefined,
      longestMs: clock.monotonicMs() - startedAt,
    }
  }

  /** In each turn: makes the next slice of what is under way, when it is time for that. */
  advance(): void {
    const taking = this.#taking
    if (taking?.isReady !== true || this.#isResting(taking)) return
    const wasEncoding = taking.live.isRead
    this.#goOn(taking)
    // What was held back meanwhile is applied in a turn of its own.
    if (wasEncoding && !this.isEncoding) this.#ports.wake()
  }

  /** True once after each that has become durable. */
  takeFinished(): boolean {
    const hasFinished = this.#hasFinished
    this.#hasFinished = false
    return hasFinished
  }

  #goOn(taking: Taking): void {
    taking.isReady = false
    if (taking.error !== undefined) return this.#failed(taking, taking.error)
    const { clock } = this.#ports
    const begunAt = clock.monotonicMs()
    const slice = this.#encode(taking)
    if (slice === undefined) return
    this.#write(taking, slice, 0)
    const now = clock.monotonicMs()
    taking.longestMs = Math.max(taking.longestMs, now - begunAt)
    taking.restsUntil = now + restTimes * (now - begunAt)
  }

  /** Turns come by themselves meanwhile: with the commands that it makes room for, or with the next tick. */
  #isResting({ live, restsUntil }: Taking): boolean {
    const { clock, replica } = this.#ports
    const now = clock.monotonicMs()
    if (replica.lastApplied > this.#seen) this.#busyAt = now
    this.#seen = replica.lastApplied
    return !live.isRead && now < restsUntil && now - this.#busyAt < busyMs
  }

  /** A machine that cannot is reported: its state is as good as before. */
  #encode(taking: Taking): readonly Uint8Array[] | undefined {
    try {
      return this.#nextSlice(taking)
    } catch (error) {
      // The state in memory is not what was written to it: this node cannot go on with it.
      const isFatal = error instanceof InvariantError || (error instanceof RaftgenError && error.code === 'STATE_DIVERGED')
      if (isFatal) throw error
      this.#failed(taking, error instanceof Error ? error : new Error(String(error)))
      return undefined
    }
  }

  /** Bound by bytes, and by time as well: small values take longer than large ones. One piece at least, unless there is none. */
  #nextSlice(taking: Taking): readonly Uint8Array[] {
    const { clock, limits } = this.#ports
    const deadline = clock.monotonicMs() + limits.applySliceMs
    const slice: Uint8Array[] = []
    for (let bytes = 0; bytes < sliceBytes; ) {
      const next = taking.pieces.next()
      taking.isDrained = next.done === true
      if (next.done === true) break
      slice.push(next.value)
      bytes += next.value.length
      if (clock.monotonicMs() >= deadline) break
    }
    return slice
  }

  #write(taking: Taking, slice: readonly Uint8Array[], position: number): void {
    const piece = slice[position]
    if (piece === undefined) return this.#written(taking)
    taking.writer ??= this.#ports.snapshots.create({ id: taking.id, conf: taking.conf })
    taking.writer.write(piece, (error) => {
      // Given up meanwhile.
      if (this.#taking !== taking) return
      if (error === undefined) return this.#write(taking, slice, position + 1)
      taking.error = error
      this.#becomeReady(taking)
    })
  }

  #written(taking: Taking): void {
    if (taking.isDrained && taking.writer !== undefined) this.#finish(taking, taking.writer)
    else this.#becomeReady(taking)
  }

  #becomeReady(taking: Taking): void {
    taking.isReady = true
    this.#ports.wake()
  }

  #finish(taking: Taking, writer: SnapshotWriter): void {
    const { clock, report, wake } = this.#ports
    const { startedAt, longestMs, id } = taking
    writer.finish((error, snapshot) => {
      taking.error = error
      if (error !== undefined) return this.#failed(taking, error)
      this.#taking = undefined
      this.#isWriting = false
      this.#hasFinished = true
      this.#failedAt = undefined
      report({ kind: 'snapshotTaken', index: id.index, bytes: snapshot?.bytes ?? 0, tookMs: clock.monotonicMs() - startedAt, longestMs })
      wake()
    })
  }

  #failed(taking: Taking, error: Error): void {
    const { clock, report } = this.#ports
    this.#failedAt = clock.monotonicMs()
    this.#giveUp(taking)
    report({ kind: 'snapshotFailed', index: taking.id.index, error })
  }

  #giveUp({ pieces, writer, error }: Taking): void {
    this.#taking = undefined
    pieces.return(undefined)
    const ended = (): void => {
      this.#isWriting = false
      this.#ports.wake()
    }
    // After an error of its own it has left nothing behind.
    if (writer === undefined || error !== undefined) ended()
    else writer.abort(ended)
  }
}

import { assert } from '../core/invariant.ts'
import type { ConfState, EntryId, SnapshotMeta } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import type { Done } from '../ports/log.ts'
import type { SnapshotWriter } from '../ports/snapshots.ts'
import type { Files } from './files.ts'
import { nameOf, titleOf } from './snapshot-format.ts'
import { SnapshotSink } from './snapshot-sink.ts'
import { Turns } from './turns.ts'

type MetaDone = (error: Error | undefined, snapshot: SnapshotMeta | undefined) => void

export interface NewSnapshot {
  readonly id: EntryId
  readonly conf: ConfState
  readonly expected?: { readonly bytes: number; readonly checksum: number }
}

/** What a writer needs of its store. */
export interface WriterPlace {
  readonly files: Files
  /** For messages. */
  readonly name: string
  /** Gives the file `source`, which is whole and synced, its name for good, or leaves nothing of it. */
  publish(source: string, id: EntryId, done: MetaDone): void
  /** Another may begin. */
  ended(): void
}

/** Writes one snapshot: into `snapshot-10-2.new`, and under its own name only when it is whole and synced. */
export class StoreWriter implements SnapshotWriter {
  readonly #snapshot: NewSnapshot
  readonly #place: WriterPlace
  readonly #sink: SnapshotSink
  readonly #turns = new Turns()
  /** Why nothing can be written any more. */
  #refusal: RaftgenError | undefined
  /** Nothing of it is left to be removed. */
  #hasEnded = false

  constructor(snapshot: NewSnapshot, place: WriterPlace) {
    this.#snapshot = snapshot
    this.#place = place
    this.#sink = new SnapshotSink(place.files, { ...snapshot, name: `${nameOf(snapshot.id)}.new` })
  }

  get bytes(): number {
    return this.#sink.bytes
  }

  write(data: Uint8Array, done: Done): void {
    this.#step(done, (leave) => {
      this.#sink.append(data, (error) => {
        if (error !== undefined) return this.#giveUp(this.#failed(error), leave, done)
        leave()
        done(undefined)
      })
    })
  }

  finish(done: MetaDone): void {
    const refused = (error: Error | undefined): void => done(error, undefined)
    this.#step(refused, (leave) => {
      const mismatch = this.#mismatch()
      if (mismatch !== undefined) return this.#giveUp(mismatch, leave, refused)
      this.#sink.end((error) => {
        if (error !== undefined) return this.#giveUp(this.#failed(error), leave, refused)
        this.#place.publish(this.#sink.name, this.#snapshot.id, (error, meta) => {
          this.#end(error === undefined ? this.#sentence('CLOSED', 'is written already') : this.#failed(error), leave)
          done(error === undefined ? undefined : this.#refusal, meta)
        })
      })
    })
  }

  abort(done: Done): void {
    const aborted = this.#sentence('CLOSED', 'was given up')
    // Not while one is under way that may still succeed: `finish` decides then.
    if (this.#turns.isIdle) this.#refusal ??= aborted
    this.#turns.take((leave) => {
      if (!this.#hasEnded) return this.#giveUp(aborted, leave, () => done(undefined))
      this.#place.files.defer(() => {
        leave()
        done(undefined)
      })
    })
  }

  /** One at a time. What is refused never comes to the disk. */
  #step(refused: Done, run: (leave: () => void) => void): void {
    assert(this.#turns.isIdle || this.#refusal !== undefined, 'a snapshot is written one step at a time')
    this.#turns.take((leave) => {
      const refusal = this.#refusal
      if (refusal === undefined) return run(leave)
      this.#place.files.defer(() => {
        leave()
        refused(refusal)
      })
    })
  }

  #giveUp(error: RaftgenError, leave: () => void, done: Done): void {
    this.#refusal ??= error
    this.#sink.discard(() => {
      this.#end(error, leave)
      done(error)
    })
  }

  #end(refusal: RaftgenError, leave: () => void): void {
    this.#refusal ??= refusal
    this.#hasEnded = true
    this.#place.ended()
    leave()
  }

  #mismatch(): RaftgenError | undefined {
    const { expected } = this.#snapshot
    const { bytes, checksum } = this.#sink
    if (expected === undefined || (expected.bytes === bytes && expected.checksum === checksum)) return undefined
    const [found, wanted] = [{ bytes, checksum }, expected].map((one) => `${one.bytes} bytes with checksum ${one.checksum}`)
    return this.#sentence('STORAGE_DAMAGED', `came as ${found} instead of ${wanted}. Nothing of it is kept; fetch it again`)
  }

  #failed(cause: Error): RaftgenError {
    const what = `could not be written: ${cause.message}. Nothing of it is kept`
    return cause instanceof RaftgenError ? cause : this.#sentence('STORAGE_FAILED', what, cause)
  }

  #sentence(code: 'CLOSED' | 'STORAGE_DAMAGED' | 'STORAGE_FAILED', what: string, cause?: Error): RaftgenError {
    return new RaftgenError(code, `${this.#place.name}: ${titleOf(this.#snapshot)} ${what}`, { cause })
  }
}

/** For who comes while another is at it: every step fails, and nothing is written. */
export class RefusedWriter implements SnapshotWriter {
  readonly bytes = 0
  readonly #files: Files
  readonly #refusal: RaftgenError

  constructor(files: Files, refusal: RaftgenError) {
    this.#files = files
    this.#refusal = refusal
  }

  write(_data: Uint8Array, done: Done): void {
    this.#files.defer(() => done(this.#refusal))
  }

  finish(done: MetaDone): void {
    this.#files.defer(() => done(this.#refusal, undefined))
  }

  abort(done: Done): void {
    this.#files.defer(() => done(undefined))
  }
}

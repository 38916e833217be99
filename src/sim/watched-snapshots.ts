import type { ConfState, EntryId, SnapshotMeta } from '../core/types.ts'
import type { Done } from '../ports/log.ts'
import type { Snapshots, SnapshotWriter } from '../ports/snapshots.ts'

/** A store that tells of each snapshot that it has got. */
export class WatchedSnapshots implements Snapshots {
  readonly #snapshots: Snapshots
  readonly #onStored: (meta: SnapshotMeta) => void

  constructor(snapshots: Snapshots, onStored: (meta: SnapshotMeta) => void) {
    this.#snapshots = snapshots
    this.#onStored = onStored
  }

  get list(): readonly SnapshotMeta[] {
    return this.#snapshots.list
  }

  create(snapshot: {
    readonly id: EntryId
    readonly conf: ConfState
    readonly expected?: { readonly bytes: number; readonly checksum: number }
  }): SnapshotWriter {
    const writer = this.#snapshots.create(snapshot)
    return {
      get bytes() {
        return writer.bytes
      },
      write: (data, done) => writer.write(data, done),
      abort: (done) => writer.abort(done),
      finish: (done) =>
        writer.finish((error, meta) => {
          if (meta !== undefined) this.#onStored(meta)
          done(error, meta)
        }),
    }
  }

  read(
    snapshot: SnapshotMeta,
    range: { readonly offset: number; readonly bytesMax: number },
    done: (error: Error | undefined, data: Uint8Array) => void,
  ): void {
    this.#snapshots.read(snapshot, range, done)
  }

  remove(snapshot: SnapshotMeta, done: Done): void {
    this.#snapshots.remove(snapshot, done)
  }

  condemn(snapshot: SnapshotMeta, cause: Error, done: Done): void {
    this.#snapshots.condemn(snapshot, cause, done)
  }

  close(done: Done): void {
    this.#snapshots.close(done)
  }
}

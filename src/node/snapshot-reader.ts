import { replicaPieceBytes, ReplicaDecoder } from '../wire/replica-codec.ts'
import type { SnapshotMeta } from '../core/index.ts'
import type { Snapshots } from '../ports/snapshots.ts'

/** Reads a whole state from the store, piece after piece, each in a turn of its own. `done` is called once, never before this returned. */
export function readReplica(
  snapshots: Snapshots,
  snapshot: SnapshotMeta,
  done: (error: Error | undefined, decoder: ReplicaDecoder | undefined) => void,
): void {
  const decoder = new ReplicaDecoder(snapshot.bytes)
  const readFrom = (offset: number): void => {
    snapshots.read(snapshot, { offset, bytesMax: Math.min(replicaPieceBytes, snapshot.bytes - offset) }, (error, data) => {
      if (error !== undefined) return done(error, undefined)
      decoder.write(data)
      const next = offset + data.length
      // A piece without bytes before the end would be asked for again for ever: the decoder says then what is missing.
      if (next >= snapshot.bytes || data.length === 0) return done(undefined, decoder)
      readFrom(next)
    })
  }
  readFrom(0)
}

import type { SnapshotMeta } from '../core/index.ts'
import type { StateMachine } from '../machine/state-machine.ts'
import type { Snapshots } from '../ports/snapshots.ts'
import { replicaPieceBytes } from '../wire/replica-codec.ts'
import { ReplicaDecoder } from '../wire/replica-decoder.ts'

/** Reads a whole state for `machine` from the store, piece after piece, each read and decoded in a turn of its own. `done` is called once, never before this returned. */
export function readReplica(
  { snapshots, machine }: { readonly snapshots: Snapshots; readonly machine: StateMachine },
  snapshot: SnapshotMeta,
  done: (error: Error | undefined, decoder: ReplicaDecoder | undefined) => void,
): void {
  const decoder = new ReplicaDecoder(machine, snapshot.bytes)
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

// Where the states of two builds differ: as snapshots of them, which is how states are compared.
import type { Lock } from '../../codegen/lock.ts'
import { identityOf } from '../machine/evolution.ts'
import { encodeReplica } from '../wire/replica-codec.ts'
import type { ReplaySide } from './replay-side.ts'
import type { Pair, Replica } from './snapshot-pair.ts'
import { SnapshotStream } from './snapshot-stream.ts'
import { compareStates } from './state-comparison.ts'
import { stateReader } from './state-reader.ts'
import type { Comparison } from './state-tally.ts'

export interface SideComparison extends Comparison {
  /** A reply in the words of the schema, as far as these are known. */
  reply(reply: Uint8Array): object
}

export async function comparedSides(
  [old, next]: readonly [ReplaySide, ReplaySide],
  { lock, limit }: { readonly lock: Lock | undefined; readonly limit: number },
): Promise<SideComparison> {
  const reader = stateReader(lock, identityOf(next.replica.machine))
  const pair: Pair = [await asSnapshot(old), await asSnapshot(next)]
  return { ...(await compareStates(pair, { reader, limit })), reply: (reply) => reader.reply(reply) }
}

async function asSnapshot({ build: { label }, replica }: ReplaySide): Promise<Replica> {
  const content = Buffer.concat([...encodeReplica(replica)])
  const id = { index: replica.lastApplied, term: replica.lastAppliedTerm }
  const meta = { id, bytes: content.length }
  const open = {
    meta,
    read: ({ offset, bytesMax }: { readonly offset: number; readonly bytesMax: number }) =>
      Promise.resolve(content.subarray(offset, offset + bytesMax)),
    close: () => Promise.resolve(),
  }
  const seen = { id, path: `the state of the ${label} build`, isAside: false }
  return { dir: label, ...(await SnapshotStream.open(seen, open, () => {})) }
}

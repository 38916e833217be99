// States of which no schema is known: whether they are made of fields all the same, and what differs where they are not.
import { readFieldCount, readFieldKind, readPacked, readPackedBlock, readTableSize } from '../contract/v1/snapshot.ts'
import { differences, keyed, named } from '../machine/differences.ts'
import { WireError } from '../wire/bytes.ts'
import { packedCount } from '../wire/value.ts'
import type { Pair, Replica } from './snapshot-pair.ts'
import type { SnapshotStream } from './snapshot-stream.ts'
import type { Tally } from './state-tally.ts'

const statePlace = named('state')
/** Of bytes of which nothing is known: so many are shown from the first that differs. */
const excerptBytes = 32
const comparedBytes = 64 * 1_024

/** Whether both states are made of fields, as those of generated machines are. Reads through them once, and goes back. */
export async function areGenerated(pair: Pair): Promise<boolean> {
  for (const replica of pair) {
    const { position } = replica.content
    const isGenerated = await skipFields(replica).catch((thrown: unknown) => {
      if (!(thrown instanceof WireError)) throw thrown
      return false
    })
    replica.content.seek(position)
    if (!isGenerated) return false
  }
  return true
}

async function skipFields({ content, head }: Replica): Promise<boolean> {
  const count = await content.read((reader) => readFieldCount(reader, head.machine.version))
  for (let i = 0; i < count; i++) {
    if ((await content.read((reader) => readFieldKind(reader, 'a field'))) === 'cell') {
      await content.read((reader) => readPacked(reader, 'a field'))
      continue
    }
    let left = await content.read((reader) => readTableSize(reader, 'a field'))
    while (left > 0) {
      const inBlock = packedCount(await content.read((reader) => readPackedBlock(reader, 'a field'))) ?? 0
      if (inBlock === 0) return false
      left -= inBlock
    }
    if (left < 0) return false
  }
  return content.left === 0
}

export async function compareBytes(a: SnapshotStream, b: SnapshotStream, tally: Tally): Promise<void> {
  const sizes = { a: a.left, b: b.left }
  const [start, startB] = [a.position, b.position]
  const firstDifference = await firstDifferenceIn(a, b)
  tally.parts.push({ kind: 'bytes', place: statePlace, ...sizes, firstDifference })
  if (firstDifference === undefined) return
  a.seek(start + firstDifference)
  b.seek(startB + firstDifference)
  const place = keyed(firstDifference, statePlace)
  const excerpt = async (content: SnapshotStream): Promise<Uint8Array | undefined> =>
    content.left === 0 ? undefined : await content.take(excerptBytes)
  tally.add(differences(place, await excerpt(a), await excerpt(b)))
}

async function firstDifferenceIn(a: SnapshotStream, b: SnapshotStream): Promise<number | undefined> {
  for (let at = 0; a.left > 0 || b.left > 0; at += comparedBytes) {
    const [ours, theirs] = [await a.take(comparedBytes), await b.take(comparedBytes)]
    const shorter = Math.min(ours.length, theirs.length)
    const differing = ours.subarray(0, shorter).findIndex((byte, i) => byte !== theirs[i])
    if (differing >= 0) return at + differing
    if (ours.length !== theirs.length) return at + shorter
  }
  return undefined
}

// What a node knows of others, in two places of its own beside the high water: what is written here is part of no promise, and a slot of it that
// is torn must raise no doubt about those. Pure: bytes in, the newest out.
import type { Witness } from '../core/types.ts'
import { ByteReader, ByteWriter, WireError } from '../wire/bytes.ts'
import { isOwner, readMany, readOwner, type SlotOwner, sealSlot, unsealSlot, writeOwner } from './high-water.ts'
import type { SlotPosition } from './slots.ts'

const witnessFormat = 1
const witnessKey = Buffer.from('witness')
/** A cluster has 64 members at most. */
const witnessesMax = 64

export interface WitnessSlot {
  /** Grows by one with every slot written. */
  readonly sequence: number
  readonly owner: SlotOwner
  readonly witness: readonly Witness[]
}

export function encodeWitness({ sequence, owner, witness }: WitnessSlot): Uint8Array {
  const writer = new ByteWriter(1_024)
  writer.u8(witnessFormat)
  writer.u48(sequence)
  writeOwner(writer, owner)
  const kept = witness.slice(0, witnessesMax)
  writer.u8(kept.length)
  for (const one of kept) writeOne(writer, one)
  return sealSlot(writer, witnessKey)
}

/** Throws a `WireError`. */
export function decodeWitness(bytes: Uint8Array): WitnessSlot {
  const reader = new ByteReader(unsealSlot(bytes, witnessKey))
  const format = reader.u8('format')
  if (format !== witnessFormat) throw new WireError(`the slot has format ${format}, this version reads ${witnessFormat}`)
  const slot = { sequence: reader.u48('sequence'), owner: readOwner(reader), witness: readMany(reader, readOne) }
  reader.end('the slot')
  return slot
}

/** The newest of both places that is whole and of this owner; an empty one where there is none. `next` is where the one after it goes. */
export function chooseWitness(
  slots: readonly [Uint8Array, Uint8Array],
  owner: SlotOwner,
): { readonly newest: WitnessSlot; readonly next: SlotPosition } {
  const [first, second] = slots.map((bytes) => tryDecode(bytes, owner))
  const firstIsNewest = first !== undefined && (second === undefined || first.sequence >= second.sequence)
  const newest = (firstIsNewest ? first : second) ?? { sequence: 0, owner, witness: [] }
  return { newest, next: firstIsNewest ? 1 : 0 }
}

function tryDecode(bytes: Uint8Array, owner: SlotOwner): WitnessSlot | undefined {
  try {
    const slot = decodeWitness(bytes)
    return isOwner(slot.owner, owner) ? slot : undefined
  } catch (thrown) {
    if (thrown instanceof WireError) return undefined
    throw thrown
  }
}

function writeOne(writer: ByteWriter, { id, incarnation, match, matchTerm, votedTerm }: Witness): void {
  writer.u48(id)
  writer.u48(incarnation)
  writer.u48(match.term)
  writer.u48(match.index)
  writer.u48(matchTerm)
  writer.u48(votedTerm)
}
const readOne = (reader: ByteReader): Witness => ({
  id: reader.u48('witness'),
  incarnation: reader.u48('incarnation'),
  match: { term: reader.u48('term'), index: reader.u48('index') },
  matchTerm: reader.u48('term of its leader'),
  votedTerm: reader.u48('voted term'),
})

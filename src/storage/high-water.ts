// The high water of a log: how far its promises go, as noted outside its database. What LevelDB loses, it loses without a word; this tells.
//
//   write k      LevelDB: batch k ... durable
//                slot:                        last = k ... durable
//                                                                  promise k is made
//
// So a log that lacks what the slot says is damaged, never merely torn. A write is named by its number, which is in LevelDB's hard state record
// and in the slot: (term, index) would not do, since a truncation may lower both. Pure: bytes in, verdicts out.
import type { ConfState, EntryId, Fence, HardState, Member, NodeId } from '../core/types.ts'
import type { Anchor } from '../ports/log.ts'
import { ByteReader, ByteWriter, WireError } from '../wire/bytes.ts'
import { encodeConf, readConf, readMember, writeMember } from '../wire/entry-codec.ts'
import { checksum, seal, unseal } from './checksum.ts'
import { slotBytes, type SlotPosition } from './slots.ts'

const slotFormat = 2
/** It had the write before the last as well, no configuration of the base, said of a fence whether it was certain and not where the log ended before, and nothing of others. */
const firstSlotFormat = 1
const slotKey = Buffer.from('high-water')
const lengthBytes = 4
/** Of a configuration: half of the slot. A cluster of five has some 400. */
const confBytesMax = 2_048
const sealBytes = 4
const floorKinds = { none: 0, known: 1, unknown: 3 } as const
/** Of the first format: the same, and less certain. */
const uncertain = 1

/** Where a log ends: its last entry, and the chain after it. */
export interface LogPosition extends EntryId {
  readonly chain: number
}
/** Where a write left the log. */
export interface Mark extends LogPosition {
  /** The number of that write. */
  readonly writes: number
}

/** Whose slot it is. */
export interface SlotOwner {
  /** Checksum of the cluster's id. */
  readonly cluster: number
  readonly nodeId: NodeId
  readonly incarnation: number
}

export interface HighWater {
  /** Grows by one with every slot written: of two, the larger is the newer. */
  readonly sequence: number
  readonly owner: SlotOwner
  readonly hardState: HardState
  /** What the last write has left, which is durable. */
  readonly last: Mark
  readonly base: LogPosition
  /** In force there; `undefined` where it is too large for a slot. With it a base that is lost can be made anew. */
  readonly baseConf: ConfState | undefined
  readonly fence: Fence | undefined
  /** While it is fenced: how its chain was where it ended before, behind what is left. Whoever has what was there can prove it. */
  readonly reached: Anchor | undefined
  /** Of the newest configuration, as many as fit: whom to ask when nothing else is left. */
  readonly members: readonly Member[]
}

export const ownerOf = ({ clusterId, nodeId, incarnation }: { clusterId: string; nodeId: NodeId; incarnation: number }): SlotOwner => ({
  cluster: checksum(Buffer.from(clusterId)),
  nodeId,
  incarnation,
})
export const isOwner = (a: SlotOwner, b: SlotOwner): boolean =>
  a.cluster === b.cluster && a.nodeId === b.nodeId && a.incarnation === b.incarnation

/** `slotBytes`, so that nothing of an older slot is left behind it. */
export function encodeSlot(highWater: HighWater): Uint8Array {
  return padSlot(sealHighWater(highWater))
}

/** The same without the zeros at its end: see `slotContent`. */
export function encodeSlotContent(highWater: HighWater): Uint8Array {
  const sealed = sealHighWater(highWater)
  const content = Buffer.allocUnsafe(lengthBytes + sealed.length)
  content.writeUInt32BE(sealed.length)
  content.set(sealed, lengthBytes)
  return content
}

function sealHighWater(highWater: HighWater): Uint8Array {
  const writer = new ByteWriter(512)
  writer.u8(slotFormat)
  writer.u48(highWater.sequence)
  writeOwner(writer, highWater.owner)
  writer.u48(highWater.hardState.term)
  writer.u48(highWater.hardState.votedFor ?? 0)
  writeMark(writer, highWater.last)
  writePosition(writer, highWater.base)
  writeBaseConf(writer, highWater.baseConf)
  writeFence(writer, highWater)
  writeMembers(writer, highWater.members)
  return seal(writer, slotKey)
}

/** With its length before it, in the size of a slot. */
export const sealSlot = (writer: ByteWriter, key: Uint8Array): Uint8Array => padSlot(seal(writer, key))

function padSlot(sealed: Uint8Array): Uint8Array {
  const slot = Buffer.alloc(slotBytes)
  slot.writeUInt32BE(sealed.length)
  slot.set(sealed, lengthBytes)
  return slot
}

/** Without the zeros that fill it up. */
export function slotContent(slot: Uint8Array): Uint8Array {
  const [a = 0, b = 0, c = 0, d = 0] = slot
  return slot.subarray(0, lengthBytes + a * 0x1_00_00_00 + b * 0x1_00_00 + c * 0x1_00 + d)
}

/** What is in it; throws a `WireError`. */
export function unsealSlot(bytes: Uint8Array, key: Uint8Array): Uint8Array {
  const slot = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const length = slot.length < lengthBytes ? 0 : slot.readUInt32BE()
  if (length < sealBytes || lengthBytes + length > slot.length) throw new WireError('the slot is not whole')
  return unseal(slot.subarray(lengthBytes, lengthBytes + length), key, 'the slot')
}

/** Throws a `WireError`. */
export function decodeSlot(bytes: Uint8Array): HighWater {
  const reader = new ByteReader(unsealSlot(bytes, slotKey))
  const format = reader.u8('format')
  if (format !== slotFormat && format !== firstSlotFormat) {
    throw new WireError(`the slot has format ${format}, this version reads ${slotFormat}`)
  }
  const highWater = {
    sequence: reader.u48('sequence'),
    owner: readOwner(reader),
    hardState: { term: reader.u48('term'), votedFor: reader.u48('vote') || undefined },
    last: readMark(reader),
    ...readBase(reader, format),
    ...readFence(reader, format),
    members: readMembers(reader, format),
  }
  reader.end('the slot')
  return highWater
}

/** Both places, as they were read. */
export interface ReadSlots {
  /** The newest that is whole and of this owner. */
  readonly newest: HighWater | undefined
  /** Where the next slot goes: never over the newest. */
  readonly next: SlotPosition
  /** The places that hold nothing that can be read, nothing of this owner's, or not the slot before the newest. */
  readonly unreadable: readonly SlotPosition[]
  /** Whose they are, when none is this owner's. */
  readonly foreign: SlotOwner | undefined
}

export function chooseSlot(slots: readonly [Uint8Array, Uint8Array], owner: SlotOwner): ReadSlots {
  const [first, second] = [tryDecode(slots[0]), tryDecode(slots[1])]
  const own = (slot: HighWater | undefined): HighWater | undefined => (slot !== undefined && isOwner(slot.owner, owner) ? slot : undefined)
  const [a, b] = [own(first), own(second)]
  const foreign = a === undefined && b === undefined ? (first ?? second)?.owner : undefined
  const firstIsNewest = a !== undefined && (b === undefined || a.sequence >= b.sequence)
  const [newest, other] = firstIsNewest ? [a, b] : [b, a]
  const next = firstIsNewest ? 1 : 0
  if (newest === undefined) return { newest, next, unreadable: [0, 1], foreign }
  // They are written in turn: whatever else stands there has taken the place of a slot.
  return { newest, next, unreadable: other?.sequence === newest.sequence - 1 ? [] : [next], foreign }
}

/** A log as it was found, without a look at the slots. */
export interface FoundLog {
  /** Where what is verified ends. */
  readonly end: LogPosition
  /** Number of its last write; `undefined` when nothing tells. */
  readonly writes: number | undefined
  /** No entry is missing before the end that its own records state. */
  readonly isIntact: boolean
}

/**
 * whole    it holds all that it can have promised
 * doubtful it holds what the one slot says that can be read; the other one may have said more
 * damaged  it lacks what it may have promised, or nobody knows
 */
export type Comparison = 'whole' | 'doubtful' | 'damaged'

export function compareHighWater(
  { end, writes, isIntact }: FoundLog,
  { newest, unreadable }: Pick<ReadSlots, 'unreadable'> & { readonly newest: Pick<HighWater, 'last'> | undefined },
): Comparison {
  if (newest === undefined || !isIntact) return 'damaged'
  // The slot of this write was torn, or a compaction came after it. Nothing beyond was promised, and a truncation may lower the end.
  if (writes !== undefined && writes > newest.last.writes) return 'whole'
  // Whatever the number of the write: what went with it besides (term and vote) is in the slot.
  if (!isSamePosition(end, newest.last)) return 'damaged'
  return unreadable.length === 0 ? 'whole' : 'doubtful'
}

export const isSamePosition = (a: LogPosition, b: LogPosition): boolean => a.index === b.index && a.term === b.term && a.chain === b.chain

/** By term, then by index. */
export const compareIds = (a: EntryId, b: EntryId): number => a.term - b.term || a.index - b.index
export const laterId = (a: EntryId, b: EntryId): EntryId => (compareIds(a, b) >= 0 ? a : b)

function tryDecode(bytes: Uint8Array): HighWater | undefined {
  try {
    return decodeSlot(bytes)
  } catch (thrown) {
    if (thrown instanceof WireError) return undefined
    throw thrown
  }
}

function writePosition(writer: ByteWriter, { term, index, chain }: LogPosition): void {
  writer.u48(term)
  writer.u48(index)
  writer.u32(chain)
}
const readPosition = (reader: ByteReader): LogPosition => ({
  term: reader.u48('term'),
  index: reader.u48('index'),
  chain: reader.u32('chain'),
})

function writeMark(writer: ByteWriter, mark: Mark): void {
  writePosition(writer, mark)
  writer.u48(mark.writes)
}
const readMark = (reader: ByteReader): Mark => ({ ...readPosition(reader), writes: reader.u48('writes') })

export function writeOwner(writer: ByteWriter, { cluster, nodeId, incarnation }: SlotOwner): void {
  writer.u32(cluster)
  writer.u48(nodeId)
  writer.u48(incarnation)
}
export const readOwner = (reader: ByteReader): SlotOwner => ({
  cluster: reader.u32('cluster'),
  nodeId: reader.u48('node id'),
  incarnation: reader.u48('incarnation'),
})

function writeBaseConf(writer: ByteWriter, conf: ConfState | undefined): void {
  const bytes = conf === undefined ? undefined : encodeConf(conf)
  const fits = bytes !== undefined && bytes.length <= confBytesMax
  writer.u8(fits ? 1 : 0)
  if (fits) writer.raw(bytes)
}

/** In the first format the write before the last stood before it, and no configuration after it. */
function readBase(reader: ByteReader, format: number): Pick<HighWater, 'base' | 'baseConf'> {
  if (format === firstSlotFormat) {
    readMark(reader)
    return { base: readPosition(reader), baseConf: undefined }
  }
  const base = readPosition(reader)
  return { base, baseConf: reader.boolean('configuration of the base') ? readConf(reader) : undefined }
}

function writeFence(writer: ByteWriter, { fence, reached }: Pick<HighWater, 'fence' | 'reached'>): void {
  if (fence === undefined) return writer.u8(floorKinds.none)
  const { floor } = fence
  writer.u8(floor === undefined ? floorKinds.unknown : floorKinds.known)
  if (floor !== undefined) {
    writer.u48(floor.term)
    writer.u48(floor.index)
  }
  writer.u8(reached === undefined ? 0 : 1)
  if (reached === undefined) return
  writer.u48(reached.index)
  writer.u32(reached.chain)
}

function readFence(reader: ByteReader, format: number): Pick<HighWater, 'fence' | 'reached'> {
  const kind = reader.u8('fence')
  switch (kind) {
    case floorKinds.none:
      return { fence: undefined, reached: undefined }
    case floorKinds.unknown:
    case floorKinds.unknown + uncertain:
      return { fence: { floor: undefined }, reached: readReached(reader, format) }
    case floorKinds.known:
    case floorKinds.known + uncertain: {
      const floor = { term: reader.u48('term of the floor'), index: reader.u48('index of the floor') }
      return { fence: { floor }, reached: readReached(reader, format) }
    }
    default:
      throw new WireError(`the slot has a fence of kind ${kind}`)
  }
}

function readReached(reader: ByteReader, format: number): Anchor | undefined {
  if (format === firstSlotFormat || !reader.boolean('former end')) return undefined
  return { index: reader.u48('index of the former end'), chain: reader.u32('chain of the former end') }
}

function writeMembers(writer: ByteWriter, members: readonly Member[]): void {
  const at = writer.length
  writer.u8(0)
  let count = 0
  for (const member of members) {
    const end = writer.length
    writeMember(writer, member)
    if (writer.length + lengthBytes + sealBytes > slotBytes || count === 0xff) {
      writer.truncate(end)
      break
    }
    count++
  }
  const end = writer.length
  writer.truncate(at)
  writer.u8(count)
  writer.skip(end - at - 1)
}

function readMembers(reader: ByteReader, format: number): readonly Member[] {
  if (format === firstSlotFormat && reader.u8('count') > 0) throw new WireError('the slot knows something of others')
  return readMany(reader, readMember)
}

export function readMany<T>(reader: ByteReader, read: (reader: ByteReader) => T): readonly T[] {
  const count = reader.u8('count')
  const found: T[] = []
  for (let i = 0; i < count; i++) found.push(read(reader))
  return found
}

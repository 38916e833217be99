// What a record of the journal looks like: one write of a log, its slot and its operations, in whole sectors.
//
//   first sector   magic | checksum | format | sequence | owner | length | payload ...
//   every other    mark  | payload ...
//
// A sector that goes on with a record never begins like one that begins it: no entry, whatever is in it, is taken for a record. The checksum is that
// of all that follows it, padding included. Pure: bytes in, records out.
import { ByteReader, ByteWriter, WireError } from '../wire/bytes.ts'
import { checksum } from './checksum.ts'
import { isOwner, readOwner, slotContent, type SlotOwner, writeOwner } from './high-water.ts'
import type { JournalSpan } from './journal-space.ts'
import type { Operation } from './kv.ts'
import { slotBytes } from './slots.ts'

/** What a disk writes as one: a record begins at a multiple of it. */
export const sectorBytes = 4_096
/** Of a journal: two halves. Each is written over as a whole, once nothing in it is needed any more. */
export const journalBytes = 8 * 1_024 * 1_024

const magic = 0x726a_6c31
const mark = 0x2d
const markBytes = 1
const recordFormat = 1
const checkedFrom = 8
const headerBytes = 35
const firstBytes = sectorBytes - headerBytes
const otherBytes = sectorBytes - markBytes
const nothing = new Uint8Array(0)
const kinds = { put: 1, delete: 2 } as const
/** Kind, length of the key, length of the value. */
const operationBytes = 9

/** One write of a log. */
export interface JournalWrite {
  /** Grows by one with each record, across restarts too. */
  readonly sequence: number
  /** As `encodeSlot` makes it, or without the zeros at its end. */
  readonly slot: Uint8Array
  readonly operations: readonly Operation[]
}

/** A record as it lies in the journal, verified. */
export interface JournalRecord {
  readonly sequence: number
  /** Of its first sector. */
  readonly at: number
  /** As much as it takes there. */
  readonly bytes: Uint8Array
}

export interface ScannedJournal {
  /** Of this owner, each once, ascending by sequence. */
  readonly records: readonly JournalRecord[]
  /** Whose the others are, when none is this owner's. */
  readonly foreign: SlotOwner | undefined
}

/** What a record of this write takes, bytes: whole sectors. */
export const recordBytes = ({ slot, operations }: Omit<JournalWrite, 'sequence'>): number =>
  sectorsFor(payloadBytes(slotContent(slot), operations)) * sectorBytes

/** Memory for records up to this size is kept. */
const keptMax = 1_048_576
/** In the header. */
const sequenceAt = 9

/** Makes the records of one journal. They share their memory: each is good until the next. */
export class RecordEncoder {
  readonly #header: Uint8Array
  #memory = Buffer.alloc(0)

  constructor(owner: SlotOwner) {
    const header = new ByteWriter(headerBytes)
    header.u32(magic)
    header.u32(0)
    header.u8(recordFormat)
    header.u48(0)
    writeOwner(header, owner)
    header.u32(0)
    this.#header = header.take()
  }

  /** The record of `write`; twice, one after the other, where it has no more bytes than `twiceBytesMax`. */
  encode({ sequence, slot, operations }: JournalWrite, twiceBytesMax = 0): Uint8Array {
    const kept = slotContent(slot)
    const length = payloadBytes(kept, operations)
    const bytes = sectorsFor(length) * sectorBytes
    const copies = bytes <= twiceBytesMax ? 2 : 1
    const memory = this.#take(copies * bytes)
    const image = memory.subarray(0, bytes)
    image.set(this.#header)
    image.writeUIntBE(sequence, sequenceAt, 6)
    image.writeUInt32BE(length, headerBytes - 4)
    for (let at = sectorBytes; at < bytes; at += sectorBytes) image[at] = mark
    const payload = new SectorWriter(image)
    payload.bytes(kept)
    payload.u32(operations.length)
    for (const operation of operations) writeOperation(payload, operation)
    image.fill(0, payload.end)
    image.writeUInt32BE(checksum(image.subarray(checkedFrom)), 4)
    if (copies === 2) memory.copyWithin(bytes, 0, bytes)
    return memory
  }

  #take(bytes: number): Buffer {
    if (bytes > keptMax) return Buffer.allocUnsafeSlow(bytes)
    if (bytes > this.#memory.length) this.#memory = Buffer.allocUnsafeSlow(bytes)
    return this.#memory.subarray(0, bytes)
  }
}

/** What was written; throws a `WireError`. */
export function decodeRecord({ sequence, bytes }: JournalRecord): JournalWrite {
  const image = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const length = image.readUInt32BE(headerBytes - 4)
  const reader = new ByteReader(payloadOf(image, length))
  const slot = Buffer.alloc(slotBytes)
  slot.set(reader.bytes('slot').subarray(0, slotBytes))
  const count = reader.count(operationBytes - 4, 'operations')
  const operations: Operation[] = []
  for (let i = 0; i < count; i++) operations.push(readOperation(reader))
  reader.end('the record of the journal')
  return { sequence, slot, operations }
}

/** Everything in a journal that verifies. What cannot be read of it is zeros. `written`: where to look; default: everywhere. */
export function scanJournal(
  journal: Uint8Array,
  owner: SlotOwner,
  written: readonly JournalSpan[] = [{ from: 0, to: journal.length }],
): ScannedJournal {
  const content = Buffer.from(journal.buffer, journal.byteOffset, journal.length)
  const found = new Map<number, JournalRecord>()
  let foreign: SlotOwner | undefined
  // No sector of a record is zeros: all of one lie in one span.
  for (const { from, to } of written) {
    for (let at = from; at + sectorBytes <= to; ) {
      const record = recordAt(content, at)
      if (record !== undefined && isOwner(record.owner, owner)) {
        const { sequence, bytes } = record
        if (!found.has(sequence)) found.set(sequence, { sequence, at, bytes })
      } else foreign = record?.owner ?? foreign
      at += record?.bytes.length ?? sectorBytes
    }
  }
  const records = [...found.values()].sort((a, b) => a.sequence - b.sequence)
  return { records, foreign: records.length === 0 ? foreign : undefined }
}

interface Verified {
  readonly sequence: number
  readonly owner: SlotOwner
  readonly bytes: Uint8Array
}

function recordAt(content: Buffer, at: number): Verified | undefined {
  if (content.readUInt32BE(at) !== magic) return undefined
  const reader = new ByteReader(content.subarray(at, at + headerBytes))
  reader.u32('magic')
  const stored = reader.u32('checksum')
  const format = reader.u8('format')
  const sequence = reader.u48('sequence')
  const owner = readOwner(reader)
  const bytes = sectorsFor(reader.u32('length')) * sectorBytes
  // No record lies in both halves.
  const halfBytes = content.length / 2
  const end = at < halfBytes ? halfBytes : content.length
  if (format !== recordFormat || at + bytes > end) return undefined
  const image = content.subarray(at, at + bytes)
  return checksum(image.subarray(checkedFrom)) === stored ? { sequence, owner, bytes: image } : undefined
}

const sectorsFor = (payload: number): number => 1 + Math.ceil(Math.max(0, payload - firstBytes) / otherBytes)

function payloadBytes(slot: Uint8Array, operations: readonly Operation[]): number {
  let bytes = 4 + slot.length + 4
  for (const operation of operations) {
    bytes += operationBytes + operation.key.length + (operation.kind === 'put' ? operation.value.length : 0)
  }
  return bytes
}

function writeOperation(payload: SectorWriter, operation: Operation): void {
  payload.u8(kinds[operation.kind])
  payload.bytes(operation.key)
  payload.bytes(operation.kind === 'put' ? operation.value : nothing)
}

function readOperation(reader: ByteReader): Operation {
  const kind = reader.u8('kind')
  const key = reader.bytes('key')
  const value = reader.bytes('value')
  if (kind === kinds.put) return { kind: 'put', key, value }
  if (kind === kinds.delete) return { kind: 'delete', key }
  throw new WireError(`an operation has kind ${kind}`)
}

/** Without the marks between its parts. */
function payloadOf(image: Buffer, length: number): Buffer {
  const payload = Buffer.allocUnsafeSlow(length)
  let from = headerBytes
  for (let at = 0; at < length; ) {
    at += image.copy(payload, at, from, Math.min(nextSector(from), from + length - at))
    from = nextSector(from) + markBytes
  }
  return payload
}

const nextSector = (at: number): number => (Math.floor(at / sectorBytes) + 1) * sectorBytes

/** Writes the payload around the marks. */
class SectorWriter {
  readonly #image: Buffer
  #at = headerBytes

  constructor(image: Buffer) {
    this.#image = image
  }

  /** Where it goes on. */
  get end(): number {
    return this.#at
  }

  u8(value: number): void {
    if (this.#at % sectorBytes === 0) this.#at += markBytes
    this.#image[this.#at++] = value
  }

  u32(value: number): void {
    this.u8(value >>> 24)
    this.u8((value >>> 16) & 0xff)
    this.u8((value >>> 8) & 0xff)
    this.u8(value & 0xff)
  }

  /** Length (u32), then bytes. */
  bytes(bytes: Uint8Array): void {
    this.u32(bytes.length)
    for (let from = 0; from < bytes.length; ) {
      if (this.#at % sectorBytes === 0) this.#at += markBytes
      const length = Math.min(nextSector(this.#at) - this.#at, bytes.length - from)
      this.#image.set(length === bytes.length ? bytes : bytes.subarray(from, from + length), this.#at)
      this.#at += length
      from += length
    }
  }
}

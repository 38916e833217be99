// A snapshot as a file. Pieces have a fixed size, so any part is found by its offset alone, and each is verified by itself.
//
//   header  magic u32, format u8, length of the header u32, index u48, term u48, bytes of a piece u32, configuration, seal u32
//   piece*  length u32 | content, 64 KiB in all pieces but the last | checksum u32
//   footer  magic u32, bytes of the content u48, checksum of the content u32, seal u32
//
// The checksum of a piece covers the seal of the header, the number of the piece and its length, so a piece of another snapshot or of
// another place is found as surely as a flipped bit; the seal of the footer covers the seal of the header.
import type { ConfState, EntryId, SnapshotMeta } from '../core/types.ts'
import { ByteReader, ByteWriter, WireError } from '../wire/bytes.ts'
import { encodeConf, readConf } from '../wire/entry-codec.ts'
import { checksum, seal, unseal } from './checksum.ts'

/** Content in one piece: what travels in one message, and what is read to give any byte of it. */
export const pieceBytes = 64 * 1_024
export const footerBytes = 18
/** Magic, format and length: enough to know how long the header is. */
export const prefixBytes = 9
/** A configuration of several thousand members. A length beyond it is damage, and never allocated. */
const headerBytesMax = 4 * 1_024 * 1_024
const snapshotFormat = 1
const headerMagic = 0x5261_6653 // RafS
const footerMagic = 0x5261_6645 // RafE
const pieceHeaderBytes = 4
const sealBytes = 4
const storedPieceBytes = pieceHeaderBytes + pieceBytes + sealBytes
const headerKey = Buffer.from('snapshot header')

export interface SnapshotHeader {
  readonly id: EntryId
  readonly conf: ConfState
  /** Length of the header itself. */
  readonly bytes: number
  /** Its checksum, with which those of pieces and footer begin. */
  readonly seal: number
}

export function encodeHeader({ id, conf }: { id: EntryId; conf: ConfState }): Uint8Array {
  const writer = new ByteWriter(512)
  writer.u32(headerMagic)
  writer.u8(snapshotFormat)
  const length = writer.skip(4)
  writer.u48(id.index)
  writer.u48(id.term)
  writer.u32(pieceBytes)
  writer.raw(encodeConf(conf))
  writer.patchU32(length, writer.length + sealBytes)
  return seal(writer, headerKey)
}

/** Length of the header that begins with these bytes. Errors of this and of all that follows are `WireError`s. */
export function readHeaderBytes(prefix: Uint8Array): number {
  const reader = new ByteReader(prefix)
  const magic = reader.u32('the start of the header')
  if (magic !== headerMagic) throw new WireError(`it begins with 0x${magic.toString(16)}, as no snapshot does`)
  const format = reader.u8('format')
  if (format !== snapshotFormat) throw new WireError(`it has format ${format}, this version reads ${snapshotFormat}`)
  const bytes = reader.u32('length of the header')
  if (bytes > headerBytesMax) throw new WireError(`its header claims ${bytes} bytes, at most ${headerBytesMax} are allowed`)
  return bytes
}

/** `bytes`: the whole header. */
export function decodeHeader(bytes: Uint8Array): SnapshotHeader {
  const reader = new ByteReader(unseal(bytes, headerKey, 'its header'))
  reader.raw(prefixBytes, 'the start of the header')
  const index = reader.u48('index')
  const term = reader.u48('term')
  const stored = reader.u32('bytes of a piece')
  if (stored !== pieceBytes) throw new WireError(`its pieces have ${stored} bytes, this version reads pieces of ${pieceBytes}`)
  const conf = readConf(reader)
  reader.end('its header')
  return { id: { term, index }, conf, bytes: bytes.length, seal: sealOf(bytes) }
}

/** Of a sealed header. */
export const sealOf = (header: Uint8Array): number =>
  Buffer.from(header.buffer, header.byteOffset, header.length).readUInt32BE(header.length - sealBytes)

/** The pieces that hold `content`: all of `pieceBytes` but the last. `number`: of the first. */
export function encodePieces(content: Uint8Array, { number, seal }: { number: number; seal: number }): Buffer {
  const count = Math.ceil(content.length / pieceBytes)
  const bytes = Buffer.allocUnsafe(content.length + count * (pieceHeaderBytes + sealBytes))
  let at = 0
  for (let i = 0; i < count; i++) {
    const piece = content.subarray(i * pieceBytes, (i + 1) * pieceBytes)
    bytes.writeUInt32BE(piece.length, at)
    bytes.set(piece, at + pieceHeaderBytes)
    at += pieceHeaderBytes + piece.length
    at = bytes.writeUInt32BE(pieceChecksum(piece, { number: number + i, seal }), at)
  }
  return bytes
}

/** Verifies the pieces that `bytes` holds, from `number` on, of a content of `contentBytes`; gives what each holds, as views. */
export function decodePieces(
  bytes: Uint8Array,
  { number, seal, contentBytes }: { number: number; seal: number; contentBytes: number },
): readonly Uint8Array[] {
  const reader = new ByteReader(bytes)
  const pieces: Uint8Array[] = []
  while (reader.remaining > 0) {
    const place = number + pieces.length
    const expected = Math.min(pieceBytes, contentBytes - place * pieceBytes)
    const length = reader.u32(`piece ${place}`)
    if (length !== expected) throw new WireError(`piece ${place} has ${length} bytes instead of ${expected}`)
    const piece = reader.raw(length, `piece ${place}`)
    if (reader.u32(`piece ${place}`) !== pieceChecksum(piece, { number: place, seal })) {
      throw new WireError(`piece ${place} does not match its checksum`)
    }
    pieces.push(piece)
  }
  return pieces
}

function pieceChecksum(piece: Uint8Array, { number, seal }: { number: number; seal: number }): number {
  const place = Buffer.allocUnsafe(10)
  place.writeUIntBE(number, 0, 6)
  place.writeUInt32BE(piece.length, 6)
  return checksum(piece, checksum(place, seal))
}

export function encodeFooter(content: { bytes: number; checksum: number }, headerSeal: number): Uint8Array {
  const writer = new ByteWriter(footerBytes)
  writer.u32(footerMagic)
  writer.u48(content.bytes)
  writer.u32(content.checksum)
  return seal(writer, footerKey(headerSeal))
}

export function decodeFooter(bytes: Uint8Array, headerSeal: number): { bytes: number; checksum: number } {
  const reader = new ByteReader(unseal(bytes, footerKey(headerSeal), 'its end'))
  const magic = reader.u32('the start of the end')
  if (magic !== footerMagic) throw new WireError(`its end begins with 0x${magic.toString(16)}, as none does`)
  const content = { bytes: reader.u48('bytes of the content'), checksum: reader.u32('checksum of the content') }
  reader.end('its end')
  return content
}

function footerKey(headerSeal: number): Uint8Array {
  const key = Buffer.allocUnsafe(4)
  key.writeUInt32BE(headerSeal)
  return key
}

/** Where the pieces from `number` on that hold `bytes` of content stand in the file. The last may be shorter. */
export function placeOf(pieces: { number: number; bytes: number }, headerBytes: number): { offset: number; length: number } {
  const count = Math.ceil(pieces.bytes / pieceBytes)
  return {
    offset: headerBytes + pieces.number * storedPieceBytes,
    length: pieces.bytes + count * (pieceHeaderBytes + sealBytes),
  }
}

/** Length of the file of such a content. */
export const fileBytes = (contentBytes: number, headerBytes: number): number =>
  placeOf({ number: 0, bytes: contentBytes }, headerBytes).length + headerBytes + footerBytes

/** Behind the name of one that was found damaged. */
export const damagedEnd = '.damaged'

/** Index and term, so that names tell what is there. */
export const nameOf = ({ index, term }: EntryId): string => `snapshot-${index}-${term}`

/** What the file of this name should hold, or `undefined` when it is none of ours. */
export function idOf(name: string): EntryId | undefined {
  const match = /^snapshot-(\d{1,15})-(\d{1,15})$/.exec(name)
  return match === null ? undefined : { index: Number(match[1]), term: Number(match[2]) }
}

export const isSameId = (a: EntryId, b: EntryId): boolean => a.index === b.index && a.term === b.term

/** For messages. */
export const titleOf = ({ id: { index, term } }: Pick<SnapshotMeta, 'id'>): string => `the snapshot of entry ${index} of term ${term}`

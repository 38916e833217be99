// What the files of LevelDB have in common: numbers of variable length, and their checksum.
import { WireError } from '../wire/bytes.ts'

const checksumMask = 0xa282ead8
const varintBytesMax = 10

/** Where to read in some bytes, and where what is read must end at the latest. */
export interface Limits {
  readonly at: number
  readonly end: number
}

/** Seven bits a byte, the lowest first. Exact up to 2^53. Throws a `WireError` when it does not end. */
export function readVarint(bytes: Buffer, { at, end }: Limits): { readonly value: number; readonly end: number } {
  let value = 0
  let scale = 1
  for (let i = at; i < end && i < at + varintBytesMax; i++) {
    const byte = bytes[i] ?? 0
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return { value, end: i + 1 }
    scale *= 0x80
  }
  throw new WireError(`the number at byte ${at} does not end`)
}

/** CRC-32 of Castagnoli, as LevelDB stores it: a checksum over checksums must not be a plain one. */
export function levelChecksum(bytes: Buffer): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) crc = (crc >>> 8) ^ (crcTable[(crc ^ byte) & 0xff] ?? 0)
  crc = ~crc >>> 0
  return (((crc >>> 15) | (crc << 17)) + checksumMask) >>> 0
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})

// The checksum of everything on the disk: CRC-32 as in zlib. It finds damage; it is no protection against forgery.
import { crc32 } from 'node:zlib'
import { type ByteWriter, WireError } from '../wire/bytes.ts'

/** Of `bytes`, going on from `seed`: `checksum(b, checksum(a))` is the checksum of `a` followed by `b`. */
export const checksum = (bytes: Uint8Array, seed = 0): number => crc32(bytes, seed)

const sealBytes = 4

/** Takes what was written, followed by its checksum. The key belongs to it, so that a record under another key is damaged. */
export function seal(writer: ByteWriter, key: Uint8Array): Uint8Array {
  writer.u32(checksum(writer.view(), checksum(key)))
  return writer.take()
}

/** What was sealed, or a `WireError` about `what`. */
export function unseal(value: Uint8Array, key: Uint8Array, what: string): Uint8Array {
  const end = value.length - sealBytes
  if (end < 0) throw new WireError(`${what} has ${value.length} bytes, fewer than a checksum`)
  const body = value.subarray(0, end)
  const stored = Buffer.from(value.buffer, value.byteOffset + end, sealBytes).readUInt32BE()
  if (checksum(body, checksum(key)) !== stored) throw new WireError(`${what} does not match its checksum`)
  return body
}

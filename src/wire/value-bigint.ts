// BigInts as two's-complement bytes, big-endian, as few as hold the value: one value, one form.
import { WireError } from './bytes.ts'

/** Bounds the work that one value can cause: a product of two such numbers is still fast. */
export const bigintBytesMax = 1_024
const limit = 1n << BigInt(bigintBytesMax * 8 - 1)

/** Whether `value` fits in `bigintBytesMax` bytes. */
export const isBigintInRange = (value: bigint): boolean => value >= -limit && value < limit

/** Throws a `RangeError` when `value` does not fit. */
export function bigintToBytes(value: bigint): Uint8Array {
  if (!isBigintInRange(value)) throw new RangeError(`a bigint needs more than ${bigintBytesMax} bytes`)
  // A negative number has the length of its complement: -128 and 127 both take one byte.
  const magnitude = value < 0n ? ~value : value
  const bytes = Math.floor(bitLength(magnitude) / 8) + 1
  const hex = BigInt.asUintN(bytes * 8, value)
    .toString(16)
    .padStart(bytes * 2, '0')
  return new Uint8Array(Buffer.from(hex, 'hex'))
}

/** Throws a `WireError` for no bytes, too many, or more than needed. */
export function bytesToBigint(bytes: Uint8Array): bigint {
  const first = bytes[0]
  if (first === undefined) throw new WireError('a bigint has no bytes')
  if (bytes.length > bigintBytesMax) throw new WireError(`a bigint has ${bytes.length} bytes, at most ${bigintBytesMax} are allowed`)
  const second = bytes[1]
  if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) {
    throw new WireError('a bigint has more bytes than it needs')
  }
  const unsigned = BigInt(`0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`)
  return BigInt.asIntN(bytes.length * 8, unsigned)
}

const bitLength = (value: bigint): number => (value === 0n ? 0 : value.toString(2).length)

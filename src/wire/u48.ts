// Whole numbers of 48 bits, big-endian: indexes, terms, sessions, times. Byte by byte: a fraction of what the methods of `Buffer` cost, which check each
// of their arguments.

/** 2^48 - 1: the largest whole number in these formats. As an index, 280 million million entries; as a time, the year 10889. */
export const u48Max = 0xffff_ffff_ffff
const twoTo32 = 2 ** 32

/** `bytes` has six at `at`. Throws a `RangeError` outside of 0 to 2^48-1. */
export function writeU48(bytes: Uint8Array, at: number, value: number): void {
  if (!(value >= 0 && value <= u48Max)) throw new RangeError(`${value} is none of 0 to 2^48-1`)
  const high = Math.floor(value / twoTo32)
  bytes[at] = high >>> 8
  bytes[at + 1] = high
  bytes[at + 2] = value >>> 24
  bytes[at + 3] = value >>> 16
  bytes[at + 4] = value >>> 8
  bytes[at + 5] = value
}

/** `bytes` has six at `at`. */
export function readU48(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
  const low = ((bytes[at + 2] ?? 0) << 24) | ((bytes[at + 3] ?? 0) << 16) | ((bytes[at + 4] ?? 0) << 8) | (bytes[at + 5] ?? 0)
  return high * twoTo32 + (low >>> 0)
}

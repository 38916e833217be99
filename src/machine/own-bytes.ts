// Bytes are the one part of a value that cannot be frozen: a check copies them, so that nobody changes afterwards what was checked. Where what is
// checked belongs to nobody else, or is forgotten at once, the copy is waste: a piece of memory for the garbage collector to look after.

let copies = true

/** A copy of `bytes`; within `checkInPlace` the same. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  if (!copies) return bytes
  // Half as dear as the constructor that copies.
  const copy = new Uint8Array(bytes.length)
  copy.set(bytes)
  return copy
}

/** As `check`, but bytes in what is returned are those in `value`. For a value without code in it, or one that is encoded at once: then a getter of a user may change nothing but what is sent. */
export function checkInPlace<T>(codec: { check(value: unknown, at: string): T }, value: unknown, at: string): T {
  copies = false
  try {
    return codec.check(value, at)
  } finally {
    copies = true
  }
}

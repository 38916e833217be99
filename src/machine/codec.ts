// What the state must know of the values it holds. Emitted codecs are of this shape; `W` is what they make of a value before it is bytes.

export interface Check {
  /** A canonical, deeply frozen copy of `value`, or an error whose path starts with `at`. */
  check(value: unknown, at: string): unknown
}

export interface Codec<W> extends Check {
  toWire(value: unknown): W
  fromWire(wire: W): unknown
}

/**
 * Whether a value holds bytes. They alone cannot be frozen, so whoever is given them gets a copy, and nobody can change the state behind
 * the transaction's back.
 */
export function holdsBytes(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (value instanceof Uint8Array) return true
  if (Array.isArray(value)) return value.some(holdsBytes)
  // A record inside a value.
  if (value instanceof Map) return Array.from(value.values()).some(holdsBytes)
  for (const field of Object.values(value)) {
    if (holdsBytes(field)) return true
  }
  return false
}

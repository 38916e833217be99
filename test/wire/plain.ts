// What a codec gives back may be Buffers and views; what went in were arrays. Equal content counts.

/** `value` with every byte array as a plain one of its own. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field)]))
}

/** The bodies of the frames in `bytes`, without a check of their sums. */
export function bodiesOf(bytes: Uint8Array): Uint8Array[] {
  const buffer = Buffer.from(bytes)
  const bodies: Uint8Array[] = []
  for (let at = 0; at < buffer.length; at += 8 + buffer.readUInt32BE(at))
    bodies.push(buffer.subarray(at + 8, at + 8 + buffer.readUInt32BE(at)))
  return bodies
}

// Which of its files LevelDB leaves alone for good. A table never changes once it is in the manifest; but a crash may leave one that is in no
// manifest, under a number that LevelDB gives out again: it then writes over that file, and over whatever else shares its content. So much of
// its format must be known to link to a table instead of copying it. Whoever reads it wrongly copies too much, never too little: a manifest
// that is not what this takes it for is none that LevelDB would open.
//
//   manifest   blocks of 32 KiB of records: checksum u32, length u16, kind u8 (1 whole, 2 first, 3 middle, 4 last), payload; zeros fill a block
//   record     fields, each a tag and what belongs to it, in varints and in bytes with their length before them
const blockBytes = 32 * 1_024
const headerBytes = 7
/** Of each tag, what follows it: a number, or bytes with their length. */
const fields: ReadonlyMap<number, readonly ('number' | 'bytes')[]> = new Map([
  [1, ['bytes']], // comparator
  [2, ['number']], // log
  [3, ['number']], // next file
  [4, ['number']], // last sequence
  [5, ['number', 'bytes']], // compaction pointer: level, key
  [6, ['number', 'number']], // deleted table: level, number
  [7, ['number', 'number', 'number', 'bytes', 'bytes']], // new table: level, number, size, keys
  [9, ['number']], // log before
])
const nextFileTag = 3

/** The first number that LevelDB may give to a new file. `undefined` when this manifest does not tell. */
export function nextFileNumber(manifest: Uint8Array): number | undefined {
  let next: number | undefined
  const bytes = Buffer.from(manifest.buffer, manifest.byteOffset, manifest.length)
  for (const record of recordsOf(bytes)) {
    const found = record === undefined ? undefined : nextFileIn(record)
    if (found === undefined) return undefined
    next = found.next ?? next
  }
  return next
}

/** `undefined` where something is that should not be. A record that the end of the file cuts off was never completed. */
function* recordsOf(bytes: Buffer): Generator<Buffer | undefined> {
  let parts: Buffer[] = []
  let at = 0
  while (at + headerBytes <= bytes.length) {
    const left = blockBytes - (at % blockBytes)
    const length = left < headerBytes ? 0 : bytes.readUInt16LE(at + 4)
    const kind = left < headerBytes ? 0 : bytes.readUInt8(at + 6)
    if (kind === 0 && length === 0) {
      at += left
      continue
    }
    const end = at + headerBytes + length
    if (length > left - headerBytes || kind > 4) return yield undefined
    if (end > bytes.length) return
    if ((kind === 1 || kind === 2) !== (parts.length === 0)) return yield undefined
    parts.push(bytes.subarray(at + headerBytes, end))
    at = end
    if (kind === 2 || kind === 3) continue
    yield Buffer.concat(parts)
    parts = []
  }
}

function nextFileIn(record: Buffer): { readonly next: number | undefined } | undefined {
  let next: number | undefined
  let at = 0
  while (at < record.length) {
    const tag = varint(record, at)
    const kinds = tag === undefined ? undefined : fields.get(tag.value)
    if (tag === undefined || kinds === undefined) return undefined
    at = tag.end
    for (const kind of kinds) {
      const number = varint(record, at)
      if (number === undefined) return undefined
      at = kind === 'number' ? number.end : number.end + number.value
      if (tag.value === nextFileTag) next = number.value
    }
  }
  return at === record.length ? { next } : undefined
}

/** Seven bits a byte, the lowest first. */
function varint(bytes: Buffer, at: number): { readonly value: number; readonly end: number } | undefined {
  let value = 0
  for (let i = 0; i < 10; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) return undefined
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return { value, end: at + i + 1 }
  }
  return undefined
}

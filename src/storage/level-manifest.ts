// The manifest of LevelDB: which tables there are, as a log of changes. What else is in the directory is left over, or half made by a process that
// was killed, and good for nothing.
//
//   file    blocks of 32 KiB of pieces; a block that has no room for another header ends with zeros
//   piece   checksum u32 | length u16 | type u8 (1 whole, 2 first, 3 middle, 4 last) | bytes
//   change  (tag, fields)*, all varints, or bytes after their length
import { WireError } from '../wire/bytes.ts'
import { levelChecksum, readVarint } from './level-format.ts'

const blockBytes = 32 * 1_024
const headerBytes = 7
const pieces = { whole: 1, first: 2, middle: 3, last: 4 } as const
const nextFile = 3
const deletedFile = 6
const newFile = 7
/** Of each tag, what follows it. */
const fieldsOf: ReadonlyMap<number, readonly ('number' | 'bytes')[]> = new Map([
  [1, ['bytes']],
  [2, ['number']],
  [nextFile, ['number']],
  [4, ['number']],
  [5, ['number', 'bytes']],
  [deletedFile, ['number', 'number']],
  [newFile, ['number', 'number', 'number', 'bytes', 'bytes']],
  [9, ['number']],
])

/** Bytes of each table, by its number. Throws a `WireError` where the manifest is damaged: LevelDB will say so itself. */
export function liveTables(manifest: Buffer): ReadonlyMap<number, number> {
  const live = new Map<number, number>()
  for (const change of changesOf(manifest)) {
    for (const [tag, , number = 0, bytes = 0] of fieldsIn(change)) {
      if (tag === newFile) live.set(number, bytes)
      else if (tag === deletedFile) live.delete(number)
    }
  }
  return live
}

/**
 * The first number that LevelDB may give to a new file: a table below it never changes, one that a crash has left at or above it is written over.
 * `undefined` where the manifest does not tell: LevelDB will not open it either.
 */
export function nextFileNumber(manifest: Buffer): number | undefined {
  try {
    const fields = changesOf(manifest).flatMap(fieldsIn)
    return fields.findLast(([tag]) => tag === nextFile)?.[1]
  } catch (thrown) {
    if (thrown instanceof WireError) return undefined
    throw thrown
  }
}

/** An end that was torn was never acted upon. */
function changesOf(manifest: Buffer): readonly Buffer[] {
  const changes: Buffer[] = []
  let parts: Buffer[] = []
  for (let at = 0; at + headerBytes <= manifest.length; ) {
    const left = blockBytes - (at % blockBytes)
    const end = at + headerBytes + manifest.readUInt16LE(at + 4)
    if (left < headerBytes) {
      at += left
      continue
    }
    if (end > manifest.length) return changes
    const type = manifest.readUInt8(at + 6)
    if (levelChecksum(manifest.subarray(at + 6, end)) !== manifest.readUInt32LE(at)) throw new WireError(`it is damaged at byte ${at}`)
    if (type === pieces.whole || type === pieces.first) parts = []
    parts.push(manifest.subarray(at + headerBytes, end))
    if (type === pieces.whole || type === pieces.last) changes.push(Buffer.concat(parts))
    at = end
  }
  return changes
}

/** Tag and numbers of each field. */
function fieldsIn(change: Buffer): readonly (readonly number[])[] {
  const fields: number[][] = []
  const end = change.length
  for (let at = 0; at < end; ) {
    const tag = readVarint(change, { at, end })
    const kinds = fieldsOf.get(tag.value)
    if (kinds === undefined) throw new WireError(`it has a field of kind ${tag.value}`)
    const numbers = [tag.value]
    at = tag.end
    for (const kind of kinds) {
      const { value, end: after } = readVarint(change, { at, end })
      at = kind === 'number' ? after : after + value
      if (kind === 'number') numbers.push(value)
    }
    fields.push(numbers)
  }
  return fields
}

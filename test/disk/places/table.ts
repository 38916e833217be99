// A table of LevelDB (`.ldb`): blocks, each followed by its compression (u8) and its checksum (u32); of data, then of metadata, then the index of
// the others; at the end 48 bytes that say where index and metaindex are (two handles of two varints), and a magic number.
import { fields, named, type Place, place, threeOf } from './place.ts'

const footerBytes = 48
const trailerBytes = 5

/** A block without its trailer. */
interface Handle {
  readonly start: number
  readonly bytes: number
}

export function tablePlaces(content: Buffer): readonly Place[] {
  const footer = content.length - footerBytes
  const meta = readHandle(content, footer)
  const index = readHandle(content, meta.end)
  const data = handlesIn(content, index.handle)
  return [
    ...threeOf(data).flatMap(([name, handle]) => named(`${name} data block`, blockPlaces(handle))),
    ...handlesIn(content, meta.handle).flatMap((handle) => named('filter block', blockPlaces(handle))),
    ...named('metaindex block', blockPlaces(meta.handle)),
    ...named('index block', blockPlaces(index.handle)),
    place('footer: handles', footer, index.end - footer),
    place('footer: padding', index.end, content.length - 8 - index.end),
    place('footer: magic', content.length - 8, 8),
    place('second half', content.length >> 1, content.length - (content.length >> 1)),
  ]
}

const blockPlaces = ({ start, bytes }: Handle): readonly Place[] =>
  fields(start, [
    ['content', bytes],
    ['compression', 1],
    ['checksum', trailerBytes - 1],
  ])

/** What an index or the metaindex names. Records: shared bytes of the key, its other bytes, bytes of the value (varints), key, value: a handle. Then restart points. */
function handlesIn(content: Buffer, { start, bytes }: Handle): readonly Handle[] {
  const index = content.subarray(start, start + bytes)
  const end = index.length - 4 - 4 * index.readUInt32LE(index.length - 4)
  const handles: Handle[] = []
  for (let at = 0; at < end; ) {
    const shared = readVarint(index, at)
    const other = readVarint(index, shared.end)
    const value = readVarint(index, other.end)
    const start = value.end + other.value
    handles.push(readHandle(index, start).handle)
    at = start + value.value
  }
  return handles
}

function readHandle(bytes: Buffer, at: number): { readonly handle: Handle; readonly end: number } {
  const start = readVarint(bytes, at)
  const length = readVarint(bytes, start.end)
  return { handle: { start: start.value, bytes: length.value }, end: length.end }
}

function readVarint(bytes: Buffer, at: number): { readonly value: number; readonly end: number } {
  const byte = bytes.readUInt8(at)
  if (byte < 0x80) return { value: byte, end: at + 1 }
  const rest = readVarint(bytes, at + 1)
  return { value: (byte & 0x7f) + rest.value * 0x80, end: rest.end }
}

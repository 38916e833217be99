// The log format of LevelDB, in which its write-ahead log and its manifest are: blocks of 32 KiB, in them
//
//   record  checksum u32 | length u16 | type u8 (1 whole, 2 first, 3 middle, 4 last) | payload
//
// and zeros where a block has no room for another header.
import { fields, named, type Place, place, threeOf } from './place.ts'

const blockBytes = 32 * 1_024
const headerBytes = 7

interface LevelRecord {
  readonly start: number
  readonly payloadBytes: number
  readonly type: number
}

export function levelLogRecords(content: Buffer): readonly LevelRecord[] {
  const records: LevelRecord[] = []
  for (let at = 0; at + headerBytes <= content.length; ) {
    const left = blockBytes - (at % blockBytes)
    if (left < headerBytes) {
      at += left
      continue
    }
    const payloadBytes = content.readUInt16LE(at + 4)
    const type = content.readUInt8(at + 6)
    if (type === 0 || at + headerBytes + payloadBytes > content.length) break
    records.push({ start: at, payloadBytes, type })
    at += headerBytes + payloadBytes
  }
  return records
}

export function levelLogPlaces(content: Buffer): readonly Place[] {
  const records = levelLogRecords(content)
  const split = records.find(({ type }) => type === 2)
  const parts = threeOf(records).flatMap(([name, record]) => named(`${name} record`, recordPlaces(record)))
  const border = split === undefined ? [] : named('record across two blocks', recordPlaces(split))
  const last = records.at(-1)
  const end = last === undefined ? 0 : last.start + headerBytes + last.payloadBytes
  const half = { name: 'second half', ranges: [{ start: end >> 1, end }] }
  return [...parts, ...border, place('tail', Math.max(0, end - 64), Math.min(64, end)), half]
}

const recordPlaces = ({ start, payloadBytes }: LevelRecord): readonly Place[] =>
  fields(start, [
    ['checksum', 4],
    ['length', 2],
    ['type', 1],
    ['payload', payloadBytes],
  ])

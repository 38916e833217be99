// The file `journal`: records in whole sectors, small ones twice.
import { sectorBytes } from '../../../src/storage/journal-record.ts'
import { fields, named, type Place } from './place.ts'

const magic = 0x726a_6c31
const header = [
  ['magic', 4],
  ['checksum', 4],
  ['format', 1],
  ['sequence', 6],
  ['cluster', 4],
  ['node id', 6],
  ['incarnation', 6],
  ['length', 4],
] as const

export function journalPlaces(content: Buffer): readonly Place[] {
  const starts: number[] = []
  for (let at = 0; at < content.length; at += sectorBytes) if (content.readUInt32BE(at) === magic) starts.push(at)
  const sequences = starts.map((at) => content.readUIntBE(at + 9, 6))
  const last = Math.max(0, ...sequences)
  const copies = starts.filter((_, i) => sequences[i] === last)
  const older = starts.filter((_, i) => sequences[i] === last - 1)
  const [newest = 0] = copies
  const whole = (start: number) => ({ start, end: start + sectorBytes })
  return [
    ...named('newest record', fields(newest, header)),
    { name: 'newest record', ranges: [whole(newest)] },
    { name: 'both copies of the newest record', ranges: copies.map(whole) },
    { name: 'both copies of the record before', ranges: (older.length > 0 ? older : copies).map(whole) },
    { name: 'all records', ranges: starts.map(whole) },
  ]
}

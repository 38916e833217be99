// The file `high-water`: two places of 4 KiB, written in turn.
import { slotBytes } from '../../../src/storage/slots.ts'
import { fields, named, type Place, place } from './place.ts'

const position = (name: string): readonly (readonly [string, number])[] => [
  [`term of ${name}`, 6],
  [`index of ${name}`, 6],
  [`chain of ${name}`, 4],
]
const mark = (name: string): readonly (readonly [string, number])[] => [...position(name), [`write of ${name}`, 6]]

/** Of those that come before what has no fixed length: the configuration of the base, fence, members. */
const fixed = [
  ['length', 4],
  ['format', 1],
  ['sequence', 6],
  ['cluster', 4],
  ['node id', 6],
  ['incarnation', 6],
  ['term', 6],
  ['vote', 6],
  ...mark('last'),
  ...position('base'),
  ['whether there is a configuration', 1],
] as const

export function slotPlaces(content: Buffer): readonly Place[] {
  const newest = sequenceOf(content) >= sequenceOf(content.subarray(slotBytes)) ? 0 : 1
  const starts = { newest: newest * slotBytes, older: (1 - newest) * slotBytes }
  const whole = (start: number) => ({ start, end: start + slotBytes })
  return [
    ...named('newest slot', onePlaces(content, starts.newest)),
    ...named('older slot', onePlaces(content, starts.older)),
    { name: 'newest slot', ranges: [whole(starts.newest)] },
    { name: 'older slot', ranges: [whole(starts.older)] },
    { name: 'both slots', ranges: [whole(0), whole(slotBytes)] },
    { name: 'checksums of both slots', ranges: [starts.newest, starts.older].flatMap((start) => checksumOf(content, start).ranges) },
  ]
}

function onePlaces(content: Buffer, start: number): readonly Place[] {
  const known = fields(start, fixed)
  const end = start + sealedEnd(content, start)
  const rest = known.at(-1)?.ranges[0]?.end ?? start
  return [
    ...known,
    place('configuration, fence and members', rest, end - 4 - rest),
    checksumOf(content, start),
    place('padding', end, start + slotBytes - end),
  ]
}

const sealedEnd = (content: Buffer, start: number): number => 4 + content.readUInt32BE(start)
const checksumOf = (content: Buffer, start: number): Place => place('checksum', start + sealedEnd(content, start) - 4, 4)

/** 0 for one that was not written yet. */
const sequenceOf = (slot: Buffer): number => slot.readUIntBE(5, 6)

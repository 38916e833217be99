// The files `high-water` and `witness`: two places of 4 KiB each, written in turn.
import { slotBytes } from '../../../src/storage/slots.ts'
import { fields, named, type Place, place } from './place.ts'

type Widths = readonly (readonly [name: string, bytes: number])[]

const position = (name: string): Widths => [
  [`term of ${name}`, 6],
  [`index of ${name}`, 6],
  [`chain of ${name}`, 4],
]
const mark = (name: string): Widths => [...position(name), [`write of ${name}`, 6]]

/** Fields of a fixed length, and what follows them. */
interface Layout {
  readonly fixed: Widths
  readonly rest: string
}

const head = [
  ['length', 4],
  ['format', 1],
  ['sequence', 6],
  ['cluster', 4],
  ['node id', 6],
  ['incarnation', 6],
] as const

const highWater: Layout = {
  fixed: [...head, ['term', 6], ['vote', 6], ...mark('last'), ...position('base'), ['whether there is a configuration', 1]],
  rest: 'configuration, fence and members',
}
const witness: Layout = { fixed: [...head, ['count', 1]], rest: 'what it knows of others' }

export const highWaterPlaces = (content: Buffer): readonly Place[] => slotPlaces(content, highWater)
export const witnessPlaces = (content: Buffer): readonly Place[] => slotPlaces(content, witness)

function slotPlaces(content: Buffer, layout: Layout): readonly Place[] {
  const newest = sequenceOf(content) >= sequenceOf(content.subarray(slotBytes)) ? 0 : 1
  const starts = { newest: newest * slotBytes, older: (1 - newest) * slotBytes }
  const whole = (start: number) => ({ start, end: start + slotBytes })
  return [
    ...named('newest slot', onePlaces(content, starts.newest, layout)),
    ...named('older slot', onePlaces(content, starts.older, layout)),
    { name: 'newest slot', ranges: [whole(starts.newest)] },
    { name: 'older slot', ranges: [whole(starts.older)] },
    { name: 'both slots', ranges: [whole(0), whole(slotBytes)] },
    { name: 'checksums of both slots', ranges: [starts.newest, starts.older].flatMap((start) => checksumOf(content, start).ranges) },
  ]
}

function onePlaces(content: Buffer, start: number, { fixed, rest: restName }: Layout): readonly Place[] {
  const known = fields(start, fixed)
  const end = start + sealedEnd(content, start)
  const rest = known.at(-1)?.ranges[0]?.end ?? start
  return [...known, place(restName, rest, end - 4 - rest), checksumOf(content, start), place('padding', end, start + slotBytes - end)]
}

/** Of one that was not written yet, something that is within it. */
const sealedEnd = (content: Buffer, start: number): number => 4 + Math.max(content.readUInt32BE(start), 4)
const checksumOf = (content: Buffer, start: number): Place => place('checksum', start + sealedEnd(content, start) - 4, 4)

/** 0 for one that was not written yet. */
const sequenceOf = (slot: Buffer): number => slot.readUIntBE(5, 6)

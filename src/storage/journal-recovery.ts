// What to make of a journal at the start, and of the slots beside it. Pure; `openJournal` performs it.
//
//   records   4 5 6 7 8     the store has 5: 6 to 8 go to it, and the slot of 8 is the high water
//   records   4 5 6   8     6 goes to it, and the slot of 8 is the high water all the same: what 7 was is lost, and the log is found to lack it
import { chooseSlot, decodeSlot, encodeSlot, type HighWater, type SlotOwner } from './high-water.ts'
import { decodeRecord, type JournalRecord, type JournalWrite } from './journal-record.ts'
import type { AppliedRecord } from './records.ts'
import type { SlotPosition } from './slots.ts'

export interface FoundJournal {
  readonly records: readonly JournalRecord[]
  /** It is there, in its whole length, and can be read. */
  readonly isWhole: boolean
  /** As the store says, if it says anything. */
  readonly applied: AppliedRecord | 'damaged' | undefined
  /** The store has just been made: what is in the journal goes on from another. */
  readonly isNewStore: boolean
}

export interface JournalVerdict {
  /** Ascending, without a gap: what the store does not have yet. */
  readonly missing: readonly JournalWrite[]
  /** The last record that is in the store then. */
  readonly applied: number
  /** The last that there was, and where it is: at 0 where it is not there. */
  readonly newest: { readonly sequence: number; readonly at: number }
  /** The high water as of the newest record. */
  readonly slot: HighWater | undefined
  /** What was promised last may be gone, and nobody knows what it was. */
  readonly isLost: boolean
}

/** Throws a `WireError` where a record that verifies cannot be read. */
export function judgeJournal({ records, isWhole, applied, isNewStore }: FoundJournal): JournalVerdict {
  const last = records.at(-1)
  // A store that cannot tell may have more than the oldest of them: it is given none, and the slot of the newest says whether it lacks any.
  const known = applied === 'damaged' ? (last?.sequence ?? 0) : (applied?.sequence ?? 0)
  const isClean = applied !== 'damaged' && applied?.isClean === true
  const missing = isNewStore ? [] : following(records, known)
  const newest = { sequence: Math.max(known, last?.sequence ?? 0), at: last?.at ?? 0 }
  // The store is told of a record when it is in the journal, and of the first one of a life before anything is promised in it.
  const isKept = isWhole && last !== undefined && last.sequence >= known
  const slot = last === undefined ? undefined : decodeSlot(decodeRecord(last).slot)
  return { missing, applied: known + missing.length, newest, slot, isLost: !isClean && !isKept }
}

function following(records: readonly JournalRecord[], applied: number): readonly JournalWrite[] {
  const later = records.filter(({ sequence }) => sequence > applied)
  return later.filter(({ sequence }, i) => sequence === applied + 1 + i).map(decodeRecord)
}

/** What has to be written for two places to say what `slot` says, and in this order. Nothing where they know more, or nothing at all. */
export function slotWrites(
  places: readonly [Uint8Array, Uint8Array],
  slot: HighWater | undefined,
  owner: SlotOwner,
): readonly { readonly position: SlotPosition; readonly bytes: Uint8Array }[] {
  const { newest, next } = chooseSlot(places, owner)
  // Of slots of which nothing is left nobody knows what they have said since: of a fence, that no record tells of.
  if (slot === undefined || newest === undefined || slot.sequence <= newest.sequence) return []
  const first = { position: next, bytes: encodeSlot(slot) }
  if (newest.sequence === slot.sequence - 1) return [first]
  // The other one has to be the one before it: else it would be taken for one that was lost.
  const second = { ...slot, sequence: slot.sequence + 1 }
  return [first, { position: next === 0 ? 1 : 0, bytes: encodeSlot(second) }]
}

/** The places as they are after those writes. */
export function withSlot(
  places: readonly [Uint8Array, Uint8Array],
  slot: HighWater | undefined,
  owner: SlotOwner,
): readonly [Uint8Array, Uint8Array] {
  const after: [Uint8Array, Uint8Array] = [places[0], places[1]]
  for (const { position, bytes } of slotWrites(places, slot, owner)) after[position] = bytes
  return after
}

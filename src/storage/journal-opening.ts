// Opens the journal of a data directory: what the database lacks of it goes there, and the slot of its newest record to the high water.
//
//   look -> missing records to the database -> slot to the high water -> the log opens -> a journal is made where there is none of use
//
// A crash in between is followed by the same again: nothing is taken from the journal before another record is promised.
import type { Done, Identity } from '../ports/log.ts'
import { WireError } from '../wire/bytes.ts'
import { DamageError, damagedForeignSlots, storeError, unreadable } from './damage.ts'
import { ownerOf, type SlotOwner } from './high-water.ts'
import { scanJournal } from './journal-record.ts'
import { type FoundJournal, type JournalVerdict, judgeJournal, slotWrites, withSlot } from './journal-recovery.ts'
import type { JournalContent, NewJournal } from './journal-space.ts'
import { appliedOperation, JournaledKeyValue, type JournaledOptions, merged } from './journaled-kv.ts'
import type { KeyValue, Operation } from './kv.ts'
import { isSameIdentity } from './log-verdict.ts'
import * as records from './records.ts'
import type { Slots, SlotsDone } from './slots.ts'

export interface JournalParts {
  /** Of the data directory, and of the journal in it, for messages. */
  readonly name: string
  readonly path: string
  readonly content: JournalContent
  /** `undefined` where there is no database of which anything can be read. */
  readonly kv: KeyValue | undefined
  readonly identity: Identity
  /** Without a word of the database about it there must be one: the directory is not of a format that had none. */
  readonly isExpected: boolean
  /** The database has just been made. */
  readonly isNewStore: boolean
}

export interface JournalLook {
  readonly verdict: JournalVerdict
  readonly isWhole: boolean
  readonly applied: FoundJournal['applied']
  /** The database says so itself. */
  readonly isNoted: boolean
  readonly owner: SlotOwner
}

/** Changes nothing. Errors: STORAGE_DAMAGED, STORAGE_FAILED, DATA_DIR_FOREIGN; anything else is an error of the system. */
export async function lookAtJournal({ name, path, content, kv, identity, isExpected, isNewStore }: JournalParts): Promise<JournalLook> {
  const { bytes, written, isWhole } = content
  const owner = ownerOf(identity)
  const noted = await readApplied(kv, name)
  // A directory of before has none, and needs none.
  const applied = noted === undefined && !isExpected ? { sequence: 0, isClean: true } : noted
  const { records, foreign } = scanJournal(bytes, owner, written)
  // Where the database is another's, others say so.
  if (foreign !== undefined && (await isOwnDatabase(kv, name, identity))) throw damagedForeignSlots(path, identity, foreign)
  try {
    const verdict = judgeJournal({ records, isWhole, applied, isNewStore: isNewStore || kv === undefined })
    return { verdict, isWhole, applied, isNoted: noted !== undefined, owner }
  } catch (thrown) {
    throw thrown instanceof WireError ? storeError(path, 'read', thrown) : thrown
  }
}

/** Gives the store what it lacks. */
export async function applyJournal(kv: KeyValue, { verdict, applied }: JournalLook): Promise<void> {
  const { missing, newest } = verdict
  if (missing.length > 0) {
    await batch(kv, [
      ...merged(missing.map(({ operations }) => operations)),
      appliedOperation({ sequence: verdict.applied, isClean: false }),
    ])
  }
  // What comes after a hole is given up; its numbers are not used again.
  if (applied !== 'damaged' && newest.sequence > verdict.applied) {
    await batch(kv, [appliedOperation({ sequence: newest.sequence, isClean: false })])
  }
}

/** The slots as they are once that of the newest record is there; of a journal that is lost nobody knows what they should say. */
export function slotsAfter(slots: Slots, { verdict, owner }: JournalLook, path: string): Slots {
  const none = new Uint8Array(0)
  const read = (done: SlotsDone): void => {
    if (verdict.isLost) return slots.read((error) => done(error, [none, none]))
    slots.read((error, places) => done(error, withSlot(places, verdict.slot, owner)))
  }
  return {
    name: verdict.isLost ? path : slots.name,
    read,
    write: (position, bytes, done) => slots.write(position, bytes, done),
    close: (done) => slots.close(done),
  }
}

export interface JournalPlaces extends Pick<JournaledOptions, 'onFailure' | 'hasRoom' | 'delay'> {
  /** Whose content was looked at. */
  readonly journal: NewJournal
  readonly slots: Slots
}

export interface OpenedJournal {
  readonly kv: JournaledKeyValue
  readonly slots: Slots
  /** The log is open: makes what is missing. Nothing may be committed before. */
  ready(): Promise<void>
}

/** Errors: as of `lookAtJournal`. */
export async function openJournal(
  parts: JournalParts & { readonly kv: KeyValue },
  { journal, slots, onFailure, hasRoom, delay }: JournalPlaces,
): Promise<OpenedJournal> {
  const { path, kv } = parts
  const look = await lookAtJournal(parts)
  const { verdict, applied, isNoted, isWhole, owner } = look
  const after = slotsAfter(slots, look, path)
  if (!verdict.isLost) await writeSlots(slots, look)
  await applyJournal(kv, look)
  const isClean = applied !== 'damaged' && applied?.isClean === true && verdict.newest.sequence === applied.sequence
  const known = { sequence: verdict.newest.sequence, isClean }
  return {
    kv: new JournaledKeyValue({ kv, journal, owner, newest: verdict.newest, applied: known, onFailure, hasRoom, delay }),
    slots: after,
    ready: async () => {
      // One that is lost says nothing any more that could be heeded: it would be taken for newer than what has been made of the log.
      if (!isWhole || verdict.isLost) await journal.make()
      journal.open()
      if (isClean && !isNoted) await batch(kv, [appliedOperation(known)])
    },
  }
}

async function writeSlots(slots: Slots, { verdict, owner }: JournalLook): Promise<void> {
  const places = await new Promise<readonly [Uint8Array, Uint8Array]>((resolve, reject) => {
    slots.read((error, read) => (error === undefined ? resolve(read) : reject(error)))
  })
  for (const { position, bytes } of slotWrites(places, verdict.slot, owner)) await called((done) => slots.write(position, bytes, done))
}

async function readApplied(kv: KeyValue | undefined, name: string): Promise<FoundJournal['applied']> {
  const value = kv && (await read(kv, name, records.appliedKey))
  if (value === undefined) return undefined
  try {
    return records.decodeApplied(value)
  } catch (thrown) {
    if (thrown instanceof WireError) return 'damaged'
    throw thrown
  }
}

/** As the database says, if that can be read. */
export async function identityIn(kv: KeyValue | undefined, name: string): Promise<Identity | undefined> {
  const value = kv && (await read(kv, name, records.identityKey))
  try {
    return value && records.decodeIdentity(value)
  } catch (thrown) {
    if (thrown instanceof WireError) return undefined
    throw thrown
  }
}

async function isOwnDatabase(kv: KeyValue | undefined, name: string, identity: Identity): Promise<boolean> {
  const found = await identityIn(kv, name)
  return found === undefined || isSameIdentity(found, identity)
}

const read = (kv: KeyValue, name: string, key: Uint8Array): Promise<Uint8Array | undefined> =>
  new Promise((resolve, reject) => {
    kv.get(key, (error, value) => {
      if (error === undefined) return resolve(value)
      const failure = storeError(name, 'read', error)
      reject(failure instanceof DamageError ? unreadable(name, failure) : failure)
    })
  })

const batch = (kv: KeyValue, operations: readonly Operation[]): Promise<void> => called((done) => kv.batch(operations, done))

const called = (call: (done: Done) => void): Promise<void> =>
  new Promise((resolve, reject) => call((error) => (error === undefined ? resolve() : reject(error))))

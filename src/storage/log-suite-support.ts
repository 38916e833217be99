// What the cases of the suite are written with.
import type { ConfState, Entry, EntryId, HardState, Index, LogBase, LogSummary, Persist, Term } from '../core/types.ts'
import type { EntriesRange, Log } from '../ports/log.ts'

export const kibibyte = 1_024
const bytesUnlimited = Number.MAX_SAFE_INTEGER

export interface Case<Arguments extends readonly unknown[]> {
  readonly name: string
  /** Gives the log that is still open at the end, when it is another one. */
  readonly run: (log: Log, ...more: Arguments) => Promise<Log | undefined>
}

export const conf: ConfState = {
  members: [1, 2, 3].map((id) => ({ id, incarnation: 1, peer: `10.0.0.${id}:7001`, client: `10.0.0.${id}:7002` })),
  voters: [1, 2, 3],
  votersOutgoing: [],
  learners: [],
  joining: [],
  removed: [],
  leaseMs: 0,
}
export const otherConf: ConfState = { ...conf, voters: [1, 2], votersOutgoing: [1, 2, 3], learners: [3] }

/** `count` commands whose data tells term and index. */
export function commands(term: Term, firstIndex: Index, count: number, bytes = 12): readonly Entry[] {
  return Array.from({ length: count }, (_, i) => {
    const data = new Uint8Array(bytes)
    new DataView(data.buffer).setUint32(0, term)
    new DataView(data.buffer).setUint32(4, firstIndex + i)
    return { term, index: firstIndex + i, kind: 'command', data, conf: undefined }
  })
}

export const confEntry = (term: Term, index: Index): Entry => ({ term, index, kind: 'conf', data: new Uint8Array(0), conf: otherConf })

/** Data as plain arrays of bytes: a `Buffer` and a `Uint8Array` of the same content are the same. */
export const plainEntries = (entries: readonly Entry[]): readonly Entry[] =>
  entries.map((entry) => ({ ...entry, data: Uint8Array.from(entry.data) }))

let seq = 0
export function persist(changes: Partial<Persist>): Persist {
  seq++
  return { seq, hardState: { term: 1, votedFor: undefined }, reset: undefined, truncateFrom: undefined, entries: [], ...changes }
}
export const append = (log: Log, changes: Partial<Persist>): Promise<void> => called((done) => log.appendEntries(persist(changes), done))

export const compact = (log: Log, base: LogBase): Promise<void> => called((done) => log.compact(base, done))

/** A base at this entry, with the configuration that a `confEntry` brings. */
export const baseAt = (id: EntryId): LogBase => ({ id, conf: otherConf })

export function called(call: (done: (error: Error | undefined) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => call((error) => (error === undefined ? resolve() : reject(error))))
}

export function read(log: Log, firstIndex: Index, lastIndex: Index, bytesMax = bytesUnlimited): Promise<readonly Entry[]> {
  const range: EntriesRange = { firstIndex, lastIndex, bytesMax }
  return new Promise((resolve, reject) => {
    log.entries(range, (error, entries) => (error === undefined ? resolve(plainEntries(entries)) : reject(error)))
  })
}

export function readOne(log: Log, index: Index): Promise<Entry | undefined> {
  return new Promise((resolve, reject) => {
    log.entry(index, (error, entry) => (error === undefined ? resolve(entry && plainEntries([entry])[0]) : reject(error)))
  })
}

interface Ends {
  readonly currentTerm: Term
  readonly votedFor: HardState['votedFor']
  readonly firstIndex: Index
  readonly lastIndex: Index
  readonly lastTerm: Term
}
export const ends = ({ currentTerm, votedFor, firstIndex, latestLogIndex, latestLogTerm }: Log): Ends => ({
  currentTerm,
  votedFor,
  firstIndex,
  lastIndex: latestLogIndex,
  lastTerm: latestLogTerm,
})

export const summary = (changes: Partial<LogSummary>): LogSummary => ({
  hardState: { term: 1, votedFor: undefined },
  base: { id: { term: 0, index: 0 }, conf },
  lastIndex: 0,
  terms: [],
  confs: [],
  ...changes,
})

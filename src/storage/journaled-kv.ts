// A store with a journal before it: a batch is durable, with its slot, once its record is in the journal, by one write. The store gets it later, together
// with others; until then it is in the journal, and in memory.
//
//   commit k      journal: record k ... durable
//                                                promise k is made
//                 store:   records j to k, and that it has them ... durable
//
// Torn or damaged? A record that was being written when the power failed may be dropped, one that was promised may not. So a small one is written
// twice by the same write, in different sectors: one fault damages one copy at most, and where neither is whole, nothing was promised. A large one is
// written once, and a small one after it, which says that it was there; the promise is made after both, and the store gets it after both. What does not fit in a half goes to the store
// itself, and such a small one follows as well.
//
// A half is written over only when the store has everything that is in it.
import { assert } from '../core/invariant.ts'
import type { Done } from '../ports/log.ts'
import type { SlotOwner } from './high-water.ts'
import { RecordEncoder, recordBytes } from './journal-record.ts'
import type { JournalSpace } from './journal-space.ts'
import type { KeyRange, KeyValue, Operation, ValueDone } from './kv.ts'
import { type AppliedRecord, appliedKey, encodeApplied } from './records.ts'

/** Of a half: a record is written twice if both copies take no more than a quarter of it. A second copy costs less than a second write. */
const twicePart = 1 / 8
/** The store is synced no more often than this, unless somebody waits for it or `pendingBytesMax` are waiting. Milliseconds. */
const applyMs = 250
const pendingBytesMax = 1_024 * 1_024

export interface JournaledOptions {
  readonly kv: KeyValue
  readonly journal: JournalSpace
  readonly owner: SlotOwner
  /** Of all records that may be in the journal the newest, 0 for none, and where it begins: the first record goes to the other half. */
  readonly newest: { readonly sequence: number; readonly at: number }
  /** As the store says. It has everything that is in the journal and of use. */
  readonly applied: AppliedRecord
  /** The store has failed while nobody waited for it. */
  readonly onFailure: (error: Error) => void
  /**
   * Whether the disk takes so many bytes more of the store: where it does not, the store gets nothing that nobody waits for. It would have to be opened
   * again after a write that failed, and what it lacks is in the journal, which has its space. Default: it does.
   */
  readonly hasRoom?: ((bytes: number, answer: (hasRoom: boolean) => void) => void) | undefined
  /** Runs `task` later unless what is returned is called before. Default: `setTimeout`. */
  readonly delay?: ((task: () => void, ms: number) => () => void) | undefined
}

/** What one commit has written. */
interface Pending {
  readonly firstSequence: number
  readonly sequence: number
  readonly operations: readonly Operation[]
  readonly bytes: number
}
interface Waiting {
  readonly sequence: number
  readonly done: Done
}
type HalfPosition = 0 | 1

export class JournaledKeyValue implements KeyValue {
  readonly #kv: KeyValue
  readonly #journal: JournalSpace
  readonly #options: JournaledOptions
  readonly #halfBytes: number
  /** Of a record that is written twice. */
  readonly #twiceBytesMax: number
  readonly #encoder: RecordEncoder
  /** The last record that was begun. */
  #sequence: number
  #half: HalfPosition
  /** In the half. */
  #offset = 0
  /** The last record in each half. */
  readonly #lasts: [number, number]
  #isCommitting = false
  /** Something was committed since it was opened: the store knows that it is in use. */
  #isBegun = false
  #applied: AppliedRecord
  /** Ascending: in the journal, and handed over to the store or not yet. */
  #applying: readonly Pending[] = []
  #pending: Pending[] = []
  #pendingBytes = 0
  #waiting: Waiting[] = []
  #cancelTimer: (() => void) | undefined
  #isAskingForRoom = false
  #isClosed = false
  #onIdle: (() => void) | undefined
  /** The first error. Nothing is written after it. */
  #failure: Error | undefined

  constructor(options: JournaledOptions) {
    const { kv, journal, newest, applied } = options
    this.#kv = kv
    this.#journal = journal
    this.#options = options
    this.#sequence = newest.sequence
    this.#encoder = new RecordEncoder(options.owner)
    this.#halfBytes = journal.bytes / 2
    this.#twiceBytesMax = this.#halfBytes * twicePart
    this.#half = newest.at < this.#halfBytes ? 1 : 0
    this.#lasts = [newest.sequence, newest.sequence]
    this.#applied = applied
  }

  get(key: Uint8Array, done: ValueDone): void {
    const read = (): void => this.#kv.get(key, done)
    this.#beforeRead({ firstKey: key, lastKey: key }, read, (error) => done(error, undefined))
  }

  range(range: KeyRange, each: (key: Uint8Array, value: Uint8Array) => boolean, done: Done): void {
    this.#beforeRead(range, () => this.#kv.range(range, each, done), done)
  }

  /** Not through the journal: for what is written before anything is committed. */
  batch(operations: readonly Operation[], done: Done): void {
    this.#whenApplied(this.#sequence, (error) => (error === undefined ? this.#kv.batch(operations, done) : done(error)))
  }

  commit(operations: readonly Operation[], slot: Uint8Array, done: Done): void {
    assert(!this.#isCommitting, 'one commit at a time')
    if (this.#failure !== undefined) return this.#refuse(done, this.#failure)
    this.#isCommitting = true
    this.#write(operations, slot, (error) => {
      this.#isCommitting = false
      this.#failure ??= error
      done(error)
    })
  }

  settle(done: Done): void {
    this.#whenApplied(this.#sequence, (error) => {
      if (error !== undefined) return done(error)
      if (this.#applied.isClean) return this.defer(() => done(undefined))
      this.#applied = { sequence: this.#sequence, isClean: true }
      this.#kv.batch([appliedOperation(this.#applied)], done)
    })
  }

  defer(task: () => void): void {
    this.#kv.defer(task)
  }

  /** What the store does not have by now is in the journal. */
  close(done: Done): void {
    this.#cancelTimer?.()
    this.#isClosed = true
    const close = (): void => this.#journal.close((late) => this.#kv.close((error) => done(late ?? error)))
    if (this.#applying.length === 0) close()
    else this.#onIdle = close
  }

  #write(operations: readonly Operation[], slot: Uint8Array, done: Done): void {
    const bytes = recordBytes({ slot, operations })
    const firstSequence = this.#sequence + 1
    const onDurable: Done = (error) => {
      if (error !== undefined) return done(error)
      const inStore = bytes > this.#halfBytes
      this.#onDurable({ firstSequence, sequence: this.#sequence, operations: inStore ? [] : operations, bytes }, done)
    }
    const note: Done = (error) => {
      if (error === undefined) this.#append([], slot, onDurable)
      else done(error)
    }
    if (bytes <= this.#twiceBytesMax) this.#append(operations, slot, onDurable)
    else if (bytes <= this.#halfBytes) this.#append(operations, slot, note)
    else this.batch(operations, note)
  }

  #append(operations: readonly Operation[], slot: Uint8Array, done: Done): void {
    const sequence = ++this.#sequence
    // One at a time: until it is written nothing else is encoded.
    const bytes = this.#encoder.encode({ sequence, slot, operations }, this.#twiceBytesMax)
    this.#makeRoom(bytes.length, (error) => {
      if (error !== undefined) return done(error)
      const at = this.#half * this.#halfBytes + this.#offset
      this.#offset += bytes.length
      this.#lasts[this.#half] = sequence
      this.#journal.write(at, bytes, done)
    })
  }

  /** A record does not lie in both halves. */
  #makeRoom(bytes: number, done: Done): void {
    if (this.#offset + bytes <= this.#halfBytes) return done(undefined)
    const other = this.#half === 0 ? 1 : 0
    this.#whenApplied(this.#lasts[other], (error) => {
      this.#half = other
      this.#offset = 0
      done(error)
    })
  }

  #onDurable(pending: Pending, done: Done): void {
    this.#pending.push(pending)
    this.#pendingBytes += pending.bytes
    if (!this.#isBegun) {
      // Nobody may take the store for one that was closed in order, once there is a promise that it was not told of.
      this.#isBegun = true
      return this.#whenApplied(pending.sequence, done)
    }
    if (this.#pendingBytes > pendingBytesMax) this.#apply()
    else this.#schedule()
    done(this.#failure)
  }

  #beforeRead({ firstKey, lastKey }: Omit<KeyRange, 'bytesMax'>, read: () => void, refused: Done): void {
    const isIn = ({ key }: Operation): boolean => Buffer.compare(key, firstKey) >= 0 && Buffer.compare(key, lastKey) <= 0
    const concerned = [...this.#applying, ...this.#pending].findLast(({ operations }) => operations.some(isIn))
    if (concerned === undefined) return read()
    this.#whenApplied(concerned.sequence, (error) => (error === undefined ? read() : refused(error)))
  }

  /** Calls `done` when the store has everything up to `sequence`: at once, if it has. */
  #whenApplied(sequence: number, done: Done): void {
    if (this.#failure !== undefined) return this.#refuse(done, this.#failure)
    if (!this.#holdsBefore(sequence)) return done(undefined)
    this.#waiting.push({ sequence, done })
    this.#apply()
  }

  /** Whether anything up to `sequence` is not in the store yet. */
  #holdsBefore(sequence: number): boolean {
    const first = this.#applying[0] ?? this.#pending[0]
    return first !== undefined && first.firstSequence <= sequence
  }

  #schedule(): void {
    if (this.#cancelTimer !== undefined || this.#applying.length > 0) return
    const { delay = laterBy } = this.#options
    this.#cancelTimer = delay(() => this.#apply(), applyMs)
  }

  /** One batch at a time; the next begins with what has come meanwhile. */
  #apply(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    if (!this.#hasToApply) return
    const { hasRoom } = this.#options
    if (hasRoom === undefined || this.#waiting.length > 0) this.#applyPending()
    else this.#askForRoom(hasRoom)
  }

  get #hasToApply(): boolean {
    return this.#applying.length === 0 && this.#pending.length > 0 && this.#failure === undefined
  }

  #askForRoom(hasRoom: NonNullable<JournaledOptions['hasRoom']>): void {
    if (this.#isAskingForRoom) return
    this.#isAskingForRoom = true
    hasRoom(this.#pendingBytes, (isThere) => {
      this.#isAskingForRoom = false
      // Somebody who came meanwhile, and waited, may have had it done.
      if (this.#isClosed || !this.#hasToApply) return
      if (isThere) this.#applyPending()
      else this.#schedule()
    })
  }

  #applyPending(): void {
    const last = this.#pending.at(-1)
    assert(last !== undefined, 'there is something to apply')
    this.#applying = this.#pending
    this.#pending = []
    this.#pendingBytes = 0
    const applied = { sequence: last.sequence, isClean: false }
    const operations = merged(this.#applying.map(({ operations }) => operations))
    this.#kv.batch([...operations, appliedOperation(applied)], (error) => this.#onApplied(applied, error))
  }

  #onApplied(applied: AppliedRecord, error: Error | undefined): void {
    this.#applying = []
    if (error === undefined) this.#applied = applied
    else this.#fail(error)
    const failure = this.#failure
    const waited = this.#waiting
    const isHeld = ({ sequence }: Waiting): boolean => this.#holdsBefore(sequence)
    // Nothing will be written any more after a failure, whoever waits for it.
    const left = failure === undefined ? waited.filter(isHeld) : []
    const ended = waited
      .filter((one) => !left.includes(one))
      .map((one) => ({ ...one, failure: error ?? (isHeld(one) ? failure : undefined) }))
    this.#waiting = left
    for (const { done, failure } of ended) done(failure)
    if (this.#onIdle !== undefined) return this.#onIdle()
    if (this.#pending.length === 0) return
    if (this.#waiting.length > 0 || this.#pendingBytes > pendingBytesMax) this.#apply()
    else this.#schedule()
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#options.onFailure(error)
  }

  #refuse(done: Done, failure: Error): void {
    this.#kv.defer(() => done(failure))
  }
}

export const appliedOperation = (applied: AppliedRecord): Operation => ({ kind: 'put', key: appliedKey, value: encodeApplied(applied) })

/** One batch of several: of the operations on a key only the last counts. */
export function merged(batches: readonly (readonly Operation[])[]): readonly Operation[] {
  const lasts = new Map<string, Operation>()
  for (const operations of batches) {
    for (const operation of operations) lasts.set(nameOf(operation.key), operation)
  }
  return [...lasts.values()]
}

const nameOf = (key: Uint8Array): string => Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')

/** Does not keep a process alive: whatever waits is in the journal. */
function laterBy(task: () => void, ms: number): () => void {
  const timer = setTimeout(task, ms).unref()
  return () => clearTimeout(timer)
}

// The log over any store of records: one block a write, one atomic batch a write. Knows nothing of files, clocks and promises.
//
//   base | block | block | ... | block        truncation inside a block: the part before it is written anew under the same key,
//        ^ 1     ^ 65    ^ 66                 every later block is deleted, the new tail follows: all in the batch of that write
import { assert } from '../core/invariant.ts'
import type { ConfState, Entry, EntryId, HardState, Index, LogSummary, Persist, Term } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import type { Done, EntriesDone, EntriesRange, Identity, Log } from '../ports/log.ts'
import { encodeEntries, entriesHeaderBytes } from '../wire/entry-codec.ts'
import { type EncodedBlock, encodeBlocks } from './block.ts'
import type { BlockIndex } from './block-index.ts'
import { BlockReader } from './block-reader.ts'
import { readError, storeError, unusable } from './damage.ts'
import type { KeyValue, Operation } from './kv.ts'
import { ReadGate } from './read-gate.ts'
import * as records from './records.ts'
import { type Recovered, Recovery } from './recovery.ts'
import type { TermRuns } from './term-runs.ts'

/** Entries in one record, bytes: a record is read and verified as a whole. A single larger entry still gets its block. */
const blockBytesMax = 1_024 * 1_024
/** Writes that wait for their turn: a driver has one under way at a time, more than a few are a bug. */
const writesMax = 1_024
/** Entries between two reports of progress while opening. */
const progressEntries = 65_536
/** Read ahead while opening, bytes. */
const openBytes = 4 * 1_024 * 1_024

export interface BlockLogOptions {
  /** Place, for messages: a directory. */
  readonly name: string
  /** Index of the last entry read so far while opening, about every 65,536 entries. */
  readonly onProgress?: ((lastIndex: Index) => void) | undefined
}
interface Write {
  readonly persist: Persist
  readonly done: Done
}
/** What of the log a write leaves in place: blocks, the last entry in them, and the chain after it. */
interface Kept {
  readonly blocks: number
  /** The block that the truncation cuts through, shortened: it replaces the first of the others. */
  readonly shortened: EncodedBlock | undefined
  readonly id: EntryId
}

/** `Log` in blocks over a `KeyValue`. Made with `BlockLog.bootstrap`, opened with `BlockLog.open`. */
export class BlockLog implements Log {
  readonly identity: Identity
  readonly summary: LogSummary
  readonly #kv: KeyValue
  readonly #name: string
  readonly #base: records.BaseRecord
  /** These three are as of the last completed write. */
  readonly #index: BlockIndex
  readonly #terms: TermRuns
  #hardState: records.HardStateRecord
  readonly #reader: BlockReader
  readonly #gate = new ReadGate()
  readonly #waiting: Write[] = []
  /** Stays until its `done` has returned, so that what `done` appends waits behind what was there before it. */
  #writing: Write | undefined
  /** The first error. Nothing is written or read after it. */
  #failure: RaftgenError | undefined
  #closing: Done[] | undefined
  #closed = false

  /** Writes the records of a new, empty log. Nothing may be in `kv`. */
  static bootstrap(kv: KeyValue, { identity, conf }: { identity: Identity; conf: ConfState }, done: Done): void {
    const chain = records.genesisChain(identity.clusterId)
    const base = { id: { term: 0, index: 0 }, conf, chain }
    const hardState = { term: 0, votedFor: undefined, writes: 0, lastIndex: 0, lastTerm: 0, lastChain: chain }
    kv.batch(
      [
        { kind: 'put', key: records.baseKey, value: records.encodeBase(base) },
        { kind: 'put', key: records.identityKey, value: records.encodeIdentity(identity) },
        { kind: 'put', key: records.hardStateKey, value: records.encodeHardState(hardState) },
      ],
      done,
    )
  }

  /** Verifies everything in `kv`. Errors: STORAGE_DAMAGED, STORAGE_FAILED. */
  static open(kv: KeyValue, options: BlockLogOptions, done: (error: Error | undefined, log: BlockLog | undefined) => void): void {
    const recovery = new Recovery()
    let reported = 0
    const onRecord = (key: Uint8Array, value: Uint8Array): boolean => {
      recovery.record(key, value)
      if (recovery.lastIndex - reported >= progressEntries) {
        reported = recovery.lastIndex
        options.onProgress?.(reported)
      }
      return true
    }
    const everything = { firstKey: records.firstKey, lastKey: records.lastKey, bytesMax: openBytes }
    kv.range(everything, onRecord, (error) => {
      if (error !== undefined) return done(storeError(options.name, 'read', error), undefined)
      let recovered: Recovered
      try {
        recovered = recovery.finish()
      } catch (thrown) {
        return done(readError(options.name, thrown), undefined)
      }
      done(undefined, new BlockLog(kv, options.name, recovered))
    })
  }

  /** For `open`: takes over what was recovered. */
  constructor(kv: KeyValue, name: string, recovered: Recovered) {
    this.#kv = kv
    this.#name = name
    this.identity = recovered.identity
    this.summary = recovered.summary
    this.#base = recovered.base
    this.#index = recovered.index
    this.#terms = recovered.terms
    this.#hardState = recovered.hardState
    this.#reader = new BlockReader(kv, name, recovered.index)
  }

  get currentTerm(): Term {
    return this.#hardState.term
  }
  get votedFor(): HardState['votedFor'] {
    return this.#hardState.votedFor
  }
  get firstIndex(): Index {
    return this.#base.id.index + 1
  }
  get latestLogIndex(): Index {
    return this.#hardState.lastIndex
  }
  get latestLogTerm(): Term {
    return this.#hardState.lastTerm
  }

  appendEntries(persist: Persist, done: Done): void {
    const refusal = this.#refusal()
    if (refusal !== undefined) return this.#kv.defer(() => done(refusal))
    assert(this.#waiting.length < writesMax, `at most ${writesMax} writes wait for the disk`)
    this.#waiting.push({ persist, done })
    this.#nextWrite()
  }

  entries(range: EntriesRange, done: EntriesDone): void {
    const refusal = this.#refusal() ?? this.#gate.refusal(this.#name)
    if (refusal !== undefined) return this.#kv.defer(() => done(refusal, []))
    const finish: EntriesDone = (error, entries) => {
      done(error, entries)
      this.#gate.leave()
      this.#maybeClose()
    }
    this.#gate.enter(() => this.#readEntries(range, finish))
  }

  entry(index: Index, done: (error: Error | undefined, entry: Entry | undefined) => void): void {
    this.entries({ firstIndex: index, lastIndex: index, bytesMax: 0 }, (error, entries) => done(error, entries[0]))
  }

  close(done: Done): void {
    if (this.#closed) return this.#kv.defer(() => done(undefined))
    this.#closing ??= []
    this.#closing.push(done)
    this.#maybeClose()
  }

  #refusal(): RaftgenError | undefined {
    if (this.#failure !== undefined) return unusable(this.#name, this.#failure)
    return this.#closing === undefined ? undefined : new RaftgenError('CLOSED', `${this.#name}: the log is closed`)
  }

  #readEntries(range: EntriesRange, done: EntriesDone): void {
    const lastIndex = Math.min(range.lastIndex, this.latestLogIndex)
    if (this.#failure !== undefined) {
      const refusal = unusable(this.#name, this.#failure)
      return this.#kv.defer(() => done(refusal, []))
    }
    if (range.firstIndex < this.firstIndex || range.firstIndex > lastIndex) return this.#kv.defer(() => done(undefined, []))
    this.#reader.entries({ ...range, lastIndex }, (error, entries) => {
      this.#failure ??= error
      done(error, entries)
    })
  }

  #nextWrite(): void {
    if (this.#writing !== undefined) return
    if (this.#failure !== undefined) return this.#failWaiting(this.#failure)
    const write = this.#waiting.shift()
    if (write === undefined) return
    this.#writing = write
    const { truncateFrom } = write.persist
    if (truncateFrom !== undefined && truncateFrom <= this.latestLogIndex) {
      assert(truncateFrom >= this.firstIndex, 'a truncation leaves the base in place')
      return this.#gate.close(() => this.#truncate(write.persist, truncateFrom))
    }
    this.#writeBatch(write.persist, {
      blocks: this.#index.length,
      shortened: undefined,
      id: { term: this.latestLogTerm, index: this.latestLogIndex },
    })
  }

  #truncate(persist: Persist, truncateFrom: Index): void {
    if (this.#failure !== undefined) return this.#finishWrite(unusable(this.#name, this.#failure))
    const blocks = this.#index.find(truncateFrom)
    const id = { term: this.#terms.at(truncateFrom - 1), index: truncateFrom - 1 }
    if (this.#index.firstIndex(blocks) === truncateFrom) return this.#writeBatch(persist, { blocks, shortened: undefined, id })
    this.#reader.runBefore(truncateFrom, blocks, (error, run) => {
      if (run === undefined) return this.#failWrite(error ?? this.#failure)
      this.#writeBatch(persist, { blocks, shortened: encodeBlocks(run, blockBytesMax)[0], id })
    })
  }

  #writeBatch(persist: Persist, kept: Kept): void {
    checkWrite(persist, this.#hardState, kept.id)
    const chain = kept.shortened?.lastChain ?? this.#index.chainAfter(kept.blocks - 1, this.#base.chain)
    const appended = toBlocks(persist.entries, chain)
    const blocks = kept.shortened === undefined ? appended : [kept.shortened, ...appended]
    const last = persist.entries.at(-1) ?? kept.id
    const hardState: records.HardStateRecord = {
      writes: this.#hardState.writes + 1,
      term: persist.hardState.term,
      votedFor: persist.hardState.votedFor,
      lastIndex: last.index,
      lastTerm: last.term,
      lastChain: blocks.at(-1)?.lastChain ?? chain,
    }
    const operations: Operation[] = []
    for (let i = kept.blocks; i < this.#index.length; i++) {
      operations.push({ kind: 'delete', key: records.blockKey(this.#index.firstIndex(i)) })
    }
    for (const { firstIndex, value } of blocks) operations.push({ kind: 'put', key: records.blockKey(firstIndex), value })
    operations.push({ kind: 'put', key: records.hardStateKey, value: records.encodeHardState(hardState) })
    this.#kv.batch(operations, (error) => {
      if (error !== undefined) return this.#failWrite(storeError(this.#name, 'write', error))
      this.#index.truncate(kept.blocks)
      for (const block of blocks) this.#index.push(block.firstIndex, block.lastChain)
      this.#terms.truncate(kept.id.index + 1)
      this.#terms.append(persist.entries)
      this.#hardState = hardState
      this.#finishWrite(undefined)
    })
  }

  #failWrite(error: RaftgenError | undefined): void {
    this.#failure ??= error
    this.#finishWrite(error)
  }

  #finishWrite(error: RaftgenError | undefined): void {
    this.#gate.open()
    this.#writing?.done(error)
    this.#writing = undefined
    this.#nextWrite()
    this.#maybeClose()
  }

  #failWaiting(failure: RaftgenError): void {
    for (const { done } of this.#waiting.splice(0)) done(unusable(this.#name, failure))
  }

  #maybeClose(): void {
    const closing = this.#closing
    if (closing === undefined || this.#closed || this.#writing !== undefined || !this.#gate.idle) return
    this.#closed = true
    this.#kv.close((error) => {
      const failed = error === undefined ? undefined : storeError(this.#name, 'write', error)
      for (const done of closing) done(failed)
    })
  }
}

function toBlocks(entries: readonly Entry[], chain: number): readonly EncodedBlock[] {
  const [first] = entries
  if (first === undefined) return []
  const encoded = encodeEntries(entries)
  const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length).subarray(entriesHeaderBytes)
  return encodeBlocks({ firstIndex: first.index, count: entries.length, chain, bytes }, blockBytesMax)
}

/** The last line of defence before the disk: what the core may never ask for. */
function checkWrite({ hardState, entries }: Persist, before: HardState, kept: EntryId): void {
  assert(hardState.term >= before.term, 'a term never falls (§3.3)')
  const sameTerm = hardState.term === before.term
  assert(!sameTerm || before.votedFor === undefined || hardState.votedFor === before.votedFor, 'one vote a term (§3.4)')
  let { index, term } = kept
  for (const entry of entries) {
    assert(entry.index === index + 1, 'appended entries follow the log without a gap')
    assert(entry.term >= term, 'terms never fall along a log (§3.6)')
    index = entry.index
    term = entry.term
  }
  assert(term <= hardState.term, 'no entry is of a later term than the node')
}

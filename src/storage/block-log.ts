// The log over any store of records: one block a write, one atomic batch a write. Knows nothing of files, clocks and promises.
//
//   base | block | block | ... | block        truncation inside a block: the part before it is written anew under the same key,
//        ^ 1     ^ 65    ^ 66                 every later block is deleted, the new tail follows: all in the batch of that write
//
// A compaction puts a new base and deletes the blocks before it; the block it falls into stays as it is, and with it the chain it begins
// with: the base holds the chain after its own entry, inside that block. Whatever else lies below the base is a leftover: a crash may come
// before all of it is deleted, so nothing ever looks at it.
//
// With slots it also notes, after each batch, how far its promises go: what LevelDB loses without a word is found by that.
import { assert, broken } from '../core/invariant.ts'
import type { ConfState, Entry, Fence, HardState, Index, LogBase, LogSummary, Member, Persist, Term, Witness } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import type { Anchor, Done, EntriesDone, EntriesRange, Identity, Log, Skip } from '../ports/log.ts'
import { encodeBlocks } from './block.ts'
import type { BlockIndex } from './block-index.ts'
import { BlockReader } from './block-reader.ts'
import { damagedOpen, storeError, unusable } from './damage.ts'
import type { LogPosition } from './high-water.ts'
import type { HighWaterKeeper } from './high-water-keeper.ts'
import type { KeyValue, Operation } from './kv.ts'
import { bootstrapLog } from './log-bootstrap.ts'
import { type BlockLogOptions, LogOpening, type OpenedLog } from './log-opening.ts'
import { blockBytesMax, chainOf, type Kept, markOf, operationsOf, planWrite } from './log-write.ts'
import { ReadGate } from './read-gate.ts'
import * as records from './records.ts'
import type { Finding } from './recovery.ts'
import { SalvageReader } from './salvage-reader.ts'
import { fenceAfter, type NextState, writeWithSlot } from './slot-write.ts'
import type { Slots } from './slots.ts'
import { TermRuns } from './term-runs.ts'
import type { WitnessKeeper } from './witness-keeper.ts'

/** Writes that wait for their turn: a driver has one under way at a time, more than a few are a bug. */
const writesMax = 1_024
/** Blocks deleted by one compaction: a few milliseconds. The rest are leftovers. */
const compactedMax = 4_096
/** Leftovers deleted with every write: far more than a write adds, and too few to be felt. */
const sweptMax = 256
export type { BlockLogOptions }
type Write =
  | { readonly kind: 'persist'; readonly persist: Persist; readonly done: Done }
  | { readonly kind: 'compact'; readonly base: LogBase; readonly done: Done }

/** `Log` in blocks over a `KeyValue`. Made with `BlockLog.bootstrap`, opened with `BlockLog.open`. */
export class BlockLog implements Log {
  readonly identity: Identity
  readonly summary: LogSummary
  /** What was wrong with it when it was opened, and what became of that. */
  readonly findings: readonly Finding[]
  readonly anchors: readonly Anchor[]
  readonly skips: readonly Skip[]
  readonly #kv: KeyValue
  readonly #name: string
  readonly #keeper: HighWaterKeeper | undefined
  readonly #witnessKeeper: WitnessKeeper | undefined
  #fence: Fence | undefined
  #members: readonly Member[]
  /** First indexes of the blocks that are put aside until the fence is gone, ascending. */
  #salvage: readonly Index[]
  /** These five are as of the last completed write. */
  #base: records.BaseRecord
  readonly #index: BlockIndex
  #terms: TermRuns
  #hardState: records.HardStateRecord
  /** First indexes of blocks below the base that are still stored, in no order. */
  #leftovers: readonly Index[]
  readonly #reader: BlockReader
  readonly #gate = new ReadGate()
  readonly #waiting: Write[] = []
  /** Stays until its `done` has returned, so that what `done` appends waits behind what was there before it. */
  #writing: Write | undefined
  /** The first error. Nothing is written or read after it. */
  #failure: RaftgenError | undefined
  #closing: Done[] | undefined
  #closed = false

  /** Writes the records of a new, empty log, and its high water. Nothing may be in `kv`. */
  static bootstrap(
    kv: KeyValue,
    { identity, conf, slots }: { identity: Identity; conf: ConfState; slots?: Slots | undefined },
    done: Done,
  ): void {
    bootstrapLog(kv, { identity, conf, slots }, done)
  }

  /**
   * Verifies everything in `kv`, and compares it with the slots. Where there are slots, a log that is damaged opens fenced, unless this node
   * is alone; `findings` say what was wrong. Errors: STORAGE_DAMAGED, STORAGE_FAILED, DATA_DIR_FOREIGN.
   */
  static open(kv: KeyValue, options: BlockLogOptions, done: (error: Error | undefined, log: BlockLog | undefined) => void): void {
    let log: BlockLog | undefined
    const onFailure = (error: Error): void => log?.fail(error)
    const onOpened = (error: Error | undefined, opened: OpenedLog | undefined): void => {
      if (opened === undefined) return done(error, undefined)
      log = new BlockLog(kv, options, opened)
      done(undefined, log)
    }
    new LogOpening(kv, { options, onFailure, done: onOpened }).start()
  }

  /** For `open`: takes over what was opened. */
  constructor(kv: KeyValue, { name }: BlockLogOptions, opened: OpenedLog) {
    this.#kv = kv
    this.#name = name
    this.identity = opened.identity
    this.summary = opened.summary
    this.findings = opened.findings
    this.anchors = opened.anchors
    this.skips = opened.skips
    this.#base = opened.base
    this.#index = opened.index
    this.#terms = opened.terms
    this.#hardState = opened.hardState
    this.#leftovers = opened.leftovers
    this.#salvage = opened.salvage
    this.#keeper = opened.keeper
    this.#witnessKeeper = opened.witnessKeeper
    this.#fence = opened.summary.fence
    this.#members = opened.keeper?.state.members ?? []
    this.#reader = new BlockReader(kv, name, opened.index)
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

  get end(): LogPosition {
    const { term, index, chain } = markOf(this.#hardState)
    return { term, index, chain }
  }

  appendEntries(persist: Persist, done: Done): void {
    this.#queue({ kind: 'persist', persist, done })
  }

  compact(base: LogBase, done: Done): void {
    this.#queue({ kind: 'compact', base, done })
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

  salvaged(range: EntriesRange, done: EntriesDone): void {
    const refusal = this.#refusal()
    if (refusal !== undefined) return this.#kv.defer(() => done(refusal, []))
    const salvage = this.#fence === undefined ? [] : this.#salvage
    this.#gate.enter(() =>
      new SalvageReader(this.#kv, this.#name, salvage).entries(range, (error, entries) => {
        done(error, entries)
        this.#gate.leave()
        this.#maybeClose()
      }),
    )
  }

  chainAfter(chain: number, entries: readonly Entry[]): number {
    return chainOf(entries, chain)
  }

  note(witness: readonly Witness[]): void {
    if (this.#refusal() === undefined) this.#witnessKeeper?.note(witness)
  }

  /** What is known of others could not be kept. */
  fail(error: Error): void {
    this.#failure ??= storeError(this.#name, 'write', error)
  }

  close(done: Done): void {
    if (this.#closed) return this.#kv.defer(() => done(undefined))
    this.#closing ??= []
    this.#closing.push(done)
    this.#maybeClose()
  }

  #queue(write: Write): void {
    const refusal = this.#refusal()
    if (refusal !== undefined) return this.#kv.defer(() => write.done(refusal))
    if (this.#waiting.length >= writesMax) broken(`at most ${writesMax} writes wait for the disk`)
    this.#waiting.push(write)
    this.#nextWrite()
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
      const failure = error && this.#keeper !== undefined ? damagedOpen(this.#name, error) : error
      this.#failure ??= failure
      done(failure, entries)
    })
  }

  #nextWrite(): void {
    if (this.#writing !== undefined) return
    if (this.#failure !== undefined) return this.#failWaiting(this.#failure)
    const write = this.#waiting.shift()
    if (write === undefined) return
    this.#writing = write
    if (write.kind === 'compact') return this.#maybeCompact(write.base)
    const { persist } = write
    const { reset, truncateFrom } = persist
    if (reset !== undefined) return this.#gate.close(() => this.#reset(persist, reset))
    if (truncateFrom !== undefined && truncateFrom <= this.latestLogIndex) {
      assert(truncateFrom >= this.firstIndex, 'a truncation leaves the base in place')
      return this.#gate.close(() => this.#truncate(persist, truncateFrom))
    }
    const id = { term: this.latestLogTerm, index: this.latestLogIndex }
    this.#writeBatch(persist, { base: this.#base, blocks: this.#index.length, shortened: undefined, id })
  }

  #truncate(persist: Persist, truncateFrom: Index): void {
    if (this.#failure !== undefined) return this.#finishWrite(unusable(this.#name, this.#failure))
    const base = this.#base
    // Not even of the block that the base falls into is anything left.
    if (truncateFrom === this.firstIndex) return this.#writeBatch(persist, { base, blocks: 0, shortened: undefined, id: base.id })
    const blocks = this.#index.find(truncateFrom)
    const id = { term: this.#terms.at(truncateFrom - 1), index: truncateFrom - 1 }
    if (this.#index.firstIndex(blocks) === truncateFrom) return this.#writeBatch(persist, { base, blocks, shortened: undefined, id })
    this.#reader.runBefore(truncateFrom, blocks, (error, run) => {
      if (run === undefined) return this.#failWrite(error ?? this.#failure)
      this.#writeBatch(persist, { base, blocks, shortened: encodeBlocks(run, blockBytesMax)[0], id })
    })
  }

  #reset(persist: Persist, { id, conf }: LogBase): void {
    if (this.#failure !== undefined) return this.#finishWrite(unusable(this.#name, this.#failure))
    const base = { id, conf, chain: records.resetChain(this.identity.clusterId, id) }
    this.#writeBatch(persist, { base, blocks: 0, shortened: undefined, id })
  }

  #writeBatch(persist: Persist, kept: Kept): void {
    const { blocks, hardState } = planWrite(persist, { kept, index: this.#index, before: this.#hardState })
    const isReset = kept.base !== this.#base
    // A leftover may lie above the base that a reset brings, where it would be taken for a part of the log.
    const swept = isReset ? this.#leftovers.length : Math.min(this.#leftovers.length, sweptMax)
    const deleted = [...this.#index.from(kept.blocks), ...this.#leftovers.slice(0, swept)]
    const dropped = this.#fence === undefined ? this.#salvage.slice(0, sweptMax) : []
    const fence = fenceAfter(this.#fence, persist, hardState)
    const operations = operationsOf({ base: isReset ? kept.base : undefined, deleted, dropped, blocks, hardState })
    const written = (error: Error | undefined): void => {
      if (error !== undefined) return this.#failWrite(storeError(this.#name, 'write', error))
      this.#index.truncate(kept.blocks)
      for (const block of blocks) this.#index.push(block.firstIndex, block.lastChain)
      if (isReset) this.#terms = new TermRuns(kept.id)
      else this.#terms.truncate(kept.id.index + 1)
      this.#terms.append(persist.entries)
      this.#base = kept.base
      this.#hardState = hardState
      if (swept > 0) this.#leftovers = this.#leftovers.slice(swept)
      if (dropped.length > 0) this.#salvage = this.#salvage.slice(dropped.length)
      this.#fence = fence
      this.#finishWrite(undefined)
    }
    this.#noteMembers(persist)
    this.#write(operations, { base: kept.base, hardState, fence, members: this.#members }, written)
  }

  #write(operations: readonly Operation[], next: NextState, written: Done): void {
    const keeper = this.#keeper
    if (keeper === undefined) this.#kv.batch(operations, written)
    else writeWithSlot({ kv: this.#kv, keeper }, { operations, next }, written)
  }

  #noteMembers({ entries, reset }: Persist): void {
    if (reset !== undefined) this.#members = reset.conf.members
    for (const { conf } of entries) if (conf !== undefined) this.#members = conf.members
  }

  #maybeCompact(base: LogBase): void {
    const { index, term } = base.id
    if (index <= this.#base.id.index) return this.#kv.defer(() => this.#finishWrite(undefined))
    assert(index <= this.latestLogIndex, 'a compaction ends within the log')
    assert(this.#terms.at(index) === term, 'a compaction ends with an entry of the log')
    this.#gate.close(() => this.#compact(base))
  }

  #compact(base: LogBase): void {
    if (this.#failure !== undefined) return this.#finishWrite(unusable(this.#name, this.#failure))
    const { index } = base.id
    const position = this.#index.find(index)
    const next = position + 1
    const lastIndex = next < this.#index.length ? this.#index.firstIndex(next) - 1 : this.latestLogIndex
    if (lastIndex === index) return this.#writeBase({ ...base, chain: this.#index.chainAfter(position, 0) }, next)
    this.#reader.chainAt(index, position, (error, chain) => {
      if (chain === undefined) return this.#failWrite(error ?? this.#failure)
      this.#writeBase({ ...base, chain }, position)
    })
  }

  /** `blocks`: how many lie below it as a whole. */
  #writeBase(base: records.BaseRecord, blocks: number): void {
    const hardState = { ...this.#hardState, writes: this.#hardState.writes + 1 }
    const below = [...this.#leftovers, ...this.#index.before(blocks)]
    const deleted = below.slice(0, compactedMax)
    const operations = operationsOf({ base, deleted, dropped: [], blocks: [], hardState })
    this.#write(operations, { base, hardState, fence: this.#fence, members: this.#members }, (error) => {
      if (error !== undefined) return this.#failWrite(storeError(this.#name, 'write', error))
      this.#index.removeBefore(blocks)
      this.#terms.compact(base.id, this.latestLogIndex)
      this.#base = base
      this.#hardState = hardState
      this.#leftovers = below.slice(deleted.length)
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
    this.#closeSlots((late) => {
      this.#settle(late, (unsettled) => {
        this.#kv.close((error) => {
          const first = unsettled ?? error
          const failed = first === undefined ? undefined : storeError(this.#name, 'write', first)
          for (const done of closing) done(failed)
        })
      })
    })
  }

  /** Not after an error: nobody knows then whether all is in its place. */
  #settle(late: Error | undefined, done: Done): void {
    if (late !== undefined || this.#failure !== undefined || this.#kv.settle === undefined) done(late)
    else this.#kv.settle(done)
  }

  #closeSlots(done: Done): void {
    const closeSlots = (late: Error | undefined): void => {
      if (this.#keeper === undefined) done(late)
      else this.#keeper.close((error) => done(late ?? error))
    }
    if (this.#witnessKeeper === undefined) closeSlots(undefined)
    else this.#witnessKeeper.close(closeSlots)
  }
}

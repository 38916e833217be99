// Opens the log in a store: reads and verifies everything, compares it with the slots, and makes of it a log that holds what it says it holds.
//
//   read slots and records -> judge -> slots (both: the fence) -> islands to their own keys -> one batch: what is damaged goes
//
// The fence is on the disk, twice, before the first record is changed: a crash in between leaves a log that is found damaged again, or fenced.
import type { Fence, Index, LogBase, LogSummary, Witness } from '../core/types.ts'
import type { RaftgenError } from '../errors.ts'
import type { Anchor, Done, Identity, Skip } from '../ports/log.ts'
import { BlockIndex } from './block-index.ts'
import { DamageError, damaged, storeError, unreadable } from './damage.ts'
import { chooseSlot, compareHighWater, type HighWater, ownerOf, type ReadSlots } from './high-water.ts'
import { HighWaterKeeper } from './high-water-keeper.ts'
import type { KeyValue, Operation } from './kv.ts'
import { anchorsOf, judge, type Verdict } from './log-verdict.ts'
import * as records from './records.ts'
import { type Finding, type Recovered, Recovery } from './recovery.ts'
import type { Slots } from './slots.ts'
import { TermRuns } from './term-runs.ts'
import { WitnessKeeper } from './witness-keeper.ts'
import { chooseWitness, type WitnessSlot } from './witness-slot.ts'

/** Entries between two reports of progress. */
const progressEntries = 65_536
/** Read ahead, bytes. */
const openBytes = 4 * 1_024 * 1_024
/** Copied by one batch when islands are put aside, bytes. */
const copyBytesMax = 4 * 1_024 * 1_024
/** Of islands: what is more is fetched from the peers, as it would be without them. Bytes. */
const salvageBytesMax = 256 * 1_024 * 1_024

export interface BlockLogOptions {
  /** Place, for messages: a directory. */
  readonly name: string
  /** Index of the last entry read so far while opening, about every 65,536 entries. */
  readonly onProgress?: ((lastIndex: Index) => void) | undefined
  /** Where its high water is. Default: nowhere; such a log cannot tell when its end is lost, and refuses every damage. */
  readonly slots?: Slots | undefined
  /** Where it keeps what is known of others. Default: nowhere. */
  readonly witnessSlots?: Slots | undefined
  /** Who should be found. Default: whoever is. */
  readonly identity?: Identity | undefined
  /** Nobody else has a copy. Default: as the newest configuration says. */
  readonly isAlone?: boolean | undefined
  /** Slots are missing because there were none in the format of the directory. Default false. */
  readonly isUpgrade?: boolean | undefined
  /** Asked for the newest whole snapshot when the log has lost its base. Default: there is none. */
  readonly snapshotBase?: ((done: (base: LogBase | undefined) => void) => void) | undefined
  /** What was found wrong before. */
  readonly problems?: readonly Finding[] | undefined
}

/** A log that can be used. */
export interface OpenedLog {
  readonly identity: Identity
  readonly base: records.BaseRecord
  readonly hardState: records.HardStateRecord
  readonly index: BlockIndex
  readonly terms: TermRuns
  readonly leftovers: readonly Index[]
  readonly salvage: readonly Index[]
  readonly summary: LogSummary
  readonly findings: readonly Finding[]
  readonly anchors: readonly Anchor[]
  readonly skips: readonly Skip[]
  readonly keeper: HighWaterKeeper | undefined
  readonly witnessKeeper: WitnessKeeper | undefined
}
type Opened = Extract<Verdict, { readonly kind: 'open' }>
interface WitnessRead {
  readonly newest: WitnessSlot
  readonly keeper: WitnessKeeper
}
type OpenDone = (error: Error | undefined, log: OpenedLog | undefined) => void

export class LogOpening {
  readonly #kv: KeyValue
  readonly #options: BlockLogOptions
  readonly #done: OpenDone
  readonly #onFailure: (error: Error) => void

  constructor(kv: KeyValue, { options, onFailure, done }: { options: BlockLogOptions; onFailure: (error: Error) => void; done: OpenDone }) {
    this.#kv = kv
    this.#options = options
    this.#onFailure = onFailure
    this.#done = done
  }

  start(): void {
    const { name, slots, identity } = this.#options
    if (slots === undefined) return this.#recover(undefined, (found) => this.#openPlain(found))
    slots.read((error, read) => {
      if (error !== undefined) return this.#fail(storeError(name, 'read', error))
      const known = identity === undefined ? undefined : chooseSlot(read, ownerOf(identity)).newest
      this.#recover(known, (found) => this.#onRecovered(found, read))
    })
  }

  #recover(slot: HighWater | undefined, then: (found: Recovered) => void): void {
    const recovery = new Recovery(baseIn(slot))
    let reported = 0
    const onRecord = (key: Uint8Array, value: Uint8Array): boolean => {
      recovery.record(key, value)
      if (recovery.lastIndex - reported >= progressEntries) {
        reported = recovery.lastIndex
        this.#options.onProgress?.(reported)
      }
      return true
    }
    this.#kv.range({ firstKey: records.firstKey, lastKey: records.lastKey, bytesMax: openBytes }, onRecord, (error) => {
      if (error !== undefined) return this.#fail(readFailure(this.#options.name, error))
      then(recovery.finish())
    })
  }

  #onRecovered(found: Recovered, read: readonly [Uint8Array, Uint8Array]): void {
    const { snapshotBase } = this.#options
    const identity = this.#options.identity ?? found.identity
    const none: ReadSlots = { newest: undefined, next: 0, unreadable: [0, 1], foreign: undefined }
    const slots = identity === undefined ? none : chooseSlot(read, ownerOf(identity))
    const isWhole = compareHighWater({ ...found, writes: found.hardState?.writes }, slots) === 'whole'
    if (isWhole || snapshotBase === undefined) return this.#onRead(found, slots, undefined)
    snapshotBase((base) => this.#onRead(found, slots, base))
  }

  /** Without slots there is nothing to hold a fence: it is whole, or refused. */
  #openPlain(found: Recovered): void {
    const { name } = this.#options
    const { identity, base, hardState } = found
    const [finding] = found.findings
    if (finding !== undefined || identity === undefined || base === undefined || hardState === undefined) {
      return this.#fail(damaged(name, finding?.what ?? 'it is no log'))
    }
    const opened = { identity, base, hardState, fence: undefined, end: found.end, isAnew: false }
    this.#finish(found, { ...opened, findings: [] }, { keeper: undefined, slot: undefined, witness: undefined })
  }

  #onRead(found: Recovered, slots: ReadSlots, snapshotBase: LogBase | undefined): void {
    const { name, identity, isAlone, isUpgrade = false, problems = [] } = this.#options
    const slotsName = this.#options.slots?.name ?? name
    const verdict = judge(found, slots, { name, slotsName, identity, isAlone, isUpgrade, problems, snapshotBase })
    if (verdict.kind === 'refuse') return this.#fail(verdict.error)
    this.#perform(found, slots, verdict)
  }

  #perform(found: Recovered, read: ReadSlots, verdict: Opened): void {
    const { slots } = this.#options
    if (slots === undefined) return
    const state = stateOf(verdict, read.newest)
    const keeper = new HighWaterKeeper({ slots, state, next: read.next })
    const finish = (): void => this.#finishWitness((witness) => this.#finish(found, verdict, { keeper, slot: read.newest, witness }))
    const { newest } = read
    // As many as it takes for both places to say what is true from now on.
    const marks = verdict.isMended || newest === undefined ? 2 : read.unreadable.length
    const isStale = newest !== undefined && (newest.last.writes !== state.last.writes || newest.fence !== verdict.fence)
    this.#mark(keeper, marks === 0 && isStale ? 1 : marks, () => {
      if (!verdict.isMended) return finish()
      const salvaged = verdict.fence === undefined ? [] : found.islands.flatMap(({ blocks }) => blocks)
      this.#copy(salvaged, { at: 0, bytes: 0 }, () => this.#mend(found, verdict, finish))
    })
  }

  #mark(keeper: HighWaterKeeper, count: number, then: () => void): void {
    if (count === 0) return then()
    keeper.write(keeper.state, (error) => {
      if (error !== undefined) return this.#fail(storeError(this.#options.slots?.name ?? '', 'write', error))
      this.#mark(keeper, count - 1, then)
    })
  }

  /** Copies blocks to the keys of what is put aside, some at a time. */
  #copy(blocks: readonly Index[], from: { readonly at: number; readonly bytes: number }, then: () => void): void {
    const operations: Operation[] = []
    let { at, bytes } = from
    let batchBytes = 0
    const next = (): void => {
      const firstIndex = blocks[at]
      const isFull = batchBytes >= copyBytesMax
      if (firstIndex === undefined || bytes >= salvageBytesMax || isFull) {
        if (operations.length === 0) return then()
        return this.#batch(operations, () => this.#copy(isFull ? blocks : [], { at, bytes }, then))
      }
      this.#kv.get(records.blockKey(firstIndex), (error, value) => {
        if (error !== undefined) return this.#fail(readFailure(this.#options.name, error))
        if (value !== undefined) operations.push({ kind: 'put', key: records.salvageKey(firstIndex), value })
        at++
        bytes += value?.length ?? 0
        batchBytes += value?.length ?? 0
        next()
      })
    }
    next()
  }

  #mend(found: Recovered, { base, identity, hardState, isAnew }: Opened, then: () => void): void {
    const operations: Operation[] = found.waste.map((key) => ({ kind: 'delete', key }))
    for (const { blocks } of found.islands) {
      for (const firstIndex of blocks) operations.push({ kind: 'delete', key: records.blockKey(firstIndex) })
    }
    if (isAnew || found.isBaseRestored) operations.push({ kind: 'put', key: records.baseKey, value: records.encodeBase(base) })
    if (found.identity === undefined) operations.push({ kind: 'put', key: records.identityKey, value: records.encodeIdentity(identity) })
    operations.push({ kind: 'put', key: records.hardStateKey, value: records.encodeHardState(hardState) })
    this.#batch(operations, then)
  }

  #batch(operations: readonly Operation[], then: () => void): void {
    this.#kv.batch(operations, (error) => {
      if (error !== undefined) this.#fail(storeError(this.#options.name, 'write', error))
      else then()
    })
  }

  /** What cannot be read of it is not known. */
  #finishWitness(then: (witness: WitnessRead | undefined) => void): void {
    const { witnessSlots: slots, identity, name } = this.#options
    if (slots === undefined || identity === undefined) return then(undefined)
    slots.read((error, read) => {
      if (error !== undefined) return this.#fail(storeError(name, 'read', error))
      const { newest, next } = chooseWitness(read, ownerOf(identity))
      then({ newest, keeper: new WitnessKeeper({ slots, state: newest, next, onFailure: this.#onFailure }) })
    })
  }

  #finish(
    found: Recovered,
    verdict: Pick<Opened, 'identity' | 'base' | 'hardState' | 'fence' | 'findings' | 'end' | 'isAnew'>,
    { keeper, slot, witness }: { keeper: HighWaterKeeper | undefined; slot: HighWater | undefined; witness: WitnessRead | undefined },
  ): void {
    const { identity, base, hardState, fence, findings, end, isAnew } = verdict
    const terms = isAnew ? new TermRuns(base.id) : found.terms
    const islands = fence === undefined ? [] : found.islands.flatMap(({ blocks }) => blocks)
    const summary = summaryOf(isAnew ? [] : found.confs, { base, hardState, end, terms, fence, witness: witness?.newest.witness })
    const salvage = [...new Set([...found.salvage, ...islands])].sort((a, b) => a - b)
    const anchors = fence === undefined ? [] : anchorsOf(found, slot, end)
    // What was before it is of no use any more.
    const index = isAnew ? new BlockIndex() : found.index
    const leftovers = isAnew ? [...found.leftovers, ...found.index.from(0)] : found.leftovers
    this.#done(undefined, {
      identity,
      base,
      hardState,
      index,
      terms,
      leftovers,
      salvage,
      summary,
      findings,
      anchors,
      skips: isAnew ? [] : found.skips,
      keeper,
      witnessKeeper: witness?.keeper,
    })
  }

  #fail(error: Error): void {
    this.#done(error, undefined)
  }
}

function summaryOf(
  confs: Recovered['confs'],
  of: {
    readonly base: LogBase
    readonly hardState: records.HardStateRecord
    readonly end: { readonly index: Index }
    readonly terms: TermRuns
    readonly fence: Fence | undefined
    readonly witness: readonly Witness[] | undefined
  },
): LogSummary {
  const { id, conf } = of.base
  const { term, votedFor } = of.hardState
  return {
    hardState: { term, votedFor },
    base: { id, conf },
    lastIndex: of.end.index,
    terms: [...of.terms.runs],
    confs,
    ...(of.fence === undefined ? {} : { fence: of.fence }),
    ...(of.witness === undefined || of.witness.length === 0 ? {} : { witness: of.witness }),
  }
}

/** What a log that has lost the record of its base begins with. */
export function baseIn(slot: HighWater | undefined): records.BaseRecord | undefined {
  if (slot?.baseConf === undefined) return undefined
  const { term, index, chain } = slot.base
  return { id: { term, index }, chain, conf: slot.baseConf }
}

/** As it is true once the log is open. */
function stateOf({ identity, hardState, base, end, fence, reached, members }: Opened, slot: HighWater | undefined): HighWater {
  const last = { ...end, writes: hardState.writes }
  const { term, votedFor } = hardState
  return {
    sequence: slot?.sequence ?? 0,
    owner: ownerOf(identity),
    hardState: { term, votedFor },
    last,
    base: { ...base.id, chain: base.chain },
    baseConf: base.conf,
    fence,
    reached,
    members,
  }
}

/** What is damaged below the records cannot be told apart any more. */
function readFailure(name: string, error: Error): RaftgenError {
  const failure = storeError(name, 'read', error)
  return failure instanceof DamageError ? unreadable(name, failure) : failure
}

/** Whether a log of which nothing is left may be begun anew, from its slots and a snapshot: `done` gets the reason why not. */
export function checkAnew(options: BlockLogOptions & { readonly slots: Slots; readonly identity: Identity }, done: Done): void {
  const { slots, identity, name, isAlone, isUpgrade = false, problems = [], snapshotBase = (none) => none(undefined) } = options
  slots.read((error, read) => {
    if (error !== undefined) return done(storeError(name, 'read', error))
    snapshotBase((base) => {
      const judged = { name, slotsName: slots.name, identity, isAlone, isUpgrade, problems, snapshotBase: base }
      const verdict = judge(new Recovery().finish(), chooseSlot(read, ownerOf(identity)), judged)
      done(verdict.kind === 'refuse' ? verdict.error : undefined)
    })
  })
}

import { realpath } from 'node:fs/promises'
import type { ConfState, Entry, HardState, Index, LogBase, LogSummary, Persist, Term, Witness } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import type { Anchor, Done, EntriesDone, EntriesRange, Identity, Log, Skip } from '../ports/log.ts'
import { u48Max } from '../wire/u48.ts'
import { BlockLog } from './block-log.ts'
import { syncDir } from './checked-file.ts'
import { DamageError, damaged, identityName, mendTodo, UnreadableError } from './damage.ts'
import {
  beingMoved,
  closeToOthers,
  type DataDir,
  type DiskIdentity,
  databaseDir,
  ensureFormat,
  finishDir,
  hasHighWater,
  hasJournal,
  highWaterPath,
  journalPath,
  movedAside,
  moveAside,
  prepareDir,
  readDataDir,
  readPid,
  removePid,
  witnessPath,
  writePid,
} from './data-dir.ts'
import { roomIn } from './disk-space.ts'
import type { LogPosition } from './high-water.ts'
import { JournalFile, readJournal } from './journal-file.ts'
import { type JournalParts, lookAtJournal, type OpenedJournal, openJournal, slotsAfter } from './journal-opening.ts'
import { appliedOperation } from './journaled-kv.ts'
import type { KeyValue } from './kv.ts'
import { LevelKeyValue } from './level-kv.ts'
import { type BlockLogOptions, checkAnew } from './log-opening.ts'
import { isSameIdentity } from './log-verdict.ts'
import { checkMachine, type MachineFormat } from './machine-file.ts'
import type { Finding } from './recovery.ts'
import type { Slots } from './slots.ts'
import { SlotsFile } from './slots-file.ts'
import { together } from './together.ts'

/** UTF-8 bytes. */
const clusterIdBytesMax = 256

export interface LevelLogOptions {
  /** Refuses the directory of any other node or cluster with DATA_DIR_FOREIGN. Default: whoever the directory belongs to. */
  readonly expect?: Partial<Identity>
  /** Refuses the log of any other machine with MACHINE_MISMATCH, and notes this one where there was none. Default: not looked at. */
  readonly machine?: MachineFormat
  /** Index of the last entry read so far, about every 65,536 entries: the whole log is read and verified before it opens. */
  readonly onProgress?: (lastIndex: Index) => void
  /** Nobody else has a copy: what is damaged is refused. Default: as the newest configuration that can be read says. */
  readonly isAlone?: boolean
  /** Asked for the newest whole snapshot when the log has lost what precedes it. Default: the log begins anew before its first entry. */
  readonly snapshotBase?: () => Promise<LogBase | undefined>
}
/** Not for users: what is measured and tested. */
export interface LevelLogInternals {
  readonly highWater?: 'none'
}
export interface BootstrapOptions {
  /** Absent or empty; its parents are made. */
  readonly dir: string
  /** The disk gets an id of its own. */
  readonly identity: Omit<Identity, 'diskId'>
  /** The first configuration of the cluster, the same on every node of it. */
  readonly conf: ConfState
}

/**
 * The log of a node in a directory, in LevelDB; every write is synced before it is reported done. One process at a time.
 *
 * `open` verifies all of it. What is damaged opens fenced where there are others to repair it from, else it is refused; a database of which
 * nothing can be read is moved to `db.damaged`. `findings` say what was wrong.
 */
export class LevelLog implements Log {
  readonly identity: DiskIdentity
  readonly #blocks: BlockLog

  /**
   * Makes a new, empty log. Once for each node: one whose directory was lost comes back by joining; under the same identity its peers
   * refuse another disk.
   * Errors: DATA_DIR_EXISTS, BAD_OPTIONS, STORAGE_FAILED; after the last, remove the directory and call again.
   */
  static async bootstrap({ dir, identity, conf }: BootstrapOptions): Promise<void> {
    checkIdentity(identity)
    try {
      await prepareDir(dir, identity)
      const beforeClose = (): Promise<void> => closeToOthers(dir)
      const kv = await LevelKeyValue.open(await realpath(databaseDir(dir)), { name: dir, create: true, beforeClose })
      if (kv === 'locked') throw await locked(dir)
      try {
        const witness = await SlotsFile.create(witnessPath(dir))
        await called((done) => witness.close(done))
        const slots = await SlotsFile.create(highWaterPath(dir))
        await called((done) => BlockLog.bootstrap(kv, { identity, conf, slots }, done))
        // Nothing was promised: the journal is made when it is opened.
        await called((done) => kv.batch([appliedOperation({ sequence: 0, isClean: true })], done))
        await called((done) => slots.close(done))
      } finally {
        await called((done) => kv.close(done))
      }
      await finishDir(dir)
    } catch (cause) {
      throw cause instanceof RaftgenError
        ? cause
        : new RaftgenError('STORAGE_FAILED', `cannot bootstrap in ${dir}: ${messageOf(cause)}`, { cause })
    }
  }

  /**
   * Errors: DATA_DIR_EMPTY, DATA_DIR_FOREIGN, STORAGE_LOCKED, STORAGE_DAMAGED, STORAGE_FAILED. Nothing is changed when it is refused, but that the database
   * has been given what the journal had.
   */
  static async open(dir: string, options: LevelLogOptions & LevelLogInternals = {}): Promise<LevelLog> {
    try {
      const found = await readDataDir(dir)
      checkOwner(dir, found.identity, options.expect)
      const slots = SlotsFile.open(highWaterPath(dir))
      const witness = SlotsFile.open(witnessPath(dir))
      try {
        return await openOrBeginAnew({ dir, found, slots, witness, options })
      } catch (cause) {
        await called((done) => slots.close(done))
        await called((done) => witness.close(done))
        throw cause
      }
    } catch (cause) {
      if (cause instanceof RaftgenError) throw cause
      throw new RaftgenError('STORAGE_FAILED', `cannot open ${dir}: ${messageOf(cause)}. ${mendTodo}`, { cause })
    }
  }

  /** For `open`: takes over an open log. */
  constructor(identity: DiskIdentity, blocks: BlockLog) {
    this.identity = identity
    this.#blocks = blocks
  }

  get currentTerm(): Term {
    return this.#blocks.currentTerm
  }
  get votedFor(): HardState['votedFor'] {
    return this.#blocks.votedFor
  }
  get firstIndex(): Index {
    return this.#blocks.firstIndex
  }
  get latestLogIndex(): Index {
    return this.#blocks.latestLogIndex
  }
  get latestLogTerm(): Term {
    return this.#blocks.latestLogTerm
  }
  get summary(): LogSummary {
    return this.#blocks.summary
  }
  /** What was wrong when it was opened; the first is the cause of the others. Empty when all was well. */
  get findings(): readonly Finding[] {
    return this.#blocks.findings
  }
  get anchors(): readonly Anchor[] {
    return this.#blocks.anchors
  }
  get skips(): readonly Skip[] {
    return this.#blocks.skips
  }
  get end(): LogPosition {
    return this.#blocks.end
  }

  appendEntries(write: Persist, done: Done): void {
    this.#blocks.appendEntries(write, done)
  }

  compact(base: LogBase, done: Done): void {
    this.#blocks.compact(base, done)
  }

  entries(range: EntriesRange, done: EntriesDone): void {
    this.#blocks.entries(range, done)
  }

  entry(index: Index, done: (error: Error | undefined, entry: Entry | undefined) => void): void {
    this.#blocks.entry(index, done)
  }

  salvaged(range: EntriesRange, done: EntriesDone): void {
    this.#blocks.salvaged(range, done)
  }

  chainAfter(chain: number, entries: readonly Entry[]): number {
    return this.#blocks.chainAfter(chain, entries)
  }

  note(witness: readonly Witness[]): void {
    this.#blocks.note(witness)
  }

  close(done: Done): void {
    this.#blocks.close(done)
  }
}

interface Opening {
  readonly dir: string
  readonly found: DataDir
  readonly slots: SlotsFile
  readonly witness: SlotsFile
  readonly options: LevelLogOptions & LevelLogInternals
}

/** A database of which nothing can be read makes way for a new one, if there is anybody to fill it. */
async function openOrBeginAnew(opening: Opening): Promise<LevelLog> {
  const { dir, found } = opening
  try {
    if (!found.hasDatabase) throw damaged(dir, 'its database is missing')
    const kv = await openDatabase(dir, { create: false }).catch((cause: unknown) => {
      throw cause instanceof DamageError ? new UnreadableError(dir, cause.what, { cause }) : cause
    })
    return await openLog(opening, { kv, problems: [], isNewStore: false })
  } catch (cause) {
    const isUnreadable = cause instanceof UnreadableError || (cause instanceof DamageError && !found.hasDatabase)
    if (!isUnreadable || opening.options.highWater === 'none') throw cause
    return await beginAnew(opening, { place: dir, range: undefined, what: cause.what })
  }
}

async function beginAnew(opening: Opening, problem: Finding): Promise<LevelLog> {
  const { dir, found, slots } = opening
  const { identity } = found
  const problems = [problem]
  const look = await lookAtJournal({ ...(await journalParts(opening)), kv: undefined, isNewStore: true })
  const after = slotsAfter(slots, look, journalPath(dir))
  await called((done) => checkAnew({ ...blockOptions(opening, { problems, slots: after }), slots: after, identity }, done))
  const mover = await moveAside(dir)
  if (mover !== undefined) throw beingMoved(dir, mover)
  try {
    const kv = await openDatabase(dir, { create: true })
    return await openLog(opening, { kv, problems, isNewStore: true })
  } finally {
    await movedAside(dir)
  }
}

async function openDatabase(dir: string, { create }: { readonly create: boolean }): Promise<LevelKeyValue> {
  // The real path: LevelDB knows its own databases by name, and a second name for one would pass its lock.
  const beforeClose = async (): Promise<void> => {
    await closeToOthers(dir)
    await removePid(dir)
  }
  const kv = await LevelKeyValue.open(await realpath(databaseDir(dir)), { name: dir, create, beforeClose })
  if (kv === 'locked') throw await locked(dir)
  return kv
}

type FoundParts = Omit<JournalParts, 'kv' | 'isNewStore'>

interface Opened {
  readonly kv: LevelKeyValue
  readonly problems: readonly Finding[]
  readonly isNewStore: boolean
}

async function openLog(opening: Opening, { kv, problems, isNewStore }: Opened): Promise<LevelLog> {
  const { dir, options } = opening
  let open: KeyValue = kv
  try {
    // LevelDB has made files while opening; their names must outlive a power cut before anything in them is promised.
    const [parts] = await together([
      options.highWater === 'none' ? undefined : journalParts(opening),
      writePid(dir),
      closeToOthers(dir),
      syncDir(databaseDir(dir)),
      syncDir(dir),
    ])
    let blocks: BlockLog | undefined
    const onFailure = (error: Error): void => blocks?.fail(error)
    // A log without a high water has no use for a journal.
    const journal = parts && (await journalOf(opening, parts, { kv, isNewStore, onFailure }))
    open = journal?.kv ?? kv
    blocks = await openBlocks(open, blockOptions(opening, { problems, slots: journal?.slots ?? opening.slots }))
    await journal?.ready()
    if (options.machine !== undefined) await checkMachine(dir, options.machine)
    // Last. Read anew, for now nobody else can have the directory.
    return new LevelLog(await ensureFormat(dir), blocks)
  } catch (cause) {
    await called((done) => open.close(done))
    throw cause
  }
}

async function journalOf(
  { dir, slots }: Opening,
  parts: FoundParts,
  { kv, isNewStore, onFailure }: Omit<Opened, 'problems'> & { readonly onFailure: (error: Error) => void },
): Promise<OpenedJournal> {
  const journal = new JournalFile(journalPath(dir))
  return await openJournal({ ...parts, kv, isNewStore }, { journal, slots, onFailure, hasRoom: roomIn(dir) })
}

async function journalParts({ dir, found }: Opening): Promise<FoundParts> {
  const path = journalPath(dir)
  return { name: dir, path, content: await readJournal(path), identity: found.identity, isExpected: hasJournal(found.format) }
}

const openBlocks = (kv: KeyValue, options: BlockLogOptions): Promise<BlockLog> =>
  new Promise((resolve, reject) => BlockLog.open(kv, options, (error, log) => (log === undefined ? reject(error) : resolve(log))))

function blockOptions(
  { dir, found, witness, options }: Opening,
  { problems, slots }: { readonly problems: readonly Finding[]; readonly slots: Slots },
): BlockLogOptions {
  const { onProgress, isAlone, snapshotBase, highWater } = options
  const plain = { name: dir, onProgress, identity: found.identity }
  if (highWater === 'none') return plain
  return {
    ...plain,
    slots,
    isAlone,
    problems,
    isUpgrade: !hasHighWater(found.format),
    witnessSlots: witness,
    snapshotBase:
      snapshotBase &&
      ((done) =>
        void snapshotBase().then(
          (base) => done(base),
          () => done(undefined),
        )),
  }
}

function checkIdentity({ clusterId, nodeId, incarnation }: BootstrapOptions['identity']): void {
  const bytes = Buffer.byteLength(clusterId)
  if (bytes === 0 || bytes > clusterIdBytesMax) {
    throw new RaftgenError('BAD_OPTIONS', `the cluster id has ${bytes} bytes; it must have 1 to ${clusterIdBytesMax}`)
  }
  for (const [name, value] of [
    ['node id', nodeId],
    ['incarnation', incarnation],
  ] as const) {
    if (Number.isSafeInteger(value) && value >= 1 && value <= u48Max) continue
    throw new RaftgenError('BAD_OPTIONS', `the ${name} is ${value}; it must be a whole number from 1 to ${u48Max}`)
  }
}

function checkOwner(dir: string, found: Identity, expect: Partial<Identity> = {}): void {
  const expected = { ...found, ...expect }
  if (isSameIdentity(found, expected)) return
  const what = `${dir} belongs to ${identityName(found)}, not to ${identityName(expected)}`
  throw new RaftgenError('DATA_DIR_FOREIGN', `${what}. Correct dir, or the id and clusterId that were asked for`)
}

async function locked(dir: string): Promise<RaftgenError> {
  const pid = await readPid(dir)
  const holder = pid === process.pid ? 'this process holds it already' : 'another process holds it'
  return new RaftgenError('STORAGE_LOCKED', `cannot open ${dir}: ${holder}${pid === undefined ? '' : ` (pid ${pid})`}`)
}

const called = (call: (done: Done) => void): Promise<void> =>
  new Promise((resolve, reject) => call((error) => (error === undefined ? resolve() : reject(error))))

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))

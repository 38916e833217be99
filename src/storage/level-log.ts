import { realpath } from 'node:fs/promises'
import type { ConfState, Entry, HardState, Index, LogBase, LogSummary, Persist, Term } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import type { Done, EntriesDone, EntriesRange, Identity, Log } from '../ports/log.ts'
import { u48Max } from '../wire/bytes.ts'
import { BlockLog } from './block-log.ts'
import { syncDir } from './checked-file.ts'
import {
  databaseDir,
  type DiskIdentity,
  ensureDiskId,
  finishDir,
  prepareDir,
  readIdentity,
  readPid,
  removePid,
  writePid,
} from './data-dir.ts'
import { LevelKeyValue } from './level-kv.ts'
import { checkMachine, type MachineFormat } from './machine-file.ts'

/** UTF-8 bytes. */
const clusterIdBytesMax = 256

export interface LevelLogOptions {
  /** Refuses the directory of any other node or cluster with DATA_DIR_FOREIGN. Default: whoever the directory belongs to. */
  readonly expect?: Partial<Identity>
  /** Refuses the log of any other machine with MACHINE_MISMATCH, and notes this one where there was none. Default: not looked at. */
  readonly machine?: MachineFormat
  /** Index of the last entry read so far, about every 65,536 entries: the whole log is read and verified before it opens. */
  readonly onProgress?: (lastIndex: Index) => void
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
 * `open` verifies all of it and refuses what is damaged; it never makes a new log where one should be.
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
      const kv = await LevelKeyValue.open(await realpath(databaseDir(dir)), { name: dir, create: true })
      if (kv === 'locked') throw await locked(dir)
      try {
        await called((done) => BlockLog.bootstrap(kv, { identity, conf }, done))
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
   * Errors: DATA_DIR_EMPTY, DATA_DIR_FOREIGN, STORAGE_LOCKED, STORAGE_DAMAGED, STORAGE_FAILED. Nothing is changed when it fails.
   */
  static async open(dir: string, options: LevelLogOptions = {}): Promise<LevelLog> {
    try {
      const identity = await readIdentity(dir)
      checkOwner(dir, identity, options.expect)
      // The real path: LevelDB knows its own databases by name, and a second name for one would pass its lock.
      const kv = await LevelKeyValue.open(await realpath(databaseDir(dir)), { name: dir, create: false, beforeClose: () => removePid(dir) })
      if (kv === 'locked') throw await locked(dir)
      return await openLog(dir, { kv, identity, options })
    } catch (cause) {
      if (cause instanceof RaftgenError) throw cause
      throw new RaftgenError('STORAGE_FAILED', `cannot open ${dir}: ${messageOf(cause)}`, { cause })
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

  close(done: Done): void {
    this.#blocks.close(done)
  }
}

async function openLog(
  dir: string,
  { kv, identity, options }: { kv: LevelKeyValue; identity: Identity; options: LevelLogOptions },
): Promise<LevelLog> {
  try {
    await writePid(dir)
    // LevelDB has made files while opening; their names must outlive a power cut before anything in them is promised.
    await syncDir(databaseDir(dir))
    await syncDir(dir)
    const blocks = await new Promise<BlockLog>((resolve, reject) => {
      BlockLog.open(kv, { name: dir, onProgress: options.onProgress }, (error, log) => (log === undefined ? reject(error) : resolve(log)))
    })
    checkCopy(dir, identity, blocks.identity)
    if (options.machine !== undefined) await checkMachine(dir, options.machine)
    // Last: nothing is changed when it fails. Read anew, for now nobody else can have the directory.
    return new LevelLog(await ensureDiskId(dir), blocks)
  } catch (cause) {
    await called((done) => kv.close(done))
    throw cause
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
  if (isSame(found, expected)) return
  throw new RaftgenError('DATA_DIR_FOREIGN', `${dir} belongs to ${nameOf(found)}, not to ${nameOf(expected)}`)
}

function checkCopy(dir: string, file: Identity, copy: Identity): void {
  if (isSame(file, copy)) return
  const what = `${dir} is mixed from two nodes: its identity.json is of ${nameOf(file)}, its database of ${nameOf(copy)}`
  throw new RaftgenError('DATA_DIR_FOREIGN', what)
}

const isSame = (a: Identity, b: Identity): boolean =>
  a.clusterId === b.clusterId && a.nodeId === b.nodeId && a.incarnation === b.incarnation

const nameOf = ({ clusterId, nodeId, incarnation }: Identity): string =>
  `node ${nodeId} (incarnation ${incarnation}) of cluster ${clusterId}`

async function locked(dir: string): Promise<RaftgenError> {
  const pid = await readPid(dir)
  const holder = pid === process.pid ? 'this process holds it already' : 'another process holds it'
  return new RaftgenError('STORAGE_LOCKED', `cannot open ${dir}: ${holder}${pid === undefined ? '' : ` (pid ${pid})`}`)
}

const called = (call: (done: Done) => void): Promise<void> =>
  new Promise((resolve, reject) => call((error) => (error === undefined ? resolve() : reject(error))))

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))

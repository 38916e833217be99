// A data directory, apart from the database in it. Only its owner may look in (0700, files 0600).
//
//   data/1/identity.json       who this node is, and on which disk; written last at bootstrap, so that without it nothing was ever promised from here
//   data/1/identity.json.new   a bootstrap under way, or one that did not end
//   data/1/identity.json.abandoned   one that did not end and is being removed
//   data/1/identity.json.next   one that gets its disk id: those of before had none
//   data/1/machine.json        whose log it is: name, version and wire format of the machine that first ran on it
//   data/1/schema.json         what is written there means, of each version of the machine, for who looks into it
//   data/1/peers.json          which disk each of its peers was known with
//   data/1/halted.json         the command that its last life died of, until that is behind it
//   data/1/pid                 process that holds the directory, for messages; LevelDB's lock is what decides
//   data/1/high-water          how far its promises go, outside the database
//   data/1/journal             the last writes, which the database may not have yet
//   data/1/journal.new         one that is being made
//   data/1/witness             what it knows of the promises of the others, for when they forget them
//   data/1/db/                 the database
//   data/1/db.damaged/         the last one that could not be read; another took its place
//   data/1/db.moving           a process is moving the database aside: its number
//   data/1/snapshots/          snapshots, each a file
//   data/1/reserve             space set aside: see `reserve-file.ts`
//   data/1/repairing/          what `raftgen log repair` makes, until it takes the place of database and high water
//   data/1/before-repair-1/    what was in their place
import { access, chmod, constants, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { RaftgenError } from '../errors.ts'
import type { Identity } from '../ports/log.ts'
import { diskIdPattern } from '../ports/peer-disks.ts'
import { checksumOf, objectIn, readIfThere, replaceFile, syncDir, writeNew } from './checked-file.ts'
import { damaged } from './damage.ts'

/**
 * Grows when a data directory can no longer be read by the version before. 2: an identity names its disk. 3: there is a high water. 4: it has no
 * doubts of its own. 5: a journal has what the database does not have yet. Those of before are read, and written anew as the present one.
 */
export const dataDirFormat = 5
const formatWithoutDisk = 1
const formatWithoutHighWater = 2
const formatWithoutJournal = 4
const identityFile = 'identity.json'
const newIdentityFile = 'identity.json.new'
const abandonedFile = 'identity.json.abandoned'
const pidFile = 'pid'
const highWaterFile = 'high-water'
const witnessFile = 'witness'
const journalFile = 'journal'
const damagedDatabase = 'db.damaged'
const movingFile = 'db.moving'
const ownerOnly = { directory: 0o700, file: 0o600 } as const

/** A member that was bootstrapped before has promised what an empty directory does not know; an old copy neither. */
const emptyTodo =
  'If the cluster is new, bootstrap every node once. If this node is new in a running cluster, or has lost its disk, start it with `join`. ' +
  'Never restore an old copy, never bootstrap a member again'

/** Of one disk. */
export type DiskIdentity = Identity & { readonly diskId: string }

export const databaseDir = (dir: string): string => join(dir, 'db')
export const highWaterPath = (dir: string): string => join(dir, highWaterFile)
export const witnessPath = (dir: string): string => join(dir, witnessFile)
export const journalPath = (dir: string): string => join(dir, journalFile)
export const identityPath = (dir: string): string => join(dir, identityFile)
const snapshotsDir = (dir: string): string => join(dir, 'snapshots')

/** Makes `dir`, which must be absent or empty, and marks it as being bootstrapped. The disk gets an id of its own. */
export async function prepareDir(dir: string, identity: Omit<Identity, 'diskId'>): Promise<void> {
  await makeDir(dir)
  const [found] = (await readdir(dir)).sort()
  if (found !== undefined) throw notEmpty(dir, found)
  await chmod(dir, ownerOnly.directory)
  await writeNew(join(dir, newIdentityFile), encodeIdentityFile({ ...identity, diskId: drawDiskId() })).catch((cause: unknown) => {
    throw errorCode(cause) === 'EEXIST' ? notEmpty(dir, newIdentityFile) : cause
  })
  await mkdir(databaseDir(dir), { mode: ownerOnly.directory })
  await mkdir(snapshotsDir(dir), { mode: ownerOnly.directory })
}

/** Where the snapshots of the data directory `dir` are; made, durably, in one that was bootstrapped before there were any. */
export async function makeSnapshotsDir(dir: string): Promise<string> {
  const path = snapshotsDir(dir)
  const made = await mkdir(path, { recursive: true, mode: ownerOnly.directory })
  if (made !== undefined) await syncDir(dir)
  return path
}

/**
 * Makes sure that `dir` is there, writable and empty: removes what is left of a bootstrap that did not end, from which nothing was ever promised.
 * Errors: DATA_DIR_EXISTS when it holds anything else, STORAGE_FAILED.
 */
export async function vacateDir(dir: string): Promise<void> {
  try {
    await makeDir(dir)
    await access(dir, constants.W_OK)
    const names = await readdir(dir)
    if (names.includes(newIdentityFile) || names.includes(abandonedFile)) await removeUnfinished(dir, names)
    const [found] = (await readdir(dir)).sort()
    if (found !== undefined) throw notEmpty(dir, found)
  } catch (cause) {
    if (cause instanceof RaftgenError) throw cause
    throw new RaftgenError('STORAGE_FAILED', `cannot make a data directory of ${dir}: ${String(cause)}`, { cause })
  }
}

async function removeUnfinished(dir: string, names: readonly string[]): Promise<void> {
  if (names.includes(identityFile)) return
  // First, and atomically: from here on the process that began it, should it still be at it, cannot end it any more.
  if (names.includes(newIdentityFile)) await rename(join(dir, newIdentityFile), join(dir, abandonedFile))
  await syncDir(dir)
  const made = [databaseDir(dir), snapshotsDir(dir), highWaterPath(dir), witnessPath(dir)]
  for (const path of made) await rm(path, { recursive: true, force: true })
  // A database without a mark beside it would be taken for one that has lost its identity.
  await syncDir(dir)
  await rm(join(dir, abandonedFile))
}

/** The last step of a bootstrap: what comes before it is on the disk, then the identity is. */
export async function finishDir(dir: string): Promise<void> {
  await syncDir(databaseDir(dir))
  await rename(join(dir, newIdentityFile), join(dir, identityFile))
  await syncDir(dir)
}

/** Whether a directory of this format has a high water. */
export const hasHighWater = (format: number): boolean => format > formatWithoutHighWater

/** Whether there must be a journal in one, unless it was closed in order. */
export const hasJournal = (format: number): boolean => format > formatWithoutJournal

/** What a data directory says of itself. */
export interface DataDir {
  readonly identity: Identity
  readonly format: number
  readonly hasDatabase: boolean
}

/** Errors: DATA_DIR_EMPTY, DATA_DIR_FOREIGN, STORAGE_DAMAGED; anything else is an error of the system. */
export async function readDataDir(dir: string): Promise<DataDir> {
  const names = await namesIn(dir)
  if (names.includes(identityFile)) {
    const { identity, format } = decodeIdentityFile(dir, (await readIfThere(join(dir, identityFile))) ?? '')
    return { identity, format, hasDatabase: names.includes('db') }
  }
  if (names.length === 0) {
    throw new RaftgenError('DATA_DIR_EMPTY', `${dir} holds no node. ${emptyTodo}`)
  }
  if (names.includes(newIdentityFile) || names.includes(abandonedFile)) {
    const what = `${dir} holds a bootstrap that did not end; nothing was ever promised from it. Remove it. ${emptyTodo}`
    throw new RaftgenError('DATA_DIR_EMPTY', what)
  }
  if (names.includes('db')) throw damaged(dir, `${identityFile} is missing`)
  throw new RaftgenError(
    'DATA_DIR_FOREIGN',
    `${dir} is not a data directory of raftgen: it holds ${names[0]} and no ${identityFile}. Correct the path`,
  )
}

/** For who holds the directory, and has written its high water: its identity in the present format, with a disk id, for good. */
export async function ensureFormat(dir: string): Promise<DiskIdentity> {
  const { identity, format } = await readDataDir(dir)
  const { diskId, ...rest } = identity
  const identified = { ...rest, diskId: diskId ?? drawDiskId() }
  if (diskId !== undefined && format === dataDirFormat) return identified
  await replaceFile(dir, identityFile, encodeIdentityFile(identified))
  return identified
}

/** Moves the database of a directory aside, as a file says. */
export interface Mover {
  readonly path: string
  readonly pid: number | undefined
}

/**
 * Makes room for a new database: what is there is kept as `db.damaged`, in the place of one from before. Nobody holds the lock of a database that
 * cannot be opened, so a file keeps others out until `movedAside`. Another process that is at it is the result.
 */
export async function moveAside(dir: string): Promise<Mover | undefined> {
  const mover = await beginMoving(dir)
  if (mover !== undefined) return mover
  const kept = join(dir, damagedDatabase)
  if ((await namesIn(dir)).includes('db')) {
    await rm(kept, { recursive: true, force: true })
    await closeToOthers(dir)
    await rename(databaseDir(dir), kept)
  }
  await mkdir(databaseDir(dir), { mode: ownerOnly.directory })
  await syncDir(dir)
  return undefined
}

/** Keeps other processes from putting a database where there is none, until `movedAside`. One of them that is at it is the result. */
export async function beginMoving(dir: string): Promise<Mover | undefined> {
  const path = join(dir, movingFile)
  const other = await readPidFile(path)
  if (other !== undefined && other !== process.pid) return { path, pid: other }
  await rm(path, { force: true })
  try {
    await writeNew(path, `${process.pid}\n`)
  } catch (cause) {
    if (errorCode(cause) === 'EEXIST') return { path, pid: await readPidFile(path) }
    throw cause
  }
  return undefined
}

export function beingMoved(dir: string, { path, pid }: Mover): RaftgenError {
  const what = `cannot open ${dir}: another process (pid ${pid ?? 'unknown'}) moves its damaged database aside, says ${path}`
  return new RaftgenError('STORAGE_LOCKED', `${what}. Stop it; if it is no node of raftgen, remove that file. Then start the node again`)
}

/** The new database is open, or will not be. */
export const movedAside = (dir: string): Promise<void> => rm(join(dir, movingFile), { force: true })

/**
 * LevelDB makes its files as the umask of the process allows. While it runs, the directory keeps others out; what is at rest may be copied to where
 * none does. One that has gone meanwhile needs nothing.
 */
export async function closeToOthers(dir: string): Promise<void> {
  const database = databaseDir(dir)
  const unless = (code: string) => (cause: unknown) => {
    if (errorCode(cause) !== code) throw cause
  }
  // Where a database was damaged, anything may be in its place.
  const names = (await readdir(database).catch(unless('ENOTDIR'))) ?? []
  await Promise.all(names.map((name) => chmod(join(database, name), ownerOnly.file).catch(unless('ENOENT'))))
}

/** Notes who holds the directory. */
export async function writePid(dir: string): Promise<void> {
  const path = join(dir, pidFile)
  await rm(path, { force: true })
  await writeNew(path, `${process.pid}\n`)
}

export const removePid = (dir: string): Promise<void> => rm(join(dir, pidFile), { force: true })

/** Who holds the directory, as far as known: a process that has ended holds nothing. */
export const readPid = (dir: string): Promise<number | undefined> => readPidFile(join(dir, pidFile))

/** Who is moving its database aside. */
export const readMover = (dir: string): Promise<number | undefined> => readPidFile(join(dir, movingFile))

async function readPidFile(path: string): Promise<number | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const pid = /^[1-9]\d{0,9}\n$/.test(text) ? Number(text) : undefined
  return pid !== undefined && isAlive(pid) ? pid : undefined
}

const drawDiskId = (): string => Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('hex')

async function makeDir(dir: string): Promise<void> {
  const made = await mkdir(dir, { recursive: true, mode: ownerOnly.directory }).catch((cause: unknown) => {
    throw errorCode(cause) === 'EEXIST' ? notADirectory('DATA_DIR_EXISTS', dir, cause) : cause
  })
  if (made !== undefined) await syncParents(resolve(dir), resolve(made))
}

/** The names of `dir` and of those above it, up to `made`. */
async function syncParents(dir: string, made: string): Promise<void> {
  await syncDir(dirname(dir))
  if (dir !== made) await syncParents(dirname(dir), made)
}

function encodeIdentityFile({ clusterId, nodeId, incarnation, diskId }: DiskIdentity): string {
  const checksum = checksumOf([dataDirFormat, clusterId, nodeId, incarnation, diskId])
  return `${JSON.stringify({ format: dataDirFormat, clusterId, nodeId, incarnation, diskId, checksum }, undefined, 2)}\n`
}

type IdentityFile = { readonly [field in 'format' | 'clusterId' | 'nodeId' | 'incarnation' | 'diskId' | 'checksum']?: unknown }

function decodeIdentityFile(dir: string, text: string): { readonly identity: Identity; readonly format: number } {
  const path = join(dir, identityFile)
  const { format, clusterId, nodeId, incarnation, diskId, checksum }: IdentityFile = objectIn(path, text)
  if (Number.isSafeInteger(format) && Number(format) > dataDirFormat) {
    const what = `${dir} has format ${format}, this version reads up to ${dataDirFormat}. Run the version of raftgen that wrote it, or a later one`
    throw new RaftgenError('DATA_DIR_FOREIGN', what)
  }
  const known = typeof format === 'number' && Number.isInteger(format) && format >= formatWithoutDisk && format <= dataDirFormat
  const whole = known && typeof clusterId === 'string' && typeof nodeId === 'number' && typeof incarnation === 'number'
  if (!whole) throw damaged(path, 'it does not hold an identity')
  const identity = { clusterId, nodeId, incarnation }
  if (format === formatWithoutDisk) {
    if (checksum !== checksumOf([format, clusterId, nodeId, incarnation])) throw damaged(path, 'it does not match its checksum')
    return { identity, format }
  }
  if (typeof diskId !== 'string' || !diskIdPattern.test(diskId)) throw damaged(path, 'it does not hold an identity')
  if (checksum !== checksumOf([format, clusterId, nodeId, incarnation, diskId])) throw damaged(path, 'it does not match its checksum')
  return { identity: { ...identity, diskId }, format }
}

async function namesIn(dir: string): Promise<readonly string[]> {
  try {
    return (await readdir(dir)).sort()
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return []
    if (errorCode(cause) === 'ENOTDIR') throw notADirectory('DATA_DIR_FOREIGN', dir, cause)
    throw cause
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    // It is there, and belongs to somebody else.
    return errorCode(thrown) === 'EPERM'
  }
}

const notEmpty = (dir: string, found: string): RaftgenError =>
  new RaftgenError(
    'DATA_DIR_EXISTS',
    `cannot bootstrap in ${dir}: it already holds ${found}. Choose another directory, or run the node that is there`,
  )

const notADirectory = (code: 'DATA_DIR_EXISTS' | 'DATA_DIR_FOREIGN', dir: string, cause: unknown): RaftgenError =>
  new RaftgenError(code, `${dir} is not a directory. Correct the path`, { cause })

function errorCode(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined
}

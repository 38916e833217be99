// A data directory, looked at as a node would at its start, and without changing a byte of it: the database is opened as a copy.
import { mkdir, open, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Witness } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import type { Identity } from '../ports/log.ts'
import type { PeerDisk } from '../ports/peer-disks.ts'
import { DamageError, UnreadableError } from './damage.ts'
import { copyDatabase, fileStamps } from './database-copy.ts'
import { type DataDir, databaseDir, hasHighWater, hasJournal, highWaterPath, journalPath, readDataDir, witnessPath } from './data-dir.ts'
import { ownerOf } from './high-water.ts'
import { checkNotHeld } from './holder.ts'
import { findPutAside, type InspectedSnapshot, inspectModes, inspectSnapshots, type PutAside, readOrRefusal } from './inspect-files.ts'
import { type InspectedLog, inspectLog, type OnProgress } from './inspect-log.ts'
import { readJournal } from './journal-file.ts'
import { applyJournal, identityIn, lookAtJournal } from './journal-opening.ts'
import { withSlot } from './journal-recovery.ts'
import type { KeyValue } from './kv.ts'
import { LevelKeyValue } from './level-kv.ts'
import { LogWalk } from './log-walk.ts'
import { type FatalCommand, readHalt } from './halt-file.ts'
import { type MachineFormat, readMachine } from './machine-file.ts'
import { PeersFile } from './peers-file.ts'
import type { Finding } from './recovery.ts'
import { type KeptSchema, readSchema } from './schema-file.ts'
import { slotBytes } from './slots.ts'
import { chooseWitness } from './witness-slot.ts'

export interface InspectOptions {
  /** An empty directory of the caller's, who removes it: on any file system. What the log has in its write-ahead log is written there once. */
  readonly scratch: string
  readonly onProgress?: OnProgress | undefined
  /** A snapshot is about to be read. */
  readonly onSnapshot?: ((file: string) => void) | undefined
}

/** What a finding is about, and with that what becomes of it. */
export type FindingKind = 'identity' | 'database' | 'log' | 'machine' | 'schema' | 'peers' | 'halted' | 'snapshot' | 'mode'
export interface DirFinding extends Finding {
  readonly kind: FindingKind
  /** The way out, where it is always the same. */
  readonly todo?: string | undefined
}

/** A data directory as it was found. Read what is asked for, then `close`. */
export interface Inspection {
  readonly dir: string
  /** As the directory says, or else its database. */
  readonly identity: Identity | undefined
  readonly log: InspectedLog
  readonly walk: LogWalk
  /** Newest first. */
  readonly snapshots: readonly InspectedSnapshot[]
  /** None where no machine has run yet, or nothing tells. */
  readonly machine: MachineFormat | undefined
  /** What the builds said that have run on it; none where none has, or where it cannot be read: then a finding says so. */
  readonly schema: KeptSchema | undefined
  readonly peers: readonly PeerDisk[]
  /** The command that its last life died of. */
  readonly halted: FatalCommand | undefined
  /** What it remembers of the promises of others, as far as it can be read: no promise of its own depends on it. */
  readonly witness: readonly Witness[]
  readonly putAside: readonly PutAside[]
  readonly findings: readonly DirFinding[]
  /** Why a node would not start on it, whatever its log and snapshots are like. */
  readonly refusals: readonly RaftgenError[]
  close(): Promise<void>
}

/**
 * Reads and verifies everything in `dir`: a stopped node's, or a copy. Damage is no error, it is a finding. Errors: STORAGE_LOCKED when a process
 * holds it, DATA_DIR_EMPTY, DATA_DIR_FOREIGN, STORAGE_FAILED; anything else is an error of the system.
 */
export async function inspect(dir: string, options: InspectOptions): Promise<Inspection> {
  const { scratch } = options
  await checkNotHeld(dir, scratch)
  const before = await stampsOf(dir)
  const identified = await readOrRefusal(() => readDataDir(dir))
  const database = await openCopy(dir, scratch).catch(async (cause: unknown) => {
    if (before === (await stampsOf(dir))) throw cause
    throw changedMeanwhile(dir)
  })
  try {
    const inspection = await inspectOpened(dir, { ...options, identified, database })
    await checkNotHeld(dir, scratch)
    if (before !== (await stampsOf(dir))) throw changedMeanwhile(dir)
    return inspection
  } catch (cause) {
    await closed(database.kv)
    throw cause
  }
}

interface Opened extends InspectOptions {
  readonly identified: { readonly value: DataDir | undefined; readonly refusal: RaftgenError | undefined }
  readonly database: Database
}

async function inspectOpened(dir: string, opened: Opened): Promise<Inspection> {
  const { identified, database, onProgress = () => {}, onSnapshot = () => {} } = opened
  const snapshots = await inspectSnapshots(join(dir, 'snapshots'), onSnapshot)
  const newest = snapshots.find(({ meta, damage }) => meta !== undefined && damage === undefined)?.meta
  const { slots, slotsName } = await withJournal(dir, opened)
  const log = await inspectLog({
    name: dir,
    slotsName,
    kv: database.kv,
    slots,
    identity: identified.value?.identity,
    isUpgrade: identified.value !== undefined && !hasHighWater(identified.value.format),
    snapshotBase: newest && { id: newest.id, conf: newest.conf },
    problems: database.problems,
    onProgress,
    renamed: database.renamed,
  })
  const identity = identified.value?.identity ?? log.found.identity
  const witness = identity === undefined ? [] : chooseWitness(await readSlots(witnessPath(dir)), ownerOf(identity)).newest.witness
  const machine = await readOrRefusal(() => readMachine(dir))
  const schema = await readOrRefusal(() => readSchema(dir))
  const peers = await readOrRefusal(async () => (await PeersFile.open(dir)).stored)
  const halted = await readOrRefusal(() => readHalt(dir))
  return {
    dir,
    identity,
    log,
    walk: new LogWalk({ kv: database.kv, name: dir, found: log.found, findings: log.findings, withAside: isFenced(log) }),
    snapshots,
    machine: machine.value,
    schema: schema.value,
    peers: peers.value ?? [],
    halted: halted.value,
    witness,
    putAside: await findPutAside(dir),
    findings: [
      ...ofRefusal('identity', identified.refusal),
      ...log.problems.map((finding) => ({ ...finding, kind: 'database' as const })),
      ...log.findings.map((finding) => ({ ...finding, kind: 'log' as const })),
      ...ofRefusal('machine', machine.refusal),
      ...ofRefusal('schema', schema.refusal),
      ...ofRefusal('peers', peers.refusal),
      ...ofRefusal('halted', halted.refusal),
      ...snapshots.flatMap((snapshot) => ofSnapshot(dir, snapshot)),
      ...(await inspectModes(dir)).map((finding) => ({ ...finding, kind: 'mode' as const })),
    ],
    refusals: [identified, machine, peers, halted].flatMap(({ refusal }) => refusal ?? []),
    close: () => closed(database.kv),
  }
}

const isFenced = ({ asIs }: InspectedLog): boolean => asIs.kind === 'open' && asIs.fence !== undefined

const ofRefusal = (kind: FindingKind, refusal: RaftgenError | undefined): readonly DirFinding[] =>
  refusal instanceof DamageError
    ? [{ kind, place: refusal.place, range: undefined, what: `${refusal.place}: ${refusal.what}`, todo: refusal.todo }]
    : []

function ofSnapshot(dir: string, { file, damage }: InspectedSnapshot): readonly DirFinding[] {
  const place = join(dir, 'snapshots', file)
  return damage === undefined ? [] : [{ kind: 'snapshot', place, range: undefined, what: `${place} is damaged: ${damage}` }]
}

interface Database {
  /** None when it cannot be opened. */
  readonly kv: KeyValue | undefined
  readonly problems: readonly Finding[]
  /** LevelDB names the files of the copy. */
  readonly renamed: (what: string) => string
}

async function openCopy(dir: string, scratch: string): Promise<Database> {
  const source = await realpath(databaseDir(dir)).catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw cause
  })
  if (source === undefined)
    return { kv: undefined, renamed: String, problems: [{ place: dir, range: undefined, what: 'its database is missing' }] }
  const target = join(await realpath(scratch), 'db')
  await mkdir(target)
  const problems = await copyDatabase({ source, target, tables: 'symlink' })
  const renamed = (what: string): string => what.replaceAll(target, databaseDir(dir))
  try {
    const kv = await LevelKeyValue.open(target, { name: dir, create: false })
    if (kv === 'locked') throw new RaftgenError('STORAGE_LOCKED', `another process holds ${target}`)
    return { kv, problems, renamed }
  } catch (cause) {
    if (!(cause instanceof DamageError)) throw cause
    return { kv: undefined, renamed, problems: [...problems, { place: dir, range: undefined, what: renamed(cause.what) }] }
  }
}

interface WithJournal {
  readonly slots: readonly [Uint8Array, Uint8Array]
  readonly slotsName: string
}

/** What the database lacks of the journal goes to the copy, and to the slots as they are read. */
async function withJournal(dir: string, { identified, database }: Opened): Promise<WithJournal> {
  const places = await readSlots(highWaterPath(dir))
  const asTheyAre = { slots: places, slotsName: highWaterPath(dir) }
  const path = journalPath(dir)
  try {
    const identity = identified.value?.identity ?? (await identityIn(database.kv, dir))
    // Whose it should be nothing tells; such a directory is refused whatever is in it.
    if (identity === undefined) return asTheyAre
    const isExpected = identified.value !== undefined && hasJournal(identified.value.format)
    const parts = { name: dir, path, content: await readJournal(path), kv: database.kv, identity, isExpected, isNewStore: false }
    const look = await lookAtJournal(parts)
    if (database.kv !== undefined) await applyJournal(database.kv, look)
    if (!look.verdict.isLost) return { ...asTheyAre, slots: withSlot(places, look.verdict.slot, look.owner) }
    return { slots: [new Uint8Array(0), new Uint8Array(0)], slotsName: path }
  } catch (cause) {
    // Whoever reads all of the database says so.
    if (cause instanceof UnreadableError) return asTheyAre
    throw cause
  }
}

/** What cannot be read is not there, as for a node. */
export async function readSlots(path: string): Promise<readonly [Uint8Array, Uint8Array]> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw cause
  })
  if (file === undefined) return [new Uint8Array(0), new Uint8Array(0)]
  const readOne = async (position: number): Promise<Uint8Array> => {
    const buffer = Buffer.alloc(slotBytes)
    const read = await file.read(buffer, 0, slotBytes, position * slotBytes).catch(() => ({ bytesRead: 0 }))
    return buffer.subarray(0, read.bytesRead)
  }
  try {
    return [await readOne(0), await readOne(1)]
  } finally {
    await file.close()
  }
}

/** Of everything that a running node writes. */
async function stampsOf(dir: string): Promise<string> {
  const inside = await Promise.all([dir, databaseDir(dir)].map((path) => fileStamps(path).catch(() => '')))
  const { ino } = await stat(dir)
  return [ino, ...inside].join('\n')
}

const changedMeanwhile = (dir: string): RaftgenError =>
  new RaftgenError('STORAGE_LOCKED', `${dir} was changed while it was read: a node has been started on it`)

const closed = (kv: KeyValue | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    if (kv === undefined) return resolve()
    kv.close((error) => (error === undefined ? resolve() : reject(error)))
  })

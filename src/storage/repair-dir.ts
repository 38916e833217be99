// A repair, performed. All of it is done to a copy; only when that has come out as planned does it take the place of what was there, which is kept.
//
//   copy to repairing/ -> repair it -> verify it -> db to before-repair-1/, repairing/db to db -> high-water and journal likewise
//
// Until the first rename nothing has changed, and after the second a start finds what was repaired: the database alone says so, since its last write is
// later than the one that the old high water knows of. A crash between the two leaves no database; whoever repairs again puts the copy in its place.
import { access, copyFile, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InvariantError } from '../core/invariant.ts'
import type { EntryId, LogBase } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import { syncDir } from './checked-file.ts'
import {
  beginMoving,
  beingMoved,
  databaseDir,
  highWaterPath,
  identityPath,
  journalPath,
  movedAside,
  readDataDir,
  witnessPath,
} from './data-dir.ts'
import { copyDatabase } from './database-copy.ts'
import { compareIds, isSamePosition, ownerOf } from './high-water.ts'
import { holdLock } from './holder.ts'
import { type Inspection, inspect, readSlots } from './inspect.ts'
import { LevelLog } from './level-log.ts'
import { type RepairPlan, writeRepair } from './log-repair.ts'
import { chooseWitness, encodeWitness } from './witness-slot.ts'

const copyName = 'repairing'
/** In the copy: it has come out as planned. Holds the name of where the rest is to be kept. */
const readyName = 'ready'
const ownerOnly = 0o700
const ownerFile = 0o600

export interface Repair {
  readonly plan: RepairPlan
  /** For a log that has lost its base. */
  readonly snapshotBase: LogBase | undefined
  /** What is still missing afterwards is given up, and with it what this node remembers of others beyond the end of its log. */
  readonly unfence: boolean
}

export interface RepairOptions {
  /** An empty directory of the caller's, who removes it. */
  readonly scratch: string
}

/**
 * Repairs `dir` as planned, and returns where it has kept what was there before. Errors: STORAGE_LOCKED, STORAGE_FAILED, and what the system refuses:
 * then all is as it was, unless it refuses the last of the renames.
 */
export async function performRepair(dir: string, repair: Repair, { scratch }: RepairOptions): Promise<string> {
  const copy = join(dir, copyName)
  const release = await held(dir, databaseDir(dir), scratch)
  try {
    await rm(copy, { recursive: true, force: true })
    await makeCopy(dir, copy)
    await repairCopy(dir, copy, repair)
    if (repair.unfence) await lowerWitness(dir, copy, repair.plan.end)
    await checkCopy(copy, repair, scratch)
    await writeFile(join(copy, readyName), await newName(dir))
    await syncAll(copy)
    return await swap(dir, { scratch, isHeld: release !== undefined })
  } catch (cause) {
    if (await exists(databaseDir(dir))) await rm(copy, { recursive: true, force: true })
    throw cause
  } finally {
    await release?.()
  }
}

/** Whether a repair was cut off between two renames: its result is there, and nothing is in its place. */
export const isCutOff = async (dir: string): Promise<boolean> =>
  (await exists(join(dir, copyName, readyName))) && !(await exists(databaseDir(dir)))

/** Puts the result of such a repair in its place. */
export const finishRepair = (dir: string, { scratch }: RepairOptions): Promise<string> => swap(dir, { scratch, isHeld: false })

async function makeCopy(dir: string, copy: string): Promise<void> {
  await mkdir(copy, { mode: ownerOnly })
  await copyFile(identityPath(dir), identityPath(copy))
  for (const path of [highWaterPath, journalPath]) if (await exists(path(dir))) await copyFile(path(dir), path(copy))
  if (!(await exists(databaseDir(dir)))) return
  await mkdir(databaseDir(copy), { mode: ownerOnly })
  await copyDatabase({ source: databaseDir(dir), target: databaseDir(copy), tables: 'link' })
}

async function repairCopy(dir: string, copy: string, { plan, snapshotBase, unfence }: Repair): Promise<void> {
  const log = await LevelLog.open(copy, { isAlone: false, snapshotBase: () => Promise.resolve(snapshotBase) })
  try {
    if (!isSamePosition(log.end, plan.start)) throw new RaftgenError('STORAGE_LOCKED', `${dir} was changed since it was looked at`)
    await writeRepair(log, { plan, unfence })
  } finally {
    await new Promise<void>((resolve, reject) => log.close((error) => (error === undefined ? resolve() : reject(error))))
  }
}

/**
 * What others had acknowledged to this node beyond `end` is given up on all of them, or on none: who remembers it would hold it against those that come
 * back without it.
 */
async function lowerWitness(dir: string, copy: string, end: EntryId): Promise<void> {
  const { identity } = await readDataDir(dir)
  const { newest } = chooseWitness(await readSlots(witnessPath(dir)), ownerOf(identity))
  if (newest.witness.every(({ match }) => compareIds(match, end) <= 0)) return
  const { term, index } = end
  const witness = newest.witness.map((one) => (compareIds(one.match, end) <= 0 ? one : { ...one, match: { term, index } }))
  const slots = [1, 2].map((later) => encodeWitness({ ...newest, sequence: newest.sequence + later, witness }))
  await writeFile(witnessPath(copy), Buffer.concat(slots), { mode: ownerFile })
}

/** It is what was planned, by the same reading that has found the damage. */
async function checkCopy(copy: string, { plan, unfence }: Repair, scratch: string): Promise<void> {
  const look = join(scratch, 'look')
  await mkdir(look)
  const inspection = await inspect(copy, { scratch: look })
  try {
    const problem = problemOf(inspection, plan, unfence)
    if (problem !== undefined) throw new InvariantError(`a repair comes out as planned: ${problem}`)
  } finally {
    await inspection.close()
  }
}

function problemOf({ log }: Inspection, { end }: RepairPlan, unfence: boolean): string | undefined {
  const { asIs: verdict } = log
  if (verdict.kind === 'refuse') return verdict.error.message
  if (verdict.end.index !== end.index || verdict.end.term !== end.term)
    return `it ends with entry ${verdict.end.index} of term ${verdict.end.term}`
  if (unfence && verdict.fence !== undefined) return 'it is fenced'
  const broken = log.found.findings[0]
  return broken?.what
}

/** Nobody else may put a database where there is none for a moment, or open the new one before its high water is there. `isHeld`: the old one. */
async function swap(dir: string, { scratch, isHeld }: RepairOptions & { readonly isHeld: boolean }): Promise<string> {
  const copy = join(dir, copyName)
  const release = await held(dir, databaseDir(copy), scratch)
  try {
    const mover = await beginMoving(dir)
    if (mover !== undefined) throw beingMoved(dir, mover)
    try {
      // It was not there before: a node was started meanwhile, and has begun anew.
      if (!isHeld && (await exists(databaseDir(dir)))) throw locked(dir)
      return await exchange(dir, copy)
    } finally {
      await movedAside(dir)
    }
  } finally {
    await release?.()
  }
}

async function exchange(dir: string, copy: string): Promise<string> {
  const kept = join(dir, await readFile(join(copy, readyName), 'utf8'))
  await mkdir(kept, { recursive: true, mode: ownerOnly })
  for (const path of [highWaterPath, journalPath]) await keep(path(dir), path(kept))
  if (await exists(witnessPath(copy))) {
    await keep(witnessPath(dir), witnessPath(kept))
    await rename(witnessPath(copy), witnessPath(dir))
  }
  const hasOld = await exists(databaseDir(dir))
  if (hasOld) await rename(databaseDir(dir), databaseDir(kept))
  await rename(databaseDir(copy), databaseDir(dir)).catch(async (cause: unknown) => {
    if (hasOld) await rename(databaseDir(kept), databaseDir(dir))
    throw cause
  })
  await rename(highWaterPath(copy), highWaterPath(dir))
  // Last: the one that was there says nothing that is newer than what the others hold.
  if (await exists(journalPath(copy))) await rename(journalPath(copy), journalPath(dir))
  await syncDir(kept)
  await syncDir(dir)
  await rm(copy, { recursive: true })
  return kept
}

/** As a copy: whoever has the first writes into it. */
async function keep(source: string, target: string): Promise<void> {
  if (!(await exists(source)) || (await exists(target))) return
  await copyFile(source, target)
  await syncFile(target)
}

async function newName(dir: string): Promise<string> {
  const names = await readdir(dir)
  let n = 1
  while (names.includes(`before-repair-${n}`)) n++
  return `before-repair-${n}`
}

async function held(dir: string, database: string, scratch: string): Promise<(() => Promise<void>) | undefined> {
  if (!(await exists(database))) return undefined
  const release = await holdLock(database, scratch)
  if (release === undefined) throw locked(dir)
  return release
}

const locked = (dir: string): RaftgenError => new RaftgenError('STORAGE_LOCKED', `another process holds ${dir}`)

/** Every file and directory in `dir`, and itself. */
async function syncAll(dir: string): Promise<void> {
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) await syncAll(path)
    else await syncFile(path)
  }
  await syncDir(dir)
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

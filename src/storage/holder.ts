// Whether a process has a data directory, asked without touching it. LevelDB's lock decides; opening the database to see would rename its reports.
import { access, mkdir, realpath, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { RaftgenError } from '../errors.ts'
import { databaseDir, readMover, readPid } from './data-dir.ts'
import { LevelKeyValue } from './level-kv.ts'

/** Throws STORAGE_LOCKED when a process holds `dir`. `scratch`: a directory to work in. */
export async function checkNotHeld(dir: string, scratch: string): Promise<void> {
  const mover = await readMover(dir)
  if (mover !== undefined) throw held(dir, mover)
  const pid = await readPid(dir)
  // A lock belongs to a process: this one would be given its own once more, and lose it when it gives that back.
  if (pid === process.pid) throw held(dir, pid)
  if ((await isLocked(databaseDir(dir), scratch)) ?? pid !== undefined) throw held(dir, pid)
}

/** `undefined` when it may not be asked: the lock is on a read-only file system, or somebody else's. */
async function isLocked(database: string, scratch: string): Promise<boolean | undefined> {
  const lock = await realpath(join(database, 'LOCK')).catch(() => undefined)
  if (lock === undefined) return await isAbsent(database)
  // A database of our own that has the same lock: locks are of files, whatever they are called.
  const probe = join(scratch, 'probe')
  await mkdir(probe)
  try {
    await symlink(lock, join(probe, 'LOCK'))
    const opened = await LevelKeyValue.open(probe, { name: database, create: true })
    if (opened === 'locked') return true
    await new Promise<void>((resolve, reject) => opened.close((error) => (error === undefined ? resolve() : reject(error))))
    return false
  } catch {
    return undefined
  } finally {
    await rm(probe, { recursive: true, force: true })
  }
}

/** Without a lock file nobody has locked it, as far as it can be seen at all. */
const isAbsent = (database: string): Promise<false | undefined> =>
  access(database).then(
    () => false,
    (cause: unknown) => (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT' ? false : undefined),
  )

const held = (dir: string, pid: number | undefined): RaftgenError =>
  new RaftgenError('STORAGE_LOCKED', `another process holds ${dir}${pid === undefined ? '' : ` (pid ${pid})`}`)

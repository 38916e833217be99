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

/**
 * Holds the lock of `database` until what is returned is called; `undefined` when somebody else does. Nothing of the database is opened: one of our
 * own, in `scratch`, has the same lock, since locks are of files, whatever they are called. A lock stays with its file when that is moved.
 */
export async function holdLock(database: string, scratch: string): Promise<(() => Promise<void>) | undefined> {
  const probe = join(scratch, `lock-${++probes}`)
  await mkdir(probe)
  const remove = (): Promise<void> => rm(probe, { recursive: true, force: true })
  try {
    await symlink(join(await realpath(database), 'LOCK'), join(probe, 'LOCK'))
    const opened = await LevelKeyValue.open(probe, { name: database, create: true })
    if (opened !== 'locked')
      return () =>
        new Promise<void>((resolve, reject) => opened.close((error) => (error === undefined ? resolve() : reject(error)))).then(remove)
  } catch (cause) {
    await remove()
    throw cause
  }
  await remove()
  return undefined
}
let probes = 0

/** `undefined` when it may not be asked: the lock is on a read-only file system, or somebody else's. */
async function isLocked(database: string, scratch: string): Promise<boolean | undefined> {
  try {
    await access(join(database, 'LOCK'))
  } catch (thrown) {
    // Without a lock file nobody has locked it, as far as it can be seen at all.
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT' ? false : undefined
  }
  try {
    const release = await holdLock(database, scratch)
    await release?.()
    return release === undefined
  } catch {
    return undefined
  }
}

const held = (dir: string, pid: number | undefined): RaftgenError =>
  new RaftgenError('STORAGE_LOCKED', `another process holds ${dir}${pid === undefined ? '' : ` (pid ${pid})`}`)

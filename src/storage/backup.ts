// What is kept before a repair: the database and the high water, as they were.
import { chmod, copyFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { syncDir } from './checked-file.ts'
import { copyDatabase } from './database-copy.ts'
import { databaseDir, highWaterPath } from './data-dir.ts'

const unfinishedEnd = '.new'

/**
 * Keeps them in `<dir>/before-repair-<n>`, a number not used yet, and returns its path; durable then. Nobody may have the database open. Tables are
 * second names of the same files, so it takes little space.
 */
export async function backUp(dir: string): Promise<string> {
  const names = await readdir(dir)
  let n = 1
  while (names.includes(`before-repair-${n}`)) n++
  const path = join(dir, `before-repair-${n}`)
  const unfinished = `${path}${unfinishedEnd}`
  // Of a repair that did not get any further.
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(unfinished, { mode: 0o700 })
  try {
    if (names.includes('db')) await backUpDatabase(databaseDir(dir), join(unfinished, 'db'))
    if (names.includes('high-water')) await copyFile(highWaterPath(dir), join(unfinished, 'high-water'))
    await syncAll(unfinished)
    await rename(unfinished, path)
    await syncDir(dir)
  } catch (cause) {
    await rm(unfinished, { recursive: true, force: true })
    throw cause
  }
  return path
}

async function backUpDatabase(source: string, target: string): Promise<void> {
  const { mode } = await stat(source)
  await mkdir(target)
  await copyDatabase({ source, target, tables: 'link' })
  await chmod(target, mode & 0o777)
}

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

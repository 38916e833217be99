// Small files of JSON in a data directory, each replaced as a whole.
import { readFileSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { checksum } from './checksum.ts'
import { damaged, DamageError } from './damage.ts'

const ownerOnly = 0o600

/**
 * `undefined` when it is not there. Errors: STORAGE_DAMAGED when the disk does not give it; anything else is an error of the system. Read at once: a few
 * hundred bytes, before a node runs, and each of the four asynchronous steps would cost a start more than all of it.
 */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (code === 'ENOENT') return undefined
    throw code === 'EIO' ? damaged(path, 'it cannot be read (EIO)', cause) : cause
  }
}

/** The object that `text` of a file holds; an empty one where it holds something else. Throws STORAGE_DAMAGED where it is no JSON. `todo`: see `DamageError`. */
export function objectIn(path: string, text: string, todo?: string): object {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch (cause) {
    throw new DamageError(path, 'it is not JSON', { ...(todo === undefined ? {} : { todo }), cause })
  }
}

/** Durable in itself; its name is once the directory is synced. Fails when the file exists. */
export async function writeNew(path: string, text: string): Promise<void> {
  const handle = await open(path, 'wx', ownerOnly)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Atomic, and durable when it resolves. One at a time for each name. */
export async function replaceFile(dir: string, name: string, text: string): Promise<void> {
  const next = join(dir, `${name}.next`)
  await rm(next, { force: true })
  await writeNew(next, text)
  await rename(next, join(dir, name))
  await syncDir(dir)
}

/** After it, the names in `dir` are on the disk. */
export async function syncDir(dir: string): Promise<void> {
  const handle = await open(dir, 'r')
  try {
    await handle.sync()
  } catch (cause) {
    // Windows cannot sync a directory; it keeps names without being asked.
    if (process.platform !== 'win32') throw cause
  } finally {
    await handle.close()
  }
}

/** Of what a file says: the checksum of its JSON, in hex. */
export const checksumOf = (value: unknown): string =>
  checksum(Buffer.from(JSON.stringify(value)))
    .toString(16)
    .padStart(8, '0')

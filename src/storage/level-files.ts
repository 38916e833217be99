// The files of a database, looked through before LevelDB opens it: for damage that it does not notice, does not call by that name, or does not
// live through.
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { WireError } from '../wire/bytes.ts'
import { readIfThere } from './checked-file.ts'
import { DamageError } from './damage.ts'
import { liveTables } from './level-manifest.ts'
import { checkTable } from './level-table.ts'

/** What is damaged in the database in `location`, a sentence without its full stop, if anything is. Nobody may be writing there. */
export async function findDamage(location: string): Promise<string | undefined> {
  const files = await readdir(location).catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOTDIR') return undefined
    throw cause
  })
  if (files === undefined) return 'its database (db) is not a directory'
  // LevelDB never is without one of its own; where it was lost it would open, without an error, what the tables before it hold.
  if (!files.some((file) => file.endsWith('.log'))) return "the database's log file (db/*.log) is missing"
  const current = await readCurrent(location)
  if (current === undefined) return undefined
  // What stands there is a path to it, whatever it is.
  if (!/^MANIFEST-\d+\n$/.test(current)) return 'the database cannot be opened: db/CURRENT does not name the list of its files'
  return await findInTables(location, current.trimEnd())
}

async function readCurrent(location: string): Promise<string | undefined> {
  return await readIfThere(join(location, 'CURRENT')).catch((cause: unknown) => {
    if (cause instanceof DamageError) return ''
    throw cause
  })
}

async function findInTables(location: string, manifestName: string): Promise<string | undefined> {
  const manifestPath = join(location, manifestName)
  const bytes = await stat(manifestPath).then(
    ({ size }) => size,
    () => undefined,
  )
  // LevelDB notices that it is missing.
  if (bytes === undefined) return undefined
  const manifest = await readInto(manifestPath, Buffer.alloc(bytes))
  if (manifest === undefined) return undefined
  if (!Buffer.isBuffer(manifest)) return unreadable(manifestName, manifest)
  let live: ReadonlyMap<number, number>
  try {
    live = liveTables(manifest)
  } catch (thrown) {
    if (thrown instanceof WireError) return undefined
    throw thrown
  }
  // One after the other through the same memory: new memory for each would cost more than all the rest.
  const memory = Buffer.allocUnsafeSlow(Math.max(0, ...live.values()))
  for (const [number, bytes] of live) {
    const name = `${String(number).padStart(6, '0')}.ldb`
    const problem = await findInTable(join(location, name), memory.subarray(0, bytes))
    if (problem !== undefined) return unreadable(name, problem)
  }
  return undefined
}

/** LevelDB reads tables through memory: a sector that cannot be read is a SIGBUS there, at each start, without a word. */
async function findInTable(path: string, memory: Buffer): Promise<Error | undefined> {
  const table = await readInto(path, memory)
  // It notices that one is missing.
  if (table === undefined) return undefined
  if (!Buffer.isBuffer(table)) return table
  try {
    checkTable(table)
    return undefined
  } catch (thrown) {
    if (thrown instanceof WireError) return thrown
    throw thrown
  }
}

/** As much as `memory` takes: `readFile` takes for the end of a file where the disk gives less than was asked for. `undefined`: it is not there. */
async function readInto(path: string, memory: Buffer): Promise<Buffer | Error | undefined> {
  const handle = await open(path).catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') return undefined
    throw cause
  })
  try {
    for (let at = 0; handle !== undefined && at < memory.length; ) {
      const { bytesRead } = await handle.read(memory, at, memory.length - at, at)
      if (bytesRead === 0) return memory.subarray(0, at)
      at += bytesRead
    }
    return handle && memory
  } catch (cause) {
    return cause instanceof Error ? cause : new Error(String(cause))
  } finally {
    await handle?.close()
  }
}

const unreadable = (file: string, { message }: Error): string => `the database cannot be opened: db/${file} cannot be read: ${message}`

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
}

// How much room there is in a data directory, and how much of it the database in it will take for a while by itself.
import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { databaseDir } from './data-dir.ts'
import { writeBufferBytes } from './level-kv.ts'
import { heldBytes } from './reserve-file.ts'

/**
 * A table that LevelDB has merged has about 2 MiB; one that it has only written down from memory may have as much as its write buffer. Those are
 * merged all at once, and are there twice until that is done; its own log is there twice while it becomes a table. Tables are numbered: what is
 * merged and newer than some that are not is what has become of them so far, and is not needed once more.
 */
const mergedTableBytes = 4 * 1_024 * 1_024
/** The database is looked into only where less than this is free: no merge takes more. */
const lookBelowBytes = 1_024 * 1_024 * 1_024

/** All in bytes. */
export interface MeasuredSpace {
  /** As the system says, for those who are not privileged. */
  readonly freeBytes: number
  /** Of the reserve file. */
  readonly heldBytes: number
  /** May be needed at any time, for a while, to merge what the database holds. */
  readonly neededBytes: number
}

export class SpaceGauge {
  readonly #dir: string
  /** Of the tables that were there at the last look, and whether they had their size at the one before: then they do not change any more. */
  #tables: ReadonlyMap<string, { readonly bytes: number; readonly isWhole: boolean }> = new Map()

  /** Of a data directory with a database in it. */
  constructor(dir: string) {
    this.#dir = dir
  }

  /** One at a time. Rejects with the error of the system. */
  async measure(): Promise<MeasuredSpace> {
    const freeBytes = await freeBytesIn(this.#dir)
    const neededBytes = freeBytes < lookBelowBytes ? (await this.#unmergedBytes()) + (await bytesToOpen(this.#dir)) : 0
    return { freeBytes, heldBytes: await heldBytes(this.#dir), neededBytes }
  }

  async #unmergedBytes(): Promise<number> {
    const database = databaseDir(this.#dir)
    const names = (await readdir(database)).filter((name) => name.endsWith('.ldb'))
    const tables = await Promise.all(
      names.map(async (name) => {
        const known = this.#tables.get(name)
        if (known?.isWhole === true) return { name, ...known }
        const bytes = await sizeOf(join(database, name))
        return { name, bytes, isWhole: bytes === known?.bytes }
      }),
    )
    this.#tables = new Map(tables.map(({ name, ...table }) => [name, table]))
    const unmerged = tables.filter(({ bytes }) => bytes > mergedTableBytes)
    const oldest = Math.min(...unmerged.map(({ name }) => numberOf(name)))
    const merging = tables.filter(({ name, bytes }) => bytes <= mergedTableBytes && numberOf(name) > oldest)
    return Math.max(0, sum(unmerged) - sum(merging))
  }
}

/** What opening the database of `dir` takes: its log becomes a table before it goes. Rejects with the error of the system. */
export async function bytesToOpen(dir: string): Promise<number> {
  const database = databaseDir(dir)
  const names = (await readdir(database)).filter((name) => name.endsWith('.log'))
  return sum(await Promise.all(names.map(async (name) => ({ bytes: await sizeOf(join(database, name)) }))))
}

/**
 * Whether the database of `dir` may be given so many bytes more: they may fill its write buffer, which becomes a table then. Where the system does not
 * say, it may, and the write will tell.
 */
export function roomIn(dir: string): (bytes: number, answer: (hasRoom: boolean) => void) => void {
  return (bytes, answer) => {
    freeBytesIn(dir).then(
      (freeBytes) => answer(freeBytes >= bytes + writeBufferBytes),
      () => answer(true),
    )
  }
}

/** As the system says, for those who are not privileged. */
async function freeBytesIn(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir)
  return bavail * bsize
}

const sum = (files: readonly { readonly bytes: number }[]): number => files.reduce((total, { bytes }) => total + bytes, 0)

/** `000013.ldb` */
const numberOf = (name: string): number => Number.parseInt(name, 10)

/** One that has gone meanwhile has none. */
const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  )

const outOfSpace = /ENOSPC|EDQUOT|No space left on device|Disk quota exceeded/

/** Whether something failed because there is no room, whoever wrapped what the system said. */
export function isOutOfSpace(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false
  return outOfSpace.test(thrown.message) || ('code' in thrown && thrown.code === 'ENOSPC') || isOutOfSpace(thrown.cause)
}

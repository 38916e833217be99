// LevelDB as a `KeyValue`. Every batch is synced. Never `clear()`: it does not sync.
import { Level } from 'level'
import { RaftgenError } from '../errors.ts'
import type { Done } from '../ports/log.ts'
import { damaged, mendTodo } from './damage.ts'
import type { KeyRange, KeyValue, Operation, ValueDone } from './kv.ts'
import { findDamage } from './level-files.ts'

const encodings = { keyEncoding: 'view', valueEncoding: 'view' } as const
const synced = { sync: true } as const
/** With LevelDB's default of 4 MiB there are more compactions; with more than this what it syncs at once holds up the journal, and fresh memory is touched all the time. */
export const writeBufferBytes = 8 * 1_024 * 1_024
/** What an iterator hands over at once: records, and their bytes. */
const recordsMax = 1_000
const readAheadBytesMax = 4 * 1_024 * 1_024

type Database = Level<Uint8Array, Uint8Array>

export interface LevelKeyValueOptions {
  /** For messages. */
  readonly name: string
  /** Makes a new database and refuses one that exists. Without it a missing one is never made up. */
  readonly create: boolean
  /** The last thing done under the database's lock. */
  readonly beforeClose?: () => Promise<void>
}

export class LevelKeyValue implements KeyValue {
  readonly #db: Database
  readonly #options: LevelKeyValueOptions

  /** `locked`: somebody else has it open. Errors: STORAGE_DAMAGED, STORAGE_FAILED. */
  static async open(location: string, options: LevelKeyValueOptions): Promise<LevelKeyValue | 'locked'> {
    const { name, create } = options
    // What was found while somebody writes is nothing yet: whoever does holds the lock.
    if (!create && (await findDamage(location)) !== undefined) {
      if (await isLocked(location)) return 'locked'
      const what = await findDamage(location)
      if (what !== undefined) throw damaged(name, what)
    }
    const db: Database = new Level<Uint8Array, Uint8Array>(location, encodings)
    try {
      await db.open({ createIfMissing: create, errorIfExists: create, compression: false, writeBufferSize: writeBufferBytes })
    } catch (thrown) {
      const cause = causeOf(thrown)
      if (codeOf(cause) === 'LEVEL_LOCKED') return 'locked'
      throw openError(name, cause)
    }
    return new LevelKeyValue(db, options)
  }

  /** For `open`: takes over an open database. */
  constructor(db: Database, options: LevelKeyValueOptions) {
    this.#db = db
    this.#options = options
  }

  get(key: Uint8Array, done: ValueDone): void {
    this.#db.get(key).then(
      (value) => done(undefined, value),
      (thrown) => done(this.#readError(thrown), undefined),
    )
  }

  batch(operations: readonly Operation[], done: Done): void {
    this.#write(operations).then(
      () => done(undefined),
      (thrown) => done(toError(thrown)),
    )
  }

  range(range: KeyRange, each: (key: Uint8Array, value: Uint8Array) => boolean, done: Done): void {
    this.#range(range, each).then(
      () => done(undefined),
      (thrown) => done(this.#readError(thrown)),
    )
  }

  defer(task: () => void): void {
    queueMicrotask(task)
  }

  close(done: Done): void {
    this.#close().then(
      () => done(undefined),
      (thrown) => done(toError(thrown)),
    )
  }

  /** Operation by operation: an array of them costs the event loop twice as much (25 to 60 us a batch). */
  async #write(operations: readonly Operation[]): Promise<void> {
    const batch = this.#db.batch()
    for (const operation of operations) {
      if (operation.kind === 'put') batch.put(operation.key, operation.value)
      else batch.del(operation.key)
    }
    await batch.write(synced)
  }

  async #close(): Promise<void> {
    await this.#options.beforeClose?.()
    await this.#db.close()
  }

  async #range({ firstKey, lastKey, bytesMax }: KeyRange, each: (key: Uint8Array, value: Uint8Array) => boolean): Promise<void> {
    const highWaterMarkBytes = Math.min(bytesMax, readAheadBytesMax)
    const iterator = this.#db.iterator({ gte: firstKey, lte: lastKey, highWaterMarkBytes, fillCache: false })
    try {
      for (;;) {
        const records = await iterator.nextv(recordsMax)
        if (records.length === 0) return
        for (const [key, value] of records) if (!each(key, value)) return
      }
    } finally {
      await iterator.close()
    }
  }

  #readError(thrown: unknown): Error {
    const error = toError(thrown)
    return codeOf(error) === 'LEVEL_CORRUPTION' || isUnreadable(error)
      ? damaged(this.#options.name, `LevelDB reports ${error.message}`, error)
      : error
  }
}

/** Whether somebody has it open. Looks into none of its files but the lock. */
async function isLocked(location: string): Promise<boolean> {
  const db: Database = new Level<Uint8Array, Uint8Array>(location, encodings)
  try {
    await db.open({ createIfMissing: false, errorIfExists: true })
  } catch (thrown) {
    return codeOf(causeOf(thrown)) === 'LEVEL_LOCKED'
  }
  await db.close()
  return false
}

/** EIO, and a file too short to be mapped. Not what can be mended: permissions, descriptors. */
const isUnreadable = (error: Error): boolean =>
  codeOf(error) === 'LEVEL_IO_ERROR' && /Input\/output error|Invalid argument/.test(error.message)

/** What LevelDB says is the cause of what is thrown. */
const causeOf = (thrown: unknown): Error => (thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : toError(thrown))
const toError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)))

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Missing and unreadable files are damage; what else the system refuses (permissions, space, descriptors) can be mended. */
function openError(name: string, cause: Error): RaftgenError {
  const missing = /does not exist|No such file/.test(cause.message)
  if (missing || codeOf(cause) === 'LEVEL_CORRUPTION') return damaged(name, `the database cannot be opened: ${cause.message}`, cause)
  return new RaftgenError('STORAGE_FAILED', `cannot open ${name}: ${cause.message}. ${mendTodo}`, { cause })
}

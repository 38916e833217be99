// LevelDB as a `KeyValue`. Every batch is synced. Never `clear()`: it does not sync.
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { RaftgenError } from '../errors.ts'
import type { Done } from '../ports/log.ts'
import { readIfThere } from './checked-file.ts'
import { damaged, mendTodo } from './damage.ts'
import type { KeyRange, KeyValue, Operation, ValueDone } from './kv.ts'

const encodings = { keyEncoding: 'view', valueEncoding: 'view' } as const
const synced = { sync: true } as const
/** A large buffer makes compactions rare: with LevelDB's default of 4 MiB the slowest writes take four times as long. */
const writeBufferBytes = 64 * 1_024 * 1_024
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
    if (!create) await checkFiles(location, name)
    const db: Database = new Level<Uint8Array, Uint8Array>(location, encodings)
    try {
      await db.open({ createIfMissing: create, errorIfExists: create, compression: false, writeBufferSize: writeBufferBytes })
    } catch (thrown) {
      const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : toError(thrown)
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

/** Damage that LevelDB does not notice, or does not call by that name. */
async function checkFiles(location: string, name: string): Promise<void> {
  const files = await readdir(location).catch((cause: unknown) => {
    throw codeOf(toError(cause)) === 'ENOTDIR' ? damaged(name, 'its database (db) is not a directory', cause) : cause
  })
  // LevelDB never is without one of its own; where it was lost it would open, without an error, what the tables before it hold.
  if (!files.some((file) => file.endsWith('.log'))) throw damaged(name, "the database's log file (db/*.log) is missing")
  // What stands there is a path to it, whatever it is.
  const current = await readIfThere(join(location, 'CURRENT'))
  if (current !== undefined && !/^MANIFEST-\d+\n$/.test(current)) {
    throw damaged(name, 'the database cannot be opened: db/CURRENT does not name the list of its files')
  }
  // Through memory it would meet a sector that cannot be read as SIGBUS, which ends the process at each start without a word.
  for (const file of files) if (/^MANIFEST-|\.ldb$/.test(file)) await checkReadable(location, file, name)
}

async function checkReadable(location: string, file: string, name: string): Promise<void> {
  const handle = await open(join(location, file))
  try {
    const buffer = Buffer.allocUnsafeSlow(readAheadBytesMax)
    for (let position = 0; ; ) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position)
      if (bytesRead === 0) return
      position += bytesRead
    }
  } catch (cause) {
    throw damaged(name, `the database cannot be opened: db/${file} cannot be read: ${toError(cause).message}`, cause)
  } finally {
    await handle.close()
  }
}

/** EIO, and a file too short to be mapped. Not what can be mended: permissions, descriptors. */
const isUnreadable = (error: Error): boolean =>
  codeOf(error) === 'LEVEL_IO_ERROR' && /Input\/output error|Invalid argument/.test(error.message)

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

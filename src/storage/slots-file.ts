// The file `high-water` of a data directory. Every write is durable when it returns (O_DSYNC), without a second call for the sync.
import * as fs from 'node:fs'
import { dirname } from 'node:path'
import type { Done } from '../ports/log.ts'
import { syncDir } from './checked-file.ts'
import { storeError } from './damage.ts'
import { type SlotPosition, type Slots, type SlotsDone, slotBytes } from './slots.ts'
import { dataSync, writeSynced } from './synced-write.ts'

const ownerOnly = 0o600

export class SlotsFile implements Slots {
  readonly name: string
  #descriptor: number | undefined

  /** A file that is missing is made by the first write: whether one should be there is for others to say. */
  static open(path: string): SlotsFile {
    return new SlotsFile(path, openIfThere(path))
  }

  /** A new file of zeros, durable with its name. */
  static async create(path: string): Promise<SlotsFile> {
    const descriptor = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL | dataSync, ownerOnly)
    // Its space is there from now on: no write needs more of the disk than it has.
    fs.writeSync(descriptor, Buffer.alloc(2 * slotBytes))
    fs.fsyncSync(descriptor)
    await syncDir(dirname(path))
    return new SlotsFile(path, descriptor)
  }

  /** For `open` and `create`. */
  constructor(path: string, descriptor: number | undefined) {
    this.name = path
    this.#descriptor = descriptor
  }

  read(done: SlotsDone): void {
    this.#readOne(0, (first) => this.#readOne(1, (second) => done(undefined, [first, second])))
  }

  write(position: SlotPosition, bytes: Uint8Array, done: Done): void {
    const descriptor = this.#descriptor
    const written: Done = (error) => done(error === undefined ? undefined : storeError(this.name, 'write', error))
    if (descriptor !== undefined) return writeSynced({ descriptor, bytes, at: position * slotBytes }, written)
    SlotsFile.create(this.name).then(
      (made) => {
        this.#descriptor = made.#descriptor
        this.write(position, bytes, done)
      },
      (thrown: Error) => written(thrown),
    )
  }

  close(done: Done): void {
    const descriptor = this.#descriptor
    if (descriptor === undefined) return queueMicrotask(() => done(undefined))
    this.#descriptor = undefined
    fs.close(descriptor, (error) => done(error ?? undefined))
  }

  /** What cannot be read is not there. */
  #readOne(position: SlotPosition, done: (bytes: Uint8Array) => void): void {
    const descriptor = this.#descriptor
    if (descriptor === undefined) return queueMicrotask(() => done(new Uint8Array(0)))
    const buffer = Buffer.allocUnsafeSlow(slotBytes)
    fs.read(descriptor, buffer, 0, slotBytes, position * slotBytes, (error, bytes) => done(buffer.subarray(0, error === null ? bytes : 0)))
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return fs.openSync(path, fs.constants.O_RDWR | dataSync)
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined
    throw thrown
  }
}

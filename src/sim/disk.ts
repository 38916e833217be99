// The disk of one machine, as `KeyValue`: batches take time, complete in order, and are kept whole or not at all. It outlives the process
// that writes to it: at a crash some of the batches under way are on it, those before the first that is not.
import type { Ms } from '../core/types.ts'
import type { Done } from '../ports/log.ts'
import type { KeyRange, KeyValue, Operation, ValueDone } from '../storage/kv.ts'
import { readSalvageKey } from '../storage/records.ts'
import { spoil, type Undo } from './bit-rot.ts'
import type { Chance } from './chance.ts'
import type { Coverage } from './faults.ts'
import type { Scheduler } from './scheduler.ts'

/** The process that has the disk open. */
export interface DiskUser {
  readonly alive: boolean
  /** Runs `task` in the process: later while it stalls, never when it has died. */
  deliver(task: () => void): void
  /** A batch was handed over; it is not on the disk yet. `removes`: some of what is there goes by it. */
  batchBegins(batch: { readonly removes: boolean }): void
  /** The oldest batch that was not on the disk is now. */
  batchStored(): void
  /** A slot was handed over; it is not on the disk yet. */
  slotBegins(): void
  /** Something is about to be done with a file. */
  fileBegins(): void
}

export interface DiskOptions {
  readonly scheduler: Scheduler
  readonly chance: Chance
  readonly coverage: Coverage
  /** Of one write. Milliseconds. */
  readonly writeMs: { readonly min: Ms; readonly max: Ms }
}

interface Batch {
  readonly operations: readonly Operation[]
  readonly user: DiskUser
  readonly done: Done
  /** Its process died before it was on the disk. */
  lost: boolean
}

/** Batches that a disk may lose long after. */
const historyMax = 64

const keyName = (key: Uint8Array): string => Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')

export class SimDisk {
  readonly #options: DiskOptions
  /** Keys as Latin-1, whose order is that of the bytes. */
  readonly #records = new Map<string, Uint8Array>()
  /** Of the last batches, the newest last. */
  readonly #history: Undo[] = []
  /** Not on the disk yet, in order. */
  #underWay: Batch[] = []
  /** One write at a time: the next begins when this one ends. */
  #busyUntil: Ms = 0
  #slowUntil: Ms = 0
  #failWrite = false
  #failRead = false
  /** An error was reported to the present user: it has to stop. */
  #failed = false

  constructor(options: DiskOptions) {
    this.#options = options
  }

  get hasFailed(): boolean {
    return this.#failed
  }

  mount(user: DiskUser): KeyValue {
    this.#failed = false
    return new Mounted(this, user)
  }

  /** Puts records on the disk at once, before the run begins. */
  prepare(operations: readonly Operation[]): void {
    this.#store(operations)
  }

  /** Everything is gone. */
  wipe(): void {
    this.#records.clear()
    this.#history.length = 0
  }

  /** Something that was durable is not what it was; in words. */
  damage(): string {
    return spoil(this.#records, this.#history, this.#options.chance)
  }

  get isEmpty(): boolean {
    return this.#records.size === 0
  }

  get content(): ReadonlyMap<string, Uint8Array> {
    return new Map(this.#records)
  }

  /** An older copy takes the place of what is there. */
  restore(content: ReadonlyMap<string, Uint8Array>): void {
    this.wipe()
    for (const [name, value] of content) this.#records.set(name, value)
  }

  /** Writes take up to a hundred times as long for a while. */
  slowDown(ms: Ms): void {
    this.#slowUntil = this.#options.scheduler.now + ms
  }

  failNextWrite(): void {
    this.#failWrite = true
  }

  failNextRead(): void {
    this.#failRead = true
  }

  /** Forgets the faults that have not happened yet. */
  heal(): void {
    this.#slowUntil = 0
    this.#failWrite = false
    this.#failRead = false
  }

  /** The process is gone, or the power. */
  crash(): void {
    const { chance, coverage, scheduler } = this.#options
    const batches = this.#underWay
    this.#underWay = []
    this.#busyUntil = scheduler.now
    const kept = chance.whole(0, batches.length)
    for (const [i, batch] of batches.entries()) {
      batch.lost = true
      coverage.count(i < kept ? 'unsyncedKept' : 'unsyncedLost')
      if (i < kept) this.#keep(batch)
    }
  }

  get(user: DiskUser, key: Uint8Array, done: ValueDone): void {
    const isAside = readSalvageKey(key) !== undefined
    this.#read(user, { isAside }, (error) => done(error, error === undefined ? this.#copy(keyName(key)) : undefined))
  }

  range(user: DiskUser, { firstKey, lastKey }: KeyRange, each: (key: Uint8Array, value: Uint8Array) => boolean, done: Done): void {
    this.#read(user, { isAside: false }, (error) => {
      if (error !== undefined) return done(error)
      const [first, last] = [keyName(firstKey), keyName(lastKey)]
      try {
        for (const name of [...this.#records.keys()].sort()) {
          if (name < first || name > last) continue
          if (!each(Buffer.from(name, 'latin1'), this.#copy(name) ?? Buffer.alloc(0))) break
        }
      } catch (thrown) {
        return done(thrown instanceof Error ? thrown : new Error(String(thrown)))
      }
      done(undefined)
    })
  }

  write(user: DiskUser, operations: readonly Operation[], done: Done): void {
    const { scheduler } = this.#options
    const batch: Batch = { operations, user, done, lost: false }
    this.#underWay.push(batch)
    this.#busyUntil = Math.max(this.#busyUntil, scheduler.now) + this.#writeMs()
    scheduler.at(this.#busyUntil, () => this.#complete(batch))
    user.batchBegins({ removes: operations.some(({ kind }) => kind === 'delete') })
  }

  defer(user: DiskUser, task: () => void): void {
    this.#options.scheduler.after(0, () => user.deliver(task))
  }

  #complete(batch: Batch): void {
    if (batch.lost) return
    const { chance, coverage } = this.#options
    if (!this.#failWrite && !this.#failed) {
      this.#underWay.shift()
      this.#keep(batch)
      return batch.user.deliver(() => batch.done(undefined))
    }
    this.#failWrite = false
    this.#failed = true
    coverage.count('writeError')
    // What a failed sync leaves behind, nobody knows.
    this.#underWay.shift()
    if (chance.happens(0.5)) this.#keep(batch)
    batch.user.deliver(() => batch.done(new Error('EIO: i/o error, fdatasync')))
  }

  /** `isAside`: of what was put aside. What cannot be read of that is to be had from others: nobody stops for it. */
  #read(user: DiskUser, { isAside }: { readonly isAside: boolean }, read: (error: Error | undefined) => void): void {
    const { scheduler, chance, coverage } = this.#options
    scheduler.after(chance.between(0, 1), () =>
      user.deliver(() => {
        if (!this.#failRead) return read(undefined)
        this.#failRead = false
        if (!isAside) this.#failed = true
        coverage.count('readError')
        read(new Error('EIO: i/o error, pread'))
      }),
    )
  }

  #writeMs(): Ms {
    const { chance, coverage, scheduler, writeMs } = this.#options
    const ms = chance.between(writeMs.min, writeMs.max)
    if (scheduler.now >= this.#slowUntil) return ms
    coverage.count('slowDisk')
    return ms * chance.between(10, 100)
  }

  #keep({ operations, user }: Batch): void {
    this.#store(operations)
    user.batchStored()
  }

  #store(operations: readonly Operation[]): void {
    const before = new Map<string, Uint8Array | undefined>()
    const after = new Map<string, Uint8Array | undefined>()
    for (const operation of operations) {
      const name = keyName(operation.key)
      if (!before.has(name)) before.set(name, this.#records.get(name))
      if (operation.kind === 'delete') this.#records.delete(name)
      else this.#records.set(name, Buffer.from(operation.value))
      after.set(name, this.#records.get(name))
    }
    this.#history.push({ before, after })
    if (this.#history.length > historyMax) this.#history.shift()
  }

  #copy(name: string): Buffer | undefined {
    const value = this.#records.get(name)
    return value === undefined ? undefined : Buffer.from(value)
  }
}

/** The disk as one process has it open. Once that has died nothing more comes of it. */
class Mounted implements KeyValue {
  readonly #disk: SimDisk
  readonly #user: DiskUser

  constructor(disk: SimDisk, user: DiskUser) {
    this.#disk = disk
    this.#user = user
  }

  get(key: Uint8Array, done: ValueDone): void {
    if (this.#user.alive) this.#disk.get(this.#user, key, done)
  }

  batch(operations: readonly Operation[], done: Done): void {
    if (this.#user.alive) this.#disk.write(this.#user, operations, done)
  }

  range(range: KeyRange, each: (key: Uint8Array, value: Uint8Array) => boolean, done: Done): void {
    if (this.#user.alive) this.#disk.range(this.#user, range, each, done)
  }

  defer(task: () => void): void {
    if (this.#user.alive) this.#disk.defer(this.#user, task)
  }

  close(done: Done): void {
    this.defer(() => done(undefined))
  }
}

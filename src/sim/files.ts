// The directory of snapshots of one machine, as `Files`. Every operation takes time and takes effect at its end; what was not synced may be
// there after a crash, wholly, in part, or not at all, content and names each on their own.
import type { Ms } from '../core/types.ts'
import type { Done } from '../ports/log.ts'
import type { FileDone, Files, NewFile, StoredFile } from '../storage/files.ts'
import type { Chance } from './chance.ts'
import type { DiskUser } from './disk.ts'
import type { Coverage } from './faults.ts'
import type { Scheduler } from './scheduler.ts'

export interface SimFilesOptions {
  readonly scheduler: Scheduler
  readonly chance: Chance
  readonly coverage: Coverage
  /** Of one operation. Milliseconds. */
  readonly operationMs: { readonly min: Ms; readonly max: Ms }
}

interface Content {
  bytes: Buffer
  /** So many of them are durable. */
  synced: number
}
/** A change of names that is not durable. */
type Change =
  | { readonly kind: 'link'; readonly name: string; readonly content: Content }
  | { readonly kind: 'move'; readonly source: string; readonly target: string; readonly content: Content }
  | { readonly kind: 'unlink'; readonly name: string }

type Names = Map<string, Content>

export class SimFiles {
  readonly #options: SimFilesOptions
  #names: Names = new Map()
  #durable: Names = new Map()
  #changes: Change[] = []
  #damaged = new Set<string>()
  #failNext = false
  /** An error was reported to the present user. */
  #failed = false
  #slowUntil: Ms = 0

  constructor(options: SimFilesOptions) {
    this.#options = options
  }

  get hasFailed(): boolean {
    return this.#failed
  }

  mount(user: DiskUser): Files {
    this.#failed = false
    return new Mounted(this, user)
  }

  get list(): readonly string[] {
    return [...this.#names.keys()]
  }

  /** Files of which a byte was changed behind everybody's back. */
  get damaged(): ReadonlySet<string> {
    return this.#damaged
  }

  /** Flips one bit of a file that is durable; false where there is none. */
  damage(name: string): boolean {
    const content = this.#names.get(name)
    if (content === undefined || content.bytes.length === 0 || this.#damaged.has(name)) return false
    const at = this.#options.chance.whole(0, content.bytes.length - 1)
    content.bytes[at] = (content.bytes[at] ?? 0) ^ (1 << this.#options.chance.whole(0, 7))
    this.#damaged.add(name)
    return true
  }

  /** The next change of a file fails. */
  failNextWrite(): void {
    this.#failNext = true
  }

  /** Operations take up to a hundred times as long for a while. */
  slowDown(ms: Ms): void {
    this.#slowUntil = this.#options.scheduler.now + ms
  }

  heal(): void {
    this.#failNext = false
    this.#slowUntil = 0
  }

  /** What is durable. */
  get content(): ReadonlyMap<string, Uint8Array> {
    return new Map([...this.#durable].map(([name, { bytes, synced }]) => [name, Uint8Array.from(bytes.subarray(0, synced))]))
  }

  /** An older copy takes the place of what is there. */
  restore(content: ReadonlyMap<string, Uint8Array>): void {
    this.wipe()
    for (const [name, bytes] of content) this.#names.set(name, { bytes: Buffer.from(bytes), synced: bytes.length })
    this.#durable = new Map(this.#names)
  }

  /** Everything is gone. */
  wipe(): void {
    this.#names = new Map()
    this.#durable = new Map()
    this.#changes = []
    this.#damaged = new Set()
  }

  /** The process is gone, or the power. */
  crash(): void {
    const { chance } = this.#options
    for (const change of this.#changes) if (chance.happens(0.5)) apply(this.#durable, change)
    this.#changes = []
    this.#names = new Map(this.#durable)
    for (const content of this.#names.values()) {
      const kept = chance.whole(content.synced, content.bytes.length)
      if (kept < content.bytes.length) content.bytes = content.bytes.subarray(0, kept)
      content.synced = kept
    }
    this.#damaged = new Set([...this.#damaged].filter((name) => this.#names.has(name)))
  }

  /** After a while, in the process of `user`: `task`, or `failed` where a write was to fail. */
  operate(user: DiskUser, task: () => void, failed?: (error: Error) => void): void {
    const { scheduler, chance, coverage, operationMs } = this.#options
    const slowness = scheduler.now < this.#slowUntil ? chance.between(10, 100) : 1
    scheduler.after(chance.between(operationMs.min, operationMs.max) * slowness, () => {
      // It has no effect once its process is dead, and has it even while that stalls.
      if (!user.alive) return
      if (failed === undefined || !this.#failNext) return task()
      this.#failNext = false
      this.#failed = true
      coverage.count('fileError')
      const error = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
      user.deliver(() => failed(error))
    })
  }

  defer(user: DiskUser, task: () => void): void {
    this.#options.scheduler.after(0, () => user.deliver(task))
  }

  find(name: string): Content | undefined {
    return this.#names.get(name)
  }

  change(change: Change): void {
    this.#changes.push(change)
    apply(this.#names, change)
    if (change.kind !== 'link') this.#damaged.delete(change.kind === 'move' ? change.target : change.name)
  }

  /** Of names, not durable yet; in order. */
  get changes(): readonly Change[] {
    return this.#changes
  }

  commit(changes: readonly Change[]): void {
    for (const change of changes) apply(this.#durable, change)
    this.#changes = this.#changes.filter((change) => !changes.includes(change))
  }
}

function apply(names: Names, change: Change): void {
  switch (change.kind) {
    case 'link':
      names.set(change.name, change.content)
      return
    case 'move':
      names.delete(change.source)
      names.set(change.target, change.content)
      return
    case 'unlink':
      names.delete(change.name)
      return
    default:
  }
}

const missing = (name: string): Error => Object.assign(new Error(`ENOENT: no such file, ${name}`), { code: 'ENOENT' })

/** The directory as one process has it open. Once that has died nothing more comes of it. */
class Mounted implements Files {
  readonly #files: SimFiles
  readonly #user: DiskUser

  constructor(files: SimFiles, user: DiskUser) {
    this.#files = files
    this.#user = user
  }

  list(done: (error: Error | undefined, names: readonly string[]) => void): void {
    this.#run(
      () => this.#files.list,
      (names) => done(undefined, names),
    )
  }

  open(name: string, done: FileDone<StoredFile>): void {
    this.#run(
      () => this.#files.find(name),
      (content) => (content === undefined ? done(missing(name), undefined) : done(undefined, this.#stored(content))),
    )
  }

  create(name: string, done: FileDone<NewFile>): void {
    const make = (): Content | undefined => {
      if (this.#files.find(name) !== undefined) return undefined
      const content = { bytes: Buffer.alloc(0), synced: 0 }
      this.#files.change({ kind: 'link', name, content })
      return content
    }
    const made = (content: Content | undefined): void =>
      content === undefined ? done(new Error(`EEXIST: file exists, ${name}`), undefined) : done(undefined, this.#new(content))
    this.#run(make, made, (error) => done(error, undefined))
  }

  rename({ source, target }: { readonly source: string; readonly target: string }, done: Done): void {
    const move = (): Error | undefined => {
      const content = this.#files.find(source)
      if (content === undefined) return missing(source)
      this.#files.change({ kind: 'move', source, target, content })
      return undefined
    }
    this.#run(move, done, done)
  }

  remove(name: string, done: Done): void {
    const unlink = (): undefined => {
      if (this.#files.find(name) !== undefined) this.#files.change({ kind: 'unlink', name })
    }
    this.#run(unlink, () => done(undefined))
  }

  syncDir(done: Done): void {
    // What came before the call.
    const changes = [...this.#files.changes]
    this.#run(
      () => this.#files.commit(changes),
      () => done(undefined),
      done,
    )
  }

  defer(task: () => void): void {
    this.#files.defer(this.#user, task)
  }

  #stored(content: Content): StoredFile {
    return {
      bytes: content.bytes.length,
      read: ({ offset, length }, done) =>
        this.#run(
          () => Buffer.from(content.bytes.subarray(offset, offset + length)),
          (bytes) => done(undefined, bytes),
        ),
      close: (done) =>
        this.#run(
          () => {},
          () => done(undefined),
        ),
    }
  }

  #new(content: Content): NewFile {
    const append = (bytes: Uint8Array): void => {
      content.bytes = Buffer.concat([content.bytes, bytes])
    }
    return {
      append: (bytes, done) =>
        this.#run(
          () => append(bytes),
          () => done(undefined),
          done,
        ),
      sync: (done) => {
        const length = content.bytes.length
        const sync = (): void => {
          content.synced = Math.max(content.synced, length)
        }
        this.#run(sync, () => done(undefined), done)
      },
      close: (done) =>
        this.#run(
          () => {},
          () => done(undefined),
        ),
    }
  }

  /** `effect` on the disk, then `done` in the process; with `failed` it is a change, which may fail. */
  #run<T>(effect: () => T, done: (result: T) => void, failed?: (error: Error) => void): void {
    if (!this.#user.alive) return
    this.#user.fileBegins()
    this.#files.operate(
      this.#user,
      () => {
        const result = effect()
        this.#user.deliver(() => done(result))
      },
      failed,
    )
  }
}

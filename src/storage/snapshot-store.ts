// Snapshots in files. Whole and durable before they are listed; verified at the start and again as they are read. What is damaged is renamed to
// `.damaged`, so that it can be looked at (the last of them is kept), and takes no further part.
//
//   create -> snapshot-10-2.new -> write ... -> sync, close -> rename to snapshot-10-2 -> sync of the directory -> listed
import type { EntryId, SnapshotMeta } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import type { Done } from '../ports/log.ts'
import type { Snapshots, SnapshotWriter } from '../ports/snapshots.ts'
import { WireError } from '../wire/bytes.ts'
import type { Files } from './files.ts'
import { SnapshotFile } from './snapshot-file.ts'
import { damagedEnd, idOf, isSameId, nameOf, titleOf } from './snapshot-format.ts'
import { type NewSnapshot, RefusedWriter, StoreWriter } from './snapshot-writer.ts'
import { Turns } from './turns.ts'

const newEnd = '.new'
const nothing = new Uint8Array(0)

export interface SnapshotStoreOptions {
  /** Place, for messages: a directory. */
  readonly name: string
  /** A snapshot was found damaged, at the start or as it was read, and is listed no more. `file`: its name before. */
  readonly onDamage?: ((file: string, error: RaftgenError) => void) | undefined
}

type StoreDone = (error: Error | undefined, snapshots: Snapshots | undefined) => void

/** Reads and verifies all that is in `files`, and removes what a crash has left half done. Errors: STORAGE_FAILED. */
export function openSnapshots(files: Files, options: SnapshotStoreOptions, done: StoreDone): void {
  const store = new SnapshotStore(files, options)
  store.open((error) => done(error, error === undefined ? store : undefined))
}

/** `Snapshots` over `Files`. Made with `openSnapshots`, unless there is nothing in `files`. */
export class SnapshotStore implements Snapshots {
  readonly #files: Files
  readonly #name: string
  readonly #onDamage: (file: string, error: RaftgenError) => void
  /** Newest first. */
  #stored: readonly SnapshotFile[] = []
  /** Names change one at a time. */
  readonly #turns = new Turns()
  #writer: SnapshotWriter | undefined
  /** Files that are read from, or being closed, whether they are listed or not. */
  #busy = 0
  #closing: Done[] | undefined
  #isClosed = false

  constructor(files: Files, { name, onDamage = () => {} }: SnapshotStoreOptions) {
    this.#files = files
    this.#name = name
    this.#onDamage = onDamage
  }

  get list(): readonly SnapshotMeta[] {
    return this.#stored.map(({ meta }) => meta)
  }

  create(snapshot: NewSnapshot): SnapshotWriter {
    const refusal = this.#closing !== undefined ? this.#closed() : this.#writer === undefined ? undefined : this.#overloaded(snapshot)
    if (refusal !== undefined) return new RefusedWriter(this.#files, refusal)
    const writer = new StoreWriter(snapshot, {
      files: this.#files,
      name: this.#name,
      publish: (source, id, done) => this.#publish(source, id, done),
      ended: () => {
        this.#writer = undefined
        this.#maybeClose()
      },
    })
    this.#writer = writer
    return writer
  }

  read(
    snapshot: SnapshotMeta,
    { offset, bytesMax }: { readonly offset: number; readonly bytesMax: number },
    done: (error: Error | undefined, data: Uint8Array) => void,
  ): void {
    const file = this.#find(snapshot)
    if (this.#closing !== undefined || file === undefined) {
      const refusal = this.#closing === undefined ? this.#gone(snapshot) : this.#closed()
      return this.#files.defer(() => done(refusal, nothing))
    }
    if (offset >= snapshot.bytes || bytesMax <= 0) return this.#files.defer(() => done(undefined, nothing))
    this.#busy++
    file.read({ offset, bytesMax }, (error, data) => {
      this.#busy--
      if (error === undefined) done(undefined, data)
      else done(this.#readFailed(file, error), nothing)
      this.#maybeClose()
    })
  }

  remove(snapshot: SnapshotMeta, done: Done): void {
    const file = this.#find(snapshot)
    if (this.#closing !== undefined || file === undefined) {
      const refusal = this.#closing === undefined ? undefined : this.#closed()
      return this.#files.defer(() => done(refusal))
    }
    this.#retire(file)
    this.#change(
      (end) => {
        // One of the same name that was written meanwhile took its place already.
        if (this.#stored.some(({ name }) => name === file.name)) return this.#files.defer(() => end(undefined))
        this.#files.remove(file.name, (error) => (error === undefined ? this.#files.syncDir(end) : end(error)))
      },
      (error) => done(error === undefined ? undefined : this.#failed(`cannot remove ${titleOf(snapshot)}`, error)),
    )
  }

  condemn(snapshot: SnapshotMeta, cause: Error, done: Done): void {
    const file = this.#find(snapshot)
    if (this.#closing !== undefined || file === undefined) {
      const refusal = this.#closing === undefined ? undefined : this.#closed()
      return this.#files.defer(() => done(refusal))
    }
    this.#condemn(file, this.#damaged(file.name, cause), (error) =>
      done(error === undefined ? undefined : this.#failed(`cannot set aside ${titleOf(snapshot)}`, error)),
    )
  }

  close(done: Done): void {
    if (this.#isClosed) return this.#files.defer(() => done(undefined))
    const isFirst = this.#closing === undefined
    this.#closing ??= []
    this.#closing.push(done)
    if (!isFirst) return
    this.#writer?.abort(() => undefined)
    this.#files.defer(() => this.#maybeClose())
  }

  /** Once, before anything else. */
  open(done: Done): void {
    const failed = (error: Error): void => {
      for (const file of this.#stored) this.#retire(file)
      done(this.#failed('cannot be read', error))
    }
    this.#files.list((error, names) => {
      if (error !== undefined) return failed(error)
      const halves = names.filter((name) => name.endsWith(newEnd))
      // The oldest first: of several that are damaged, the newest is kept.
      const whole = names.filter((name) => idOf(name) !== undefined).sort((a, b) => compare(idOf(a), idOf(b)))
      this.#each(
        halves,
        (name, next) => this.#files.remove(name, next),
        (error) => {
          if (error !== undefined) return failed(error)
          this.#each(
            whole,
            (name, next) => this.#openOne(name, next),
            (error) => (error === undefined ? done(undefined) : failed(error)),
          )
        },
      )
    })
  }

  #openOne(name: string, done: Done): void {
    SnapshotFile.open(this.#files, name, (error, file) => {
      if (file === undefined) return this.#maybeSetAside(name, error ?? new Error('it is not there'), done)
      file.verify((error) => {
        if (error === undefined) {
          this.#add(file)
          return done(undefined)
        }
        file.close(() => this.#maybeSetAside(name, error, done))
      })
    })
  }

  /** Passes on what is no damage. */
  #maybeSetAside(name: string, error: Error, done: Done): void {
    if (!isDamage(error)) return done(error)
    this.#onDamage(name, this.#damaged(name, error))
    this.#setAside(name, done)
  }

  #setAside(name: string, done: Done): void {
    this.#files.list((error, names) => {
      if (error !== undefined) return done(error)
      const others = names.filter((other) => other.endsWith(damagedEnd))
      this.#each(
        others,
        (other, next) => this.#files.remove(other, next),
        (error) => {
          if (error !== undefined) return done(error)
          this.#files.rename({ source: name, target: `${name}${damagedEnd}` }, (error) =>
            error === undefined ? this.#files.syncDir(done) : done(error),
          )
        },
      )
    })
  }

  #publish(source: string, id: EntryId, done: (error: Error | undefined, snapshot: SnapshotMeta | undefined) => void): void {
    const target = nameOf(id)
    let opened: SnapshotFile | undefined
    this.#change(
      (end) => {
        const undo = (name: string, error: Error | undefined): void =>
          this.#files.remove(name, () => end(error ?? new Error('it is not there')))
        this.#files.rename({ source, target }, (error) => {
          if (error !== undefined) return undo(source, error)
          const replaced = this.#stored.find(({ name }) => name === target)
          if (replaced !== undefined) this.#retire(replaced)
          this.#files.syncDir((error) => {
            if (error !== undefined) return undo(target, error)
            SnapshotFile.open(this.#files, target, (error, file) => {
              if (file === undefined) return undo(target, error)
              opened = file
              this.#add(file)
              end(undefined)
            })
          })
        })
      },
      (error) => done(error, opened?.meta),
    )
  }

  /** `change` ends with `end`, which lets the next one begin. */
  #change(change: (end: Done) => void, done: Done): void {
    this.#turns.take((leave) => {
      change((error) => {
        leave()
        done(error)
        this.#maybeClose()
      })
    })
  }

  #readFailed(file: SnapshotFile, cause: Error): RaftgenError {
    if (!isDamage(cause)) return this.#failed(`cannot read ${titleOf(file.meta)}`, cause)
    const error = this.#damaged(file.name, cause)
    // Best effort: where it cannot be renamed it is found damaged again at the next start.
    if (this.#stored.includes(file)) this.#condemn(file, error, () => undefined)
    return error
  }

  #condemn(file: SnapshotFile, error: RaftgenError, done: Done): void {
    this.#retire(file)
    this.#onDamage(file.name, error)
    this.#change((end) => {
      // One of the same name that was written meanwhile took its place already.
      if (this.#stored.some(({ name }) => name === file.name)) return this.#files.defer(() => end(undefined))
      this.#setAside(file.name, end)
    }, done)
  }

  #add(file: SnapshotFile): void {
    this.#stored = [...this.#stored, file].sort((a, b) => compare(b.meta.id, a.meta.id))
  }

  /** Listed no more; what is being read of it is read to its end. */
  #retire(file: SnapshotFile): void {
    this.#stored = this.#stored.filter((other) => other !== file)
    this.#busy++
    file.close(() => {
      this.#busy--
      this.#maybeClose()
    })
  }

  #find({ id, bytes, checksum }: SnapshotMeta): SnapshotFile | undefined {
    return this.#stored.find(({ meta }) => isSameId(meta.id, id) && meta.bytes === bytes && meta.checksum === checksum)
  }

  #maybeClose(): void {
    const closing = this.#closing
    if (closing === undefined || this.#isClosed || this.#writer !== undefined || !this.#turns.isIdle) return
    for (const file of this.#stored) this.#retire(file)
    if (this.#busy > 0) return
    this.#isClosed = true
    for (const done of closing) done(undefined)
  }

  #each(names: readonly string[], run: (name: string, next: Done) => void, done: Done): void {
    const [name] = names
    if (name === undefined) return done(undefined)
    run(name, (error) => (error === undefined ? this.#each(names.slice(1), run, done) : done(error)))
  }

  #damaged(file: string, cause: Error): RaftgenError {
    const kept = `It is not used, and kept as ${file}${damagedEnd} until another one is found damaged`
    const what = `${this.#name}/${file} is damaged: ${cause.message}. ${kept}`
    return new RaftgenError('STORAGE_DAMAGED', `${what}: an older snapshot, or one of a peer, takes its place`, { cause })
  }

  #failed(what: string, cause: Error): RaftgenError {
    if (cause instanceof RaftgenError) return cause
    return new RaftgenError('STORAGE_FAILED', `${this.#name}: ${what}: ${cause.message}`, { cause })
  }

  #gone(snapshot: SnapshotMeta): RaftgenError {
    return new RaftgenError('UNAVAILABLE', `${this.#name}: ${titleOf(snapshot)} is not kept any more`)
  }

  #overloaded(snapshot: NewSnapshot): RaftgenError {
    return new RaftgenError('OVERLOADED', `${this.#name}: ${titleOf(snapshot)} cannot be written while another one is`)
  }

  #closed(): RaftgenError {
    return new RaftgenError('CLOSED', `${this.#name}: the snapshots are closed`)
  }
}

/** By index, then by term. */
const compare = (a: EntryId | undefined, b: EntryId | undefined): number =>
  (a?.index ?? 0) - (b?.index ?? 0) || (a?.term ?? 0) - (b?.term ?? 0)

/** What cannot be read is as good as damaged; other errors of the disk say nothing about the file. */
const isDamage = (error: Error): boolean => error instanceof WireError || ('code' in error && error.code === 'EIO')

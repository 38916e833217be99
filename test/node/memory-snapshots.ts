// A store of snapshots that a test can look into, damage and make fail.
import type { SnapshotMeta } from '../../src/core/index.ts'
import { RaftgenError } from '../../src/errors.ts'
import type { Done } from '../../src/ports/log.ts'
import type { Snapshots, SnapshotWriter } from '../../src/ports/snapshots.ts'
import { checksum } from '../../src/storage/checksum.ts'

interface Stored {
  readonly meta: SnapshotMeta
  readonly content: Uint8Array
}
type Described = Parameters<Snapshots['create']>[0]

export class MemorySnapshots implements Snapshots {
  readonly #defer: (task: () => void) => void
  #stored: readonly Stored[] = []
  readonly #damaged = new Set<number>()
  #isWriting = false
  /** Every write fails with this while it is there. */
  failure: Error | undefined
  reads = 0
  /** Indexes of those whose content was of no use, in the order in which that was said. */
  readonly condemned: number[] = []
  /** Sizes of the pieces written. */
  readonly written: number[] = []
  /** Called as one becomes durable. */
  onStored: () => void = () => {}

  /** What would be answered waits while this is set. */
  isHeld = false
  #held: (() => void)[] = []

  constructor(defer: (task: () => void) => void) {
    this.#defer = (task) => {
      if (this.isHeld) this.#held.push(task)
      else defer(task)
    }
  }

  release(): void {
    this.isHeld = false
    for (const task of this.#held.splice(0)) this.#defer(task)
  }

  get list(): readonly SnapshotMeta[] {
    return this.#stored.map(({ meta }) => meta)
  }

  get indexes(): readonly number[] {
    return this.list.map(({ id }) => id.index)
  }

  /** What is read of it is damaged from now on. */
  damage(index: number): void {
    this.#damaged.add(index)
  }

  /** A crash: what was being written is gone. */
  crash(): void {
    this.#isWriting = false
    this.#held = []
  }

  put(meta: SnapshotMeta, content: Uint8Array): void {
    const others = this.#stored.filter((one) => one.meta.id.index !== meta.id.index)
    this.#stored = [...others, { meta, content }].toSorted((a, b) => b.meta.id.index - a.meta.id.index)
  }

  content(index: number): Uint8Array {
    const stored = this.#stored.find(({ meta }) => meta.id.index === index)
    if (stored === undefined) throw new Error(`no snapshot ${index}`)
    return stored.content
  }

  create(described: Described): SnapshotWriter {
    if (this.#isWriting) throw new Error('two snapshots are written at once')
    this.#isWriting = true
    return this.#writer(described)
  }

  read(
    snapshot: SnapshotMeta,
    { offset, bytesMax }: { readonly offset: number; readonly bytesMax: number },
    done: (error: Error | undefined, data: Uint8Array) => void,
  ): void {
    const stored = this.#stored.find(({ meta }) => meta.id.index === snapshot.id.index)
    this.#defer(() => {
      this.reads += 1
      if (stored === undefined) return done(new RaftgenError('STORAGE_DAMAGED', `snapshot ${snapshot.id.index} is gone`), new Uint8Array(0))
      if (this.#damaged.has(snapshot.id.index)) {
        this.#stored = this.#stored.filter((one) => one !== stored)
        return done(new RaftgenError('STORAGE_DAMAGED', `snapshot ${snapshot.id.index} is damaged`), new Uint8Array(0))
      }
      done(undefined, stored.content.slice(offset, offset + bytesMax))
    })
  }

  remove(snapshot: SnapshotMeta, done: Done): void {
    this.#stored = this.#stored.filter(({ meta }) => meta.id.index !== snapshot.id.index)
    this.#defer(() => done(undefined))
  }

  condemn(snapshot: SnapshotMeta, _cause: Error, done: Done): void {
    if (this.list.some(({ id }) => id.index === snapshot.id.index)) this.condemned.push(snapshot.id.index)
    this.remove(snapshot, done)
  }

  close(done: Done): void {
    this.#defer(() => done(undefined))
  }

  #writer({ id, conf, expected }: Described): SnapshotWriter {
    const pieces: Uint8Array[] = []
    const fail = (error: Error) => {
      this.#isWriting = false
      return error
    }
    let bytes = 0
    const finish = (): { error: Error } | { meta: SnapshotMeta } => {
      if (this.failure !== undefined) return { error: fail(this.failure) }
      const content = Buffer.concat(pieces)
      const meta = { id, conf, bytes: content.length, checksum: checksum(content) }
      if (expected !== undefined && (expected.bytes !== meta.bytes || expected.checksum !== meta.checksum)) {
        return { error: fail(new RaftgenError('STORAGE_DAMAGED', `snapshot ${id.index} is not what was expected`)) }
      }
      this.#isWriting = false
      this.put(meta, content)
      this.onStored()
      return { meta }
    }
    return {
      get bytes() {
        return bytes
      },
      write: (data, done) =>
        this.#defer(() => {
          if (this.failure !== undefined) return done(fail(this.failure))
          pieces.push(data.slice())
          bytes += data.length
          this.written.push(data.length)
          done(undefined)
        }),
      finish: (done) =>
        this.#defer(() => {
          const end = finish()
          if ('error' in end) done(end.error, undefined)
          else done(undefined, end.meta)
        }),
      abort: (done) =>
        this.#defer(() => {
          this.#isWriting = false
          done(undefined)
        }),
    }
  }
}

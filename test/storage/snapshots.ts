// What the tests of snapshots are written with.
import type { EntryId, SnapshotMeta } from '../../src/core/types.ts'
import type { RaftgenError } from '../../src/errors.ts'
import type { Snapshots, SnapshotWriter } from '../../src/ports/snapshots.ts'
import type { Files } from '../../src/storage/files.ts'
import { openSnapshots } from '../../src/storage/snapshot-store.ts'
import { called, conf } from './support.ts'

export const place = 'data/1/snapshots'
export const id = (index: number, term = 2): EntryId => ({ term, index })

/** Bytes in which no stretch equals another. */
export function content(bytes: number, seed = 1): Buffer {
  const buffer = Buffer.alloc(bytes)
  for (let at = 0, value = seed; at < bytes; at++) {
    value = (Math.imul(value, 1_664_525) + 1_013_904_223) >>> 0
    buffer[at] = value >>> 24
  }
  return buffer
}

export const open = (files: Files, onDamage?: (file: string, error: RaftgenError) => void): Promise<Snapshots> =>
  new Promise((resolve, reject) => {
    openSnapshots(files, { name: place, onDamage }, (error, snapshots) => (snapshots === undefined ? reject(error) : resolve(snapshots)))
  })

export const write = (writer: SnapshotWriter, data: Uint8Array): Promise<void> => called((done) => writer.write(data, done))
export const abort = (writer: SnapshotWriter): Promise<void> => called((done) => writer.abort(done))
export const finish = (writer: SnapshotWriter): Promise<SnapshotMeta> =>
  new Promise((resolve, reject) => writer.finish((error, meta) => (meta === undefined ? reject(error) : resolve(meta))))

/** A whole snapshot, written `step` bytes at a time. */
export async function store(snapshots: Snapshots, snapshot: EntryId, data: Buffer, step = 100_000): Promise<SnapshotMeta> {
  const writer = snapshots.create({ id: snapshot, conf })
  for (let at = 0; at < data.length; at += step) await write(writer, data.subarray(at, at + step))
  return finish(writer)
}

export const read = (snapshots: Snapshots, meta: SnapshotMeta, offset: number, bytesMax: number): Promise<Uint8Array> =>
  new Promise((resolve, reject) => {
    snapshots.read(meta, { offset, bytesMax }, (error, data) => (error === undefined ? resolve(data) : reject(error)))
  })

export async function readAll(snapshots: Snapshots, meta: SnapshotMeta, bytesMax = 65_536): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for (let offset = 0; offset < meta.bytes; offset += bytesMax) parts.push(await read(snapshots, meta, offset, bytesMax))
  return Buffer.concat(parts)
}

export const remove = (snapshots: Snapshots, meta: SnapshotMeta): Promise<void> => called((done) => snapshots.remove(meta, done))
export const condemn = (snapshots: Snapshots, meta: SnapshotMeta, cause: Error): Promise<void> =>
  called((done) => snapshots.condemn(meta, cause, done))
export const close = (snapshots: Snapshots): Promise<void> => called((done) => snapshots.close(done))
export const indexes = ({ list }: Snapshots): readonly number[] => list.map(({ id }) => id.index)

/** Callbacks come back only when they are asked for. */
export class Steps {
  readonly #tasks: (() => void)[] = []
  readonly defer = (task: () => void): void => {
    this.#tasks.push(task)
  }

  get isDone(): boolean {
    return this.#tasks.length === 0
  }

  run(stepsMax = Number.POSITIVE_INFINITY): void {
    for (let i = 0; i < stepsMax; i++) {
      const task = this.#tasks.shift()
      if (task === undefined) return
      task()
    }
  }
}

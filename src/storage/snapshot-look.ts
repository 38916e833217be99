// The snapshots of a data directory, for who only looks: nothing is locked, renamed or removed. A file of that name is whole and never changed
// again, and stays readable once it is open, so its node may run meanwhile.
import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { EntryId, SnapshotMeta } from '../core/types.ts'
import { WireError } from '../wire/bytes.ts'
import type { Files } from './files.ts'
import { FsFiles } from './fs-files.ts'
import { SnapshotFile } from './snapshot-file.ts'
import { damagedEnd, idOf, nameOf } from './snapshot-format.ts'

/** A file, by its name. */
export interface SeenSnapshot {
  readonly id: EntryId
  readonly path: string
  /** Its node has set it aside: it was found damaged, or of no use. */
  readonly isAside: boolean
}

/** The newest first; of one entry what was set aside comes last. `undefined` when `dir` has no place for snapshots. */
export async function seeSnapshots(dir: string): Promise<readonly SeenSnapshot[] | undefined> {
  const folder = join(dir, 'snapshots')
  const names = await readdir(folder).catch((cause: unknown) => {
    if (isNoFile(cause)) return undefined
    throw cause
  })
  return names
    ?.flatMap((name): readonly SeenSnapshot[] => {
      const isAside = name.endsWith(damagedEnd)
      const id = idOf(isAside ? name.slice(0, -damagedEnd.length) : name)
      return id === undefined ? [] : [{ id, path: join(folder, name), isAside }]
    })
    .sort((a, b) => b.id.index - a.id.index || b.id.term - a.id.term || Number(a.isAside) - Number(b.isAside))
}

/** One that is open. */
export interface OpenSnapshot {
  readonly meta: SnapshotMeta
  /** At most `bytesMax` bytes of the content from `offset`, verified. Rejects with a `WireError` that says what is wrong. */
  read(range: { readonly offset: number; readonly bytesMax: number }): Promise<Uint8Array>
  close(): Promise<void>
}

/**
 * Opens it once all of it is verified; `undefined` when it is not there any more. Rejects with a `WireError` that says what is wrong with it; anything
 * else is an error of the system.
 */
export async function openSeen({ id, path }: SeenSnapshot): Promise<OpenSnapshot | undefined> {
  const files = new FsFiles(dirname(path))
  // Also what was set aside holds what its name before says.
  const named: Pick<Files, 'open'> = { open: (_, done) => files.open(basename(path), done) }
  const file = await settled<SnapshotFile>((done) => SnapshotFile.open(named, nameOf(id), done)).catch((cause: unknown) => {
    if (isNoFile(cause)) return undefined
    throw cause
  })
  if (file === undefined) return undefined
  const close = (): Promise<true> => settled((done) => file.close((error) => done(error, true)))
  try {
    await settled((done) => file.verify((error) => done(error, true)))
  } catch (cause) {
    await close()
    throw cause
  }
  return {
    meta: file.meta,
    read: (range) => settled((done) => file.read(range, done)),
    close: async () => void (await close()),
  }
}

/** What cannot be read is as good as damaged. */
function settled<T>(run: (done: (error: Error | undefined, value: T | undefined) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    run((error, value) => {
      if (error === undefined && value !== undefined) return resolve(value)
      if (error === undefined) return reject(new WireError('nothing was read'))
      reject('code' in error && error.code === 'EIO' ? new WireError('it cannot be read') : error)
    })
  })
}

const isNoFile = (cause: unknown): boolean => cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'

import { join } from 'node:path'
import { RaftgenError } from '../errors.ts'
import type { Snapshots } from '../ports/snapshots.ts'
import { mendTodo } from './damage.ts'
import { makeSnapshotsDir } from './data-dir.ts'
import { FsFiles } from './fs-files.ts'
import { openSnapshots, type SnapshotStoreOptions } from './snapshot-store.ts'

export type SnapshotDirOptions = Pick<SnapshotStoreOptions, 'onDamage'>

/**
 * The snapshots in the data directory `dir`, whose log must be open: its lock guards them too. All of them are read and verified. Where
 * there is no directory for them, it is made. Errors: STORAGE_FAILED. Damage is none: what is damaged is reported, kept aside, and not used.
 */
export async function openSnapshotDir(dir: string, options: SnapshotDirOptions = {}): Promise<Snapshots> {
  const name = await makeSnapshotsDir(dir).catch((cause: unknown) => {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new RaftgenError('STORAGE_FAILED', `cannot open ${join(dir, 'snapshots')}: ${message}. ${mendTodo}`, { cause })
  })
  return await new Promise((resolve, reject) => {
    openSnapshots(new FsFiles(name), { ...options, name }, (error, snapshots) =>
      snapshots === undefined ? reject(error) : resolve(snapshots),
    )
  })
}

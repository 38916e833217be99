// What is in a data directory beside its log: read and verified, and left as it is.
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { EntryId, SnapshotMeta } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import { WireError } from '../wire/bytes.ts'
import { FsFiles } from './fs-files.ts'
import type { Finding } from './recovery.ts'
import { SnapshotFile } from './snapshot-file.ts'
import { idOf } from './snapshot-format.ts'

export interface InspectedSnapshot {
  readonly file: string
  readonly id: EntryId
  /** None where not even its ends can be read. */
  readonly meta: SnapshotMeta | undefined
  /** What is wrong with it; none when it is whole. */
  readonly damage: string | undefined
}

/** Newest first. `onFile` is told each before it is read, which takes its time. */
export async function inspectSnapshots(dir: string, onFile: (file: string) => void): Promise<readonly InspectedSnapshot[]> {
  const names = await readdir(dir).catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') return []
    throw cause
  })
  const files = new FsFiles(dir)
  const found: InspectedSnapshot[] = []
  for (const file of names) {
    const id = idOf(file)
    if (id === undefined) continue
    onFile(file)
    found.push({ file, id, ...(await inspectSnapshot(files, file)) })
  }
  return found.sort((a, b) => b.id.index - a.id.index || b.id.term - a.id.term)
}

function inspectSnapshot(files: FsFiles, name: string): Promise<Pick<InspectedSnapshot, 'meta' | 'damage'>> {
  return new Promise((resolve, reject) => {
    const end = (error: Error | undefined, meta: SnapshotMeta | undefined): void => {
      if (error === undefined || error instanceof WireError) resolve({ meta, damage: error?.message })
      else if (codeOf(error) === 'EIO') resolve({ meta, damage: 'it cannot be read' })
      else reject(error)
    }
    SnapshotFile.open(files, name, (error, snapshot) => {
      if (snapshot === undefined) return end(error ?? new WireError('it is not there'), undefined)
      snapshot.verify((damage) => snapshot.close((late) => end(damage ?? late, snapshot.meta)))
    })
  })
}

export type ModeFinding = Finding & { readonly todo: string }

/** Directories and files of a node that others may look into. Systems without modes have none. */
export async function inspectModes(dir: string): Promise<readonly ModeFinding[]> {
  if (process.platform === 'win32') return []
  const names = ['identity.json', 'machine.json', 'schema.json', 'peers.json', 'halted.json', 'high-water', 'journal', 'witness']
  const paths = [dir, join(dir, 'db'), join(dir, 'snapshots'), ...names.map((name) => join(dir, name))]
  const findings: ModeFinding[] = []
  for (const path of paths) {
    const stats = await lstat(path).catch(() => undefined)
    // A link says nothing; what it leads to is for whoever has made it.
    if (stats === undefined || stats.isSymbolicLink() || (stats.mode & 0o077) === 0) continue
    const mode = (stats.mode & 0o777).toString(8)
    findings.push({
      place: path,
      range: undefined,
      what: `${path} is open to other users (mode ${mode})`,
      todo: `chmod ${stats.isDirectory() ? 700 : 600} ${path}`,
    })
  }
  return findings
}

/** Something that was kept when it was found damaged, or before a repair. */
export interface PutAside {
  readonly path: string
  readonly bytes: number
}

export async function findPutAside(dir: string): Promise<readonly PutAside[]> {
  const found: PutAside[] = []
  for (const [folder, pattern] of [
    [dir, /^(?:db\.damaged|repairing|before-repair-\d+)$/],
    [join(dir, 'snapshots'), /\.damaged$/],
  ] as const) {
    const names = await readdir(folder).catch(() => [])
    for (const name of names.filter((name) => pattern.test(name)).sort()) {
      found.push({ path: join(folder, name), bytes: await bytesOf(join(folder, name)) })
    }
  }
  return found
}

async function bytesOf(path: string): Promise<number> {
  const stats = await lstat(path)
  if (!stats.isDirectory()) return stats.size
  const names = await readdir(path, { recursive: true })
  const sizes = await Promise.all(names.map(async (name) => (await lstat(join(path, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** What `read` gives, or why a node that reads it would not start. */
export async function readOrRefusal<T>(
  read: () => Promise<T>,
): Promise<{ readonly value: T | undefined; readonly refusal: RaftgenError | undefined }> {
  try {
    return { value: await read(), refusal: undefined }
  } catch (thrown) {
    if (thrown instanceof RaftgenError && thrown.code === 'STORAGE_DAMAGED') return { value: undefined, refusal: thrown }
    throw thrown
  }
}

const codeOf = (thrown: unknown): string | undefined =>
  thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined

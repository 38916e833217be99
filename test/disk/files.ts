// The kinds of files in a data directory: where they are, and where in them something may be damaged.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { journalPlaces } from './places/journal.ts'
import { levelLogPlaces } from './places/level-log.ts'
import type { Place } from './places/place.ts'
import { highWaterPlaces, witnessPlaces } from './places/slots.ts'
import { snapshotPlaces } from './places/snapshot.ts'
import { tablePlaces } from './places/table.ts'
import { currentPlaces, jsonPlaces, plainPlaces } from './places/text.ts'

export interface FileKind {
  /** As the table calls it. */
  readonly name: string
  /** Files of this kind in a data directory, the newest last; none where there are none. */
  find(dir: string): Promise<readonly string[]>
  /** In what such a file holds. */
  places(content: Buffer): readonly Place[]
}

export const log: FileKind = { name: 'db/*.log', find: inFolder('db', /^(\d+)\.log$/), places: levelLogPlaces }
export const table: FileKind = { name: 'db/*.ldb', find: inFolder('db', /^(\d+)\.ldb$/), places: tablePlaces }
export const manifest: FileKind = { name: 'db/MANIFEST', find: inFolder('db', /^MANIFEST-(\d+)$/), places: levelLogPlaces }
export const current: FileKind = { name: 'db/CURRENT', find: one('db/CURRENT'), places: currentPlaces }
export const info: FileKind = { name: 'db/LOG', find: one('db/LOG'), places: plainPlaces }
export const lock: FileKind = { name: 'db/LOCK', find: one('db/LOCK'), places: () => [] }
export const highWater: FileKind = { name: 'high-water', find: one('high-water'), places: highWaterPlaces }
export const journal: FileKind = { name: 'journal', find: one('journal'), places: journalPlaces }
export const witness: FileKind = { name: 'witness', find: one('witness'), places: witnessPlaces }
export const identity: FileKind = { name: 'identity.json', find: one('identity.json'), places: jsonPlaces }
export const machine: FileKind = { name: 'machine.json', find: one('machine.json'), places: jsonPlaces }
export const peers: FileKind = { name: 'peers.json', find: one('peers.json'), places: jsonPlaces }
export const snapshot: FileKind = { name: 'snapshots/*', find: inFolder('snapshots', /^snapshot-(\d+)-\d+$/), places: snapshotPlaces }

export const fileKinds: readonly FileKind[] = [
  log,
  table,
  manifest,
  current,
  info,
  lock,
  highWater,
  journal,
  witness,
  identity,
  machine,
  peers,
  snapshot,
]

/** The newest of a kind. */
export async function newest(kind: FileKind, dir: string): Promise<string> {
  const path = (await kind.find(dir)).at(-1)
  if (path === undefined) throw new Error(`there is no ${kind.name} in ${dir}`)
  return path
}

function one(name: string): FileKind['find'] {
  return async (dir) => [join(dir, name)]
}

/** By their number, which `pattern` finds. */
function inFolder(folder: string, pattern: RegExp): FileKind['find'] {
  return async (dir) => {
    const names = (await readdir(join(dir, folder))).filter((name) => pattern.test(name))
    const numberOf = (name: string): number => Number(pattern.exec(name)?.[1])
    return names.sort((a, b) => numberOf(a) - numberOf(b)).map((name) => join(dir, folder, name))
  }
}

// A second copy of a database, made of its files while nobody has it open. What LevelDB may change is copied, the rest is linked to: opening a
// database changes it (its log is replayed, a new manifest is written), so whoever only wants to look opens a copy.
import { constants, copyFile, link, readdir, readFile, stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { nextFileNumber } from './level-manifest.ts'
import type { Finding } from './recovery.ts'

const tablePattern = /^(\d+)\.(?:ldb|sst)$/
/** LevelDB's lock and its own reports belong to no copy. */
const copiedPattern = /^(?:CURRENT|MANIFEST-\d+|\d+\.log)$/

export interface DatabaseCopy {
  /** Directories, both there. `source` is absolute. */
  readonly source: string
  readonly target: string
  /**
   * How to take over a table: a symbolic link works across file systems, and shows what becomes of the table; a second name keeps it, whatever
   * becomes of the first. Where neither can be made it is copied.
   */
  readonly tables: 'symlink' | 'link'
}

/** Returns what cannot be read of it. */
export async function copyDatabase({ source, target, tables }: DatabaseCopy): Promise<readonly Finding[]> {
  const names = (await readdir(source)).sort()
  const changedFrom = await firstChanged(source)
  const findings: Finding[] = []
  for (const name of names) {
    const number = tablePattern.exec(name)?.[1]
    if (number === undefined && !copiedPattern.test(name)) continue
    const paths = { source: join(source, name), target: join(target, name) }
    const isLinked = number !== undefined && Number(number) < changedFrom && (await linked(paths, tables))
    if (!isLinked && !(await copied(paths)))
      findings.push({ place: paths.source, range: undefined, what: `${paths.source} cannot be read` })
  }
  return findings
}

/** Name, size and time of each file of `dir`: when they are the same later, nobody has written to it meanwhile. */
export async function fileStamps(dir: string): Promise<string> {
  const stamps: string[] = []
  for (const name of (await readdir(dir)).sort()) {
    const { size, mtimeMs } = await stat(join(dir, name))
    stamps.push(`${name} ${size} ${mtimeMs}`)
  }
  return stamps.join('\n')
}

/** Tables of this number and later ones may be written over. */
async function firstChanged(source: string): Promise<number> {
  const current = await readFile(join(source, 'CURRENT'), 'utf8').catch(() => '')
  if (!/^MANIFEST-\d+\n$/.test(current)) return 0
  const manifest = await readFile(join(source, current.trimEnd())).catch(() => undefined)
  return (manifest && nextFileNumber(manifest)) ?? 0
}

interface Paths {
  readonly source: string
  readonly target: string
}

async function linked({ source, target }: Paths, kind: DatabaseCopy['tables']): Promise<boolean> {
  try {
    await (kind === 'symlink' ? symlink(source, target) : link(source, target))
    return true
  } catch {
    return false
  }
}

/** False when the disk cannot read it. */
async function copied({ source, target }: Paths): Promise<boolean> {
  try {
    await copyFile(source, target, constants.COPYFILE_FICLONE)
    return true
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EIO') return false
    throw thrown
  }
}

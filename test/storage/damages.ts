// What may happen to a data directory, and what it looks like: for tests of those who look at one.
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { ownerOf } from '../../src/storage/high-water.ts'
import { scanJournal } from '../../src/storage/journal-record.ts'
import { blockKey } from '../../src/storage/records.ts'

/** Path to mode, size, time and content of everything below `dir`. */
export function tree(dir: string): ReadonlyMap<string, string> {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true })
  const paths = entries.map((entry) => join(entry.parentPath, entry.name)).sort()
  return new Map(
    [dir, ...paths].map((path) => {
      const { mode, size, mtimeMs, nlink } = statSync(path)
      const isFile = statSync(path).isFile()
      const content = isFile ? createHash('sha256').update(readFileSync(path)).digest('hex') : ''
      return [path, `${mode.toString(8)} ${isFile ? `${size} ${nlink} ` : ''}${mtimeMs} ${content}`]
    }),
  )
}

export async function change(path: string, changed: (content: Buffer) => void): Promise<void> {
  const content = await readFile(path)
  changed(content)
  await writeFile(path, content)
}

export const flip = (path: string, at: number): Promise<void> =>
  change(path, (content) => {
    content[at] = (content[at] ?? 0) ^ 1
  })

/** The newest file in the database whose name fits. */
export async function databaseFile(dir: string, pattern: RegExp): Promise<string> {
  const names = await readdir(join(dir, 'db'))
  const name = names
    .filter((one) => pattern.test(one))
    .sort()
    .at(-1)
  if (name === undefined) throw new Error(`no ${pattern} in ${dir}/db`)
  return join(dir, 'db', name)
}

/** Of its journal nothing is left but the last record: what a database has lost cannot be given back, and that it has is known. */
export async function loseRecords(dir: string): Promise<void> {
  const { clusterId, nodeId, incarnation } = JSON.parse(readFileSync(join(dir, 'identity.json'), 'utf8'))
  await change(join(dir, 'journal'), (content) => {
    const last = scanJournal(content, ownerOf({ clusterId, nodeId, incarnation })).records.at(-1)
    if (last === undefined) throw new Error(`there is no record in ${dir}/journal`)
    content.fill(0, 0, last.at)
    content.fill(0, last.at + last.bytes.length)
  })
}

type Database = Level<Uint8Array, Uint8Array>

async function inDatabase(dir: string, work: (db: Database) => Promise<void>): Promise<void> {
  const db: Database = new Level(join(dir, 'db'), { keyEncoding: 'view', valueEncoding: 'view' })
  await db.open({ createIfMissing: false })
  await work(db)
  await db.close()
}

/** As if LevelDB had lost these blocks without a word. */
export const loseBlocks = (dir: string, ...blocks: readonly number[]): Promise<void> =>
  inDatabase(dir, async (db) => {
    for (const block of blocks) await db.del(blockKey(block), { sync: true })
  })

/** As if the disk had changed one bit of it, at the byte `at`. */
export const flipInBlock = (dir: string, block: number, at: number): Promise<void> =>
  inDatabase(dir, async (db) => {
    const value = Buffer.from((await db.get(blockKey(block))) ?? [])
    value[at] = (value[at] ?? 0) ^ 1
    await db.put(blockKey(block), value, { sync: true })
  })

/** What is lost by these is in the journal. */
export const givenBack: readonly string[] = [
  'nothing',
  'the log file of the database has a flipped bit',
  'the log file of the database is cut',
  'the end of the log file of the database is zeroed',
  'a slot of the high water has a flipped bit',
]

/** Every class of damage to a file of a directory that holds a database with a log file and a table. */
export const damages: Readonly<Record<string, (dir: string) => Promise<void>>> = {
  nothing: () => Promise.resolve(),
  'the log file of the database has a flipped bit': async (dir) => {
    const path = await databaseFile(dir, /\.log$/)
    await flip(path, statSync(path).size >> 1)
  },
  'the log file of the database is cut': async (dir) => {
    const path = await databaseFile(dir, /\.log$/)
    await truncate(path, statSync(path).size >> 1)
  },
  'the end of the log file of the database is zeroed': async (dir) =>
    await change(await databaseFile(dir, /\.log$/), (content) => void content.fill(0, content.length - 200)),
  'the log file of the database is cut, and the journal is zeroed': async (dir) => {
    const path = await databaseFile(dir, /\.log$/)
    await truncate(path, statSync(path).size >> 1)
    await change(join(dir, 'journal'), (content) => void content.fill(0))
  },
  'the log file of the database is gone': async (dir) => await rm(await databaseFile(dir, /\.log$/)),
  'a table has a flipped bit': async (dir) => await flip(await databaseFile(dir, /\.ldb$/), 100),
  'a table is gone': async (dir) => await rm(await databaseFile(dir, /\.ldb$/)),
  'a table is empty': async (dir) => await truncate(await databaseFile(dir, /\.ldb$/), 0),
  'the manifest has a flipped bit': async (dir) => await flip(await databaseFile(dir, /^MANIFEST/), 20),
  'the manifest is gone': async (dir) => await rm(await databaseFile(dir, /^MANIFEST/)),
  'CURRENT is empty': async (dir) => await truncate(join(dir, 'db/CURRENT'), 0),
  'CURRENT is gone': async (dir) => await rm(join(dir, 'db/CURRENT')),
  'the database is gone': async (dir) => await rm(join(dir, 'db'), { recursive: true }),
  'a block is gone': async (dir) => await loseBlocks(dir, 11),
  'a block has a flipped bit': async (dir) => await flipInBlock(dir, 11, 40),
  'the header of a block has a flipped bit': async (dir) => await flipInBlock(dir, 11, 9),
  'a slot of the high water has a flipped bit': async (dir) => await flip(join(dir, 'high-water'), 20),
  'the high water is zeroed': async (dir) => await change(join(dir, 'high-water'), (content) => void content.fill(0)),
  'the high water is gone': async (dir) => await rm(join(dir, 'high-water')),
  'the identity has a flipped bit': async (dir) => await flip(join(dir, 'identity.json'), 40),
  'machine.json is cut': async (dir) => await truncate(join(dir, 'machine.json'), 10),
  'peers.json is not JSON': async (dir) => await writeFile(join(dir, 'peers.json'), '{"format":1,'),
  'a snapshot has a flipped bit': async (dir) => {
    const [name = ''] = await readdir(join(dir, 'snapshots'))
    await flip(join(dir, 'snapshots', name), 70_000)
  },
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { describe, expect, onTestFinished, test } from 'vitest'
import { copyDatabase } from '../../src/storage/database-copy.ts'
import { checkNotHeld } from '../../src/storage/holder.ts'
import { LevelLog } from '../../src/storage/level-log.ts'
import { liveTables, nextFileNumber } from '../../src/storage/level-manifest.ts'
import { databaseFile, tree } from './damages.ts'
import { bootstrapped, close, messageOf, temporaryDir } from './support.ts'

type Database = Level<Uint8Array, Uint8Array>
const open = async (path: string, options: object): Promise<Database> => {
  const db: Database = new Level(path, { keyEncoding: 'view', valueEncoding: 'view' })
  await db.open(options)
  return db
}

/** Writes tables, and tables made of tables. */
async function fill(path: string): Promise<void> {
  const db = await open(path, { createIfMissing: true, writeBufferSize: 64 * 1_024 })
  for (let i = 0; i < 400; i++) await db.put(Buffer.from(`${i % 50}`), Buffer.alloc(4_000, i))
  await db.close()
}
async function database(): Promise<string> {
  const path = join(await temporaryDir(), 'db')
  await fill(path)
  return path
}
const numbersOf = async (path: string): Promise<readonly number[]> =>
  (await readdir(path)).flatMap((name) => (name.endsWith('.ldb') ? [Number.parseInt(name, 10)] : [])).sort((a, b) => a - b)
const manifestOf = async (path: string): Promise<Buffer> => await readFile(await databaseFile(join(path, '..'), /^MANIFEST/))

describe('the first number that LevelDB may give out', () => {
  test('is above those of all tables in use, and is where the next file goes', async () => {
    const path = await database()
    const manifest = await manifestOf(path)
    const next = nextFileNumber(manifest) ?? 0
    const live = [...liveTables(manifest).keys()]
    expect(live.length).toBeGreaterThan(1)
    expect(Math.max(...live)).toBeLessThan(next)
    const before = await readdir(path)
    const db = await open(path, {})
    await db.close()
    const added = (await readdir(path)).filter((name) => !before.includes(name))
    const made = added.flatMap((name) => /\d+/.exec(name) ?? []).map(Number)
    expect(made.length).toBeGreaterThan(0)
    expect(Math.min(...made)).toBeGreaterThanOrEqual(next)
  })

  test('is not known where a manifest is damaged', async () => {
    const manifest = await manifestOf(await database())
    expect(nextFileNumber(manifest)).toBeGreaterThan(1)
    for (const at of [0, 4, 6, 7, 20]) {
      const changed = Buffer.from(manifest)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(nextFileNumber(changed), `byte ${at}`).toBeUndefined()
    }
    expect(nextFileNumber(Buffer.alloc(0))).toBeUndefined()
  })

  test('is that of the last whole record where the end of a manifest is cut off', async () => {
    const manifest = await manifestOf(await database())
    const numbers = Array.from({ length: manifest.length + 1 }, (_, bytes) => nextFileNumber(manifest.subarray(0, bytes)) ?? 0)
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
    expect(numbers.at(-1)).toBeGreaterThan(numbers[60] ?? 0)
  })
})

describe('a copy of a database', () => {
  test('holds the same, and opening it changes nothing of the original', async () => {
    const source = await database()
    const target = await temporaryDir()
    const before = tree(source)
    expect(await copyDatabase({ source, target, tables: 'symlink' })).toEqual([])
    const db = await open(target, {})
    const values = await db.values().all()
    await db.close()
    await fill(target)
    expect(values.map((value) => value.length)).toEqual(Array.from({ length: 50 }, () => 4_000))
    expect(tree(source)).toEqual(before)
  })

  test('links to no table that LevelDB may write over: one of a crash, which is in no manifest', async () => {
    const source = await database()
    const next = nextFileNumber(await manifestOf(source)) ?? 0
    const orphans = Array.from({ length: 20 }, (_, i) => join(source, `${String(next + i).padStart(6, '0')}.ldb`))
    for (const orphan of orphans) await writeFile(orphan, 'what a crash has left')
    const before = tree(source)
    for (const tables of ['symlink', 'link'] as const) {
      const target = await temporaryDir()
      await copyDatabase({ source, target, tables })
      await fill(target)
      await rm(target, { recursive: true })
      expect(tree(source)).toEqual(before)
    }
    // What would happen to them otherwise.
    const target = await temporaryDir()
    for (const name of await readdir(source)) await (name.endsWith('.ldb') ? symlink : copyFile)(join(source, name), join(target, name))
    await fill(target)
    expect(tree(source)).not.toEqual(before)
  })

  test('copies all tables where the manifest does not tell', async () => {
    const source = await database()
    await rm(join(source, 'CURRENT'))
    const target = await temporaryDir()
    await copyDatabase({ source, target, tables: 'link' })
    for (const number of await numbersOf(target)) {
      expect((await stat(join(target, `${String(number).padStart(6, '0')}.ldb`))).nlink).toBe(1)
    }
  })

  test('takes nothing of the lock, or of what LevelDB reports', async () => {
    const source = await database()
    const target = await temporaryDir()
    await copyDatabase({ source, target, tables: 'symlink' })
    expect((await readdir(target)).filter((name) => name.startsWith('LO'))).toEqual([])
  })
})

describe('whether a process holds a directory', () => {
  const held = async (dir: string): Promise<string> => {
    const scratch = join(await temporaryDir(), 'scratch')
    await mkdir(scratch)
    const message = await messageOf(checkNotHeld(dir, scratch))
    expect(await readdir(scratch)).toEqual([])
    return message
  }

  test('is asked without touching it', async () => {
    const dir = await bootstrapped()
    const before = tree(dir)
    expect(await held(dir)).toBe('no error')
    expect(tree(dir)).toEqual(before)
  })

  test('shows by the lock, whatever the pid file says', async () => {
    const dir = await bootstrapped()
    const holder = spawn(process.execPath, ['node_modules/.bin/jiti', 'test/storage/fixtures/append-forever.ts', dir])
    const ended = once(holder, 'exit')
    onTestFinished(() => void holder.kill('SIGKILL'))
    await once(holder.stdout, 'data')
    expect(await held(dir)).toBe(`STORAGE_LOCKED another process holds ${dir} (pid ${holder.pid})`)
    await rm(join(dir, 'pid'))
    expect(await held(dir)).toBe(`STORAGE_LOCKED another process holds ${dir}`)
    await writeFile(join(dir, 'pid'), `${process.ppid}\n`)
    expect(await held(dir)).toBe(`STORAGE_LOCKED another process holds ${dir} (pid ${process.ppid})`)
    holder.kill('SIGKILL')
    await ended
    expect(await held(dir)).toBe('no error')
  })

  test('is known of this process by its pid, so that it does not lose its own lock', async () => {
    const dir = await bootstrapped()
    const log = await LevelLog.open(dir)
    expect(await held(dir)).toBe(`STORAGE_LOCKED another process holds ${dir} (pid ${process.pid})`)
    await close(log)
  })

  test('shows while its database is being moved aside', async () => {
    const dir = await bootstrapped()
    await writeFile(join(dir, 'db.moving'), `${process.ppid}\n`)
    expect(await held(dir)).toBe(`STORAGE_LOCKED another process holds ${dir} (pid ${process.ppid})`)
  })
})

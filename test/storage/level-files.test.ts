// LevelDB does not live through every damage of a table: what it cannot read in safety is found before it opens it.
import { appendFile, copyFile, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Level } from 'level'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Chance } from '../../src/sim/chance.ts'
import { findDamage } from '../../src/storage/level-files.ts'
import { LevelKeyValue } from '../../src/storage/level-kv.ts'
import { tablePlaces } from '../disk/places/table.ts'
import { called, messageOf, name, temporaryDir } from './support.ts'

const keys = 40
const textOf = (round: number, key: number): string => `value ${round} ${key} `.repeat(40)

/** Each open makes one table of what was written before it; the fourth makes one of all. */
async function makeDatabase(location: string, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const db = new Level<string, string>(location)
    await db.open({ compression: false })
    for (let key = 0; key < keys; key++) await db.put(`key ${key}`, textOf(round, key))
    for (let key = 0; key < keys; key += 5) await db.del(`key ${key}`)
    await db.close()
  }
}

let folder: string
let made: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'raftgen-level-files-'))
  made = join(folder, 'db')
  await makeDatabase(made, 4)
})
afterAll(async () => await rm(folder, { recursive: true }))

const copied = async (): Promise<string> => {
  const db = join(await temporaryDir(), 'db')
  await cp(made, db, { recursive: true })
  return db
}
/** The newest. */
const tableOf = async (db: string): Promise<string> => {
  const names = (await readdir(db)).filter((file) => file.endsWith('.ldb')).sort()
  return join(db, names.at(-1) ?? '')
}
const change = async (path: string, changed: (content: Buffer) => Buffer): Promise<void> =>
  await writeFile(path, changed(await readFile(path)))
const number = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

test('a database that is whole has nothing to be found', async () => {
  const db = await copied()
  expect((await readdir(db)).filter((file) => file.endsWith('.ldb')).length).toBeGreaterThan(1)
  expect(await findDamage(db)).toBeUndefined()
})

describe('found is', () => {
  test.each([
    [
      'a record without its lengths',
      'first data block: content',
      '(a record at byte 31 of a block ends outside of it|a key has 0 bytes, fewer than 8)',
    ],
    ['a bit that flipped in the index', 'index block: content', 'damaged'],
    ['a bit that flipped in the metaindex', 'metaindex block: content', 'damaged'],
    ['a bit that flipped in the filter, which would hide records', 'filter block: content', 'damaged'],
    ['the end of the file', 'footer: magic', 'it does not end as a table does'],
  ])('%s', async (_, place, what) => {
    const db = await copied()
    const path = await tableOf(db)
    await change(path, (content) => {
      const [range] = tablePlaces(content).find((one) => one.name === place)?.ranges ?? []
      if (range === undefined) throw new Error(`there is no ${place}`)
      const bytes = Buffer.from(content)
      if (place.startsWith('first data')) bytes.fill(0, range.start, range.start + 16)
      else bytes[range.start] = (bytes[range.start] ?? 0) ^ 0x40
      return bytes
    })
    expect(await findDamage(db)).toMatch(new RegExp(`^the database cannot be opened: db/${number(path)} cannot be read: .*${what}`))
  })

  test('a table that was cut off', async () => {
    const db = await copied()
    const path = await tableOf(db)
    await change(path, (content) => content.subarray(0, content.length - 1))
    expect(await findDamage(db)).toBe(`the database cannot be opened: db/${number(path)} cannot be read: it does not end as a table does`)
  })
})

describe('left alone is', () => {
  test('damage within a value: that is for the checksums of its owner, and all else is of use', async () => {
    const db = await copied()
    await change(await tableOf(db), (content) => {
      const bytes = Buffer.from(content)
      bytes[bytes.indexOf('value') + 3] = 0x58
      return bytes
    })
    expect(await findDamage(db)).toBeUndefined()
  })

  test('a table that a killed process has left half made', async () => {
    const db = await copied()
    const half = join(db, '000999.ldb')
    await copyFile(await tableOf(db), half)
    await change(half, (content) => content.subarray(0, content.length >> 1))
    expect(await findDamage(db)).toBeUndefined()
  })

  test('what stands behind the end of a table', async () => {
    const db = await copied()
    await appendFile(await tableOf(db), 'noise')
    expect(await findDamage(db)).toBeUndefined()
  })

  test('what LevelDB finds by itself: a manifest that is damaged, a table that is missing', async () => {
    const db = await copied()
    const [manifest = ''] = (await readdir(db)).filter((file) => file.startsWith('MANIFEST'))
    await change(join(db, manifest), (content) => {
      const bytes = Buffer.from(content)
      bytes[20] = (bytes[20] ?? 0) ^ 1
      return bytes
    })
    expect(await findDamage(db)).toBeUndefined()
    const other = await copied()
    await rm(await tableOf(other))
    expect(await findDamage(other)).toBeUndefined()
  })
})

test('a database that is open is locked, whatever its files look like meanwhile', async () => {
  const db = join(await temporaryDir(), 'db')
  await makeDatabase(db, 2)
  const kv = await LevelKeyValue.open(db, { name, create: false })
  if (kv === 'locked') throw new Error('nobody has it open')
  await change(await tableOf(db), (content) => Buffer.concat([content.subarray(0, 10), Buffer.alloc(content.length - 10)]))
  expect(await LevelKeyValue.open(db, { name, create: false })).toBe('locked')
  await called((done) => kv.close(done))
  expect(await messageOf(LevelKeyValue.open(db, { name, create: false }))).toMatch(/^STORAGE_DAMAGED .*\.ldb cannot be read/)
})

/** It would end this process. */
test('no damage of a table ends the process: it is found, or LevelDB reads on', async () => {
  const chance = new Chance(1)
  const db = await copied()
  const path = await tableOf(db)
  const whole = await readFile(path)
  const outcomes = { found: 0, read: 0 }
  for (let trial = 0; trial < 150; trial++) {
    const bytes = Buffer.from(whole)
    const start = chance.happens(0.5) ? chance.whole(0, bytes.length - 1) : chance.whole(bytes.length - 600, bytes.length - 1)
    bytes.fill(chance.pick([0, 0, 0xff, chance.whole(1, 254)]), start, Math.min(bytes.length, start + chance.whole(1, 60)))
    await rm(db, { recursive: true })
    await cp(made, db, { recursive: true })
    await writeFile(path, bytes)
    if ((await findDamage(db)) !== undefined) outcomes.found++
    else {
      outcomes.read++
      const kv = await LevelKeyValue.open(db, { name, create: false })
      if (kv === 'locked') throw new Error('nobody has it open')
      const all = { firstKey: Buffer.alloc(0), lastKey: Buffer.from('z'), bytesMax: 1_000 }
      await called((done) => kv.range(all, () => true, done)).catch(() => undefined)
      await called((done) => kv.close(done))
    }
  }
  expect(outcomes.found).toBeGreaterThan(30)
  expect(outcomes.read).toBeGreaterThan(30)
}, 60_000)

// How much of what is free the database will take for a while by itself.
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { roomIn } from '../../src/storage/disk-space.ts'
import { writeBufferBytes } from '../../src/storage/level-kv.ts'
import { isOutOfSpace, SpaceGauge } from '../../src/storage/index.ts'

const mebibyte = 1_048_576
const free = vi.hoisted(() => ({ bytes: 0 }))
vi.mock('node:fs/promises', async (original) => ({
  ...(await original<typeof import('node:fs/promises')>()),
  statfs: async () => {
    if (Number.isNaN(free.bytes)) throw new Error('the system does not say')
    return { bavail: free.bytes / 4_096, bsize: 4_096 }
  },
}))

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'raftgen-space-'))
  await mkdir(join(dir, 'db'))
})
afterEach(async () => await rm(dir, { recursive: true }))
const file = async (name: string, mebibytes: number): Promise<void> => {
  await writeFile(join(dir, 'db', name), '')
  await truncate(join(dir, 'db', name), mebibytes * mebibyte)
}

test('its log, and the tables that it has not merged yet, are there twice while they are written anew', async () => {
  free.bytes = 500 * mebibyte
  const gauge = new SpaceGauge(dir)
  await file('000004.log', 10)
  await file('000003.ldb', 2)
  await file('000005.ldb', 60)
  await file('MANIFEST-000002', 9)
  expect(await gauge.measure()).toEqual({ freeBytes: 500 * mebibyte, heldBytes: 0, neededBytes: 70 * mebibyte })
  await file('000004.log', 20)
  await file('000007.ldb', 5)
  await file('000005.ldb', 64)
  expect((await gauge.measure()).neededBytes).toBe(89 * mebibyte)
  await rm(join(dir, 'db', '000005.ldb'))
  expect((await gauge.measure()).neededBytes).toBe(25 * mebibyte)
})

test('what they have been merged into so far is not needed once more', async () => {
  free.bytes = 500 * mebibyte
  const gauge = new SpaceGauge(dir)
  await file('000003.ldb', 2)
  await file('000005.ldb', 60)
  await file('000007.ldb', 50)
  const needed = async () => (await gauge.measure()).neededBytes / mebibyte
  expect(await needed()).toBe(110)
  for (const name of ['000008.ldb', '000009.ldb']) await file(name, 2)
  expect(await needed()).toBe(106)
  for (const name of ['000005.ldb', '000007.ldb']) await rm(join(dir, 'db', name))
  expect(await needed()).toBe(0)
})

test('the database is not looked into where far more is free', async () => {
  free.bytes = 2_000 * mebibyte
  await file('000004.log', 10)
  expect((await new SpaceGauge(dir).measure()).neededBytes).toBe(0)
})

test('want of space is known by what the system says, whoever wrapped it', () => {
  const level = new Error('Database failed to open', { cause: new Error('IO error: db/000005.ldb: No space left on device') })
  const system = Object.assign(new Error('write failed'), { code: 'ENOSPC' })
  const quota = new Error('EDQUOT: disk quota exceeded, write')
  expect([level, system, quota, new Error('x', { cause: system })].map(isOutOfSpace)).toEqual([true, true, true, true])
  expect([new Error('IO error: Input/output error'), undefined, 'ENOSPC'].map(isOutOfSpace)).toEqual([false, false, false])
})

test('the database is given what leaves room for its write buffer, and whatever comes where nobody knows', async () => {
  const hasRoom = (bytes: number): Promise<boolean> => new Promise((resolve) => roomIn(dir)(bytes, resolve))
  free.bytes = writeBufferBytes + 2 * mebibyte
  expect([await hasRoom(2 * mebibyte), await hasRoom(2 * mebibyte + 1)]).toEqual([true, false])
  free.bytes = Number.NaN
  expect(await hasRoom(40 * mebibyte)).toBe(true)
})

import { join } from 'node:path'
import { Level } from 'level'
import { describe, expect, test, vi } from 'vitest'
import { LevelKeyValue } from '../../src/storage/level-kv.ts'
import { called, messageOf, name, temporaryDir, wayOut } from './support.ts'

const key = Buffer.from('key')
const value = Buffer.from('value')

async function database(): Promise<{ db: Level<Uint8Array, Uint8Array>; kv: LevelKeyValue }> {
  const db = new Level<Uint8Array, Uint8Array>(join(await temporaryDir(), 'db'), { keyEncoding: 'view', valueEncoding: 'view' })
  await db.open()
  return { db, kv: new LevelKeyValue(db, { name, create: true }) }
}
const get = (kv: LevelKeyValue): Promise<Uint8Array | undefined> =>
  new Promise((resolve, reject) => kv.get(key, (error, found) => (error === undefined ? resolve(found) : reject(error))))

describe('LevelDB', () => {
  test('is asked to sync every batch', async () => {
    const { db, kv } = await database()
    const batch = db.batch()
    const write = vi.spyOn(batch, 'write')
    vi.spyOn(db, 'batch').mockReturnValueOnce(batch)
    await called((done) => kv.batch([{ kind: 'put', key, value }], done))
    expect(write.mock.calls).toEqual([[{ sync: true }]])
    expect(await get(kv)).toEqual(value)
    await called((done) => kv.close(done))
  })

  test('that finds corruption reports damage; any other error is passed on', async () => {
    const { db, kv } = await database()
    const corruption = Object.assign(new Error('Corruption: block checksum mismatch'), { code: 'LEVEL_CORRUPTION' })
    vi.spyOn(db, 'get').mockRejectedValueOnce(corruption).mockRejectedValueOnce(new Error('IO error'))
    expect(await messageOf(get(kv))).toBe(`STORAGE_DAMAGED ${name}: LevelDB reports Corruption: block checksum mismatch. ${wayOut}`)
    expect(await messageOf(get(kv))).toBe('Error: IO error')
    await called((done) => kv.close(done))
  })

  test('that is closed refuses batches, reads and ranges by their callbacks', async () => {
    const { kv } = await database()
    await called((done) => kv.close(done))
    const range = { firstKey: key, lastKey: key, bytesMax: 1 }
    expect(await messageOf(called((done) => kv.batch([{ kind: 'delete', key }], done)))).toContain('LEVEL_DATABASE_NOT_OPEN')
    expect(await messageOf(called((done) => kv.range(range, () => true, done)))).toContain('LEVEL_DATABASE_NOT_OPEN')
    expect(await messageOf(get(kv))).toContain('LEVEL_DATABASE_NOT_OPEN')
  })
})

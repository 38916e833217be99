// A node whose log lost what it had acknowledged comes back by itself, and elects nobody meanwhile who lacks it too.
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { loseRecords } from '../storage/damages.ts'
import { bytes, eventually, Servers, string } from './servers.ts'

let servers: Servers
afterEach(async () => await servers.dispose())

const newest = async (db: string, pattern: RegExp): Promise<string> => {
  const names = (await readdir(db)).filter((name) => pattern.test(name)).sort()
  return join(db, names.at(-1) ?? '')
}
const changed = async (path: string, change: (content: Buffer) => void): Promise<void> => {
  const content = await readFile(path)
  change(content)
  await writeFile(path, content)
}

const damages: Readonly<Record<string, (db: string) => Promise<void>>> = {
  'the second half of its write-ahead log is cut off': async (db) => {
    const path = await newest(db, /\.log$/)
    await truncate(path, (await readFile(path)).length >> 1)
  },
  'a bit flips in the middle of its write-ahead log': async (db) =>
    await changed(await newest(db, /\.log$/), (content) => {
      content[content.length >> 1] = (content[content.length >> 1] ?? 0) ^ 1
    }),
  'the end of its write-ahead log is zeroed': async (db) =>
    await changed(await newest(db, /\.log$/), (content) => void content.fill(0, content.length - 200)),
  'its write-ahead log is gone': async (db) => await rm(await newest(db, /\.log$/)),
  'the list of its files is gone': async (db) => await rm(await newest(db, /^MANIFEST/)),
}

test.each(Object.entries(damages))(
  'when %s, and of its journal nothing but the last record is left',
  async (_, damage) => {
    servers = await Servers.start(3)
    const client = await servers.connect()
    await client.propose(bytes('first'))
    await servers.stop(2)
    for (let i = 1; i <= 100; i++) await client.propose(bytes(String(i)))
    await servers.stop(3)
    await servers.stop(1)
    await damage(join(servers.dir(3), 'db'))
    await loseRecords(servers.dir(3))

    // 2 has missed what 3 has lost: together they are a majority, and must not go on.
    const two = await servers.run(2)
    const three = await servers.run(3)
    expect(servers.warnings.some((warning) => warning.startsWith('node 3 has lost what its log held after entry'))).toBe(true)
    const { fence, lastIndex } = three.status()
    expect(fence?.floor?.index).toBeGreaterThan(lastIndex)
    const asked = performance.now()
    await eventually('a few elections that might have been', () => (performance.now() - asked > 2_500 ? true : undefined))
    expect([two.status().role === 'leader', three.status().role === 'leader', two.status().leader]).toEqual([false, false, undefined])

    await servers.run(1)
    await client.propose(bytes('last'))
    const { reply } = await client.query(bytes(''))
    expect(string(reply).split(',')).toEqual(['first', ...Array.from({ length: 100 }, (_, i) => String(i + 1)), 'last'])

    // It has all of it again, and is needed.
    const { commitIndex } = two.status()
    await eventually('node 3 to be whole', () => (three.status().lastApplied >= commitIndex ? true : undefined))
    await servers.stop(1)
    await client.propose(bytes('after'))
  },
  30_000,
)

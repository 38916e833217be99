import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, readdir, readFile, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { LevelLog } from '../../src/storage/level-log.ts'
import { appliedKey, baseKey, blockKey, hardStateKey, identityKey } from '../../src/storage/records.ts'
import type { ConfState } from '../../src/core/types.ts'
import {
  aloneWayOut,
  append,
  bootstrapped,
  close,
  commands,
  conf,
  confOfThree,
  identity,
  messageOf,
  openLevel,
  read,
  temporaryDir,
  wayOut,
} from './support.ts'

/** A directory with 30 entries in three blocks. */
async function stored(): Promise<string> {
  const dir = await bootstrapped()
  const log = await LevelLog.open(dir)
  for (const first of [1, 11, 21]) await append(log, { entries: commands(1, first, 10) })
  await close(log)
  return dir
}
const complaint = (dir: string): Promise<string> => messageOf(openLevel(dir))
const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8)

async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  await writeFile(path, bytes)
}

/** Name of the file in the database that ends with `end`. */
async function databaseFile(dir: string, end: string): Promise<string> {
  const name = (await readdir(join(dir, 'db'))).sort().findLast((name) => name.endsWith(end) || name.startsWith(end))
  return join(dir, 'db', name ?? 'none')
}

describe('bootstrap', () => {
  test('makes a directory that only its owner can look into', async () => {
    const dir = await bootstrapped()
    expect(await modeOf(dir)).toBe('700')
    expect(await modeOf(join(dir, 'db'))).toBe('700')
    expect(await modeOf(join(dir, 'identity.json'))).toBe('600')
    await openLevel(dir)
    expect(await modeOf(join(dir, 'pid'))).toBe('600')
    expect(await modeOf(join(dir, 'journal'))).toBe('600')
    expect((await readdir(dir)).sort()).toEqual(['db', 'high-water', 'identity.json', 'journal', 'pid', 'snapshots', 'witness'])
  })

  test('takes an empty directory that is there', async () => {
    const dir = await temporaryDir()
    await LevelLog.bootstrap({ dir, identity, conf })
    const log = await openLevel(dir)
    expect(log.identity).toEqual({ ...identity, diskId: expect.stringMatching(/^[0-9a-f]{32}$/) })
    expect(log.summary.base).toEqual({ id: { term: 0, index: 0 }, conf })
  })

  test('refuses a directory that holds anything', async () => {
    const dir = await bootstrapped()
    const way = 'Choose another directory, or run the node that is there'
    expect(await messageOf(LevelLog.bootstrap({ dir, identity, conf }))).toBe(
      `DATA_DIR_EXISTS cannot bootstrap in ${dir}: it already holds db. ${way}`,
    )
    const file = join(dir, 'identity.json')
    expect(await messageOf(LevelLog.bootstrap({ dir: file, identity, conf }))).toBe(
      `DATA_DIR_EXISTS ${file} is not a directory. Correct the path`,
    )
  })

  test.each([
    [{ ...identity, nodeId: 0 }, 'the node id is 0; it must be a whole number from 1 to 281474976710655'],
    [{ ...identity, incarnation: 1.5 }, 'the incarnation is 1.5; it must be a whole number from 1 to 281474976710655'],
    [{ ...identity, clusterId: '' }, 'the cluster id has 0 bytes; it must have 1 to 256'],
  ])('refuses an identity that is none: %j', async (wrong, message) => {
    const dir = join(await temporaryDir(), 'data')
    expect(await messageOf(LevelLog.bootstrap({ dir, identity: wrong, conf }))).toBe(`BAD_OPTIONS ${message}`)
    await expect(stat(dir)).rejects.toThrow('ENOENT')
  })
})

describe('an open', () => {
  const way =
    'If the cluster is new, bootstrap every node once. If this node is new in a running cluster, or has lost its disk, start it with `join`. ' +
    'Never restore an old copy, never bootstrap a member again'

  test('of nothing is refused, and makes nothing', async () => {
    const dir = await temporaryDir()
    const absent = join(dir, 'data')
    expect(await complaint(absent)).toBe(`DATA_DIR_EMPTY ${absent} holds no node. ${way}`)
    expect(await complaint(dir)).toBe(`DATA_DIR_EMPTY ${dir} holds no node. ${way}`)
    expect(await readdir(dir)).toEqual([])
  })

  test('of a bootstrap that did not end is refused', async () => {
    const dir = await bootstrapped()
    await rename(join(dir, 'identity.json'), join(dir, 'identity.json.new'))
    const what = 'holds a bootstrap that did not end; nothing was ever promised from it. Remove it'
    expect(await complaint(dir)).toBe(`DATA_DIR_EMPTY ${dir} ${what}. ${way}`)
  })

  test('of something else is refused', async () => {
    const dir = await temporaryDir()
    await writeFile(join(dir, 'notes.txt'), 'mine')
    const what = 'is not a data directory of raftgen: it holds notes.txt and no identity.json'
    expect(await complaint(dir)).toBe(`DATA_DIR_FOREIGN ${dir} ${what}. Correct the path`)
    const file = join(dir, 'notes.txt')
    expect(await complaint(file)).toBe(`DATA_DIR_FOREIGN ${file} is not a directory. Correct the path`)
  })

  test('of the directory of another node or cluster is refused', async () => {
    const dir = await bootstrapped()
    const open = (expect: Parameters<typeof openLevel>[1]): Promise<string> => messageOf(openLevel(dir, expect))
    const found = `DATA_DIR_FOREIGN ${dir} belongs to node 1 (incarnation 1) of cluster alpha, not to`
    const todo = 'Correct dir, or the id and clusterId that were asked for'
    expect(await open({ expect: { nodeId: 2 } })).toBe(`${found} node 2 (incarnation 1) of cluster alpha. ${todo}`)
    expect(await open({ expect: { clusterId: 'beta' } })).toBe(`${found} node 1 (incarnation 1) of cluster beta. ${todo}`)
    expect((await openLevel(dir, { expect: identity })).identity).toMatchObject(identity)
  })

  test('of a directory mixed from two nodes is refused', async () => {
    const dir = await bootstrapped()
    const other = join(await temporaryDir(), 'other')
    await LevelLog.bootstrap({ dir: other, identity: { ...identity, nodeId: 2 }, conf })
    await cp(join(other, 'identity.json'), join(dir, 'identity.json'))
    const what =
      'is mixed from two nodes: its identity.json is of node 2 (incarnation 1) of cluster alpha, its database of node 1 (incarnation 1) of cluster alpha'
    const todo =
      'Put back the one that belongs here; if it is lost, move the directory away and start the node on an empty one with `join`, under the same id.'
    expect(await complaint(dir)).toBe(`DATA_DIR_FOREIGN ${dir} ${what}. ${todo}`)
    expect(await complaint(dir), 'it is not locked by the first attempt').toContain('DATA_DIR_FOREIGN')
  })

  test('of a newer format is refused', async () => {
    const dir = await bootstrapped()
    await writeFile(join(dir, 'identity.json'), '{"format":6,"who":"knows"}')
    const what = 'has format 6, this version reads up to 5. Run the version of raftgen that wrote it, or a later one'
    expect(await complaint(dir)).toBe(`DATA_DIR_FOREIGN ${dir} ${what}`)
  })

  test.each([
    ['not JSON', '{"format":1,', 'it is not JSON'],
    ['not an identity', '{"format":1,"clusterId":"alpha"}', 'it does not hold an identity'],
    ['empty', 'null', 'it does not hold an identity'],
    [
      'another than was written',
      '{"format":1,"clusterId":"alpha","nodeId":2,"incarnation":1,"checksum":"00000000"}',
      'it does not match its checksum',
    ],
    ['without a disk', '{"format":2,"clusterId":"alpha","nodeId":1,"incarnation":1,"checksum":"00000000"}', 'it does not hold an identity'],
    [
      'on another disk than was written',
      `{"format":2,"clusterId":"alpha","nodeId":1,"incarnation":1,"diskId":"${'ab'.repeat(16)}","checksum":"00000000"}`,
      'it does not match its checksum',
    ],
  ])('with an identity that is %s is refused', async (_, text, message) => {
    const dir = await bootstrapped()
    await writeFile(join(dir, 'identity.json'), text)
    expect(await complaint(dir)).toBe(`STORAGE_DAMAGED ${join(dir, 'identity.json')}: ${message}. ${wayOut}`)
  })

  test('of a directory from before disks had ids gives it one, for good', async () => {
    const dir = await bootstrapped()
    const path = join(dir, 'identity.json')
    const first = await openLevel(dir)
    const drawn = first.identity.diskId
    await close(first)
    await writeFile(path, '{"format":1,"clusterId":"alpha","nodeId":1,"incarnation":1,"checksum":"0c56ad8f"}')
    const second = await openLevel(dir)
    expect(second.identity).toEqual({ ...identity, diskId: expect.stringMatching(/^[0-9a-f]{32}$/) })
    expect(second.identity.diskId).not.toBe(drawn)
    await close(second)
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ format: 5, diskId: second.identity.diskId })
    expect(await modeOf(path)).toBe('600')
    expect((await openLevel(dir)).identity).toEqual(second.identity)
  })

  test('finds another disk where the same node was bootstrapped again', async () => {
    const [one, other] = [await openLevel(await bootstrapped()), await openLevel(await bootstrapped())]
    expect(one.identity.diskId).not.toBe(other.identity.diskId)
  })

  test('while this process holds the directory is refused, under any name of it', async () => {
    const dir = await bootstrapped()
    const log = await openLevel(dir)
    const alias = join(await temporaryDir(), 'alias')
    await symlink(dir, alias)
    expect(await complaint(dir)).toBe(`STORAGE_LOCKED cannot open ${dir}: this process holds it already (pid ${process.pid})`)
    expect(await complaint(alias)).toBe(`STORAGE_LOCKED cannot open ${alias}: this process holds it already (pid ${process.pid})`)
    await append(log, { entries: commands(1, 1, 1) })
    await close(log)
    expect((await openLevel(dir)).latestLogIndex).toBe(1)
  })

  test('is not kept out by the pid of a process that has ended', async () => {
    const dir = await bootstrapped()
    await writeFile(join(dir, 'pid'), '4194304\n')
    await openLevel(dir)
    expect(await readFile(join(dir, 'pid'), 'utf8')).toBe(`${process.pid}\n`)
  })

  test('that fails changes nothing that was written', async () => {
    const dir = await stored()
    const db = await openDatabase(dir)
    await db.put(Buffer.from(blockKey(1)), Buffer.from('damaged'))
    await db.close()
    expect(await complaint(dir)).toContain('STORAGE_DAMAGED')
    expect(await complaint(dir)).toContain('STORAGE_DAMAGED')
    expect((await readdir(dir)).sort()).toEqual(['db', 'high-water', 'identity.json', 'journal', 'snapshots', 'witness'])
  })
})

describe('another process', () => {
  test('that holds the directory is named; what it acknowledged is there after kill -9', async () => {
    const dir = await bootstrapped()
    const script = join(import.meta.dirname, 'fixtures', 'append-forever.ts')
    const child = spawn(process.execPath, ['--import', 'jiti/register', script, dir], { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    let acknowledged = ''
    child.stdout.on('data', (chunk: Buffer) => {
      acknowledged += String(chunk)
    })
    await vi.waitUntil(() => acknowledged.length > 200, { timeout: 20_000 })
    expect(await complaint(dir)).toBe(`STORAGE_LOCKED cannot open ${dir}: another process holds it (pid ${child.pid})`)
    child.kill('SIGKILL')
    await once(child, 'exit')

    const last = Number(acknowledged.split('\n').at(-2))
    const log = await openLevel(dir)
    expect(log.latestLogIndex).toBeGreaterThanOrEqual(last)
    expect((await read(log, 1, last)).map(({ index }) => index)).toEqual(Array.from({ length: last }, (_, i) => i + 1))
  })
})

const openDatabase = async (dir: string): Promise<Level<Uint8Array, Uint8Array>> => {
  const db = new Level<Uint8Array, Uint8Array>(join(dir, 'db'), { keyEncoding: 'view', valueEncoding: 'view' })
  await db.open({ createIfMissing: false })
  return db
}

test('what the system refuses is passed on with what to do', async () => {
  const dir = await stored()
  const path = join(dir, 'db', 'LOCK')
  await rm(path)
  await mkdir(path)
  expect(await complaint(dir)).toBe(
    `STORAGE_FAILED cannot open ${dir}: IO error: ${path}: Is a directory. Mend that, then start the node again`,
  )
})

describe('damage to a database', () => {
  test('a flipped bit in any record is refused by a node that is alone, or is mended from what is kept elsewhere', async () => {
    const dir = await stored()
    const keptElsewhere = [hardStateKey, identityKey, baseKey, appliedKey]
    const db = await openDatabase(dir)
    const records = await db.iterator().all()
    await db.close()
    expect(records).toHaveLength(7)
    for (const [key, value] of records) {
      const damaged = Buffer.from(value)
      damaged[value.length >> 1] = (damaged[value.length >> 1] ?? 0) ^ 0x10
      for (const spoilt of [damaged, value.subarray(0, value.length - 5), undefined]) {
        const db = await openDatabase(dir)
        await (spoilt === undefined ? db.del(key) : db.put(key, spoilt))
        await db.close()
        if (keptElsewhere.some((kept) => kept.equals(key))) {
          const log = await LevelLog.open(dir)
          // A record that is not there is given back by the journal, if it is in there.
          expect([log.latestLogIndex, log.currentTerm]).toEqual([30, 1])
          expect(log.findings).toHaveLength(spoilt === undefined && appliedKey.equals(key) ? 0 : 1)
          await close(log)
          continue
        }
        expect(await complaint(dir)).toMatch(/^STORAGE_DAMAGED /)
        const mended = await openDatabase(dir)
        await mended.put(key, value)
        await mended.close()
      }
    }
    expect((await openLevel(dir)).latestLogIndex).toBe(30)
  })

  test('names directory and entries', async () => {
    const dir = await stored()
    const db = await openDatabase(dir)
    const value = Buffer.from((await db.get(blockKey(11))) ?? [])
    value[value.indexOf('command 14')] = 0
    await db.put(blockKey(11), value)
    await db.close()
    expect(await complaint(dir)).toBe(`STORAGE_DAMAGED ${dir}: the run of entries 11 to 20 does not match its checksum. ${aloneWayOut}`)
  })

  test('a directory without its identity, its database or its CURRENT is never taken for a new one', async () => {
    const dir = await stored()
    await rename(join(dir, 'db', 'CURRENT'), join(dir, 'db', 'kept'))
    const real = join(dir, 'db')
    expect(await complaint(dir)).toBe(
      `STORAGE_DAMAGED ${dir}: the database cannot be opened: Invalid argument: ${real}: does not exist (create_if_missing is false). ${aloneWayOut}`,
    )
    await rm(join(dir, 'db'), { recursive: true })
    expect(await complaint(dir)).toBe(`STORAGE_DAMAGED ${dir}: its database is missing. ${aloneWayOut}`)
    await mkdir(join(dir, 'db'))
    expect(await complaint(dir)).toMatch(/^STORAGE_DAMAGED .*: the database's log file/)
    await rm(join(dir, 'identity.json'))
    expect(await complaint(dir)).toBe(`STORAGE_DAMAGED ${dir}: identity.json is missing. ${wayOut}`)
  })

  test.each(['MANIFEST', '.ldb'])('a missing %s file is refused', async (file) => {
    const dir = await stored()
    // Opening it again moves the records from LevelDB's log into a table.
    await close(await openLevel(dir))
    await rm(await databaseFile(dir, file))
    expect(await complaint(dir)).toMatch(/^STORAGE_DAMAGED .*: the database cannot be opened: /)
  })

  test("a missing log file of LevelDB's is refused, although LevelDB opens what is left", async () => {
    const dir = await stored()
    await rm(await databaseFile(dir, '.log'))
    expect(await complaint(dir)).toBe(`STORAGE_DAMAGED ${dir}: the database's log file (db/*.log) is missing. ${aloneWayOut}`)
  })

  test("a damaged place in LevelDB's own log is refused, although LevelDB opens it", async () => {
    const whole = await bootstrapped()
    const log = await LevelLog.open(whole)
    for (let first = 1; first < 3_000; first += 50) await append(log, { entries: commands(1, first, 50) })
    await close(log)
    const path = await databaseFile(whole, '.log')
    const { size } = await stat(path)
    // In the last of its blocks of 32 KiB the damage takes the end of the log with it, and nothing that is left tells of it.
    const lastBlock = Math.floor(size / 32_768) * 32_768
    for (let part = 0; part < 8; part++) {
      const dir = join(await temporaryDir(), 'data')
      await cp(whole, dir, { recursive: true })
      await flip(await databaseFile(dir, '.log'), Math.floor((lastBlock * (part + 0.5)) / 8))
      expect(await complaint(dir), `part ${part}`).toMatch(/^STORAGE_DAMAGED /)
    }
  })

  test("what is lost at the end of LevelDB's log is given back by the journal", async () => {
    const { dir } = await written(conf)
    const path = await databaseFile(dir, '.log')
    await truncate(path, (await stat(path)).size >> 1)
    const opened = await openLevel(dir)
    expect([opened.findings, opened.summary.fence]).toEqual([[], undefined])
    expect(await read(opened, 1, 99)).toEqual(commands(1, 1, 40))
  })

  test('a write that was under way and is nowhere leaves the log as it was before it', async () => {
    const { dir, underWay, loseEnd } = await written(conf)
    await loseEnd()
    await writeFile(join(dir, 'high-water'), underWay)
    const opened = await openLevel(dir)
    expect([opened.findings, opened.summary.fence]).toEqual([[], undefined])
    expect(await read(opened, 1, 99)).toEqual(commands(1, 1, 35))
  })

  test('the end of the database, lost with its journal after it was promised, is refused', async () => {
    const { dir, loseEnd } = await written(conf)
    await loseEnd()
    expect(await complaint(dir)).toBe(`STORAGE_DAMAGED ${dir}: entries 36 to 40 are missing: the end of the log is lost. ${aloneWayOut}`)
  })
})

/** 40 entries in five blocks; `underWay` is the high water while the last of them was being written, `loseEnd` takes that away, and the journal. */
async function written(of: ConfState): Promise<{ readonly dir: string; readonly underWay: Buffer; readonly loseEnd: () => Promise<void> }> {
  const dir = join(await temporaryDir(), 'data')
  await LevelLog.bootstrap({ dir, identity, conf: of })
  const log = await LevelLog.open(dir)
  for (const first of [1, 11, 21]) await append(log, { entries: commands(1, first, 10) })
  await append(log, { entries: commands(1, 31, 5) })
  await close(log)
  const underWay = await readFile(join(dir, 'high-water'))
  const loseEnd = await olderDatabase(dir)
  const again = await LevelLog.open(dir)
  await append(again, { entries: commands(1, 36, 5) })
  await close(again)
  return { dir, underWay, loseEnd }
}

/** What it returns puts the present database in the place of a later one, and takes away the journal, which would give back what is lost. */
async function olderDatabase(dir: string): Promise<() => Promise<void>> {
  const older = join(await temporaryDir(), 'older')
  await cp(join(dir, 'db'), older, { recursive: true })
  return async () => {
    await rm(join(dir, 'db'), { recursive: true })
    await cp(older, join(dir, 'db'), { recursive: true })
    await rm(join(dir, 'journal'))
  }
}

describe('a damaged directory of a node with peers', () => {
  const floor = { term: 1, index: 40 }

  test('opens fenced when the end is lost, and stays so until it is reached', async () => {
    const { dir, loseEnd } = await written(confOfThree)
    await loseEnd()
    const first = await openLevel(dir)
    expect(first.summary).toMatchObject({ lastIndex: 35, fence: { floor } })
    expect(first.findings).toEqual([
      {
        place: join(dir, 'high-water'),
        range: { firstIndex: 36, lastIndex: 40 },
        what: 'entries 36 to 40 are missing: the end of the log is lost',
      },
    ])
    await append(first, { entries: commands(1, 36, 4) })
    await close(first)
    const second = await openLevel(dir)
    expect(second.summary).toMatchObject({ lastIndex: 39, fence: { floor } })
    await append(second, { entries: commands(1, 40, 1) })
    await close(second)
    const third = await openLevel(dir)
    expect([third.summary.fence, third.findings]).toEqual([undefined, []])
    expect(await read(third, 1, 99)).toEqual(commands(1, 1, 40))
  })

  test.each([
    ['without its database', (dir: string) => rm(join(dir, 'db'), { recursive: true })],
    ['without CURRENT', (dir: string) => rm(join(dir, 'db', 'CURRENT'))],
    ['with a CURRENT that names a directory', (dir: string) => writeFile(join(dir, 'db', 'CURRENT'), '\0\0\0\0\n')],
    [
      'with a file in the place of its database',
      (dir: string) => rm(join(dir, 'db'), { recursive: true }).then(() => writeFile(join(dir, 'db'), '')),
    ],
    ['without a manifest', async (dir: string) => rm(await databaseFile(dir, 'MANIFEST'))],
    ["without LevelDB's log", async (dir: string) => rm(await databaseFile(dir, '.log'))],
    ['with nothing in its database', async (dir: string) => rm(join(dir, 'db'), { recursive: true }).then(() => mkdir(join(dir, 'db')))],
    [
      'with a table that cannot be read',
      async (dir: string) => {
        await close(await openLevel(dir))
        const path = await databaseFile(dir, '.ldb')
        await rm(path)
        await mkdir(path)
      },
    ],
    [
      'with a damaged table',
      async (dir: string) => {
        await close(await openLevel(dir))
        await truncate(await databaseFile(dir, '.ldb'), 10)
      },
    ],
  ])('%s begins anew, fenced at its high water, and knows whom to ask', async (_, spoil) => {
    const { dir } = await written(confOfThree)
    await spoil(dir)
    const log = await openLevel(dir)
    expect(log.summary).toMatchObject({
      hardState: { term: 1, votedFor: undefined },
      base: { id: { term: 0, index: 0 }, conf: confOfThree },
      lastIndex: 0,
      fence: { floor },
    })
    await close(log)
    expect((await openLevel(dir)).summary.fence).toEqual({ floor })
    expect((await readdir(dir)).filter((name) => name.startsWith('db'))).toContain('db')
    expect(await readdir(dir)).not.toContain('db.moving')
  })

  test('is refused while another process moves its database aside, or seems to', async () => {
    const { dir } = await written(confOfThree)
    await rm(join(dir, 'db', 'CURRENT'))
    const moving = join(dir, 'db.moving')
    await writeFile(moving, `${process.ppid}\n`)
    expect(await complaint(dir)).toBe(
      `STORAGE_LOCKED cannot open ${dir}: another process (pid ${process.ppid}) moves its damaged database aside, says ${moving}. ` +
        'Stop it; if it is no node of raftgen, remove that file. Then start the node again',
    )
    await rm(moving)
    expect((await openLevel(dir)).summary.fence).toEqual({ floor })
  })

  test('begins after the newest snapshot when there is one', async () => {
    const { dir } = await written(confOfThree)
    await rm(join(dir, 'db', 'CURRENT'))
    const base = { id: { term: 1, index: 20 }, conf: confOfThree }
    const log = await openLevel(dir, { snapshotBase: () => Promise.resolve(base) })
    expect(log.summary).toMatchObject({ base, lastIndex: 20, fence: { floor } })
    expect(await readdir(dir)).toContain('db.damaged')
  })

  test('without its high water opens with a fence that nobody knows how high it is', async () => {
    const { dir } = await written(confOfThree)
    await rm(join(dir, 'high-water'))
    const log = await openLevel(dir)
    expect(log.summary).toMatchObject({ lastIndex: 40, fence: { floor: undefined } })
    await append(log, { fence: { floor: { term: 1, index: 40 } } })
    await close(log)
    expect((await openLevel(dir)).summary.fence).toBeUndefined()
  })

  test('with the high water of another node is refused', async () => {
    const { dir } = await written(confOfThree)
    const other = join(await temporaryDir(), 'other')
    await LevelLog.bootstrap({ dir: other, identity: { ...identity, nodeId: 2 }, conf: confOfThree })
    const path = join(dir, 'high-water')
    await cp(join(other, 'high-water'), path)
    expect(await complaint(dir)).toBe(
      `DATA_DIR_FOREIGN ${path} is of node 2 (incarnation 1), not of node 1 (incarnation 1) of cluster alpha. ` +
        'Put back the one that belongs here; if it is lost, move the directory away and start the node on an empty one with `join`, under the same id.',
    )
  })

  test('of a format without a high water gets one at its first open', async () => {
    const { dir } = await written(confOfThree)
    await rm(join(dir, 'high-water'))
    await writeFile(join(dir, 'identity.json'), '{"format":1,"clusterId":"alpha","nodeId":1,"incarnation":1,"checksum":"0c56ad8f"}')
    const loseEnd = await olderDatabase(dir)
    const log = await openLevel(dir)
    expect([log.summary.fence, log.findings]).toEqual([undefined, []])
    await append(log, { entries: commands(1, 41, 1) })
    await close(log)
    await loseEnd()
    expect((await openLevel(dir)).summary.fence).toEqual({ floor: { term: 1, index: 41 } })
  })
})

// Known bugs of what is on the disk.
import { expect, test } from 'vitest'
import { MemoryFiles } from '../../src/storage/memory-files.ts'
import { MemoryKeyValue } from '../../src/storage/memory-kv.ts'
import { content, finish, id, indexes, open, readAll, write } from '../storage/snapshots.ts'
import { append, commands, conf, newBlocks, openBlocks, read } from '../storage/support.ts'

test('bug 3: a write that failed is never taken for done: the log says so, then and ever after', async () => {
  const kv = new MemoryKeyValue()
  await newBlocks(kv)
  let isFailing = false
  const disk = kv.crash(0, { fate: () => (isFailing ? 'refused' : 'stored') })
  const log = await openBlocks(disk)
  await append(log, { hardState: { term: 1, votedFor: 1 } })
  isFailing = true
  await expect(append(log, { hardState: { term: 2, votedFor: 1 } })).rejects.toThrow()
  isFailing = false
  await expect(append(log, { hardState: { term: 3, votedFor: 1 } })).rejects.toThrow()
  expect([log.currentTerm, log.votedFor]).toEqual([1, 1])
})

test('bug 23: what was reported durable is there after a crash that keeps nothing else, and nothing half-written is', async () => {
  const files = new MemoryFiles()
  const snapshots = await open(files)
  const done = snapshots.create({ id: id(5), conf })
  await write(done, content(100_000))
  const meta = await finish(done)
  const half = snapshots.create({ id: id(9), conf })
  await write(half, content(100_000, 2))
  const after = await open(files.crash())
  expect(indexes(after)).toEqual([5])
  expect(await readAll(after, meta)).toEqual(content(100_000))

  const kv = new MemoryKeyValue()
  const log = await newBlocks(kv)
  await append(log, { entries: commands(1, 1, 3) })
  void append(log, { entries: commands(1, 4, 3) }).catch(() => {})
  const reopened = await openBlocks(kv.crash())
  expect(reopened.latestLogIndex).toBe(3)
  expect(await read(reopened, 1, 9)).toEqual(commands(1, 1, 3))
})

test('bug 24: a record that is cut off or changed anywhere is found out: the log is what it was, or is refused', async () => {
  const kv = new MemoryKeyValue()
  const log = await newBlocks(kv)
  for (let i = 0; i < 3; i++) await append(log, { entries: commands(1, 1 + 2 * i, 2) })
  const disk = kv.crash()
  const outcome = async () => {
    try {
      return (await read(await openBlocks(disk), 1, 6)).length
    } catch (error) {
      return error instanceof Error && 'code' in error ? error.code : error
    }
  }
  expect(await outcome()).toBe(6)
  for (const key of disk.keys) {
    const value = disk.peek(key) ?? new Uint8Array(0)
    for (let at = 0; at < value.length; at++) {
      const changed = Buffer.from(value)
      changed[at] = (changed[at] ?? 0) ^ 0x10
      for (const damaged of [changed, value.subarray(0, at)]) {
        disk.poke(key, damaged)
        expect(await outcome(), `byte ${at} of ${Buffer.from(key).toString('hex')}`).toBe('STORAGE_DAMAGED')
      }
      disk.poke(key, value)
    }
    disk.poke(key, undefined)
    expect(await outcome(), Buffer.from(key).toString('hex')).toBe('STORAGE_DAMAGED')
    disk.poke(key, value)
  }
  // A power cut in the middle of a write is no damage: that write was not reported, and is not there.
  const fresh = new MemoryKeyValue()
  const cut = await newBlocks(fresh)
  await append(cut, { entries: commands(1, 1, 2) })
  void append(cut, { entries: commands(1, 3, 2) }).catch(() => {})
  expect((await openBlocks(fresh.crash(0))).latestLogIndex).toBe(2)
})

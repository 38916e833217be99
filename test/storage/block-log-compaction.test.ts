import { describe, expect, test, vi } from 'vitest'
import { InvariantError } from '../../src/core/invariant.ts'
import type { EntryId, LogBase } from '../../src/core/types.ts'
import type { BlockLog } from '../../src/storage/block-log.ts'
import type { KeyValue, Operation } from '../../src/storage/kv.ts'
import { MemoryKeyValue } from '../../src/storage/memory-kv.ts'
import { baseKey, blockKey, decodeBase, decodeHardState, hardStateKey, readBlockKey, resetChain } from '../../src/storage/records.ts'
import { ByteWriter } from '../../src/wire/bytes.ts'
import { seal } from '../../src/storage/checksum.ts'
import { append, commands, compact, conf, identity, messageOf, name, newBlocks, openBlocks, read, wayOut } from './support.ts'

const at = (index: number, term = 1): LogBase => ({ id: { term, index }, conf: { ...conf, removed: [9] } })
const term2 = { term: 2, votedFor: undefined }
const nameOf = ({ kind, key }: Operation): string => `${kind} ${readBlockKey(key) ?? Buffer.from(key.subarray(1)).toString()}`

/** 30 entries in the blocks 1-10, 11-20, 21-30, and every batch since. */
async function logged(): Promise<{ log: BlockLog; kv: MemoryKeyValue; batches: string[][] }> {
  const batches: string[][] = []
  const kv = new MemoryKeyValue({
    fate: (operations) => {
      batches.push(operations.map(nameOf))
      return 'stored'
    },
  })
  const log = await newBlocks(kv)
  for (const first of [1, 11, 21]) await append(log, { entries: commands(1, first, 10) })
  batches.length = 0
  return { log, kv, batches }
}

/** A log of `blocks` entries, each in a block of its own, of which all but the last are below the base; the store after a crash. */
async function manyBlocks(blocks: number): Promise<MemoryKeyValue> {
  const kv = new MemoryKeyValue()
  const log = await newBlocks(kv)
  for (let index = 1; index <= blocks; index++) await append(log, { entries: commands(1, index, 1, '') })
  await compact(log, at(blocks - 1))
  return kv.crash()
}
const blockIndexes = (kv: MemoryKeyValue): readonly number[] =>
  kv.keys.flatMap((key) => {
    const index = readBlockKey(key)
    return index === undefined ? [] : [index]
  })
const complaint = (kv: KeyValue): Promise<string> => messageOf(openBlocks(kv))
const damage = (what: string): string => `STORAGE_DAMAGED ${name}: ${what}. ${wayOut}`

function flip(kv: MemoryKeyValue, key: Uint8Array, place: number): void {
  const value = Buffer.from(kv.peek(key) ?? [])
  value[place] = (value[place] ?? 0) ^ 1
  kv.poke(key, value)
}

describe('a compaction', () => {
  test('inside a block leaves that block as it is, deletes those before it, and puts the base: one batch', async () => {
    const { log, kv, batches } = await logged()
    const block = kv.peek(blockKey(11))
    await compact(log, at(15))
    expect(batches).toEqual([['put base', 'delete 1', 'put hardState']])
    expect(kv.peek(blockKey(11))).toEqual(block)
    await compact(log, at(18))
    await compact(log, at(20))
    await compact(log, at(30))
    expect(batches.slice(1)).toEqual([
      ['put base', 'put hardState'],
      ['put base', 'delete 11', 'put hardState'],
      ['put base', 'delete 21', 'put hardState'],
    ])
  })

  test('counts as a write, and changes nothing else of the hard state', async () => {
    const { log, kv } = await logged()
    const before = decodeHardState(kv.peek(hardStateKey) ?? new Uint8Array())
    await compact(log, at(15))
    await compact(log, at(14))
    expect(decodeHardState(kv.peek(hardStateKey) ?? new Uint8Array())).toEqual({ ...before, writes: before.writes + 1 })
  })

  test('does not change the chain of what stays, wherever it falls', async () => {
    let { log, kv } = await logged()
    for (const index of [3, 10, 16, 17, 25]) {
      await compact(log, at(index))
      kv = kv.crash()
      log = await openBlocks(kv)
      expect(await read(log, index + 1, 99)).toEqual(commands(1, index + 1, 30 - index))
    }
  })

  test.each<[string, EntryId]>([
    ['a compaction ends within the log', { term: 1, index: 31 }],
    ['a compaction ends with an entry of the log', { term: 2, index: 15 }],
  ])('against the rule "%s" breaks an invariant, and nothing is written', async (message, id) => {
    const { log, batches } = await logged()
    await expect(compact(log, { id, conf })).rejects.toThrow(new InvariantError(message))
    expect(batches).toEqual([])
  })

  test('of a damaged block is refused, and ends the use of the log', async () => {
    const { log, kv } = await logged()
    flip(kv, blockKey(11), 30)
    expect(await messageOf(compact(log, at(15)))).toBe(damage('the run of entries 11 to 20 does not match its checksum'))
    expect(await messageOf(append(log, { entries: commands(1, 31, 1) }))).toContain('the log is unusable since an earlier error')
  })

  test('is followed by a truncation inside the same block, which keeps the chain that the block begins with', async () => {
    const { log, kv, batches } = await logged()
    await compact(log, at(15))
    batches.length = 0
    await append(log, { hardState: term2, truncateFrom: 18, entries: commands(2, 18, 1) })
    await append(log, { hardState: term2, truncateFrom: 16, entries: commands(2, 16, 1) })
    expect(batches).toEqual([
      ['delete 11', 'delete 21', 'put 11', 'put 18', 'put hardState'],
      ['delete 11', 'delete 18', 'put 16', 'put hardState'],
    ])
    expect(await read(await openBlocks(kv.crash()), 16, 99)).toEqual(commands(2, 16, 1))
  })
})

describe('a read under way', () => {
  /** Reads of several blocks wait until they are let go. */
  class SlowReads extends MemoryKeyValue {
    readonly letGo: (() => void)[] = []

    override range(...range: Parameters<MemoryKeyValue['range']>): void {
      this.letGo.push(() => super.range(...range))
    }
  }

  test.each([
    ['compaction', (log: BlockLog) => compact(log, at(15))],
    ['reset', (log: BlockLog) => append(log, { hardState: term2, reset: at(20, 2) })],
    ['truncation', (log: BlockLog) => append(log, { hardState: term2, truncateFrom: 11 })],
  ])('gives what was there before a %s, which waits for it', async (_, remove) => {
    const kv = new SlowReads()
    const opening = newBlocks(kv)
    await vi.waitUntil(() => kv.letGo.length === 1)
    kv.letGo[0]?.()
    const log = await opening
    for (const first of [1, 11, 21]) await append(log, { entries: commands(1, first, 10) })
    const reading = read(log, 1, 30)
    const removing = remove(log)
    await new Promise((resolve) => setImmediate(resolve))
    expect(blockIndexes(kv)).toEqual([1, 11, 21])
    kv.letGo[1]?.()
    expect(await reading).toEqual(commands(1, 1, 30))
    await removing
    expect(blockIndexes(kv)).not.toEqual([1, 11, 21])
  })
})

describe('a compaction of very many blocks', () => {
  test('deletes 4,096 of them at once and 256 with every write; what a crash leaves below the base is not looked at', async () => {
    let disk = await manyBlocks(5_000)
    expect(blockIndexes(disk)).toHaveLength(5_000 - 4_096)
    for (const index of blockIndexes(disk).slice(0, -1)) disk.poke(blockKey(index), Buffer.from('damaged'))
    let log = await openBlocks(disk)
    expect(await read(log, 5_000, 9_999)).toEqual(commands(1, 5_000, 1, ''))
    await append(log, { entries: commands(1, 5_001, 2) })
    expect(blockIndexes(disk)).toHaveLength(5_000 - 4_096 + 1 - 256)
    disk = disk.crash()
    log = await openBlocks(disk)
    expect(log.firstIndex).toBe(5_000)
    for (const index of [5_003, 5_004, 5_005, 5_006]) await append(log, { entries: commands(1, index, 1) })
    expect(blockIndexes(disk)).toEqual([5_000, 5_001, 5_003, 5_004, 5_005, 5_006])
  })

  test('leaves the rest to the next one', async () => {
    const disk = await manyBlocks(5_000)
    const log = await openBlocks(disk)
    await compact(log, at(5_000))
    expect(blockIndexes(disk)).toEqual([])
    expect((await openBlocks(disk.crash())).summary.base).toEqual(at(5_000))
  })

  test('and a reset before they are all deleted: it deletes them, so that none is taken for a part of the new log', async () => {
    const disk = await manyBlocks(5_000)
    const log = await openBlocks(disk)
    await append(log, { hardState: term2, reset: at(4_200, 2), entries: commands(2, 4_201, 3) })
    expect(blockIndexes(disk)).toEqual([4_201])
    expect(await read(await openBlocks(disk.crash()), 4_201, 9_999)).toEqual(commands(2, 4_201, 3))
  })
})

describe('a reset', () => {
  test('deletes every block, and puts base, entries and hard state: one batch', async () => {
    const { log, batches } = await logged()
    await compact(log, at(15))
    batches.length = 0
    await append(log, { hardState: term2, reset: at(20, 2), entries: commands(2, 21, 5) })
    expect(batches).toEqual([['put base', 'delete 11', 'delete 21', 'put 21', 'put hardState']])
  })

  test('begins a chain of its own, which no other snapshot has', async () => {
    const logs = await Promise.all(
      [at(20, 2), at(20, 1)].map(async (reset) => {
        const { log, kv } = await logged()
        await append(log, { hardState: term2, reset, entries: commands(2, 21, 5) })
        return { kv, base: decodeBase(kv.peek(baseKey) ?? new Uint8Array()) }
      }),
    )
    const [first, second] = logs
    expect(first?.base).toEqual({ ...at(20, 2), chain: resetChain(identity.clusterId, { term: 2, index: 20 }) })
    expect(second?.base.chain).not.toBe(first?.base.chain)
    first?.kv.poke(blockKey(21), second?.kv.peek(blockKey(21)))
    expect(await complaint(first?.kv ?? new MemoryKeyValue())).toBe(damage('entry 21 was not written after the entry 20 that is stored'))
  })

  test('with a truncation breaks an invariant, and nothing is written', async () => {
    const { log, batches } = await logged()
    const write = append(log, { hardState: term2, reset: at(20, 2), truncateFrom: 21 })
    await expect(write).rejects.toThrow(new InvariantError('a reset leaves nothing to truncate'))
    expect(batches).toEqual([])
  })
})

describe('damage to a compacted log', () => {
  /** The base falls into the block 11-20. */
  async function compacted(): Promise<MemoryKeyValue> {
    const { log, kv } = await logged()
    await compact(log, at(15))
    return kv.crash()
  }

  test('of any bit of any record, is never taken for a log', async () => {
    const kv = await compacted()
    for (const key of kv.keys) {
      const { length } = kv.peek(key) ?? { length: 0 }
      for (let place = 0; place < length; place++) {
        flip(kv, key, place)
        expect(await complaint(kv), `byte ${place} of ${Buffer.from(key).toString('hex')}`).toContain('STORAGE_DAMAGED')
        flip(kv, key, place)
      }
    }
    expect(await complaint(kv)).toBe('no error')
  })

  test.each([
    ['the block of the base is missing', (kv: MemoryKeyValue) => kv.poke(blockKey(11), undefined), 'entries 16 to 20 are missing'],
    [
      'every block is missing',
      (kv: MemoryKeyValue) => {
        for (const index of [11, 21]) kv.poke(blockKey(index), undefined)
      },
      'entries 16 to 30 are missing',
    ],
    ['the last block is missing', (kv: MemoryKeyValue) => kv.poke(blockKey(21), undefined), 'entries 21 to 30 are missing'],
  ])('%s', async (_, spoil, message) => {
    const kv = await compacted()
    spoil(kv)
    expect(await complaint(kv)).toBe(damage(message))
  })

  test('a block of another log where the base falls', async () => {
    const kv = await compacted()
    const other = new MemoryKeyValue()
    const log = await newBlocks(other)
    for (const first of [1, 11]) await append(log, { entries: commands(1, first, 10, 'other') })
    kv.poke(blockKey(11), other.peek(blockKey(11)))
    expect(await complaint(kv)).toBe(damage('entry 15 is not the one with which the log was compacted'))
  })
})

test('a base record of the first format is read: nobody was joining or removed, and there were no leases', () => {
  const writer = new ByteWriter()
  writer.u8(1)
  for (const number of [7, 3]) writer.u48(number)
  writer.u32(99)
  writer.u32(0)
  for (const ids of [[1, 2], [], [3]]) {
    writer.u32(ids.length)
    for (const id of ids) writer.u48(id)
  }
  const conf = { members: [], voters: [1, 2], votersOutgoing: [], learners: [3], joining: [], removed: [], leaseMs: 0 }
  expect(decodeBase(seal(writer, baseKey))).toEqual({ id: { term: 3, index: 7 }, chain: 99, conf })
})

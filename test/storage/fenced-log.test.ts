import { describe, expect, test } from 'vitest'
import type { Entry } from '../../src/core/types.ts'
import { BlockLog } from '../../src/storage/block-log.ts'
import { decodeSlot } from '../../src/storage/high-water.ts'
import type { BlockLogOptions } from '../../src/storage/log-opening.ts'
import { MemoryKeyValue } from '../../src/storage/memory-kv.ts'
import { MemorySlots } from '../../src/storage/memory-slots.ts'
import { baseKey, blockKey, identityKey, salvageKey } from '../../src/storage/records.ts'
import { aloneWayOut, append, called, close, commands, conf, confOfThree, identity, messageOf, name, read } from './support.ts'

interface Disk {
  readonly kv: MemoryKeyValue
  readonly slots: MemorySlots
}
const place = 'data/1/high-water'

const open = ({ kv, slots }: Disk, options: Partial<BlockLogOptions> = {}): Promise<BlockLog> =>
  new Promise((resolve, reject) => {
    BlockLog.open(kv, { name, slots, identity, highWater: 'beside', ...options }, (error, log) =>
      log === undefined ? reject(error) : resolve(log),
    )
  })
const crashed = ({ kv, slots }: Disk): Disk => ({ kv: kv.crash(), slots: slots.crash() })

async function founded(of = confOfThree): Promise<Disk> {
  const disk = { kv: new MemoryKeyValue(), slots: new MemorySlots({ name: place }) }
  await called((done) => BlockLog.bootstrap(disk.kv, { identity, conf: of, slots: disk.slots }, done))
  return disk
}
/** Entries 1 to 50 in blocks of ten, settled. */
async function stored(of = confOfThree): Promise<Disk> {
  const disk = await founded(of)
  const log = await open(disk)
  for (const first of [1, 11, 21, 31, 41]) await append(log, { hardState: { term: 2, votedFor: 3 }, entries: commands(2, first, 10) })
  await close(log)
  return crashed(disk)
}
const floor = { term: 2, index: 50 }
const fence = { floor, isUncertain: false }

const salvaged = (log: BlockLog, firstIndex: number, lastIndex: number, bytesMax = 1_000_000): Promise<readonly Entry[]> =>
  new Promise((resolve, reject) => {
    log.salvaged({ firstIndex, lastIndex, bytesMax }, (error, entries) => (error === undefined ? resolve(entries) : reject(error)))
  })

describe('a log with a hole', () => {
  async function holed(): Promise<BlockLog> {
    const disk = await stored()
    disk.kv.poke(blockKey(11), undefined)
    return open(disk)
  }

  test('keeps what comes before it, says what is missing, and is fenced at its high water', async () => {
    const log = await holed()
    expect(log.findings).toEqual([{ place: 'entry 11', range: { firstIndex: 11, lastIndex: 20 }, what: 'entries 11 to 20 are missing' }])
    expect(log.summary).toMatchObject({ hardState: { term: 2, votedFor: 3 }, lastIndex: 10, fence })
    expect(await read(log, 1, 99)).toEqual(commands(2, 1, 10))
  })

  test('keeps what lies behind it apart, until the fence is gone', async () => {
    const disk = await stored()
    disk.kv.poke(blockKey(11), undefined)
    const log = await open(disk)
    expect(await salvaged(log, 11, 25)).toEqual(commands(2, 21, 5))
    expect(await salvaged(log, 33, 35)).toEqual(commands(2, 33, 3))
    expect(await salvaged(log, 41, 99, 0)).toEqual(commands(2, 41, 1))
    expect([await salvaged(log, 51, 99), await salvaged(log, 1, 20)]).toEqual([[], []])
    await append(log, { hardState: { term: 2, votedFor: 3 }, entries: commands(2, 11, 40) })
    await append(log, { hardState: { term: 2, votedFor: 3 } })
    expect(await salvaged(log, 11, 25)).toEqual([])
    expect([21, 31, 41].map((index) => disk.kv.peek(salvageKey(index)))).toEqual([undefined, undefined, undefined])
  })

  test('tells by its own chain what it held', async () => {
    const log = await holed()
    expect(log.anchors.map(({ index }) => index)).toEqual([20, 50])
    const chain = log.chainAfter(log.chainAfter(log.end.chain, commands(2, 11, 4)), commands(2, 15, 6))
    expect(chain).toBe(log.anchors[0]?.chain)
    expect(log.chainAfter(chain, commands(2, 21, 30))).toBe(log.anchors[1]?.chain)
    expect(log.chainAfter(log.end.chain, commands(2, 11, 10, 'other'))).not.toBe(log.anchors[0]?.chain)
  })

  test('is fenced until a write says that nobody has what it lacks', async () => {
    const disk = await stored()
    disk.kv.poke(blockKey(41), undefined)
    await append(await open(disk), { hardState: { term: 3, votedFor: undefined }, unfence: true })
    const log = await open(crashed(disk))
    expect([log.summary.fence, log.latestLogIndex, log.findings]).toEqual([undefined, 40, []])
  })

  test('is refused where there is nobody to repair it from, and nothing is changed', async () => {
    const disk = await stored(conf)
    disk.kv.poke(blockKey(11), undefined)
    const before = disk.kv.keys
    const message = `STORAGE_DAMAGED ${name}: entries 11 to 20 are missing. ${aloneWayOut}`
    expect(await messageOf(open(disk))).toBe(message)
    expect(await messageOf(open(disk))).toBe(message)
    expect(disk.kv.keys).toEqual(before)
    expect((await open(disk, { isAlone: false })).summary.fence).toEqual(fence)
  })
})

describe('a log whose last write was under way', () => {
  async function torn(of = confOfThree): Promise<Disk> {
    const disk = await stored(of)
    const log = await open(disk)
    void append(log, { hardState: { term: 2, votedFor: 3 }, entries: commands(2, 51, 2) }).catch(() => {})
    return { kv: disk.kv.crash(0), slots: disk.slots.crash('stored') }
  }

  test('is fenced, and it is uncertain whether it lacks anything', async () => {
    expect((await open(await torn())).summary).toMatchObject({ lastIndex: 50, fence: { floor: { term: 2, index: 52 }, isUncertain: true } })
  })

  test('drops it where there is nobody to ask, and says so', async () => {
    const log = await open(await torn(conf))
    expect(log.summary.fence).toBeUndefined()
    expect(log.findings.map(({ what }) => what)).toEqual(['entries 51 to 52 are missing: the write under way was torn, or is lost'])
  })

  test('keeps the vote that was in it', async () => {
    const disk = await stored()
    void append(await open(disk), { hardState: { term: 9, votedFor: 2 } }).catch(() => {})
    const log = await open({ kv: disk.kv.crash(0), slots: disk.slots.crash('stored') })
    expect(log.summary).toMatchObject({ hardState: { term: 9, votedFor: 2 }, lastIndex: 50 })
    expect(log.summary.fence).toBeUndefined()
  })
})

describe('a log that has lost its base', () => {
  test('begins anew, as a node that joins: it knows the members, and nobody votes', async () => {
    const disk = await stored()
    disk.kv.poke(baseKey, Buffer.of(1))
    const log = await open(disk)
    expect(log.summary).toMatchObject({
      base: { id: { term: 0, index: 0 }, conf: { members: confOfThree.members, voters: [] } },
      lastIndex: 0,
      fence,
    })
    expect(await salvaged(log, 1, 5)).toEqual(commands(2, 1, 5))
  })

  test('begins after the newest snapshot; beyond the floor it lacks nothing', async () => {
    const disk = await stored()
    disk.kv.poke(baseKey, undefined)
    const base = { id: { term: 2, index: 50 }, conf: confOfThree }
    const log = await open(disk, { snapshotBase: (done) => done(base) })
    expect(log.summary).toMatchObject({ base, lastIndex: 50 })
  })

  test('is refused when nothing tells who the others are', async () => {
    const disk = await stored()
    for (const key of disk.kv.keys) disk.kv.poke(key, undefined)
    for (const position of [0, 1] as const) disk.slots.poke(position, new Uint8Array(0))
    expect(await messageOf(open(disk))).toMatch(/^STORAGE_DAMAGED .*; nothing tells who the other members are\. Move the directory away/)
  })
})

describe('the high water', () => {
  test('is settled a little after the last write, and when the log is closed', async () => {
    const disk = await founded()
    const timers: (() => void)[] = []
    const log = await open(disk, { later: (_, task) => void timers.push(task) })
    const settled = (): number => Math.max(...([0, 1] as const).map((position) => decodeSlot(disk.slots.peek(position)).settled.index))
    await append(log, { entries: commands(1, 1, 3) })
    await append(log, { entries: commands(1, 4, 3) })
    expect([settled(), timers.length]).toEqual([3, 1])
    timers.shift()?.()
    expect([settled(), timers.length]).toEqual([3, 1])
    timers.shift()?.()
    await append(log, { entries: commands(1, 7, 3) })
    expect(settled()).toBe(6)
    await close(log)
    expect(settled()).toBe(9)
  })

  test.each(['refused', 'refusedButStored', 'torn'] as const)('that cannot be written (%s) ends the use of the log', async (fate) => {
    const disk = await stored()
    let writes = 0
    const slots = disk.slots.crash('lost', { name: place, fate: () => (++writes > 1 ? fate : 'stored') })
    const log = await open({ kv: disk.kv, slots })
    const write = { hardState: { term: 2, votedFor: 3 }, entries: commands(2, 51, 1) }
    await append(log, write)
    expect(await messageOf(append(log, { ...write, entries: commands(2, 52, 1) }))).toMatch(/^STORAGE_FAILED .* a write failed/)
    expect(await messageOf(append(log, { ...write, entries: commands(2, 52, 1) }))).toMatch(/unusable since an earlier error/)
    expect(log.latestLogIndex).toBe(51)
  })

  test('keeps what is known of others', async () => {
    const disk = await stored()
    const witness = [{ id: 2, incarnation: 1, match: { term: 2, index: 48 }, votedTerm: 2 }]
    const log = await open(disk)
    await append(log, { hardState: { term: 2, votedFor: 3 }, witness })
    await append(log, { hardState: { term: 3, votedFor: undefined } })
    expect((await open(crashed(disk))).summary.witness).toEqual(witness)
  })
})

test('a block that is found damaged while the log is open stops its use; opened again it is fenced', async () => {
  const disk = await stored()
  const log = await open(disk)
  const value = Buffer.from(disk.kv.peek(blockKey(21)) ?? [])
  value[30] = (value[30] ?? 0) ^ 1
  disk.kv.poke(blockKey(21), value)
  expect(await messageOf(read(log, 15, 30))).toBe(
    `STORAGE_DAMAGED ${name}: the run of entries 21 to 30 does not match its checksum. ` +
      'Start the node again: it takes no part beyond what it can prove until its peers have given it what is missing.',
  )
  expect((await open(crashed(disk))).summary).toMatchObject({ lastIndex: 20, fence })
})

test('damage of any byte of any record leaves a log that is whole, or fenced at its high water', async () => {
  const disk = await stored()
  const kept = new Map(disk.kv.keys.map((key) => [key, Buffer.from(disk.kv.peek(key) ?? [])]))
  for (const [key, value] of kept) {
    for (let at = 0; at < value.length; at++) {
      const flipped = Buffer.from(value)
      flipped[at] = (flipped[at] ?? 0) ^ 0x10
      for (const spoilt of at === 0 ? [flipped, value.subarray(0, at), undefined] : [flipped, value.subarray(0, at)]) {
        const copy = { kv: disk.kv.crash(), slots: disk.slots.crash() }
        for (const [name, bytes] of kept) copy.kv.poke(name, bytes)
        copy.kv.poke(key, spoilt)
        const log = await open(copy)
        const where = `byte ${at} of ${Buffer.from(key).toString('hex')}`
        expect(log.summary.hardState, where).toEqual({ term: 2, votedFor: 3 })
        if (log.latestLogIndex < 50) expect(log.summary.fence, where).toEqual(fence)
        else expect(log.summary.fence, where).toBeUndefined()
        expect(await read(log, 1, 99), where).toEqual(commands(2, 1, log.latestLogIndex))
        expect(log.findings.length, where).toBeGreaterThan(0)
      }
    }
  }
})

test('a database of another node is refused before anything is changed', async () => {
  const [disk, other] = [await stored(), await stored()]
  disk.kv.poke(identityKey, other.kv.peek(identityKey))
  expect(await messageOf(open(disk, { identity: { ...identity, nodeId: 2 } }))).toMatch(/^DATA_DIR_FOREIGN .* is mixed from two nodes/)
})

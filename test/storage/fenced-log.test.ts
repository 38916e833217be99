import { describe, expect, test } from 'vitest'
import type { ConfState, Entry, LogBase, Persist } from '../../src/core/types.ts'
import { BlockLog } from '../../src/storage/block-log.ts'
import { decodeSlot } from '../../src/storage/high-water.ts'
import type { BlockLogOptions } from '../../src/storage/log-opening.ts'
import { MemoryKeyValue } from '../../src/storage/memory-kv.ts'
import { MemorySlots } from '../../src/storage/memory-slots.ts'
import { baseKey, blockKey, identityKey, salvageKey } from '../../src/storage/records.ts'
import { type SlotPosition, slotBytes } from '../../src/storage/slots.ts'
import { Steps } from './snapshots.ts'
import { aloneWayOut, append, called, close, commands, compact, conf, confOfThree, identity, messageOf, name, read } from './support.ts'

interface Disk {
  readonly kv: MemoryKeyValue
  readonly slots: MemorySlots
}
const place = 'data/1/high-water'

const open = ({ kv, slots }: Disk, options: Partial<BlockLogOptions> = {}): Promise<BlockLog> =>
  new Promise((resolve, reject) => {
    BlockLog.open(kv, { name, slots, identity, ...options }, (error, log) => (log === undefined ? reject(error) : resolve(log)))
  })
const crashed = ({ kv, slots }: Disk): Disk => ({ kv: kv.crash(), slots: slots.crash() })

async function founded(of = confOfThree): Promise<Disk> {
  const disk = { kv: new MemoryKeyValue(), slots: new MemorySlots({ name: place }) }
  await called((done) => BlockLog.bootstrap(disk.kv, { identity, conf: of, slots: disk.slots }, done))
  return disk
}
/** Entries 1 to 50 in blocks of ten. */
async function stored(of = confOfThree): Promise<Disk> {
  const disk = await founded(of)
  const log = await open(disk)
  for (const first of [1, 11, 21, 31, 41]) await append(log, { hardState: { term: 2, votedFor: 3 }, entries: commands(2, first, 10) })
  await close(log)
  return crashed(disk)
}
/** The disk with entries 1 to 50 after a crash in the middle of `write`: so many `steps` of it were done, and the one after that is `pending`. */
async function cutOff(
  write: Pick<Persist, 'entries' | 'hardState' | 'fence'>,
  { steps: count, pending }: { readonly steps: number; readonly pending: 'lost' | 'torn' | 'stored' },
): Promise<Disk> {
  const disk = await stored()
  const steps = new Steps()
  const kv = disk.kv.crash(0, { defer: steps.defer })
  const slots = disk.slots.crash('lost', { name: place, defer: steps.defer })
  let log: BlockLog | undefined
  BlockLog.open(kv, { name, slots, identity }, (_, opened) => {
    log = opened
  })
  steps.run()
  log?.appendEntries({ seq: 1, reset: undefined, truncateFrom: undefined, ...write }, () => {})
  steps.run(count)
  return { kv: kv.crash(0, {}), slots: slots.crash(pending, { name: place }) }
}
const floor = { term: 2, index: 50 }
const fence = { floor }

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

  test('can tell so in its next life, too', async () => {
    const disk = await stored()
    disk.kv.poke(blockKey(11), undefined)
    const log = await open(disk)
    await close(log)
    const second = crashed(disk)
    const again = await open(second)
    expect(again.anchors).toEqual(log.anchors)
    await append(again, { hardState: { term: 3, votedFor: undefined } })
    await close(again)
    const third = await open(crashed(second))
    expect([third.anchors, third.currentTerm]).toEqual([log.anchors, 3])
  })

  test('is fenced where a write says that it is, from that write on', async () => {
    const disk = await stored()
    const higher = { floor: { term: 3, index: 60 } }
    await append(await open(disk), { hardState: { term: 3, votedFor: undefined }, fence: higher })
    const log = await open(crashed(disk))
    expect([log.summary.fence, log.latestLogIndex, log.findings]).toEqual([higher, 50, []])
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
  const write = { hardState: { term: 9, votedFor: 2 }, entries: commands(2, 51, 2) }

  test('is as it was before it, where it was not durable: nothing was promised', async () => {
    const disk = await stored()
    void append(await open(disk), write).catch(() => {})
    const log = await open({ kv: disk.kv.crash(0), slots: disk.slots.crash('lost') })
    expect([log.summary.fence, log.findings, log.latestLogIndex, log.currentTerm]).toEqual([undefined, [], 50, 2])
  })

  test.each(['lost', 'torn', 'stored'] as const)('is as it is after it, where it was durable and its slot was %s', async (pending) => {
    // The batch is on the disk, its slot is on the way there.
    const after = await open(await cutOff(write, { steps: 1, pending }))
    expect([after.summary.fence, after.latestLogIndex, after.summary.hardState]).toEqual([undefined, 52, write.hardState])
  })
})

describe('a write that brings a fence and a later term', () => {
  const write = { entries: [], hardState: { term: 6, votedFor: 2 }, fence: { floor: { term: 5, index: 90 } } }

  test('is never on the disk without its fence, wherever it is cut off: in that term nobody would ask for it again', async () => {
    const terms = new Set<number>()
    for (let count = 0; count < 6; count++) {
      for (const pending of ['lost', 'torn', 'stored'] as const) {
        const after = await open(await cutOff(write, { steps: count, pending }))
        terms.add(after.currentTerm)
        if (after.currentTerm === 6) expect(after.summary.fence, `${pending} after ${count} steps`).toEqual(write.fence)
      }
    }
    expect([...terms]).toEqual([2, 6])
  })
})

describe('a log one of whose slots is damaged', () => {
  const spoil = (disk: Disk, position: SlotPosition): void => disk.slots.poke(position, Buffer.alloc(slotBytes))
  const newestOf = ({ slots }: Disk): SlotPosition => (decodeSlot(slots.peek(0)).sequence > decodeSlot(slots.peek(1)).sequence ? 0 : 1)

  test('holds what it says where it ends after the slot that is left', async () => {
    const disk = await stored()
    spoil(disk, newestOf(disk))
    const log = await open(disk)
    expect([log.summary.fence, log.latestLogIndex]).toEqual([undefined, 50])
    expect(log.findings.map(({ what }) => what)).toEqual([`slot ${newestOf(crashed(disk)) + 1} of ${place} cannot be read`])
  })

  test('may have held more where it ends with the slot that is left: nobody knows', async () => {
    const disk = await stored()
    spoil(disk, newestOf(disk) === 0 ? 1 : 0)
    expect((await open(disk)).summary).toMatchObject({ lastIndex: 50, fence: { floor: undefined } })
    expect((await open(crashed(disk))).summary.fence).toEqual({ floor: undefined })
  })

  test('may have held more where one slot was written over the other', async () => {
    const disk = await stored()
    const newest = newestOf(disk)
    disk.slots.poke(newest === 0 ? 1 : 0, disk.slots.peek(newest))
    expect((await open(disk)).summary.fence).toEqual({ floor: undefined })
  })

  test('goes on where there is nobody to ask', async () => {
    const disk = await stored(conf)
    spoil(disk, newestOf(disk) === 0 ? 1 : 0)
    const log = await open(disk)
    expect([log.summary.fence, log.latestLogIndex, log.findings.length]).toEqual([undefined, 50, 1])
  })
})

/** More than fits a slot. */
const largeConf: ConfState = {
  ...confOfThree,
  members: confOfThree.members.map((member) => ({ ...member, peer: `${'p'.repeat(800)}:1` })),
}

describe('a log that has lost its base', () => {
  test('gets it back from its high water, and lacks nothing', async () => {
    const disk = await stored()
    disk.kv.poke(baseKey, Buffer.of(1))
    const log = await open(disk)
    expect(log.summary).toMatchObject({ base: { id: { term: 0, index: 0 }, conf: confOfThree }, lastIndex: 50 })
    expect([log.summary.fence, log.findings.length]).toEqual([undefined, 1])
    expect(await read(log, 1, 99)).toEqual(commands(2, 1, 50))
    expect((await open(crashed(disk))).findings).toEqual([])
  })

  test('gets back the one with which it was compacted last', async () => {
    const disk = await stored()
    const base = { id: { term: 2, index: 25 }, conf: confOfThree }
    await compact(await open(disk), base)
    const after = crashed(disk)
    after.kv.poke(baseKey, undefined)
    const log = await open(after)
    expect([log.summary.base, log.summary.fence, log.latestLogIndex]).toEqual([base, undefined, 50])
    expect(await read(log, 26, 99)).toEqual(commands(2, 26, 25))
  })

  test('with nothing else of its database is what it was at first, fenced at its high water', async () => {
    const disk = await stored()
    for (const key of disk.kv.keys) disk.kv.poke(key, undefined)
    const log = await open(disk)
    expect(log.summary).toMatchObject({
      hardState: { term: 2, votedFor: 3 },
      base: { id: { term: 0, index: 0 }, conf: confOfThree },
      lastIndex: 0,
      fence,
    })
  })

  test('that was too large for a slot begins anew, as a node that joins: it knows the members, and nobody votes', async () => {
    const disk = await stored(largeConf)
    disk.kv.poke(baseKey, Buffer.of(1))
    const log = await open(disk)
    expect(log.summary).toMatchObject({ base: { id: { term: 0, index: 0 }, conf: { voters: [] } }, lastIndex: 0, fence })
    expect(log.summary.base.conf.members.length).toBeGreaterThan(0)
    expect(await salvaged(log, 1, 5)).toEqual(commands(2, 1, 5))
  })

  test('is refused when nothing tells who the other members are', async () => {
    const disk = await stored()
    for (const key of disk.kv.keys) disk.kv.poke(key, undefined)
    for (const position of [0, 1] as const) disk.slots.poke(position, new Uint8Array(0))
    expect(await messageOf(open(disk))).toMatch(/^STORAGE_DAMAGED .*; nothing tells who the other members are\. Move the directory away/)
  })
})

describe('a damaged log beside a snapshot that is newer than its end', () => {
  const base = { id: { term: 2, index: 45 }, conf: confOfThree }
  const options = { snapshotBase: (done: (found: LogBase) => void) => done(base) }

  test('begins anew after it, and is fenced where it may have held more', async () => {
    const disk = await stored()
    disk.kv.poke(blockKey(21), undefined)
    const log = await open(disk, options)
    expect(log.summary).toMatchObject({ base, lastIndex: 45, terms: [], fence })
    await append(log, { hardState: { term: 2, votedFor: 3 }, entries: commands(2, 46, 5) })
    const again = await open(crashed(disk), options)
    expect([again.summary.base, again.summary.fence, again.findings]).toEqual([base, undefined, []])
    expect(await read(again, 46, 99)).toEqual(commands(2, 46, 5))
  })

  test('lacks nothing where it held no more than that', async () => {
    const disk = await stored()
    disk.kv.poke(blockKey(21), undefined)
    const later = { id: { term: 3, index: 48 }, conf: confOfThree }
    const log = await open(disk, { snapshotBase: (done) => done(later) })
    expect([log.summary.base, log.summary.fence, log.summary.hardState.term]).toEqual([later, undefined, 3])
  })

  test('is left as it is where it is whole', async () => {
    const log = await open(await stored(), { snapshotBase: (done) => done({ id: { term: 2, index: 99 }, conf: confOfThree }) })
    expect([log.latestLogIndex, log.findings]).toEqual([50, []])
  })
})

test('a log that knew nobody else before its hole is not taken for the only member', async () => {
  const disk = await founded(conf)
  const log = await open(disk)
  const grown = { kind: 'conf' as const, data: new Uint8Array(0), conf: confOfThree }
  await append(log, { entries: [{ term: 1, index: 1, ...grown }] })
  await append(log, { entries: commands(1, 2, 3) })
  const after = crashed(disk)
  after.kv.poke(blockKey(1), undefined)
  const opened = await open(after)
  expect([opened.latestLogIndex, opened.summary.fence]).toEqual([0, { floor: { term: 1, index: 4 } }])
})

describe('the high water', () => {
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
})

describe('what is known of others', () => {
  const witnessOf = (index: number) => [{ id: 2, incarnation: 1, match: { term: 1, index }, matchTerm: 1, votedTerm: 0 }]

  test('is kept: the newest that was noted, wherever the process ends', async () => {
    const disk = await stored()
    const witnessSlots = new MemorySlots()
    const log = await open(disk, { witnessSlots })
    for (let index = 1; index <= 5; index++) log.note(witnessOf(index))
    await close(log)
    expect((await open(crashed(disk), { witnessSlots: witnessSlots.crash() })).summary.witness).toEqual(witnessOf(5))
  })

  test.each(['lost', 'torn', 'stored'] as const)(
    'is what it was before, or after, a crash in the middle (%s), and no doubt of anything else',
    async (pending) => {
      const disk = await stored()
      const first = new MemorySlots()
      const before = await open(disk, { witnessSlots: first })
      before.note(witnessOf(1))
      await close(before)
      const second = first.crash()
      const between = crashed(disk)
      const log = await open(between, { witnessSlots: second })
      log.note(witnessOf(2))
      const opened = await open(crashed(between), { witnessSlots: second.crash(pending) })
      const possible = { lost: [1], torn: [1, 2], stored: [2] }[pending]
      expect(possible.map((index) => witnessOf(index))).toContainEqual(opened.summary.witness)
      expect([opened.summary.fence, opened.findings]).toEqual([undefined, []])
    },
  )

  test('is nothing where both places are damaged, or of another node', async () => {
    const disk = await stored()
    const witnessSlots = new MemorySlots()
    const log = await open(disk, { witnessSlots })
    log.note(witnessOf(1))
    await close(log)
    const moved = await stored()
    expect((await open(moved, { witnessSlots: witnessSlots.crash(), identity })).summary.witness).toEqual(witnessOf(1))
    const damaged = witnessSlots.crash()
    for (const position of [0, 1] as const) damaged.poke(position, Buffer.alloc(slotBytes, 7))
    expect((await open(crashed(disk), { witnessSlots: damaged })).summary.witness).toBeUndefined()
  })

  test('that cannot be written ends the use of the log', async () => {
    const disk = await stored()
    const log = await open(disk, { witnessSlots: new MemorySlots({ fate: () => 'refused' }) })
    log.note(witnessOf(1))
    await expect
      .poll(() => messageOf(append(log, { hardState: { term: 2, votedFor: 3 } })))
      .toMatch(/^STORAGE_FAILED .*unusable since an earlier error/)
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

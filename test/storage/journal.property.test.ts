import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chooseSlot, encodeSlot, ownerOf } from '../../src/storage/high-water.ts'
import { HighWaterKeeper } from '../../src/storage/high-water-keeper.ts'
import { openJournal } from '../../src/storage/journal-opening.ts'
import { type JournalRecord, scanJournal, sectorBytes } from '../../src/storage/journal-record.ts'
import type { JournaledKeyValue } from '../../src/storage/journaled-kv.ts'
import type { Operation } from '../../src/storage/kv.ts'
import { MemoryJournal } from '../../src/storage/memory-journal.ts'
import { MemoryKeyValue } from '../../src/storage/memory-kv.ts'
import { MemorySlots } from '../../src/storage/memory-slots.ts'
import { appliedKey, decodeApplied, encodeApplied } from '../../src/storage/records.ts'
import { identity, nextSlotAfter } from './support.ts'
import { Steps } from './snapshots.ts'

// Batches, committed one after the other, with slots that count them; a crash between any two steps, with any part of what was being written; and what
// is found afterwards. The store says with one of its records how many batches it holds.

/** Small, so that its halves are written over again and again. */
const journalSize = 1_024 * 1_024
const countKey = Buffer.from('count')
const keys = ['a', 'b', 'c', 'd', 'e'].map((name) => Buffer.from(name))
const owner = ownerOf(identity)

interface Disk {
  readonly kv: MemoryKeyValue
  readonly journal: MemoryJournal
  readonly slots: MemorySlots
}
interface Opened {
  readonly kv: JournaledKeyValue
  readonly keeper: HighWaterKeeper | undefined
}

function newDisk(steps: Steps): Disk {
  const kv = new MemoryKeyValue(steps)
  kv.poke(appliedKey, encodeApplied({ sequence: 0, isClean: true }))
  const slots = new MemorySlots(steps)
  slots.poke(0, encodeSlot({ ...nextSlotAfter(0), owner, sequence: 1 }))
  slots.poke(1, encodeSlot({ ...nextSlotAfter(0), owner, sequence: 2 }))
  return { kv, slots, journal: new MemoryJournal(steps, Buffer.alloc(journalSize)) }
}

/** What a task of a promise brings up comes with it. */
async function run(steps: Steps, stepsMax = 10_000): Promise<void> {
  for (let i = 0; i < stepsMax; i++) {
    steps.run(1)
    await new Promise((resolve) => setImmediate(resolve))
    if (steps.isDone) return
  }
}

/** `stepsMax`: it is not over then. */
async function open({ disk: { kv, journal, slots }, steps, timers }: World, stepsMax?: number): Promise<Opened | undefined> {
  let opened: Opened | undefined
  let failure: unknown
  const openAll = async (): Promise<void> => {
    const bytes = Buffer.from(journal.content)
    const content = { bytes, written: [{ from: 0, to: bytes.length }], isWhole: true }
    const parts = { name: 'data/1', path: 'data/1/journal', content, kv, identity, isExpected: true, isNewStore: false }
    const delay = (task: () => void): (() => void) => {
      timers.add(task)
      return () => timers.delete(task)
    }
    const found = await openJournal(parts, { journal, slots, delay, onFailure: () => {} })
    const read = await new Promise<readonly [Uint8Array, Uint8Array]>((resolve) => found.slots.read((_, places) => resolve(places)))
    const { newest: state, next } = chooseSlot(read, owner)
    await found.ready()
    opened = { kv: found.kv, keeper: state && new HighWaterKeeper({ slots: found.slots, state, next }) }
  }
  openAll().catch((thrown: unknown) => {
    failure = thrown
  })
  await run(steps, stepsMax)
  if (failure !== undefined) throw failure
  return opened
}

function operationsOf(batch: number, { sizes }: { readonly sizes: readonly number[] }): readonly Operation[] {
  const operations = sizes.map((size, i): Operation => {
    const key = keys[(batch + i) % keys.length] ?? countKey
    return size === 0 ? { kind: 'delete', key } : { kind: 'put', key, value: Buffer.alloc(size, batch) }
  })
  return [...operations, { kind: 'put', key: countKey, value: Buffer.from(String(batch)) }]
}

/** What the store holds after the first batches. */
function stateAfter(batches: readonly (readonly Operation[])[]): ReadonlyMap<string, string> {
  const state = new Map<string, string>()
  for (const operation of batches.flat()) {
    const name = operation.key.toString()
    if (operation.kind === 'delete') state.delete(name)
    else state.set(name, digest(operation.value))
  }
  return state
}
const digest = (value: Uint8Array): string => (value.length < 20 ? Buffer.from(value).toString() : `${value.length} of ${value[0]}`)

function stateOf(kv: MemoryKeyValue): ReadonlyMap<string, string> {
  const state = new Map<string, string>()
  for (const key of [...keys, countKey]) {
    const value = kv.peek(key)
    if (value !== undefined) state.set(key.toString(), digest(value))
  }
  return state
}
const sorted = (state: ReadonlyMap<string, string>): readonly unknown[] => [...state].sort(([a], [b]) => (a < b ? -1 : 1))

const size = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 3_000 }) },
  { weight: 2, arbitrary: fc.integer({ min: 3_000, max: 70_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 70_000, max: 600_000 }) },
)
const batchShape = fc.record({ sizes: fc.array(size, { minLength: 0, maxLength: 4 }) })
const life = fc.record({
  batches: fc.array(batchShape, { minLength: 0, maxLength: 12 }),
  /** After each batch: whether the store gets what is waiting for it, and how far that gets before the next. */
  idle: fc.array(fc.record({ isLong: fc.integer({ min: 0, max: 5 }).map((n) => n === 0), steps: fc.nat({ max: 3 }) }), {
    minLength: 1,
    maxLength: 12,
  }),
  /** Closed in order, or cut off so many steps into one more batch, or into the opening that comes first. */
  end: fc.oneof(
    fc.constant({ kind: 'closed' as const }),
    fc.record({ kind: fc.constant('crash' as const), last: batchShape, steps: fc.nat({ max: 6 }) }),
    fc.record({ kind: fc.constant('crashAtOpening' as const), steps: fc.nat({ max: 8 }) }),
  ),
  /** Which sectors of the write under way are on the disk, and how many batches. */
  sectors: fc.infiniteStream(fc.boolean()),
  stored: fc.nat({ max: 1 }),
  slot: fc.constantFrom('lost' as const, 'stored' as const, 'torn' as const),
})

interface World {
  disk: Disk
  steps: Steps
  /** What waits for time to pass. */
  readonly timers: Set<() => void>
  /** All that were begun, and how many of them are promised. */
  readonly batches: (readonly Operation[])[]
  promised: number
}

function newWorld(): World {
  const steps = new Steps()
  return { disk: newDisk(steps), steps, timers: new Set(), batches: [], promised: 0 }
}

async function commit(
  { kv, keeper }: Opened,
  world: World,
  { sizes }: { readonly sizes: readonly number[] },
  steps?: number,
): Promise<void> {
  const number = world.batches.length + 1
  const operations = operationsOf(number, { sizes })
  world.batches.push(operations)
  if (keeper === undefined) throw new Error('there is no slot')
  const keep = kv.commit.bind(kv, operations)
  keeper.commit(nextSlotAfter(number), keep, (error) => {
    if (error !== undefined) throw error
    world.promised = number
  })
  if (steps !== undefined) return await run(world.steps, steps)
  for (let i = 0; world.promised < number && i < 100; i++) await run(world.steps, 1)
  expect(world.promised).toBe(number)
}

async function pause(
  { steps, timers }: World,
  { isLong = false, steps: count = 0 }: { readonly isLong?: boolean; readonly steps?: number } = {},
): Promise<void> {
  const due = isLong ? [...timers] : []
  for (const task of due) {
    timers.delete(task)
    task()
  }
  await run(steps, count)
}

function crash(
  world: World,
  { sectors, stored, slot }: { sectors: Iterator<boolean>; stored: number; slot: 'lost' | 'stored' | 'torn' },
): void {
  const steps = new Steps()
  const { kv, journal, slots } = world.disk
  const isStored = (): boolean => sectors.next().value === true
  world.disk = { kv: kv.crash(stored, steps), journal: journal.crash(isStored, steps), slots: slots.crash(slot, steps) }
  world.steps = steps
  world.timers.clear()
}

/** One life of a store; what is promised is in it at the beginning, and nothing that is half of a batch. */
async function live(
  world: World,
  { batches, idle, end, sectors, stored, slot }: typeof life extends fc.Arbitrary<infer T> ? T : never,
): Promise<void> {
  const fate = { sectors: sectors[Symbol.iterator](), stored, slot }
  if (end.kind === 'crashAtOpening') {
    await open(world, end.steps)
    return crash(world, fate)
  }
  const opened = await open(world)
  if (opened === undefined) throw new Error('it did not open')
  checkHeld(world)
  for (const [i, batch] of batches.entries()) {
    await commit(opened, world, batch)
    await pause(world, idle[i % idle.length])
  }
  if (end.kind === 'crash') {
    await commit(opened, world, end.last, end.steps)
    return crash(world, fate)
  }
  let isClosed = false
  opened.keeper?.close(() =>
    opened.kv.settle(() =>
      opened.kv.close(() => {
        isClosed = true
      }),
    ),
  )
  await run(world.steps)
  expect(isClosed).toBe(true)
  // Nothing needs the journal now.
  expect(sorted(stateOf(world.disk.kv))).toEqual(sorted(stateAfter(world.batches)))
}

function checkHeld(world: World, promised = world.promised): void {
  const held = Number(world.disk.kv.peek(countKey)?.toString() ?? 0)
  expect(held).toBeGreaterThanOrEqual(promised)
  expect(sorted(stateOf(world.disk.kv))).toEqual(sorted(stateAfter(world.batches.slice(0, held))))
  // A batch that nobody was promised, and that is not there, has never been.
  world.batches.length = held
  world.promised = held
}

test('what was promised is there after any crash, and what is there is a prefix of what was written', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 5 }), async (lives) => {
      const world = newWorld()
      for (const one of lives) await live(world, one)
      const opened = await open(world)
      if (opened?.keeper === undefined) throw new Error('it was not opened')
      checkHeld(world)
      // The slots know of nothing that is not there: nobody is fenced for a crash.
      expect(opened.keeper.state.last.writes).toBeLessThanOrEqual(world.promised)
    }),
    { numRuns: 300 },
  )
})

const damages = fc.record({
  /** Of the sectors, those of what the store does not have yet before the others. */
  isLive: fc.integer({ min: 0, max: 3 }).map((n) => n > 0),
  where: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  isZeroed: fc.boolean(),
})

test('where a sector of the journal is damaged as well, what was promised is there, or the high water says it is not', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(life, { minLength: 1, maxLength: 3 }),
      damages,
      fc.array(life, { minLength: 0, maxLength: 2 }),
      async (lives, damage, later) => {
        const world = newWorld()
        for (const one of lives) await live(world, one)
        spoil(world, damage)
        const { promised } = world
        const opened = await open(world)
        const held = Number(world.disk.kv.peek(countKey)?.toString() ?? 0)
        const said = opened?.keeper?.state.last.writes ?? Number.POSITIVE_INFINITY
        expect(Math.max(held, said)).toBeGreaterThanOrEqual(promised)
        expect(sorted(stateOf(world.disk.kv))).toEqual(sorted(stateAfter(world.batches.slice(0, held))))
        // A large record that nobody was promised, and the only one to say what the store has: nobody knows then what else there was.
        if (opened?.keeper === undefined) return
        // Whatever is done about it: what is promised from now on is kept.
        checkHeld(world, 0)
        crash(world, { sectors: [][Symbol.iterator](), stored: 0, slot: 'lost' })
        for (const one of later) await live(world, one)
        await open(world)
        checkHeld(world)
      },
    ),
    { numRuns: 300 },
  )
})

function spoil(
  { disk: { journal, kv } }: World,
  { isLive, where, isZeroed }: typeof damages extends fc.Arbitrary<infer T> ? T : never,
): void {
  const { content } = journal
  const { sequence } = decodeApplied(kv.peek(appliedKey) ?? new Uint8Array(0))
  const records = scanJournal(content, owner).records
  const live = records.filter((record) => record.sequence > sequence)
  const at = (isLive && live.length > 0 ? live : records).flatMap((record) => sectorsOf(record))
  const sector = at[Math.floor(where * at.length)] ?? 0
  if (isZeroed) content.fill(0, sector, sector + sectorBytes)
  else content[sector + 40] = (content[sector + 40] ?? 0) ^ 1
}

const sectorsOf = ({ at, bytes }: JournalRecord): readonly number[] =>
  Array.from({ length: bytes.length / sectorBytes }, (_, i) => at + i * sectorBytes)

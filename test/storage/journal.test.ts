import { copyFile, cp, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { chooseSlot, encodeSlot, type HighWater, ownerOf } from '../../src/storage/high-water.ts'
import { inspect } from '../../src/storage/inspect.ts'
import { readJournal } from '../../src/storage/journal-file.ts'
import {
  decodeRecord,
  journalBytes,
  type JournalRecord,
  RecordEncoder,
  recordBytes,
  scanJournal,
  sectorBytes,
} from '../../src/storage/journal-record.ts'
import { judgeJournal, slotWrites, withSlot } from '../../src/storage/journal-recovery.ts'
import { JournaledKeyValue, type JournaledOptions } from '../../src/storage/journaled-kv.ts'
import type { Operation } from '../../src/storage/kv.ts'
import { LevelLog } from '../../src/storage/level-log.ts'
import { MemoryJournal } from '../../src/storage/memory-journal.ts'
import { type BatchFate, MemoryKeyValue } from '../../src/storage/memory-kv.ts'
import { appliedKey, decodeApplied } from '../../src/storage/records.ts'
import {
  append,
  bootstrapped,
  called,
  close,
  commands,
  conf,
  confOfThree,
  identity,
  messageOf,
  nextSlotAfter,
  openLevel,
  read,
  temporaryDir,
} from './support.ts'
import { loseRecords } from './damages.ts'

const owner = ownerOf(identity)
const highWater = (writes: number, sequence = writes): HighWater => ({
  ...nextSlotAfter(writes),
  sequence,
  owner,
})
const slotOf = (writes: number): Uint8Array => encodeSlot(highWater(writes))
const put = (key: string, value: string | Uint8Array): Operation => ({ kind: 'put', key: Buffer.from(key), value: Buffer.from(value) })
const remove = (key: string): Operation => ({ kind: 'delete', key: Buffer.from(key) })
const recordOf = (sequence: number, operations: readonly Operation[] = [put('k', String(sequence))]): Uint8Array =>
  new RecordEncoder(owner).encode({ sequence, slot: slotOf(sequence), operations })
const placed = (...records: readonly (readonly [at: number, record: Uint8Array])[]): Buffer => {
  const journal = Buffer.alloc(16 * sectorBytes)
  for (const [at, record] of records) journal.set(record, at * sectorBytes)
  return journal
}
const sequences = (journal: Uint8Array): readonly number[] => scanJournal(journal, owner).records.map(({ sequence }) => sequence)

describe('a record', () => {
  test.each([0, 1, 3_900, 4_095, 4_096, 8_190, 70_000])('with a value of %i bytes is read as it was written', (bytes) => {
    const write = { sequence: 9, slot: slotOf(9), operations: [remove('gone'), put('kept', Buffer.alloc(bytes, 0x2d)), put('last', '')] }
    const record = new RecordEncoder(owner).encode(write)
    expect(record.length).toBe(recordBytes(write))
    expect(record.length % sectorBytes).toBe(0)
    const journal = Buffer.concat([record, Buffer.alloc(record.length)])
    const [found] = scanJournal(journal, owner).records
    expect(found && decodeRecord(found)).toEqual(write)
  })

  test('of one small entry is one sector', () => {
    expect(recordBytes({ slot: slotOf(1), operations: [put('k', Buffer.alloc(300))] })).toBe(sectorBytes)
  })

  test('is not there when any bit of it is another', () => {
    const record = recordOf(3)
    for (let at = 0; at < record.length; at += 7) {
      const spoilt = Buffer.from(record)
      spoilt[at] = (spoilt[at] ?? 0) ^ 0x10
      expect(sequences(placed([0, spoilt])), `byte ${at}`).toEqual([])
    }
  })

  test('is never found in what an entry holds', () => {
    const image = recordOf(99)
    const value = Buffer.concat(Array.from({ length: 5 }, () => image))
    for (let shift = 0; shift < sectorBytes; shift += 97) {
      const journal = Buffer.alloc(32 * sectorBytes)
      const record = Buffer.from(recordOf(1, [put('k', Buffer.concat([Buffer.alloc(shift), value]))]))
      record[20] = 0xff
      journal.set(record)
      expect(sequences(journal)).toEqual([])
    }
  })

  test('does not lie in both halves', () => {
    expect(sequences(placed([7, recordOf(1, [put('k', Buffer.alloc(5_000))])]))).toEqual([])
    expect(sequences(placed([6, recordOf(1, [put('k', Buffer.alloc(5_000))])]))).toEqual([1])
  })
})

describe('a journal', () => {
  test('gives its records by their numbers, each once, wherever they lie', () => {
    expect(sequences(placed([8, recordOf(4)], [9, recordOf(4)], [0, recordOf(2)], [1, recordOf(2)], [2, recordOf(3)]))).toEqual([2, 3, 4])
  })

  test('of which one copy is damaged gives the other', () => {
    const journal = placed([0, recordOf(2)], [1, recordOf(2)])
    journal.fill(0, 0, sectorBytes)
    expect(sequences(journal)).toEqual([2])
  })

  test('of another node gives nothing, and says whose it is', () => {
    const other = ownerOf({ ...identity, nodeId: 2 })
    expect(scanJournal(placed([0, recordOf(1)]), other)).toEqual({ records: [], foreign: owner })
  })
})

describe('what is made of a journal', () => {
  const found = (...known: readonly number[]): readonly JournalRecord[] =>
    scanJournal(placed(...known.map((n) => [n, recordOf(n)] as const)), owner).records
  const judged = (known: readonly number[], applied: number, isClean = false) => {
    const { missing, newest, slot, isLost } = judgeJournal({
      records: found(...known),
      isWhole: true,
      applied: { sequence: applied, isClean },
      isNewStore: false,
    })
    return { missing: missing.map(({ sequence }) => sequence), newest: newest.sequence, slot: slot?.last.writes, isLost }
  }

  test('the store gets what it does not have', () => {
    expect(judged([3, 4, 5, 6], 4)).toEqual({ missing: [5, 6], newest: 6, slot: 6, isLost: false })
    expect(judged([3, 4], 4)).toEqual({ missing: [], newest: 4, slot: 4, isLost: false })
  })

  test('behind a gap nothing is given, and the slot says that there was more', () => {
    expect(judged([3, 4, 6, 7], 3)).toEqual({ missing: [4], newest: 7, slot: 7, isLost: false })
  })

  test('one that lacks what the store knows of is lost, unless the log was closed in order', () => {
    expect(judged([3, 4], 5).isLost).toBe(true)
    expect(judged([], 5).isLost).toBe(true)
    expect(judged([], 5, true)).toEqual({ missing: [], newest: 5, slot: undefined, isLost: false })
  })

  test('a store that has just been made gets nothing, and a slot', () => {
    const verdict = judgeJournal({ records: found(1, 2), isWhole: true, applied: undefined, isNewStore: true })
    expect([verdict.missing, verdict.newest.sequence, verdict.slot?.last.writes, verdict.isLost]).toEqual([[], 2, 2, false])
  })

  test('a store whose word on it is damaged gets nothing either: the slot says whether it lacks anything', () => {
    const verdict = judgeJournal({ records: found(1, 2), isWhole: true, applied: 'damaged', isNewStore: false })
    expect([verdict.missing, verdict.slot?.last.writes, verdict.isLost]).toEqual([[], 2, false])
  })

  test('a newer slot takes the place of the older one, and both places say so where one had said nothing', () => {
    const whole = [slotOf(4), slotOf(5)] as const
    expect(slotWrites(whole, highWater(6), owner).map(({ position }) => position)).toEqual([0])
    expect(slotWrites(whole, highWater(5), owner)).toEqual([])
    expect(slotWrites([new Uint8Array(0), new Uint8Array(0)], highWater(6), owner)).toEqual([])
    for (const places of [
      [slotOf(4), new Uint8Array(0)],
      [new Uint8Array(0), slotOf(4)],
    ] as const) {
      const { newest, unreadable } = chooseSlot(withSlot(places, highWater(6), owner), owner)
      expect([newest?.last.writes, newest?.sequence, unreadable]).toEqual([6, 7, []])
    }
  })
})

interface Store {
  readonly kv: MemoryKeyValue
  readonly journal: MemoryJournal
  readonly journaled: JournaledKeyValue
  readonly failures: Error[]
  /** Batches that the store was given. */
  readonly batches: (readonly Operation[])[]
  /** Lets time pass. */
  tick(): void
}

function store({
  fate = () => 'stored',
  isRefused = () => false,
  hasRoom,
  bytes = 1_024 * 1_024,
  at = 0,
}: {
  fate?: () => BatchFate
  isRefused?: () => boolean
  hasRoom?: JournaledOptions['hasRoom']
  bytes?: number
  at?: number
} = {}): Store {
  const batches: (readonly Operation[])[] = []
  const kv = new MemoryKeyValue({
    fate: (operations) => {
      batches.push(operations)
      return fate()
    },
  })
  const journal = new MemoryJournal({ isRefused }, Buffer.alloc(bytes))
  const failures: Error[] = []
  let due: (() => void) | undefined
  const delay = (task: () => void): (() => void) => {
    due = task
    return () => {
      due = undefined
    }
  }
  const tick = (): void => {
    const task = due
    due = undefined
    task?.()
  }
  const onFailure = (error: Error): void => void failures.push(error)
  const applied = { sequence: 0, isClean: true }
  const journaled = new JournaledKeyValue({ kv, journal, owner, newest: { sequence: 0, at }, applied, onFailure, hasRoom, delay })
  return { kv, journal, journaled, failures, batches, tick }
}
const commit = ({ journaled }: Store, writes: number, ...operations: readonly Operation[]): Promise<void> =>
  called((done) => journaled.commit(operations, slotOf(writes), done))
const held = ({ kv }: Store, key: string): string | undefined => kv.peek(Buffer.from(key))?.toString()
const appliedOf = ({ kv }: Store): unknown => decodeApplied(kv.peek(appliedKey) ?? new Uint8Array(0))
const seen = ({ journaled }: Store, key: string): Promise<string | undefined> =>
  new Promise((resolve, reject) =>
    journaled.get(Buffer.from(key), (error, value) =>
      error === undefined ? resolve(value && Buffer.from(value).toString()) : reject(error),
    ),
  )

describe('a store with a journal', () => {
  test('tells the database of its first commit before it is promised, and of the others later, all at once', async () => {
    const one = store()
    await commit(one, 1, put('a', '1'))
    expect([held(one, 'a'), appliedOf(one)]).toEqual(['1', { sequence: 1, isClean: false }])
    await commit(one, 2, put('a', '2'), put('b', '2'))
    await commit(one, 3, put('a', '3'), remove('b'))
    expect([held(one, 'a'), one.batches.length]).toEqual(['1', 1])
    expect(sequences(one.journal.content)).toEqual([1, 2, 3])
    one.tick()
    await called((done) => one.journaled.settle(done))
    expect([held(one, 'a'), held(one, 'b')]).toEqual(['3', undefined])
    expect(one.batches.map((operations) => operations.length)).toEqual([2, 3, 1])
    expect(appliedOf(one)).toEqual({ sequence: 3, isClean: true })
  })

  test('writes a small record twice, a large one once and a small one after it', async () => {
    const one = store()
    await commit(one, 1, put('a', '1'))
    const start = one.journal.bytes / 2
    const sectors = [0, 1].map((i) => one.journal.content.subarray(start + i * sectorBytes, start + (i + 1) * sectorBytes))
    expect(sectors[0]).toEqual(sectors[1])
    await commit(one, 2, put('a', Buffer.alloc(100_000)))
    const [, large, note] = scanJournal(one.journal.content, owner).records
    expect([large?.sequence, note?.sequence, note?.bytes.length]).toEqual([2, 3, sectorBytes])
    expect(note && decodeRecord(note)).toEqual({ sequence: 3, slot: slotOf(2), operations: [] })
  })

  test('gives what no half can hold to the database itself, after all that came before', async () => {
    const one = store()
    await commit(one, 1, put('a', '1'))
    await commit(one, 2, put('a', '2'))
    await commit(one, 3, put('b', Buffer.alloc(600_000)), remove('a'))
    expect([held(one, 'a'), held(one, 'b')?.length]).toEqual([undefined, 600_000])
    expect(sequences(one.journal.content)).toEqual([1, 2, 3])
  })

  test('lets reads see what is committed, and does not wait where they do not ask for it', async () => {
    const one = store()
    await commit(one, 1, put('a', '1'))
    await commit(one, 2, put('b', '2'))
    expect(await seen(one, 'a')).toBe('1')
    expect(held(one, 'b')).toBeUndefined()
    expect(await seen(one, 'b')).toBe('2')
    await commit(one, 3, remove('a'), put('c', '3'))
    const keys: string[] = []
    const range = { firstKey: Buffer.from('a'), lastKey: Buffer.from('d'), bytesMax: 1 }
    const each = (key: Uint8Array): boolean => Boolean(keys.push(Buffer.from(key).toString()))
    await called((done) => one.journaled.range(range, each, done))
    expect(keys).toEqual(['b', 'c'])
  })

  test('writes over a half only when the database has all that is in it', async () => {
    const one = store()
    for (let i = 1; i <= 40; i++) {
      await commit(one, i, put('a', Buffer.alloc(25_000, i)))
      const { sequence } = decodeApplied(one.kv.peek(appliedKey) ?? new Uint8Array(0))
      const kept = sequences(one.journal.content)
      expect(kept.slice(-1 * (i - sequence)).at(0)).toBe(i === sequence ? kept[0] : sequence + 1)
      expect(kept.at(-1)).toBe(i)
    }
  })

  test('begins in the half in which its newest record is not', async () => {
    for (const [at, expected] of [
      [0, 524_288],
      [524_288, 0],
    ] as const) {
      const one = store({ at })
      await commit(one, 1, put('a', '1'))
      expect(scanJournal(one.journal.content, owner).records[0]?.at).toBe(expected)
    }
  })

  test('refuses everything after the journal has', async () => {
    let isRefused = false
    const one = store({ isRefused: () => isRefused })
    await commit(one, 1, put('a', '1'))
    isRefused = true
    await expect(commit(one, 2, put('a', '2'))).rejects.toThrow('the disk refused the record')
    isRefused = false
    await expect(commit(one, 3, put('a', '3'))).rejects.toThrow('the disk refused the record')
    await expect(called((done) => one.journaled.settle(done))).rejects.toThrow('the disk refused the record')
  })

  test('gives the database nothing while there is no room for it, and all of it when there is', async () => {
    const asked: number[] = []
    let isThere = false
    const hasRoom: JournaledOptions['hasRoom'] = (bytes, answer) => {
      asked.push(bytes)
      answer(isThere)
    }
    const one = store({ hasRoom })
    await commit(one, 1, put('a', '1'))
    await commit(one, 2, put('a', '2'))
    one.tick()
    await commit(one, 3, put('a', '3'))
    one.tick()
    expect([held(one, 'a'), one.batches.length, asked]).toEqual(['1', 1, [sectorBytes, 2 * sectorBytes]])
    isThere = true
    one.tick()
    await called((done) => one.journaled.settle(done))
    expect([held(one, 'a'), one.batches.length]).toEqual(['3', 3])
  })

  /** One whose question for room, after its second commit, is answered when the test says so. */
  const asking = async (): Promise<{ readonly one: Store; answer(): void }> => {
    let given: ((hasRoom: boolean) => void) | undefined
    const one = store({ hasRoom: (_, answer) => (given = answer) })
    await commit(one, 1, put('a', '1'))
    await commit(one, 2, put('a', '2'))
    one.tick()
    const answer = (): void => {
      const answered = given
      given = undefined
      answered?.(true)
    }
    return { one, answer }
  }

  test('does not keep those waiting who need what is in the database, room or not', async () => {
    const { one, answer } = await asking()
    expect(held(one, 'a')).toBe('1')
    expect(await seen(one, 'a')).toBe('2')
    const { length } = one.batches
    answer()
    expect(one.batches.length).toBe(length)
  })

  test('goes on giving the database what comes, although somebody did not wait for the answer', async () => {
    const { one, answer } = await asking()
    expect(await seen(one, 'a')).toBe('2')
    await commit(one, 3, put('a', '3'))
    // That of before: it serves the third commit, whose time is still to come.
    answer()
    one.tick()
    await seen(one, 'a')
    await commit(one, 4, put('a', '4'))
    one.tick()
    answer()
    await new Promise((resolve) => setImmediate(resolve))
    expect(held(one, 'a')).toBe('4')
  })

  test('is closed beside an unanswered question for room', async () => {
    const { one, answer } = await asking()
    await called((done) => one.journaled.close(done))
    answer()
    expect([held(one, 'a'), one.failures]).toEqual(['1', []])
  })

  test('fails when the database does, although nobody waits for it', async () => {
    let fate: BatchFate = 'stored'
    const one = store({ fate: () => fate })
    await commit(one, 1, put('a', '1'))
    fate = 'refused'
    await commit(one, 2, put('a', '2'))
    one.tick()
    await new Promise((resolve) => setImmediate(resolve))
    expect(one.failures.map(({ message }) => message)).toEqual(['the disk refused the batch'])
    await expect(commit(one, 3)).rejects.toThrow('the disk refused the batch')
    await expect(called((done) => one.journaled.settle(done))).rejects.toThrow('the disk refused the batch')
    expect(appliedOf(one)).toEqual({ sequence: 1, isClean: false })
  })
})

/** A directory as a node leaves it that is killed after 30 entries: LevelDB has the first ten. */
async function killed(of = confOfThree): Promise<string> {
  const [dir, copy] = [join(await temporaryDir(), 'data'), join(await temporaryDir(), 'killed')]
  await LevelLog.bootstrap({ dir, identity, conf: of })
  const log = await LevelLog.open(dir)
  await append(log, { entries: commands(1, 1, 10) })
  // As it is now on the disk; the journal is copied later.
  await cp(dir, copy, { recursive: true })
  for (const first of [11, 21]) await append(log, { entries: commands(1, first, 10) })
  await copyFile(join(dir, 'journal'), join(copy, 'journal'))
  await close(log)
  return copy
}

describe('the directory of a node that was killed', () => {
  test('has what was promised, and nothing is wrong with it', async () => {
    const dir = await killed()
    for (let i = 0; i < 3; i++) {
      const log = await openLevel(dir)
      expect([log.findings, log.summary.fence]).toEqual([[], undefined])
      expect(await read(log, 1, 99)).toEqual(commands(1, 1, 30))
      await close(log)
    }
  })

  test('is looked into without a change, and is whole', async () => {
    const dir = await killed()
    await rm(join(dir, 'pid'))
    const before = await readFile(join(dir, 'high-water'))
    const inspection = await inspect(dir, { scratch: await temporaryDir() })
    expect([inspection.log.found.end.index, inspection.findings]).toEqual([30, []])
    await inspection.close()
    expect(await readFile(join(dir, 'high-water'))).toEqual(before)
  })

  test('is looked into with its journal although its identity is damaged', async () => {
    const dir = await killed()
    await rm(join(dir, 'pid'))
    await writeFile(join(dir, 'identity.json'), '{')
    const inspection = await inspect(dir, { scratch: await temporaryDir() })
    expect(inspection.log.found.end.index).toBe(30)
    await inspection.close()
  })

  test('whose journal has a hole is fenced at what it says', async () => {
    const dir = await killed()
    await loseRecords(dir)
    const log = await openLevel(dir)
    expect(log.summary).toMatchObject({ lastIndex: 10, fence: { floor: { term: 1, index: 30 } } })
    await append(log, { entries: commands(1, 11, 20) })
    await close(log)
    const again = await openLevel(dir)
    expect([again.summary.fence, again.latestLogIndex]).toEqual([undefined, 30])
  })

  test.each([
    ['missing', (path: string) => rm(path)],
    ['cut', (path: string) => truncate(path, journalBytes / 2)],
    ['zeroed', (path: string) => writeFile(path, Buffer.alloc(journalBytes))],
    ['a link to nothing', (path: string) => rm(path).then(() => symlink('/nowhere/journal', path))],
  ])('whose journal is %s is fenced, and nobody knows how high', async (_, spoil) => {
    const dir = await killed()
    await spoil(join(dir, 'journal'))
    const inspection = await inspect(dir, { scratch: await temporaryDir() }).catch((error: Error) => error)
    if (!(inspection instanceof Error)) await inspection.close()
    const log = await openLevel(dir)
    expect(log.summary.fence).toEqual({ floor: undefined })
    expect(log.findings[0]?.what).toBe(`nothing of ${join(dir, 'journal')} can be read`)
    await close(log)
    const again = await openLevel(dir)
    expect(again.summary.fence).toEqual({ floor: undefined })
    expect((await stat(join(dir, 'journal'))).size).toBe(journalBytes)
  })

  test('that is alone, without its journal, is refused, again and again', async () => {
    const dir = await killed(conf)
    await rm(join(dir, 'journal'))
    for (let i = 0; i < 2; i++) {
      expect(await messageOf(openLevel(dir))).toBe(
        `STORAGE_DAMAGED ${dir}: nothing of ${join(dir, 'journal')} can be read. ` +
          'No other member has a copy to repair it from: keep the directory, and restore a backup of it.',
      )
    }
  })

  test('with the journal of another node is refused', async () => {
    const dir = await killed()
    const other = join(await temporaryDir(), 'other')
    await LevelLog.bootstrap({ dir: other, identity: { ...identity, nodeId: 2 }, conf: confOfThree })
    const log = await LevelLog.open(other)
    await append(log, { entries: commands(1, 1, 1) })
    await close(log)
    await copyFile(join(other, 'journal'), join(dir, 'journal'))
    expect(await messageOf(openLevel(dir))).toContain(`DATA_DIR_FOREIGN ${join(dir, 'journal')} is of node 2 (incarnation 1)`)
  })
})

describe('a journal that is read', () => {
  const part = 65_536
  /** Across the boundaries of what is read and of what is left out, and at both ends. */
  const places = [0, part - sectorBytes, 5 * part, 1_048_576 - sectorBytes, journalBytes / 2, journalBytes - 2 * sectorBytes]
  const large = [put('k', Buffer.alloc(sectorBytes))]

  async function written(...at: readonly number[]): Promise<{ path: string; bytes: Buffer }> {
    const bytes = Buffer.alloc(journalBytes)
    for (const [i, from] of at.entries()) bytes.set(recordOf(i + 1, large), from)
    const path = join(await temporaryDir(), 'journal')
    await writeFile(path, bytes)
    return { path, bytes }
  }

  test('is the same as the file, and tells where anything but zeros is', async () => {
    const { path, bytes } = await written(...places)
    const read = await readJournal(path)
    expect(read.isWhole).toBe(true)
    expect(bytes.equals(read.bytes)).toBe(true)
    expect(read.written).toEqual([
      { from: 0, to: 2 * part },
      { from: 5 * part, to: 6 * part },
      { from: 1_048_576 - part, to: 1_048_576 + part },
      { from: journalBytes / 2, to: journalBytes / 2 + part },
      { from: journalBytes - part, to: journalBytes },
    ])
  })

  test('has the same records there as everywhere', async () => {
    const read = await readJournal((await written(...places)).path)
    const found = scanJournal(read.bytes, owner, read.written)
    expect(found.records.map(({ at }) => at)).toEqual(places)
    expect(found).toEqual(scanJournal(read.bytes, owner))
  })

  test('with nothing in it is whole, and need not be looked at', async () => {
    const { path } = await written()
    expect(await readJournal(path)).toMatchObject({ written: [], isWhole: true })
  })

  test('that ends too early is not whole, and has what there is', async () => {
    const { path } = await written(0, part - sectorBytes)
    await truncate(path, part)
    const read = await readJournal(path)
    expect(read).toMatchObject({ written: [{ from: 0, to: part }], isWhole: false })
    expect(scanJournal(read.bytes, owner, read.written).records.map(({ sequence }) => sequence)).toEqual([1])
  })
})

describe('the directory of a node that was stopped', () => {
  test.each([
    ['missing', (path: string) => rm(path)],
    ['cut', (path: string) => truncate(path, 100)],
  ])('is whole when its journal is %s, and gets another', async (_, spoil) => {
    const dir = await bootstrapped()
    const log = await openLevel(dir)
    await append(log, { entries: commands(1, 1, 10) })
    await close(log)
    await spoil(join(dir, 'journal'))
    const again = await openLevel(dir)
    expect([again.findings, again.summary.fence, again.latestLogIndex]).toEqual([[], undefined, 10])
    await append(again, { entries: commands(1, 11, 10) })
    await close(again)
    expect((await openLevel(dir)).latestLogIndex).toBe(20)
    expect((await stat(join(dir, 'journal'))).size).toBe(journalBytes)
  })
})

import { describe, expect, test } from 'vitest'
import { InvariantError } from '../../src/core/invariant.ts'
import type { Entry } from '../../src/core/types.ts'
import { BlockLog } from '../../src/storage/block-log.ts'
import type { KeyValue, Operation } from '../../src/storage/kv.ts'
import { MemoryKeyValue } from '../../src/storage/memory-kv.ts'
import { baseKey, blockKey, decodeHardState, encodeHardState, hardStateKey, identityKey, readBlockKey } from '../../src/storage/records.ts'
import { encodeEnvelope } from '../../src/wire/envelope-codec.ts'
import { append, called, close, commands, messageOf, name, newBlocks, openBlocks, read, wayOut } from './support.ts'

/** A store, and every batch it was given since. */
async function logged(): Promise<{ log: BlockLog; kv: MemoryKeyValue; batches: string[][] }> {
  const batches: string[][] = []
  const kv = new MemoryKeyValue({
    fate: (operations) => {
      batches.push(operations.map(nameOf))
      return 'stored'
    },
  })
  const log = await newBlocks(kv)
  batches.length = 0
  return { log, kv, batches }
}
const nameOf = ({ kind, key }: Operation): string => `${kind} ${readBlockKey(key) ?? Buffer.from(key.subarray(1)).toString()}`

/** A log of 30 entries in the blocks 1-10, 11-20, 21-30. */
async function stored(): Promise<MemoryKeyValue> {
  const kv = new MemoryKeyValue()
  const log = await newBlocks(kv)
  for (const first of [1, 11, 21]) await append(log, { entries: commands(1, first, 10) })
  return kv.crash()
}
const complaint = (kv: KeyValue): Promise<string> => messageOf(openBlocks(kv))
const damage = (what: string): string => `STORAGE_DAMAGED ${name}: ${what}. ${wayOut}`

function flip(kv: MemoryKeyValue, key: Uint8Array, at: number): void {
  const value = Buffer.from(kv.peek(key) ?? [])
  value[at] = (value[at] ?? 0) ^ 1
  kv.poke(key, value)
}

test('opening finds the entries by which operators skip commands, and nothing that was truncated', async () => {
  const kv = new MemoryKeyValue()
  const log = await newBlocks(kv)
  const skip = (index: number, skipped: number): Entry => {
    return { term: 1, index, kind: 'command', data: encodeEnvelope({ kind: 'skip', now: 0, skipped }), conf: undefined }
  }
  // Of a command that begins like one.
  const alike: Entry = { ...skip(5, 1), data: Uint8Array.of(7, 1, 2) }
  await append(log, { entries: [...commands(1, 1, 2), skip(3, 1), skip(4, 2), alike] })
  await append(log, { truncateFrom: 4, entries: [...commands(1, 4, 1), skip(5, 4)] })
  expect(log.skips).toEqual([])
  const opened = await openBlocks(kv.crash())
  expect(opened.skips).toEqual([
    { index: 3, skipped: 1 },
    { index: 5, skipped: 4 },
  ])
})

describe('a write', () => {
  test('is one batch: its block, and term, vote and end of the log', async () => {
    const { log, batches } = await logged()
    await append(log, { entries: commands(1, 1, 50) })
    await append(log, { hardState: { term: 2, votedFor: 1 } })
    expect(batches).toEqual([['put 1', 'put hardState'], ['put hardState']])
  })

  test('that truncates inside a block shortens it, deletes the later ones and puts the new tail, in one batch', async () => {
    const { log, batches } = await logged()
    for (const first of [1, 11, 21]) await append(log, { entries: commands(1, first, 10) })
    batches.length = 0
    await append(log, { hardState: { term: 2, votedFor: undefined }, truncateFrom: 15, entries: commands(2, 15, 3) })
    expect(batches).toEqual([['delete 11', 'delete 21', 'put 11', 'put 15', 'put hardState']])
    expect(await read(log, 1, 99)).toEqual([...commands(1, 1, 14), ...commands(2, 15, 3)])
  })

  test('that truncates at the border of a block needs no reading', async () => {
    const { log, batches } = await logged()
    for (const first of [1, 11, 21]) await append(log, { entries: commands(1, first, 10) })
    batches.length = 0
    await append(log, { hardState: { term: 2, votedFor: undefined }, truncateFrom: 11, entries: commands(2, 11, 3) })
    expect(batches).toEqual([['delete 11', 'delete 21', 'put 11', 'put hardState']])
  })

  test('of more than 1 MiB is one batch of several blocks', async () => {
    const { log, batches } = await logged()
    const entries: Entry[] = []
    for (let index = 1; index <= 5; index++)
      entries.push({ term: 1, index, kind: 'command', data: new Uint8Array(500_000), conf: undefined })
    await append(log, { entries })
    expect(batches).toEqual([['put 1', 'put 3', 'put 5', 'put hardState']])
  })

  test.each([
    ['a term never falls (§3.3)', { hardState: { term: 1, votedFor: undefined } }],
    ['one vote a term (§3.4)', { hardState: { term: 2, votedFor: 2 } }],
    ['appended entries follow the log without a gap', { entries: commands(2, 4, 1) }],
    ['terms never fall along a log (§3.6)', { entries: commands(1, 3, 1) }],
    ['no entry is of a later term than the node', { entries: commands(3, 3, 1) }],
    ['a truncation leaves the base in place', { truncateFrom: 0 }],
  ])('against the rule "%s" breaks an invariant, and nothing is written', async (message, changes) => {
    const { log, batches } = await logged()
    await append(log, { hardState: { term: 2, votedFor: 1 }, entries: commands(2, 1, 2) })
    const write = append(log, { hardState: { term: 2, votedFor: 1 }, ...changes })
    await expect(write).rejects.toThrow(new InvariantError(message))
    expect(batches).toHaveLength(1)
  })
})

describe('a read', () => {
  test.each([11, 15])('that is asked for during a truncation from %i gives the log after it', async (truncateFrom) => {
    const log = await openBlocks(await stored())
    const tail = commands(2, truncateFrom, 7)
    const write = append(log, { hardState: { term: 2, votedFor: undefined }, truncateFrom, entries: tail })
    const reads = Promise.all([read(log, 5, 30), read(log, 25, 30), read(log, truncateFrom, truncateFrom)])
    await write
    expect(await reads).toEqual([[...commands(1, 5, truncateFrom - 5), ...tail], [], tail.slice(0, 1)])
  })

  test('is refused while 1,024 others wait for a write that removes entries', async () => {
    const log = await openBlocks(await stored())
    const write = append(log, { hardState: { term: 2, votedFor: undefined }, truncateFrom: 11 })
    const reads = Array.from({ length: 1_024 }, () => read(log, 1, 1))
    expect(await messageOf(read(log, 1, 1))).toBe(`OVERLOADED ${name}: 1024 reads wait for a write that removes entries`)
    await write
    expect(new Set((await Promise.all(reads)).map(({ length }) => length))).toEqual(new Set([1]))
  })
})

describe('a disk that refuses a batch', () => {
  test.each(['refused', 'refusedButStored'] as const)('(%s) makes the log unusable; nothing is tried again', async (fate) => {
    let batches = 0
    const kv = (await stored()).crash(0, { fate: () => (++batches === 2 ? fate : 'stored') })
    const log = await openBlocks(kv)
    await append(log, { entries: commands(1, 31, 1) })
    const what = `${name}: a write failed: the disk refused the batch. What reached the disk is unknown. Mend the disk, then start the node again.`
    const [failed, queued] = await Promise.all([
      messageOf(append(log, { entries: commands(1, 32, 1) })),
      messageOf(append(log, { entries: commands(1, 33, 1) })),
    ])
    expect(failed).toBe(`STORAGE_FAILED ${what}`)
    expect(queued).toBe(`STORAGE_FAILED ${name}: the log is unusable since an earlier error: ${what}`)
    expect(await messageOf(read(log, 1, 1))).toBe(queued)
    expect(batches).toBe(2)
    await close(log)
    const opened = await openBlocks(kv.crash())
    expect(opened.latestLogIndex).toBe(fate === 'refused' ? 31 : 32)
  })
})

describe('opening', () => {
  test('reports progress while it reads a long log', async () => {
    const kv = new MemoryKeyValue()
    const log = await newBlocks(kv)
    for (let first = 1; first < 150_000; first += 10_000) await append(log, { entries: commands(1, first, 10_000, '') })
    const progress: number[] = []
    await called((done) => BlockLog.open(kv.crash(), { name, onProgress: (lastIndex) => progress.push(lastIndex) }, done))
    expect(progress).toEqual([70_000, 140_000])
  })

  test('continues the chain and the count of writes', async () => {
    const first = await stored()
    const log = await openBlocks(first)
    await append(log, { entries: commands(1, 31, 5) })
    const opened = await openBlocks(first.crash())
    expect(await read(opened, 29, 40)).toEqual(commands(1, 29, 7))
    expect(decodeHardState(first.peek(hardStateKey) ?? new Uint8Array()).writes).toBe(4)
  })
})

describe('damage found on opening', () => {
  test.each([
    ['a missing block in the middle', (kv: MemoryKeyValue) => kv.poke(blockKey(11), undefined), 'entries 11 to 20 are missing'],
    ['a missing block at the end', (kv: MemoryKeyValue) => kv.poke(blockKey(21), undefined), 'entries 21 to 30 are missing'],
    ['a missing hard state', (kv: MemoryKeyValue) => kv.poke(hardStateKey, undefined), 'the hard state record is missing'],
    ['a missing base', (kv: MemoryKeyValue) => kv.poke(baseKey, undefined), 'the base record is missing'],
    ['a missing identity', (kv: MemoryKeyValue) => kv.poke(identityKey, undefined), 'the identity record is missing'],
    [
      'a flipped bit in the hard state',
      (kv: MemoryKeyValue) => flip(kv, hardStateKey, 9),
      'the hard state record does not match its checksum',
    ],
    ['a flipped bit in the base', (kv: MemoryKeyValue) => flip(kv, baseKey, 30), 'the base record does not match its checksum'],
    ['a flipped bit in the identity', (kv: MemoryKeyValue) => flip(kv, identityKey, 5), 'the identity record does not match its checksum'],
    [
      'a hard state cut off',
      (kv: MemoryKeyValue) => kv.poke(hardStateKey, Buffer.of(1, 2)),
      'the hard state record has 2 bytes, fewer than a checksum',
    ],
    [
      'a flipped bit in an entry',
      (kv: MemoryKeyValue) => flip(kv, blockKey(11), 30),
      'the run of entries 11 to 20 does not match its checksum',
    ],
    ['a flipped bit in a header', (kv: MemoryKeyValue) => flip(kv, blockKey(11), 3), 'the block of entry 11 does not match its checksum'],
    [
      'a block under the key of another',
      (kv: MemoryKeyValue) => kv.poke(blockKey(11), kv.peek(blockKey(21))),
      'the block of entry 11 says that it starts at entry 21',
    ],
    [
      'a record that is none of a log',
      (kv: MemoryKeyValue) => kv.poke(Buffer.of(7, 8), Buffer.of(1)),
      'the record 0708 is not one of a log',
    ],
  ])('%s', async (_, spoil, message) => {
    const kv = await stored()
    spoil(kv)
    expect(await complaint(kv)).toBe(damage(message))
  })

  test('a whole but outdated end: the tail of the last write is lost, its hard state is not', async () => {
    const kv = await stored()
    const log = await openBlocks(kv)
    await append(log, { hardState: { term: 4, votedFor: 1 }, truncateFrom: 21, entries: commands(4, 21, 10) })
    const after = kv.crash()
    after.poke(blockKey(21), (await stored()).peek(blockKey(21)))
    expect(await complaint(after)).toBe(damage('the log ends with entry 30 of term 1, the last write left it at entry 30 of term 4'))
  })

  test('a block that was written after other entries than those before it', async () => {
    const kv = await stored()
    const other = new MemoryKeyValue()
    const log = await newBlocks(other)
    for (const first of [1, 11]) await append(log, { entries: commands(1, first, 10, 'other') })
    kv.poke(blockKey(11), other.peek(blockKey(11)))
    expect(await complaint(kv)).toBe(damage('entry 11 was not written after the entry 10 that is stored'))
  })

  test('another end of the same index and term', async () => {
    const kv = await stored()
    const other = new MemoryKeyValue()
    const log = await newBlocks(other)
    for (const first of [1, 11]) await append(log, { entries: commands(1, first, 10) })
    await append(log, { entries: commands(1, 21, 10, 'other') })
    kv.poke(blockKey(21), other.peek(blockKey(21)))
    expect(await complaint(kv)).toBe(damage('entry 30 of term 1 is not the one with which the last write left the log'))
  })

  test('an entry stored twice', async () => {
    const kv = await stored()
    const other = new MemoryKeyValue()
    const log = await newBlocks(other)
    await append(log, { entries: commands(1, 1, 4) })
    await append(log, { entries: commands(1, 5, 6) })
    kv.poke(blockKey(5), other.peek(blockKey(5)))
    expect(await complaint(kv)).toBe(damage('entry 5 is stored twice'))
  })

  test('a hard state of an earlier term than the entries', async () => {
    const kv = await stored()
    const log = await openBlocks(kv)
    await append(log, { hardState: { term: 5, votedFor: undefined }, entries: commands(5, 31, 1) })
    const after = kv.crash()
    const { lastChain } = decodeHardState(after.peek(hardStateKey) ?? new Uint8Array())
    after.poke(hardStateKey, encodeHardState({ term: 4, votedFor: undefined, writes: 5, lastIndex: 31, lastTerm: 5, lastChain }))
    expect(await complaint(after)).toBe(damage('entry 31 of term 5 is of a later term than the hard state, 4'))
  })

  test('of any bit of any record, is never taken for a log', async () => {
    const kv = await stored()
    for (const key of kv.keys) {
      const { length } = kv.peek(key) ?? { length: 0 }
      for (let at = 0; at < length; at++) {
        flip(kv, key, at)
        expect(await complaint(kv), `byte ${at} of ${Buffer.from(key).toString('hex')}`).toContain('STORAGE_DAMAGED')
        flip(kv, key, at)
      }
    }
    expect(await complaint(kv)).toBe('no error')
  })
})

describe('damage found on reading', () => {
  test('is reported with its place, and ends the use of the log', async () => {
    const kv = await stored()
    const log = await openBlocks(kv)
    flip(kv, blockKey(11), 30)
    expect(await read(log, 1, 10)).toEqual(commands(1, 1, 10))
    const message = damage('the run of entries 11 to 20 does not match its checksum')
    expect(await messageOf(read(log, 5, 25))).toBe(message)
    const later = message.replace(`${name}: `, `${name}: the log is unusable since an earlier error: ${name}: `)
    expect(await messageOf(read(log, 1, 10))).toBe(later)
    expect(await messageOf(append(log, { entries: commands(1, 31, 1) }))).toBe(later)
  })

  test('includes a block that is gone', async () => {
    const kv = await stored()
    const log = await openBlocks(kv)
    kv.poke(blockKey(11), undefined)
    expect(await messageOf(read(log, 5, 25))).toBe(damage('the block of entry 11 is missing'))
  })

  test('keeps a truncation from going on with a damaged block', async () => {
    const kv = await stored()
    const log = await openBlocks(kv)
    flip(kv, blockKey(11), 30)
    const write = append(log, { hardState: { term: 2, votedFor: undefined }, truncateFrom: 15 })
    expect(await messageOf(write)).toBe(damage('the run of entries 11 to 20 does not match its checksum'))
  })
})

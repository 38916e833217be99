// The places of a file are where its format has them: together they are the whole file, and each is what it is called.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Level } from 'level'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { encodeSlot, type HighWater } from '../../src/storage/high-water.ts'
import { encodeFooter, encodeHeader, encodePieces, sealOf } from '../../src/storage/snapshot-format.ts'
import { encodeWitness } from '../../src/storage/witness-slot.ts'
import { slotBytes } from '../../src/storage/slots.ts'
import { levelLogPlaces, levelLogRecords } from './places/level-log.ts'
import type { Place } from './places/place.ts'
import { highWaterPlaces, witnessPlaces } from './places/slots.ts'
import { snapshotPlaces } from './places/snapshot.ts'
import { tablePlaces } from './places/table.ts'
import { currentPlaces, jsonPlaces } from './places/text.ts'

const member = { id: 1, peer: 'a:1', client: 'a:2', incarnation: 1 }
const conf = { members: [member], voters: [1], votersOutgoing: [], learners: [], joining: [], removed: [], leaseMs: 0 }

let folder: string
let db: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'raftgen-places-'))
  db = join(folder, 'db')
  // Twice: the second time it makes a table of the log of the first.
  for (let time = 0; time < 2; time++) {
    const level = new Level<string, string>(db)
    await level.open({ compression: false })
    for (let key = 0; key < 60; key++) await level.put(`key ${String(key).padStart(4, '0')}`, String(time).repeat(900))
    await level.close()
  }
})
afterAll(async () => await rm(folder, { recursive: true }))

const file = async (pattern: RegExp): Promise<Buffer> => {
  const [name = ''] = (await readdir(db))
    .filter((one) => pattern.test(one))
    .sort()
    .reverse()
  return await readFile(join(db, name))
}

const valueOf = (content: Buffer, places: readonly Place[], name: string): Buffer => {
  const [range] = places.find((place) => place.name === name)?.ranges ?? []
  if (range === undefined) throw new Error(`there is no ${name} among ${places.map((place) => place.name).join(', ')}`)
  return content.subarray(range.start, range.end)
}

/** Bytes that are in none of the places whose names match. */
function uncovered(content: Buffer, places: readonly Place[], pattern: RegExp): number {
  const bytes = new Uint8Array(content.length)
  for (const { name, ranges } of places) if (pattern.test(name)) for (const { start, end } of ranges) bytes.fill(1, start, end)
  return bytes.filter((byte) => byte === 0).length
}

test('of a log of LevelDB every record is found, up to its end', async () => {
  const content = await file(/\.log$/)
  const records = levelLogRecords(content)
  const bytes = records.reduce((sum, { payloadBytes }) => sum + payloadBytes + 7, 0)
  expect(bytes).toBe(content.length)
  expect(records.some(({ type }) => type === 2)).toBe(true)
  const places = levelLogPlaces(content)
  expect(valueOf(content, places, 'last record: payload').toString('latin1')).toContain('key 0059')
  expect(valueOf(content, places, 'first record: payload').toString('latin1')).toContain('key 0000')
  expect(valueOf(content, places, 'record across two blocks: type')).toEqual(Buffer.from([2]))
})

test('of a table every block is found, and the footer', async () => {
  const content = await file(/\.ldb$/)
  const places = tablePlaces(content)
  expect(valueOf(content, places, 'first data block: content').toString('latin1')).toContain('key 0000')
  expect(valueOf(content, places, 'last data block: content').toString('latin1')).toContain('0'.repeat(900))
  expect(valueOf(content, places, 'middle data block: compression')).toEqual(Buffer.from([0]))
  expect(valueOf(content, places, 'footer: magic').toString('hex')).toBe('57fb808b247547db')
  const index = valueOf(content, places, 'index block: content')
  expect(index.readUInt32LE(index.length - 4)).toBeGreaterThan(10)
})

test('of a manifest the first record names the order of keys', async () => {
  const content = await file(/^MANIFEST/)
  expect(valueOf(content, levelLogPlaces(content), 'first record: payload').toString('latin1')).toContain('leveldb.BytewiseComparator')
})

test('of a high water every byte of both slots has a place, and fields are where they are called', () => {
  const mark = (index: number) => ({ term: 3, index, chain: 0xabcd, writes: index + 100 })
  const slot = (sequence: number): HighWater => ({
    sequence,
    owner: { cluster: 0xc1, nodeId: 2, incarnation: 4 },
    hardState: { term: 7, votedFor: 5 },
    last: mark(11),
    base: { term: 1, index: 6, chain: 0xef },
    fence: undefined,
    reached: undefined,
    baseConf: conf,
    members: [member],
  })
  const content = Buffer.concat([encodeSlot(slot(8)), encodeSlot(slot(9))])
  const places = highWaterPlaces(content)
  const number = (name: string): number => valueOf(content, places, name).readUIntBE(0, valueOf(content, places, name).length)
  expect(uncovered(content, places, /^(newest|older) slot: /)).toBe(0)
  expect(valueOf(content, places, 'newest slot').byteOffset - content.byteOffset).toBe(slotBytes)
  expect(['sequence', 'cluster', 'node id', 'incarnation', 'term', 'vote'].map((name) => number(`newest slot: ${name}`))).toEqual([
    9, 0xc1, 2, 4, 7, 5,
  ])
  expect(
    ['index of last', 'write of last', 'index of base', 'whether there is a configuration'].map((name) => number(`older slot: ${name}`)),
  ).toEqual([11, 111, 6, 1])
})

test('of what a node knows of others every byte of both slots has a place, also of one that was not written yet', () => {
  const owner = { cluster: 0xc1, nodeId: 2, incarnation: 4 }
  const witness = [{ id: 3, incarnation: 1, match: { term: 2, index: 9 }, matchTerm: 2, votedTerm: 1 }]
  const content = Buffer.concat([encodeWitness({ sequence: 3, owner, witness }), encodeWitness({ sequence: 2, owner, witness: [] })])
  const places = witnessPlaces(content)
  expect(uncovered(content, places, /^(newest|older) slot: /)).toBe(0)
  expect(valueOf(content, places, 'newest slot').byteOffset - content.byteOffset).toBe(0)
  expect(valueOf(content, places, 'newest slot: count')).toEqual(Buffer.from([1]))
  expect(valueOf(content, places, 'newest slot: what it knows of others').readUIntBE(0, 6)).toBe(3)
  const fresh = Buffer.concat([content.subarray(0, slotBytes), Buffer.alloc(slotBytes)])
  expect(uncovered(fresh, witnessPlaces(fresh), /^older slot: /)).toBe(slotBytes)
})

test('of a snapshot every byte has a place', () => {
  const header = Buffer.from(encodeHeader({ id: { term: 2, index: 9 }, conf }))
  const text = Buffer.alloc(150_000, 'x')
  const seal = sealOf(header)
  const content = Buffer.concat([header, encodePieces(text, { number: 0, seal }), encodeFooter({ bytes: text.length, checksum: 1 }, seal)])
  const places = snapshotPlaces(content)
  expect(uncovered(content, places, /: /)).toBe(0)
  expect(valueOf(content, places, 'header: index').readUIntBE(0, 6)).toBe(9)
  expect(valueOf(content, places, 'last piece: length').readUInt32BE()).toBe(150_000 - 2 * 65_536)
})

test('of JSON each value has a place, and of CURRENT name and number', () => {
  const content = Buffer.from('{\n  "format": 3,\n  "name": "abc",\n  "disks": [[1,2]]\n}\n')
  const places = jsonPlaces(content)
  expect(
    ['value of format', 'value of name', 'value of disks', 'first brace', 'last brace'].map((name) =>
      valueOf(content, places, name).toString(),
    ),
  ).toEqual(['3', 'abc', '[[1,2]]', '{', '}'])
  const current = Buffer.from('MANIFEST-000012\n')
  expect(currentPlaces(current).map(({ name }) => valueOf(current, currentPlaces(current), name).toString())).toEqual([
    'MANIFEST',
    '000012',
    '\n',
  ])
})

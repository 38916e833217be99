import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { noConf } from '../../src/core/conf.ts'
import type {
  AppendEntries,
  ConfState,
  EntriesChunk,
  Entry,
  PeerMessage,
  RecallReply,
  SnapshotChunk,
  SnapshotMeta,
} from '../../src/core/types.ts'
import { ByteWriter, WireError } from '../../src/wire/bytes.ts'
import { confMembersMax, confRemovedMax, encodeEntries } from '../../src/wire/entry-codec.ts'
import { bodyKinds } from '../../src/wire/kinds.ts'
import { decodeMessage, writeMessage } from '../../src/wire/peer-codec.ts'
import { peerMessage } from './arbitraries.ts'

const encode = (message: PeerMessage): Uint8Array => {
  const writer = new ByteWriter()
  writeMessage(writer, message)
  return writer.take()
}
const command = (term: number, index: number, data = 'x'): Entry => ({
  term,
  index,
  kind: 'command',
  data: Buffer.from(data),
  conf: undefined,
})
const append = (changes: Partial<AppendEntries>): AppendEntries => ({
  kind: 'AppendEntries',
  from: 1,
  to: 2,
  term: 5,
  prev: { term: 3, index: 7 },
  entries: [command(3, 8), command(5, 9)],
  commitIndex: 7,
  ...changes,
})

describe('AppendEntries', () => {
  test.each([
    ['entries start at index 9, the one before them has index 7', append({ entries: [command(3, 9)] })],
    ['entries start at index 7, the one before them has index 7', append({ entries: [command(3, 7)] })],
    ['entry 8 has term 2, the one before it 3', append({ entries: [command(2, 8)] })],
    ['entry 9 has term 6, its message 5', append({ entries: [command(3, 8), command(6, 9)] })],
    ['entry 9 has term 3, the one before it 4', append({ entries: [command(4, 8), command(3, 9)] })],
    ['entry 1 has term 0', append({ prev: { term: 0, index: 0 }, entries: [command(0, 1)] })],
    ['the previous entry has term 6, its message 5', append({ prev: { term: 6, index: 7 } })],
    ['the previous entry has term 0 and index 7', append({ prev: { term: 0, index: 7 } })],
    ['a leader has term 0', append({ term: 0 })],
    ['sender is 0', append({ from: 0 })],
    ['receiver is 0', append({ to: 0 })],
  ])('is refused: %s', (message, value) => {
    expect(() => decodeMessage(encode(value))).toThrow(new WireError(message))
  })

  test('carries the bytes of its entries as they were encoded for the disk', () => {
    const entries = [command(3, 8, 'one'), command(5, 9, 'two')]
    const bytes = encodeEntries(entries)
    const body = Buffer.from(encode(append({ entries })))
    expect(body.subarray(body.length - bytes.length).equals(bytes)).toBe(true)
  })

  test('gives its receiver the bytes to store, without encoding them again', () => {
    const message = decodeMessage(encode(append({ entries: [command(3, 8, 'y'.repeat(10_000))] })))
    const entries = message.kind === 'AppendEntries' ? message.entries : []
    expect(encodeEntries(entries).buffer).toBe(entries[0]?.data.buffer)
  })

  test('that is small does not hold on to the chunk that it came in', () => {
    const chunk = Buffer.alloc(65_536)
    const bytes = encode(append({}))
    chunk.set(bytes, 1_000)
    const message = decodeMessage(chunk.subarray(1_000, 1_000 + bytes.length))
    expect(message.kind === 'AppendEntries' && message.entries[0]?.data.buffer.byteLength).toBe(bytes.length)
  })
})

describe('a vote', () => {
  test('is not asked by a candidate whose log is of the term it campaigns for (§3.4)', () => {
    const message: PeerMessage = { kind: 'RequestVote', from: 1, to: 2, term: 4, last: { term: 4, index: 9 }, transfer: false }
    expect(() => decodeMessage(encode(message))).toThrow(new WireError('the last entry has term 4, its candidate campaigns for 4'))
  })
})

const snapshot: SnapshotMeta = { id: { term: 3, index: 40 }, conf: noConf, bytes: 100, checksum: 7 }
const chunk = (changes: Partial<SnapshotChunk>): SnapshotChunk => ({
  kind: 'SnapshotChunk',
  from: 1,
  to: 2,
  term: 5,
  snapshot,
  offset: 60,
  data: new Uint8Array(40),
  ...changes,
})

describe('SnapshotChunk', () => {
  test.each([
    ['a piece of 40 bytes at offset 61 is beyond its snapshot of 100 bytes', chunk({ offset: 61 })],
    ['the snapshot has term 6, its message 5', chunk({ snapshot: { ...snapshot, id: { term: 6, index: 40 } } })],
    ['term of the snapshot is 0', chunk({ snapshot: { ...snapshot, id: { term: 0, index: 40 } } })],
    ['index of the snapshot is 0', chunk({ snapshot: { ...snapshot, id: { term: 3, index: 0 } } })],
  ])('is refused: %s', (message, value) => {
    expect(() => decodeMessage(encode(value))).toThrow(new WireError(message))
  })

  test('that is small does not hold on to the chunk that it came in', () => {
    const received = Buffer.alloc(65_536)
    const bytes = encode(chunk({}))
    received.set(bytes, 1_000)
    const message = decodeMessage(received.subarray(1_000, 1_000 + bytes.length))
    expect(message.kind === 'SnapshotChunk' && message.data.buffer.byteLength).toBe(bytes.length)
  })

  test('of the usual size is not copied', () => {
    const bytes = encode(chunk({ snapshot: { ...snapshot, bytes: 100_000 }, data: new Uint8Array(65_536) }))
    const message = decodeMessage(bytes)
    expect(message.kind === 'SnapshotChunk' && message.data.buffer).toBe(bytes.buffer)
  })

  test('of a snapshot that is not there is a few bytes', () => {
    expect(encode(chunk({ snapshot: undefined, offset: 0, data: new Uint8Array(0) }))).toHaveLength(20)
  })
})

describe('SnapshotRequest', () => {
  test('asks for an offset of one snapshot only', () => {
    const message: PeerMessage = { kind: 'SnapshotRequest', from: 1, to: 2, term: 5, minIndex: 1, of: undefined, offset: 9 }
    expect(() => decodeMessage(encode(message))).toThrow(new WireError('offset 9 of no snapshot in particular is asked for'))
  })
})

describe('RecallReply', () => {
  const reply = (changes: Partial<RecallReply>): RecallReply => ({
    kind: 'RecallReply',
    from: 1,
    to: 2,
    term: 5,
    nonce: 7,
    match: { term: 3, index: 9 },
    matchTerm: 4,
    votedTerm: 5,
    held: { term: 5, index: 12 },
    isForgetful: false,
    voters: [1, 2, 3],
    isConfLasting: true,
    gone: [4],
    ...changes,
  })

  test.each([
    ['a memory of a later term than that of its message, 5', reply({ matchTerm: 6 })],
    ['a memory of a later term than that of its message, 5', reply({ votedTerm: 6 })],
    ['a memory of a later term than that of its message, 5', reply({ held: { term: 6, index: 12 } })],
    ['an entry of term 3 was acknowledged in term 2', reply({ matchTerm: 2 })],
    ['voter is 0', reply({ voters: [0] })],
    ['node that is gone is 0', reply({ gone: [0] })],
  ])('is refused: %s', (message, value) => {
    expect(() => decodeMessage(encode(value))).toThrow(new WireError(message))
  })
})

describe('EntriesChunk', () => {
  const entries = [command(3, 8), command(5, 9)]
  const chunkOf = (changes: Partial<EntriesChunk>): EntriesChunk => {
    return { kind: 'EntriesChunk', from: 1, to: 2, term: 5, firstIndex: 8, entries, ...changes }
  }

  test.each([
    ['entries from 7 begin with entry 8', chunkOf({ firstIndex: 7 })],
    ['entry 9 has term 5, its message 4', chunkOf({ term: 4 })],
    ['entry 8 has term 0', chunkOf({ entries: [command(0, 8)] })],
  ])('is refused: %s', (message, value) => {
    expect(() => decodeMessage(encode(value))).toThrow(new WireError(message))
  })
})

const peerKinds = Object.entries(bodyKinds)
  .flatMap(([kind, number]) => (number < bodyKinds.PeerHello ? kind : []))
  .sort()

describe('the messages drawn for the round trips and the fuzzing', () => {
  test('are of every kind', () => {
    const drawn = new Set(fc.sample(peerMessage, { numRuns: 2_000, seed: 1 }).map(({ kind }) => kind))
    expect([...drawn].sort()).toEqual(peerKinds)
  })
})

describe('what only a leader says', () => {
  const route = { from: 1, to: 2, term: 0 }
  test.each([
    { kind: 'InstallSnapshot', ...route, last: { term: 0, index: 0 } } as const,
    { kind: 'TimeoutNow', ...route } as const,
    { kind: 'ReadIndexReply', ...route, nonce: 1, counter: 1, index: 1 } as const,
  ])('is of a term above 0: $kind', (message) => {
    expect(() => decodeMessage(encode(message))).toThrow(new WireError('a leader has term 0'))
  })

  test('names no entry of a later term', () => {
    const message = { kind: 'InstallSnapshot', ...route, term: 5, last: { term: 6, index: 9 } } as const
    expect(() => decodeMessage(encode(message))).toThrow(new WireError('the entry asked for has term 6, its message 5'))
  })
})

describe('a configuration', () => {
  const ids = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i + 1)
  const members = (count: number): ConfState['members'] => ids(count).map((id) => ({ id, incarnation: 1, peer: '', client: '' }))
  const carry = (conf: ConfState): PeerMessage => decodeMessage(encode(chunk({ snapshot: { ...snapshot, conf } })))

  test('of the largest size is read', () => {
    const conf = { ...noConf, members: members(confMembersMax), voters: ids(confMembersMax), removed: ids(confRemovedMax) }
    const message = carry(conf)
    expect(message.kind === 'SnapshotChunk' && message.snapshot?.conf).toEqual(conf)
  })

  test.each([
    ['a configuration has 1025 members, at most 1024 are allowed', { ...noConf, members: members(confMembersMax + 1) }],
    ['a configuration has 1025 voters, at most 1024 are allowed', { ...noConf, voters: ids(confMembersMax + 1) }],
    ['a configuration has 1025 joining learners, at most 1024 are allowed', { ...noConf, joining: ids(confMembersMax + 1) }],
    ['a configuration has 65537 removed members, at most 65536 are allowed', { ...noConf, removed: ids(confRemovedMax + 1) }],
    ['id of a member is 0', { ...noConf, learners: [0] }],
  ])('is refused: %s', (message, conf) => {
    expect(() => carry(conf)).toThrow(new WireError(message))
  })
})

test('a kind of the other port is refused by its number', () => {
  const body = Buffer.from(encode(append({})))
  body[0] = 0x42
  expect(() => decodeMessage(body)).toThrow(new WireError('kind 66 is not one of a message between peers'))
})

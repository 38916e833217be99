import { describe, expect, test } from 'vitest'
import type { AppendEntries, Entry, Message } from '../../src/core/types.ts'
import { ByteWriter, WireError } from '../../src/wire/bytes.ts'
import { encodeEntries } from '../../src/wire/entry-codec.ts'
import { decodeMessage, writeMessage } from '../../src/wire/peer-codec.ts'

const encode = (message: Message): Uint8Array => {
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
    const message: Message = { kind: 'RequestVote', from: 1, to: 2, term: 4, last: { term: 4, index: 9 }, transfer: false }
    expect(() => decodeMessage(encode(message))).toThrow(new WireError('the last entry has term 4, its candidate campaigns for 4'))
  })
})

test('a kind of the other port is refused by its number', () => {
  const body = Buffer.from(encode(append({})))
  body[0] = 0x42
  expect(() => decodeMessage(body)).toThrow(new WireError('kind 66 is not one of a message between peers'))
})

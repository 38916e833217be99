import { describe, expect, test } from 'vitest'
import type { Entry } from '../../src/core/types.ts'
import { Block, encodeBlocks, type EncodedBlock } from '../../src/storage/block.ts'
import { checksum } from '../../src/storage/checksum.ts'
import { WireError } from '../../src/wire/bytes.ts'
import { encodeEntries } from '../../src/wire/entry-codec.ts'
import { commands } from './support.ts'

const unlimited = Number.MAX_SAFE_INTEGER

function encode(entries: readonly Entry[], blockBytesMax = unlimited, chain = 99): readonly EncodedBlock[] {
  const bytes = Buffer.from(encodeEntries(entries)).subarray(10)
  return encodeBlocks({ firstIndex: entries[0]?.index ?? 0, count: entries.length, chain, bytes }, blockBytesMax)
}

function encodeOne(entries: readonly Entry[], chain = 99): EncodedBlock {
  const [block] = encode(entries, unlimited, chain)
  if (block === undefined) throw new Error('no block')
  return block
}

/** Reads all of a block as an opening log does. */
function readAll(value: Uint8Array, keyIndex: number): readonly Entry[] {
  const entries: Entry[] = []
  const block = new Block(value, keyIndex)
  block.verify()
  block.read(block.firstIndex, block.lastIndex, entries)
  return entries
}

/** What reading says of damaged bytes; `undefined` when it finds nothing wrong. */
function complaint(value: Uint8Array, keyIndex: number): string | undefined {
  try {
    readAll(value, keyIndex)
    return undefined
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(WireError)
    return thrown instanceof Error ? thrown.message : ''
  }
}

describe('a block', () => {
  test('holds the bytes of its entries as they were encoded', () => {
    const entries = commands(2, 7, 40)
    const { value } = encodeOne(entries)
    expect(Buffer.from(value).includes(Buffer.from(encodeEntries(entries)))).toBe(true)
    expect(readAll(value, 7)).toEqual(entries)
  })

  test('gives one entry without reading those of other marks', () => {
    const { value } = encodeOne(commands(2, 1, 100))
    const damaged = Buffer.from(value)
    const place = damaged.indexOf('command 90 of')
    damaged[place] = 0
    const block = new Block(damaged, 1)
    const entries: Entry[] = []
    block.read(33, 35, entries)
    expect(entries).toEqual(commands(2, 33, 3))
    expect(() => block.read(90, 90, [])).toThrow('the run of entries 81 to 96 does not match its checksum')
  })

  test('has the same chain wherever the blocks before it began', () => {
    const whole = encodeOne(commands(3, 1, 100))
    let chain = 99
    for (const [first, count] of [
      [1, 1],
      [2, 15],
      [17, 50],
      [67, 34],
    ] as const)
      chain = encodeOne(commands(3, first, count), chain).lastChain
    expect(chain).toBe(whole.lastChain)
    expect(chain).toBe(checksum(Buffer.from(encodeEntries(commands(3, 1, 100))).subarray(10), 99))
  })

  test('is cut at its limit, never inside an entry, and a larger entry has one to itself', () => {
    const large: Entry = { term: 3, index: 5, kind: 'command', data: new Uint8Array(5_000), conf: undefined }
    const blocks = encode([...commands(3, 1, 4), large, ...commands(3, 6, 4)], 100)
    expect(blocks.map(({ firstIndex, count }) => [firstIndex, count])).toEqual([
      [1, 3],
      [4, 1],
      [5, 1],
      [6, 3],
      [9, 1],
    ])
    let chain = 99
    for (const { value, firstIndex, lastChain } of blocks) {
      expect(new Block(value, firstIndex).chain).toBe(chain)
      chain = lastChain
    }
  })

  test('shortened before an entry equals one that was never longer', () => {
    const block = new Block(encodeOne(commands(2, 11, 50)).value, 11)
    for (const index of [12, 27, 28, 44, 60]) {
      const [shortened] = encodeBlocks(block.before(index), unlimited)
      expect(shortened).toEqual(encodeOne(commands(2, 11, index - 11)))
    }
  })
})

describe('damage to a block', () => {
  const entries = commands(2, 7, 20, 'x')
  const { value } = encodeOne(entries)

  test('of any single bit is found', () => {
    for (let bit = 0; bit < value.length * 8; bit++) {
      const damaged = Buffer.from(value)
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(complaint(damaged, 7), `bit ${bit}`).toBeDefined()
    }
  })

  test('by cutting it off anywhere, or adding to it, is found', () => {
    for (let length = 0; length < value.length; length++) expect(complaint(value.subarray(0, length), 7), `${length} bytes`).toBeDefined()
    expect(complaint(Buffer.concat([value, Buffer.of(0)]), 7)).toBeDefined()
  })

  test('names the entries of the mark', () => {
    const damaged = Buffer.from(value)
    damaged[damaged.indexOf('x 24 of')] = 0
    expect(complaint(damaged, 7)).toBe('the run of entries 23 to 26 does not match its checksum')
    const single = Buffer.from(encodeOne(commands(2, 9, 1)).value)
    single[single.indexOf('command')] = 0
    expect(complaint(single, 9)).toBe('entry 9 does not match its checksum')
  })

  test('in header or marks names the block', () => {
    const damaged = Buffer.from(value)
    damaged[13] = 200
    expect(complaint(damaged, 7)).toBe('the block of entry 7 does not match its checksum')
    damaged[0] = 2
    expect(complaint(damaged, 7)).toBe('the block of entry 7 has format 2, this version reads 1')
    expect(complaint(value.subarray(0, 20), 7)).toBe('the block of entry 7 is cut off after 20 bytes')
    expect(complaint(value, 8)).toBe('the block of entry 8 says that it starts at entry 7')
  })
})

import { describe, expect, test } from 'vitest'
import type { Fence } from '../../src/core/types.ts'
import {
  type Comparison,
  chooseSlot,
  compareHighWater,
  decodeSlot,
  encodeSlot,
  type HighWater,
  type LogPosition,
  type Mark,
  ownerOf,
} from '../../src/storage/high-water.ts'
import { slotBytes } from '../../src/storage/slots.ts'
import { decodeWitness, encodeWitness } from '../../src/storage/witness-slot.ts'
import { confOfThree, identity } from './support.ts'

const owner = ownerOf(identity)
const mark = (writes: number, term: number, index: number, chain = index * 100 + term): Mark => ({ term, index, chain, writes })
const at = (term: number, index: number, chain = index * 100 + term): LogPosition => ({ term, index, chain })

const slot = (changes: Partial<HighWater> = {}): HighWater => ({
  sequence: 8,
  owner,
  hardState: { term: 3, votedFor: 2 },
  last: mark(7, 3, 12),
  base: at(1, 4),
  baseConf: confOfThree,
  fence: undefined,
  reached: undefined,
  members: confOfThree.members,
  ...changes,
})

describe('a log and its high water', () => {
  // The slot: write 7 has left entry 12 of term 3. Chain 1 stands for other entries.
  const places: readonly [name: string, end: LogPosition][] = [
    ['at its end', at(3, 12)],
    ['with another entry', at(3, 12, 1)],
    ['beyond it', at(4, 13)],
    ['before it', at(3, 11)],
  ]
  const writesOf = [6, 7, 8, undefined] as const
  const table: Readonly<Record<string, readonly Comparison[]>> = {
    //                      write 6    7          8        unknown
    'at its end': ['whole', 'whole', 'whole', 'whole'],
    'with another entry': ['damaged', 'damaged', 'whole', 'damaged'],
    'beyond it': ['damaged', 'damaged', 'whole', 'damaged'],
    'before it': ['damaged', 'damaged', 'whole', 'damaged'],
  }
  const rows = places.flatMap(([name, end]) => writesOf.map((writes, i) => ({ name, end, writes, expected: table[name]?.[i] })))
  const both = { newest: slot(), unreadable: [] }

  test.each(rows)('that ends $name with write $writes is $expected', ({ end, writes, expected }) => {
    expect(compareHighWater({ end, writes, isIntact: true }, both)).toBe(expected)
  })

  test.each(rows)(
    'that ends $name with write $writes is damaged when an entry before is missing, and when there is no slot',
    ({ end, writes }) => {
      expect(compareHighWater({ end, writes, isIntact: false }, both)).toBe('damaged')
      expect(compareHighWater({ end, writes, isIntact: true }, { newest: undefined, unreadable: [0, 1] })).toBe('damaged')
    },
  )

  test('is doubtful with one slot only, unless it was written after that', () => {
    const one = { newest: slot(), unreadable: [0] as const }
    expect(writesOf.map((writes) => compareHighWater({ end: at(3, 12), writes, isIntact: true }, one))).toEqual([
      'doubtful',
      'doubtful',
      'whole',
      'doubtful',
    ])
  })
})

describe('a slot', () => {
  const fences: readonly (Fence | undefined)[] = [undefined, { floor: undefined }, { floor: { term: 3, index: 12 } }]
  test('keeps where a fenced log ended before, for as long as it is fenced', () => {
    const reached = { index: 50, chain: 0xabcd }
    for (const fence of [{ floor: undefined }, { floor: { term: 3, index: 12 } }]) {
      expect(decodeSlot(encodeSlot(slot({ fence, reached })))).toEqual(slot({ fence, reached }))
    }
    expect(decodeSlot(encodeSlot(slot({ reached }))).reached).toBeUndefined()
  })

  test.each(fences)('keeps all that it is given: fence %o', (fence) => {
    const bytes = encodeSlot(slot({ fence }))
    expect(bytes).toHaveLength(slotBytes)
    expect(decodeSlot(bytes)).toEqual(slot({ fence }))
    expect(decodeSlot(encodeSlot(slot({ hardState: { term: 9, votedFor: undefined } }))).hardState).toEqual({
      term: 9,
      votedFor: undefined,
    })
  })

  test('with a flipped bit anywhere, cut or zeroed, is not taken for one; what is behind it does not matter', () => {
    const bytes = encodeSlot(slot())
    const length = 4 + Buffer.from(bytes).readUInt32BE()
    for (let i = 0; i < length; i++) {
      const damaged = Buffer.from(bytes)
      damaged[i] = (damaged[i] ?? 0) ^ 1
      expect(() => decodeSlot(damaged), `byte ${i}`).toThrow()
      expect(() => decodeSlot(bytes.subarray(0, i)), `cut at ${i}`).toThrow()
      expect(() => decodeSlot(Buffer.from(bytes).fill(0, i, Math.min(i + 512, length))), `zeroed at ${i}`).toThrow()
    }
    expect(decodeSlot(bytes.subarray(0, length))).toEqual(slot())
  })

  test('has room for as many addresses as fit', () => {
    const members = Array.from({ length: 64 }, (_, i) => ({
      id: i + 1,
      incarnation: 1,
      peer: `${'p'.repeat(60)}:1`,
      client: `${'c'.repeat(60)}:1`,
    }))
    const decoded = decodeSlot(encodeSlot(slot({ members })))
    expect(decoded.members.length).toBeGreaterThan(20)
    const baseConf = { ...confOfThree, members, voters: members.map(({ id }) => id) }
    expect(decodeSlot(encodeSlot(slot({ baseConf })))).toEqual(slot({ baseConf: undefined }))
    expect(decoded.members).toEqual(members.slice(0, decoded.members.length))
  })
})

test('a slot of what is known of others has room for all members', () => {
  const witness = Array.from({ length: 64 }, (_, i) => ({
    id: i + 1,
    incarnation: 1,
    match: { term: 9, index: 9 },
    matchTerm: 9,
    votedTerm: 9,
  }))
  const bytes = encodeWitness({ sequence: 3, owner, witness })
  expect(bytes).toHaveLength(slotBytes)
  expect(decodeWitness(bytes)).toEqual({ sequence: 3, owner, witness })
})

describe('of two slots', () => {
  const [older, newer] = [encodeSlot(slot({ sequence: 8 })), encodeSlot(slot({ sequence: 9 }))]
  const nothing = new Uint8Array(0)
  const foreign = encodeSlot(slot({ sequence: 99, owner: ownerOf({ ...identity, nodeId: 2 }) }))

  test.each([
    ['the newer first', [newer, older], { sequence: 9, next: 1, unreadable: [] }],
    ['the newer second', [older, newer], { sequence: 9, next: 0, unreadable: [] }],
    ['the first only', [older, nothing], { sequence: 8, next: 1, unreadable: [1] }],
    ['the second only', [nothing, older], { sequence: 8, next: 0, unreadable: [0] }],
    ['one of another node', [foreign, older], { sequence: 8, next: 0, unreadable: [0] }],
    ['the same twice', [older, older], { sequence: 8, next: 1, unreadable: [1] }],
    ['one that is not the one before', [older, encodeSlot(slot({ sequence: 12 }))], { sequence: 12, next: 0, unreadable: [0] }],
    ['none', [nothing, nothing], { sequence: undefined, next: 0, unreadable: [0, 1] }],
  ] as const)('%s: the newest counts, and is never written over', (_, [first, second], { sequence, next, unreadable }) => {
    const chosen = chooseSlot([first, second], owner)
    expect({ sequence: chosen.newest?.sequence, next: chosen.next, unreadable: chosen.unreadable }).toEqual({ sequence, next, unreadable })
    expect(chosen.foreign).toBeUndefined()
  })

  test('both of another node, it is named', () => {
    expect(chooseSlot([foreign, nothing], owner)).toMatchObject({ newest: undefined, foreign: { nodeId: 2, incarnation: 1 } })
  })
})

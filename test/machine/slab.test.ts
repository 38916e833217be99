import { expect, test } from 'vitest'
import { Slab } from '../../src/machine/slab.ts'

test('a piece begins where a view of numbers can begin, whatever came before it', () => {
  const slab = new Slab(1_024)
  slab.copy(Uint8Array.of(1, 2, 3))
  const pieces = [slab.take(5), slab.copy(new Uint8Array(16)), slab.latin1('seven..'), slab.take(8)]
  expect(pieces.map(({ byteOffset }) => byteOffset % 8)).toEqual([0, 0, 0, 0])
  expect(pieces.map(({ length }) => length)).toEqual([5, 16, 7, 8])
})

test('pieces lie beside each other, and what has no room any more begins a new slab', () => {
  const slab = new Slab(1_024)
  const pieces = Array.from({ length: 9 }, (_, i) => slab.copy(new Uint8Array(128).fill(i)))
  expect(pieces.map((piece) => new Set(piece))).toEqual(Array.from({ length: 9 }, (_, i) => new Set([i])))
  expect(new Set(pieces.map(({ buffer }) => buffer)).size).toBe(2)
})

test('nobody takes it from all others by giving it to another thread', () => {
  const piece = new Slab().copy(Uint8Array.of(1))
  const { buffer } = piece
  if (!(buffer instanceof ArrayBuffer)) throw new Error('it is shared memory')
  try {
    structuredClone(piece, { transfer: [buffer] })
  } catch {
    // Node 21 and later say so; before, it is copied.
  }
  expect(piece).toEqual(Uint8Array.of(1))
})

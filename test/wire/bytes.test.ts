import { expect, test } from 'vitest'
import { ByteReader, WireError } from '../../src/wire/bytes.ts'
import { packedCount, packValue } from '../../src/wire/value.ts'

function errorOf(run: () => unknown): WireError {
  try {
    run()
  } catch (thrown) {
    if (thrown instanceof WireError) return thrown
    throw thrown
  }
  throw new Error('nothing was thrown')
}

test('what ends too early says how many bytes it lacks at least', () => {
  expect(errorOf(() => new ByteReader(Uint8Array.of(1)).u32('a number')).missing).toBe(3)
  expect(errorOf(() => new ByteReader(Uint8Array.of(0, 0, 0, 9, 1)).bytes('bytes')).missing).toBe(8)
  expect(errorOf(() => new ByteReader(Uint8Array.of(0, 0, 0, 2, 1)).count(10, 'things')).missing).toBe(19)
})

test('what is wrong otherwise lacks nothing', () => {
  expect(errorOf(() => new ByteReader(Uint8Array.of(7)).boolean('a choice')).missing).toBeUndefined()
})

test.each([0, 1, 15, 16, 64, 65_535])('an array of %d items is counted without being read', (count) => {
  const list = Array.from({ length: count }, () => null)
  expect(packedCount(packValue(list))).toBe(count)
})

test('what is no array has no count', () => {
  expect([packedCount(packValue('text')), packedCount(packValue(null)), packedCount(new Uint8Array(0))]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { WireError } from '../../src/wire/bytes.ts'
import { bigintBytesMax, bigintToBytes, bytesToBigint, isBigintInRange } from '../../src/wire/value-bigint.ts'

const edges = [0n, 1n, -1n, 127n, 128n, -128n, -129n, 255n, 256n, 2n ** 64n, -(2n ** 64n)]

test('a bigint comes back from its bytes', () => {
  fc.assert(
    fc.property(fc.oneof(fc.bigInt({ min: -(2n ** 900n), max: 2n ** 900n }), fc.constantFrom(...edges)), (value) => {
      expect(bytesToBigint(bigintToBytes(value))).toBe(value)
    }),
  )
})

test('as few bytes as hold the value, the sign included', () => {
  expect(edges.map((value) => Buffer.from(bigintToBytes(value)).toString('hex'))).toEqual([
    '00',
    '01',
    'ff',
    '7f',
    '0080',
    '80',
    'ff7f',
    '00ff',
    '0100',
    '010000000000000000',
    'ff0000000000000000',
  ])
})

test('1 KiB is the limit', () => {
  const largest = 2n ** BigInt(bigintBytesMax * 8 - 1) - 1n

  expect(bigintToBytes(largest)).toHaveLength(bigintBytesMax)
  expect(bigintToBytes(-largest - 1n)).toHaveLength(bigintBytesMax)
  expect([isBigintInRange(largest + 1n), isBigintInRange(-largest - 2n)]).toEqual([false, false])
  expect(() => bigintToBytes(largest + 1n)).toThrow(new RangeError('a bigint needs more than 1024 bytes'))
  expect(() => bytesToBigint(new Uint8Array(1_025))).toThrow(new WireError('a bigint has 1025 bytes, at most 1024 are allowed'))
})

test('no bytes, and more bytes than needed, are refused', () => {
  expect(() => bytesToBigint(new Uint8Array(0))).toThrow(new WireError('a bigint has no bytes'))
  expect(() => bytesToBigint(Uint8Array.of(0, 1))).toThrow(new WireError('a bigint has more bytes than it needs'))
  expect(() => bytesToBigint(Uint8Array.of(0xff, 0x80))).toThrow(new WireError('a bigint has more bytes than it needs'))
})

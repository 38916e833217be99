import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { holdsBytes } from '../../src/machine/codec.ts'
import { hasMap, hold, holdAsTheyCome, peek, release } from '../../src/machine/held-bytes.ts'
import { RecordHash } from '../../src/machine/record-hash.ts'

const bytes = fc.uint8Array({ maxLength: 1_200 })
const { value: values } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.integer(),
    fc.string(),
    fc.constant(null),
    bytes,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.string({ minLength: 1 }), tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
}))

const plain = (value: unknown): string => JSON.stringify(listed(value))
function listed(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: [...value] }
  if (Array.isArray(value)) return value.map(listed)
  return typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, listed(item)]))
    : value
}

/** All arrays of bytes in it. */
function arrays(value: unknown): readonly Uint8Array[] {
  if (value instanceof Uint8Array) return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(arrays) : []
}

function hashOf(wire: unknown): readonly number[] {
  const hash = new RecordHash()
  hash.begin(0)
  hash.value(wire)
  hash.end()
  return [hash.low, hash.high]
}

describe('a value whose bytes are held', () => {
  test('has the hash of its bytes, whether that was made of them or of what holds them, and as often as it is asked for', () => {
    fc.assert(
      fc.property(bytes, fc.uint8Array({ maxLength: 9 }), (value, other) => {
        const expected = hashOf(value)
        const [held, later] = [hold(value), holdAsTheyCome(value)]
        expect(hashOf([held, other, held])).toEqual(hashOf([value, other, value]))
        expect([hashOf(later), hashOf(other), hashOf(later), hashOf(held)]).toEqual([expected, hashOf(other), expected, expected])
      }),
    )
  })

  test('is the same again when it is released, or looked at', () => {
    fc.assert(
      fc.property(values, (value) => {
        const held = hold(value)
        expect(plain(release(held))).toBe(plain(value))
        expect(plain(peek(held))).toBe(plain(value))
      }),
    )
  })

  test('has no arrays of bytes in it but long ones, and none that it gives out twice', () => {
    fc.assert(
      fc.property(values, (value) => {
        const held = hold(value)
        expect(arrays(held).filter(({ length }) => length <= 1_024)).toEqual([])
        const [one, other] = [arrays(release(held)), arrays(release(held))]
        for (const array of one) array.fill(0xee)
        expect(other.map((array) => [...array])).toEqual(arrays(value).map((array) => [...array]))
        expect(plain(release(held))).toBe(plain(value))
      }),
    )
  })

  test('is frozen where something was put in the place of bytes, and gives out frozen values', () => {
    const held = hold(Object.freeze({ a: Object.freeze([Uint8Array.of(1)]), b: 1 }))
    for (const value of [held, release(held), peek(held)])
      expect([Object.isFrozen(value), plain(value)]).toEqual([true, expect.any(String)])
    const given = release(held)
    expect(typeof given === 'object' && given !== null && 'a' in given && Object.isFrozen(given.a)).toBe(true)
  })

  test('keeps each of the 256 bytes', () => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i)
    expect(release(hold(all))).toEqual(all)
  })

  test('without bytes is itself', () => {
    const value = Object.freeze({ a: Object.freeze([1, 'x', null]) })
    expect([hold(value) === value, release(value) === value, peek(value) === value, holdsBytes(value)]).toEqual([true, true, true, false])
  })
})

test('a record inside a value is found wherever it is', () => {
  expect([hasMap({ a: [{ b: new Map() }] }), hasMap({ a: [1, Uint8Array.of(1)] }), hasMap(null)]).toEqual([true, false, false])
})

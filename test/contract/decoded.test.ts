import { describe, expect, test } from 'vitest'
import { Decoded } from '../../src/contract/v1/decoded.ts'

const bytesOf = (n: number): Uint8Array => Uint8Array.of(n >> 8, n & 255)

describe('inputs kept from check to apply', () => {
  test('are found again by content, each once, in order', () => {
    const decoded = new Decoded<number>('content')
    for (let n = 0; n < 5_000; n++) {
      decoded.keep(bytesOf(n), n)
      if (n >= 500) expect(decoded.take(bytesOf(n - 500))).toBe(n - 500)
    }
    expect(decoded.take(bytesOf(4_499))).toBeUndefined()
  })

  test('are found behind a few that are never applied', () => {
    const decoded = new Decoded<number>('content')
    for (let n = 0; n < 100; n++) decoded.keep(bytesOf(n), n)
    expect(decoded.take(bytesOf(15))).toBe(15)
    expect(decoded.take(bytesOf(16))).toBe(16)
    expect(decoded.take(bytesOf(33))).toBeUndefined()
  })

  test('are found again soon after many that are never applied', () => {
    const decoded = new Decoded<number>('content')
    for (let n = 0; n < 3_000; n++) decoded.keep(bytesOf(n), n)
    expect(decoded.take(bytesOf(5_000))).toBeUndefined()
    decoded.keep(bytesOf(5_001), 5_001)
    expect(decoded.take(bytesOf(5_001))).toBe(5_001)
  })

  test('cost a follower nothing: there are none', () => {
    expect(new Decoded<number>('content').take(bytesOf(1))).toBeUndefined()
  })

  test('what is known by identity is the same bytes, and no others that are equal', () => {
    const decoded = new Decoded<number>('identity')
    const [first, second] = [bytesOf(1), bytesOf(2)]
    decoded.keep(first, 11)
    decoded.keep(second, 22)
    expect(decoded.take(first)).toBe(11)
    expect(decoded.take(bytesOf(2))).toBeUndefined()
  })
})

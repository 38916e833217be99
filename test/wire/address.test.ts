import { describe, expect, test } from 'vitest'
import { isAddress, readAddress } from '../../src/wire/address.ts'

describe('an address', () => {
  test.each([
    ['127.0.0.1:4001', '127.0.0.1', 4_001],
    ['db-1.internal:1', 'db-1.internal', 1],
    ['[::1]:65535', '::1', 65_535],
    ['[fe80::1%eth0]:80', 'fe80::1%eth0', 80],
    ['0.0.0.0:0', '0.0.0.0', 0],
  ])('%s is a host and a port', (text, host, port) => {
    expect(readAddress(text)).toEqual({ host, port })
    expect(isAddress(text)).toBe(port > 0)
  })

  test.each([
    ['10.0.0.7/24:4001'],
    ['http://a:80'],
    ['a/b:1'],
    ['localhost'],
    [':80'],
    ['::1:80'],
    ['[::1:80'],
    ['[a]:80'],
    ['[::g]:80'],
    ['a b:1'],
    ['a\u0000b:1'],
    ['a:65536'],
    ['a:123456'],
    ['a:'],
    [''],
    [`${'a'.repeat(299)}:1`],
  ])('%j is none', (text) => {
    expect(readAddress(text)).toBeUndefined()
    expect(isAddress(text)).toBe(false)
  })
})

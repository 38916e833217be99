import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { Unpackr } from 'msgpackr/unpack'
import { describe, expect, test } from 'vitest'
import { WireError } from '../../src/wire/bytes.ts'
import { packValue, unpackValue, type Wire, wireDepth, wireDepthMax } from '../../src/wire/value.ts'

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(' ', ''), 'hex')
const wires: fc.Arbitrary<Wire> = fc.letrec<{ wire: Wire }>((tie) => ({
  wire: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger(),
    fc.integer({ min: -300, max: 300 }),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (number === 0 ? 0 : number)),
    fc.string({ unit: 'binary', maxLength: 80 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('wire'), { maxLength: 20 }),
  ),
})).wire
const nested = (levels: number): Wire => (levels === 0 ? 1 : [nested(levels - 1)])

describe('packing', () => {
  test('a value comes back from its bytes', () => {
    fc.assert(fc.property(wires, (wire) => void expect(unpackValue(packValue(wire))).toEqual(wire)))
  })

  test('what is read is what msgpackr would read', () => {
    const unpackr = new Unpackr({ useRecords: false, moreTypes: false })
    fc.assert(fc.property(wires, (wire) => void expect(unpackValue(packValue(wire))).toEqual(plain(unpackr.unpack(packValue(wire))))))
  })

  test('integers of up to 32 bits take their shortest form, other numbers nine bytes', () => {
    expect(Buffer.from(packValue([1, -1, 200, -200, 70_000, 2 ** 32, 1.5])).toString('hex')).toBe(
      '9701ffccc8d1ff38ce00011170cb41f0000000000000cb3ff8000000000000',
    )
  })

  test('a value nested deeper than the limit is refused', () => {
    expect(unpackValue(packValue(nested(wireDepthMax)))).toEqual(nested(wireDepthMax))
    expect(() => packValue(nested(wireDepthMax + 1))).toThrow(new WireError('a value is nested more than 64 levels deep'))
    expect(() => packValue(nested(5_000))).toThrow(new WireError('a value is nested more than 64 levels deep'))
  })

  test('depth counts levels of arrays', () => {
    expect([wireDepth(1), wireDepth([]), wireDepth([1, [2]]), wireDepth([new Uint8Array(3)])]).toEqual([0, 1, 2, 1])
  })
})

/** msgpackr gives Buffers, which vitest does not take for the same as other bytes. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value)
  return Array.isArray(value) ? value.map(plain) : value
}

describe('unpacking', () => {
  test.each([
    ['', 'a value needs 1 bytes, 0 are left'],
    ['01 02', 'a value is followed by 1 bytes too many'],
    ['80', 'a value begins with byte 0x80: maps, extensions and float32 are not allowed'],
    ['de 0000', 'a value begins with byte 0xde: maps, extensions and float32 are not allowed'],
    ['c1', 'a value begins with byte 0xc1: maps, extensions and float32 are not allowed'],
    ['d4 01 02', 'a value begins with byte 0xd4: maps, extensions and float32 are not allowed'],
    ['c7 01 ff 00', 'a value begins with byte 0xc7: maps, extensions and float32 are not allowed'],
    ['ca 3f800000', 'a value begins with byte 0xca: maps, extensions and float32 are not allowed'],
    ['cb 7ff8000000000000', 'a number is NaN, not finite'],
    ['cb fff0000000000000', 'a number is -Infinity, not finite'],
    ['cb 3ff0', 'a number needs 8 bytes, 2 are left'],
    ['cf 0020000000000000', 'the integer 9007199254740992 is beyond 2^53-1'],
    ['d3 ffdfffffffffffff', 'the integer -9007199254740993 is beyond 2^53-1'],
    ['a1', 'text needs 1 bytes, 0 are left'],
    ['a1 ff', 'text is not UTF-8'],
    ['a2 c3 28', 'text is not UTF-8'],
    ['a3 eda080', 'text is not UTF-8'],
    ['da ffff 61', 'text needs 65535 bytes, 1 are left'],
    ['c6 ffffffff', 'bytes needs 4294967295 bytes, 0 are left'],
    ['dd ffffffff 01', '4294967295 items cannot fit in 1 bytes'],
    ['92 01', '2 items cannot fit in 1 bytes'],
    ['91'.repeat(65) + '01', 'a value is nested more than 64 levels deep'],
    ['91'.repeat(5_000), 'a value is nested more than 64 levels deep'],
  ])('%s is refused', (bytes, message) => {
    expect(() => unpackValue(hex(bytes))).toThrow(new WireError(message))
  })

  test('longer forms than needed are read: a later writer may use them', () => {
    expect(unpackValue(hex('dc 0005 cc01 cd0001 ce00000001 cf0000000000000001 d3ffffffffffffffff'))).toEqual([1, 1, 1, 1, -1])
    expect(unpackValue(hex('d9 01 61'))).toBe('a')
  })

  test('U+FFFD is a character like any other', () => {
    expect(unpackValue(packValue(['\ufffd', `${'x'.repeat(40)}\ufffd`]))).toEqual(['\ufffd', `${'x'.repeat(40)}\ufffd`])
  })

  test('bytes and text share no memory with what they were read from', () => {
    const packed = Buffer.from(packValue([new Uint8Array([1, 2, 3]), 'abc']))

    const value = unpackValue(packed)
    packed.fill(0)

    expect(value).toEqual([new Uint8Array([1, 2, 3]), 'abc'])
    expect(Array.isArray(value) && value[0] instanceof Uint8Array && value[0].buffer.byteLength).toBe(3)
  })

  test('any bytes are read or refused with a WireError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          unpackValue(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test('a flipped bit never gives anything but a value or a WireError', () => {
    fc.assert(
      fc.property(wires, fc.nat(), (wire, at) => {
        const bytes = Buffer.from(packValue(wire))
        const place = at % (bytes.length * 8)
        bytes[place >> 3] = (bytes[place >> 3] ?? 0) ^ (1 << (place & 7))
        try {
          unpackValue(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
        }
      }),
    )
  })
})

test('neither packing nor unpacking needs code made from strings', () => {
  const msgpackr = fileURLToPath(import.meta.resolve('msgpackr/pack'))
  const script = `import { Packr } from ${JSON.stringify(msgpackr)}
const packr = new Packr({ useRecords: false, moreTypes: false, bundleStrings: false, encodeUndefinedAsNil: false })
for (let i = 0; i < 100; i++) packr.pack([1, 'a', [null, true, new Uint8Array(3)]])
let refused = false
try { new Function('') } catch { refused = true }
console.log(refused)`

  const printed = execFileSync(process.execPath, ['--disallow-code-generation-from-strings', '--input-type=module', '-e', script], {
    encoding: 'utf8',
  })

  expect(printed.trim()).toBe('true')
})

test('bytes of a class that says how it would be written as JSON are bytes', () => {
  class Uuid extends Uint8Array {
    toJSON(): string {
      return 'hex'
    }
  }
  expect(unpackValue(packValue([Uuid.of(1, 2)]))).toEqual([Uint8Array.of(1, 2)])
})

import fc from 'fast-check'
import { Packr } from 'msgpackr/pack'
import { describe, expect, test } from 'vitest'
import { Slab } from '../../src/machine/slab.ts'
import { packShort } from '../../src/wire/short-value.ts'
import { packValueInto, unpackValue, type Wire } from '../../src/wire/value.ts'

const packr = new Packr({ useRecords: false, moreTypes: false, bundleStrings: false, encodeUndefinedAsNil: false, useToJSON: false })
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const edges = [0, 0x20, 0x80, 0x100, 0x8000, 0x1_0000, 0x8000_0000, 0x1_0000_0000, Number.MAX_SAFE_INTEGER]
const numbers = fc.oneof(
  fc.constantFrom(...edges.flatMap((edge) => [edge - 1, edge, edge + 1, -edge - 1, -edge, -edge + 1])),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.maxSafeInteger(),
)
const lengths = fc.oneof(fc.nat(40), fc.integer({ min: 250, max: 260 }), fc.integer({ min: 2_000, max: 5_000 }), fc.constant(70_000))
const texts = fc.oneof(
  lengths.map((length) => 'a'.repeat(length)),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
)
const bytes = lengths.map((length) => new Uint8Array(length).fill(7))
const wires = fc.letrec<{ wire: Wire }>((tie) => ({
  wire: fc.oneof(
    { maxDepth: 10, depthSize: 'large' },
    fc.constantFrom(null, true, false, -0),
    numbers,
    texts,
    bytes,
    fc.array(tie('wire'), { maxLength: 17 }),
  ),
})).wire

describe('a short value', () => {
  test('has the bytes that msgpackr gives it, wherever it is put', () => {
    let short = 0
    fc.assert(
      fc.property(fc.array(wires, { maxLength: 20 }), (list) => {
        const slab = new Slab(16 * 1_024)
        const packed = list.map((wire) => packShort(wire, slab))
        for (const [i, wire] of list.entries()) {
          const known = packed[i]
          if (known === undefined) continue
          short += 1
          expect(hexOf(known)).toBe(hexOf(packr.pack(wire)))
        }
        // Short or not, what is packed is that.
        for (const wire of list) expect(hexOf(packValueInto(slab, wire))).toBe(hexOf(packr.pack(wire)))
      }),
    )
    expect(short).toBeGreaterThan(100)
  })

  test.each<[string, Wire, boolean]>([
    ['4,096 bytes with their head', new Uint8Array(4_093), true],
    ['one byte more', new Uint8Array(4_094), false],
    ['text of 4,096 bytes with its head', 'ä'.repeat(2_046), true],
    ['more text', 'ä'.repeat(2_047), false],
    ['fifteen items', new Array<Wire>(15).fill(1), true],
    ['sixteen items', new Array<Wire>(16).fill(1), false],
    ['a few that are too long together', [new Uint8Array(2_000), [new Uint8Array(2_000), new Uint8Array(200)]], false],
    ['eight levels', [[[[[[[[1]]]]]]]], true],
    ['nine levels', [[[[[[[[[1]]]]]]]]], false],
  ])('is one of at most 4,096 bytes, fifteen items in an array and eight levels: %s', (_, wire, isShort) => {
    const packed = packShort(wire, new Slab(16 * 1_024))
    expect(packed !== undefined).toBe(isShort)
    if (packed !== undefined) expect(unpackValue(packed)).toEqual(wire)
  })
})

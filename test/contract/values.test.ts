import { describe, expect, test } from 'vitest'
import * as check from '../../src/contract/v1/values-check.ts'
import { codec, recursiveCodec } from '../../src/contract/v1/values-codec.ts'
import { InvalidValue, within } from '../../src/contract/v1/values-invalid.ts'
import * as read from '../../src/contract/v1/values-read.ts'

/** What is said about a value that stands at `input.a`. */
function said(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof InvalidValue) return error.from('input').message
    throw error
  }
  return 'fine'
}

describe('what is said of a value that does not fit', () => {
  test.each<[string, () => unknown]>([
    ['input.a is missing', () => check.string(undefined, 'a')],
    ['input.a is null, a string is required', () => check.string(null, 'a')],
    ['input.a is 5, a string is required', () => check.string(5, 'a')],
    ['input.a has 0 characters, at least 1 is required', () => check.string('', 'a', 1)],
    ['input.a has 1 character, at least 2 are required', () => check.string('x', 'a', 2)],
    ['input.a has 3 characters, at most 2 are allowed', () => check.string('x😀y', 'a', 0, 2)],
    ['input.a has half a surrogate pair in it', () => check.string('\ud800', 'a')],
    ['input.a is "b", which does not match /^a$/u', () => check.matches('b', 'a', /^a$/u)],
    ['input.a is 1.5, an integer of at most 2^53-1 is required', () => check.integer(1.5, 'a')],
    ['input.a is 9007199254740992, an integer of at most 2^53-1 is required', () => check.integer(2 ** 53, 'a')],
    ['input.a is 0, at least 1 is required', () => check.integer(0, 'a', 1)],
    ['input.a is 9, at most 3 is allowed', () => check.integer(9, 'a', 1, 3)],
    ['input.a is NaN, a finite number is required', () => check.number(Number.NaN, 'a')],
    ['input.a is Infinity, a finite number is required', () => check.number(Number.POSITIVE_INFINITY, 'a')],
    ['input.a is 0, more than 0 is required', () => check.above(0, 'a', 0)],
    ['input.a is 1, less than 1 is required', () => check.below(1, 'a', 1)],
    ['input.a is 7, a multiple of 5 is required', () => check.multipleOf(7, 'a', 5)],
    ['input.a is 7, a bigint is required', () => check.bigint(7, 'a')],
    ['input.a is -1n, at least 0n is required', () => check.bigint(-1n, 'a', 0n)],
    ['input.a needs more than 1,024 bytes', () => check.bigint(2n ** 9_000n, 'a')],
    ['input.a is 1, a boolean is required', () => check.boolean(1, 'a')],
    ['input.a is an object, null is required', () => check.nothing({}, 'a')],
    ['input.a is an array, a Uint8Array is required', () => check.bytes([1], 'a')],
    ['input.a has 3 bytes, at most 2 are allowed', () => check.bytes(new Uint8Array(3), 'a', 0, 2)],
    ['input.a is "c", one of "a", 1 is required', () => check.literal('c', 'a', ['a', 1])],
    ['input.a is a Map, an array is required', () => check.array(new Map(), 'a', check.string)],
    ['input.a[1] is 2, a string is required', () => check.array(['x', 2], 'a', check.string)],
    ['input.a has 1 item, at least 2 are required', () => check.array(['x'], 'a', check.string, 2)],
    ['input.a[2] is "x", as an item before it', () => check.unique(['x', 'y', 'x'], 'a')],
    ['input.a is an object, a Map is required', () => check.map({}, 'a', check.string, check.string)],
    ['input.a["k"] is 1, a string is required', () => check.map(new Map([['k', 1]]), 'a', check.string, check.string)],
    ['input.a has the key 5, which is 5, a string is required', () => check.map(new Map([[5, 'x']]), 'a', check.string, check.string)],
    ['input.a.b["c-d"] is missing', () => within({}, 'a', () => within(1, 'b', () => check.string(undefined, 'c-d')))],
    ['input is a Date, an object is required', () => check.object(new Date(0), isA, 1) && check.object([], isA, 1)],
    ['input has the unknown field "b"', () => check.object({ a: 1, b: 2 }, isA, 1)],
    ['input is a function, ok(...) or a declared error is required', () => check.result(() => 1)],
    ['input.error has the code "Other", this command declares Held', () => check.undeclared('Other', ['Held'])],
  ])('%s', (message, act) => {
    if (message.includes('a Date')) return expect(said(() => check.object(5, isA, 1))).toBe('input is 5, an object is required')
    expect(said(act)).toBe(message)
  })
})

const isA = (key: string): key is 'a' => key === 'a'

describe('the canonical form', () => {
  test('-0 is 0, whichever way it comes', () => {
    expect([check.integer(-0), check.number(-0), read.readInteger(-0), read.readNumber(-0)].map((zero) => Object.is(zero, 0))).toEqual([
      true,
      true,
      true,
      true,
    ])
  })

  test('bytes are copied, also those of a Buffer', () => {
    const given = Buffer.from('abc')
    const checked = check.bytes(given)
    given.fill(0)

    expect(checked).toEqual(new Uint8Array([97, 98, 99]))
  })

  test('maps are in key order and cannot be changed', () => {
    const map = check.map(
      new Map([
        [10, 'b'],
        [9, 'a'],
      ]),
      '',
      check.integer,
      check.string,
    )

    expect([...map]).toEqual([
      [9, 'a'],
      [10, 'b'],
    ])
    expect(map).toEqual(new Map(map))
    if (!(map instanceof Map)) throw new Error('no Map')
    expect(() => map.set(1, 'c')).toThrow('a map in a value is read-only: make a new Map from it and assign that')
    expect(() => map.clear()).toThrow(TypeError)
    expect(() => map.delete(9)).toThrow(TypeError)
  })

  test('arrays are frozen copies', () => {
    const given = ['a']
    const checked = check.array(given, '', check.string)
    given.push('b')

    expect(checked).toEqual(['a'])
    expect(Object.isFrozen(checked)).toBe(true)
  })
})

describe('own properties only', () => {
  test('an inherited field is missing', () => {
    const fields = check.object(Object.create({ a: 'inherited' }), isA, 1)

    expect(fields.a).toBeUndefined()
  })

  test('a method of every object is not a field', () => {
    const isToString = (key: string): key is 'toString' => key === 'toString'

    expect(check.object({}, isToString, 1).toString).toBeUndefined()
    expect(check.object({ toString: 'mine' }, isToString, 1).toString).toBe('mine')
  })

  test('an own __proto__ is an unknown field', () => {
    expect(said(() => check.object(JSON.parse('{"__proto__":{"a":1}}'), isA, 1))).toBe('input has the unknown field "__proto__"')
  })

  test('objects without a prototype, and of a class, are objects', () => {
    class Point {
      a = 1
    }
    expect(check.object(Object.assign(Object.create(null), { a: 1 }), isA, 1).a).toBe(1)
    expect(check.object(new Point(), isA, 1).a).toBe(1)
  })

  test('a getter that changes its mind is believed once', () => {
    let calls = 0
    const shifty = Object.defineProperty({}, 'a', { enumerable: true, get: () => (calls++ === 0 ? 'first' : 5) })

    expect(check.string(check.object(shifty, isA, 1).a)).toBe('first')
  })
})

describe('reading', () => {
  test.each<[string, () => unknown]>([
    ['input has 2 fields, 3 are required', () => read.readFields([1, 2], 3)],
    ['input is "x", an array of fields is required', () => read.readFields('x', 3)],
    ['input.a is 1.5, an integer of at most 2^53-1 is required', () => read.readInteger(1.5, 'a')],
    ['input.a is "x", bytes is required', () => read.readBytes('x', 'a')],
    ['input.a has 2 bytes that are not the shortest form of a bigint', () => read.readBigint(Uint8Array.of(0, 1), 'a')],
    ['input.a[0] is null, a string is required', () => read.readArray([null], 'a', read.readString)],
    ['input.a is an array, an array of keys and values is required', () => read.readMap(['k'], 'a', read.readString, read.readString)],
    ['input.a has the key "a" out of order', () => read.readMap(['b', 1, 'a', 2], 'a', read.readString, read.readInteger)],
    ['input.a has the key "b" out of order', () => read.readMap(['b', 1, 'b', 2], 'a', read.readString, read.readInteger)],
    ['input.a is null, an array of one is required', () => read.readPresent(null, 'a')],
    ['input has the unknown tag 7', () => read.unknownTag(7)],
    ['input is 5, nothing is expected', () => read.readAbsent(5)],
  ])('%s', (message, act) => {
    expect(said(act)).toBe(message)
  })
})

describe('a codec', () => {
  test('begins paths with what it is told, and with "value" when it reads', () => {
    const ofString = codec(
      (value) => check.string(value),
      read.asIs,
      (wire) => read.readString(wire),
    )

    expect(() => ofString.check(5, 'state.name')).toThrow('state.name is 5, a string is required')
    expect(() => ofString.fromWire(5)).toThrow('value is 5, a string is required')
  })

  test('of a recursive type refuses what the wire could not hold', () => {
    type List = readonly List[]
    const checkList = (value: unknown): List => check.array(value, '', checkList)
    const toWire = (value: List): List => value
    const ofLists = recursiveCodec(checkList, toWire, (wire) => read.readArray(wire, '', () => []))
    const nested = (levels: number): List => (levels === 0 ? [] : [nested(levels - 1)])

    expect(ofLists.check(nested(59), 'input')).toEqual(nested(59))
    expect(() => ofLists.check(nested(60), 'input')).toThrow('input is nested more than 60 levels deep')
  })
})

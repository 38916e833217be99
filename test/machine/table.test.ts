import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { integer, string } from '../../src/contract/v1.ts'
import { InvariantError } from '../../src/core/invariant.ts'
import type { Check } from '../../src/machine/codec.ts'
import { type ReadonlyTable, StateTable, type Table } from '../../src/machine/table.ts'
import { Transaction } from '../../src/machine/transaction.ts'

const anyString: Check = { check: (value) => string(value, '') }
const anyInteger: Check = { check: (value) => integer(value, '') }
/** Numbers, lists and maps of them, bytes: copied and frozen. */
const anyValue: Check = {
  check(value) {
    if (value instanceof Uint8Array) return new Uint8Array(value)
    if (value instanceof Map) return new Map(Array.from(value, ([key, item]) => [key, anyValue.check(item, '')]))
    return Array.isArray(value) ? Object.freeze(value.map((item) => anyValue.check(item, ''))) : integer(value, '')
  },
}

function tableOf(key: 'string' | 'integer') {
  const transaction = new Transaction()
  const keys = key === 'string' ? anyString : anyInteger
  const table = new StateTable({ name: 'state.things', key, keys, values: anyValue, transaction })
  return { table, transaction }
}
function openTable(key: 'string' | 'integer') {
  const { table, transaction } = tableOf(key)
  transaction.begin()
  return { table, transaction }
}

describe('order', () => {
  test('of strings is that of their UTF-16 code units, no locale', () => {
    const { table } = openTable('string')
    const keys = ['z', 'a', 'Z', '\u00e4', '', 'aa', '\u{1F600}', '\ufb01', '10', '9', '\u00e9', 'e\u0301']
    for (const key of keys) table.set(key, 1)
    expect([...table.keys()]).toEqual(['', '10', '9', 'Z', 'a', 'aa', 'e\u0301', 'z', '\u00e4', '\u00e9', '\u{1F600}', '\ufb01'])
  })

  test('of integers is that of their size', () => {
    const { table } = openTable('integer')
    for (const key of [10, 9, -1, 0, Number.MAX_SAFE_INTEGER, -100]) table.set(key, key)
    expect([...table.keys()]).toEqual([-100, -1, 0, 9, 10, Number.MAX_SAFE_INTEGER])
    expect([...table.values()]).toEqual([...table.keys()])
  })

  test('does not depend on the order of writes', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ unit: 'binary' })), (keys) => {
        const one = openTable('string').table
        const other = openTable('string').table
        for (const key of keys) one.set(key, 1)
        for (const key of keys.toReversed()) other.set(key, 1)
        expect([...one.entries()]).toEqual([...other.entries()])
      }),
      { numRuns: 30 },
    )
  })
})

describe('a range', () => {
  const { table } = openTable('string')
  for (const [i, key] of ['a', 'b', 'ba', 'c', 'd'].entries()) table.set(key, i)
  const { table: numbers } = openTable('integer')
  for (const key of [-5, 0, 5, 10]) numbers.set(key, key)

  test.each([
    [{}, ['a', 'b', 'ba', 'c', 'd']],
    [{ gte: 'b', lt: 'c' }, ['b', 'ba']],
    [{ gt: 'b', lte: 'c' }, ['ba', 'c']],
    [{ reverse: true, limit: 2 }, ['d', 'c']],
    [{ gt: 'a', reverse: true, lt: 'd' }, ['c', 'ba', 'b']],
    [{ gte: 'x' }, []],
    [{ gte: 'c', lt: 'b' }, []],
    [{ limit: 0 }, []],
  ] as const)('%j', (range, keys) => {
    expect([...table.range(range)]).toEqual(keys.map((key) => [key, table.get(key)]))
  })

  test('of integers goes by their size', () => {
    expect([...numbers.range({ gt: -5, lte: 10 })].map(([key]) => key)).toEqual([0, 5, 10])
  })

  test('shows the table as it was when it was asked for', () => {
    const { table } = openTable('integer')
    for (let key = 0; key < 10; key++) table.set(key, key)
    const seen: number[] = []
    for (const [key] of table.range({ gte: 2, lt: 8 })) {
      seen.push(Number(key))
      table.delete(key)
      table.set(Number(key) + 1, 0)
    }
    expect(seen).toEqual([2, 3, 4, 5, 6, 7])
  })

  test.each([
    [{ gte: 'a', gt: 'b' }, 'state.things.range: gte and gt are both given, one of them is meant'],
    [{ lte: 'a', lt: 'a' }, 'state.things.range: lte and lt are both given, one of them is meant'],
    [{ gte: 5 }, 'state.things.range: gte: a key is a string, not number 5'],
    [{ limit: -1 }, 'state.things.range: limit is a whole number from 0 on, not -1'],
    [{ limit: 1.5 }, 'state.things.range: limit is a whole number from 0 on, not 1.5'],
    [{ from: 'a' }, 'state.things.range: there is no "from", only gte, gt, lt, lte, reverse and limit'],
    [{ reverse: 1 }, 'state.things.range: reverse is true or false, not 1'],
  ])('that is none is refused: %j', (range, message) => {
    expect(() => table.range(range as never)).toThrow(new TypeError(message))
  })
})

describe('keys', () => {
  test('may be any string that objects trip over', () => {
    const { table } = openTable('string')
    const keys = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', '', '0', 'length', '\0']
    expect(keys.map((key) => table.get(key))).toEqual(keys.map(() => undefined))
    for (const key of keys) table.set(key, 5)
    expect([...table.keys()]).toEqual(keys.toSorted())
    for (const key of keys) expect(table.delete(key)).toBe(true)
    expect(table.size).toBe(0)
  })

  test.each([
    ['get', 'state.things.get: a key is a string, not number 5'],
    ['has', 'state.things.has: a key is a string, not number 5'],
    ['delete', 'state.things.delete: a key is a string, not number 5'],
    ['set', 'state.things.set: a key is a string, not number 5'],
  ] as const)('of another type are refused by %s', (method, message) => {
    const { table } = openTable('string')
    expect(() => table[method](5, 1)).toThrow(new TypeError(message))
  })

  test('-0 is 0, and NaN is nothing', () => {
    const { table } = openTable('integer')
    table.set(-0, 1)
    expect(Object.is([...table.keys()][0], 0)).toBe(true)
    expect([table.get(0), table.get(-0), table.get(Number.NaN), table.has(Number.NaN)]).toEqual([1, 1, undefined, false])
    expect(() => table.set(Number.NaN, 1)).toThrow('is NaN, an integer of at most 2^53-1 is required')
  })
})

describe('values', () => {
  test('are canonical copies, frozen', () => {
    const { table } = openTable('string')
    const mine = [1, [2, -0]]
    table.set('a', mine)
    mine.push(3)
    const stored = table.get('a')
    expect(stored).toEqual([1, [2, 0]])
    expect(Object.isFrozen(stored)).toBe(true)
    expect(table.get('a')).toBe(stored)
  })

  test('with bytes in them are copied in and out', () => {
    const { table } = openTable('string')
    const mine = Uint8Array.of(1, 2)
    table.set('a', [mine])
    mine[0] = 9
    for (const got of [table.get('a'), ...table.values(), ...[...table.entries()].map(([, value]) => value)]) {
      expect(got).toEqual([Uint8Array.of(1, 2)])
      if (Array.isArray(got) && got[0] instanceof Uint8Array) got[0][0] = 9
    }
    table.forEach((value) => {
      expect(value).toEqual([Uint8Array.of(1, 2)])
    })
  })

  test('with bytes in a record inside them are copied in and out as well, beside others of the same table', () => {
    const { table } = openTable('string')
    const one = () => Uint8Array.of(1, 2)
    const shown = (value: unknown) => (Array.isArray(value) && value[0] instanceof Map ? [value[0].get('k'), value[1]] : value)
    table.set('a', [one()])
    table.set('b', [new Map([['k', one()]]), one()])
    for (const _ of ['once', 'again']) {
      expect(table.get('a')).toEqual([one()])
      const got = shown(table.get('b'))
      expect(got).toEqual([one(), one()])
      if (Array.isArray(got)) for (const bytes of got) if (bytes instanceof Uint8Array) bytes.fill(9)
    }
  })

  test('that do not fit are refused with table and key, and change nothing', () => {
    const { table } = openTable('string')
    table.set('a "b"', 1)
    // The codec of this test ignores paths; those of generated codecs are tested with `bind`.
    expect(() => table.set('a "b"', Number.NaN)).toThrow()
    expect(table.get('a "b"')).toBe(1)
  })
})

describe('iteration', () => {
  test('shows the table as it was when it was asked for, whatever is written meanwhile', () => {
    const { table } = openTable('integer')
    for (let i = 0; i < 100; i++) table.set(i, i)
    const seen: unknown[] = []
    for (const [key, value] of table) {
      seen.push(value)
      table.set(key, -1)
      table.set(Number(key) + 1_000, 0)
      table.delete(Number(key) + 1)
    }
    expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => i))
    expect(table.size).toBe(200)
  })

  test('a table may be emptied by the loop that walks it', () => {
    const { table } = openTable('string')
    for (let i = 0; i < 500; i++) table.set(`k${i}`, i)
    for (const key of table.keys()) expect(table.delete(key)).toBe(true)
    expect([...table]).toEqual([])
    expect(table.size).toBe(0)
  })

  test('two at once do not disturb each other', () => {
    const { table } = openTable('integer')
    for (let i = 0; i < 40; i++) table.set(i, i)
    let pairs = 0
    for (const a of table.keys()) {
      for (const b of table.keys()) if (a !== b) pairs++
      table.delete(a)
    }
    expect(pairs).toBe((39 * 40) / 2)
  })
})

describe('a transaction', () => {
  type Write = readonly ['set', number, number] | readonly ['delete', number]
  const write: fc.Arbitrary<Write> = fc.oneof(
    fc.tuple(fc.constant('set' as const), fc.nat(12), fc.nat()),
    fc.tuple(fc.constant('delete' as const), fc.nat(12)),
  )
  const perform = (table: Table<string | number, unknown>, [what, key, value]: Write): void => {
    if (what === 'set') table.set(key, value)
    else table.delete(key)
  }

  test('that is rolled back leaves the table as it was, also through views and walks', () => {
    fc.assert(
      fc.property(fc.array(write), fc.array(write), fc.array(write), fc.boolean(), (before, during, after, watched) => {
        const { table, transaction } = openTable('integer')
        for (const each of before) perform(table, each)
        transaction.commit()
        const stood = [...table]
        const walk = table.entries()
        const view = watched ? table.view() : undefined

        transaction.begin()
        for (const each of during) perform(table, each)
        transaction.rollback()
        expect([...table]).toEqual(stood)
        expect(table.size).toBe(stood.length)

        transaction.begin()
        for (const each of after) perform(table, each)
        transaction.commit()
        expect([...walk]).toEqual(stood)
        if (view !== undefined) expect([...view.entries()]).toEqual(stood)
      }),
    )
  })

  test('is a model of a sorted Map', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.array(write), fc.boolean())), (transactions) => {
        const { table, transaction } = tableOf('integer')
        let model = new Map<number, number>()
        for (const [writes, commits] of transactions) {
          const draft = new Map(model)
          transaction.begin()
          for (const each of writes) {
            if (each[0] === 'delete') expect(table.delete(each[1])).toBe(draft.delete(each[1]))
            else {
              table.set(each[1], each[2])
              draft.set(each[1], each[2])
            }
          }
          if (commits) {
            transaction.commit()
            model = draft
          } else transaction.rollback()
        }
        expect([...table]).toEqual([...model].sort(([a], [b]) => a - b))
        for (let key = 0; key <= 12; key++) expect(table.get(key)).toBe(model.get(key))
      }),
    )
  })

  test('of very many writes is rolled back as well', () => {
    const { table, transaction } = openTable('integer')
    for (let i = 0; i < 5_000; i++) table.set(i, i)
    transaction.commit()
    transaction.begin()
    for (const key of table.keys()) table.delete(key)
    for (let i = 0; i < 5_000; i++) table.set(i, -i)
    transaction.rollback()
    expect([...table.values()]).toEqual([...table.keys()])
  })

  test('must be open for a write', () => {
    const { table, transaction } = openTable('string')
    table.set('a', 1)
    transaction.commit()
    expect(() => table.set('a', 2)).toThrow('state.things.set was called after its handler returned: handlers are synchronous')
    expect(() => table.delete('a')).toThrow('state.things.delete was called after its handler returned: handlers are synchronous')
    transaction.beginQuery()
    expect(() => table.set('a', 2)).toThrow('queries cannot write: state.things.set')
    expect(() => table.delete('b')).toThrow('queries cannot write: state.things.delete')
    transaction.endQuery()
    expect(table.get('a')).toBe(1)
  })

  test('is never within another', () => {
    const { transaction } = openTable('string')
    expect(() => transaction.begin()).toThrow(new InvariantError('a transaction begins in a command'))
    expect(() => transaction.beginQuery()).toThrow(new InvariantError('a query begins in a command'))
    transaction.commit()
    expect(() => transaction.commit()).toThrow(new InvariantError('a commit without a transaction'))
    expect(() => transaction.rollback()).toThrow(new InvariantError('a rollback without a transaction'))
  })
})

describe('a write that ran out of stack half way', () => {
  const overflow = new RangeError('Maximum call stack size exceeded')

  test.each(['commit', 'rollback'] as const)('cannot end in a %s, even when the handler catches it and goes on', (end) => {
    const { table, transaction } = openTable('integer')
    const spy = vi.spyOn(Map.prototype, 'set').mockImplementationOnce(() => {
      throw overflow
    })
    expect(() => table.set(1, 1)).toThrow(overflow)
    spy.mockRestore()
    const torn = new InvariantError('a write to state.things was interrupted')
    expect(() => table.set(2, 2)).toThrow(torn)
    expect(() => table.delete(1)).not.toThrow()
    expect(() => transaction[end]()).toThrow(torn)
  })
})

test('what a query sees of a table does not compile with a write', () => {
  const { table } = tableOf('string')
  const write = (seen: ReadonlyTable<string | number, unknown>): void => {
    // @ts-expect-error: no such method
    seen.set('a', 1)
  }
  expect(() => write(table)).toThrow('state.things.set was called after its handler returned')
})

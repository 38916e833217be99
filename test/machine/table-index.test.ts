import fc from 'fast-check'
import { describe, expect, expectTypeOf, test, vi } from 'vitest'
import type { TableIndex, UniqueTableIndex } from '../../src/contract/v1.ts'
import { InvariantError } from '../../src/core/invariant.ts'
import { RaftgenError } from '../../src/errors.ts'
import type { Check } from '../../src/machine/codec.ts'
import { OrderedSet } from '../../src/machine/ordered-set.ts'
import { StateTable } from '../../src/machine/table.ts'
import type { IndexView } from '../../src/machine/table-index.ts'
import type { IndexSpec } from '../../src/machine/table-indexes.ts'
import { Transaction } from '../../src/machine/transaction.ts'

interface Job {
  readonly queue: string
  readonly priority: number
  readonly urgent: boolean
  /** Of the unique index; most have none. */
  readonly ticket?: string | null | undefined
  readonly weight?: bigint
  readonly body?: Uint8Array
}
const isJob = (value: unknown): value is Job => typeof value === 'object' && value !== null && 'queue' in value
const jobOf = (value: unknown): Job => {
  if (!isJob(value)) throw new TypeError(`no job: ${String(value)}`)
  return value
}
const jobs: Check = {
  check: (value) => {
    const { body, ...job } = jobOf(value)
    return Object.freeze(body === undefined ? job : { ...job, body: new Uint8Array(body) })
  },
}
const anyKey: Check = { check: (value) => value }

const next: IndexSpec = {
  name: 'next',
  unique: false,
  fields: [
    { name: 'queue', type: 'string' },
    { name: 'urgent', type: 'boolean' },
    { name: 'priority', type: 'number' },
  ],
  entry: (key, value) => [jobOf(value).queue, jobOf(value).urgent, jobOf(value).priority, key],
}
const ticket: IndexSpec = {
  name: 'ticket',
  unique: true,
  fields: [{ name: 'ticket', type: 'string' }],
  entry: (key, value) => [jobOf(value).ticket, key],
}
const weight: IndexSpec = {
  name: 'weight',
  unique: false,
  fields: [{ name: 'weight', type: 'bigint' }],
  entry: (key, value) => [jobOf(value).weight, key],
}

function tableOf(key: 'string' | 'integer' = 'string') {
  const transaction = new Transaction()
  const indexes = [next, ticket, weight]
  const table = new StateTable({ name: 'state.jobs', key, keys: anyKey, values: jobs, transaction, indexes })
  return { table, transaction, by: (name: string) => viewOf(table, name) }
}
function openTable(key: 'string' | 'integer' = 'string') {
  const opened = tableOf(key)
  opened.transaction.begin()
  return opened
}
function viewOf(table: StateTable, name: string): IndexView {
  const view = table.by[name]
  if (view === undefined) throw new Error(`no index ${name}`)
  return view
}

type Entry = readonly [string | number, unknown]
/** What an index must show, from the table alone. */
function expected(table: Iterable<Entry>, { entry, fields }: IndexSpec): Entry[] {
  const rows = [...table].map(([key, value]) => ({ row: [key, value] as const, values: entry(key, value) }))
  const whole = rows.filter(({ values }) => values.every((value) => value !== undefined && value !== null))
  const places = [...fields.keys(), fields.length]
  const order = (a: (typeof rows)[number], b: (typeof rows)[number]): number => {
    const place = places.find((i) => a.values[i] !== b.values[i])
    if (place === undefined) return 0
    const [x, y] = [a.values[place] ?? 0, b.values[place] ?? 0]
    return x < y ? -1 : 1
  }
  return whole.sort(order).map(({ row }) => row)
}
function checkAll(table: StateTable): void {
  for (const spec of [next, ticket, weight]) {
    const view = viewOf(table, spec.name)
    const entries = expected(table, spec)
    expect([...view]).toEqual(entries)
    expect(view.size).toBe(entries.length)
  }
}
const job = (queue: string, priority: number, rest: Partial<Job> = {}): Job => ({ queue, priority, urgent: false, ...rest })

describe('an index', () => {
  test('is ordered by its fields and then by key: text by code unit, numbers by size, false before true', () => {
    const { table, by } = openTable()
    table.set('e', job('b', 1))
    table.set('d', job('a', 10))
    table.set('c', job('a', 9))
    table.set('b', job('a', -1, { urgent: true }))
    table.set('a', job('\u{1F600}', 1))
    table.set('f', job('\ufb01', 1))
    table.set('B', job('a', 9))

    expect([...by('next').keys()]).toEqual(['B', 'c', 'd', 'b', 'e', 'a', 'f'])
  })

  test('of integers as keys goes by their size', () => {
    const { table, by } = openTable('integer')
    for (const key of [10, 9, -1]) table.set(key, job('a', 1))

    expect([...by('next').keys('a')]).toEqual([-1, 9, 10])
  })

  test('has no entry in which an indexed field is absent or null', () => {
    const { table, by } = openTable()
    table.set('a', job('q', 1, { ticket: null }))
    table.set('b', job('q', 1))
    table.set('c', job('q', 1, { ticket: '' }))

    expect([...by('ticket')]).toEqual([['c', table.get('c')]])
    expect([by('ticket').size, by('next').size]).toEqual([1, 3])
  })

  test('knows the border between two fields, whatever is in them', () => {
    const { table, by } = openTable()
    const queues = ['a', 'a\0', 'a\0b', '', '\0', 'a"', 'a,b', '\uffff', '[', 'null', 'Infinity', '__proto__']
    for (const [i, queue] of queues.entries()) table.set(`k${i}`, job(queue, 1))

    for (const [i, queue] of queues.entries()) expect([...by('next').keys(queue)]).toEqual([`k${i}`])
    expect([...by('next').values()].map((value) => jobOf(value).queue)).toEqual(queues.toSorted())
  })

  test('gives out what the table would: the same frozen value, or a copy where there are bytes', () => {
    const { table, by } = openTable()
    table.set('a', job('q', 1))
    expect([...by('next').values()][0]).toBe(table.get('a'))

    table.set('b', job('r', 1, { body: Uint8Array.of(1), ticket: 't' }))
    for (const value of [...by('next').values('r'), by('ticket').get('t')?.[1]]) {
      const { body } = jobOf(value)
      expect(body).toEqual(Uint8Array.of(1))
      if (body !== undefined) body[0] = 9
    }
    expect(jobOf(table.get('b')).body).toEqual(Uint8Array.of(1))
  })

  test('orders bigints by size, also beyond what a number holds', () => {
    const { table, by } = openTable()
    const weights = [2n ** 70n + 1n, 2n ** 70n, -(2n ** 70n), 0n]
    for (const [i, each] of weights.entries()) table.set(`k${i}`, job('q', 1, { weight: each }))

    expect([...by('weight').keys()]).toEqual(['k2', 'k3', 'k1', 'k0'])
    expect([...by('weight').range({ gt: 0n })].map(([key]) => key)).toEqual(['k1', 'k0'])
  })
})

describe('asked', () => {
  const { table, by } = openTable()
  for (const [key, each] of Object.entries({
    a: job('mail', 3),
    b: job('mail', 1),
    c: job('mail', 2, { urgent: true }),
    d: job('mail', 3),
    e: job('fax', 5, { ticket: 't1' }),
    f: job('post', -2, { ticket: 't2' }),
  })) {
    table.set(key, each)
  }
  const keys = (entries: Iterable<Entry>): string => [...entries].map(([key]) => key).join('')

  test.each([
    [[], 'ebadcf'],
    [['mail'], 'badc'],
    [['mail', false], 'bad'],
    [['mail', false, 3], 'ad'],
    [['none'], ''],
    [['mai'], ''],
  ])('for %j it has the entries that begin so, and counts them', (prefix, found) => {
    const index = by('next')
    expect(keys(index.entries(...prefix))).toBe(found)
    expect([...index.keys(...prefix)].join('')).toBe(found)
    expect([...index.values(...prefix)]).toEqual([...found].map((key) => table.get(key)))
    expect(index.count(...prefix)).toBe(found.length)
    expect(index.has(...prefix)).toBe(found.length > 0)
  })

  test.each([
    [{}, 'ebadcf'],
    [{ limit: 2 }, 'eb'],
    [{ reverse: true, limit: 2 }, 'fc'],
    [{ gt: 'mail' }, 'f'],
    [{ gte: 'mail', reverse: true }, 'fcdab'],
    [{ lt: ['mail'] }, 'e'],
    [{ lte: ['mail'] }, 'ebadc'],
    [{ gte: ['mail', true], lte: 'mail' }, 'c'],
    [{ gt: ['mail', false, 3] }, 'cf'],
    [{ gt: ['mail', false, 3, 'a'] }, 'dcf'],
    [{ gte: ['mail', false, 3, 'a'], lt: ['mail', false, 3, 'd'] }, 'a'],
    [{ lte: ['mail', false, 3, 'a'], reverse: true }, 'abe'],
    [{ prefix: 'mail' }, 'badc'],
    [{ prefix: ['mail'], gte: true }, 'c'],
    [{ prefix: ['mail', false], gt: 1 }, 'ad'],
    [{ prefix: ['mail', false], gt: 1, lte: 3, reverse: true, limit: 1 }, 'd'],
    [{ prefix: ['mail', false], lt: 3 }, 'b'],
    [{ prefix: ['mail', false], gt: [3, 'a'] }, 'd'],
    [{ prefix: ['mail', false], gte: Number.NEGATIVE_INFINITY, lt: Number.POSITIVE_INFINITY }, 'bad'],
    [{ prefix: ['mail', false, 3], gt: 'a' }, 'd'],
    [{ prefix: ['mail', false, 3], lt: 'd' }, 'a'],
    [{ prefix: ['mail', false], gt: 3, lt: 1 }, ''],
    [{ prefix: [], limit: 0 }, ''],
  ])('for the range %j', (range, found) => {
    expect(keys(by('next').range(range))).toBe(found)
  })

  test('for the values of a unique index it has the one entry, or none', () => {
    expect(by('ticket').get('t2')).toEqual(['f', table.get('f')])
    expect(by('ticket').get('t')).toBeUndefined()
  })

  const unknown = 'state.jobs.by.next.range: there is no "from", only prefix, gte, gt, lt, lte, reverse and limit'
  test.each([
    [{ from: 1 }, unknown],
    [{ gte: 'a', gt: 'b' }, 'state.jobs.by.next.range: gte and gt are both given, one of them is meant'],
    [{ lte: ['a'], lt: ['b'] }, 'state.jobs.by.next.range: lte and lt are both given, one of them is meant'],
    [{ gte: [] }, 'state.jobs.by.next.range: gte has no value'],
    [{ gte: 5 }, 'state.jobs.by.next.range: gte: queue is a string, not number 5'],
    [{ prefix: ['a'], gte: 5 }, 'state.jobs.by.next.range: gte: urgent is a boolean, not number 5'],
    [{ prefix: ['a', true], lt: Number.NaN }, 'state.jobs.by.next.range: lt: priority is a number, not number NaN'],
    [{ prefix: ['a', true, 1], lt: 1 }, 'state.jobs.by.next.range: lt: key is a string, not number 1'],
    [{ prefix: ['a', true, 1], lt: ['k', 2] }, 'state.jobs.by.next.range: lt: 2 values are given, at most 1 value can be: key'],
    [
      { prefix: ['a', true, 1, 'k'] },
      'state.jobs.by.next.range: prefix: 4 values are given, at most 3 values can be: queue, urgent, priority',
    ],
    [{ limit: -1 }, 'state.jobs.by.next.range: limit is a whole number from 0 on, not -1'],
    [{ reverse: 'yes' }, 'state.jobs.by.next.range: reverse is true or false, not yes'],
  ])('for a range that is none it refuses: %j', (range, message) => {
    expect(() => by('next').range(range)).toThrow(new TypeError(message))
  })

  test('for values that are none it refuses', () => {
    const wrong = (message: string): TypeError => new TypeError(message)
    expect(() => by('next').entries('a', 1)).toThrow(wrong('state.jobs.by.next.entries: urgent is a boolean, not number 1'))
    expect(() => by('ticket').count(undefined)).toThrow(wrong('state.jobs.by.ticket.count: ticket is a string, not undefined undefined'))
    expect(() => by('ticket').has(null)).toThrow(wrong('state.jobs.by.ticket.has: ticket is a string, not object null'))
    expect(() => by('ticket').get()).toThrow(wrong('state.jobs.by.ticket.get: 0 values are given, 1 are wanted: ticket'))
    expect(() => by('next').get('a')).toThrow(wrong('state.jobs.by.next is not unique: use entries'))
  })
})

describe('a unique index', () => {
  test('refuses the second of a kind before anything has changed, and says who is the first', () => {
    const { table, transaction } = openTable()
    table.set('first', job('q', 1, { ticket: 'x"y' }))
    table.set('other', job('q', 2, { ticket: 'z' }))
    const stood = [...table]

    const message = (key: string): string =>
      `state.jobs["${key}"] would have the same ticket as state.jobs["first"], "x\\"y", and by.ticket is unique`
    expect(() => table.set('second', job('r', 1, { ticket: 'x"y' }))).toThrow(message('second'))
    expect(() => table.set('other', job('r', 1, { ticket: 'x"y' }))).toThrow(message('other'))
    expect([...table]).toEqual(stood)
    checkAll(table)
    transaction.commit()
    checkAll(table)
  })

  test('lets an entry keep its values, and give them to another', () => {
    const { table, by } = openTable()
    table.set('a', job('q', 1, { ticket: 'x' }))
    table.set('a', job('q', 2, { ticket: 'x' }))
    table.set('a', job('q', 2, { ticket: 'y' }))
    table.set('b', job('q', 2, { ticket: 'x' }))
    table.delete('a')
    table.set('c', job('q', 2, { ticket: 'y' }))

    expect([...by('ticket').keys()]).toEqual(['b', 'c'])
  })

  test('has nothing against any number of entries without a value', () => {
    const { table } = openTable()
    for (const key of ['a', 'b', 'c']) table.set(key, job('q', 1, { ticket: null }))
    expect(table.size).toBe(3)
  })
})

describe('an index that is walked', () => {
  test('shows what was there when it was asked for, values too, whatever is written meanwhile', () => {
    const { table, by } = openTable('integer')
    for (let i = 0; i < 100; i++) table.set(i, job('q', i))
    const entries = by('next').entries('q')
    const values = by('next').values()
    const stood = [...table]
    const seen: Entry[] = []
    for (const entry of entries) {
      seen.push(entry)
      const key = Number(entry[0])
      table.set(key, job('r', -key))
      table.set(key + 1_000, job('q', key))
      table.delete(key + 1)
    }

    expect(seen).toEqual(stood)
    expect([...values]).toEqual(stood.map(([, value]) => value))
    checkAll(table)
  })

  test('may be emptied by the loop that walks it', () => {
    const { table, by } = openTable()
    for (let i = 0; i < 500; i++) table.set(`k${i}`, job('q', i % 7))
    for (const key of by('next').keys('q')) expect(table.delete(key)).toBe(true)
    checkAll(table)
    expect(table.size).toBe(0)
  })

  test('and given up does not hinder later writes', () => {
    const { table, by } = openTable()
    for (let i = 0; i < 50; i++) table.set(`k${i}`, job('q', i))
    for (const [key] of by('next')) if (key === 'k3') break
    const abandoned = by('next').entries()
    abandoned.next()
    table.set('k0', job('z', 0))
    expect([...abandoned].length).toBe(49)
    checkAll(table)
  })
})

describe('in a transaction', () => {
  type Write = { readonly key: number; readonly job: Job | undefined }
  const aJob = fc.record(
    {
      queue: fc.constantFrom('a', 'b', 'b\0'),
      priority: fc.integer({ min: -2, max: 2 }),
      urgent: fc.boolean(),
      ticket: fc.constantFrom('t', 'u', 'v', null),
      weight: fc.bigInt({ min: -2n, max: 2n }),
    },
    { requiredKeys: ['queue', 'priority', 'urgent'] },
  )
  const write: fc.Arbitrary<Write> = fc.record({ key: fc.nat(12), job: fc.option(aJob, { nil: undefined }) })
  /** False when a unique index refused it. */
  const perform = (table: StateTable, { key, job: value }: Write): boolean => {
    if (value === undefined) {
      table.delete(key)
      return true
    }
    const rival = [...table].some(
      ([other, held]) => other !== key && typeof value.ticket === 'string' && jobOf(held).ticket === value.ticket,
    )
    if (!rival) table.set(key, value)
    else expect(() => table.set(key, value)).toThrow('and by.ticket is unique')
    return !rival
  }

  test('each index is what the table says, after every write, commit and rollback, also for who began to look before', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ writes: fc.array(write), commits: fc.boolean(), looks: fc.boolean() })), (transactions) => {
        const { table, transaction, by } = tableOf('integer')
        const promised: { readonly entries: Iterable<Entry>; readonly model: readonly Entry[] }[] = []
        for (const { writes, commits, looks } of transactions) {
          const stood = [...table]
          transaction.begin()
          for (const [i, each] of writes.entries()) {
            if (looks && i % 2 === 0) {
              const part = { prefix: 'b', reverse: true, limit: 3 }
              promised.push({ entries: by('next').entries(), model: expected(table, next) })
              promised.push({ entries: by('weight').entries(), model: expected(table, weight) })
              const under = expected(table, next).filter(([, value]) => jobOf(value).queue === 'b')
              promised.push({ entries: by('next').range(part), model: under.toReversed().slice(0, 3) })
            }
            perform(table, each)
            checkAll(table)
          }
          if (commits) transaction.commit()
          else transaction.rollback()
          if (!commits) expect([...table]).toEqual(stood)
          checkAll(table)
        }
        for (const { entries, model } of promised) expect([...entries]).toEqual(model)
      }),
      { numRuns: 60 },
    )
  })

  test('that is rolled back after any of its writes, table and indexes are as before', () => {
    fc.assert(
      fc.property(fc.array(write, { maxLength: 20 }), fc.array(write, { maxLength: 20 }), (before, during) => {
        for (let writes = 0; writes <= during.length; writes++) {
          const { table, transaction, by } = openTable('integer')
          for (const each of before) perform(table, each)
          transaction.commit()
          const stood = [[...table], ...['next', 'ticket', 'weight'].map((name) => [...by(name)])]
          transaction.begin()
          for (const each of during.slice(0, writes)) perform(table, each)
          transaction.rollback()
          expect([[...table], ...['next', 'ticket', 'weight'].map((name) => [...by(name)])]).toEqual(stood)
        }
      }),
      { numRuns: 40 },
    )
  })

  test('a restored table has the same indexes as the one that was written', () => {
    fc.assert(
      fc.property(fc.array(write), (writes) => {
        const { table } = openTable('integer')
        for (const each of writes) perform(table, each)
        const restored = tableOf('integer')
        const rows = [...table]
        const loader = restored.table.loader()
        for (const [key, value] of rows) loader.add(key, value)
        const load = loader.end()
        expect(restored.table.size).toBe(0)
        load()
        checkAll(restored.table)
        expect([...restored.table]).toEqual(rows)
        restored.transaction.begin()
        for (const { key } of writes) restored.table.delete(key)
        checkAll(restored.table)
      }),
      { numRuns: 60 },
    )
  })

  test('a write that ran out of stack between table and index cannot be kept', () => {
    const { table, transaction } = openTable()
    const overflow = new RangeError('Maximum call stack size exceeded')
    const entry = vi.spyOn(weight, 'entry').mockImplementation(() => {
      throw overflow
    })
    expect(() => table.set('a', job('q', 1))).toThrow(overflow)
    entry.mockRestore()
    expect(() => transaction.rollback()).toThrow(new InvariantError('a write to state.jobs was interrupted'))
  })
})

test('entries that a unique index does not allow are not loaded, and nothing has changed', () => {
  const { table } = openTable()
  table.set('a', job('q', 1, { ticket: 'x' }))
  const rows = [job('q', 1, { ticket: 'y' }), job('q', 2), job('q', 3, { ticket: 'y' })]
  const loader = table.loader()
  for (const [i, key] of ['p', 'q', 'r'].entries()) loader.add(key, rows[i])

  expect(() => loader.end()).toThrow(
    new RaftgenError(
      'MACHINE_MISMATCH',
      'state.jobs["r"] has the same ticket as state.jobs["p"], "y", and by.ticket is unique: the state was written by a machine without this index',
    ),
  )
  expect([...table.keys()]).toEqual(['a'])
  checkAll(table)
})

test('an index is touched by no write that leaves its fields alone', () => {
  const { table } = openTable()
  table.set('a', job('q', 1, { ticket: 't' }))
  const touched = vi.spyOn(OrderedSet.prototype, 'add')
  table.set('a', job('q', 1, { ticket: 't', body: Uint8Array.of(1) }))
  expect(touched).not.toHaveBeenCalled()
  table.set('a', job('q', 1, { ticket: 'u' }))
  expect(touched).toHaveBeenCalledOnce()
  touched.mockRestore()
})

test('an index cannot be written, by type and at run time', () => {
  const { table, by } = openTable()
  const view = by('next')
  expect(['set', 'add', 'remove', 'delete', 'load', 'clear'].filter((method) => method in view)).toEqual([])
  expect(() => Object.assign(table, { by: {} })).toThrow(TypeError)
  expect(() => Object.assign(table.by, { next: undefined })).toThrow(TypeError)
  expect(() => Object.assign(view, { range: undefined })).toThrow(TypeError)
  expect(tableOf().table.by).not.toBe(table.by)
})

describe('the compiler', () => {
  type Next = TableIndex<string, Job, [queue: 'mail' | 'fax', urgent: boolean, priority: number]>
  type Ticket = UniqueTableIndex<number, Job, [ticket: string]>

  test('knows what is given out', () => {
    expectTypeOf<ReturnType<Next['range']>>().toEqualTypeOf<IterableIterator<readonly [string, Job]>>()
    expectTypeOf<ReturnType<Ticket['get']>>().toEqualTypeOf<readonly [number, Job] | undefined>()
    expectTypeOf<Parameters<Ticket['get']>>().toEqualTypeOf<[ticket: string]>()
    expectTypeOf<'get' extends keyof Next ? true : false>().toEqualTypeOf<false>()
    expectTypeOf<Extract<keyof Ticket, 'set' | 'delete' | 'add'>>().toEqualTypeOf<never>()
  })

  test('refuses what is no prefix and no range', () => {
    const uses = (index: Next, unique: Ticket): void => {
      index.entries()
      index.entries('mail', true, 5)
      index.range({ prefix: 'mail', gte: true })
      index.range({ prefix: ['mail'], gte: [true, 5], lt: [true, 6, 'key'] })
      index.range({ prefix: ['mail', false], gt: [5, 'key'], limit: 1 })
      index.range({ prefix: ['mail', false, 5], lte: 'key' })
      index.range({ gte: 'mail', reverse: true })
      unique.range({ prefix: 'x', gt: 7 })
      unique.range({ gt: ['x', 7] })
      // @ts-expect-error: no such queue
      index.entries('post')
      // @ts-expect-error: not in the order of the fields
      index.entries('mail', 5)
      // @ts-expect-error: too many
      index.entries('mail', true, 5, 'key')
      // @ts-expect-error: of the next field, which is a boolean
      index.range({ prefix: ['mail'], gte: 5 })
      // @ts-expect-error: the key is no part of a prefix
      index.range({ prefix: ['mail', true, 5, 'key'] })
      // @ts-expect-error: no such option
      index.range({ from: 'mail' })
      // @ts-expect-error: an empty list is no bound
      index.range({ gte: [] })
      // @ts-expect-error: keys are numbers here
      unique.range({ prefix: 'x', gt: '7' })
      // @ts-expect-error: nothing to look for
      unique.get()
    }
    expect(uses).toBeTypeOf('function')
  })
})

import { describe, expect, test } from 'vitest'
import { integer } from '../../src/contract/v1.ts'
import type { Codec } from '../../src/machine/codec.ts'
import { type FieldSpec, State } from '../../src/machine/state.ts'

type Wire = number | string | Uint8Array
const number: Codec<Wire> = { check: (value) => integer(value, ''), toWire: Number, fromWire: Number }
const key = { check: (value: unknown) => value }
const bytes: Codec<Wire> = {
  check: (value) => (value instanceof Uint8Array ? new Uint8Array(value) : integer(value, '')),
  toWire: () => '',
  fromWire: (wire) => wire,
}

function stateOf(specs: Record<string, FieldSpec<Wire>>) {
  const state = new State<Wire>(specs)
  return { state, get: (name: string): unknown => Reflect.get(state.root, name) }
}
/** Assigns as strict code does: what is refused throws. */
const assign = (root: object, name: string, value: unknown): void => void Object.assign(root, { [name]: value })

const total: FieldSpec<Wire> = { kind: 'cell', value: number, initial: 3 }
const counts: FieldSpec<Wire> = {
  kind: 'table',
  key: 'integer',
  keys: key,
  values: number,
  initial: [
    [10, 1],
    [9, 2],
  ],
}

describe('a state', () => {
  test('begins with its initial values, in key order whatever the order they were given in', () => {
    const { get } = stateOf({ total, counts })
    expect(get('total')).toBe(3)
    expect([...entriesOf(get('counts'))]).toEqual([
      [9, 2],
      [10, 1],
    ])
  })

  test('has its fields and takes no others', () => {
    const { state } = stateOf({ total, counts })
    state.transaction.begin()
    expect(Object.keys(state.root)).toEqual(['total', 'counts'])
    expect(() => assign(state.root, 'totl', 1)).toThrow('Cannot add property totl, object is not extensible')
    expect(() => assign(state.root, 'counts', new Map())).toThrow('state.counts is a table: change it with set and delete')
    expect(Reflect.deleteProperty(state.root, 'total')).toBe(false)
    expect(() => Object.setPrototypeOf(state.root, {})).toThrow(TypeError)
  })

  test('may have fields that objects trip over', () => {
    const { state } = stateOf(Object.fromEntries(['__proto__', 'constructor', 'toString'].map((name) => [name, total])))
    state.transaction.begin()
    for (const { name } of state.fields) Reflect.set(state.root, name, 8)
    expect(state.fields.map(({ name }) => Reflect.get(state.root, name))).toEqual([8, 8, 8])
    expect(Object.getPrototypeOf(state.root)).toBe(Object.prototype)
  })

  test('rolls back tables and cells together', () => {
    const { state, get } = stateOf({ total, counts, more: total })
    const before = JSON.stringify([get('total'), [...entriesOf(get('counts'))], get('more')])
    state.transaction.begin()
    assign(state.root, 'total', 4)
    assign(state.root, 'total', 5)
    tableOf(get('counts')).delete(9)
    tableOf(get('counts')).set(9, 7)
    expect(get('total')).toBe(5)
    state.transaction.rollback()
    expect(JSON.stringify([get('total'), [...entriesOf(get('counts'))], get('more')])).toBe(before)

    state.transaction.begin()
    assign(state.root, 'total', 6)
    state.transaction.commit()
    state.transaction.begin()
    assign(state.root, 'total', 7)
    state.transaction.rollback()
    expect(get('total')).toBe(6)
  })
})

describe('a cell', () => {
  test('refuses what does not fit and keeps what it had', () => {
    const { state, get } = stateOf({ total })
    state.transaction.begin()
    expect(() => assign(state.root, 'total', 0.5)).toThrow('is 0.5, an integer of at most 2^53-1 is required')
    expect(get('total')).toBe(3)
  })

  test('is written by commands only', () => {
    const { state } = stateOf({ total })
    expect(() => assign(state.root, 'total', 1)).toThrow('state.total was called after its handler returned: handlers are synchronous')
    state.transaction.beginQuery()
    expect(() => assign(state.root, 'total', 1)).toThrow('queries cannot write: state.total')
  })

  test('copies bytes in and out', () => {
    const { state, get } = stateOf({ seal: { kind: 'cell', value: bytes, initial: 1 } })
    const mine = Uint8Array.of(1)
    state.transaction.begin()
    assign(state.root, 'seal', mine)
    mine[0] = 9
    const got = get('seal')
    if (got instanceof Uint8Array) got[0] = 8
    expect(get('seal')).toEqual(Uint8Array.of(1))
  })
})

interface AnyTable extends Iterable<unknown> {
  set(key: number, value: number): void
  delete(key: number): boolean
}
function tableOf(value: unknown): AnyTable {
  // A cast: what the generated types say of it.
  return value as AnyTable
}
const entriesOf = (value: unknown): Iterable<unknown> => tableOf(value)

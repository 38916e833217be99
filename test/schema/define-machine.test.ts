import Type, { type Static } from 'typebox'
import Value from 'typebox/value'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { bytes, defineMachine, Record } from '../../src/index.ts'
import { isMachineDefinition } from '../../src/schema/define-machine.ts'

const state = Type.Object({ leases: Record(Type.String({ maxLength: 5 }), Type.Object({ owner: Type.String() })), total: Type.Integer() })
const input = Type.Object({})

describe('a machine definition', () => {
  test('is frozen and recognised by a mark that a second copy of the package has too', () => {
    const machine = defineMachine({ name: 'locks', version: 1, state, commands: { go: { input } } })

    expect(Object.isFrozen(machine)).toBe(true)
    expect(isMachineDefinition(machine)).toBe(true)
    expect(isMachineDefinition(JSON.parse(JSON.stringify(machine)))).toBe(true)
    expect([undefined, null, 1, {}, { '~raftgen': 'bytes' }].map(isMachineDefinition)).toEqual([false, false, false, false, false])
  })

  test('may leave out errors, commands, queries and what is empty at the start', () => {
    defineMachine({ name: 'a', version: 1, state })
    defineMachine({ name: 'a', version: 1, state, initial: { total: 1 } })
  })
})

// Each of these is an error of the compiler at the token under the comment; `npm run types` fails where it is not.
describe('the compiler refuses', () => {
  test('an error that is not declared, at its name', () => {
    defineMachine({
      name: 'locks',
      version: 1,
      state,
      errors: { Held: Type.Object({}), NotHeld: Type.Object({}) },
      commands: {
        acquire: { input, errors: ['Held'] },
        // @ts-expect-error
        release: { input, errors: ['NotHeld', 'Hold'] },
      },
    })
  })

  test('any error where none is declared', () => {
    // @ts-expect-error
    defineMachine({ name: 'locks', version: 1, state, commands: { acquire: { input, errors: ['Held'] } } })
  })

  test('an initial state of another type, at the property', () => {
    defineMachine({
      name: 'locks',
      version: 1,
      state,
      initial: {
        leases: {},
        // @ts-expect-error
        total: 'none',
      },
    })
    defineMachine({
      name: 'locks',
      version: 1,
      state,
      initial: {
        leases: {
          // @ts-expect-error
          a: { owner: 1 },
        },
      },
    })
  })

  test('an initial property that is not in the state', () => {
    defineMachine({
      name: 'locks',
      version: 1,
      state,
      initial: {
        // @ts-expect-error
        locks: {},
      },
    })
  })

  test('an index of what is no table, or has no such field, or none that can be ordered', () => {
    const Job = Type.Object({ queue: Type.String(), runAt: Type.Optional(Type.Integer()), tags: Type.Array(Type.String()) })
    const Either = Type.Union([
      Type.Object({ kind: Type.Literal('a'), at: Type.Integer() }),
      Type.Object({ kind: Type.Literal('b'), note: Type.Union([Type.String(), Type.Null()]) }),
    ])
    const jobs = Type.Object({ jobs: Record(Type.String(), Job), both: Type.Record(Type.Integer(), Either), total: Type.Integer() })
    const initial = { total: 0 }
    defineMachine({
      name: 'queue',
      version: 1,
      state: jobs,
      initial,
      indexes: {
        jobs: { next: ['queue', 'runAt'], queue: 'queue', once: { on: 'queue', unique: true }, many: { on: ['runAt'] } },
        both: { at: 'at', note: ['kind', 'note'] },
      },
    })
    // @ts-expect-error
    defineMachine({ name: 'queue', version: 1, state: jobs, initial, indexes: { jbos: { next: 'queue' } } })
    // @ts-expect-error
    defineMachine({ name: 'queue', version: 1, state: jobs, initial, indexes: { total: { next: 'queue' } } })
    // @ts-expect-error
    defineMachine({ name: 'queue', version: 1, state: jobs, initial, indexes: { jobs: { next: 'que' } } })
    // @ts-expect-error
    defineMachine({ name: 'queue', version: 1, state: jobs, initial, indexes: { jobs: { next: ['queue', 'tags'] } } })
    // @ts-expect-error
    defineMachine({ name: 'queue', version: 1, state: jobs, initial, indexes: { jobs: { next: { on: 'queue', uniq: true } } } })
    // @ts-expect-error
    defineMachine({ name: 'queue', version: 1, state: jobs, initial, indexes: { both: { at: 'when' } } })
  })

  test('a key that is not known, at every level', () => {
    defineMachine({
      name: 'locks',
      version: 1,
      state,
      // @ts-expect-error
      comands: {},
    })
    defineMachine({
      name: 'locks',
      version: 1,
      state,
      // @ts-expect-error
      commands: { go: { input, outputs: input } },
      // @ts-expect-error
      queries: { look: { input, output: input, errors: [] } },
    })
  })

  test('an input that is no object, and a query without output', () => {
    // @ts-expect-error
    defineMachine({ name: 'locks', version: 1, state, commands: { go: { input: Type.String() } } })
    // @ts-expect-error
    defineMachine({ name: 'locks', version: 1, state, queries: { look: { input } } })
    // @ts-expect-error
    defineMachine({ name: 'locks', version: 1, state: Type.String() })
    // @ts-expect-error
    defineMachine({ name: 'locks', version: '1', state })
    // @ts-expect-error
    defineMachine({ name: 'locks', version: 1, state, commands: { go: { input, output: 'text' } } })
  })
})

describe('Record', () => {
  test('keeps the bounds of its keys, for raftgen and for TypeBox', () => {
    const key = Type.String({ minLength: 1, maxLength: 3 })
    const schema = Record(key, Type.Integer())

    expect(Reflect.get(schema, '~key')).toBe(key)
    expect([Value.Check(schema, { abc: 1 }), Value.Check(schema, { abcd: 1 }), Value.Check(schema, { '': 1 })]).toEqual([
      true,
      false,
      false,
    ])
  })

  test('has the static type of a record', () => {
    const byName = Record(Type.String(), Type.Boolean())
    const byNumber = Record(Type.Integer({ minimum: 1 }), Type.Boolean())

    expectTypeOf<Static<typeof byName>>().toEqualTypeOf<{ [key: string]: boolean }>()
    expectTypeOf<Static<typeof byNumber>>().toEqualTypeOf<{ [key: number]: boolean }>()
    expect(Value.Check(byNumber, { 1: true })).toBe(true)
  })

  test('wants strings or integers as keys', () => {
    // @ts-expect-error
    Record(Type.Boolean(), Type.Integer())
  })
})

describe('bytes', () => {
  test('is a Uint8Array, within its bounds, for TypeBox too', () => {
    const schema = bytes({ minLength: 1, maxLength: 2 })

    expectTypeOf<Static<typeof schema>>().toEqualTypeOf<Uint8Array>()
    expect([0, 1, 2, 3].map((length) => Value.Check(schema, new Uint8Array(length)))).toEqual([false, true, true, false])
    expect(Value.Check(Type.Object({ key: bytes() }), { key: 'text' })).toBe(false)
  })

  test('bounds are whole numbers', () => {
    expect(() => bytes({ maxLength: 1.5 })).toThrow(new RangeError('bytes: maxLength is 1.5, a whole number of bytes is required'))
    expect(() => bytes({ minLength: -1 })).toThrow(new RangeError('bytes: minLength is -1, a whole number of bytes is required'))
  })
})

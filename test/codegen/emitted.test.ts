// The emitted code at work, and what of it must not compile.
import { describe, expect, test } from 'vitest'
import { CounterClient, type CounterHandlers, counter } from '../../examples/counter/generated/index.ts'
import {
  Held,
  type Lease,
  LocksClient,
  type LocksHandlers,
  type LocksReadonlyState,
  type LocksState,
  locks,
  NotHeld,
  ok,
  type Result,
} from '../../examples/locks/generated/index.ts'
import type { Caller } from '../../src/contract/v1.ts'
import { local } from '../../src/sim/local.ts'
import {
  type KitchenSinkHandlers,
  type KitchenSinkReadonlyState,
  type KitchenSinkState,
  KitchenSinkClient,
  kitchenSink,
  NotFound,
  type Shape,
  type Thing,
} from './golden/kitchen-sink/generated/index.ts'

const unused = (): never => {
  throw new Error('not called')
}
const handlers: KitchenSinkHandlers = {
  put(state, { name, thing }) {
    state.things.set(name, thing)
    return ok(thing)
  },
  delete: (state, { name }) => (state.things.delete(name) ? ok() : NotFound()),
  class() {},
  'close-account': () => ['abc', 1, { x: 0, y: 0 }],
  größe: (_, { mixed }) => mixed,
  draw: (_, { at }) => at,
  grow: (_, { tree }) => tree,
  tune() {},
  find: (state, { name }) => state.things.get(name) ?? null,
  all: (state) => new Map([...state.ranks].map(([rank, names]) => [String(rank), names.flatMap((name) => state.things.get(name) ?? [])])),
  state: (state) => (state.theme === undefined ? 'draft' : 'live'),
  json: (state) =>
    new Map<string, number>([
      ['total', state.total],
      ['a', state.counts.get('a') ?? 0],
      ['shape', state.shape.kind === 'circle' ? state.shape.radius : 0],
    ]),
  mail: () => null,
}
const connect = (): KitchenSinkClient => KitchenSinkClient.over(local(kitchenSink(handlers)))
const thing: Thing = {
  id: '123e4567-e89b-12d3-a456-426614174000',
  status: 'live',
  parent: null,
  flags: new Map([
    ['b', true],
    ['a', false],
  ]),
  picture: Uint8Array.of(1, 2, 3),
  balance: -(2n ** 69n),
}

describe('the emitted client over one replica', () => {
  test('the state begins as the schema says', async () => {
    const client = connect()

    expect(await client.json()).toEqual(
      new Map<string, number>([
        ['a', 1],
        ['shape', 3.5],
        ['total', 7],
      ]),
    )
    expect(await client.state()).toBe('draft')
    expect([...(await client.all({}))]).toEqual([
      ['1', []],
      ['10', []],
      ['2', []],
    ])
  })

  test('values of every type come back as they were given', async () => {
    const client = connect()

    expect(await client.put({ name: 'a-b', thing, options: {} })).toEqual({ ok: true, value: thing })
    expect(await client.find({ name: 'a-b' })).toEqual(thing)
    expect(await client.find({ name: 'c', level: null })).toBeNull()
    expect(await client.closeAccount()).toEqual(['abc', 1, { x: 0, y: 0 }])
    expect(await client.größe({ größe: 10, mixed: new Map([['k', 1]]), limit: 'unlimited' })).toEqual(new Map([['k', 1]]))
    expect(await client.class({ toString: 'text', constructor: 1, 'with-dash': true })).toBeUndefined()
    expect(await client.tune({ key: new Uint8Array(0), partial: {}, picked: { id: thing.id, status: 'gone' } })).toBeUndefined()
  })

  test('declared errors are values', async () => {
    const client = connect()

    expect(await client.delete({ name: 'a' })).toEqual({ ok: false, error: { code: 'NotFound' } })
  })

  test('indexes are in step with their table, for commands and queries; a unique one fails the command that breaks it', async () => {
    const seen: unknown[] = []
    const client = KitchenSinkClient.over(
      local(
        kitchenSink({
          ...handlers,
          class(state) {
            state.drawn.set(1, { kind: 'circle', center: { x: 0, y: 0 }, radius: 10 })
            state.drawn.set(2, { kind: 'circle', center: { x: 0, y: 0 }, radius: 9.5 })
            state.drawn.set(3, { kind: 'polygon', corners: [0, 1, 2].map((x) => ({ x, y: 0 })) })
          },
          state(state) {
            seen.push([...state.drawn.by['by-radius'].keys('circle')])
            seen.push(state.things.by.id.get(thing.id)?.[0], [...state.things.by.next.keys('live')], state.things.by.parent.size)
            seen.push([...state.things.by.next.range({ prefix: 'live', lt: 0n, limit: 1 })].map(([name]) => name))
            return 'live'
          },
        }),
      ),
    )
    await client.class({ toString: '', constructor: 1, 'with-dash': true })
    await client.put({ name: 'one', thing: { ...thing, balance: 3n }, options: {} })
    await client.put({ name: 'two', thing: { ...thing, id: '00000000-e89b-12d3-a456-426614174000', balance: -3n }, options: {} })
    await expect(client.put({ name: 'twin', thing, options: {} })).rejects.toMatchObject({ code: 'HANDLER_FAILED' })
    await client.state()

    expect(seen).toEqual([[2, 1], 'one', ['two', 'one'], 0, ['two']])
    expect(await client.find({ name: 'twin' })).toBeNull()
  })

  test('an input that does not fit is refused before it is sent', async () => {
    const caller: Caller = { command: unused, query: unused, close: unused, token: { clusterId: 'blue', index: 0 } }

    await expect(KitchenSinkClient.over(caller).delete({ name: 'NOT A SLUG' })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: 'input.name is "NOT A SLUG", which does not match /^[a-z]+(-[a-z]+)*$/u',
    })
  })
})

// Each of these is an error of the compiler; `npm run types` fails where it is not.
describe('the compiler refuses', () => {
  test('handlers that are missing, misspelt, asynchronous, or answer something else', () => {
    const acquire: LocksHandlers['acquire'] = () => NotHeldInstead()
    const holder: LocksHandlers['holder'] = () => null
    // @ts-expect-error
    const missing: LocksHandlers = { acquire, holder }
    // @ts-expect-error
    const asynchronous: CounterHandlers = { add: async () => 1, value: () => 1 }
    // @ts-expect-error
    const other: CounterHandlers = { add: () => 'one', value: () => 1 }
    // @ts-expect-error
    const misspelt: CounterHandlers = { add: () => 1, value: () => 1, valeu: () => 1 }

    expect([missing, asynchronous, other, misspelt]).toHaveLength(4)
    expect(locks).not.toBe(counter)
  })

  test('a handler that returns a promise, also where there is nothing to return', () => {
    // @ts-expect-error
    const locks: LocksHandlers['release'] = async () => ok()
    // @ts-expect-error
    const sink: KitchenSinkHandlers['tune'] = async () => {}
    const synchronous: KitchenSinkHandlers['tune'] = () => {}
    expect([locks, sink, synchronous]).toHaveLength(3)
  })

  test('an error that the command does not list', () => {
    // @ts-expect-error
    const release: LocksHandlers['release'] = () => Held({ owner: 'a', expiresAt: 1 })
    // @ts-expect-error
    const incomplete = (): unknown => Held({ owner: 'a' })
    // @ts-expect-error
    const recoded = (): unknown => Held({ owner: 'a', expiresAt: 1, code: 'Other' })

    expect([release, incomplete, recoded]).toHaveLength(3)
  })

  test('changing the state in a query, or a value anywhere', () => {
    const inQuery = (state: LocksReadonlyState): void => {
      // @ts-expect-error
      state.leases.set('a', { owner: 'a', token: 1, expiresAt: 1 })
    }
    const inCommand = (state: LocksState, lease: Lease): void => {
      // @ts-expect-error
      state.leases = new Map()
      // @ts-expect-error
      lease.token = 1
    }
    const cells = (state: KitchenSinkState, readonly: KitchenSinkReadonlyState): void => {
      state.total = 5
      state.theme = undefined
      // @ts-expect-error
      readonly.total = 5
      // @ts-expect-error
      state.options.tags.push('a')
      // @ts-expect-error
      readonly.options.retries++
    }
    const indexes = (state: KitchenSinkState): void => {
      // @ts-expect-error
      state.things.by.next.delete('live')
      // @ts-expect-error
      state.things.by = { ...state.things.by }
      // @ts-expect-error
      state.things.by.next.entries('dead')
      // @ts-expect-error
      state.ranks.by
    }
    expect([inQuery, inCommand, cells, indexes]).toHaveLength(4)
  })

  test('a reply used before it is known to be one', () => {
    const use = (reply: Result<Lease, Held>): unknown => {
      if (reply.ok) return reply.value.token
      // @ts-expect-error
      void reply.value
      return reply.error.expiresAt
    }
    expect(use(ok({ owner: 'a', token: 3, expiresAt: 1 }))).toBe(3)
  })

  test('a call with the wrong fields', () => {
    const call = async (client: LocksClient, counterClient: CounterClient, sink: KitchenSinkClient): Promise<void> => {
      await client.acquire({ name: 'a', owner: 'b' })
      await counterClient.add()
      // @ts-expect-error
      await client.acquire({ name: 'a' })
      // @ts-expect-error
      await client.acquire({ name: 'a', owner: 'b', ttl: 1 })
      // @ts-expect-error
      await client.acquire({ name: 'a', owner: 'b', ttlMs: undefined })
      // @ts-expect-error
      await sink.draw({ shape: { kind: 'square' }, pairs: [], at: { by: '', at: '', title: '' } })
      // @ts-expect-error
      await client.close('now')
      // @ts-expect-error
      new LocksClient()
    }
    expect(call).toBeTypeOf('function')
  })

  test('a variant without asking which it is', () => {
    const radius = (shape: Shape): number => {
      // @ts-expect-error
      void shape.radius
      return shape.kind === 'circle' ? shape.radius : 0
    }
    expect(radius({ kind: 'polygon', corners: [] })).toBe(0)
  })
})

/** Only its type matters: it is never called. */
function NotHeldInstead(): ReturnType<LocksHandlers['acquire']> {
  void NotHeld
  return unused()
}

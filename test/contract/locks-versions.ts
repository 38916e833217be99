// A lock service in three versions, written as the generator would write it: what a machine is tested on that knows several.
//
//   1  acquire, release, holder
//   2  the same generation: leases and acquire have a note, there is `renew`, and the state counts renewals
//   3  a new one: a lease has several owners, `release` is retired
//   4  the same generation as 3: what was called `size` is called `count`
import type {
  CommandOperation,
  Context,
  MachineDescriptor,
  QueryOperation,
  Table,
  ValueCodec,
  ValueStep,
  VersionLadder,
  Wire,
} from '../../src/contract/v1.ts'
import { codec, Inexpressible, integer, object, readFields, readInteger, readString, string } from '../../src/contract/v1.ts'

/** Of a field: text of so many characters at most, a whole number, or texts. */
type Shape = Readonly<Record<string, { readonly text: number; readonly default?: string } | 'integer' | 'texts'>>
type Value = Readonly<Record<string, unknown>>

function record(shape: Shape): ValueCodec<Value> {
  const names = Object.keys(shape)
  const isField = (key: string): key is string => names.includes(key)
  const checked = (name: string, value: unknown): unknown => {
    const of = shape[name]
    if (of === 'integer') return integer(value, name, 0)
    if (of === 'texts')
      return Object.freeze(Array.isArray(value) ? value.map((item) => string(item, name, 1, 8)) : [string(value, name, 1, 8)])
    return value === undefined && of?.default !== undefined ? of.default : string(value, name, 0, of?.text)
  }
  const read = (name: string, wire: Wire | undefined): unknown => {
    const of = shape[name]
    if (of === 'integer') return readInteger(wire, name)
    if (of === 'texts') return Object.freeze(Array.isArray(wire) ? wire.map((item) => readString(item, name)) : [])
    return readString(wire, name)
  }
  const toWire = (value: unknown): Wire =>
    typeof value === 'string' || typeof value === 'number' ? value : Array.isArray(value) ? value.map(toWire) : null
  return codec<Value>(
    (value) => {
      const fields = object(value, isField, names.length)
      return Object.freeze(Object.fromEntries(names.map((name) => [name, checked(name, fields[name])])))
    },
    (value) => names.map((name) => toWire(value[name])),
    (wire) => {
      const fields = readFields(wire, names.length)
      return Object.freeze(Object.fromEntries(names.map((name, i) => [name, read(name, fields[i])])))
    },
  )
}

const nothing: ValueCodec<undefined> = { check: () => undefined, toWire: () => null, fromWire: () => undefined }
const nullable = (of: ValueCodec<Value>): ValueCodec<Value | null> => ({
  check: (value, at) => (value === null ? null : of.check(value, at)),
  toWire: (value) => (value === null ? null : of.toWire(value)),
  fromWire: (wire) => (wire === null ? null : of.fromWire(wire)),
})
const whole: ValueCodec<number> = {
  check: (value, at) => integer(value, at, 0),
  toWire: (value) => value,
  fromWire: (wire) => readInteger(wire, ''),
}
const key: ValueCodec<string> = {
  check: (value, at) => string(value, at, 1, 8),
  toWire: (value) => value,
  fromWire: (wire) => readString(wire, ''),
}

const command = (
  tag: number,
  name: string,
  input: ValueCodec<Value>,
  reply: ValueCodec<Value> | ValueCodec<undefined>,
): CommandOperation<unknown, unknown> => ({
  ...{ kind: 'command', tag, name, errors: [] },
  ...{ input, reply },
})
const query = (tag: number, name: string, input: ValueCodec<Value>, reply: ValueCodec<Value | null>): QueryOperation<unknown, unknown> => ({
  ...{ kind: 'query', tag, name },
  ...{ input, reply },
})

const named = record({ name: { text: 8 } })
const lease1 = record({ owner: { text: 8 }, until: 'integer' })
const lease2 = record({ owner: { text: 8 }, until: 'integer', note: { text: 20, default: '' } })
const lease3 = record({ owners: 'texts', until: 'integer', note: { text: 20, default: '' } })
const acquire1 = record({ name: { text: 8 }, owner: { text: 8 } })
const acquire2 = record({ name: { text: 8 }, owner: { text: 8 }, note: { text: 20, default: '' } })
const leases = (values: ValueCodec<Value>) => ({ kind: 'table', key: 'string', keys: key, values, initial: [] }) as const
const cell = (initial: number) => ({ kind: 'cell', value: whole, initial }) as const

const one: MachineDescriptor = {
  ...{ name: 'locks', version: 1, wire: 'one', open: false },
  state: { leases: leases(lease1) },
  commands: [command(1, 'acquire', acquire1, lease1), command(2, 'release', named, nothing)],
  queries: [query(1, 'holder', named, nullable(lease1))],
}
const two: MachineDescriptor = {
  ...{ name: 'locks', version: 2, wire: 'two', open: false },
  state: { leases: leases(lease2), renewals: cell(0) },
  commands: [command(1, 'acquire', acquire2, lease2), command(2, 'release', named, nothing), command(3, 'renew', named, lease2)],
  queries: [query(1, 'holder', named, nullable(lease2))],
}
const three: MachineDescriptor = {
  ...{ name: 'locks', version: 3, wire: 'three', open: false },
  state: { leases: leases(lease3), renewals: cell(0), size: cell(0) },
  commands: [command(1, 'acquire', acquire2, lease3), command(3, 'renew', named, lease3)],
  queries: [query(1, 'holder', named, nullable(lease3))],
}
const four: MachineDescriptor = {
  ...{ name: 'locks', version: 4, wire: 'four', open: false, commands: three.commands, queries: three.queries },
  state: { leases: leases(lease3), renewals: cell(0), count: cell(0) },
}

const withNote: ValueStep = {
  up: (older: Value) => Object.freeze({ ...older, note: '' }),
  down: ({ note: _, ...older }: Value) => Object.freeze(older),
}
/** Of what is called nothing is left out. */
const withNoteCalled: ValueStep = {
  up: withNote.up,
  down: (newer: Value) => {
    if (newer['note'] !== '') throw new Inexpressible('note is new in version 2')
    return withNote.down(newer)
  },
}
const orNull = ({ up, down }: ValueStep): ValueStep => ({
  up: (older) => (older === null ? null : up(older)),
  down: (newer) => (newer === null ? null : down(newer)),
})
/** Of several owners an older version knows the first. */
const manyOwners: ValueStep = {
  up: ({ owner, ...lease }: Value) => Object.freeze({ owners: Object.freeze([owner]), ...lease }),
  down: ({ owners, ...lease }: Value & { owners: readonly string[] }) => Object.freeze({ owner: owners[0], ...lease }),
}

export const ladder: VersionLadder = {
  versions: [one, two, three],
  steps: [
    {
      commands: { 1: { input: withNoteCalled, reply: withNote } },
      queries: { 1: { reply: orNull(withNote) } },
      state: { leases: { from: 'leases', value: withNote } },
    },
    {
      commands: { 1: { reply: manyOwners }, 3: { reply: manyOwners } },
      queries: { 1: { reply: orNull(manyOwners) } },
      state: { leases: { from: 'leases' }, renewals: { from: 'renewals' } },
      migration: {
        values: { leases: ({ owner, until, note }: Value & { owner: string }) => ({ owners: owner.split('+'), until, note }) },
        finish: (older: State2, newer: State3) => {
          newer.size = older.leases.size
        },
      },
    },
  ],
}
export const versions = [one, two, three] as const

/** With version 4, too. */
export const longLadder: VersionLadder = {
  versions: [...ladder.versions, four],
  steps: [
    ...ladder.steps,
    {
      commands: {},
      queries: {},
      state: { leases: { from: 'leases' }, renewals: { from: 'renewals' }, count: { from: 'size' } },
    },
  ],
}

interface State2 {
  readonly leases: Table<string, Value>
  renewals: number
}

/** Of versions 1 and 2. */
export const handlers2 = {
  acquire(state: State2, { name, owner, note }: { name: string; owner: string; note: string }, ctx: Context) {
    // Set under version 1, too, where it is not kept.
    const lease = { owner, until: ctx.now + ctx.version, note: note === '' ? 'none' : note }
    state.leases.set(name, lease)
    state.renewals += 1
    return lease
  },
  release(state: State2, { name }: { name: string }) {
    state.leases.delete(name)
  },
  renew(state: State2, { name }: { name: string }, ctx: Context) {
    const lease = { ...state.leases.get(name), until: ctx.now }
    state.leases.set(name, lease)
    state.renewals += 1
    return lease
  },
  holder: (state: State2, { name }: { name: string }) => state.leases.get(name) ?? null,
}

interface State3 extends State2 {
  size: number
}

export const handlers3 = {
  acquire(state: State3, { name, owner, note }: { name: string; owner: string; note: string }, ctx: Context) {
    const lease = { owners: owner.split('+'), until: ctx.now, note }
    state.leases.set(name, lease)
    state.size = state.leases.size
    return lease
  },
  renew(state: State3, { name }: { name: string }, ctx: Context) {
    const lease = { ...state.leases.get(name), until: ctx.now }
    state.leases.set(name, lease)
    return lease
  },
  holder: (state: State3, { name }: { name: string }) => state.leases.get(name) ?? null,
}

export const handlers4 = {
  ...handlers3,
  acquire(state: State2 & { count: number }, { name, owner, note }: { name: string; owner: string; note: string }, ctx: Context) {
    const lease = { owners: owner.split('+'), until: ctx.now, note }
    state.leases.set(name, lease)
    state.count = state.leases.size
    return lease
  },
}

/** As version 1 was built: nothing of what came later. */
export const handlers1 = {
  acquire(state: State2, { name, owner }: { name: string; owner: string }, ctx: Context) {
    const lease = { owner, until: ctx.now + ctx.version }
    state.leases.set(name, lease)
    return lease
  },
  release: handlers2.release,
  holder: handlers2.holder,
}

// What the state costs: tables of a million entries, transactions, snapshots, and a whole command through a bound machine.
//   npx jiti test/bench/tables.ts [entries] [tables | indexes | machine]
// With memory: NODE_OPTIONS=--expose-gc
import { array, bind, codec, integer, object, readArray, readFields, readInteger, readString, string } from '../../src/contract/v1.ts'
import type { CommandOperation, MachineDescriptor, Table } from '../../src/contract/v1.ts'
import { createContext } from '../../src/machine/context.ts'
import { StateTable } from '../../src/machine/table.ts'
import type { IndexSpec } from '../../src/machine/table-indexes.ts'
import { Transaction } from '../../src/machine/transaction.ts'
import { packValue } from '../../src/wire/value.ts'

const entries = Number(process.argv[2] ?? 1_000_000)
const probes = Math.min(entries, 300_000)

interface Lease {
  readonly owner: string
  readonly token: number
  readonly expiresAt: number
}
const isLeaseField = (key: string): key is 'owner' | 'token' | 'expiresAt' => key === 'owner' || key === 'token' || key === 'expiresAt'
const lease = codec<Lease>(
  (value) => {
    const fields = object(value, isLeaseField, 3)
    return Object.freeze({
      owner: string(fields.owner, 'owner', 1, 64),
      token: integer(fields.token, 'token', 0),
      expiresAt: integer(fields.expiresAt, 'expiresAt', 0),
    })
  },
  (value) => [value.owner, value.token, value.expiresAt],
  (wire) => {
    const fields = readFields(wire, 3)
    return Object.freeze({
      owner: readString(fields[0], 'owner'),
      token: readInteger(fields[1], 'token'),
      expiresAt: readInteger(fields[2], 'expiresAt'),
    })
  },
)
const name = codec<string>(
  (value) => string(value, '', 1, 128),
  (value) => value,
  (wire) => readString(wire, ''),
)

/** Scattered, and the same in every run. */
const keyOf = (i: number): string => `orders/${String(Math.imul(i, 2_654_435_761) >>> 0).padStart(10, '0')}`
/** A string of its own, as decoding gives it: no hash known yet. */
const fresh = (key: string): string => Buffer.from(key).toString()

/** CPU time of the process, so that other work on the machine does not count. */
function measure(what: string, count: number, run: () => void): void {
  globalThis.gc?.()
  const start = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(start)
  console.log(`${what.padEnd(52)} ${((user + system) / count).toFixed(3).padStart(9)} us  x ${count}`)
}

function benchTable(): void {
  const transaction = new Transaction()
  const plain = { check: (value: unknown) => value }
  const table: Table<string | number, unknown> = new StateTable({ name: 'state.t', key: 'string', keys: plain, values: plain, transaction })
  const keys = Array.from({ length: entries }, (_, i) => fresh(keyOf(i)))
  const random = Array.from({ length: probes }, (_, i) => fresh(keyOf((i * 7_919) % entries)))
  const value = Object.freeze({ owner: 'a', token: 1, expiresAt: 1 })
  const one = (write: () => void): void => {
    transaction.begin()
    write()
    transaction.commit()
  }
  console.log(`\n${entries} entries, string keys, codecs that check nothing`)
  measure('set, new keys, one transaction each', entries, () => {
    for (const key of keys) one(() => table.set(key, value))
  })
  for (const round of ['first', 'warm']) {
    measure(`get (${round})`, probes, () => {
      for (const key of random) if (table.get(key) === undefined) throw new Error('lost')
    })
    measure(`get and set, one transaction each (${round})`, probes, () => {
      for (const key of random) one(() => table.get(key) && table.set(key, value))
    })
  }
  measure('get and set, rolled back', probes, () => {
    for (const key of random) {
      transaction.begin()
      table.set(key, table.get(key))
      transaction.rollback()
    }
  })
  measure('delete and set, one transaction each', probes, () => {
    for (const key of random) {
      one(() => {
        table.delete(key)
        table.set(key, value)
      })
    }
  })
  measure('iterate', entries, () => {
    let seen = 0
    for (const [,] of table) seen++
    if (seen !== entries) throw new Error('lost')
  })
  const { table: same } = { table }
  if (same instanceof StateTable) {
    measure('a frozen view', 1_000, () => {
      for (let i = 0; i < 1_000; i++) same.view()
    })
  }
  measure('get and set after a view', probes, () => {
    for (const key of random) one(() => table.get(key) && table.set(key, value))
  })
}

const owners = Array.from({ length: 1_000 }, (_, i) => `owner-${i}`)
/** The owner and the expiry of another in each round, and in the first as in the second unique. */
const leaseAt = (i: number, { token = i, round = 0 } = {}): Lease =>
  Object.freeze({
    owner: owners[(i * 7_919 + round) % owners.length] ?? '',
    token,
    expiresAt: 1.7e12 + round * entries + ((i * 104_729) % entries),
  })
const isLease = (value: unknown): value is Lease => typeof value === 'object' && value !== null && 'expiresAt' in value
const indexed: Readonly<Record<string, IndexSpec>> = {
  'one field, 1,000 values of it': {
    name: 'i',
    unique: false,
    fields: [{ name: 'owner', type: 'string' }],
    entry: (key, value) => (isLease(value) ? [value.owner, key] : []),
  },
  'two fields': {
    name: 'i',
    unique: false,
    fields: [
      { name: 'owner', type: 'string' },
      { name: 'expiresAt', type: 'number' },
    ],
    entry: (key, value) => (isLease(value) ? [value.owner, value.expiresAt, key] : []),
  },
  'one field, unique': {
    name: 'i',
    unique: true,
    fields: [{ name: 'expiresAt', type: 'number' }],
    entry: (key, value) => (isLease(value) ? [value.expiresAt, key] : []),
  },
}

function benchIndex(what: string, index: IndexSpec | undefined): void {
  const transaction = new Transaction()
  const plain = { check: (value: unknown) => value }
  const options = { name: 'state.t', key: 'string', keys: plain, values: plain, transaction } as const
  const table = new StateTable({ ...options, indexes: index === undefined ? [] : [index] })
  const keys = Array.from({ length: entries }, (_, i) => fresh(keyOf(i)))
  const values = keys.map((_, i) => leaseAt(i))
  const one = (write: () => void): void => {
    transaction.begin()
    write()
    transaction.commit()
  }
  const each = (act: (key: string, i: number) => void): void => {
    for (let n = 0; n < probes; n++) act(keys[(n * 7_919) % entries] ?? '', (n * 7_919) % entries)
  }
  console.log(`\n${entries} entries; index: ${what}`)
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  measure('set, new keys, one transaction each', entries, () => {
    for (const [i, key] of keys.entries()) one(() => table.set(key, values[i]))
  })
  globalThis.gc?.()
  if (globalThis.gc !== undefined)
    console.log(`bytes an entry, of table and index: ${((process.memoryUsage().heapUsed - before) / entries).toFixed(0)}`)
  measure('set, indexed fields as they were', probes, () => each((key, i) => one(() => table.set(key, leaseAt(i, { token: i + 1 })))))
  measure('set, indexed fields changed', probes, () => each((key, i) => one(() => table.set(key, leaseAt(i, { round: 1 })))))
  const view = table.by['i']
  if (view === undefined) return
  const first = index?.fields[0]?.name === 'owner' ? (i: number) => owners[i % owners.length] : (i: number) => 1.7e12 + i
  measure('range of ten', probes, () => each((_, i) => [...view.range({ gte: first(i), limit: 10 })]))
  measure('entries, all of them', entries, () => {
    for (const [,] of view);
  })
  measure('count of a thousandth, an entry', entries, () => {
    for (let i = 0; i < owners.length; i++) view.count(first(i))
  })
  const rows = [...table]
  const [loadKeys, loadValues] = [rows.map(([key]) => key), rows.map(([, value]) => value)]
  measure('restored, an entry', entries, () => {
    const loader = table.loader()
    for (const [i, key] of loadKeys.entries()) loader.add(key, loadValues[i])
    loader.end()()
  })
}

interface Acquire {
  readonly name: string
  readonly owner: string
  readonly ttlMs: number
}
const isAcquireField = (key: string): key is 'name' | 'owner' | 'ttlMs' => key === 'name' || key === 'owner' || key === 'ttlMs'
const acquire: CommandOperation<Acquire, Lease> = {
  kind: 'command',
  tag: 1,
  name: 'acquire',
  input: codec<Acquire>(
    (value) => {
      const fields = object(value, isAcquireField, 3)
      return Object.freeze({
        name: string(fields.name, 'name', 1, 128),
        owner: string(fields.owner, 'owner', 1, 256),
        ttlMs: integer(fields.ttlMs, 'ttlMs', 1),
      })
    },
    (value) => [value.name, value.owner, value.ttlMs],
    (wire) => {
      const fields = readFields(wire, 3)
      return Object.freeze({
        name: readString(fields[0], 'name'),
        owner: readString(fields[1], 'owner'),
        ttlMs: readInteger(fields[2], 'ttlMs'),
      })
    },
  ),
  errors: [],
  reply: lease,
}
const many = codec<readonly number[]>(
  (value) => array(value, '', (item) => integer(item, '')),
  (value) => value,
  (wire) => readArray(wire, '', (item) => readInteger(item, '')),
)
const descriptor: MachineDescriptor = {
  name: 'locks',
  version: 1,
  wire: '0000000000000000',
  open: true,
  state: {
    leases: { kind: 'table', key: 'string', keys: name, values: lease, initial: [] },
    marks: { kind: 'cell', value: many, initial: [] },
  },
  commands: [acquire],
  queries: [],
}
const handlers = {
  acquire(state: { readonly leases: Table<string, Lease> }, input: Acquire, ctx: { readonly index: number; readonly now: number }): Lease {
    const held = state.leases.get(input.name)
    if (held !== undefined && held.expiresAt > ctx.now + 1e12) return held
    const granted = { owner: 'me', token: ctx.index, expiresAt: ctx.now + input.ttlMs }
    state.leases.set(input.name, granted)
    return granted
  },
}

function benchMachine(locks: number, ownerBytes: number): void {
  const machine = bind(descriptor, handlers)
  const context = createContext((failure) => {
    throw new Error(failure.message)
  })
  const commands = Array.from({ length: probes }, (_, i) => packValue([1, 1, [keyOf(i % locks), 'x'.repeat(ownerBytes), 30_000]]))
  let index = 0
  const apply = (command: Uint8Array): void => {
    context.enter({ index: ++index, term: 1, now: index, version: 1 })
    machine.apply(command, context)
    context.leave()
  }
  console.log(`\nacquire on ${locks} locks, commands of ${commands[0]?.length} bytes: a follower applies; a leader checks and applies`)
  for (const round of ['first', 'warm']) {
    measure(`apply (${round})`, probes, () => commands.forEach(apply))
    measure(`check (${round})`, probes, () => {
      for (const command of commands) machine.check?.(command)
    })
    // Copies: between check and apply a command goes through an envelope.
    const copies = commands.map((command) => Buffer.from(command))
    measure(`check, then apply, 64 at a time (${round})`, probes, () => {
      for (let i = 0; i < commands.length; i += 64) {
        for (let n = i; n < i + 64 && n < commands.length; n++) machine.check?.(commands[n] ?? new Uint8Array(0))
        for (let n = i; n < i + 64 && n < commands.length; n++) apply(copies[n] ?? new Uint8Array(0))
      }
    })
  }
  const count = Math.min(locks, probes)
  let snapshot: Uint8Array = new Uint8Array(0)
  measure('snapshot, an entry', count, () => {
    snapshot = machine.snapshot()
  })
  measure(`restore, an entry (${snapshot.length} bytes)`, count, () => machine.restoreSnapshot(snapshot))
}

const part = process.argv[3]
if (part === undefined || part === 'tables') benchTable()
if (part === undefined || part === 'indexes') {
  benchIndex('none', undefined)
  for (const [what, index] of Object.entries(indexed)) benchIndex(what, index)
}
if (part === undefined || part === 'machine') {
  benchMachine(1_000, 8)
  benchMachine(1_000, 220)
}
if (part === undefined) benchMachine(entries, 8)

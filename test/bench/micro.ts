// `npm run bench:micro`: what one command costs at each of its stages, in this process alone. Microseconds for one command of 256 bytes, where 64 of them
// go together. No process competes for the cores here: in a cluster on one machine each costs more.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Bench } from 'tinybench'
import { encodeCall } from '../../src/contract/v1/call.ts'
import { confOfVoters, type Entry, type LogSummary, Raft } from '../../src/core/index.ts'
import { FieldDigest } from '../../src/machine/field-digest.ts'
import { Replica } from '../../src/machine/replica.ts'
import { StateTable } from '../../src/machine/table.ts'
import { Transaction } from '../../src/machine/transaction.ts'
import { LevelLog } from '../../src/storage/level-log.ts'
import { decodeClientMessage, writeClientMessage } from '../../src/wire/client-codec.ts'
import { decodeEntries, encodeEntries } from '../../src/wire/entry-codec.ts'
import { decodeEnvelope, encodeCommand } from '../../src/wire/envelope-codec.ts'
import { ByteReader } from '../../src/wire/bytes.ts'
import { FrameWriter, frameHeaderBytes } from '../../src/wire/frame.ts'
import { packValue, unpackValue } from '../../src/wire/value.ts'
import { benchKv, benchKvDescriptor } from './kv/generated/index.ts'
import { handlers } from './kv/handlers.ts'

const batch = 64
const value = new Uint8Array(256).fill(7)
const keys = Array.from({ length: 10_000 }, (_, i) => `key/${i}`)
const put = benchKvDescriptor.commands.find(({ name }) => name === 'put')
if (put === undefined) throw new Error('the machine of the benchmark has no put')

const inputs = keys.map((key) => ({ key, value }))
const calls = inputs.map((input) => encodeCall(put, 1, input))
const header = { now: 1_700_000_000_000, session: 2, ackedBelow: 1, version: 1 }
const dataOf = (i: number): Uint8Array => encodeCommand({ ...header, seq: i + 1 }, calls[i % calls.length] ?? value)
const entriesFrom = (firstIndex: number, count = batch): readonly Entry[] =>
  Array.from({ length: count }, (_, i) => ({ term: 1, index: firstIndex + i, kind: 'command', data: dataOf(i), conf: undefined }))
const items = calls.slice(0, batch).map((command, i) => ({ seq: i + 1, command }))

const bench = new Bench({ time: 500, warmupTime: 200 })
const each = (work: (i: number) => void) => () => {
  for (let i = 0; i < batch; i++) work(i)
}

const packed = packValue(['key/1234', value])
bench.add(
  'codec: msgpack of a key and 256 bytes',
  each(() => void packValue(['key/1234', value])),
)
bench.add(
  'codec: the same, read',
  each(() => void unpackValue(packed)),
)
bench.add(
  'client: check and encode the input',
  each((i) => void encodeCall(put, 1, inputs[i])),
)

const frames = new FrameWriter(65_536)
bench.add('client: frame of 64 commands', () => {
  writeClientMessage(frames, { kind: 'Commands', session: 2, ackedBelow: 1, items })
  frames.clear()
})
writeClientMessage(frames, { kind: 'Commands', session: 2, ackedBelow: 1, items })
const frame = Buffer.from(frames.take()).subarray(frameHeaderBytes)
bench.add('leader: read that frame', () => void decodeClientMessage(frame))

const checking = benchKv(handlers)
bench.add(
  'leader: check a command',
  each((i) => void checking.check?.(calls[i] ?? value)),
)
bench.add(
  'leader: envelope of a command',
  each((i) => void dataOf(i)),
)

const entries = entriesFrom(1)
bench.add('peers: entries as bytes', () => void encodeEntries(entriesFrom(1)))
const encoded = encodeEntries(entries)
bench.add('follower: entries from bytes', () => void decodeEntries(new ByteReader(encoded)))
const data = dataOf(1)
bench.add(
  'replica: envelope from bytes',
  each(() => void decodeEnvelope(data)),
)

/** A replica with one session, and a command after the other applied to it. */
function applied(): () => void {
  const replica = new Replica(benchKv(handlers))
  const none = new Uint8Array(0)
  replica.apply({ term: 1, index: 1, kind: 'command', data: none, conf: undefined }, { kind: 'activate', now: header.now, version: 1 })
  replica.apply(
    { term: 1, index: 2, kind: 'command', data: none, conf: undefined },
    { kind: 'openSession', now: header.now, ttlMs: 60_000 },
  )
  let seq = 0
  return each(() => {
    seq += 1
    const command = calls[seq % calls.length] ?? value
    const envelope = { kind: 'command', ...header, seq, ackedBelow: Math.max(1, seq - batch), command } as const
    replica.apply({ term: 1, index: seq + 2, kind: 'command', data: none, conf: undefined }, envelope)
  })
}
bench.add('replica: apply a command', applied())

const transaction = new Transaction()
const plain = { check: (checked: unknown) => checked }
const digest = new FieldDigest(0, (held) => held)
const table = new StateTable({ name: 'state.values', key: 'string', keys: plain, values: plain, transaction, digest })
/** What a table does, each in a transaction of its own where it writes. */
const tableOperations: readonly (readonly [string, (i: number) => void])[] = [
  ['set of one of 10,000 keys, with its digest', (i) => table.set(keys[i % keys.length] ?? '', value)],
  ['get', (i) => void table.get(keys[i % keys.length] ?? '')],
  ['range of ten', (i) => void [...table.range({ gte: keys[i % keys.length] ?? '', limit: 10 })]],
  [
    'delete and set again',
    (i) => {
      table.delete(keys[i % keys.length] ?? '')
      table.set(keys[i % keys.length] ?? '', value)
    },
  ],
]
const transact = (write: () => void): void => {
  transaction.begin()
  write()
  transaction.commit()
}
for (const key of keys) transact(() => table.set(key, value))
for (const [operation, work] of tableOperations) {
  let at = 0
  bench.add(
    `table: ${operation}`,
    each(() => {
      // Not in the order of the keys.
      at = (at + 7_919) % keys.length
      transact(() => work(at))
    }),
  )
}

/** One that leads alone: what the core does for a proposal, with a disk that is always done. */
function proposed(): () => void {
  const conf = confOfVoters([{ id: 1, incarnation: 1, peer: 'p', client: 'c' }])
  const log: LogSummary = {
    hardState: { term: 0, votedFor: undefined },
    base: { id: { term: 0, index: 0 }, conf },
    lastIndex: 0,
    terms: [],
    confs: [],
  }
  const core = new Raft({ id: 1, log, now: 0, seed: 1, nonce: 1 })
  const drain = (): void => {
    for (let ready = core.ready({ write: true }); ready !== undefined; ready = core.ready({ write: true })) {
      if (ready.persist !== undefined) core.step({ kind: 'persisted', seq: ready.persist.seq })
      if (ready.applyThrough > core.status.lastApplied) core.step({ kind: 'applied', index: ready.applyThrough })
    }
  }
  for (let now = 0; core.softState.role !== 'leader'; now += 100) {
    core.step({ kind: 'tick', now })
    drain()
  }
  const commands = Array.from({ length: batch }, (_, i) => dataOf(i))
  let ticket = 0
  return () => {
    core.step({ kind: 'propose', ticket: ++ticket, commands })
    drain()
  }
}
bench.add('core: propose 64, persist, commit', proposed())

const root = await mkdtemp(join(tmpdir(), 'raftgen-micro-'))
const dir = join(root, 'log')
await LevelLog.bootstrap({ dir, identity: { clusterId: 'bench', nodeId: 1, incarnation: 1 }, conf: confOfVoters([]) })
const log = await LevelLog.open(dir)
let seq = 0
bench.add('log: append 64, synced', async () => {
  const persist = {
    seq: ++seq,
    hardState: { term: 1, votedFor: undefined },
    reset: undefined,
    truncateFrom: undefined,
    entries: entriesFrom(log.latestLogIndex + 1),
  }
  await new Promise<void>((resolve, reject) => log.appendEntries(persist, (error) => (error === undefined ? resolve() : reject(error))))
})

try {
  await bench.run()
  console.log('microseconds a command, medians'.padEnd(48), 'p50'.padStart(9), 'p99'.padStart(9))
  for (const { name, result } of bench.tasks) {
    if (!('latency' in result)) throw new Error(`${name} failed`)
    const { p50, p99 } = result.latency
    console.log(name.padEnd(48), ...[p50, p99].map((ms) => ((ms * 1_000) / batch).toFixed(3).padStart(9)))
  }
} finally {
  await new Promise((resolve) => log.close(resolve))
  await rm(root, { recursive: true, force: true })
}

// What one node's log costs: synced appends by batch size, CPU an entry, how long a long log takes to verify, to open, and to be compacted.
//   npx jiti test/bench/log-append.ts [entries of the long log, default 1000000] [directory, default a temporary one]
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Entry, Index } from '../../src/core/types.ts'
import type { Log } from '../../src/ports/log.ts'
import { inspect } from '../../src/storage/inspect.ts'
import { LevelLog } from '../../src/storage/level-log.ts'

const dataBytes = 300
const secondsEach = 2
const conf = { members: [], voters: [], votersOutgoing: [], learners: [], joining: [], removed: [], leaseMs: 0 }

const entriesOf = (firstIndex: Index, count: number, data: Uint8Array): readonly Entry[] =>
  Array.from({ length: count }, (_, i) => ({ term: 1, index: firstIndex + i, kind: 'command', data, conf: undefined }))

function append(log: Log, seq: number, entries: readonly Entry[]): Promise<void> {
  const persist = { seq, hardState: { term: 1, votedFor: undefined }, reset: undefined, truncateFrom: undefined, entries }
  return new Promise((resolve, reject) => log.appendEntries(persist, (error) => (error === undefined ? resolve() : reject(error))))
}

async function newLog(dir: string): Promise<LevelLog> {
  await LevelLog.bootstrap({ dir, identity: { clusterId: 'bench', nodeId: 1, incarnation: 1 }, conf })
  return LevelLog.open(dir)
}
const close = (log: Log): Promise<void> => new Promise((resolve) => log.close(() => resolve()))

async function measureAppends(dir: string, batch: number): Promise<void> {
  const log = await newLog(dir)
  const data = Buffer.alloc(dataBytes, 7)
  const latencies: number[] = []
  const cpu = process.cpuUsage()
  const start = performance.now()
  while (performance.now() - start < secondsEach * 1_000) {
    const entries = entriesOf(log.latestLogIndex + 1, batch, data)
    const before = performance.now()
    await append(log, latencies.length + 1, entries)
    latencies.push(performance.now() - before)
  }
  const seconds = (performance.now() - start) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  const count = log.latestLogIndex
  await close(log)
  latencies.sort((a, b) => a - b)
  const p50 = latencies[Math.floor(latencies.length / 2)] ?? 0
  const p99 = latencies[Math.floor(latencies.length * 0.99)] ?? 0
  const perSecond = Math.round(count / seconds).toLocaleString('en')
  console.log(
    `${batch} a batch: ${perSecond} entries/s, p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, CPU ${((user + system) / count).toFixed(2)} us an entry`,
  )
}

async function measureOpen(dir: string, count: number, batch: number): Promise<void> {
  const log = await newLog(dir)
  const data = Buffer.alloc(dataBytes, 7)
  for (let seq = 1; log.latestLogIndex < count; seq++) await append(log, seq, entriesOf(log.latestLogIndex + 1, batch, data))
  await close(log)
  const verifyMs = await measureVerify(dir)
  const start = performance.now()
  const opened = await LevelLog.open(dir)
  const openMs = performance.now() - start
  const readMs = await readAll(opened)
  const heap = Math.round(process.memoryUsage().heapUsed / 1_048_576)
  const compacted = await measureCompactions(opened, count)
  await close(opened)
  const entries = count.toLocaleString('en')
  console.log(
    `${entries} entries in blocks of ${batch}: verify ${verifyMs.toFixed(0)} ms, open ${openMs.toFixed(0)} ms, then read all ${readMs.toFixed(0)} ms, heap ${heap} MiB, ${compacted}`,
  )
}

/** As `raftgen log verify` does: everything is read, of a copy. */
async function measureVerify(dir: string): Promise<number> {
  const scratch = await mkdtemp(join(tmpdir(), 'raftgen-bench-'))
  const start = performance.now()
  const inspection = await inspect(dir, { scratch })
  const ms = performance.now() - start
  await inspection.close()
  await rm(scratch, { recursive: true })
  return ms
}

/** A small one, and one of nearly all. */
async function measureCompactions(log: Log, count: number): Promise<string> {
  const times: string[] = []
  for (const index of [Math.ceil(count / 100), Math.floor(count * 0.99)]) {
    const start = performance.now()
    await new Promise<void>((resolve, reject) => {
      log.compact({ id: { term: 1, index }, conf }, (error) => (error === undefined ? resolve() : reject(error)))
    })
    times.push(`${(performance.now() - start).toFixed(1)} ms`)
  }
  return `compaction of 1 % ${times[0]}, of 99 % ${times[1]}`
}

async function readAll(log: Log): Promise<number> {
  const start = performance.now()
  let next = 1
  while (next <= log.latestLogIndex) next += await readSome(log, next)
  return performance.now() - start
}

const readSome = (log: Log, firstIndex: Index): Promise<number> =>
  new Promise((resolve, reject) => {
    const range = { firstIndex, lastIndex: log.latestLogIndex, bytesMax: 1_048_576 }
    log.entries(range, (error, entries) => (error === undefined ? resolve(entries.length) : reject(error)))
  })

const [, , countText = '1000000', parent = tmpdir()] = process.argv
const dir = await mkdtemp(join(parent, 'raftgen-bench-'))
try {
  for (const batch of [1, 64, 256, 1_024]) await measureAppends(join(dir, `append-${batch}`), batch)
  for (const batch of [256, 8]) await measureOpen(join(dir, `open-${batch}`), Number(countText), batch)
} finally {
  await rm(dir, { recursive: true, force: true })
}

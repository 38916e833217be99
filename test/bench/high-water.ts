// What the journal, with the high water in it, costs or saves: one write at a time, and writes back to back, with it and by LevelDB alone.
//   npx jiti test/bench/high-water.ts [seconds of each, default 2] [directory, default a temporary one]
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Entry, Index } from '../../src/core/types.ts'
import { LevelLog } from '../../src/storage/level-log.ts'

const dataBytes = 300
const pauseMs = 5
const conf = { members: [], voters: [], votersOutgoing: [], learners: [], joining: [], removed: [], leaseMs: 0 }
const modes = ['without', 'with'] as const
const seconds = Number(process.argv[2] ?? 2)
const place = process.argv[3] ?? tmpdir()

const entriesOf = (firstIndex: Index, count: number, data: Uint8Array): readonly Entry[] =>
  Array.from({ length: count }, (_, i) => ({ term: 1, index: firstIndex + i, kind: 'command', data, conf: undefined }))

function append(log: LevelLog, count: number): Promise<void> {
  const entries = entriesOf(log.latestLogIndex + 1, count, Buffer.alloc(dataBytes, 7))
  const persist = { seq: 1, hardState: { term: 1, votedFor: undefined }, reset: undefined, truncateFrom: undefined, entries }
  return new Promise((resolve, reject) => log.appendEntries(persist, (error) => (error === undefined ? resolve() : reject(error))))
}

async function measure(mode: (typeof modes)[number], { batch, isPaused }: { batch: number; isPaused: boolean }): Promise<string> {
  const dir = await mkdtemp(join(place, 'raftgen-high-water-'))
  const data = join(dir, 'data')
  await LevelLog.bootstrap({ dir: data, identity: { clusterId: 'bench', nodeId: 1, incarnation: 1 }, conf })
  const log = await LevelLog.open(data, mode === 'without' ? { highWater: 'none' } : {})
  const latencies: number[] = []
  const cpu = process.cpuUsage()
  const start = performance.now()
  while (performance.now() - start < seconds * 1_000) {
    const before = performance.now()
    await append(log, batch)
    latencies.push(performance.now() - before)
    if (isPaused) await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  const elapsed = (performance.now() - start) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  await new Promise((resolve) => log.close(resolve))
  await rm(dir, { recursive: true, force: true })
  latencies.sort((a, b) => a - b)
  const at = (share: number): string => (latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(3)
  const rate = Math.round(latencies.length / elapsed).toLocaleString('en')
  return `${mode.padEnd(7)} ${rate.padStart(6)} writes/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, CPU ${((user + system) / latencies.length).toFixed(0)} us a write`
}

for (const shape of [
  { title: 'one entry a write, back to back', batch: 1, isPaused: false },
  { title: '64 entries a write, back to back', batch: 64, isPaused: false },
  { title: `one entry a write, ${pauseMs} ms apart`, batch: 1, isPaused: true },
]) {
  console.log(shape.title)
  // Twice around, so that a slow stretch of the machine does not hit one of them alone.
  for (const mode of [...modes, ...modes]) console.log(`  ${await measure(mode, shape)}`)
}

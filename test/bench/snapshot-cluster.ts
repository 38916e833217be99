// `npm run bench:snapshot:cluster`: what snapshots cost a whole cluster whose state is large. Three processes, a million entries of 200 bytes, puts to them
// without end, and each node takes a snapshot from time to time. What was done, and for how long the event loops stood still, is looked at in slices of
// 100 ms: those in which some snapshot was under way beside those without.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { RaftgenCluster } from './systems/raftgen.js'
import { BenchKvClient } from './kv/generated/index.js'
import type { SnapshotNote, WatchNote } from './watch.js'

const { values: options } = parseArgs({
  options: {
    entries: { type: 'string', default: '1000000' },
    inflight: { type: 'string', default: '64' },
    seconds: { type: 'string', default: '180' },
    /** Between two snapshots of a node. */
    every: { type: 'string', default: '400000' },
    dir: { type: 'string', default: tmpdir() },
  },
})
const [entries, seconds] = [Number(options.entries), Number(options.seconds)]
const value = new Uint8Array(200).fill(7)
const keyOf = (i: number): string => `key-${String((i * 7_919) % entries).padStart(9, '0')}`
const sliceMs = 100

/** What one node tells: when it took snapshots, and how its event loop fared meanwhile. */
class NodeWatch {
  readonly snapshots: SnapshotNote[] = []
  readonly slices: WatchNote[] = []

  note({ snapshot, watch }: { readonly snapshot?: SnapshotNote; readonly watch?: WatchNote }): void {
    if (snapshot !== undefined) this.snapshots.push(snapshot)
    if (watch !== undefined) this.slices.push(watch)
  }

  /** Whether one of its snapshots was under way in the slice that begins then. */
  isTaking(at: number): boolean {
    return this.snapshots.some(({ from, to }) => at + sliceMs > from && at < to)
  }
}

const root = await mkdtemp(join(options.dir, 'raftgen-bench-'))
const limits = { snapshotEntries: Number(options.every), snapshotLogBytes: 2 ** 40 }
const cluster = await RaftgenCluster.start({ root, node: { limits, watch: sliceMs } })
try {
  const nodes = cluster.nodes.map(() => new NodeWatch())
  cluster.onNote((node, note) => nodes[node]?.note(note))
  const clients = await Promise.all(
    Array.from({ length: 4 }, () => BenchKvClient.connect({ servers: cluster.nodes.map(({ address }) => address), timeoutMs: 60_000 })),
  )
  let next = 0
  /** Puts without end, `inFlight` of them always under way. */
  const load = async (inFlight: number, isOver: () => boolean, done: () => void): Promise<void> => {
    const loop = async (client: BenchKvClient): Promise<void> => {
      while (!isOver()) {
        await client.put({ key: keyOf(next++), value })
        done()
      }
    }
    await Promise.all(clients.flatMap((client) => Array.from({ length: inFlight / clients.length }, () => loop(client))))
  }
  process.stderr.write(`putting ${entries} entries of ${value.length} bytes`)
  await load(
    512,
    () => next >= entries,
    () => {
      if (next % 100_000 === 0) process.stderr.write('.')
    },
  )
  process.stderr.write(`\n${options.inflight} in flight for ${seconds} s\n`)
  const begunAt = Date.now()
  const counts: number[] = []
  await load(
    Number(options.inflight),
    () => Date.now() > begunAt + seconds * 1_000,
    () => {
      const slice = Math.floor((Date.now() - begunAt) / sliceMs)
      counts[slice] = (counts[slice] ?? 0) + 1
    },
  )
  await Promise.all(clients.map((client) => client.close()))
  report(nodes, { begunAt, counts })
} finally {
  await cluster.close()
  await rm(root, { recursive: true, force: true })
}

function report(nodes: readonly NodeWatch[], { begunAt, counts }: { readonly begunAt: number; readonly counts: readonly number[] }): void {
  const beside: number[] = []
  const without: number[] = []
  // The last one may not be whole.
  for (let slice = 0; slice < counts.length - 1; slice++) {
    const at = begunAt + slice * sliceMs
    const kept = nodes.some((node) => node.isTaking(at)) ? beside : without
    kept.push((counts[slice] ?? 0) * (1_000 / sliceMs))
  }
  const rate = (slices: readonly number[]): number => Math.round(slices.reduce((sum, one) => sum + one, 0) / slices.length)
  console.log(
    `puts a second: ${rate(without)} in ${seconds_(without)} s without a snapshot, ${rate(beside)} in ${seconds_(beside)} s beside one`,
  )
  console.log(`ratio ${(rate(beside) / rate(without)).toFixed(2)}`)
  console.log('\nnode  snapshots  seconds each  longest step  resident, without and beside')
  for (const [i, { snapshots, slices }] of nodes.entries()) {
    const took = snapshots.map(({ from, to }) => ((to - from) / 1_000).toFixed(1)).join(' ')
    const longest = Math.max(0, ...snapshots.map(({ longestMs }) => longestMs))
    const resident = (isTaking: boolean): number =>
      Math.max(0, ...slices.filter(({ at }) => at >= begunAt && nodes[i]?.isTaking(at) === isTaking).map(({ residentMiB }) => residentMiB))
    console.log(
      `${i + 1}     ${String(snapshots.length).padStart(9)}  ${took}  ${longest.toFixed(1)} ms  ${resident(false)} and ${resident(true)} MiB`,
    )
  }
  console.log('\nthe longest that an event loop stood still in 100 ms, ms (what the garbage collector took of it not counted)')
  console.log('node            p50           p90           p99           max')
  for (const [i, node] of nodes.entries()) {
    for (const isTaking of [false, true]) {
      const slices = node.slices.filter(({ at }) => at >= begunAt && node.isTaking(at) === isTaking)
      const cells = [0.5, 0.9, 0.99, 1].map((share) => {
        const of = (pick: (note: WatchNote) => number): string => percentile(slices.map(pick), share).toFixed(1)
        return `${of(({ longestMs }) => longestMs)} (${of(({ withoutGcMs }) => withoutGcMs)})`.padStart(14)
      })
      console.log(`${i + 1} ${isTaking ? 'beside ' : 'without'}${cells.join('')}`)
    }
  }
}

function seconds_(slices: readonly number[]): string {
  return ((slices.length * sliceMs) / 1_000).toFixed(0)
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

// `npm run bench:slow-follower`: what the majority loses by one follower that is slow, or that stands still. Phases take turns: all well, a link
// of 1 Mbit/s into one follower, that follower stopped (SIGSTOP). Ratios of medians to the first; memory of the leader at the end of each.
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { nodeStatus } from 'raftgen/client'
import { measure, median, type Row, startCluster } from './bench-cluster.js'
import { BenchKvClient } from './kv/generated/index.js'

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    inflight: { type: 'string', default: '256' },
    dir: { type: 'string', default: tmpdir() },
    /** Into the slow follower. */
    'bytes-per-second': { type: 'string', default: '125000' },
  },
})
const phases = ['well', 'slow', 'stopped'] as const
type Phase = (typeof phases)[number]

const root = await mkdtemp(join(options.dir, 'raftgen-slow-'))
const cluster = await startCluster(root, { relayed: true })
try {
  const connected = Array.from({ length: 4 }, () => BenchKvClient.connect({ servers: [...cluster.servers], timeoutMs: 20_000 }))
  const clients = await Promise.all(connected)
  const load = { op: 'put', inFlight: Number(options.inflight), seconds: Number(options.seconds) }
  await measure(clients, load)
  const statuses = await Promise.all(cluster.servers.map((server) => nodeStatus({ address: server })))
  const leader = statuses.findIndex(({ role }) => role === 'leader')
  const slow = leader === 2 ? 1 : 2
  const [relay, node, leading] = [cluster.relays[slow], cluster.nodes[slow], cluster.nodes[leader]]
  if (relay === undefined || node?.pid === undefined || leading?.pid === undefined) throw new Error('no leader')

  const rows: Record<Phase, Row[]> = { well: [], slow: [], stopped: [] }
  const residentMiB: Record<Phase, number> = { well: 0, slow: 0, stopped: 0 }
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const phase of phases) {
      if (phase === 'slow') relay.bytesPerSecond = Number(options['bytes-per-second'])
      if (phase === 'stopped') node.kill('SIGSTOP')
      const row = await measure(clients, load)
      rows[phase].push(row)
      residentMiB[phase] = Math.max(residentMiB[phase], residentOf(leading.pid))
      relay.bytesPerSecond = Number.POSITIVE_INFINITY
      if (phase === 'stopped') node.kill('SIGCONT')
      console.error(`round ${round + 1}, ${phase}: ${row.opsPerSecond} put/s, p50 ${row.p50Ms.toFixed(2)} ms`)
      await untilCaughtUp(cluster.servers[leader] ?? '', cluster.servers[slow] ?? '')
    }
  }
  console.log('one follower   put/s   ratio   p50 ms   p99 ms   leader MiB')
  const well = median(rows.well.map(({ opsPerSecond }) => opsPerSecond))
  for (const phase of phases) {
    const perSecond = median(rows[phase].map(({ opsPerSecond }) => opsPerSecond))
    const [p50, p99] = [median(rows[phase].map(({ p50Ms }) => p50Ms)), median(rows[phase].map(({ p99Ms }) => p99Ms))]
    const cells = [String(perSecond), (perSecond / well).toFixed(2), p50.toFixed(2), p99.toFixed(2), String(residentMiB[phase])]
    console.log(`${phase.padEnd(12)}${cells.map((cell) => cell.padStart(8)).join(' ')}`)
  }
  await Promise.all(clients.map((client) => client.close()))
} finally {
  for (const node of cluster.nodes) node.kill('SIGCONT')
  await cluster.close()
  await rm(root, { recursive: true, force: true })
}

function residentOf(pid: number): number {
  const kibibytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Math.round(Number(kibibytes ?? 0) / 1_024)
}

/** The next phase begins with a follower that lacks nothing: within a minute, whatever it missed. */
async function untilCaughtUp(leader: string, follower: string): Promise<void> {
  const deadline = performance.now() + 60_000
  for (;;) {
    const [ahead, behind] = await Promise.all([nodeStatus({ address: leader }), nodeStatus({ address: follower })])
    if (behind.lastApplied >= ahead.commitIndex) return
    if (performance.now() > deadline) throw new Error(`${follower} has not caught up: ${behind.lastApplied} of ${ahead.commitIndex}`)
    await delay(100)
  }
}

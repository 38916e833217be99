// `npm run bench`: three processes on loopback, 256-byte commands, every acknowledged one synced on a majority, the generated client here.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Server } from 'raftgen/server'
import { Histogram } from './histogram.js'
import { BenchKvClient } from './kv/generated/index.js'

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    inflight: { type: 'string', default: '1,64,256,1024' },
    clients: { type: 'string', default: '4' },
    op: { type: 'string', default: 'put,get' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'boolean', default: false },
  },
})
const seconds = Number(options.seconds)
const value = new Uint8Array(256).fill(7)
const keys = Array.from({ length: 10_000 }, (_, i) => `key/${i}`)

interface Row {
  readonly op: string
  readonly inFlight: number
  readonly opsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function startCluster(root: string): Promise<{ readonly nodes: readonly ChildProcess[]; readonly servers: readonly string[] }> {
  const members: { id: number; peer: string; client: string }[] = []
  for (const id of [1, 2, 3]) members.push({ id, peer: `127.0.0.1:${await freePort()}`, client: `127.0.0.1:${await freePort()}` })
  const nodes: ChildProcess[] = []
  for (const { id, peer, client } of members) {
    const dir = join(root, String(id))
    await Server.bootstrap({ dir, id, clusterId: 'bench', members })
    const args = [...(process.env['BENCH_NODE_ARGS']?.split(' ') ?? []), new URL('./node.js', import.meta.url).pathname, dir, peer, client]
    nodes.push(spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }))
  }
  return { nodes, servers: members.map(({ client }) => client) }
}

/** Closed loop: `inFlight` calls are always under way, spread over the clients. The first fifth of the time is not counted. */
async function measure(clients: readonly BenchKvClient[], op: string, inFlight: number): Promise<Row> {
  const histogram = new Histogram()
  const start = performance.now()
  const [from, until] = [start + seconds * 200, start + seconds * 1_200]
  const loop = async (client: BenchKvClient, worker: number) => {
    for (let i = worker; ; i += inFlight) {
      const key = keys[i % keys.length] ?? ''
      const called = performance.now()
      if (called >= until) return
      if (op === 'put') await client.put({ key, value })
      else await client.get({ key })
      const now = performance.now()
      if (called >= from && now < until) histogram.add(now - called)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, (_, i) => loop(clients[i % clients.length] ?? fail(), i)))
  return {
    op,
    inFlight,
    opsPerSecond: Math.round(histogram.count / seconds),
    p50Ms: histogram.percentile(0.5),
    p99Ms: histogram.percentile(0.99),
  }
}

function fail(): never {
  throw new Error('no client')
}

const root = await mkdtemp(join(options.dir, 'raftgen-bench-'))
const { nodes, servers } = await startCluster(root)
try {
  const count = Number(options.clients)
  const clients = await Promise.all(
    Array.from({ length: count }, () => BenchKvClient.connect({ servers: [...servers], timeoutMs: 10_000 })),
  )
  process.stderr.write(
    `3 nodes, ${count} clients, ${value.length}-byte values, fsync on; node ${process.version}, ${cpus().length} cores\n`,
  )
  if (!options.json)
    console.log(`${'op'.padEnd(6)}${'in flight'.padStart(10)}${'ops/s'.padStart(10)}${'p50 ms'.padStart(10)}${'p99 ms'.padStart(10)}`)
  const rows: Row[] = []
  for (const op of options.op.split(',')) {
    for (const inFlight of options.inflight.split(',').map(Number)) {
      const row = await measure(clients, op, inFlight)
      rows.push(row)
      const cells = [row.opsPerSecond, row.p50Ms.toFixed(2), row.p99Ms.toFixed(2)].map((cell) => String(cell).padStart(10))
      if (!options.json) console.log(`${op.padEnd(6)}${String(inFlight).padStart(10)}${cells.join('')}`)
    }
  }
  if (options.json) console.log(JSON.stringify(rows, undefined, 2))
  await Promise.all(clients.map((client) => client.close()))
} finally {
  for (const node of nodes) if (node.connected) node.disconnect()
  await Promise.all(nodes.map((node) => (node.exitCode === null ? once(node, 'exit') : undefined)))
  await rm(root, { recursive: true, force: true })
}

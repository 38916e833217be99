// `npm run bench`: three processes on loopback, 256-byte commands, every acknowledged one synced on a majority, the generated client here.
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { measure, type Row, startCluster, value } from './bench-cluster.js'
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

const root = await mkdtemp(join(options.dir, 'raftgen-bench-'))
const cluster = await startCluster(root)
try {
  const count = Number(options.clients)
  const clients = await Promise.all(
    Array.from({ length: count }, () => BenchKvClient.connect({ servers: [...cluster.servers], timeoutMs: 10_000 })),
  )
  process.stderr.write(
    `3 nodes, ${count} clients, ${value.length}-byte values, fsync on; node ${process.version}, ${cpus().length} cores\n`,
  )
  if (!options.json)
    console.log(`${'op'.padEnd(6)}${'in flight'.padStart(10)}${'ops/s'.padStart(10)}${'p50 ms'.padStart(10)}${'p99 ms'.padStart(10)}`)
  const rows: Row[] = []
  for (const op of options.op.split(',')) {
    for (const inFlight of options.inflight.split(',').map(Number)) {
      const row = await measure(clients, { op, inFlight, seconds })
      rows.push(row)
      const cells = [row.opsPerSecond, row.p50Ms.toFixed(2), row.p99Ms.toFixed(2)].map((cell) => String(cell).padStart(10))
      if (!options.json) console.log(`${op.padEnd(6)}${String(inFlight).padStart(10)}${cells.join('')}`)
    }
  }
  if (options.json) console.log(JSON.stringify(rows, undefined, 2))
  await Promise.all(clients.map((client) => client.close()))
} finally {
  await cluster.close()
  await rm(root, { recursive: true, force: true })
}

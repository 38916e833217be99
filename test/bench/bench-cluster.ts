// What the benchmarks of a whole cluster share: three processes, a load, and a relay that can be slow.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, connect as dial, type Server as TcpServer } from 'node:net'
import { join } from 'node:path'
import { Server } from 'raftgen/server'
import { Histogram } from './histogram.js'
import type { BenchKvClient } from './kv/generated/index.js'

export const value = new Uint8Array(256).fill(7)
const keys = Array.from({ length: 10_000 }, (_, i) => `key/${i}`)

export interface Row {
  readonly op: string
  readonly inFlight: number
  readonly opsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface BenchCluster {
  readonly nodes: readonly ChildProcess[]
  /** Addresses for clients, by ascending id. */
  readonly servers: readonly string[]
  /** What stands before the port for peers of each node, where asked for. */
  readonly relays: readonly Relay[]
  close(): Promise<void>
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

interface ClusterOptions {
  /** Peers reach each other through relays. */
  readonly relayed?: boolean
  /** Options of the nodes: see `node.ts`. */
  readonly node?: object
}

/** Nodes 1, 2 and 3, each in a process of its own, with their data below `root`. */
export async function startCluster(root: string, { relayed = false, node: nodeOptions = {} }: ClusterOptions = {}): Promise<BenchCluster> {
  const members: { id: number; peer: string; client: string }[] = []
  const peers: string[] = []
  const relays: Relay[] = []
  for (const id of [1, 2, 3]) {
    const peer = `127.0.0.1:${await freePort()}`
    peers.push(peer)
    if (relayed) relays.push(await Relay.listen(peer))
    members.push({ id, peer: relays.at(-1)?.address ?? peer, client: `127.0.0.1:${await freePort()}` })
  }
  const nodes: ChildProcess[] = []
  for (const [i, { id, client }] of members.entries()) {
    const dir = join(root, String(id))
    const peer = peers[i] ?? fail()
    await Server.bootstrap({ dir, id, clusterId: 'bench', members })
    const args = [...(process.env['BENCH_NODE_ARGS']?.split(' ') ?? []), new URL('./node.js', import.meta.url).pathname, dir, peer, client]
    args.push(JSON.stringify(nodeOptions))
    nodes.push(spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }))
  }
  const close = async () => {
    for (const node of nodes) if (node.connected) node.disconnect()
    await Promise.all(nodes.map((node) => (node.exitCode === null ? once(node, 'exit') : undefined)))
    for (const relay of relays) relay.close()
  }
  return { nodes, servers: members.map(({ client }) => client), relays, close }
}

export interface Load {
  readonly op: string
  readonly inFlight: number
  readonly seconds: number
}

/** Closed loop: `inFlight` calls are always under way, spread over the clients. The first fifth of the time is not counted. */
export async function measure(clients: readonly BenchKvClient[], { op, inFlight, seconds }: Load): Promise<Row> {
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

/** Passes bytes on to `target`, as fast as it is told to: a slow link into one node. What it may not pass on yet it does not read. */
export class Relay {
  /** Bytes a second, each connection for itself. */
  bytesPerSecond = Number.POSITIVE_INFINITY
  readonly #server: TcpServer
  readonly #target: string

  private constructor(target: string) {
    this.#target = target
    this.#server = createServer({ noDelay: true }, (source) => {
      const [host = '', port = ''] = this.#target.split(':')
      const sink = dial({ host, port: Number(port), noDelay: true })
      const end = () => {
        source.destroy()
        sink.destroy()
      }
      for (const socket of [source, sink]) socket.on('error', end).on('close', end)
      sink.on('data', (chunk) => source.write(chunk))
      source.on('data', (chunk) => {
        sink.write(chunk)
        if (!Number.isFinite(this.bytesPerSecond)) return
        source.pause()
        setTimeout(() => source.resume(), (chunk.length / this.bytesPerSecond) * 1_000)
      })
    })
  }

  static async listen(target: string): Promise<Relay> {
    const relay = new Relay(target)
    relay.#server.listen(0, '127.0.0.1')
    await once(relay.#server, 'listening')
    return relay
  }

  get address(): string {
    const address = this.#server.address()
    return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  }

  close(): void {
    this.#server.close()
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}

function fail(): never {
  throw new Error('no client')
}

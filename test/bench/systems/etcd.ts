// Three processes of etcd, with its defaults: every acknowledged write is synced on a majority there, too.
import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { freeAddress } from '../../free-port.js'
import { BenchRefused } from '../command.js'
import { EtcdProbe, loadEtcd } from '../load/etcd-client.js'
import { h2loadVersion, loadByH2load } from '../load/h2load.js'
import type { Load, Loaded } from '../load/load.js'
import { NodeProcess, nodeAt } from './node-process.js'
import { outageOf } from './outage.js'
import { ProcessMeter } from './process-meter.js'
import type { Measured, Meter, System, SystemNode } from './system.js'
import { pause, until } from './until.js'

/** None where it is not installed (Debian: `etcd-server`). */
export function etcdVersion(): string | undefined {
  const { status, stdout } = spawnSync('etcd', ['--version'], { encoding: 'utf8' })
  return status === 0 ? /etcd Version: (\S+)/.exec(stdout)?.[1] : undefined
}

/** Its gateway to JSON: for all but what is measured. */
async function post(address: string, path: string, timeoutMs: number): Promise<unknown> {
  const response = await fetch(`http://${address}${path}`, { method: 'POST', body: '{}', signal: AbortSignal.timeout(timeoutMs) })
  return await response.json()
}

interface EtcdMember {
  readonly name: string
  readonly dir: string
  readonly peer: string
  readonly client: string
}

class EtcdNode implements SystemNode {
  readonly address: string
  readonly #args: readonly string[]
  readonly #process = new NodeProcess()

  constructor({ name, dir, peer, client }: EtcdMember, cluster: string) {
    this.address = client
    this.#args = [
      ...['--name', name, '--data-dir', dir, '--initial-cluster', cluster, '--initial-cluster-token', 'bench'],
      ...['--listen-peer-urls', `http://${peer}`, '--initial-advertise-peer-urls', `http://${peer}`],
      ...['--listen-client-urls', `http://${client}`, '--advertise-client-urls', `http://${client}`],
      ...['--quota-backend-bytes', '8589934592', '--log-level', 'error'],
    ]
  }

  get pid(): number | undefined {
    return this.#process.child?.pid
  }

  async start(): Promise<number> {
    const began = performance.now()
    this.#process.begin(spawn('etcd', [...this.#args], { stdio: 'ignore' }))
    await this.#process.until(`etcd at ${this.address}`, 120_000, async () => ((await this.leads()) === undefined ? undefined : true))
    return performance.now() - began
  }

  /** Whether it leads; none where it knows no leader. */
  async leads(): Promise<boolean | undefined> {
    if (this.#process.child === undefined) return undefined
    const status = await post(this.address, '/v3/maintenance/status', 500)
    if (typeof status !== 'object' || status === null || !('leader' in status) || status.leader === '0') return undefined
    const header: unknown = Reflect.get(status, 'header')
    return typeof header === 'object' && header !== null && Reflect.get(header, 'member_id') === status.leader
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await this.#process.end(signal)
  }
}

export class EtcdCluster implements System {
  readonly name = 'etcd'
  readonly version: string
  readonly driver: string
  readonly nodes: readonly EtcdNode[]
  readonly #hasH2load: boolean

  private constructor(version: string, nodes: readonly EtcdNode[], h2load: string | undefined) {
    this.version = version
    this.nodes = nodes
    this.#hasH2load = h2load !== undefined
    this.driver = h2load === undefined ? 'node:http2, in this process' : `${h2load}, on the leader`
  }

  /** Throws where it is not installed. */
  static async start(root: string): Promise<EtcdCluster> {
    const version = etcdVersion()
    if (version === undefined) throw new BenchRefused('etcd is not installed (Debian: apt install etcd-server nghttp2-client)')
    const members: EtcdMember[] = []
    for (const name of ['a', 'b', 'c'])
      members.push({ name, dir: join(root, `etcd-${name}`), peer: await freeAddress(), client: await freeAddress() })
    const cluster = members.map(({ name, peer }) => `${name}=http://${peer}`).join(',')
    const nodes = members.map((member) => new EtcdNode(member, cluster))
    await Promise.all(nodes.map((node) => node.start()))
    return new EtcdCluster(version, nodes, h2loadVersion())
  }

  async measure(load: Load): Promise<Measured> {
    const leader = nodeAt(this.nodes, await this.leader()).address
    let client: number | undefined = process.pid
    const working: Promise<Loaded> = this.#hasH2load
      ? loadByH2load(leader, load, (pid) => {
          client = pid
        })
      : loadEtcd(leader, load)
    // Awaited below: until then what goes wrong is nobody's.
    working.catch(() => undefined)
    await pause(load.warmUpSeconds * 1_000)
    const meter = new ProcessMeter([...this.nodes.map(({ pid }) => pid), client])
    await pause(load.seconds * 1_000 - 50)
    const meters = meter.read()
    const unknown: Meter = { cores: Number.NaN, mebibytes: Number.NaN }
    return { ...(await working), nodes: meters.slice(0, -1), client: meters.at(-1) ?? unknown }
  }

  leader(): Promise<number> {
    return until('a leader of etcd', 10_000, async () => {
      const leads = await Promise.all(this.nodes.map((node) => node.leads().catch(() => undefined)))
      const position = leads.indexOf(true)
      return position === -1 ? undefined : position
    })
  }

  async kill(node: number): Promise<void> {
    await nodeAt(this.nodes, node).end('SIGKILL')
  }

  start(node: number): Promise<number> {
    return nodeAt(this.nodes, node).start()
  }

  async outage(): Promise<number> {
    return await outageOf(this, new EtcdProbe(this.nodes.map(({ address }) => address)))
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.end('SIGTERM')))
  }
}

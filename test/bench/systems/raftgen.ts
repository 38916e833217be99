// Three processes of raftgen, with the machine of `kv/` and every default.
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeStatus } from 'raftgen/client'
import { freeAddress } from '../../free-port.js'
import type { Load } from '../load/load.js'
import type { Offer, Offered } from '../load/raftgen-client.js'
import type { HealthNote, SnapshotNote, WatchNote } from '../watch.js'
import { LoadClient, nobody } from './load-client.js'
import { NodeProcess, nodeAt } from './node-process.js'
import { outageOf } from './outage.js'
import { separate } from './cores.js'
import { Relay } from './relay.js'
import { ProcessMeter } from './process-meter.js'
import type { Measured, System, SystemNode } from './system.js'
import { pause, until } from './until.js'

export interface RaftgenOptions {
  /** Their data go below it. */
  readonly root: string
  /** Options of the nodes: see `node.ts`. */
  readonly node?: object
  /** Nodes reach each other through relays, which can be slow. */
  readonly isRelayed?: boolean
  /** In reports. Default `raftgen`. */
  readonly name?: string
  /** Folder of the built benchmark whose nodes and client run. Default: this one. */
  readonly built?: string
}

export interface Note {
  readonly watch?: WatchNote
  readonly health?: HealthNote
  readonly snapshot?: SnapshotNote
}

const here = fileURLToPath(new URL('..', import.meta.url))

class RaftgenNode implements SystemNode {
  readonly address: string
  /** The program and its arguments. */
  readonly #args: readonly string[]
  readonly #process = new NodeProcess()

  constructor(address: string, args: readonly string[]) {
    this.address = address
    this.#args = args
  }

  get pid(): number | undefined {
    return this.#process.child?.pid
  }

  /** Of the process that runs now. */
  onNote(listener: (note: Note) => void): void {
    this.#process.child?.on('message', listener)
  }

  /** Milliseconds until it serves. */
  async start(): Promise<number> {
    const began = performance.now()
    const execArgv = process.env['BENCH_NODE_ARGS']?.split(' ') ?? []
    this.#process.begin(spawn(process.execPath, [...execArgv, ...this.#args], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }))
    await this.#process.until(`node at ${this.address}`, 120_000, async () => {
      const { leader } = await nodeStatus({ address: this.address, timeoutMs: 1_000 })
      return leader
    })
    return performance.now() - began
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process.child?.kill(signal)
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await this.#process.end(signal)
  }
}

interface RaftgenParts {
  readonly name: string
  readonly version: string
  readonly nodes: readonly RaftgenNode[]
  readonly relays: readonly Relay[]
  readonly client: LoadClient
}

export class RaftgenCluster implements System {
  readonly name: string
  readonly version: string
  readonly driver = 'the generated client, in one process'
  readonly nodes: readonly RaftgenNode[]
  /** What stands before the port for peers of each node, where that was asked for. */
  readonly relays: readonly Relay[]
  readonly #client: LoadClient

  private constructor({ name, version, nodes, relays, client }: RaftgenParts) {
    this.name = name
    this.version = version
    this.nodes = nodes
    this.relays = relays
    this.#client = client
  }

  static async start({ root, node = {}, name = 'raftgen', built = here, isRelayed = false }: RaftgenOptions): Promise<RaftgenCluster> {
    const members: { id: number; peer: string; client: string }[] = []
    const listening: string[] = []
    const relays: Relay[] = []
    for (const id of [1, 2, 3]) {
      const peer = await freeAddress()
      listening.push(peer)
      if (isRelayed) relays.push(await Relay.listen(peer))
      members.push({ id, peer: relays.at(-1)?.address ?? peer, client: await freeAddress() })
    }
    const nodes = members.map(({ id, client }, i) => {
      const options = JSON.stringify({ ...node, members: { id, all: members } })
      return new RaftgenNode(client, [join(built, 'node.js'), join(root, `${name}-${id}`), listening[i] ?? '', client, options])
    })
    await Promise.all(nodes.map((one) => one.start()))
    const { version } = JSON.parse(await readFile(join(built, '../../../package.json'), 'utf8'))
    const servers = nodes.map(({ address }) => address)
    const client = await LoadClient.start(join(built, 'load/raftgen-client.js'), servers)
    return new RaftgenCluster({ name, version, nodes, relays, client })
  }

  measure(load: Load): Promise<Measured> {
    return this.#client.measure(
      load,
      this.nodes.map(({ pid }) => pid),
    )
  }

  /** What nodes tell of themselves: see `watch` in `node.ts`. */
  onNote(listener: (node: number, note: Note) => void): void {
    for (const [i, node] of this.nodes.entries()) node.onNote((note) => listener(i, note))
  }

  /** From now on the client has a core of its own, and the nodes all others. False where that cannot be had. */
  async separate(): Promise<boolean> {
    const nodes = this.nodes.map(({ pid }) => pid)
    return await separate(nodes, this.#client.pid)
  }

  /** Open loop. */
  async offer(offer: Offer): Promise<Offered & Pick<Measured, 'nodes' | 'client'>> {
    this.#client.tell({ kind: 'offer', offer })
    await pause(1_000)
    const meter = new ProcessMeter([...this.nodes.map(({ pid }) => pid), this.#client.pid])
    await pause(offer.seconds * 1_000 - 20)
    const meters = meter.read()
    const answer = await this.#client.answer()
    if (answer.kind !== 'offered') throw new Error(`the client answered ${answer.kind}`)
    return { ...answer.offered, nodes: meters.slice(0, -1), client: meters.at(-1) ?? nobody }
  }

  leader(): Promise<number> {
    return until('a leader', 10_000, async () => {
      const roles = await Promise.all(
        this.nodes.map(({ address, pid }) =>
          pid === undefined
            ? undefined
            : nodeStatus({ address, timeoutMs: 500 }).then(
                ({ role }) => role,
                () => undefined,
              ),
        ),
      )
      const position = roles.indexOf('leader')
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
    return await outageOf(this, this.#client.probe())
  }

  async close(): Promise<void> {
    await this.#client.close()
    await Promise.all(this.nodes.map((node) => node.end('SIGTERM')))
    for (const relay of this.relays) relay.close()
  }
}

// Replicas as processes of their own, ended by their process ids alone.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { nodeStatus } from '../../src/client/index.ts'
import type { Limits, MemberOptions, NodeStatus } from '../../src/server/index.ts'
import { eventually, newMember, Servers } from '../server/servers.ts'

/** The benchmark's replica. Built by `npm run build:examples`. */
const nodeFile = new URL('../../dist/test/bench/node.js', import.meta.url).pathname
const examples = new URL('../../dist/examples/', import.meta.url)

export interface ReplicaOptions {
  /** Default: the store of the benchmark. */
  readonly machine?: 'counter'
  readonly limits?: Partial<Limits>
  readonly join?: readonly string[]
  readonly id?: number
  /** Another program, which takes the directory and both addresses: `locks/server.js`, of the built examples. */
  readonly example?: string
  readonly env?: Readonly<Record<string, string>>
}

/** How a process ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: string | null
  /** All it wrote to stderr. */
  readonly said: string
}

interface Running {
  readonly child: ChildProcess
  /** Those it took since it was started, the last one last. */
  readonly roles: string[]
  readonly said: () => string
  readonly ended: Promise<Ended>
}

export class Processes {
  readonly servers: Servers
  /** Those that were bootstrapped, then those that joined. */
  readonly members: MemberOptions[]
  readonly #options: ReplicaOptions
  readonly #running = new Map<number, Running>()

  private constructor(servers: Servers, options: ReplicaOptions) {
    this.servers = servers
    this.members = [...servers.members]
    this.#options = options
  }

  static async start(count: number, options: ReplicaOptions = {}): Promise<Processes> {
    const processes = new Processes(await Servers.bootstrap(count), options)
    for (const { id } of processes.members) processes.run(id)
    return processes
  }

  /** Where those that run take clients. */
  get addresses(): string[] {
    return [...this.#running.keys()].map((id) => this.member(id).client)
  }

  get running(): readonly number[] {
    return [...this.#running.keys()]
  }

  run(id: number, options: ReplicaOptions = {}): void {
    const { peer, client } = this.member(id)
    const { example, env, ...replica } = { ...this.#options, ...options }
    const program = example === undefined ? nodeFile : new URL(example, examples).pathname
    const args = [program, this.servers.dir(id), peer, client, JSON.stringify(replica)]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], env: { ...process.env, ...env } })
    let said = ''
    child.stderr?.on('data', (chunk) => {
      said += String(chunk)
    })
    const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, said }))
    const roles: string[] = []
    child.on('message', (message) => {
      if (typeof message === 'object' && 'role' in message) roles.push(String(message.role))
    })
    this.#running.set(id, { child, roles, said: () => said, ended })
  }

  /** The roles that node `id` took since it was started. */
  roles(id: number): readonly string[] {
    return [...(this.#running.get(id)?.roles ?? [])]
  }

  /** A node with an empty directory, that asks those that run to let it in. Returns its id. */
  async join(id = Math.max(...this.members.map((member) => member.id)) + 1): Promise<number> {
    const join = this.addresses
    if (!this.members.some((member) => member.id === id)) this.members.push(await newMember(id))
    this.run(id, { id, join })
    return id
  }

  /** `kill -9`, and waits until the process is gone. */
  async kill(id: number): Promise<void> {
    await this.signal(id, 'SIGKILL')
    await this.ended(id)
  }

  signal(id: number, signal: NodeJS.Signals): void {
    this.#running.get(id)?.child.kill(signal)
  }

  /** Waits until the process has ended by itself, or because it was told to. */
  async ended(id: number): Promise<Ended> {
    const running = this.#running.get(id)
    if (running === undefined) throw new Error(`node ${id} does not run`)
    const ended = await running.ended
    if (this.#running.get(id) === running) this.#running.delete(id)
    return ended
  }

  /** As a disk does that is lost. */
  async wipe(id: number): Promise<void> {
    await rm(this.servers.dir(id), { recursive: true, force: true })
  }

  async status(id: number, { digest = false } = {}): Promise<NodeStatus | undefined> {
    return await nodeStatus({ address: this.member(id).client, timeoutMs: 2_000, digest }).catch(() => undefined)
  }

  async leader(): Promise<number> {
    return await eventually('leader', async () => {
      for (const id of this.#running.keys()) if ((await this.status(id))?.role === 'leader') return id
      return undefined
    })
  }

  /** The status of node `id`, once it is as it should be. */
  async until(id: number, what: string, holds: (status: NodeStatus) => boolean): Promise<NodeStatus> {
    let last: NodeStatus | undefined
    const timeoutMs = 20_000
    const find = async () => {
      last = await this.status(id)
      return last !== undefined && holds(last) ? last : undefined
    }
    return await eventually(`node ${id} that ${what}`, find, timeoutMs).catch((error: Error) => {
      const said = this.running.map((one) => `node ${one}: ${this.#running.get(one)?.said()}`).join('\n')
      throw new Error(`${error.message}; it was ${JSON.stringify(last)}\n${said}`)
    })
  }

  /** Once node `id` votes and nothing else is under way. */
  async untilVoter(id: number): Promise<NodeStatus> {
    return await this.until(id, 'votes', ({ conf }) => conf.voters.includes(id) && conf.votersOutgoing.length === 0)
  }

  /** The digest that all replicas share, once they have applied the same. */
  async sharedDigest(): Promise<string> {
    return await eventually('digest that all replicas share', async () => {
      const statuses = await Promise.all(this.running.map((id) => this.status(id, { digest: true })))
      const states = new Set(statuses.map((status) => `${status?.lastApplied} ${status?.digest}`))
      return states.size === 1 ? statuses[0]?.digest : undefined
    })
  }

  async dispose(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((id) => this.kill(id)))
    await this.servers.dispose()
  }

  member(id: number): MemberOptions {
    const member = this.members.find((one) => one.id === id)
    if (member === undefined) throw new Error(`no member ${id}`)
    return member
  }
}

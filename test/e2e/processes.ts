// Replicas as processes of their own, ended by their process ids alone.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { nodeStatus } from '../../src/client/index.ts'
import type { NodeStatus } from '../../src/server/index.ts'
import { eventually, Servers } from '../server/servers.ts'

/** The benchmark's replica: a small key/value machine. Built by `npm run build:examples`. */
const nodeFile = new URL('../../dist/test/bench/node.js', import.meta.url).pathname

export class Processes {
  readonly servers: Servers
  readonly #running = new Map<number, ChildProcess>()

  private constructor(servers: Servers) {
    this.servers = servers
  }

  static async start(count: number): Promise<Processes> {
    const processes = new Processes(await Servers.bootstrap(count))
    for (const { id } of processes.servers.members) processes.run(id)
    return processes
  }

  run(id: number): void {
    const member = this.#member(id)
    const child = spawn(process.execPath, [nodeFile, this.servers.dir(id), member.peer, member.client], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    this.#running.set(id, child)
  }

  /** `kill -9`, and waits until the process is gone. */
  async kill(id: number): Promise<void> {
    const child = this.#running.get(id)
    this.#running.delete(id)
    if (child === undefined || child.exitCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  async status(id: number, { digest = false } = {}): Promise<NodeStatus | undefined> {
    return await nodeStatus({ address: this.#member(id).client, timeoutMs: 2_000, digest }).catch(() => undefined)
  }

  async leader(): Promise<number> {
    return await eventually('leader', async () => {
      for (const id of this.#running.keys()) if ((await this.status(id))?.role === 'leader') return id
      return undefined
    })
  }

  /** The digest that all replicas share, once they have applied the same. */
  async sharedDigest(): Promise<string> {
    return await eventually('digest that all replicas share', async () => {
      const statuses = await Promise.all(this.servers.members.map(({ id }) => this.status(id, { digest: true })))
      const states = new Set(statuses.map((status) => `${status?.lastApplied} ${status?.digest}`))
      return states.size === 1 ? statuses[0]?.digest : undefined
    })
  }

  async dispose(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((id) => this.kill(id)))
    await this.servers.dispose()
  }

  #member(id: number): Servers['members'][number] {
    const member = this.servers.members.find((one) => one.id === id)
    if (member === undefined) throw new Error(`no member ${id}`)
    return member
  }
}

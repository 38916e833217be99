// Real servers on loopback with real logs in temporary directories, in this process.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '../../src/client/index.ts'
import { RaftgenError } from '../../src/errors.ts'
import { type MemberOptions, Server, type ServerOptions, type StateMachine } from '../../src/server/index.ts'
import type { OwnLog } from '../../src/server/options.ts'
import type { ServerInternals } from '../../src/server/server.ts'
import { freeAddress } from '../free-port.ts'

const text = new TextDecoder()
export const bytes = (value: string): Uint8Array => new TextEncoder().encode(value)
export const string = (value: Uint8Array): string => text.decode(value)

/** A list of lines. A command appends one and answers with their number; a query answers with all. */
export function lines(): StateMachine {
  let all: string[] = []
  return {
    name: 'lines',
    version: 1,
    wire: 'utf8',
    check: (command) => (string(command) === 'forbidden' ? 'that line is forbidden' : undefined),
    apply: (command) => bytes(String(all.push(string(command)))),
    query: () => bytes(all.join(',')),
    snapshot: () => bytes(all.join('\n')),
    restoreSnapshot: (snapshot) => {
      all = string(snapshot).split('\n')
    },
  }
}

/** With ports that nobody listens on. */
export const newMember = async (id: number): Promise<MemberOptions> => ({
  id,
  peer: await freeAddress(),
  client: await freeAddress(),
})

/** A cluster that can be stopped and started node by node. Everything is gone after `dispose`. */
export class Servers {
  readonly members: readonly MemberOptions[]
  readonly warnings: string[] = []
  readonly #root: string
  readonly #running = new Map<number, Server>()
  readonly #clients: Client[] = []

  private constructor(root: string, members: Servers['members']) {
    this.#root = root
    this.members = members
  }

  static async bootstrap(count: number, { clusterId = 'test' } = {}): Promise<Servers> {
    const root = await mkdtemp(join(tmpdir(), 'raftgen-test-'))
    const members: MemberOptions[] = []
    for (let id = 1; id <= count; id++) members.push(await newMember(id))
    const servers = new Servers(root, members)
    for (const { id } of members) await Server.bootstrap({ dir: servers.dir(id), id, clusterId, members })
    return servers
  }

  static async start(count: number): Promise<Servers> {
    const servers = await Servers.bootstrap(count)
    await Promise.all(servers.members.map(({ id }) => servers.run(id)))
    return servers
  }

  get root(): string {
    return this.#root
  }

  dir(id: number): string {
    return join(this.#root, String(id))
  }

  get addresses(): string[] {
    return this.members.map(({ client }) => client)
  }

  get running(): readonly Server[] {
    return [...this.#running.values()]
  }

  options(id: number): ServerOptions {
    const member = this.members.find((one) => one.id === id)
    if (member === undefined) throw new Error(`no member ${id}`)
    const warn = (message: string) => void this.warnings.push(message)
    return {
      dir: this.dir(id),
      machine: lines(),
      listen: { peer: member.peer, client: member.client },
      insecure: true,
      timing: { electionTimeoutMs: 300, heartbeatMs: 50, tickMs: 5 },
      logger: { info: () => {}, warn, error: warn },
    }
  }

  async run(id: number, options: Partial<ServerOptions> = {}, internals: ServerInternals = {}): Promise<Server> {
    const server = await Server.run({ ...this.options(id), ...options }, internals)
    this.#running.set(id, server)
    return server
  }

  /** On a log of the test's own. */
  async runOn(id: number, store: OwnLog): Promise<Server> {
    const { dir: _, ...options } = { dir: '', ...this.options(id) }
    const server = await Server.run({ ...options, ...store })
    this.#running.set(id, server)
    return server
  }

  async stop(id: number): Promise<void> {
    const server = this.#running.get(id)
    this.#running.delete(id)
    await server?.close()
  }

  async leader(): Promise<Server> {
    return await eventually('a leader', () => this.running.find((server) => server.status().role === 'leader'))
  }

  async connect(options: Partial<Parameters<typeof Client.connect>[0]> = {}): Promise<Client> {
    const client = await Client.connect({ servers: this.addresses, timeoutMs: 10_000, ...options })
    this.#clients.push(client)
    return client
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()))
    await Promise.all(this.running.map((server) => server.close()))
    await rm(this.#root, { recursive: true, force: true })
  }
}

/** Waits for a condition, never for a time. */
export async function eventually<T>(what: string, find: () => T | undefined | Promise<T | undefined>, timeoutMs = 10_000): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const found = await find()
    if (found !== undefined) return found
    if (performance.now() > deadline) throw new Error(`no ${what} within ${timeoutMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** What `promise` is refused with. */
export async function refusal(promise: Promise<unknown>): Promise<Pick<RaftgenError, 'code' | 'message'>> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof RaftgenError)) throw new Error(`expected a RaftgenError, got ${String(error)}`)
  return { code: error.code, message: error.message }
}

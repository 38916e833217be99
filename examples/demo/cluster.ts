// Three replicas as three OS processes on loopback, each with a data directory of its own.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server as TcpServer } from 'node:net'
import { join } from 'node:path'
import { nodeStatus } from 'raftgen/client'
import { type NodeStatus, Server } from 'raftgen/server'

export interface Replica {
  readonly id: number
  readonly dir: string
  readonly peer: string
  readonly client: string
  /** The program it runs. */
  readonly serverFile: string
  process: ChildProcess | undefined
}

/**
 * Ports that were free a moment ago, below those that systems give to outgoing connections: such a connection could take
 * the port of a replica that is down.
 */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = new Map<number, TcpServer>()
  while (servers.size < count) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const server = createServer().listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      (cause: NodeJS.ErrnoException) => {
        if (cause.code === 'EADDRINUSE') return false
        throw cause
      },
    )
    if (isFree) servers.set(port, server)
  }
  await Promise.all([...servers.values()].map((server) => new Promise((resolve) => server.close(resolve))))
  return [...servers.keys()]
}

/** Writes identity and first configuration of each replica below `root`. */
export async function bootstrap(
  root: string,
  { count, clusterId, serverFile }: { readonly count: number; readonly clusterId: string; readonly serverFile: string },
): Promise<readonly Replica[]> {
  const ports = await freePorts(2 * count)
  const replicas = Array.from({ length: count }, (_, i): Replica => {
    const [peer = 0, client = 0] = ports.slice(2 * i)
    const dir = join(root, String(i + 1))
    return { id: i + 1, dir, peer: `127.0.0.1:${peer}`, client: `127.0.0.1:${client}`, serverFile, process: undefined }
  })
  const members = replicas.map(({ id, peer, client }) => ({ id, peer, client }))
  for (const { dir, id } of replicas) await Server.bootstrap({ dir, id, clusterId, members })
  return replicas
}

export function start(replica: Replica): void {
  const { dir, peer, client, id, serverFile } = replica
  const child = spawn(process.execPath, [serverFile, dir, peer, client], { stdio: ['ignore', 'ignore', 'pipe'] })
  child.stderr.pipe(process.stderr, { end: false })
  child.once('exit', (code) => {
    if (replica.process === child && code !== null && code !== 0) console.error(`replica ${id} ended with exit code ${code}`)
  })
  replica.process = child
}

/** Ends a replica by its process id: `SIGKILL` is the crash, `SIGTERM` the polite way. */
export async function stop(replica: Replica, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const child = replica.process
  replica.process = undefined
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  // At the end of a demo they all go, and each would say that it has lost the others.
  child.stderr?.unpipe().resume()
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}

/** Stops a replica for as long as `during` takes, without ending it: what a machine does that swaps, or is moved. */
export async function pauseWhile(replica: Replica, during: () => Promise<void>): Promise<void> {
  replica.process?.kill('SIGSTOP')
  try {
    await during()
  } finally {
    replica.process?.kill('SIGCONT')
  }
}

/** The one that says it leads. */
export async function findLeader(replicas: readonly Replica[]): Promise<Replica> {
  for (;;) {
    for (const replica of replicas) if ((await statusOf(replica))?.role === 'leader') return replica
  }
}

/** The replica's own view; `undefined` while it does not answer. */
export async function statusOf({ client }: Replica, { digest = false } = {}): Promise<NodeStatus | undefined> {
  try {
    return await nodeStatus({ address: client, timeoutMs: 1_000, digest })
  } catch {
    return undefined
  }
}

/** Asks every replica until `done` says that the answers will do. */
export async function waitForStatus(
  replicas: readonly Replica[],
  { what, timeoutMs, digest = false }: { readonly what: string; readonly timeoutMs: number; readonly digest?: boolean },
  done: (statuses: readonly NodeStatus[]) => boolean,
): Promise<readonly NodeStatus[]> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const statuses = (await Promise.all(replicas.map((replica) => statusOf(replica, { digest })))).filter((status) => status !== undefined)
    if (done(statuses)) return statuses
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms; last seen: ${JSON.stringify(statuses)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

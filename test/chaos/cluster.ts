// The nodes of a stage, each a process with a directory of its own.
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodeStatus } from '../../src/client/index.ts'
import { type NodeStatus, Server } from '../../src/server/index.ts'
import { eventually } from '../server/servers.ts'
import type { Network } from './network.ts'
import { Process, programFile } from './processes.ts'
import { isNodeReport, type NodeOrder, type NodeReport, type NodeSettings } from './programs/orders.ts'
import { limitsOf, startsWithinMs, timing } from './settings.ts'

const statusTimeoutMs = 1_000
/** Until a node has said what came of an order. */
const reportWithinMs = 10_000

export interface ClusterOptions {
  readonly ids: readonly number[]
  readonly network: Network
  /** For what is written about the nodes. */
  readonly folder: string
  dirOf(id: number): string
}

interface Life {
  readonly process: Process
  /** It takes part. */
  isRunning: boolean
  /** Why it has stopped, in its own words. */
  ended: { readonly code: string; readonly message: string } | undefined
  /** It may end with this code by itself. */
  expected: string | undefined
  /** As it said last. */
  role: Pick<Extract<NodeReport, { readonly kind: 'role' }>, 'role' | 'term'>
}

export class Cluster {
  readonly ids: readonly number[]
  readonly network: Network
  /** What must not happen, in sentences. */
  readonly problems: string[] = []
  /** How often nodes became leader, started, took a snapshot and fetched one. */
  readonly counts = { elections: 0, starts: 0, snapshots: 0, fetched: 0 }
  residentBytesMax = 0
  readonly #options: ClusterOptions
  readonly #lives = new Map<number, Life>()
  readonly #awaited = new Map<string, (hits: number) => void>()
  #isClosed = false

  private constructor(options: ClusterOptions) {
    this.#options = options
    this.ids = options.ids
    this.network = options.network
  }

  static async bootstrap(options: ClusterOptions): Promise<Cluster> {
    const { ids, network } = options
    const members = ids.map((id) => ({ id, ...network.known(id) }))
    for (const id of ids) await Server.bootstrap({ dir: options.dirOf(id), id, clusterId: 'chaos', members })
    const cluster = new Cluster(options)
    await Promise.all(ids.map((id) => cluster.start(id)))
    return cluster
  }

  dir(id: number): string {
    return this.#options.dirOf(id)
  }

  /** What node `id` has applied in all its lives. */
  appliedFile(id: number): string {
    return join(this.#options.folder, `applied-${id}.jsonl`)
  }

  /** Resolves when it takes part, or has ended. */
  async start(id: number): Promise<void> {
    const settings: NodeSettings = {
      dir: this.dir(id),
      id,
      clusterId: 'chaos',
      listen: this.network.listens(id),
      timing,
      limits: limitsOf(id),
      appliedFile: this.appliedFile(id),
    }
    const shims = ['wrong-clock', 'wrong-disk'].flatMap((name) => ['--import', programFile(name)])
    const command = [...this.network.wrap(id), process.execPath, ...shims, programFile('node'), JSON.stringify(settings)]
    const life: Life = {
      process: new Process(command, { onMessage: (message) => isNodeReport(message) && this.#onReport(id, life, message) }),
      isRunning: false,
      ended: undefined,
      expected: undefined,
      role: { role: 'follower', term: 0 },
    }
    this.counts.starts += 1
    this.#lives.set(id, life)
    void life.process.exited.then(() => this.#onExit(id, life))
    const decided = (): true | undefined => (life.isRunning || life.process.exit !== undefined ? true : undefined)
    await eventually(`node ${id} that takes part`, decided, startsWithinMs).catch((thrown: Error) => this.problems.push(thrown.message))
    if (life.isRunning) await this.network.up(id)
  }

  process(id: number): Process {
    return this.#life(id).process
  }

  isUp(id: number): boolean {
    const { process: own, isRunning } = this.#life(id)
    return isRunning && own.exit === undefined && !own.isEnding
  }

  async kill(which: readonly number[]): Promise<void> {
    await Promise.all(which.map((id) => this.process(id).kill()))
  }

  /** Those of `which` that do not run. */
  async revive(which: readonly number[] = this.ids): Promise<void> {
    await Promise.all(which.filter((id) => !this.isUp(id)).map((id) => this.start(id)))
  }

  /** It may end by itself from now on, with `code`; undefined: no more. */
  expect(id: number, code: string | undefined): void {
    this.#life(id).expected = code
  }

  endedWith(id: number): string | undefined {
    return this.#life(id).ended?.code
  }

  /** What the node says came of it; 0 when it says nothing, since it has ended. */
  async order(id: number, order: NodeOrder): Promise<number> {
    let hits: number | undefined
    this.#awaited.set(`${id} ${order.kind}`, (told) => {
      hits = told
    })
    this.process(id).send(order)
    const isTold = order.kind === 'disk' || order.offsetMs === 0
    if (!isTold) return 0
    const over = (): number | undefined => hits ?? (this.process(id).exit === undefined ? undefined : 0)
    return await eventually('report', over, reportWithinMs).catch(() => 0)
  }

  async status(id: number, { digest = false } = {}): Promise<NodeStatus | undefined> {
    const address = this.network.listens(id).client
    return await nodeStatus({ address, timeoutMs: statusTimeoutMs, digest }).catch(() => undefined)
  }

  /** Whoever leads, in the newest term of those that have said so last; a node that runs, if nobody does. */
  get leader(): number {
    const up = this.ids.filter((id) => this.isUp(id))
    const leaders = up
      .filter((id) => this.#life(id).role.role === 'leader')
      .sort((a, b) => this.#life(b).role.term - this.#life(a).role.term)
    return leaders[0] ?? up[0] ?? 1
  }

  /** Once all of them have applied the same; what keeps them apart, if that takes too long. */
  async level(timeoutMs: number): Promise<string | undefined> {
    let last: readonly (NodeStatus | undefined)[] = []
    const find = async (): Promise<string | undefined> => {
      last = await Promise.all(this.ids.map((id) => this.status(id, { digest: true })))
      const applied = new Set(last.map((status) => status?.lastApplied))
      if (applied.size > 1 || applied.has(undefined)) return undefined
      return new Set(last.map((status) => status?.digest)).size === 1 ? '' : `the nodes differ at entry ${[...applied]}`
    }
    const found = await eventually('level', find, timeoutMs).catch(() => undefined)
    if (found !== undefined) return found === '' ? undefined : found
    const states = last.map(
      (status, i) => `node ${this.ids[i]} ${status === undefined ? 'does not answer' : `is at ${status.lastApplied}`}`,
    )
    return `not all nodes are level within ${timeoutMs} ms: ${states.join(', ')}`
  }

  sample(): void {
    for (const { process: own } of this.#lives.values()) {
      own.sample()
      this.residentBytesMax = Math.max(this.residentBytesMax, own.residentBytesMax)
    }
  }

  /** Politely, so that their directories can be looked at. */
  async stop(): Promise<void> {
    for (const { process: own } of this.#lives.values()) {
      own.signal('SIGTERM')
      const over = await eventually('end', () => own.exit, startsWithinMs).catch(() => undefined)
      if (over?.code === 0) continue
      const what = over === undefined ? 'it goes on' : `${over.signal ?? `code ${over.code}`}: ${over.stderr}`
      this.problems.push(`process ${own.pid} does not end as it is told to: ${what}`)
    }
    await this.dispose()
  }

  async dispose(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#lives.values()].map(({ process: own }) => own.kill()))
  }

  #onReport(id: number, life: Life, report: NodeReport): void {
    this.#write(id, report)
    if (report.kind === 'running') life.isRunning = true
    if (report.kind === 'role') life.role = report
    if (report.kind === 'role' && report.role === 'leader') this.counts.elections += 1
    if (report.kind === 'snapshot') this.counts.snapshots += 1
    if (report.kind === 'fetched') this.counts.fetched += 1
    if (report.kind === 'ended') life.ended = report
    if (report.kind === 'diverged') this.problems.push(`node ${id} says that the replicas differ`)
    if (report.kind === 'clock' || report.kind === 'disk') this.#awaited.get(`${id} ${report.kind}`)?.(report.hits)
  }

  #onExit(id: number, life: Life): void {
    const { process: own, ended, expected } = life
    this.#write(id, { kind: 'exit', ...own.exit })
    if (own.isEnding || this.#isClosed) return
    if (expected !== undefined && ended?.code === expected) return
    const why =
      ended === undefined
        ? `with ${own.exit?.signal ?? `code ${own.exit?.code}`}: ${own.exit?.stderr}`
        : `with ${ended.code}: ${ended.message}`
    this.problems.push(`node ${id} has ended by itself, ${why}`)
  }

  #write(id: number, what: object): void {
    appendFileSync(join(this.#options.folder, `node-${id}.log`), `${new Date().toISOString()} ${JSON.stringify(what)}\n`)
  }

  #life(id: number): Life {
    const life = this.#lives.get(id)
    if (life === undefined) throw new Error(`node ${id} has never run`)
    return life
  }
}

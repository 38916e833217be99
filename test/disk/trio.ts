// Three nodes of one cluster, each of which can be started and stopped, here or in a process of its own, and whose directories can be replaced.
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClusterAdmin, nodeStatus } from '../../src/client/index.ts'
import { type MemberOptions, type NodeStatus, Server } from '../../src/server/index.ts'
import { eventually, newMember } from '../server/servers.ts'
import { type Ended, type ProcessReplica, type ReplicaOptions, type Running, runInside, runProcess, type Wrap } from './replicas.ts'
import { limits, timing } from './settings.ts'

export const ids = [1, 2, 3] as const
export type Id = (typeof ids)[number]
export const othersOf = (id: Id): readonly Id[] => ids.filter((other) => other !== id)

const statusTimeoutMs = 2_000

/** What the operator of a node knows of it since the trial began, over all its lives. */
export interface Lives {
  readonly said: string[]
  readonly ended: Ended[]
}

/** Of replicas with each other. Only those that have applied the same entries can be different. */
export type Comparison = { readonly kind: 'equal' } | { readonly kind: 'different' | 'late'; readonly what: string }

export class Trio {
  readonly root: string
  readonly members: readonly MemberOptions[]
  readonly #clusterId: string
  readonly #dirs: ReadonlyMap<Id, string>
  readonly #running = new Map<Id, Running>()
  #lives = newLives()

  private constructor({ root, clusterId, members, dirs }: TrioParts) {
    this.root = root
    this.members = members
    this.#clusterId = clusterId
    this.#dirs = dirs
  }

  /** Bootstrapped. `dirs`: where the nodes are to have their directories, which must not be there. Default: below the root. */
  static async bootstrap(options: { readonly dirs?: ReadonlyMap<Id, string>; readonly clusterId?: string } = {}): Promise<Trio> {
    const root = await mkdtemp(join(tmpdir(), 'raftgen-disk-'))
    const { clusterId = 'disk' } = options
    const dirs = options.dirs ?? new Map(ids.map((id) => [id, join(root, `node-${id}`)]))
    const members: MemberOptions[] = []
    for (const id of ids) members.push(await newMember(id))
    const trio = new Trio({ root, clusterId, members, dirs })
    for (const id of ids) await Server.bootstrap({ dir: trio.dir(id), id, clusterId, members })
    return trio
  }

  dir(id: Id): string {
    return this.#dirs.get(id) ?? fail(id)
  }

  /** Where all of them take clients, whether they run or not. */
  get servers(): readonly string[] {
    return this.members.map(({ client }) => client)
  }

  get running(): readonly Id[] {
    return ids.filter((id) => this.#running.has(id))
  }

  lives(id: Id): Lives {
    return this.#lives.get(id) ?? fail(id)
  }

  /** Why node `id` has ended by itself, if it has. */
  ended(id: Id): Ended | undefined {
    return this.#running.get(id)?.ended
  }

  options(id: Id): ReplicaOptions {
    const { peer, client } = this.#member(id)
    return { dir: this.dir(id), id, clusterId: this.#clusterId, listen: { peer, client }, timing, limits }
  }

  /** `undefined`, or why it does not run. */
  async start(id: Id, options: { readonly join?: boolean } = {}): Promise<Ended | undefined> {
    const join = options.join === true ? { join: othersOf(id).map((other) => this.#member(other).client) } : {}
    return this.#onStarted(id, await runInside({ ...this.options(id), ...join }))
  }

  async startProcess(id: Id, wrap: Wrap = {}): Promise<ProcessReplica> {
    const replica = await runProcess(this.options(id), { wrap })
    this.#onStarted(id, replica)
    return replica
  }

  /** As the end of its process does: leadership is not handed over. */
  async stop(id: Id): Promise<void> {
    const running = this.#running.get(id)
    if (running === undefined) return
    await running.stop()
    this.#running.delete(id)
    const { said, ended } = this.lives(id)
    said.push(...running.said)
    if (running.ended !== undefined) ended.push(running.ended)
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.running.map((id) => this.stop(id)))
  }

  /** What node `id` has said in all its lives, this one included. */
  said(id: Id): readonly string[] {
    return [...this.lives(id).said, ...(this.#running.get(id)?.said ?? [])]
  }

  async status(id: Id, { digest = false } = {}): Promise<NodeStatus | undefined> {
    return await nodeStatus({ address: this.#member(id).client, timeoutMs: statusTimeoutMs, digest }).catch(() => undefined)
  }

  async leader(): Promise<Id> {
    return await eventually('leader', async () => {
      for (const id of this.running) if ((await this.status(id))?.role === 'leader') return id
      return undefined
    })
  }

  /** Once node `id` leads: whoever does meanwhile is told to hand over. */
  async lead(id: Id): Promise<void> {
    const servers = this.running.map((one) => this.#member(one).client)
    const admin = await ClusterAdmin.connect({ servers })
    try {
      await eventually('transfer of leadership', async () => {
        if ((await this.status(id))?.role === 'leader') return true
        await admin.transferLeadership({ to: id }).catch(() => undefined)
        return undefined
      })
    } finally {
      await admin.close()
    }
  }

  /** Waits until all of `which` have applied the same. */
  async compare(which: readonly Id[], timeoutMs = 20_000): Promise<Comparison> {
    let last: readonly (NodeStatus | undefined)[] = []
    const find = async (): Promise<Comparison | undefined> => {
      last = await Promise.all(which.map((id) => this.status(id, { digest: true })))
      const applied = new Set(last.map((status) => status?.lastApplied))
      const digests = new Set(last.map((status) => status?.digest))
      if (applied.size > 1 || applied.has(undefined)) return undefined
      return digests.size === 1
        ? { kind: 'equal' }
        : { kind: 'different', what: `nodes ${which.join(', ')} differ at entry ${[...applied]}` }
    }
    return await eventually('comparison', find, timeoutMs).catch(() => {
      const states = last.map(
        (status, i) => `node ${which[i]} ${status === undefined ? 'does not answer' : `is at entry ${status.lastApplied}`}`,
      )
      return { kind: 'late', what: `not all are level within ${timeoutMs} ms: ${states.join(', ')}` }
    })
  }

  /** Stops all of them, and puts in the place of their directories copies of those in `source`. */
  async restore(source: string): Promise<void> {
    await this.stopAll()
    this.#lives = newLives()
    for (const id of ids) {
      await rm(this.dir(id), { recursive: true, force: true })
      await cp(join(source, `node-${id}`), this.dir(id), { recursive: true })
    }
  }

  /** Copies of all directories, to be restored. Nobody may be running. */
  async save(target: string, which: readonly Id[] = ids): Promise<void> {
    for (const id of which) await cp(this.dir(id), join(target, `node-${id}`), { recursive: true })
  }

  async dispose(): Promise<void> {
    await this.stopAll()
    await rm(this.root, { recursive: true, force: true })
  }

  #onStarted(id: Id, replica: Running): Ended | undefined {
    this.#running.set(id, replica)
    return replica.ended
  }

  #member(id: Id): MemberOptions {
    return this.members.find((member) => member.id === id) ?? fail(id)
  }
}

interface TrioParts {
  readonly root: string
  readonly clusterId: string
  readonly members: readonly MemberOptions[]
  readonly dirs: ReadonlyMap<Id, string>
}

const newLives = (): ReadonlyMap<Id, Lives> => new Map(ids.map((id) => [id, { said: [], ended: [] }]))

function fail(id: Id): never {
  throw new Error(`there is no node ${id}`)
}

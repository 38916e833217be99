// The lock service as it was deployed, and a version later (docs/upgrading.md): three processes under load, rolled from one build to the other by kill -9, and back.
import { afterEach, describe, expect, test } from 'vitest'
import { type Lease, LocksClient as OldClient } from '../../examples/locks/generated/index.ts'
import { LocksClient } from '../../examples/locks-v2/generated/index.ts'
import { ClusterAdmin } from '../../src/client/index.ts'
import { RaftgenError } from '../../src/errors.ts'
import { eventually, refusal } from '../server/servers.ts'
import { Processes } from './processes.ts'

const builds = { one: 'locks/server.js', two: 'locks-v2/server.js' } as const
type Build = keyof typeof builds

let processes: Processes | undefined
const clients: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
  await processes?.dispose()
  processes = undefined
})

const start = async (): Promise<Processes> => {
  processes = await Processes.start(3, { example: builds.one })
  return processes
}
async function upgrade(cluster: Processes, id: number, build: Build, env: Readonly<Record<string, string>> = {}): Promise<void> {
  await cluster.kill(id)
  cluster.run(id, { example: builds[build], env })
}
async function connected<Client extends { close(): Promise<void> }>(
  cluster: Processes,
  type: { connect(options: { servers: readonly string[]; timeoutMs: number }): Promise<Client> },
): Promise<Client> {
  const client = await type.connect({ servers: [1, 2, 3].map((id) => cluster.member(id).client), timeoutMs: 20_000 })
  clients.push(client)
  return client
}
async function untilVersion(cluster: Processes, version: number): Promise<void> {
  for (const id of [1, 2, 3]) await cluster.until(id, `is of version ${version}`, ({ schema }) => schema.version === version)
}

/** Clients of version 1, which take lock after lock and keep every second one. */
class Load {
  readonly #clients: readonly OldClient[]
  readonly #work: Promise<unknown>
  readonly kept = new Map<string, Lease>()
  readonly failed: unknown[] = []
  calls = 0
  #isOver = false

  constructor(clients: readonly OldClient[]) {
    this.#clients = clients
    this.#work = Promise.all(this.#clients.map((client, i) => this.#takeAndKeep(client, `client ${i}`)))
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#work
  }

  async #takeAndKeep(client: OldClient, owner: string): Promise<void> {
    for (let i = 0; !this.#isOver; i++) {
      const name = `${owner}, lock ${i}`
      try {
        const taken = await client.acquire({ name, owner, ttlMs: 3_600_000 })
        this.calls += 1
        if (!taken.ok) throw new Error(`${name} is held by ${taken.error.owner}`)
        if (i % 2 === 0) this.kept.set(name, taken.value)
        else await client.release({ name, owner })
      } catch (error) {
        this.failed.push(error)
      }
    }
  }
}

/** By then the cluster has begun, with version 1. */
async function loaded(cluster: Processes): Promise<Load> {
  const load = new Load([await connected(cluster, OldClient), await connected(cluster, OldClient)])
  await eventually('calls', () => (load.calls > 0 ? true : undefined))
  return load
}

/** Nothing was lost, and no call has failed but so that it may be made again. */
async function expectAllKept(cluster: Processes, load: Load, client: LocksClient): Promise<void> {
  await load.stop()
  expect(load.calls).toBeGreaterThan(20)
  expect(load.failed.filter((error) => !(error instanceof RaftgenError && error.retryable))).toEqual([])
  for (const [name, lease] of load.kept) expect(await client.holder({ name })).toEqual(lease)
  await cluster.sharedDigest()
}

describe('a cluster of three processes under load', () => {
  test.each([
    ['the leader last', (leader: number, [first, second]: readonly number[]) => [first, second, leader]],
    ['the leader first', (leader: number, followers: readonly number[]) => [leader, ...followers]],
    ['the leader in between', (leader: number, [first, second]: readonly number[]) => [first, leader, second]],
  ])(
    'is rolled to the next version, %s: its state is another from the activation on, nothing is lost, and old clients go on',
    async (_, orderOf) => {
      const cluster = await start()
      const load = await loaded(cluster)
      const young = await connected(cluster, LocksClient)
      const leader = await cluster.leader()
      const order = orderOf(
        leader,
        [1, 2, 3].filter((id) => id !== leader),
      ).filter((id) => id !== undefined)
      for (const id of order.slice(0, 2)) {
        await upgrade(cluster, id, 'two')
        await cluster.until(id, 'follows', ({ lastApplied, commitIndex, leader }) => leader !== undefined && lastApplied === commitIndex)
      }
      // What version 1 has words for is served; what is new waits.
      expect(await young.acquire({ name: 'early', owner: 'me' })).toMatchObject({ ok: true })
      expect(await refusal(young.renew({ name: 'early', owner: 'me' }))).toMatchObject({ code: 'NOT_YET_ACTIVE' })
      expect(await refusal(young.acquire({ name: 'early', owner: 'you', shared: true }))).toMatchObject({ code: 'NOT_YET_ACTIVE' })

      for (const id of order.slice(2)) await upgrade(cluster, id, 'two')
      await untilVersion(cluster, 2)
      expect(await young.renew({ name: 'early', owner: 'me' })).toMatchObject({ ok: true })
      for (const owner of ['a', 'b']) expect(await young.acquire({ name: 'shared', owner, shared: true })).toMatchObject({ ok: true })
      expect((await young.holders({ name: 'shared' })).map(({ owner }) => owner)).toEqual(['a', 'b'])
      await expectAllKept(cluster, load, young)
    },
    120_000,
  )

  test('crashes in between, all of them at once too, and goes back before the activation', async () => {
    const waits = { ACTIVATION: 'byOperator' }
    const cluster = await start()
    const load = await loaded(cluster)
    const young = await connected(cluster, LocksClient)
    for (const id of [1, 2, 3]) await upgrade(cluster, id, 'two', waits)
    await untilVersion(cluster, 1)
    // All know it, and wait; the power fails; two of them go back, and one more dies on the way.
    await Promise.all([1, 2, 3].map((id) => upgrade(cluster, id, 'two', waits)))
    await cluster.leader()
    await upgrade(cluster, 1, 'one')
    await Promise.all([upgrade(cluster, 2, 'one'), upgrade(cluster, 3, 'two', waits)])
    await cluster.leader()
    await upgrade(cluster, 3, 'one')
    await untilVersion(cluster, 1)
    const before = await young.acquire({ name: 'before', owner: 'me' })
    expect(before).toMatchObject({ ok: true })

    for (const id of [3, 1, 2]) await upgrade(cluster, id, 'two', waits)
    for (const id of [1, 2, 3]) await cluster.until(id, 'follows', ({ leader }) => leader !== undefined)
    const admin = await ClusterAdmin.connect({ servers: [1, 2, 3].map((id) => cluster.member(id).client) })
    await cluster.until(await cluster.leader(), 'knows that all know it', ({ schema }) => schema.next === 2 && schema.lacking.length === 0)
    await admin.activate(2)
    await admin.close()
    await untilVersion(cluster, 2)
    // Into the migration and out of it again: it is done anew from the log, with the same end.
    await Promise.all([1, 2, 3].map((id) => upgrade(cluster, id, 'two', waits)))
    await untilVersion(cluster, 2)
    expect(await young.renew({ name: 'before', owner: 'me' })).toMatchObject({ ok: true })
    await expectAllKept(cluster, load, young)
  }, 120_000)
})

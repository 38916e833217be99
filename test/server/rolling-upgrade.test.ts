// A cluster of real servers on its way from a build that knows one version of the schema to one that knows two, and back, under load.
import { afterEach, describe, expect, test } from 'vitest'
import {
  bind,
  bindVersions,
  callCommand,
  callQuery,
  connect,
  type Caller,
  RaftgenError,
  type VersionLadder,
} from '../../src/contract/v1.ts'
import { ClusterAdmin } from '../../src/client/index.ts'
import { Server, type ServerOptions } from '../../src/server/index.ts'
import { handlers1, handlers2, handlers3, ladder, versions } from '../contract/locks-versions.ts'
import { eventually, newMember, refusal, Servers } from './servers.ts'

const [one, two] = versions
const upTo = (count: number): VersionLadder => ({ versions: versions.slice(0, count), steps: ladder.steps.slice(0, count - 1) })
const builds = {
  first: () => ({ machine: bind(one, handlers1) }),
  second: () => ({ machine: bindVersions(upTo(2), handlers2) }),
  third: () => ({ machine: bindVersions(ladder, handlers3, { v2: handlers2 }) }),
  /** As the third, but its migration throws. */
  broken: () => ({ machine: bindVersions(brokenLadder(), handlers3, { v2: handlers2 }) }),
}
function brokenLadder(): VersionLadder {
  const [up, last] = ladder.steps
  if (up === undefined || last?.migration === undefined) throw new Error('there is a migration')
  const finish = (): void => {
    throw new Error('no way')
  }
  return { ...ladder, steps: [up, { ...last, migration: { ...last.migration, finish } }] }
}
type Build = keyof typeof builds

let servers: Servers | undefined
const callers: Caller[] = []
afterEach(async () => {
  await Promise.all(callers.splice(0).map((caller) => caller.close()))
  await servers?.dispose()
  servers = undefined
})

async function start(build: Build, options: Partial<ServerOptions> = {}): Promise<Servers> {
  servers = await Servers.bootstrap(3)
  await Promise.all([1, 2, 3].map((id) => servers?.run(id, { ...builds[build](), ...options })))
  return servers
}

async function restart(cluster: Servers, id: number, build: Build, options: Partial<ServerOptions> = {}): Promise<void> {
  await cluster.stop(id)
  await cluster.run(id, { ...builds[build](), ...options })
}

/** A client as it was generated for version 1, 2 or 3. */
async function client(cluster: Servers, version: 1 | 2 | 3) {
  const descriptor = versions[version - 1] ?? one
  const caller = await connect(descriptor, { servers: cluster.addresses, timeoutMs: 10_000 })
  callers.push(caller)
  const given = version === 1 ? 1 : upTo(version)
  const operation = (name: string) => {
    const found = descriptor.commands.find((command) => command.name === name)
    if (found === undefined) throw new Error(`version ${version} has no ${name}`)
    return found
  }
  const [holder] = descriptor.queries
  if (holder === undefined) throw new Error('there is a query')
  return {
    call: (name: string, input: object) => callCommand(caller, operation(name), given, input),
    holder: (name: string) => callQuery(caller, holder, given, { name }),
  }
}

const inForce = (version: number) => (): boolean | undefined =>
  servers?.running.every((server) => server.status().schema.version === version) === true ? true : undefined
const others = (leader: Server): readonly number[] => [1, 2, 3].filter((id) => id !== leader.identity.nodeId)

/** 1, once all have applied the same entries and have the same state. */
async function differentDigests(cluster: Servers): Promise<number> {
  const digests = await eventually('that all have applied the same', () => {
    const statuses = cluster.running.map((server) => server.status({ digest: true }))
    return new Set(statuses.map(({ lastApplied }) => lastApplied)).size === 1 ? statuses.map(({ digest }) => digest) : undefined
  })
  return new Set(digests).size
}

/** Calls all the time, and notes what fails. */
async function load(
  cluster: Servers,
): Promise<{ readonly stop: () => Promise<{ readonly calls: number; readonly failed: readonly RaftgenError[] }> }> {
  const old = await client(cluster, 1)
  const failed: RaftgenError[] = []
  let calls = 0
  let isOver = false
  const work = async (name: string): Promise<void> => {
    while (!isOver) {
      calls += 1
      await old.call('acquire', { name, owner: 'load' }).catch((error: RaftgenError) => failed.push(error))
    }
  }
  const all = Promise.all(['l1', 'l2', 'l3'].map((name) => work(name)))
  const stop = async () => {
    isOver = true
    await all
    return { calls, failed }
  }
  return { stop }
}

describe('a cluster of three under load', () => {
  test.each([
    ['followers first', (leader: Server) => [...others(leader), leader.identity.nodeId]],
    ['the leader first', (leader: Server) => [leader.identity.nodeId, ...others(leader)]],
  ])(
    'is rolled to the next build, %s: the version is in force once all have it, nothing is lost, and old clients go on',
    async (_, order) => {
      const cluster = await start('first')
      const [old, young] = [await client(cluster, 1), await client(cluster, 2)]
      await old.call('acquire', { name: 'a', owner: 'me' })
      const working = await load(cluster)
      const ids = order(await cluster.leader())
      for (const id of ids.slice(0, 2)) await restart(cluster, id, 'second')
      // What version 1 has words for goes on; what is new has to wait.
      expect(await young.call('acquire', { name: 'b', owner: 'you' })).toMatchObject({ owner: 'you', note: '' })
      expect(await young.holder('a')).toMatchObject({ owner: 'me', note: '' })
      expect(await refusal(young.call('renew', { name: 'a' }))).toMatchObject({ code: 'NOT_YET_ACTIVE' })
      expect(await refusal(young.call('acquire', { name: 'c', owner: 'you', note: 'new' }))).toMatchObject({ code: 'NOT_YET_ACTIVE' })
      // Who has just been started knows it a little later.
      await eventually('version 1', inForce(1))

      for (const id of ids.slice(2)) await restart(cluster, id, 'second')
      await eventually('version 2', inForce(2))
      expect(await young.call('renew', { name: 'a' })).toMatchObject({ owner: 'me', note: '' })
      expect(await young.call('acquire', { name: 'c', owner: 'you', note: 'new' })).toMatchObject({ note: 'new' })
      // A client of version 1 is answered in its words.
      expect(await old.holder('c')).toEqual({ owner: 'you', until: expect.any(Number) })
      expect(await old.call('acquire', { name: 'd', owner: 'me' })).toEqual({ owner: 'me', until: expect.any(Number) })
      const { calls, failed } = await working.stop()
      expect(calls).toBeGreaterThan(20)
      expect(failed.filter((error) => !(error instanceof RaftgenError && error.retryable))).toEqual([])
    },
    60_000,
  )

  test('goes back before the activation, and the build before reads all that was written meanwhile', async () => {
    const options = { activation: 'byOperator' } as const
    const cluster = await start('first', options)
    const old = await client(cluster, 1)
    await old.call('acquire', { name: 'a', owner: 'me' })
    for (const id of [1, 2, 3]) await restart(cluster, id, 'second', { ...options, limits: { snapshotEntries: 5, logTailEntries: 0 } })
    for (let i = 0; i < 30; i++) await old.call('acquire', { name: `n${i}`, owner: 'you' })
    await eventually('snapshots', () => (cluster.running.every((server) => server.status().snapshotIndex > 0) ? true : undefined))
    for (const id of [1, 2, 3]) await restart(cluster, id, 'first', options)
    expect(await old.holder('a')).toMatchObject({ owner: 'me' })
    expect(await old.holder('n29')).toMatchObject({ owner: 'you' })
    expect(await differentDigests(cluster)).toBe(1)
  }, 60_000)

  test('refuses a version whose migration throws, for good at that entry: a build in which it is mended has to put it in force anew', async () => {
    const cluster = await start('second')
    await eventually('version 2', inForce(2))
    const young = await client(cluster, 2)
    await young.call('acquire', { name: 'a', owner: 'me+you' })
    for (const id of [1, 2, 3]) await restart(cluster, id, 'broken')
    const admin = await ClusterAdmin.connect({ servers: cluster.addresses })
    const why = await eventually('the reason', async () => {
      const { message } = await refusal(admin.activate(3))
      return message.includes('not said to know it') ? undefined : message
    })
    expect(why).toContain('version 3 cannot be put in force: the migration to version 3 fails: no way. Mend its function')
    await admin.close()
    // By then it is in the log.
    await young.call('acquire', { name: 'c', owner: 'me' })

    // It reads the whole log again, the activation that has failed included.
    await restart(cluster, 1, 'third')
    await young.call('acquire', { name: 'b', owner: 'me' })
    expect(await differentDigests(cluster)).toBe(1)
    expect(inForce(2)()).toBe(true)
    for (const id of [2, 3]) await restart(cluster, id, 'third')
    await eventually('version 3', inForce(3))
    expect(await young.holder('a')).toMatchObject({ owner: 'me' })
    expect(await differentDigests(cluster)).toBe(1)
  }, 60_000)

  test('waits for an operator where it was told so; until all know the version he is told who does not', async () => {
    const options = { activation: 'byOperator' } as const
    const cluster = await start('second', options)
    await (await client(cluster, 2)).call('renew', { name: 'nobody' }).catch(() => {})
    await eventually('version 2', inForce(2))
    const leader = await cluster.leader()
    for (const id of others(leader)) await restart(cluster, id, 'third', options)
    const admin = await ClusterAdmin.connect({ servers: cluster.addresses })
    expect(await refusal(admin.activate(3))).toMatchObject({ code: 'CHANGE_REFUSED', message: expect.stringContaining('version 3') })
    await restart(cluster, leader.identity.nodeId, 'third', options)
    const next = await eventually('a leader to which all have said that they know it', () => {
      const known = cluster.running.map((server) => server.status()).find(({ role }) => role === 'leader')
      return known?.schema.next === 3 && known.schema.lacking.length === 0 ? known : undefined
    })
    expect(next.schema).toEqual({ version: 2, next: 3, lacking: [] })
    await admin.activate(undefined)
    await eventually('version 3', inForce(3))
    const young = await client(cluster, 3)
    expect(await young.call('acquire', { name: 'a', owner: 'me+you' })).toMatchObject({ owners: ['me', 'you'] })
    await admin.close()
  }, 60_000)
})

test('a build that does not know the version in force is not let in', async () => {
  const cluster = await start('second')
  await eventually('version 2', inForce(2))
  const member = await newMember(4)
  const join = { id: 4, join: cluster.addresses, dir: cluster.dir(4), listen: { peer: member.peer, client: member.client } }
  const { timing } = cluster.options(1)
  expect(await refusal(Server.run({ ...join, ...builds.first(), insecure: true, ...(timing && { timing }) }))).toEqual({
    code: 'VERSION_UNKNOWN',
    message: expect.stringContaining('version 2 of the schema is in force, and node 4 runs a build that knows version 1 at most'),
  })
  expect((await cluster.leader()).status().conf.members.map(({ id }) => id)).toEqual([1, 2, 3])
}, 60_000)

test('a build that does not know the version in force stops, and says so; the cluster goes on', async () => {
  const cluster = await start('second')
  const young = await client(cluster, 2)
  await young.call('acquire', { name: 'a', owner: 'me', note: 'x' })
  await cluster.stop(3)
  const third = await cluster.run(3, builds.first()).then(
    (server) =>
      server.closed.then(
        () => undefined,
        (error: unknown) => error,
      ),
    (error: unknown) => error,
  )
  expect(third).toMatchObject({ code: 'VERSION_UNKNOWN', message: 'this build of the machine locks knows version 1 of its schema, not 2' })
  expect(await young.call('renew', { name: 'a' })).toMatchObject({ owner: 'me', note: 'x' })
  expect(two.version).toBe(2)
}, 60_000)

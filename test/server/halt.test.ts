// Handlers that throw, on real servers with a generated machine: where that halts, what their callers see, and the two ways out.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { QueueClient, queue } from '../../examples/queue/generated/index.ts'
import { handlers } from '../../examples/queue/handlers.ts'
import { ClusterAdmin } from '../../src/client/index.ts'
import type { Server, ServerOptions } from '../../src/server/index.ts'
import { eventually, refusal, Servers } from './servers.ts'

/** The machine of an example is not frozen. */
const development = true
type Enqueue = typeof handlers.enqueue
const bad = { queue: 'mail', body: 'bad' }
const good = (body: string) => ({ queue: 'mail', body })

/** A queue whose `enqueue` does with the bad one what `onBad` says. */
const machine = (onBad: () => void) => {
  const enqueue: Enqueue = (state, input, ctx) => {
    // What is written before it fails must leave no trace.
    const added = handlers.enqueue(state, input, ctx)
    if (input.body === bad.body) onBad()
    return added
  }
  return queue({ ...handlers, enqueue })
}
const throwing = () => {
  throw new Error('the body is bad')
}
const diving = (): void => {
  const dive = (depth: number): number => dive(depth + 1) + 1
  dive(0)
}
const sound = () => {}

let servers: Servers | undefined
const closing: { close(): Promise<void> }[] = []

afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
  await servers?.dispose()
  servers = undefined
})

async function start(options: (id: number) => Partial<ServerOptions>): Promise<Servers> {
  const started = await Servers.bootstrap(3)
  servers = started
  await Promise.all(started.members.map(({ id }) => started.run(id, { development, ...options(id) })))
  await started.leader()
  return started
}

async function restart(of: Servers, options: (id: number) => Partial<ServerOptions>): Promise<void> {
  for (const { id } of of.members) await of.stop(id)
  await Promise.all(of.members.map(({ id }) => of.run(id, { development, ...options(id) })))
}

async function connect(to: Servers, timeoutMs = 20_000): Promise<QueueClient> {
  const client = await QueueClient.connect({ servers: to.addresses, timeoutMs })
  closing.push(client)
  return client
}

async function administer(of: Servers): Promise<ClusterAdmin> {
  const admin = await ClusterAdmin.connect({ servers: of.addresses })
  closing.push(admin)
  return admin
}

const haltOf = (server: Server) => server.status().halted
const allHalted = (of: Servers, count = 3) =>
  eventually(`${count} halted nodes`, () => {
    const halts = of.running.flatMap((server) => haltOf(server) ?? [])
    return halts.length === count ? halts[0] : undefined
  })
const waiting = async (client: QueueClient) => (await client.counts({ queue: 'mail' })).ready

/** Three that have come to the bad job, after `a`. `doomed`: what its caller gets. */
async function halted() {
  const cluster = await start(() => ({ machine: machine(throwing), onHandlerError: 'halt' }))
  const client = await connect(cluster)
  await client.enqueue(good('a'))
  const doomed = refusal(client.enqueue(bad))
  const halt = await allHalted(cluster)
  return { cluster, client, doomed, halt }
}

describe('servers whose handlers halt', () => {
  test('go on after an order to skip: the caller of that command gets HANDLER_FAILED, and nothing of it is there', async () => {
    const { cluster, client, doomed, halt } = await halted()
    expect(halt).toEqual({ index: expect.any(Number), command: 'enqueue', message: 'the body is bad', isFatal: false })
    expect(cluster.warnings.filter((line) => line.includes('halt.test.ts'))).not.toEqual([])

    const other = await connect(cluster)
    expect(await refusal(other.enqueue(good('b')))).toEqual({
      code: 'APPLY_HALTED',
      message: expect.stringMatching(
        /^node \d applies nothing from entry \d+ on: the handler of enqueue failed there: the body is bad\. Mend it and start the nodes again, or skip the command: raftgen cluster skip \d+$/,
      ),
    })
    expect((await refusal(waiting(other))).code).toBe('APPLY_HALTED')
    expect(await other.counts({ queue: 'mail' }, { consistency: 'stale' })).toMatchObject({ ready: 1 })

    await (await administer(cluster)).skip(halt.index)
    expect((await doomed).code).toBe('HANDLER_FAILED')
    await client.enqueue(good('c'))
    expect(await waiting(other)).toBe(2)
  })

  test('elect another leader meanwhile, and honour the order after a restart of all, with handlers that work', async () => {
    const { cluster, doomed, halt } = await halted()
    const old = await cluster.leader()
    await cluster.stop(old.identity.nodeId)
    const next = await cluster.leader()
    expect(haltOf(next)).toEqual(halt)
    await (await administer(cluster)).skip(halt.index)
    expect((await doomed).code).toBe('HANDLER_FAILED')
    await cluster.run(old.identity.nodeId, { development, machine: machine(sound), onHandlerError: 'halt' })
    await restart(cluster, () => ({ machine: machine(sound), onHandlerError: 'halt' }))
    expect(await waiting(await connect(cluster))).toBe(1)
    const digests = await eventually('equal states', () => {
      const all = cluster.running.map((server) => server.status({ digest: true }))
      return new Set(all.map(({ lastApplied, digest }) => `${lastApplied} ${digest}`)).size === 1 ? all : undefined
    })
    expect(digests).toHaveLength(3)
  })

  test('apply the command once the handler is mended and all were started again; its caller, who waits, gets its answer', async () => {
    const { cluster, client, doomed } = await halted()
    await restart(cluster, () => ({ machine: machine(sound), onHandlerError: 'halt' }))
    await expect(doomed).rejects.toThrow('expected a RaftgenError, got undefined')
    expect(await waiting(client)).toBe(2)
  })

  test('refuse the order where no majority has halted, and say who has', async () => {
    // Whoever leads is sound.
    const cluster = await start(() => ({ machine: machine(sound), onHandlerError: 'halt' }))
    const leader = await cluster.leader()
    const [one] = cluster.members.filter(({ id }) => id !== leader.identity.nodeId)
    const id = one?.id ?? 0
    await cluster.stop(id)
    await cluster.run(id, { development, machine: machine(throwing), onHandlerError: 'halt' })
    const client = await connect(cluster)
    await client.enqueue(bad)
    const { index } = await allHalted(cluster, 1)
    const admin = await administer(cluster)
    expect(await refusal(admin.skip(index))).toMatchObject({
      code: 'CHANGE_REFUSED',
      message: expect.stringContaining(`entry ${index} cannot be skipped: node ${leader.identity.nodeId} leads, and it has applied`),
    })
    await leader.transferLeadership({ to: id })
    expect(await refusal(admin.skip(index))).toEqual({
      code: 'CHANGE_REFUSED',
      message: `entry ${index} cannot be skipped: a majority of the voters has to have halted there, or before; halted are node ${id} at entry ${index}`,
    })
  })

  test('rebuild the one that had applied the command, from a snapshot of another', async () => {
    const cluster = await start((id) => ({ machine: machine(id === 3 ? sound : throwing), onHandlerError: 'halt' }))
    const leader = await cluster.leader()
    if (leader.identity.nodeId === 3) await leader.transferLeadership({ to: 1 })
    const client = await connect(cluster)
    await client.enqueue(good('a'))
    const doomed = refusal(client.enqueue(bad))
    const { index } = await allHalted(cluster, 2)
    const strayed = cluster.running.find((server) => server.identity.nodeId === 3)
    await eventually('the command applied', () => ((strayed?.status().lastApplied ?? 0) >= index ? true : undefined))
    await (await administer(cluster)).skip(index)
    expect((await doomed).code).toBe('HANDLER_FAILED')
    await client.enqueue(good('c'))
    await eventually('equal states', () => {
      const all = cluster.running.map((server) => server.status({ digest: true }))
      return new Set(all.map(({ lastApplied, digest }) => `${lastApplied} ${digest}`)).size === 1 ? true : undefined
    })
    expect(cluster.warnings.filter((line) => line.startsWith('node 3 gives up its state'))).toHaveLength(1)
    const files = await readdir(join(cluster.dir(3), 'snapshots'))
    expect(files.length).toBeGreaterThan(0)
  })
})

describe('a server whose handler exhausts the stack', () => {
  /** Only node 1 dives; whatever it dies of, nobody hears it. */
  async function died() {
    const cluster = await start((id) => ({ machine: machine(id === 1 ? diving : sound) }))
    const leader = await cluster.leader()
    if (leader.identity.nodeId === 1) await leader.transferLeadership({ to: 2 })
    const server = cluster.running.find(({ identity }) => identity.nodeId === 1)
    const end = server?.closed.then(
      () => undefined,
      (error: Error) => error,
    )
    const client = await connect(cluster)
    await client.enqueue(bad)
    const error = await end
    await cluster.stop(1)
    return { cluster, client, error }
  }

  test('ends, notes the command, and next time takes part without applying it, until that is asked for', async () => {
    const { cluster, client, error } = await died()
    expect(error).toMatchObject({ code: 'HANDLER_FATAL' })
    const path = join(cluster.dir(1), 'halted.json')
    const noted: unknown = JSON.parse(await readFile(path, 'utf8'))
    expect(noted).toMatchObject({ command: 'enqueue', message: 'Maximum call stack size exceeded' })

    const again = await cluster.run(1, { development, machine: machine(diving) })
    const { index } = await eventually('a halted node', () => haltOf(again))
    expect(haltOf(again)).toEqual({ index, command: 'enqueue', message: 'Maximum call stack size exceeded', isFatal: true })
    expect((await refusal(again.ready())).code).toBe('APPLY_HALTED')
    await client.enqueue(good('c'))
    await eventually('the entry on its disk', () => (again.status().commitIndex > index ? true : undefined))
    expect(again.status().lastApplied).toBe(index - 1)

    await cluster.stop(1)
    const mended = await cluster.run(1, { development, machine: machine(sound), retryHalted: true })
    await mended.ready()
    expect(haltOf(mended)).toBeUndefined()
    await eventually('the note gone', async () => ((await readdir(cluster.dir(1))).includes('halted.json') ? undefined : true))
  })
})

test.each([
  [{ onHandlerError: 'stop' }, 'onHandlerError is "stop", it must be fail or halt'],
  [{ retryHalted: 1 }, 'retryHalted is 1, it must be true or false'],
])('%j is refused', async (options, message) => {
  const cluster = await Servers.bootstrap(1)
  servers = cluster
  // @ts-expect-error: what a program without types may say
  expect(await refusal(cluster.run(1, options))).toEqual({ code: 'BAD_OPTIONS', message })
})

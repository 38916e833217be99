import { afterEach, describe, expect, test } from 'vitest'
import { Client } from '../../src/client/index.ts'
import { confOfVoters, type Persist } from '../../src/core/index.ts'
import { afterRemoval, RaftgenError } from '../../src/errors.ts'
import type { Done } from '../../src/ports/log.ts'
import { MemoryLog, Server, type ServerOptions } from '../../src/server/index.ts'
import { memorySnapshots } from '../../src/storage/index.ts'
import { PeerTransport } from '../../src/transport/index.ts'
import { bytes, eventually, lines, newMember, refusal, Servers, string } from './servers.ts'

let servers: Servers | undefined
afterEach(async () => {
  await servers?.dispose()
  servers = undefined
})

const identity = { clusterId: 'test', nodeId: 1, incarnation: 1 }
const member = { id: 1, peer: '127.0.0.1:1', client: '127.0.0.1:2', incarnation: 1 }
const conf = confOfVoters([member])

/** Writes until the disk fails. */
class FailingLog extends MemoryLog {
  fails = false
  closed = 0

  constructor(first = conf) {
    super(first)
  }

  override appendEntries(persist: Persist, done: Done): void {
    if (this.closed > 0) throw new Error('a write to a closed log')
    if (!this.fails) super.appendEntries(persist, done)
    else queueMicrotask(() => done(new RaftgenError('STORAGE_FAILED', 'write: EIO')))
  }

  override close(done: Done): void {
    this.closed += 1
    super.close(done)
  }
}

/** One node on a log of its own, and what it says. */
function alone(options: Partial<ServerOptions> = {}) {
  const log = new FailingLog()
  const errors: string[] = []
  const logger = { info: () => {}, warn: () => {}, error: (message: string) => void errors.push(message) }
  const listen = { peer: '127.0.0.1:0', client: '127.0.0.1:0' }
  const timing = { electionTimeoutMs: 100, heartbeatMs: 20, tickMs: 4 }
  const run = () => Server.run({ log, identity, machine: lines(), listen, timing, insecure: true, logger, ...options })
  return { log, errors, run }
}

/** What nobody handled while `act` ran: Node.js ends the process for it, with exit code 1. */
async function unhandledDuring(act: (unhandled: readonly unknown[]) => Promise<void>): Promise<readonly unknown[]> {
  const others = process.listeners('unhandledRejection')
  const unhandled: unknown[] = []
  const listen = (reason: unknown) => void unhandled.push(reason)
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', listen)
  try {
    await act(unhandled)
    // Node.js reports them after the microtasks of a turn.
    await new Promise((resolve) => setImmediate(resolve))
  } finally {
    process.off('unhandledRejection', listen)
    for (const other of others) process.on('unhandledRejection', other)
  }
  return unhandled
}

async function write(server: Server): Promise<void> {
  // A write of its own may have stopped the node already.
  const client = await Client.connect({ servers: [server.clientAddress], timeoutMs: 1_000 }).catch(() => undefined)
  await client?.propose(bytes('x')).catch(() => {})
  await client?.close()
}

const eio = expect.objectContaining({ code: 'STORAGE_FAILED', message: 'write: EIO' })

describe('a node whose disk fails', () => {
  test('ends its process unless somebody handles `closed`, whether ready was asked for or not', async () => {
    for (const asked of [false, true]) {
      const unhandled = await unhandledDuring(async (unhandled) => {
        const { log, errors, run } = alone()
        log.fails = !asked
        const server = await run()
        if (asked) await server.ready()
        log.fails = true
        if (asked) void write(server)
        await eventually('an unhandled rejection', () => unhandled[0])
        expect(errors).toEqual(['node 1 stops: write: EIO'])
        await server.close()
        expect(log.closed).toBe(1)
      })
      expect(unhandled).toEqual([eio])
    }
  })

  test('tells whoever waits for it to be ready, and closes', async () => {
    const unhandled = await unhandledDuring(async () => {
      const { log, run } = alone()
      log.fails = true
      const server = await run()
      const closed = refusal(server.closed)
      expect(await refusal(server.ready())).toEqual({ code: 'STORAGE_FAILED', message: 'write: EIO' })
      expect(await refusal(server.ready())).toEqual({ code: 'STORAGE_FAILED', message: 'write: EIO' })
      await server.close()
      await server.close()
      expect(await closed).toEqual({ code: 'STORAGE_FAILED', message: 'write: EIO' })
      expect(log.closed).toBe(1)
    })
    expect(unhandled).toEqual([])
  })
})

describe('a node that is no member any more', () => {
  test('stops when a member says so: with NODE_REMOVED, one sentence, and everything closed', async () => {
    const peer = await newMember(2)
    const committed = { members: [], removed: [1] }
    const self = { clusterId: 'test', nodeId: 2, incarnation: 1 }
    const events = { receive: () => {}, unreachable: () => {}, peerDown: () => {}, removed: () => {}, failed: () => {} }
    const other = await PeerTransport.listen({
      address: peer.peer,
      self,
      machine: { name: 'lines', versions: [{ version: 1, wire: 'utf8' }] },
      members: [],
      committed,
      events,
    })
    const { errors, run } = alone({ log: new FailingLog(confOfVoters([member, { ...peer, incarnation: 1 }])) })
    const server = await run()
    const removed = { code: 'NODE_REMOVED', message: `node 1 was removed from cluster "test": ${afterRemoval.removed}` }
    expect(await refusal(server.closed)).toEqual(removed)
    expect(await refusal(server.ready())).toEqual(removed)
    expect(errors).toEqual([`node 1 stops: ${removed.message}`])
    await server.close()
    await other.close()
  })
})

describe('a log of your own', () => {
  test('that begins after its first entry needs snapshots, and is closed without them', async () => {
    const log = new FailingLog()
    const base = { id: { term: 1, index: 1 }, conf }
    await new Promise<void>((resolve) =>
      log.appendEntries({ seq: 1, hardState: { term: 1, votedFor: 1 }, reset: base, truncateFrom: undefined, entries: [] }, () =>
        resolve(),
      ),
    )
    const { run } = alone({ log })
    expect(await refusal(run())).toEqual({
      code: 'BAD_OPTIONS',
      message: 'the log of node 1 begins after entry 1, and without snapshots nothing tells the state there: give the option snapshots',
    })
    expect(log.closed).toBe(1)
  })

  test('comes with snapshots, from which the node starts again, and which are closed before it', async () => {
    const log = new FailingLog()
    const snapshots = memorySnapshots()
    const order: string[] = []
    const closes = (name: string, store: { close(done: Done): void }) => {
      const close = store.close.bind(store)
      store.close = (done) => {
        order.push(name)
        close(done)
      }
    }
    closes('log', log)
    closes('snapshots', snapshots)
    const { run } = alone({ log, snapshots, limits: { snapshotEntries: 10, logTailEntries: 0 } })
    const server = await run()
    await server.ready()
    const client = await Client.connect({ servers: [server.clientAddress] })
    for (let i = 0; i < 50; i++) await client.propose(bytes(`line ${i}`))
    await eventually('compaction', () => (server.status().firstIndex > 1 ? true : undefined))
    expect(server.status().snapshotIndex).toBeGreaterThanOrEqual(server.status().firstIndex)
    await client.close()
    await server.close()
    expect(order).toEqual(['snapshots', 'log'])
  })
})

describe('a server that cannot start', () => {
  test('closes its log once, writes nothing after that, and rejects nowhere else', async () => {
    const unhandled = await unhandledDuring(async () => {
      const first = await alone().run()
      const { log, run } = alone({ listen: { peer: '127.0.0.1:0', client: first.clientAddress } })
      expect(await refusal(run())).toMatchObject({ code: 'ADDRESS_IN_USE' })
      expect(log.closed).toBe(1)
      await first.close()
    })
    expect(unhandled).toEqual([])
  })

  test('leaves a log alone that was given with a wrong option', async () => {
    const { log, run } = alone({ limits: { readsMax: -1 } })
    expect(await refusal(run())).toMatchObject({ code: 'BAD_OPTIONS' })
    expect(log.closed).toBe(0)
  })

  test('closes its log when the node cannot be made of it', async () => {
    const { log, run } = alone()
    Object.defineProperty(log, 'summary', {
      get: () => {
        throw new RaftgenError('STORAGE_DAMAGED', 'no summary')
      },
    })
    expect(await refusal(run())).toEqual({ code: 'STORAGE_DAMAGED', message: 'no summary' })
    expect(log.closed).toBe(1)
  })
})

describe('close', () => {
  test('resolves twice, and `closed` with it', async () => {
    const server = await alone().run()
    await server.ready()
    await Promise.all([server.close(), server.close()])
    await server.close()
    await server.closed
    expect(await refusal(server.ready())).toEqual({ code: 'CLOSED', message: 'the server was closed before it was ready' })
  })

  test('before it is ready ends the wait for that', async () => {
    servers = await Servers.bootstrap(3)
    const server = await servers.run(1) // alone of three: it never will be
    const ready = refusal(server.ready())
    await server.close()
    expect(await ready).toEqual({ code: 'CLOSED', message: 'the server was closed before it was ready' })
    await server.closed
  })

  test('rejects when the log cannot be closed, and says so to nobody else', async () => {
    const unhandled = await unhandledDuring(async () => {
      const { log, run } = alone()
      log.close = (done) => queueMicrotask(() => done(new RaftgenError('STORAGE_FAILED', 'close: EIO')))
      const server = await run()
      expect(await refusal(server.close())).toEqual({ code: 'STORAGE_FAILED', message: 'close: EIO' })
      await server.closed
    })
    expect(unhandled).toEqual([])
  })

  test('under load waits for the write under way: what was acknowledged is there after a restart, and nothing twice', async () => {
    servers = await Servers.start(1)
    const client = await servers.connect()
    const acknowledged: string[] = []
    const calls = Array.from({ length: 3_000 }, async (_, i) => {
      await client.propose(bytes(`line ${i}`))
      acknowledged.push(`line ${i}`)
    })
    await calls[0]
    await servers.stop(1)
    const before = [...acknowledged]
    expect(before.length).toBeLessThan(calls.length)
    await servers.run(1)
    const reader = await servers.connect()
    const kept = new Set(string((await reader.query(bytes(''))).reply).split(','))
    expect(before.filter((line) => !kept.has(line))).toEqual([])
    await Promise.all(calls)
    const all = string((await reader.query(bytes(''))).reply).split(',')
    expect(all).toEqual(Array.from({ length: calls.length }, (_, i) => `line ${i}`))
  })
})

describe('leadership', () => {
  test('is handed over on request, and before the leader closes: another leads then', async () => {
    servers = await Servers.start(3)
    const first = await servers.leader()
    await first.transferLeadership()
    const second = await servers.leader()
    expect(second).not.toBe(first)
    const to = servers.running.find((server) => server !== first && server !== second)?.identity.nodeId ?? 0
    await second.transferLeadership({ to })
    const third = await servers.leader()
    expect(third.identity.nodeId).toBe(to)
    const { term } = third.status()
    await servers.stop(to)
    const statuses = servers.running.map((server) => server.status())
    expect(statuses.map(({ role }) => role).sort()).toEqual(['follower', 'leader'])
    expect(Math.min(...statuses.map((status) => status.term))).toBe(term + 1)
  })

  test.each([true, false])('needs no pre-vote when it is handed over: %s', async (handOver) => {
    servers = await Servers.start(3)
    const leader = await servers.leader()
    const others = servers.running.filter((server) => server !== leader)
    await Promise.all(others.map((server) => server.ready()))
    const roles: string[] = []
    for (const server of others) server.on('role', ({ role }) => void roles.push(role))
    await leader.close({ handOver })
    await eventually('next leader', () => others.find((server) => server.status().role === 'leader'))
    expect(roles.includes('preCandidate')).toBe(!handOver)
  })

  test('cannot be handed over by a follower, nor to nobody', async () => {
    const server = await alone().run()
    await server.ready()
    expect(await refusal(server.transferLeadership())).toMatchObject({ code: 'CHANGE_REFUSED' })
    expect(await refusal(server.transferLeadership({ to: 7 }))).toMatchObject({ code: 'CHANGE_REFUSED' })
    await server.close()
    expect(await refusal(server.transferLeadership())).toMatchObject({ code: 'CLOSED' })
    servers = await Servers.start(3)
    const leader = await servers.leader()
    const follower = servers.running.find((one) => one !== leader)
    await follower?.ready()
    const { nodeId } = leader.identity
    expect(await refusal(follower?.transferLeadership() ?? Promise.resolve())).toEqual({
      code: 'UNAVAILABLE',
      message: `node ${nodeId} at ${leader.clientAddress} leads`,
    })
  })

  test('that nobody takes over does not keep a leader from closing', async () => {
    servers = await Servers.start(3)
    const leader = await servers.leader()
    await Promise.all(servers.running.filter((server) => server !== leader).map((server) => server.close()))
    await leader.close()
    await leader.closed
  })
})

describe('what the user gave and what throws does not stop a node', () => {
  test('a listener, which is told about to the logger, and does not keep others from hearing', async () => {
    const { errors, run } = alone()
    const server = await run()
    const heard: string[] = []
    server.on('role', () => {
      throw new Error('my own mistake')
    })
    server.on('role', ({ role }) => void heard.push(role))
    await server.ready()
    expect(heard).toContain('leader')
    expect(errors[0]).toMatch(/^a listener of role threw: Error: my own mistake\n {4}at .*lifecycle\.test\.ts/)
    await server.close()
    await server.closed
  })

  test('a logger', async () => {
    const logger = {
      info: () => {},
      warn: () => {},
      error: () => {
        throw new Error('no paper')
      },
    }
    const { log, run } = alone({ logger })
    log.fails = true
    const server = await run()
    expect(await refusal(server.closed)).toMatchObject({ code: 'STORAGE_FAILED' })
    expect(log.closed).toBe(1)
  })
})

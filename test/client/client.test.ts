import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Client, connect, nodeStatus, RaftgenError } from '../../src/client/index.ts'
import { FakeCluster } from './fake-cluster.ts'

const servers = ['127.0.0.1:4001']
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

let cluster: FakeCluster
let client: Client
beforeEach(async () => {
  cluster = new FakeCluster()
  client = await Client.connect({ servers, dial: cluster.dial })
})
afterEach(() => client.close())

const propose = async (command: string): Promise<string> => text((await client.propose(Buffer.from(command))).reply)
const failureOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'it succeeded',
    (error: unknown) => error,
  )

describe('a client of bytes', () => {
  test('gets the reply of a command, and the index at which it was applied', async () => {
    await expect(client.propose(Buffer.from('a'))).resolves.toEqual({ index: 1, reply: new Uint8Array(Buffer.from('a')) })
    await expect(client.query(Buffer.from('q'))).resolves.toEqual({ index: 1, reply: new Uint8Array(Buffer.from('q')) })
  })

  test('200 calls of one tick leave in one write', async () => {
    await propose('first')
    const calls = Array.from({ length: 200 }, (_, i) => propose(`c${i}`))
    await expect(Promise.all(calls)).resolves.toEqual(Array.from({ length: 200 }, (_, i) => `c${i}`))
    expect(cluster.commandWrites.map((texts) => texts.length)).toEqual([1, 200])
  })

  test('calls of continuations that run in one tick share a write too', async () => {
    await propose('first')
    const caller = async (name: string): Promise<void> => {
      await propose(`${name}1`)
      await null
      await propose(`${name}2`)
    }
    await Promise.all([caller('a'), caller('b'), caller('c')])
    expect(cluster.commandWrites).toEqual([['first'], ['a1', 'b1', 'c1'], ['a2', 'b2', 'c2']])
  })

  test('bytes may be changed as soon as the call has returned', async () => {
    const bytes = Buffer.from('before')
    const call = client.propose(bytes)
    bytes.write('after!')
    expect(text((await call).reply)).toBe('before')
  })

  test('the leader that was heard of can be asked for', () => {
    expect(client.leader).toEqual({ id: 1, client: servers[0] })
  })

  test('a broken connection is made anew, and nobody notices', async () => {
    await propose('first')
    cluster.silent = true
    const call = propose('a')
    await new Promise(setImmediate)
    cluster.silent = false
    cluster.connections[0]?.close(new Error('read ECONNRESET'))
    await expect(call).resolves.toBe('a')
    expect(cluster.commandWrites).toEqual([['first'], ['a'], ['a']])
  })

  test('a caller that throws in its callback does not keep the others from their answers', async () => {
    const thrown = new Promise((resolve) => process.setUncaughtExceptionCaptureCallback(resolve))
    client.caller.command(Buffer.from('a'), undefined, () => {
      throw new Error('a bug of the caller')
    })
    await expect(propose('b')).resolves.toBe('b')
    await expect(thrown).resolves.toEqual(new Error('a bug of the caller'))
    process.setUncaughtExceptionCaptureCallback(null)
  })
})

test('a callback may close the client, and the others of its turn still get their answers', async () => {
  await propose('first')
  const { caller } = client
  const outcomes = await new Promise<readonly string[]>((resolve) => {
    const told: string[] = []
    for (const name of ['a', 'b', 'c']) {
      caller.command(Buffer.from(name), undefined, (error, answer) => {
        told.push(answer === undefined ? (error?.code ?? '') : text(answer.reply))
        if (name === 'a') caller.close()
        if (told.length === 3) resolve(told)
      })
    }
  })
  expect(outcomes).toEqual(['a', 'b', 'c'])
})

describe('giving up', () => {
  test('a deadline ends a call that a stopped server never answers', async () => {
    await propose('first')
    cluster.silent = true
    await expect(client.propose(Buffer.from('a'), { timeoutMs: 30 })).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      outcome: 'unknown',
      message: 'command 2 of session 7 was sent, and its deadline passed before an answer came: it is applied once, or not at all',
    })
  })

  test('a signal that has fired already: ABORTED, and nothing is sent', async () => {
    const failure = await failureOf(client.propose(Buffer.from('a'), { signal: AbortSignal.abort() }))
    expect(failure).toMatchObject({ code: 'ABORTED', message: 'the caller gave the command up before it took effect' })
    expect(cluster.commandWrites).toEqual([])
  })

  test('a signal that fires in flight: OUTCOME_UNKNOWN', async () => {
    await propose('first')
    cluster.silent = true
    const controller = new AbortController()
    const call = failureOf(client.propose(Buffer.from('a'), { signal: controller.signal }))
    await new Promise(setImmediate)
    controller.abort()
    await expect(call).resolves.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
  })

  test('a hundred calls share one listener on their signal, and none is left when they are settled', async () => {
    const { signal } = new AbortController()
    const calls = Array.from({ length: 100 }, () => client.propose(Buffer.from('a'), { signal }))
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    await Promise.all(calls)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})

describe('a caller that asks again as soon as it is refused', () => {
  let turns = 0
  let counting: NodeJS.Immediate
  const count = (): void => {
    turns += 1
    counting = setImmediate(count)
  }
  beforeEach(count)
  afterEach(() => clearImmediate(counting))

  const refusedInTurn = async (call: () => Promise<unknown>, code: string): Promise<void> => {
    turns = 0
    for (let i = 0; i < 50; i++) expect(await failureOf(call())).toMatchObject({ code })
    expect(turns, 'timers and sockets have their turn between two refusals').toBeGreaterThanOrEqual(49)
  }

  test('because too many calls are open', async () => {
    await propose('first')
    cluster.silent = true
    for (let i = 0; i < 65_536; i++) client.caller.command(Buffer.from('a'), undefined, () => {})
    await refusedInTurn(() => propose('b'), 'OVERLOADED')
  })

  test('because the client is closed', async () => {
    await client.close()
    await refusedInTurn(() => propose('a'), 'CLOSED')
  })

  test('because its command is too large', async () => {
    await propose('first')
    await refusedInTurn(() => propose('x'.repeat(1_001)), 'TOO_LARGE')
  })

  test('because its options are wrong', () => refusedInTurn(() => client.propose(Buffer.from('a'), { timeoutMs: 0 }), 'BAD_OPTIONS'))

  test('because it had given up before', () =>
    refusedInTurn(() => client.propose(Buffer.from('a'), { signal: AbortSignal.abort() }), 'ABORTED'))

  test('because no server will have it', async () => {
    cluster.refuses = true
    cluster.connections[0]?.close(new Error('read ECONNRESET'))
    await expect(propose('a')).rejects.toMatchObject({ code: 'MACHINE_MISMATCH' })
    await refusedInTurn(() => propose('b'), 'MACHINE_MISMATCH')
  })
})

describe('connecting', () => {
  test('ends with UNAVAILABLE at its deadline, and says what was tried', async () => {
    cluster.down.add('127.0.0.1:1')
    const failure = await failureOf(Client.connect({ servers: ['127.0.0.1:1'], timeoutMs: 50, dial: cluster.dial }))
    expect(failure).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'no member of the cluster answered before the deadline; tried 127.0.0.1:1 (connection refused); no leader is known',
    })
  })

  test('goes on to a server that is there', async () => {
    cluster.down.add('127.0.0.1:1').add('127.0.0.1:2')
    const other = await Client.connect({ servers: ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3'], dial: cluster.dial })
    expect(cluster.connections.at(-1)?.options.address).toBe('127.0.0.1:3')
    await other.close()
  })

  test('is given up by its signal, which means nothing later', async () => {
    cluster.down.add('127.0.0.1:1')
    const signal = AbortSignal.timeout(20)
    const failure = await failureOf(Client.connect({ servers: ['127.0.0.1:1'], signal, dial: cluster.dial }))
    expect(failure).toMatchObject({ code: 'ABORTED', message: 'the caller gave up connecting' })
    const controller = new AbortController()
    const other = await Client.connect({ servers, signal: controller.signal, dial: cluster.dial })
    controller.abort()
    await expect(other.propose(Buffer.from('a'))).resolves.toMatchObject({ index: 1 })
    await other.close()
  })

  test('of generated code says which machine it was generated for', async () => {
    const caller = await connect({ name: 'locks', version: 2, wire: 'abcd' }, { servers, dial: cluster.dial })
    expect(cluster.connections.at(-1)?.options.hello).toEqual({ kind: 'Hello', clusterId: '', machine: 'locks', version: 2, wire: 'abcd' })
    await caller.close()
  })

  test('an address that a dialler chokes on is a server that is not there', async () => {
    const dial = () => {
      throw new RaftgenError('BAD_OPTIONS', 'no such address')
    }
    const failure = await failureOf(Client.connect({ servers, timeoutMs: 30, dial }))
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('127.0.0.1:4001 (no such address)') })
  })
})

describe('closing', () => {
  test('ends the session; calls in flight are told apart; it may be called again', async () => {
    await propose('first')
    cluster.silent = true
    const sent = failureOf(client.propose(Buffer.from('a')))
    await new Promise(setImmediate)
    const unsent = failureOf(client.propose(Buffer.from('b')))
    await Promise.all([client.close(), client.close()])
    await expect(sent).resolves.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    await expect(unsent).resolves.toMatchObject({ code: 'CLOSED', outcome: 'notApplied' })
    expect(cluster.writes.at(-1)).toEqual([{ kind: 'CloseSession', session: 7 }])
  })

  test('later calls are CLOSED', async () => {
    await client.close()
    await expect(client.propose(Buffer.from('a'))).rejects.toMatchObject({ code: 'CLOSED', message: 'the client is closed' })
    await expect(client.status()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})

describe('status', () => {
  test('is that of the connected node', async () => {
    await propose('a')
    await expect(client.status({ digest: true })).resolves.toMatchObject({ nodeId: 1, role: 'leader', lastApplied: 1, digest: 'abcd' })
  })

  test('of a node that is not there: UNAVAILABLE', async () => {
    cluster.down.add('127.0.0.1:1')
    await expect(nodeStatus({ address: '127.0.0.1:1', dial: cluster.dial })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'no status of the node at 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1',
    })
  })

  test('of a node that does not answer: UNAVAILABLE at the deadline', async () => {
    cluster.silent = true
    await expect(nodeStatus({ address: '127.0.0.1:2', timeoutMs: 30, dial: cluster.dial })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'no status of the node at 127.0.0.1:2: it did not answer within 30 ms',
    })
  })
})

describe('queries that need not go to the leader', () => {
  test("from: 'nearest' go to the first of the given servers, over a connection that close ends as well", async () => {
    cluster.leaderAt = () => ({ id: 2, client: 's2:2' })
    cluster.nodeIdAt = (address) => (address === 's2:2' ? 2 : 1)
    const near = await Client.connect({ servers: ['s1:1', 's2:2'], dial: cluster.dial })
    const answer = await near.query(Buffer.from('q'), { from: 'nearest' })
    const asked = cluster.connections.at(-1)
    expect({ reply: text(answer.reply), address: asked?.options.address }).toEqual({ reply: 'q', address: 's1:1' })
    await near.close()
    expect(asked?.isOpen).toBe(false)
  })

  test('a token covers what was acknowledged, is plain data, and travels with the query', async () => {
    await propose('a')
    await propose('b')
    const token: unknown = JSON.parse(JSON.stringify(client.token))
    expect(token).toEqual({ clusterId: 'blue', index: 2 })
    await client.query(Buffer.from('q'), { atLeast: client.token })
    const query = { requestId: 1, consistency: 'atLeast', atLeast: 2, query: new Uint8Array(Buffer.from('q')) }
    expect(cluster.writes.at(-1)).toEqual([{ kind: 'Queries', items: [query] }])
  })
})

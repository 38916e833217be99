import { describe, expect, test } from 'vitest'
import { addresses, Harness, hintOf } from './harness.ts'

describe('finding the leader', () => {
  test('a server that does not lead sends the client to the one that does', () => {
    const client = new Harness()
    const first = client.connected
    client.turn(client.command('a'))
    const leader = first?.address === addresses[0] ? 2 : 1
    client.welcome(leader)
    expect(client.disconnects).toEqual([first?.attempt])
    expect(client.connected?.address).toBe(addresses[leader - 1])
    client.welcome(leader)
    expect(client.takeSent()).toEqual(['OpenSession'])
  })

  test('different seeds start with different servers', () => {
    const first = new Set(Array.from({ length: 30 }, (_, seed) => new Harness({ seed }).connected?.address))
    expect([...first].sort()).toEqual([...addresses])
  })

  test('members that a server names are tried as well', () => {
    const client = new Harness({ servers: addresses.slice(0, 1) })
    client.welcome(undefined)
    client.turn(client.command('a'))
    const tried = new Set<string | undefined>()
    for (let i = 0; i < 4; i++) {
      tried.add(client.connected?.address)
      client.turn(client.disconnected('connection refused')).wait(20)
    }
    expect(tried).toEqual(new Set(addresses))
  })

  test('a leader that changes while nothing is asked is followed', () => {
    const client = new Harness().toSession()
    client.turn(client.receive({ kind: 'LeaderChanged', leader: hintOf(3) }))
    expect(client.connected?.address).toBe(addresses[2])
  })

  test('a server that knows no leader is left after 300 ms, when the leader is needed', () => {
    const client = new Harness()
    client.turn(client.command('a'))
    const [first] = [client.connected?.address]
    client.welcome(undefined)
    client.wait(299)
    expect(client.connected?.address).toBe(first)
    client.wait(1)
    expect(client.connected?.address).not.toBe(first)
  })

  test('a server that knows no leader is good enough for a client that needs none', () => {
    const client = new Harness()
    const { connected } = client
    client.welcome(undefined)
    client.turn(client.call('query', 'q', { stale: true }))
    expect(client.takeSent()).toEqual(['Queries q?'])
    client.turn(client.receive({ kind: 'QueryReplies', items: [{ requestId: 1, index: 3, reply: Buffer.from('Q'), refused: undefined }] }))
    client.wait(5_000)
    expect(client.connected).toBe(connected)
  })

  test('a server that hears of its own election within 300 ms is stayed with', () => {
    const client = new Harness()
    client.turn(client.command('a'))
    const id = addresses.indexOf(client.connected?.address ?? '') + 1
    client.welcome(undefined)
    client.wait(200)
    client.turn(client.receive({ kind: 'LeaderChanged', leader: hintOf(id) }))
    expect(client.takeSent()).toEqual(['OpenSession'])
    expect(client.disconnects).toEqual([])
  })

  test('while a dead leader is still named by others, the client waits with one of them for the news', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'))
    client.turn(client.disconnected())
    expect(client.connected?.address).toBe(addresses[0])
    client.turn(client.disconnected('connection refused'))
    const stay = client.connected
    client.takeSent()
    client.welcome(1)
    expect(client.connected).toBe(stay)
    client.turn(client.receive({ kind: 'LeaderChanged', leader: hintOf(stay?.address === addresses[1] ? 2 : 3) }))
    expect(client.takeSent()).toEqual(['Commands 7 <2: 2=a'])
  })

  test('servers that name each other are not followed round and round without a pause', () => {
    const client = new Harness()
    client.turn(client.command('a'))
    for (let i = 0; i < 100 && client.connected !== undefined; i++) client.welcome(client.connected.address === addresses[0] ? 2 : 1)
    expect(client.connected).toBeUndefined()
    expect(client.session.connectedTo).toBeUndefined()
    expect((client.nextTickAt ?? 0) - client.now).toBeGreaterThanOrEqual(10)
    expect(client.disconnects.length).toBeLessThanOrEqual(addresses.length + 2)
  })

  /** Every dial is refused. The pauses between rounds that begin before `until`. */
  function pausesUntil(client: Harness, until: number): readonly number[] {
    const pauses: number[] = []
    while (client.now < until) {
      client.turn(client.disconnected('connection refused'))
      const waitMs = (client.nextTickAt ?? 0) - client.now
      const isDialling = waitMs === 1_000
      if (isDialling) continue
      pauses.push(waitMs)
      client.wait(waitMs)
    }
    return pauses
  }

  test('after a whole round of failures comes a pause, of 50 ms at most while the search is young', () => {
    const pauses = pausesUntil(new Harness(), 2_000)
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(10)
    expect(pauses[0]).toBeLessThanOrEqual(20)
    expect(Math.max(...pauses)).toBe(50)
  })

  test('a search that lasts pauses for up to 500 ms', () => {
    const client = new Harness()
    pausesUntil(client, 2_050)
    const pauses = pausesUntil(client, 20_000)
    expect(Math.max(...pauses)).toBeGreaterThan(250)
    expect(Math.max(...pauses)).toBeLessThanOrEqual(500)
  })

  test('once a server has served again, the next search is young again', () => {
    const client = new Harness()
    pausesUntil(client, 10_000)
    client.welcome(addresses.indexOf(client.connected?.address ?? '') + 1)
    client.turn(client.call('query', 'q'))
    client.turn(client.receive({ kind: 'QueryReplies', items: [{ requestId: 1, index: 3, reply: Buffer.from(''), refused: undefined }] }))
    client.turn(client.disconnected())
    expect(Math.max(...pausesUntil(client, client.now + 1_000))).toBeLessThanOrEqual(50)
  })

  test('when the process of the leader is killed, another member is asked without a moment of waiting', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'), client.disconnected('connection reset'))
    expect(client.connected?.address).toBe(addresses[0])
    client.turn(client.disconnected('connection refused'))
    expect(client.connected?.address).not.toBe(addresses[0])
    expect(client.now).toBe(0)
  })

  test('a dial that is refused goes on to the next server at once, round or no round', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'), client.disconnected('connection reset'))
    const dialled = [client.connected?.address]
    client.turn(client.disconnected('connection refused'))
    dialled.push(client.connected?.address)
    expect(client.connected).toBeDefined()
    expect(new Set(dialled).size).toBe(2)
  })

  test('a server that takes the connection and says nothing is left after a second', () => {
    const client = new Harness()
    const { connected } = client
    client.wait(999)
    expect(client.connected).toBe(connected)
    client.wait(1)
    expect(client.connected).not.toBe(connected)
    expect(client.disconnects).toEqual([1])
  })
})

describe('a server that is not ours', () => {
  const goodbye = (client: Harness, code: 'CLUSTER_MISMATCH' | 'MACHINE_MISMATCH' | 'PROTOCOL_MISMATCH'): Harness =>
    client.turn(client.receive({ kind: 'Goodbye', code, message: 'not for you' }))

  test('one that refuses for good is passed over for good', () => {
    const client = new Harness()
    client.turn(client.command('a'))
    const refusing = client.connected?.address
    goodbye(client, 'MACHINE_MISMATCH')
    for (let i = 0; i < 10; i++) {
      expect(client.connected?.address).not.toBe(refusing)
      client.turn(client.disconnected('connection refused')).wait(client.connected === undefined ? 500 : 0)
    }
  })

  test('when all refuse for good, all calls fail with their reason, and later ones at once', () => {
    const client = new Harness({ servers: addresses.slice(0, 1) })
    client.turn(client.command('a'), client.call('query', 'q'), client.call('connect', ''))
    goodbye(client, 'MACHINE_MISMATCH')
    client.turn(client.command('b'))
    expect(client.outcomes[0]).toEqual({ callId: 1, result: 'MACHINE_MISMATCH', message: 's1:1 refused this client: not for you' })
    expect(client.takeOutcomes()).toEqual(['1 MACHINE_MISMATCH', '2 MACHINE_MISMATCH', '3 MACHINE_MISMATCH', '4 MACHINE_MISMATCH'])
  })

  test('a second later they are asked again, since an operator may have mended it', () => {
    const client = new Harness({ servers: addresses.slice(0, 1) })
    client.turn(client.command('a'))
    goodbye(client, 'MACHINE_MISMATCH')
    client.now += 1_000
    client.turn(client.command('b'))
    client.welcome(1)
    expect(client.takeSent()).toEqual(['OpenSession'])
    expect(client.takeOutcomes()).toEqual(['1 MACHINE_MISMATCH'])
  })

  test('the first Welcome settles the cluster: a member of another one is refused from then on', () => {
    const client = new Harness({ servers: addresses.slice(0, 1) })
    client.welcome(1, { servers: [] })
    client.turn(client.disconnected()).wait(20)
    expect(client.connected?.hello.clusterId).toBe('blue')
    client.turn(client.command('a'))
    client.welcome(1, { clusterId: 'green', servers: [] })
    expect(client.outcomes).toEqual([
      { callId: 1, result: 'CLUSTER_MISMATCH', message: 's1:1 belongs to cluster green, this client to blue' },
    ])
  })

  test('a cluster id that was asked for is said in the Hello, and insisted upon', () => {
    const client = new Harness({ servers: addresses.slice(0, 1), clusterId: 'green' })
    expect(client.connected?.hello).toEqual({ kind: 'Hello', clusterId: 'green', machine: '', version: 0, wire: '' })
    client.turn(client.call('connect', ''))
    client.welcome(1)
    expect(client.takeOutcomes()).toEqual(['1 CLUSTER_MISMATCH'])
  })

  test('a mismatch after the Welcome is damage on the way, and the server is tried again', () => {
    const client = new Harness({ servers: addresses.slice(0, 1) }).welcome(1)
    goodbye(client, 'PROTOCOL_MISMATCH').wait(500)
    expect(client.connected).toBeDefined()
  })
})

describe('signs of life', () => {
  const alive = (session: number) => ({ kind: 'KeepAliveReply', session, alive: session !== 0 }) as const

  test('a server that owes an answer is asked for a sign of life after half a second, once', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a')).takeSent()
    client.wait(499)
    expect(client.takeSent()).toEqual([])
    client.wait(1)
    expect(client.takeSent()).toEqual(['KeepAlive 7 <2'])
    client.wait(1_999)
    expect(client.takeSent()).toEqual([])
  })

  test('one that says nothing for 2 s after it was asked is left, and the command is sent to the next', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'))
    client.wait(2_499)
    expect(client.connected?.address).toBe(addresses[0])
    client.takeSent()
    client.wait(1)
    expect(client.connected?.address).not.toBe(addresses[0])
    while (client.connected?.address !== addresses[1]) client.welcome(2)
    client.welcome(2)
    expect(client.takeSent()).toEqual(['Commands 7 <2: 2=a'])
  })

  test('anything that comes is a sign of life, not only what was asked for', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'), client.command('b'))
    client.wait(2_400)
    client.reply(7, [{ seq: 2, reply: 'A' }])
    client.wait(2_400)
    expect(client.connected?.address).toBe(addresses[0])
  })

  test('a server with a long backlog is waited for as long as it gives signs of life, and gets no command twice', () => {
    const client = new Harness().toSession()
    const before = client.disconnects.length
    client.turn(client.command('a', { timeoutMs: 60_000 })).takeSent()
    for (let second = 0; second < 30; second++) {
      client.wait(1_000)
      client.turn(client.receive(alive(7)))
    }
    expect(new Set(client.takeSent())).toEqual(new Set(['KeepAlive 7 <2']))
    client.reply(7, [{ seq: 2, reply: 'A' }])
    expect(client.takeOutcomes()).toEqual(['2 A'])
    expect(client.disconnects.length).toBe(before)
  })

  test('a new client waits for its session behind that backlog, and asks for one only', () => {
    const client = new Harness().toLeader()
    const before = client.disconnects.length
    client.turn(client.command('a', { timeoutMs: 60_000 }))
    for (let second = 0; second < 20; second++) {
      client.wait(1_000)
      client.turn(client.receive(alive(0)))
    }
    client.openSession(9)
    expect(client.takeSent().filter((message) => !message.startsWith('KeepAlive'))).toEqual(['OpenSession', 'Commands 9 <1: 1=a'])
    expect(client.disconnects.length).toBe(before)
  })

  test('a sign of life without a session says nothing of the session that is opened meanwhile', () => {
    const client = new Harness().toLeader()
    client.turn(client.command('a'))
    client.wait(500)
    client.openSession(9).reply(9, [{ seq: 1, reply: 'A' }])
    expect(client.takeSent()).toEqual(['OpenSession', 'KeepAlive 0 <1', 'Commands 9 <1: 1=a'])
    client.turn(client.receive(alive(0)), client.command('b'))
    client.wait(300)
    expect(client.takeSent()).toEqual(['Commands 9 <2: 2=b'])
  })

  test('a server that answers in time is not asked for signs of life', () => {
    const client = new Harness().toSession()
    for (let seq = 2; seq < 12; seq++) {
      client.turn(client.command('a')).wait(400)
      client.reply(7, [{ seq, reply: 'A' }]).wait(400)
    }
    expect(client.takeSent().filter((message) => message.startsWith('KeepAlive'))).toEqual([])
  })

  test('an idle connection is not silent', () => {
    const client = new Harness().toSession()
    client.wait(9_999)
    expect(client.connected?.address).toBe(addresses[0])
    expect(client.takeSent()).toEqual([])
  })

  test('an idle session is kept alive, and acknowledges its last replies by that', () => {
    const client = new Harness().toSession()
    client.wait(10_000)
    expect(client.takeSent()).toEqual(['KeepAlive 7 <2'])
    client.turn(client.receive({ kind: 'KeepAliveReply', session: 7, alive: true }))
    client.wait(10_000)
    expect(client.takeSent()).toEqual(['KeepAlive 7 <2'])
  })

  test('a keep-alive leaves every 20 s at least, however long sessions live: servers close a connection that is quiet for 60 s', () => {
    const client = new Harness().toLeader({ keepAliveMs: 100_000 })
    client.wait(19_999)
    expect(client.takeSent()).toEqual([])
    client.wait(1)
    expect(client.takeSent()).toEqual(['KeepAlive 0 <1'])
  })

  test('queries alone do not keep a session alive, so a keep-alive still leaves', () => {
    const client = new Harness().toSession()
    for (let i = 0; i < 11; i++) {
      client.turn(client.call('query', 'q'))
      client.turn(
        client.receive({ kind: 'QueryReplies', items: [{ requestId: i + 1, index: 3, reply: Buffer.from(''), refused: undefined }] }),
      )
      client.wait(1_000)
    }
    expect(client.takeSent().filter((message) => message.startsWith('KeepAlive'))).toEqual(['KeepAlive 7 <2'])
  })

  test('a keep-alive without a reply gives a half-open connection away', () => {
    const client = new Harness().toSession()
    client.wait(12_000)
    expect(client.connected?.address).not.toBe(addresses[0])
  })
})

describe('queries', () => {
  test('are sent again after the connection broke', () => {
    const client = new Harness().toLeader()
    client.turn(client.call('query', 'q'), client.call('query', 'r', { stale: true }))
    client.takeSent()
    client.turn(client.disconnected()).welcome(1)
    expect(client.takeSent()).toEqual(['Queries r? q'])
  })

  test('wait for the leader unless a stale answer will do', () => {
    const client = new Harness().welcome(undefined)
    client.turn(client.call('query', 'q'), client.call('query', 'r', { stale: true }))
    expect(client.takeSent()).toEqual(['Queries r?'])
  })

  test('go on to the next leader when they are refused by one that does not lead', () => {
    const client = new Harness().toLeader()
    client.turn(client.call('query', 'q')).takeSent()
    client.turn(
      client.receive({
        kind: 'QueryReplies',
        items: [{ requestId: 1, index: 0, reply: Buffer.from(''), refused: { code: 'NOT_LEADER', message: '' } }],
      }),
      client.receive({ kind: 'LeaderChanged', leader: hintOf(2) }),
    )
    client.welcome(2)
    expect(client.takeSent()).toEqual(['Queries q'])
  })

  test('wait a little when the server has no room, and are OVERLOADED when that lasts until their deadline', () => {
    const client = new Harness().toLeader()
    client.turn(client.call('query', 'q', { timeoutMs: 50 }))
    for (let request = 1; client.outcomes.length === 0; request++) {
      const refused = { code: 'OVERLOADED', message: 'full' } as const
      client.turn(client.receive({ kind: 'QueryReplies', items: [{ requestId: request, index: 0, reply: Buffer.from(''), refused }] }))
      client.wait(Math.max(1, (client.nextTickAt ?? 0) - client.now))
    }
    expect(client.outcomes).toEqual([{ callId: 1, result: 'OVERLOADED', message: 'the query was refused until its deadline: full' }])
  })
})

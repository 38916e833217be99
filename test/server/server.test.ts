import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { Server } from '../../src/server/index.ts'
import { bytes, eventually, lines, refusal, Servers, string } from './servers.ts'

let servers: Servers | undefined
afterEach(async () => {
  await servers?.dispose()
  servers = undefined
})

describe('three nodes', () => {
  test('200 calls at once resolve only when applied, in the order of the calls', async () => {
    servers = await Servers.start(3)
    const client = await servers.connect()
    const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => client.propose(bytes(`line ${i}`))))
    expect(answers.map(({ reply }) => string(reply))).toEqual(Array.from({ length: 200 }, (_, i) => String(i + 1)))
    const leader = await servers.leader()
    expect(leader.status().lastApplied).toBeGreaterThanOrEqual(Math.max(...answers.map(({ index }) => index)))
    const { reply } = await client.query(bytes(''))
    expect(string(reply).split(',')).toEqual(Array.from({ length: 200 }, (_, i) => `line ${i}`))
  })

  test('go on when the leader is closed, and apply nothing twice', async () => {
    servers = await Servers.start(3)
    const client = await servers.connect()
    const before = Array.from({ length: 50 }, (_, i) => client.propose(bytes(`a${i}`)))
    const leader = await servers.leader()
    await Promise.race(before)
    const after = Array.from({ length: 50 }, (_, i) => client.propose(bytes(`b${i}`)))
    await servers.stop(leader.identity.nodeId)
    const answers = await Promise.all([...before, ...after])
    expect(new Set(answers.map(({ index }) => index)).size).toBe(100)
    const all = string((await client.query(bytes(''))).reply).split(',')
    expect(all).toEqual([...Array.from({ length: 50 }, (_, i) => `a${i}`), ...Array.from({ length: 50 }, (_, i) => `b${i}`)])
  })

  test('all come back with everything they acknowledged, and with the same digest', async () => {
    servers = await Servers.start(3)
    const client = await servers.connect()
    await Promise.all(Array.from({ length: 100 }, (_, i) => client.propose(bytes(`line ${i}`))))
    for (const id of [1, 2, 3]) await servers.stop(id)
    await Promise.all([1, 2, 3].map((id) => servers?.run(id)))
    const again = await servers.connect()
    expect(string((await again.query(bytes(''))).reply).split(',')).toHaveLength(100)
    const running = servers.running
    const digests = await eventually('equal digests', () => {
      const statuses = running.map((server) => server.status({ digest: true }))
      return new Set(statuses.map(({ lastApplied }) => lastApplied)).size === 1 ? statuses.map(({ digest }) => digest) : undefined
    })
    expect(new Set(digests).size).toBe(1)
  })

  test('without a quorum a call ends with a typed error at its deadline, and none hangs', async () => {
    servers = await Servers.start(3)
    const client = await servers.connect()
    await client.propose(bytes('before'))
    const leader = (await servers.leader()).identity.nodeId
    for (const id of [1, 2, 3]) if (id !== leader) await servers.stop(id)
    const called = performance.now()
    const errors = await Promise.all([
      refusal(client.propose(bytes('x'), { timeoutMs: 1_500 })),
      refusal(client.query(bytes(''), { timeoutMs: 1_500 })),
    ])
    expect(performance.now() - called).toBeLessThan(4_000)
    expect(['UNAVAILABLE', 'OUTCOME_UNKNOWN']).toContain(errors[0]?.code)
    expect(errors[1]?.code).toBe('UNAVAILABLE')
  })

  test('a call made while there is no leader waits for one', async () => {
    servers = await Servers.bootstrap(3)
    await servers.run(1)
    const client = await servers.connect()
    const call = client.propose(bytes('patient'))
    await servers.run(2)
    expect(string((await call).reply)).toBe('1')
  })

  test('tell their status: one leads, and all know which', async () => {
    servers = await Servers.start(3)
    await Promise.all(servers.running.map((server) => server.ready()))
    const leader = await servers.leader()
    const statuses = servers.running.map((server) => server.status())
    expect(statuses.filter(({ role }) => role === 'leader')).toHaveLength(1)
    expect(new Set(statuses.map((status) => status.leader))).toEqual(new Set([leader.identity.nodeId]))
  })
})

describe('one node', () => {
  test('comes back with everything it acknowledged', async () => {
    servers = await Servers.start(1)
    const client = await servers.connect()
    for (const line of ['a', 'b', 'c']) await client.propose(bytes(line))
    await servers.stop(1)
    await servers.run(1)
    const again = await servers.connect()
    expect(string((await again.query(bytes(''))).reply)).toBe('a,b,c')
  })

  test('refuses a command that its machine refuses, from a client that does not check', async () => {
    servers = await Servers.start(1)
    const client = await servers.connect()
    expect(await refusal(client.propose(bytes('forbidden')))).toEqual({ code: 'INVALID_INPUT', message: 'that line is forbidden' })
    expect(string((await client.propose(bytes('fine'))).reply)).toBe('1')
  })

  test('refuses an oversized command, and goes on', async () => {
    servers = await Servers.start(1)
    const client = await servers.connect()
    expect(await refusal(client.propose(new Uint8Array(2 * 1_024 * 1_024)))).toMatchObject({ code: 'TOO_LARGE' })
    expect(string((await client.propose(bytes('fine'))).reply)).toBe('1')
  })

  test('survives garbage, half a frame and another protocol on both of its ports', async () => {
    servers = await Servers.start(1)
    const [member] = servers.members
    const client = await servers.connect()
    for (const address of [member?.peer, member?.client]) {
      const port = Number(address?.split(':')[1])
      for (const garbage of [Buffer.alloc(70_000, 0xff), Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.from([0x52]), Buffer.alloc(0)]) {
        const socket = connect(port, '127.0.0.1')
        socket.on('error', () => {})
        await new Promise((resolve) => socket.once('connect', resolve))
        socket.write(garbage)
        socket.end()
        await new Promise((resolve) => socket.once('close', resolve).resume())
      }
    }
    expect(string((await client.propose(bytes('fine'))).reply)).toBe('1')
    expect((await servers.leader()).status().role).toBe('leader')
  })
})

describe('a server that cannot run says why', () => {
  test('on an empty directory: a wiped voter must not come back as a fresh one', async () => {
    servers = await Servers.bootstrap(1)
    expect(await refusal(Server.run({ ...servers.options(1), dir: `${servers.root}/none` }))).toMatchObject({ code: 'DATA_DIR_EMPTY' })
  })

  test('on a directory that another server holds', async () => {
    servers = await Servers.start(1)
    expect(await refusal(Server.run(servers.options(1)))).toMatchObject({ code: 'STORAGE_LOCKED' })
  })

  test('on the directory of another node', async () => {
    servers = await Servers.bootstrap(2)
    const [first, second] = servers.members
    const dir = servers.dir(2)
    expect(await refusal(Server.run({ ...servers.options(1), dir }))).toEqual({
      code: 'DATA_DIR_FOREIGN',
      message: `${dir} belongs to node 2, but ${first?.peer} is where node 1 listens. Correct dir or listen`,
    })
    const listen = { peer: second?.peer ?? '', client: second?.client ?? '' }
    expect(await refusal(Server.run({ ...servers.options(1), dir, listen, id: 1 }))).toMatchObject({ code: 'DATA_DIR_FOREIGN' })
    expect(await refusal(Server.run({ ...servers.options(1), dir, listen, clusterId: 'other' }))).toMatchObject({
      code: 'DATA_DIR_FOREIGN',
    })
    await servers.run(2)
  })

  test('with another machine than the one that wrote its log', async () => {
    servers = await Servers.start(1)
    await servers.stop(1)
    const machine = { ...lines(), wire: 'utf16' }
    expect(await refusal(Server.run({ ...servers.options(1), machine }))).toMatchObject({ code: 'MACHINE_MISMATCH' })
    await servers.run(1)
  })

  test('on a port that is taken, and leaves its directory free', async () => {
    servers = await Servers.bootstrap(2)
    await servers.run(1)
    const [first, second] = servers.members
    const listen = { peer: second?.peer ?? '', client: first?.client ?? '' }
    expect(await refusal(Server.run({ ...servers.options(2), listen }))).toEqual({
      code: 'ADDRESS_IN_USE',
      message: `cannot listen on ${first?.client}: another process listens there`,
    })
    await servers.run(2)
  })

  test('twice bootstrapped', async () => {
    servers = await Servers.bootstrap(1)
    const { members } = servers
    expect(await refusal(Server.bootstrap({ dir: servers.dir(1), id: 1, clusterId: 'test', members }))).toMatchObject({
      code: 'DATA_DIR_EXISTS',
    })
  })

  const listen = { peer: '127.0.0.1:0', client: '127.0.0.1:0' }
  const base = { dir: 'none', machine: lines(), listen, insecure: true as const }
  test.each([
    [
      { ...base, listen: { peer: 'here', client: '127.0.0.1:0' } },
      'listen.peer is "here", it must be host:port with a port from 0 to 65535',
    ],
    [
      { ...base, insecure: false },
      'insecure must be true: peers and clients talk plain TCP, which anyone on the network can read and change',
    ],
    [{ ...base, timing: { electionTimeoutMs: 10 } }, 'timing.electionTimeoutMs is 10, it must be a whole number from 50 to 60,000'],
    [
      { ...base, timing: { heartbeatMs: 500 } },
      'timing.heartbeatMs is 500, it must be a whole number from 5 to 333, which is a third of timing.electionTimeoutMs',
    ],
    [{ ...base, machine: {} }, 'machine is missing, it must be a StateMachine, such as a generated machine with its handlers'],
  ])('with a wrong option: %#', async (options, message) => {
    // @ts-expect-error: what TypeScript would refuse, and JavaScript would not
    expect(await refusal(Server.run(options))).toEqual({ code: 'BAD_OPTIONS', message })
  })

  test('with a machine whose wire format is still open, unless it is told that this is development', async () => {
    servers = await Servers.bootstrap(1)
    const machine = { ...lines(), open: true }
    expect(await refusal(Server.run({ ...servers.options(1), machine }))).toMatchObject({ code: 'SCHEMA_OPEN' })
    await servers.run(1, { machine, development: true })
  })

  const member = { id: 1, peer: '127.0.0.1:7001', client: '127.0.0.1:7101' }
  test.each([
    [{ clusterId: 'a b' }, 'clusterId is "a b", it must have 1 to 64 letters, digits, dots, underscores or dashes'],
    [{ members: [] }, 'members has 0 nodes, it must have 1 to 15'],
    [{ members: [member, { ...member, peer: 'h:1', client: 'h:2' }] }, 'members[1] repeats the id 1 of members[0]'],
    [{ members: [member, { ...member, id: 2, client: 'h:2' }] }, 'members[1] repeats the address 127.0.0.1:7001 of members[0]'],
    [{ id: 2 }, 'members does not name this node, 2'],
  ])('bootstrapped with a wrong option: %#', async (options, message) => {
    const all = { dir: '/nowhere', id: 1, clusterId: 'test', members: [member], ...options }
    expect(await refusal(Server.bootstrap(all))).toEqual({ code: 'BAD_OPTIONS', message })
  })
})

test('a node of another cluster is refused by its peers, and says so', async () => {
  servers = await Servers.start(1)
  const [first] = servers.members
  const dir = `${servers.root}/stranger`
  const members = [
    { id: 1, peer: first?.peer ?? '', client: first?.client ?? '' },
    { id: 2, peer: '127.0.0.1:9', client: '127.0.0.1:10' },
  ]
  await Server.bootstrap({ dir, id: 2, clusterId: 'other', members })
  const heard: string[] = []
  const logger = { info: () => {}, warn: (message: string) => void heard.push(message), error: () => {} }
  const listen = { peer: '127.0.0.1:0', client: '127.0.0.1:0' }
  const stranger = await Server.run({ dir, machine: lines(), listen, insecure: true, logger })
  const warning = await eventually('a warning', () => heard.find((message) => message.includes('belongs to cluster')))
  await stranger.close()
  expect(warning).toContain('other')
})

test('a node that was bootstrapped and that its cluster does not know hears of it, and where it listens in vain', async () => {
  servers = await Servers.start(1)
  await servers.leader()
  const dir = `${servers.root}/stranger`
  const self = { id: 2, peer: '127.0.0.1:9', client: '127.0.0.1:10' }
  await Server.bootstrap({ dir, id: 2, clusterId: 'test', members: [...servers.members, self] })
  const heard: string[] = []
  const logger = { info: () => {}, warn: (message: string) => void heard.push(message), error: () => {} }
  const listen = { peer: '127.0.0.1:0', client: '127.0.0.1:0' }
  const stranger = await Server.run({ dir, machine: lines(), listen, insecure: true, logger })
  expect(heard[0]).toContain(`node 2 listens on ${stranger.peerAddress}, its cluster knows 127.0.0.1:9: run \`raftgen cluster update 2=`)
  const stray = 'node 2 is no member of the cluster that node 1 leads: start it on an empty directory with `join`'
  await eventually('a warning', () => heard.find((message) => message === stray))
  await stranger.close()
})

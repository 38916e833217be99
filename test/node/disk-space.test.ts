// What a node does while little is left of its disk.
import { describe, expect, test } from 'vitest'
import { changeConf, followers } from './operations.ts'
import { commands, openSession, query, summary, type TestNode, type TestNodes, withSession } from './nodes.ts'

const mebibyte = 1_048_576
const left = (node: TestNode, mebibytes: number) => node.node.measured({ freeBytes: mebibytes * mebibyte, neededBytes: 0 })
const lastIndex = (node: TestNode) => node.node.status({ digest: false }).lastIndex
const roles = (nodes: TestNodes) => nodes.nodes.map(({ node }) => node.softState.role)
const diskEvents = (node: TestNode) =>
  node.events.filter(({ kind }) => kind === 'diskFull' || kind === 'diskHasRoom').map(({ kind }) => kind)

/** What `node` answers to command `seq` within 100 ms, without where it was applied. */
function write(nodes: TestNodes, node: TestNode, { connection, session }: Client, seq: number): readonly string[] {
  node.say(connection, commands(session, [[seq, `line-${seq}`]], seq))
  nodes.pass(100)
  return summary(node.take(connection)).map((answer) => answer.replace(/@.*/, ''))
}
interface Client {
  readonly connection: number
  readonly session: number
}

/** Three nodes, and all of their disks nearly full. */
function allFull() {
  const cluster = withSession(3)
  const { nodes, leader, ...client } = cluster
  write(nodes, leader, client, 1)
  for (const node of nodes.nodes) left(node, 40)
  nodes.pass(300)
  return { nodes, leader, client, two: followers(nodes) }
}

describe('a leader whose disk is nearly full', () => {
  test('hands over to a voter that has room; commands that arrive meanwhile take effect there, once', () => {
    const { nodes, leader, ...client } = withSession(3)
    nodes.pass(1_000)
    left(leader, 40)
    leader.say(client.connection, commands(client.session, [[1, 'a']]))
    nodes.pass(300)
    expect(nodes.leader).not.toBe(leader)
    expect(summary(leader.take(client.connection))).toEqual(['1:NOT_LEADER'])
    const again = nodes.leader.connect()
    nodes.leader.say(again, commands(client.session, [[1, 'a']]))
    nodes.pass(300)
    expect(nodes.nodes.map(({ machine }) => machine.applied)).toEqual([['a'], ['a'], ['a']])
  })

  test('refuses commands and sessions at once where nobody has room, and says how much is left', () => {
    const { nodes, leader, client } = allFull()
    const { id } = leader.node
    leader.say(client.connection, commands(client.session, [[2, 'b']]))
    leader.say(client.connection, { kind: 'OpenSession', requestId: 5 })
    nodes.settle()
    const message = `node ${id} takes no commands: 40 MiB of its disk are left, and it waits for 70.4 MiB`
    const refused = { code: 'STORAGE_FULL', message }
    expect(leader.take(client.connection)).toMatchObject([
      { kind: 'SessionOpened', requestId: 5, refused },
      { kind: 'Replies', items: [{ seq: 2, refused }] },
    ])
  })

  test('writes nothing, and answers linearizable queries, whose time stands still at what the log has promised', () => {
    const { nodes, leader, client } = allFull()
    const before = lastIndex(leader)
    const shown: number[] = []
    for (let second = 1; second <= 120; second++) {
      leader.say(client.connection, { kind: 'KeepAlive', session: client.session, ackedBelow: 2 })
      leader.say(client.connection, query(second, 'now'))
      nodes.pass(1_000)
      const [answer = ''] = summary(leader.take(client.connection))
      shown.push(Number(answer.replace(`${second}=`, '')))
    }
    expect(shown.every((now, i) => now >= (shown[i - 1] ?? 1))).toBe(true)
    expect(new Set(shown.slice(10)).size).toBe(1)
    expect(lastIndex(leader)).toBe(before)
    expect(roles(nodes).filter((role) => role === 'leader')).toHaveLength(1)
  })

  test('goes on once there is a tenth more than the reserve, without a restart, and no session has expired meanwhile', () => {
    const { nodes, leader, client } = allFull()
    for (let minute = 0; minute < 10; minute++) {
      leader.say(client.connection, { kind: 'KeepAlive', session: client.session, ackedBelow: 2 })
      nodes.pass(60_000)
    }
    leader.take(client.connection)
    for (const node of nodes.nodes) left(node, 70)
    nodes.pass(300)
    expect(write(nodes, leader, client, 2)).toEqual(['2:STORAGE_FULL'])
    for (const node of nodes.nodes) left(node, 71)
    nodes.pass(300)
    expect(write(nodes, leader, client, 3)).toEqual(['3:line-3'])
    expect(nodes.nodes.map(({ machine }) => machine.applied)).toEqual([1, 2, 3].map(() => ['line-1', 'line-3']))
  })

  test('answers what it has applied already, when it is asked for again', () => {
    const { nodes, leader, client } = allFull()
    leader.say(client.connection, commands(client.session, [[1, 'line-1']]))
    nodes.settle()
    expect(summary(leader.take(client.connection))).toEqual(['1:line-1@4'])
  })

  test('counts what its database needs as gone', () => {
    const { nodes, leader, ...client } = withSession(1)
    leader.node.measured({ freeBytes: 300 * mebibyte, neededBytes: 256 * mebibyte })
    expect(write(nodes, leader, client, 1)).toEqual(['1:STORAGE_FULL'])
    expect(leader.node.status({ digest: false }).disk).toEqual({ leftBytes: 44 * mebibyte, isFull: true, hungMs: undefined })
    leader.node.measured({ freeBytes: 300 * mebibyte, neededBytes: 10 * mebibyte })
    expect(write(nodes, leader, client, 2)).toEqual(['2:line-2'])
  })

  test('never looks where its reserve is 0', () => {
    const { nodes, leader, ...client } = withSession(1, { diskReserveBytes: 0 })
    left(leader, 0)
    expect(write(nodes, leader, client, 1)).toEqual(['1:line-1'])
  })

  test('tells of it once when it begins and once when it ends', () => {
    const { nodes, leader } = withSession(1)
    for (const mebibytes of [100, 60, 50, 66, 63, 71, 65]) {
      left(leader, mebibytes)
      nodes.pass(1_000)
    }
    expect(diskEvents(leader)).toEqual(['diskFull', 'diskHasRoom'])
  })

  test('still changes the members of its cluster', () => {
    const { nodes, leader } = allFull()
    const [out] = followers(nodes)
    const { refused, members } = changeConf(nodes, leader, [{ kind: 'demote', id: out?.node.id ?? 0 }])
    expect([refused, members?.conf.voters.length]).toEqual([undefined, 2])
  })

  test('tries to hand over again when another has room by then', () => {
    const { nodes, leader, two } = allFull()
    const [one, other] = two
    nodes.pass(20_000)
    if (one !== undefined) left(one, 100)
    nodes.pass(20_000)
    // Two of three have no room: it would be no better off.
    expect(leader.node.softState.role).toBe('leader')
    if (other !== undefined) left(other, 100)
    nodes.pass(500)
    expect(two).toContain(nodes.leader)
  })
})

describe('a cluster of which no majority has room', () => {
  test('takes no commands although its leader has room, and names the nodes that have none', () => {
    const { nodes, leader, ...client } = withSession(3)
    const full = followers(nodes)
    for (const node of full) left(node, 50)
    nodes.pass(300)
    leader.say(client.connection, commands(client.session, [[1, 'a']]))
    nodes.settle()
    const ids = full.map(({ node }) => node.id).sort()
    const message = `node ${leader.node.id} takes no commands: the disks of nodes ${ids.join(', ')} are nearly full, so that no majority could keep them`
    expect(leader.take(client.connection)).toMatchObject([{ kind: 'Replies', items: [{ refused: { code: 'STORAGE_FULL', message } }] }])
    const [one] = full
    if (one !== undefined) left(one, 100)
    nodes.pass(300)
    expect(write(nodes, leader, client, 2)).toEqual(['2:line-2'])
  })

  test('elects another leader when it loses its own, which answers queries and takes no commands', () => {
    const { nodes, leader, client } = allFull()
    for (const node of nodes.nodes) left(node, 10)
    nodes.cutOff.add(leader.node.id)
    const next = nodes.untilLeader()
    nodes.pass(500)
    const connection = next.connect()
    next.say(connection, query(1))
    nodes.pass(200)
    expect(summary(next.take(connection))).toEqual(['1=line-1'])
    expect(write(nodes, next, { ...client, connection }, 2)).toEqual(['2:STORAGE_FULL'])
    nodes.cutOff.clear()
    for (const node of nodes.nodes) left(node, 100)
    nodes.pass(1_000)
    expect(write(nodes, nodes.leader, { ...client, connection: nodes.leader.connect() }, 3)).toEqual(['3:line-3'])
  })
})

describe('a follower whose disk is nearly full', () => {
  test('takes entries while half of its reserve is left, below that none of clients, and all of them once there is room', () => {
    const { nodes, leader, ...client } = withSession(3)
    const [full] = followers(nodes)
    if (full === undefined) throw new Error('a follower is needed')
    left(full, 33)
    nodes.pass(300)
    expect(write(nodes, leader, client, 1)).toEqual(['1:line-1'])
    nodes.pass(300)
    expect(full.machine.applied).toEqual(['line-1'])
    left(full, 31)
    nodes.pass(300)
    const before = lastIndex(full)
    expect(write(nodes, leader, client, 2)).toEqual(['2:line-2'])
    nodes.pass(5_000)
    expect([lastIndex(full), full.node.softState.leader]).toEqual([before, leader.node.id])
    left(full, 100)
    nodes.pass(500)
    expect(full.machine.applied).toEqual(['line-1', 'line-2'])
  })

  test('answers queries that its leader confirms', () => {
    const { nodes, two } = allFull()
    const [full] = two
    const connection = full?.connect() ?? 0
    full?.say(connection, query(1))
    nodes.pass(200)
    expect(summary(full?.take(connection) ?? [])).toEqual(['1=line-1'])
  })
})

describe('snapshots wait for room', () => {
  const eager = { snapshotEntries: 8, logTailEntries: 0 }

  test('none is begun before there is some, and then the one that was due is taken', () => {
    const { nodes, leader, ...client } = withSession(3, eager)
    const [full] = followers(nodes)
    if (full === undefined) throw new Error('a follower is needed')
    left(full, 40)
    for (let seq = 1; seq <= 30; seq++) write(nodes, leader, client, seq)
    expect(full.machine.applied).toHaveLength(30)
    expect([full.snapshots.indexes.length, leader.snapshots.indexes.length]).toEqual([0, 2])
    left(full, 100)
    nodes.pass(300)
    expect(full.snapshots.indexes).toHaveLength(1)
  })

  test('one that is being written is given up, and taken again', () => {
    const { nodes, leader, connection, session } = withSession(1, eager)
    Object.assign(leader.machine, { snapshotParts: () => Array.from({ length: 100 }, () => new Uint8Array(20_000)) })
    leader.snapshots.isHeld = true
    for (let seq = 1; seq <= 8; seq++) leader.say(connection, commands(session, [[seq, 'a']]))
    nodes.pass(100)
    left(leader, 40)
    nodes.pass(100)
    leader.snapshots.release()
    nodes.pass(300)
    expect([leader.machine.applied.length, leader.snapshots.indexes]).toEqual([8, []])
    left(leader, 100)
    nodes.pass(300)
    expect(leader.snapshots.indexes).toHaveLength(1)
  })

  test('one that is needed from others is fetched once there is room for it', () => {
    const { nodes, leader, ...client } = withSession(3, eager)
    const [full] = followers(nodes)
    if (full === undefined) throw new Error('a follower is needed')
    nodes.cutOff.add(full.node.id)
    for (let seq = 1; seq <= 40; seq++) write(nodes, leader, client, seq)
    left(full, 10)
    nodes.cutOff.clear()
    nodes.pass(5_000)
    expect(full.machine.applied).toEqual([])
    left(full, 100)
    nodes.pass(5_000)
    expect(full.machine.applied).toHaveLength(40)
  })
})

test('a session opened while there was no room for it is opened when it is asked for again', () => {
  const { nodes, leader } = allFull()
  expect(() => openSession(nodes, leader)).not.toThrow()
  const connection = leader.connect()
  leader.say(connection, { kind: 'OpenSession', requestId: 1 })
  nodes.settle()
  expect(leader.take(connection).at(-1)).toMatchObject({ session: 0, refused: { code: 'STORAGE_FULL' } })
  for (const node of nodes.nodes) left(node, 100)
  nodes.pass(300)
  expect(openSession(nodes, leader).session).toBeGreaterThan(0)
})

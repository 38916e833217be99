// Who is let in, who is told that it is gone for good, and who is kept until that is certain.
import { afterEach, describe, expect, test } from 'vitest'
import { afterRemoval } from '../../src/errors.ts'
import { guestsMax } from '../../src/transport/guests.ts'
import { decodeServerMessage } from '../../src/wire/server-codec.ts'
import { closeAll, cluster, greeting, heartbeat, listen, member, type Peer, RawSocket, until } from './world.ts'

afterEach(closeAll)

const nowhere = '127.0.0.1:1'
const membersOf = (...peers: readonly (Peer | undefined)[]): ReturnType<typeof member>[] =>
  peers.flatMap((peer) => (peer === undefined ? [] : [member(peer.id, peer.transport.address)]))

describe('a node that was removed', () => {
  test.each([
    ['by its id', { from: 3 }, `node 3 was removed from cluster "c1": ${afterRemoval.removed}`],
    ['whoever it takes us for', { from: 3, to: 7 }, `node 3 was removed from cluster "c1": ${afterRemoval.removed}`],
    [
      'as the one it was before it lost its disk',
      { from: 2, incarnation: 1 },
      'node 2 is known as incarnation 2 now; this is 1: its directory was replaced by a later one; delete this directory',
    ],
  ])('%s is refused with a code that says so', async (_, hello, message) => {
    const two = member(2, nowhere, 2)
    const one = await listen(1, { members: [two], committed: { members: [two], removed: [3] } })
    const raw = RawSocket.dial(one.transport.address).write(greeting(hello))
    await until('closed', () => raw.isClosed)
    expect(decodeServerMessage(raw.bodies[0] ?? Buffer.alloc(0))).toEqual({ kind: 'Goodbye', code: 'NODE_REMOVED', message })
    expect(one.errors).toContain(`refused a connection from 127.0.0.1: ${message}`)
  })

  test('hears it on the connection that it has, and says so once, however often it is refused after that', async () => {
    const [one, two, three] = await cluster(3)
    two?.transport.send([heartbeat(2, 1, 1), heartbeat(2, 3, 1)])
    await until('connected', () => one?.received.length === 1 && three?.received.length === 1)
    const members = membersOf(one, three)
    for (const peer of [one, three]) peer?.setMembers(members, { members, removed: [2] })
    await until('told', () => two?.removed.length === 1)
    await until('refused again and again', () => (two?.transport.counters.refused ?? 0) > 6)
    expect(two?.removed).toEqual([`node 2 was removed from cluster "c1": ${afterRemoval.removed}`])
    expect(one?.removed).toEqual([])
    expect(two?.transport.counters.malformed).toBe(0)
  })

  test('hears it when it comes back', async () => {
    const one = await listen(1, { committed: { members: [], removed: [2] } })
    const two = await listen(2, { members: membersOf(one) })
    await until('told', () => two.removed.length > 0)
    expect(two.removed).toEqual([`node 2 was removed from cluster "c1": ${afterRemoval.removed}`])
  })

  test('in another cluster only hears that this is another cluster', async () => {
    const one = await listen(1, { committed: { members: [], removed: [2] } })
    const two = await listen(2, { members: membersOf(one), self: { clusterId: 'c2', nodeId: 2, incarnation: 1 } })
    await until('refused', () => two.errors.length > 0)
    expect(two.errors[0]).toContain('node 1 belongs to cluster "c1", not to "c2"')
    expect(two.removed).toEqual([])
  })
})

describe('a member that the newest configuration leaves out', () => {
  test('keeps its connections, both ways, until that is committed: it may be the leader that is leaving (§4.2.2)', async () => {
    const [one, two] = await cluster(2)
    const members = membersOf(one, two)
    one?.setMembers(membersOf(one), { members, removed: [] })
    one?.transport.send([heartbeat(1, 2, 1)])
    two?.transport.send([heartbeat(2, 1, 1)])
    await until('both heard', () => one?.received.length === 1 && two?.received.length === 1)
    expect(one?.transport.counters.refused).toBe(0)

    one?.setMembers(membersOf(one), { members: membersOf(one), removed: [2] })
    await until('told', () => two?.removed.length === 1)
  })

  test('stays connected as a guest while nobody knows whether it was removed', async () => {
    const [one, two] = await cluster(2)
    two?.transport.send([heartbeat(2, 1, 1)])
    await until('connected', () => one?.received.length === 1)
    one?.setMembers(membersOf(one))
    one?.transport.send([heartbeat(1, 2, 2)])
    two?.transport.send([heartbeat(2, 1, 2)])
    await until('both heard', () => one?.received.length === 2 && two?.received.length === 1)
    expect(two?.transport.counters).toMatchObject({ refused: 0, reconnects: 0 })
    expect(two?.removed).toEqual([])
  })
})

describe('a node that joins', () => {
  test('is a guest until its members have heard of it, and stays connected then', async () => {
    const [one, two] = await cluster(2)
    const four = await listen(4, { members: membersOf(one, two) })
    four.transport.send([heartbeat(4, 1, 1), heartbeat(4, 2, 1)])
    await until('heard', () => one?.received.length === 1 && two?.received.length === 1)
    for (const peer of [one, two]) peer?.setMembers(membersOf(one, two, four))
    one?.transport.send([heartbeat(1, 4, 1)])
    two?.transport.send([heartbeat(2, 4, 1)])
    four.transport.send([heartbeat(4, 1, 2), heartbeat(4, 2, 2)])
    await until('both ways with both', () => [one, two].every((peer) => peer?.received.length === 2) && four.received.length === 2)
    for (const peer of [one, two, four]) expect(peer?.transport.counters).toMatchObject({ refused: 0, reconnects: 0, dropped: 0 })
  })

  test('but finds no room as a guest is connected as soon as it is known, however long its pause still is', async () => {
    const one = await listen(1)
    const others = Array.from({ length: guestsMax }, (_, i) => RawSocket.dial(one.transport.address).write(greeting({ from: 10 + i })))
    await until('all welcomed', () => others.every(({ bodies }) => bodies.length > 0))
    const slow = { redialMinMs: 60_000, redialMaxMs: 60_000 }
    const four = await listen(4, { members: membersOf(one), timing: slow })
    await until('refused', () => four.transport.counters.refused === 1)
    one.setMembers(membersOf(one, four))
    await until('heard', () => {
      four.transport.send([heartbeat(4, 1, 1)])
      return one.received.length > 0
    })
  })
})

describe('a node with a higher incarnation than is known', () => {
  test('takes the place of the one before it, which is told only when that is committed', async () => {
    const one = await listen(1, { members: [member(2, nowhere)] })
    const raw = RawSocket.dial(one.transport.address).write(greeting())
    await until('welcomed', () => raw.bodies.length > 0)
    const now = [member(2, nowhere, 2)]
    one.setMembers(now, { members: [member(2, nowhere)], removed: [] })
    await until('cut', () => raw.isClosed)
    expect(decodeServerMessage(raw.bodies.at(-1) ?? Buffer.alloc(0))).toMatchObject({ kind: 'Goodbye', code: 'CLUSTER_MISMATCH' })

    one.setMembers(now, { members: now, removed: [] })
    const again = RawSocket.dial(one.transport.address).write(greeting())
    await until('refused', () => again.isClosed)
    expect(decodeServerMessage(again.bodies[0] ?? Buffer.alloc(0))).toMatchObject({ kind: 'Goodbye', code: 'NODE_REMOVED' })
  })
})

test.each(['nowhere', '10.0.0.7/24:4001', `${'a'.repeat(300)}:1`])(
  'a member whose address is none, %j, is not dialled, and costs nobody else',
  async (bad) => {
    const one = await listen(1, { members: [member(3, bad)] })
    const two = await listen(2, { members: membersOf(one) })
    one.setMembers([member(3, bad), ...membersOf(two)])
    one.transport.send([heartbeat(1, 2, 1), heartbeat(1, 3, 1)])
    two.transport.send([heartbeat(2, 1, 1)])
    await until('both heard', () => one.received.length === 1 && two.received.length === 1)
    expect(one.errors).toContain(
      `node 3 cannot be dialled: ${JSON.stringify(bad.slice(0, 300))} is not an address. Give it one with \`raftgen cluster update\``,
    )
  },
)

// Nodes that a node lets in although its log does not know them: it may have been away when they came (§4.1).
import { afterEach, describe, expect, test } from 'vitest'
import type { PeerMessage } from '../../src/core/types.ts'
import { guestsMax } from '../../src/transport/guests.ts'
import { frame } from '../../src/wire/frame.ts'
import { writeMessage } from '../../src/wire/peer-codec.ts'
import { decodeServerMessage } from '../../src/wire/server-codec.ts'
import { clusterId, closeAll, greeting, heartbeat, listen, member, type Peer, RawSocket, rawServer, until, welcome } from './world.ts'

afterEach(closeAll)

const nowhere = '127.0.0.1:1'
const only = (peer: Peer): ReturnType<typeof member>[] => [member(peer.id, peer.transport.address)]
const encoded = (message: PeerMessage): Uint8Array => frame((writer) => writeMessage(writer, message))
const answer = (from: number): PeerMessage => ({ kind: 'HeartbeatReply', from, to: 1, term: 1, round: 1 })
const refusalOf = (raw: RawSocket): unknown => decodeServerMessage(raw.bodies.at(-1) ?? Buffer.alloc(0))
/** Sends to `peer` until it is heard there. */
const untilHeard = (from: Peer, to: Peer): Promise<void> =>
  until(`node ${from.id} heard by node ${to.id}`, () => {
    from.transport.send([heartbeat(from.id, to.id, 99)])
    return to.received.some((message) => message.from === from.id)
  })

/** Node 1, which knows nobody who is still there, and node 4, which knows node 1. */
async function returned(): Promise<{ readonly one: Peer; readonly four: Peer }> {
  const one = await listen(1, { members: [member(2, nowhere)] })
  const four = await listen(4, { members: only(one) })
  await untilHeard(four, one)
  return { one, four }
}

describe('a node that is not known here', () => {
  test('is heard, and answered where it says that it listens', async () => {
    const { one, four } = await returned()
    await untilHeard(one, four)
    expect([one.transport.counters.refused, four.transport.counters.refused]).toEqual([0, 0])
  })

  test('is not heard where its answers would be counted: it is not the one that was asked', async () => {
    const one = await listen(1)
    RawSocket.dial(one.transport.address).write(Buffer.concat([greeting({ from: 4 }), encoded(answer(4)), encoded(heartbeat(4, 1, 2))]))
    await until('heard', () => one.received.length > 0)
    expect(one.received).toEqual([heartbeat(4, 1, 2)])
  })

  test('is a member as soon as the configuration says so, on the connections that it has', async () => {
    const { one, four } = await returned()
    await untilHeard(one, four)
    one.setMembers([member(4, four.transport.address)])
    four.transport.send([answer(4)])
    await until('its answer counts', () => one.received.some(({ kind }) => kind === 'HeartbeatReply'))
    expect([one.transport.counters.reconnects, four.transport.counters.reconnects]).toEqual([0, 0])
    await four.transport.close()
    await until('its end is noticed', () => one.down.length === 1)
    expect(one.down).toEqual([[4, 1]])
  })

  test('is told when it turns out that it was removed', async () => {
    const { one, four } = await returned()
    one.setMembers([], { members: [], removed: [4] })
    await until('told', () => four.removed.length === 1)
    one.transport.send([heartbeat(1, 4, 1)])
    expect(one.transport.counters.dropped).toBe(1)
  })

  test('is dialled for a while after its process has ended, and that is not reported', async () => {
    const { one, four } = await returned()
    await untilHeard(one, four)
    await four.transport.close()
    await until('its connection is lost', () => one.unreachable.includes(4))
    const dials = (): number => one.unreachable.filter((id) => id === 4).length
    await until('dialled again', () => dials() > 3)
    expect(one.down).toEqual([])
  })

  test('is not dialled any more once it is forgotten', async () => {
    const one = await listen(1, { timing: { pingMs: 5, guestGraceMs: 20 } })
    const four = await rawServer((raw) => raw.write(welcome(4)))
    const raw = RawSocket.dial(one.transport.address).write(greeting({ from: 4, peer: four.address }))
    await until('dialled back', () => (four.sockets[0]?.bodies.length ?? 0) > 0)
    raw.socket.destroy()
    await until('cut', () => four.sockets[0]?.isClosed === true)
    one.transport.send([heartbeat(1, 4, 1)])
    expect(one.transport.counters.dropped).toBe(1)
    expect(four.sockets).toHaveLength(1)
  })

  test(`finds no room beside ${guestsMax} others, until one of them has left`, async () => {
    const one = await listen(1)
    const raws = Array.from({ length: guestsMax }, (_, i) => RawSocket.dial(one.transport.address).write(greeting({ from: 10 + i })))
    await until('all welcomed', () => raws.every(({ bodies }) => bodies.length > 0))
    const late = RawSocket.dial(one.transport.address).write(greeting({ from: 9 }))
    await until('refused', () => late.isClosed)
    expect(refusalOf(late)).toEqual({
      kind: 'Goodbye',
      code: 'OVERLOADED',
      message: 'node 9 is not known as a member of cluster "c1", and 15 nodes that node 1 does not know are connected to it already',
    })
    expect(raws.some(({ isClosed }) => isClosed)).toBe(false)

    raws[3]?.socket.destroy()
    await until('welcomed', () => {
      const again = RawSocket.dial(one.transport.address).write(greeting({ from: 9 }).subarray())
      again.write(encoded(heartbeat(9, 1, 1)))
      return one.received.length > 0
    })
  })
})

describe('a node that is known as the one it was before', () => {
  const again = { clusterId, nodeId: 2, incarnation: 2 }

  test('takes its place while it is connected: it is heard and answered, its answers do not count', async () => {
    const one = await listen(1, { members: [member(2, nowhere)] })
    const former = RawSocket.dial(one.transport.address).write(greeting())
    await until('welcomed', () => former.bodies.length > 0)
    const two = await listen(2, { self: again, members: only(one) })
    two.transport.send([answer(2), heartbeat(2, 1, 7)])
    await until('heard', () => one.received.length > 0)
    expect(one.received).toEqual([heartbeat(2, 1, 7)])
    await untilHeard(one, two)
    await until('the former is cut', () => former.isClosed)

    const late = RawSocket.dial(one.transport.address).write(greeting())
    await until('refused', () => late.isClosed)
    expect(refusalOf(late)).toMatchObject({ code: 'CLUSTER_MISMATCH', message: 'node 2 is known as incarnation 2, not 1' })
  })

  test('gives it back when it has left', async () => {
    const former = await rawServer((raw) => raw.write(welcome(2)))
    const one = await listen(1, { members: [member(2, former.address)], timing: { pingMs: 5, guestGraceMs: 20 } })
    await until('connected', () => (former.sockets[0]?.bodies.length ?? 0) > 1)
    const two = await listen(2, { self: again, members: only(one) })
    await untilHeard(two, one)
    await until('cut', () => former.sockets[0]?.isClosed === true)
    await two.transport.close()
    await until('dialled again', () => (former.sockets[1]?.bodies.length ?? 0) > 1)
    expect(one.down).toEqual([])
  })

  test('is a member once the configuration knows it', async () => {
    const one = await listen(1, { members: [member(2, nowhere)] })
    const two = await listen(2, { self: again, members: only(one) })
    await untilHeard(two, one)
    one.setMembers([member(2, two.transport.address, 2)])
    two.transport.send([answer(2)])
    await until('its answer counts', () => one.received.some(({ kind }) => kind === 'HeartbeatReply'))
  })
})

describe('a member that says that it listens elsewhere', () => {
  test('is answered there when it is not where it was: it has moved while this node was away', async () => {
    const one = await listen(1, { members: [member(2, nowhere)] })
    const two = await listen(2, { members: only(one) })
    await untilHeard(two, one)
    await untilHeard(one, two)
    two.transport.send([answer(2)])
    await until('its answer counts', () => one.received.some(({ kind }) => kind === 'HeartbeatReply'))
  })

  test('is answered where it is known to be when nobody is there: it may be the one that does not know yet', async () => {
    const one = await listen(1)
    const two = await listen(2, { members: [member(2, nowhere), ...only(one)] })
    one.setMembers([member(2, two.transport.address)])
    await untilHeard(two, one)
    await untilHeard(one, two)
  })

  test('is not taken for dead because nobody is there', async () => {
    const two = await rawServer((raw) => {
      if (two.sockets.length === 2) raw.socket.resetAndDestroy()
      else raw.write(welcome(2))
    })
    const one = await listen(1, { members: [member(2, two.address)] })
    await until('connected', () => (two.sockets[0]?.bodies.length ?? 0) > 1)
    RawSocket.dial(one.transport.address).write(greeting({ peer: nowhere }))
    two.sockets[0]?.socket.destroy()
    await until('connected again', () => (two.sockets[2]?.bodies.length ?? 0) > 1)
    expect(one.down).toEqual([])
  })
})

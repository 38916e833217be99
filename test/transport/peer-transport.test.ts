import { Socket } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { PeerTiming } from '../../src/transport/timing.ts'
import { ByteWriter } from '../../src/wire/bytes.ts'
import { encodePreamble, writePong } from '../../src/wire/handshake.ts'
import { frame } from '../../src/wire/frame.ts'
import { decodeMessage, writeMessage } from '../../src/wire/peer-codec.ts'
import {
  closeAll,
  cluster,
  greeting,
  heartbeat,
  large,
  listen,
  machine,
  member,
  type Peer,
  quick,
  RawSocket,
  rawServer,
  until,
  welcome,
} from './world.ts'

afterEach(closeAll)

describe('messages', () => {
  test('reach every peer, in order, those sent before the connection stands too', async () => {
    const [one, two, three] = await cluster(3)
    for (let round = 0; round < 1_000; round++) one?.transport.send([heartbeat(1, 2, round), heartbeat(1, 3, round)])
    const wanted = Array.from({ length: 1_000 }, (_, round) => round)
    await until('all arrived', () => two?.received.length === 1_000 && three?.received.length === 1_000)
    expect(two?.rounds()).toEqual(wanted)
    expect(three?.rounds()).toEqual(wanted)
  })

  test('of one turn leave in one write to each peer, however often it sends', async () => {
    const [one, two] = await cluster(2)
    one?.transport.send([heartbeat(1, 2, 0)])
    await until('connected', () => two?.received.length === 1)
    const write = vi.spyOn(Socket.prototype, 'write')
    for (let round = 1; round <= 100; round++) one?.transport.send([heartbeat(1, 2, round)])
    expect(write).toHaveBeenCalledTimes(0)
    one?.transport.flush()
    expect(write.mock.calls.filter(([bytes]) => bytes.length > 100)).toHaveLength(1)
    write.mockRestore()
    await until('all arrived', () => two?.received.length === 101)
  })

  test('as large as a frame allows arrive unchanged', async () => {
    const [one, two] = await cluster(2)
    const data = Buffer.alloc(3_000_000, 'abc')
    const entries = [{ term: 1, index: 1, kind: 'command', data, conf: undefined } as const]
    one?.transport.send([{ kind: 'AppendEntries', from: 1, to: 2, term: 1, prev: { term: 0, index: 0 }, entries, commitIndex: 0 }])
    await until('it arrived', () => two?.received.length === 1)
    const [message] = two?.received ?? []
    expect(message?.kind === 'AppendEntries' && data.equals(message.entries[0]?.data ?? Buffer.alloc(0))).toBe(true)
  })

  test('to nobody we know are dropped and counted', async () => {
    const one = await listen(1)
    one.transport.send([heartbeat(1, 9, 1)])
    expect(one.transport.counters.dropped).toBe(1)
  })
})

describe('a peer that is not there', () => {
  test('is reported as unreachable, never from inside send', async () => {
    const one = await listen(1)
    one.setMembers([member(2, '127.0.0.1:1')])
    await until('the first dial failed', () => one.unreachable.length > 0)
    const before = one.unreachable.length
    one.transport.send([heartbeat(1, 2, 1)])
    one.transport.flush()
    expect(one.unreachable.length).toBe(before)
    await until('reported', () => one.unreachable.length > before)
    expect(one.errors).toEqual(['cannot connect to node 2 at 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1'])
  })

  test('and was let in a moment ago has yet to start: nobody is told', async () => {
    const timing = { redialMinMs: 2, redialMaxMs: 20, admittedQuietMs: 60_000 }
    const before = member(2, '127.0.0.1:1')
    const one = await listen(1, { members: [before], timing })
    await until('the one that was there before is missed', () => one.errors.length > 0)
    one.setMembers([before, member(3, '127.0.0.1:1')])
    await until('the new one was dialled in vain', () => one.unreachable.filter((peer) => peer === 3).length > 3)
    expect(one.errors).toEqual(['cannot connect to node 2 at 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1'])
    one.setMembers([member(2, '127.0.0.1:1', 2)])
    await until('it has come back with another disk', () => one.unreachable.filter((peer) => peer === 2).length > 3)
    expect(one.errors).toHaveLength(1)
  })

  test('soon after it was let in is told, once it should have started', async () => {
    const one = await listen(1, { timing: { redialMinMs: 2, redialMaxMs: 20, admittedQuietMs: 50 } })
    one.setMembers([member(2, '127.0.0.1:1')])
    await until('told', () => one.errors.length > 0)
    expect(one.unreachable.length).toBeGreaterThan(1)
  })

  test('is connected to again once it is back, and gets what is sent from then on', async () => {
    const [one, two] = await cluster(2)
    one?.transport.send([heartbeat(1, 2, 1)])
    await until('connected', () => two?.received.length === 1)
    const address = two?.transport.address ?? ''
    await two?.transport.close()
    await until('the loss was noticed', () => one?.unreachable.includes(2) === true)
    one?.transport.send([heartbeat(1, 2, 2)])

    const again = await listen(2, { address, members: [member(1, one?.transport.address ?? '')] })
    await until('reconnected', () => one?.transport.counters.reconnects === 1)
    one?.transport.send([heartbeat(1, 2, 3)])
    await until('it arrived', () => again.received.length === 1)
    expect(again.rounds()).toEqual([3])
  })

  test('is dialled at once when it dials us, however long the pause still is', async () => {
    const slow = { redialMinMs: 60_000, redialMaxMs: 60_000 }
    const spare = await rawServer((raw) => raw.socket.destroy())
    const one = await listen(1, { timing: slow })
    one.setMembers([member(2, spare.address)])
    await until('the first dial failed', () => one.unreachable.length > 0)
    await new Promise((resolve) => spare.server.close(resolve))
    const two = await listen(2, { address: spare.address, members: [member(1, one.transport.address)] })
    await until('both ways', () => {
      one.transport.send([heartbeat(1, 2, 1)])
      return two.received.length > 0
    })
  })

  test('costs its own messages only: the others get theirs', async () => {
    const one = await listen(1)
    const three = await listen(3)
    const stuck = await rawServer(() => {})
    three.setMembers([member(1, one.transport.address)])
    one.setMembers([member(2, stuck.address), member(3, three.transport.address)])
    for (let round = 0; round < 50; round++) one.transport.send([large(1, 2, 1_000_000), heartbeat(1, 3, round)])
    await until('all arrived', () => three.received.length === 50)
    expect(one.transport.counters.dropped).toBeGreaterThan(0)
  })
})

describe('a stall of this process', () => {
  test('is not taken for a dial that is stuck: what waits for the connection is sent', async () => {
    const [one, two] = [await listen(1), await listen(2)]
    one.setMembers([member(2, two.transport.address)])
    one.transport.send([heartbeat(1, 2, 1)])
    two.setMembers([member(1, one.transport.address)])
    for (const start = performance.now(); performance.now() - start < 400; );
    await until('it arrived', () => two.received.length === 1)
    expect(one.unreachable).toEqual([])
  })
})

describe('a peer that does not read', () => {
  test('gets no more than its queue holds: the rest is dropped, and it is reported', async () => {
    const one = await listen(1, { queueBytesMax: 2_000_000, timing: { pongTimeoutMs: 60_000 } })
    const stuck = await rawServer((raw) => {
      raw.socket.pause()
      raw.write(welcome(2))
    })
    one.setMembers([member(2, stuck.address)])
    await until('its queue is full', () => {
      one.transport.send([large(1, 2, 100_000)])
      return one.transport.counters.dropped > 100
    })
    expect(one.transport.queuedBytes(2)).toBeLessThan(2_000_000 + 200_000)
    await until('reported', () => one.unreachable.length > 0)
  })

  test('for too long is cut off and dialled anew', async () => {
    const one = await listen(1, { timing: quick })
    const silent = await rawServer((raw) => raw.write(welcome(2)))
    one.setMembers([member(2, silent.address)])
    await until('a third attempt', () => silent.sockets.length >= 3)
    expect(one.transport.counters.reconnects).toBeGreaterThan(0)
    expect(one.unreachable.length).toBeGreaterThanOrEqual(2)
    expect(one.errors[0]).toMatch(/^lost the connection to node 2 at 127\.0\.0\.1:\d+: it read nothing for \d+ ms$/)
  })

  test('but slowly is kept: what counts is that it reads more, not that it has read all', async () => {
    const one = await listen(1, { timing: quick })
    let pongs = 0
    const slow = await rawServer((raw) => {
      raw.write(welcome(2))
      const timer = setInterval(() => {
        pongs += 1
        raw.write(frame((writer) => writePong(writer, 100 + pongs)))
      }, 20)
      raw.socket.on('close', () => clearInterval(timer))
    })
    one.setMembers([member(2, slow.address)])
    await until('it was given several times the deadline', () => pongs > 40)
    expect(slow.sockets).toHaveLength(1)
  })
})

describe('a peer that accepts and never answers', () => {
  test('is given up after the handshake deadline, and dialled anew', async () => {
    const one = await listen(1, { timing: quick })
    const mute = await rawServer(() => {})
    one.setMembers([member(2, mute.address)])
    await until('a third attempt', () => mute.sockets.length >= 3)
    expect(one.errors).toEqual([`cannot connect to node 2 at ${mute.address}: no answer within 200 ms`])
  })
})

describe('a dial that is stuck', () => {
  test('is given up for a new one when the peer dials us, however long it might still wait', async () => {
    const spare = await rawServer((raw) => {
      if (spare.sockets.length > 1) raw.write(welcome(2))
    })
    const one = await listen(1, { members: [member(2, spare.address)], timing: { handshakeTimeoutMs: 60_000 } })
    await until('dialled, and dialled anew', () => {
      RawSocket.dial(one.transport.address).write(greeting())
      return spare.sockets.length === 2
    })
    expect(one.errors).toContain(`cannot connect to node 2 at ${spare.address}: it connected to this node, and did not answer meanwhile`)
  })
})

describe('messages that waited for a connection that never came', () => {
  test('are not given to the next one: the node decides anew what to send', async () => {
    let answers = 0
    const late = await rawServer((raw) => {
      if (++answers === 2) raw.write(welcome(2))
    })
    const one = await listen(1, { members: [member(2, late.address)], timing: { ...quick, pingMs: 60_000 } })
    one.transport.send([heartbeat(1, 2, 1)])
    await until('the first attempt failed', () => one.unreachable.length > 0)
    await until('the second one stands', () => {
      one.transport.send([heartbeat(1, 2, 2)])
      return (late.sockets[1]?.bodies.length ?? 0) > 1
    })
    expect(decodeMessage(late.sockets[1]?.bodies[1] ?? Buffer.alloc(0))).toEqual(heartbeat(1, 2, 2))
  })
})

describe('a node that introduces itself', () => {
  test.each([
    ['with another cluster', greeting({ clusterId: 'c2' }), 'node 1 belongs to cluster "c1", not to "c2"'],
    ['to somebody else', greeting({ to: 7 }), 'this is node 1, not node 7'],
    ['with our own id', greeting({ from: 1 }), 'another process calls itself node 1'],
    ['with an earlier life', greeting({ incarnation: 6 }), 'node 2 is known as incarnation 7, not 6'],
    ['with another machine', greeting({ incarnation: 7, machine: 'queue' }), 'node 1 runs machine "locks", node 2 runs "queue"'],
    [
      'with another wire format',
      greeting({ incarnation: 7, wire: 'ffff' }),
      'node 1 runs "locks" with wire format "0123456789abcdef", node 2 with "ffff"',
    ],
    ['with an address that is none', greeting({ incarnation: 7, peer: 'here' }), 'node 2 cannot be answered: "here" is not an address'],
    ['with an address without a port', greeting({ from: 9, peer: 'here:0' }), 'node 9 cannot be answered: "here:0" is not an address'],
    [
      'as a client',
      Buffer.from(encodePreamble({ role: 'client' })),
      'this port of node 1 is for the other nodes of its cluster, not for clients',
    ],
    ['with a later version', Buffer.from('RGENP\x02\x03\x00'), 'node 1 speaks versions 1 to 1 of the protocol, the other side 2 to 3'],
  ])('%s is told why it is refused', async (_, bytes, sentence) => {
    const one = await listen(1, { members: [member(2, '127.0.0.1:1', 7)] })
    const raw = RawSocket.dial(one.transport.address).write(bytes)
    await until('closed', () => raw.isClosed)
    expect(raw.bytes.subarray(0, 8).toString('latin1')).toBe('RGENP\x01\x01\x00')
    expect(raw.bodies[0]?.toString()).toContain(sentence)
    expect(one.errors).toContain(`refused a connection from 127.0.0.1: ${sentence}`)
    expect(one.transport.counters.refused).toBe(1)
  })

  test('rightly is welcomed, and heard', async () => {
    const one = await listen(1, { members: [member(2, '127.0.0.1:1')] })
    const message = frame((writer) => writeMessage(writer, heartbeat(2, 1, 5)))
    const raw = RawSocket.dial(one.transport.address).write(Buffer.concat([greeting(), message]))
    await until('heard', () => one.received.length === 1)
    expect(one.received).toEqual([heartbeat(2, 1, 5)])
    expect(raw.isClosed).toBe(false)
  })

  test('twice takes the place of its former connection', async () => {
    const one = await listen(1, { members: [member(2, '127.0.0.1:1')] })
    const first = RawSocket.dial(one.transport.address).write(greeting())
    await until('welcomed', () => first.bodies.length > 0)
    const second = RawSocket.dial(one.transport.address).write(greeting())
    await until('the first is cut', () => first.isClosed)
    await until('the second stands', () => second.bodies.length > 0)
  })
})

describe('the node that was dialled', () => {
  test.each([
    ['is another one', welcome(3), 'it is node 3'],
    ['belongs to another cluster', welcome(2, { clusterId: 'c2' }), 'it belongs to cluster "c2", not to "c1"'],
    ['has another life', welcome(2, { incarnation: 4 }), 'it is incarnation 4, known is 1'],
    ['speaks another protocol', Buffer.from('HTTP/1.1 400 Bad Request'), 'a connection opens with "HTTP", not with "RGEN"'],
  ])('%s: nothing is sent to it', async (_, answer, reason) => {
    const wrong = await rawServer((raw) => raw.write(answer))
    const one = await listen(1, { members: [member(2, wrong.address)] })
    one.transport.send([heartbeat(1, 2, 1)])
    await until('reported', () => one.errors.length > 0)
    expect(one.errors[0]).toBe(`cannot connect to node 2 at ${wrong.address}: ${reason}`)
    expect(wrong.sockets[0]?.bodies).toHaveLength(1)
  })

  test('refuses: its sentence reaches our operator', async () => {
    const two = await listen(2, { machine: { ...machine, name: 'queue' } })
    const one = await listen(1, { members: [member(2, two.transport.address)] })
    await until('reported', () => one.errors.length > 0)
    const sentence = 'node 2 runs machine "queue", node 1 runs "locks"'
    expect(one.errors).toEqual([`node 2 at ${two.transport.address} refuses this node: ${sentence}`])
  })
})

describe('a connection is cut when', () => {
  const connected = async (timing?: Partial<PeerTiming>): Promise<{ one: Peer; raw: RawSocket }> => {
    const one = await listen(1, { members: [member(2, '127.0.0.1:1')], ...(timing === undefined ? {} : { timing }) })
    const raw = RawSocket.dial(one.transport.address).write(greeting())
    await until('welcomed', () => raw.bodies.length > 0)
    return { one, raw }
  }
  const lie = frame((writer) => writeMessage(writer, heartbeat(3, 1, 1)))
  const stray = frame((writer) => writeMessage(writer, heartbeat(2, 3, 1)))
  const flipped = Buffer.from(frame((writer) => writeMessage(writer, heartbeat(2, 1, 1))))
  flipped[20] = (flipped[20] ?? 0) ^ 1

  test.each([
    ['a message is in the name of another', lie, /node 2 sent a Heartbeat in the name of node 3$/],
    ['a message is for another', stray, /node 2 sent node 1 a Heartbeat for node 3$/],
    ['a bit is flipped', flipped, /a frame of 31 bytes has checksum [0-9a-f]{8}, its header says [0-9a-f]{8}$/],
    ['a frame is too large', Buffer.from('7fffffff00000000', 'hex'), /a frame announces 2147483647 bytes, at most 4194304 are allowed$/],
    [
      'a frame has an unknown kind',
      frame((writer) => writer.raw(Buffer.alloc(19, 255))),
      /kind 255 is not one of a message between peers$/,
    ],
  ])('%s', async (_, bytes, sentence) => {
    const { one, raw } = await connected()
    raw.write(bytes)
    await until('cut', () => raw.isClosed)
    expect(one.received).toEqual([])
    expect(one.transport.counters.malformed).toBe(1)
    expect(one.errors.some((error) => error.startsWith('cut the connection from node 2: ') && sentence.test(error))).toBe(true)
  })

  test('nothing arrives on it for too long', async () => {
    const { raw } = await connected(quick)
    await until('cut', () => raw.isClosed)
  })

  test('a frame is never whole, as when its length was damaged, however much keeps coming', async () => {
    const { one, raw } = await connected({ ...quick, idleTimeoutMs: 60_000, frameTimeoutMs: 300 })
    // 16,411 bytes in place of 27: what follows is swallowed, and asks for no answer.
    const damaged = Buffer.from(frame((writer) => writeMessage(writer, heartbeat(2, 1, 1))))
    damaged[2] = (damaged[2] ?? 0) ^ 0x40
    raw.write(damaged)
    const trickle = setInterval(() => raw.write(frame((writer) => writeMessage(writer, heartbeat(2, 1, 2)))), 20)
    await until('cut', () => raw.isClosed, 5_000).finally(() => clearInterval(trickle))
    expect(one.received).toEqual([])
    expect(one.transport.counters.malformed).toBe(1)
    expect(one.errors.at(-1)).toMatch(
      /^cut the connection from node 2: a frame has begun \d+ ms ago and is not whole: \d+ bytes of it have come$/,
    )
  })

  test('but not when a large frame comes over a slow link', async () => {
    const { one, raw } = await connected({ ...quick, frameTimeoutMs: 100 })
    const bytes = Buffer.from(frame((writer) => writeMessage(writer, large(2, 1, 20_000))))
    for (let at = 0; at < bytes.length; at += 1_000) {
      raw.write(bytes.subarray(at, at + 1_000))
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await until('received', () => one.received.length === 1)
    expect(raw.isClosed).toBe(false)
  })

  test('its handshake takes too long, byte by byte or not at all', async () => {
    const one = await listen(1, { timing: quick })
    const mute = RawSocket.dial(one.transport.address)
    const slow = RawSocket.dial(one.transport.address).write('RGE')
    await until('both cut', () => mute.isClosed && slow.isClosed)
  })

  test('its bytes are of another protocol: at once, and without an answer', async () => {
    const one = await listen(1, { timing: { handshakeTimeoutMs: 60_000 } })
    for (const bytes of ['GET / HTTP/1.1\r\n\r\n', Buffer.from('16030102', 'hex'), '\n']) {
      const raw = RawSocket.dial(one.transport.address).write(bytes)
      await until('cut', () => raw.isClosed)
      expect(raw.bytes).toHaveLength(0)
    }
    expect(one.transport.counters.foreign).toBe(3)
    expect(one.errors).toEqual([])
  })
})

describe('members', () => {
  test('that are removed are cut off both ways, and refused when they come back', async () => {
    const [one, two] = await cluster(2)
    one?.transport.send([heartbeat(1, 2, 1)])
    two?.transport.send([heartbeat(2, 1, 1)])
    await until('both ways', () => one?.received.length === 1 && two?.received.length === 1)
    one?.setMembers([], { members: [], removed: [2] })
    await until('refused', () => two?.errors.some((error) => error.includes('node 2 was removed from cluster "c1"')) === true)
    one?.transport.send([heartbeat(1, 2, 2)])
    expect(one?.transport.counters.dropped).toBe(1)
  })

  test('that move are dialled at their new address, the others stay connected', async () => {
    const [one, two, three] = await cluster(3)
    const moved = await listen(2, { members: [member(1, one?.transport.address ?? '')] })
    one?.setMembers([member(2, moved.transport.address), member(3, three?.transport.address ?? '')])
    one?.transport.send([heartbeat(1, 2, 1), heartbeat(1, 3, 1)])
    await until('both heard', () => moved.received.length === 1 && three?.received.length === 1)
    expect(two?.received).toEqual([])
  })
})

describe('listening', () => {
  test('on an address in use is refused with it', async () => {
    const one = await listen(1)
    const { address } = one.transport
    await expect(listen(2, { address })).rejects.toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: `cannot listen on ${address}: another process listens there`,
    })
  })

  test.each(['localhost', ':80', '127.0.0.1:99999', 'a b:1', '::1:80', ''])('on %j is refused: it is no address', async (address) => {
    const message = `${JSON.stringify(address)} is not an address: write host:port, as in 127.0.0.1:4001 or [::1]:4001`
    await expect(listen(1, { address })).rejects.toMatchObject({ code: 'BAD_OPTIONS', message })
  })
})

test('closing cuts all connections, and can be waited for', async () => {
  const [one, two] = await cluster(2)
  one?.transport.send([heartbeat(1, 2, 1)])
  await until('connected', () => two?.received.length === 1)
  await one?.transport.close()
  await one?.transport.close()
  one?.transport.send([heartbeat(1, 2, 2)])
  await until('noticed', () => two?.unreachable.includes(1) === true)
})

test('a flood of strangers leaves peers connected and new ones welcome', async () => {
  const [one, two] = await cluster(2, { timing: { redialMinMs: 2, redialMaxMs: 20, handshakeTimeoutMs: 60_000 } })
  const strangers = Array.from({ length: 600 }, (_, i) => {
    const raw = RawSocket.dial(one?.transport.address ?? '')
    return i % 3 === 0 ? raw : raw.write(i % 3 === 1 ? 'RGENP' : Buffer.concat([greeting().subarray(0, 8), Buffer.alloc(1_000, i)]))
  })
  for (let round = 0; round < 50; round++) {
    two?.transport.send([heartbeat(2, 1, round)])
    await new Promise(setImmediate)
  }
  await until('all arrived', () => one?.received.length === 50)
  await until('strangers beyond the limit are cut', () => strangers.filter(({ isClosed }) => isClosed).length >= 600 - 256)
  const address = two?.transport.address ?? ''
  await two?.transport.close()
  const again = await listen(2, { address, members: [member(1, one?.transport.address ?? '')], machine })
  again.transport.send([heartbeat(2, 1, 50)])
  await until('the peer that came back is heard', () => one?.rounds().includes(50) === true)
})

test('what the peer codec writes is what arrives', async () => {
  const heard: Buffer[] = []
  const other = await rawServer((raw) => {
    raw.write(welcome(2))
    raw.socket.on('data', () => heard.splice(0, heard.length, ...raw.bodies))
  })
  const one = await listen(1, { members: [member(2, other.address)], timing: { pingMs: 60_000 } })
  one.transport.send([heartbeat(1, 2, 4)])
  await until('heard', () => heard.length === 2)
  expect(decodeMessage(heard[1] ?? Buffer.alloc(0))).toEqual(heartbeat(1, 2, 4))
  const writer = new ByteWriter()
  writeMessage(writer, heartbeat(1, 2, 4))
  expect(heard[1]?.equals(writer.take())).toBe(true)
})

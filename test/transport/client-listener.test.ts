import { Socket } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { decodeServerMessage } from '../../src/wire/server-codec.ts'
import { commands, dial, echo, framesOf, hello, opening, replies, serve, welcome } from './client-world.ts'
import { closeAll, greeting, RawSocket, until } from './world.ts'

afterEach(closeAll)

const goodbyeOf = (raw: RawSocket): unknown => raw.bodies.map(decodeServerMessage).find(({ kind }) => kind === 'Goodbye')

describe('a client', () => {
  test('says hello, is welcomed, and is answered in order', async () => {
    const server = await serve({}, echo)
    const client = dial(server.listener.address)
    for (let seq = 1; seq <= 500; seq++) client.link.send([commands(seq)])
    await until('all answered', () => client.seqs().length === 500)
    expect(client.messages[0]).toEqual(welcome)
    expect(client.seqs()).toEqual(Array.from({ length: 500 }, (_, i) => i + 1))
    expect(server.opened).toEqual([{ connection: 1, hello }])
    expect(server.listener.counters.connections).toBe(1)
  })

  test('gets everything of one turn in one write', async () => {
    const server = await serve()
    const client = dial(server.listener.address)
    await until('welcomed', () => client.messages.length === 1)
    const write = vi.spyOn(Socket.prototype, 'write')
    for (let seq = 1; seq <= 50; seq++) server.listener.send(1, [replies(seq)])
    expect(write).toHaveBeenCalledTimes(0)
    server.listener.flush()
    expect(write).toHaveBeenCalledTimes(1)
    await until('all there', () => client.seqs().length === 50)
    expect(write).toHaveBeenCalledTimes(1)
    write.mockRestore()
  })

  test('sends everything that it is given at once in one write', async () => {
    const server = await serve()
    const client = dial(server.listener.address)
    await until('welcomed', () => client.messages.length === 1)
    const write = vi.spyOn(Socket.prototype, 'write')
    client.link.send([commands(1), commands(2), { kind: 'KeepAlive', session: 1, ackedBelow: 1 }])
    expect(write).toHaveBeenCalledTimes(1)
    write.mockRestore()
    await until('all there', () => server.messages.length === 3)
  })

  test('that leaves is reported once, and what is still sent to it is dropped', async () => {
    const server = await serve()
    const client = dial(server.listener.address)
    await until('welcomed', () => client.messages.length === 1)
    client.link.close()
    await until('both know', () => server.closed.length === 1 && client.closed.length === 1)
    server.listener.send(1, [replies(1)])
    server.listener.goodbye(1, 'CLOSED', 'too late')
    server.listener.pause(1)
    server.listener.resume(1)
    expect(server.closed).toEqual([1])
    expect(client.closed).toEqual([undefined])
    expect(server.listener.counters.connections).toBe(0)
  })

  test('is never given the number of another', async () => {
    const server = await serve()
    for (let count = 1; count <= 3; count++) {
      const client = dial(server.listener.address)
      await until('welcomed', () => client.messages.length === 1)
      client.link.close()
      await until('gone', () => server.closed.length === count)
    }
    expect(server.closed).toEqual([1, 2, 3])
  })

  test('that is told goodbye has what was sent to it before, and why', async () => {
    const server = await serve({}, (listener, connection) => {
      listener.send(connection, [replies(1), replies(2)])
      listener.goodbye(connection, 'CLOSED', 'this server closes')
      listener.send(connection, [replies(3)])
    })
    const client = dial(server.listener.address)
    client.link.send([commands(1), commands(2)])
    await until('closed', () => client.closed.length === 1)
    expect(client.seqs()).toEqual([1, 2])
    expect(client.messages.at(-1)).toEqual({ kind: 'Goodbye', code: 'CLOSED', message: 'this server closes' })
    expect(client.closed).toEqual([undefined])
    await until('the server knows', () => server.closed.length === 1)
    expect(server.messages).toHaveLength(1)
  })

  test('hears a reason when the server closes, and the server waits for it', async () => {
    const server = await serve()
    const clients = [1, 2, 3].map(() => dial(server.listener.address))
    await until('all welcomed', () => clients.every(({ messages }) => messages.length === 1))
    await server.listener.close({ code: 'CLOSED', message: 'node 1 shuts down' })
    for (const { messages } of clients) expect(messages.at(-1)).toMatchObject({ kind: 'Goodbye', message: 'node 1 shuts down' })
    expect(server.closed.toSorted()).toEqual([1, 2, 3])
  })
})

describe('a client that is not read from', () => {
  test('waits, and loses nothing', async () => {
    const server = await serve({}, echo)
    const client = dial(server.listener.address)
    await until('welcomed', () => client.messages.length === 1)
    server.listener.pause(1)
    for (let seq = 1; seq <= 200; seq++) client.link.send([commands(seq, 100_000)])
    let before = 0
    let quietPolls = 0
    await until('its socket is full', () => {
      quietPolls = client.link.bufferedBytes === before ? quietPolls + 1 : 0
      before = client.link.bufferedBytes
      return quietPolls > 20
    })
    expect(before).toBeGreaterThan(0)
    expect(server.messages).toEqual([])
    server.listener.resume(1)
    await until('all answered', () => client.seqs().length === 200)
    expect(client.seqs()).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
  })

  test('is not taken for an idle one', async () => {
    const server = await serve({ limits: { idleTimeoutMs: 300 } })
    const paused = dial(server.listener.address)
    await until('welcomed', () => paused.messages.length === 1)
    server.listener.pause(1)
    const idle = dial(server.listener.address)
    await until('the idle one is ended', () => idle.closed.length === 1)
    expect(idle.messages.at(-1)).toEqual({
      kind: 'Goodbye',
      code: 'UNAVAILABLE',
      message: 'nothing was heard on this connection for 300 ms',
    })
    expect(server.listener.counters.cut).toBe(1)
    expect(paused.closed).toEqual([])
  })
})

describe('a client that does not read its replies', () => {
  const stuck = async (address: string): Promise<RawSocket> => {
    const raw = RawSocket.dial(address).write(opening)
    await until('welcomed', () => raw.bodies.length === 1)
    raw.socket.pause()
    return raw
  }

  test('is not read from any more, so that it cannot ask for more', async () => {
    const limits = { outputPauseBytes: 1_000_000 }
    const server = await serve({ limits }, (listener, connection) => listener.send(connection, [replies(1, 50_000)]))
    const raw = await stuck(server.listener.address)
    for (let seq = 1; seq <= 1_000; seq++) raw.write(framesOf(commands(seq, 5_000)))
    let before = -1
    let quietPolls = 0
    await until('nothing more is read', () => {
      quietPolls = server.messages.length === before ? quietPolls + 1 : 0
      before = server.messages.length
      return quietPolls > 20
    })
    expect(server.messages.length).toBeLessThan(800)
    raw.socket.resume()
    await until('all is read once it reads again', () => server.messages.length === 1_000)
  })

  test('is cut beyond the limit, and the heap does not grow beyond it', async () => {
    const server = await serve({ limits: { outputBytesMax: 8_000_000 } })
    await stuck(server.listener.address)
    const before = process.memoryUsage().arrayBuffers
    let most = 0
    for (let seq = 0; server.closed.length === 0; seq++) {
      server.listener.send(1, [replies(seq, 200_000)])
      await new Promise(setImmediate)
      most = Math.max(most, process.memoryUsage().arrayBuffers - before)
      expect(seq).toBeLessThan(1_000)
    }
    expect(most).toBeLessThan(64_000_000)
    expect(server.listener.counters.cut).toBe(1)
  })

  test('is cut however much is sent to it in one turn, and most of that is never encoded', async () => {
    const server = await serve({ limits: { outputBytesMax: 8_000_000 } })
    await stuck(server.listener.address)
    const before = process.memoryUsage().arrayBuffers
    const shared = replies(1, 1_000_000)
    server.listener.send(
      1,
      Array.from({ length: 1_000 }, () => shared),
    )
    server.listener.flush()
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64_000_000)
    await until('cut', () => server.closed.length === 1)
  })

  test('is cut when it takes too long', async () => {
    const server = await serve({ limits: { outputPauseBytes: 1_000_000, idleTimeoutMs: 300 } })
    await stuck(server.listener.address)
    for (let seq = 0; seq < 100; seq++) server.listener.send(1, [replies(seq, 200_000)])
    await until('cut', () => server.closed.length === 1)
  })

  test('is cut when all of them together hold too much, the greediest first', async () => {
    const server = await serve({ limits: { outputTotalBytesMax: 20_000_000 } })
    await stuck(server.listener.address)
    await stuck(server.listener.address)
    for (let seq = 0; seq < 80; seq++) server.listener.send(1, [replies(seq, 200_000)])
    for (let seq = 0; seq < 120; seq++) server.listener.send(2, [replies(seq, 200_000)])
    await until('the second is cut', () => server.closed.length === 1)
    expect(server.closed).toEqual([2])
    expect(server.listener.counters.connections).toBe(1)
  })
})

describe('a connection is refused', () => {
  test('beyond the limit of all, until one leaves', async () => {
    const server = await serve({ limits: { connectionsMax: 2 } })
    const first = dial(server.listener.address)
    const second = dial(server.listener.address)
    await until('both welcomed', () => first.messages.length + second.messages.length === 2)
    const third = dial(server.listener.address)
    await until('refused', () => third.closed.length === 1)
    expect(third.messages).toEqual([{ kind: 'Goodbye', code: 'OVERLOADED', message: 'this server has 2 connections, its limit' }])
    first.link.close()
    await until('there is room', () => server.closed.length === 1)
    const fourth = dial(server.listener.address)
    await until('welcomed', () => fourth.messages.length === 1)
    expect(fourth.messages).toEqual([welcome])
    expect(server.listener.counters.refused).toBe(1)
  })

  test('beyond the limit of one address', async () => {
    const server = await serve({ limits: { connectionsPerAddressMax: 1 } })
    const first = dial(server.listener.address)
    await until('welcomed', () => first.messages.length === 1)
    const second = dial(server.listener.address)
    await until('refused', () => second.closed.length === 1)
    const message = 'this server has 1 connections from 127.0.0.1, its limit for one address'
    expect(second.messages).toEqual([{ kind: 'Goodbye', code: 'OVERLOADED', message }])
    expect(server.errors).toEqual([`refused a connection from 127.0.0.1: ${message}`])
  })

  test('that is of a node, which is told so', async () => {
    const server = await serve()
    const raw = RawSocket.dial(server.listener.address).write(greeting())
    await until('closed', () => raw.isClosed)
    expect(goodbyeOf(raw)).toMatchObject({ code: 'PROTOCOL_MISMATCH', message: 'this port of this server is for clients, not for nodes' })
  })

  test('that speaks a later version only, which is told so', async () => {
    const server = await serve()
    const raw = RawSocket.dial(server.listener.address).write('RGENC\x02\x05\x00')
    await until('closed', () => raw.isClosed)
    expect(raw.bytes.subarray(0, 8).toString('latin1')).toBe('RGENC\x01\x01\x00')
    expect(goodbyeOf(raw)).toMatchObject({ message: 'this server speaks versions 1 to 1 of the protocol, the other side 2 to 5' })
  })
})

describe('a connection is ended', () => {
  const flipped = Buffer.from(framesOf(commands(1)))
  flipped[12] = (flipped[12] ?? 0) ^ 1
  test.each([
    ['that opens with another message', opening.subarray(0, 8), framesOf(commands(1)), 'a client opens with Commands, not with Hello'],
    ['that says hello twice', opening, framesOf(hello), 'a client says Hello twice'],
    [
      'whose frame is too large',
      opening,
      Buffer.from('7fffffff00000000', 'hex'),
      'a frame announces 2147483647 bytes, at most 4194304 are allowed',
    ],
    ['whose frame is damaged', opening, flipped, /^a frame of 35 bytes has checksum/],
    ['whose frame has trailing bytes', opening, Buffer.from('0000000200000000', 'hex'), /./],
    ['whose preamble makes no sense', Buffer.from('RGENC\x05\x01\x00'), Buffer.alloc(0), 'a connection opens with versions 5 to 1'],
  ])('%s, with the reason', async (_, first, second, sentence) => {
    const server = await serve()
    const raw = RawSocket.dial(server.listener.address).write(Buffer.concat([first, second, Buffer.alloc(100)]))
    await until('closed', () => raw.isClosed)
    expect(goodbyeOf(raw)).toMatchObject({ code: 'PROTOCOL_MISMATCH', message: expect.stringMatching(sentence) })
    expect(server.listener.counters.malformed).toBe(1)
    expect(server.messages).toEqual([])
    expect(server.errors[0]).toMatch(/^cut the connection from 127\.0\.0\.1: /)
  })

  test('so that the reason arrives, whatever the client is still sending', async () => {
    const server = await serve()
    const raw = RawSocket.dial(server.listener.address).write(Buffer.concat([opening, framesOf(hello)]))
    raw.write(Buffer.alloc(20_000_000))
    await until('closed', () => raw.isClosed)
    expect(goodbyeOf(raw)).toMatchObject({ message: 'a client says Hello twice' })
  })

  test('at once, and without an answer, when it is of another protocol', async () => {
    const server = await serve()
    for (const bytes of ['GET / HTTP/1.1\r\n\r\n', Buffer.from('1603010200', 'hex'), 'RGEM']) {
      const raw = RawSocket.dial(server.listener.address).write(bytes)
      await until('cut', () => raw.isClosed)
      expect(raw.bytes).toHaveLength(0)
    }
    expect(server.listener.counters.foreign).toBe(3)
    expect(server.errors).toEqual([])
  })

  test('that has not said hello in time, byte by byte or not at all', async () => {
    const server = await serve({ limits: { handshakeTimeoutMs: 200 } })
    const mute = RawSocket.dial(server.listener.address)
    const slow = RawSocket.dial(server.listener.address).write(opening.subarray(0, 20))
    const good = dial(server.listener.address)
    await until('both cut', () => mute.isClosed && slow.isClosed)
    expect(good.messages).toEqual([welcome])
    expect(good.closed).toEqual([])
  })

  test('that never completes a frame, even though its bytes keep coming', async () => {
    const server = await serve({ limits: { idleTimeoutMs: 300 } })
    const raw = RawSocket.dial(server.listener.address).write(opening)
    const drip = setInterval(() => raw.write('\x00'), 20)
    raw.write(Buffer.from('00100000', 'hex'))
    await until('ended', () => raw.isClosed)
    clearInterval(drip)
  })
})

test('a flood of garbage leaves the server serving a good client', async () => {
  const server = await serve({ limits: { handshakesMax: 100, handshakeTimeoutMs: 60_000 } }, echo)
  const client = dial(server.listener.address)
  const strangers = Array.from({ length: 1_000 }, (_, i) => {
    const raw = RawSocket.dial(server.listener.address)
    if (i % 4 === 0) return raw
    if (i % 4 === 1) return raw.write('GET / HTTP/1.1\r\n\r\n')
    if (i % 4 === 2) return raw.write(Buffer.concat([opening.subarray(0, 8), Buffer.alloc(2_000, i)]))
    return raw.write(Buffer.concat([opening, Buffer.from('00300000ffffffff', 'hex'), Buffer.alloc(50_000, i)]))
  })
  for (let seq = 1; seq <= 100; seq++) {
    client.link.send([commands(seq)])
    await until('answered', () => client.seqs().at(-1) === seq)
  }
  await until('most strangers are gone', () => strangers.filter(({ isClosed }) => isClosed).length >= 650)
  const late = dial(server.listener.address)
  late.link.send([commands(7)])
  await until('a new client is served', () => late.seqs().length === 1)
  expect(client.closed).toEqual([])
})

describe('listening', () => {
  test('on an address in use is refused with it', async () => {
    const { listener } = await serve()
    await expect(serve({ address: listener.address })).rejects.toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: `cannot listen on ${listener.address}: another process listens there`,
    })
  })
})

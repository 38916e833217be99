// A dead process is told from a broken network: by a redial that is refused, and by nothing else.
import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { NodeId } from '../../src/core/types.ts'
import { parseAddress } from '../../src/transport/address.ts'
import { isPing } from '../../src/wire/handshake.ts'
import {
  closeAll,
  closeLater,
  cluster,
  greeting,
  heartbeat,
  listen,
  member,
  type Peer,
  quick,
  RawSocket,
  rawServer,
  until,
  welcome,
} from './world.ts'

afterEach(closeAll)

/** A process of its own that welcomes everyone as node 2, and says nothing more. */
async function welcoming(): Promise<{ readonly address: string; kill(signal: NodeJS.Signals): void }> {
  const script = `
    const server = require('node:net').createServer((socket) => {
      socket.on('error', () => {}).resume().write(Buffer.from('${welcome(2).toString('hex')}', 'hex'))
    })
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port))`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  closeLater(() => child.kill('SIGKILL'))
  const port = await new Promise<string>((resolve) => child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString().trim())))
  return { address: `127.0.0.1:${port}`, kill: (signal) => void child.kill(signal) }
}
/** Whether `raw` was greeted, and is connected therefore. */
const isGreeted = (raw: RawSocket | undefined): boolean => (raw?.bodies.length ?? 0) > 0

describe('the process of a peer has ended', () => {
  test('when it was killed: its followers hear of it within 100 ms, by its incarnation', async () => {
    const tookMs: number[] = []
    for (let round = 0; round < 5; round++) {
      const two = await welcoming()
      // No pings: what is measured is not helped by them.
      const one = await listen(1, { members: [member(2, two.address)], timing: { pingMs: 60_000 } })
      await until('connected', () => isConnected(one, 2))
      const killedAt = performance.now()
      two.kill('SIGKILL')
      await until('heard', () => one.down.length > 0)
      tookMs.push(performance.now() - killedAt)
      expect(one.down).toEqual([[2, 1]])
      expect(one.unreachable).toContain(2)
    }
    expect(tookMs.sort((a, b) => a - b)[2]).toBeLessThan(100)
  })

  test('when it was closed in order', async () => {
    const [one, two, three] = await cluster(3)
    for (const peer of [one, three]) peer?.transport.send([heartbeat(peer.id, 2, 1)])
    await until('connected', () => two?.received.length === 2)
    await two?.transport.close()
    await until('heard by both', () => one?.down.length === 1 && three?.down.length === 1)
    expect(one?.down).toEqual([[2, 1]])
  })

  test('is said once for each loss, not for each redial that is refused', async () => {
    const [one, two] = await cluster(2)
    one?.transport.send([heartbeat(1, 2, 1)])
    await until('connected', () => two?.received.length === 1)
    const address = two?.transport.address ?? ''
    await two?.transport.close()
    await until('refused often', () => (one?.unreachable.length ?? 0) > 5)
    expect(one?.down).toEqual([[2, 1]])

    const again = await listen(2, { address, members: [member(1, one?.transport.address ?? '')] })
    await until('reconnected', () => one?.transport.counters.reconnects === 1)
    await again.transport.close()
    await until('heard again', () => one?.down.length === 2)
  })

  test('even when its listener took the redial before it went', async () => {
    const dying = await rawServer((raw) => {
      if (dying.sockets.length === 1) raw.write(welcome(2))
      if (dying.sockets.length !== 2) return
      dying.server.close()
      raw.socket.resetAndDestroy()
    })
    const one = await listen(1, { members: [member(2, dying.address)] })
    await until('connected', () => isGreeted(dying.sockets[0]))
    one.transport.send([heartbeat(1, 2, 1)])
    await until('ready', () => (dying.sockets[0]?.bodies.length ?? 0) > 1)
    dying.sockets[0]?.socket.destroy()
    await until('heard', () => one.down.length === 1)
    expect(dying.sockets).toHaveLength(2)
  })
})

describe('the process of a peer has not ended', () => {
  test('when its connections are cut or reset, however often, and it still listens', async () => {
    const alive = await rawServer((raw) => raw.write(welcome(2)))
    const one = await listen(1, { members: [member(2, alive.address)] })
    for (let round = 1; round <= 6; round++) {
      await until('connected', () => isConnected(one, 2) && isGreeted(alive.sockets[round - 1]))
      const socket = alive.sockets[round - 1]?.socket
      if (round % 2 === 0) socket?.resetAndDestroy()
      else socket?.destroy()
      await until('lost, and dialled anew', () => alive.sockets.length > round)
    }
    expect(one.unreachable.length).toBeGreaterThanOrEqual(6)
    expect(one.down).toEqual([])
  })

  test('when it does not answer any more, nor take connections: it may be stopped, or behind a broken network', async () => {
    const two = await welcoming()
    const one = await listen(1, { members: [member(2, two.address)], timing: quick })
    await until('connected', () => isConnected(one, 2))
    two.kill('SIGSTOP')
    // Its backlog is full then: who dials is not answered at all.
    for (let i = 0; i < 4; i++) new RawSocket(connect(parseAddress(two.address)))
    await until('given up, and dialled in vain', () => one.errors.some((error) => error.includes('no answer within')))
    await until('dialled again', () => one.unreachable.length >= 3)
    expect(one.down).toEqual([])
  })

  test('when redials are accepted and never answered', async () => {
    const mute = await rawServer((raw) => {
      if (mute.sockets.length === 1) raw.write(welcome(2))
    })
    const one = await listen(1, { members: [member(2, mute.address)], timing: quick })
    await until('connected', () => isConnected(one, 2))
    mute.sockets[0]?.socket.destroy()
    await until('dialled in vain', () => mute.sockets.length > 3)
    expect(one.down).toEqual([])
  })

  test('as far as is known, when there never was a connection to it', async () => {
    const one = await listen(1, { members: [member(2, '127.0.0.1:1')] })
    await until('refused often', () => one.unreachable.length > 5)
    expect(one.down).toEqual([])
  })
})

test('a peer whose own connection closes is asked at once, before the next ping is due', async () => {
  const other = await rawServer((raw) => raw.write(welcome(2)))
  const one = await listen(1, { members: [member(2, other.address)], timing: { pingMs: 60_000 } })
  const raw = RawSocket.dial(one.transport.address).write(greeting())
  await until('both ways', () => isConnected(one, 2) && isGreeted(raw))
  raw.socket.destroy()
  await until('asked', () => other.sockets[0]?.bodies.some(isPing) === true)
})

test('a connection that is lost is dialled at once, however long the pauses are', async () => {
  const other = await rawServer((raw) => raw.write(welcome(2)))
  const one = await listen(1, { members: [member(2, other.address)], timing: { redialMinMs: 60_000, redialMaxMs: 60_000 } })
  await until('connected', () => isConnected(one, 2))
  other.sockets[0]?.socket.destroy()
  await until('dialled anew', () => other.sockets.length === 2)
})

test('a connection that is lost over and over again is dialled after longer and longer pauses', async () => {
  const fighting = await rawServer((raw) => {
    raw.write(welcome(2))
    raw.socket.end()
  })
  await listen(1, { members: [member(2, fighting.address)], timing: { redialMinMs: 20, redialMaxMs: 1_000, pingMs: 60_000 } })
  await until('a second attempt', () => fighting.sockets.length === 2)
  const startedAt = performance.now()
  await until('a fifth', () => fighting.sockets.length === 5)
  // Twice, four and eight times the shortest pause, or half of that.
  expect(performance.now() - startedAt).toBeGreaterThan((40 + 80 + 160) / 2 - 20)
})

/** Whether what is sent to `peer` leaves. */
function isConnected({ transport }: Peer, peer: NodeId): boolean {
  const { dropped } = transport.counters
  transport.send([heartbeat(1, peer, 0)])
  transport.flush()
  return transport.queuedBytes(peer) === 0 && transport.counters.dropped === dropped
}

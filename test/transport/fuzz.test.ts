// Any bytes, on either port, at any stage: a connection may go, the listener stays, and whoever behaves is served.
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { clientMessage, peerMessage } from '../wire/arbitraries.ts'
import { frame } from '../../src/wire/frame.ts'
import { writeMessage } from '../../src/wire/peer-codec.ts'
import { commands, dial, echo, framesOf, opening, serve } from './client-world.ts'
import { closeAll, cluster, greeting, heartbeat, listen, member, RawSocket, until } from './world.ts'

afterEach(closeAll)

/** A valid stream, with bytes flipped, dropped and added. */
const damaged = (stream: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Buffer> =>
  fc.tuple(stream, fc.nat(), fc.nat({ max: 40 }), fc.uint8Array({ maxLength: 40 })).map(([bytes, at, removed, added]) => {
    const position = at % (bytes.length + 1)
    return Buffer.concat([bytes.subarray(0, position), added, bytes.subarray(Math.min(bytes.length, position + removed))])
  })

test('on the port of clients', async () => {
  const server = await serve({}, echo)
  const good = dial(server.listener.address)
  const stream = fc.array(clientMessage, { maxLength: 5 }).map((messages) => Buffer.concat([opening, framesOf(...messages)]))
  let seq = 0
  await fc.assert(
    fc.asyncProperty(damaged(stream), async (bytes) => {
      const raw = RawSocket.dial(server.listener.address).write(bytes)
      raw.socket.end()
      await until('closed', () => raw.isClosed)
      good.link.send([commands(++seq)])
      await until('the good one is answered', () => good.seqs().at(-1) === seq)
    }),
    { numRuns: 200 },
  )
  expect(good.closed).toEqual([])
  await until('nobody is left behind', () => server.listener.counters.connections === 1)
})

test('on the port of peers', async () => {
  const [one, two] = await cluster(2)
  const victim = await listen(9, { members: [member(3, '127.0.0.1:1'), member(2, two?.transport.address ?? '')] })
  two?.setMembers([member(9, victim.transport.address), member(1, one?.transport.address ?? '')])
  const message = peerMessage.map((value) => frame((writer) => writeMessage(writer, { ...value, from: 3, to: 9 })))
  const stream = fc.array(message, { maxLength: 5 }).map((frames) => Buffer.concat([greeting({ from: 3, to: 9 }), ...frames]))
  let round = 0
  await fc.assert(
    fc.asyncProperty(damaged(stream), async (bytes) => {
      const raw = RawSocket.dial(victim.transport.address).write(bytes)
      raw.socket.end()
      await until('closed', () => raw.isClosed)
      round += 1
      two?.transport.send([heartbeat(2, 9, round)])
      await until('the good one is heard', () =>
        victim.received.some((one) => one.kind === 'Heartbeat' && one.from === 2 && one.round === round),
      )
    }),
    { numRuns: 200 },
  )
})

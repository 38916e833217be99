import { connect, createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Chance } from '../../../src/sim/chance.ts'
import { parseAddress } from '../../../src/transport/address.ts'
import { frame } from '../../../src/wire/frame.ts'
import { encodePreamble } from '../../../src/wire/handshake.ts'
import { eventually } from '../../server/servers.ts'
import type { EffectKind } from './effect.ts'
import { Relay } from './relay.ts'
import { Splitter } from './splitter.ts'

const preamble = Buffer.from(encodePreamble({ role: 'client' }))
const frameOf = (length: number): Buffer => Buffer.from(frame((body) => body.bytes(Buffer.alloc(length, length))))
const out = { source: 'clients', target: 1 } as const

/** A node that keeps what it is sent, with the relay in front of it, and a client. */
class Line {
  readonly relay: Relay
  readonly #node: Server
  client: Socket | undefined
  received = Buffer.alloc(0)
  accepted: Socket | undefined

  private constructor(relay: Relay, node: Server) {
    this.relay = relay
    this.#node = node
  }

  static async open(): Promise<Line> {
    const relay = await Relay.create([1], new Chance(1))
    const node = createServer()
    const line = new Line(relay, node)
    node.on('connection', (socket) => {
      line.accepted = socket
      socket.on('error', () => undefined)
      socket.on('data', (chunk) => {
        line.received = Buffer.concat([line.received, chunk])
      })
    })
    node.listen(parseAddress(relay.listens(1).client))
    await once(node, 'listening')
    await relay.up(1)
    return line
  }

  /** Sends a preamble and what follows it. */
  send(...frames: readonly Buffer[]): Socket {
    const client = connect(parseAddress(this.relay.known(1).client))
    client.on('error', () => undefined)
    client.write(Buffer.concat([preamble, ...frames]))
    this.client = client
    return client
  }

  /** Once the node has received so many bytes. */
  async receives(length: number): Promise<Buffer> {
    return await eventually(`${length} bytes`, () => (this.received.length >= length ? this.received : undefined))
  }

  async endNode(): Promise<void> {
    const closed = once(this.#node, 'close')
    this.#node.close()
    this.accepted?.resetAndDestroy()
    await closed
  }

  async close(): Promise<void> {
    this.client?.destroy()
    this.accepted?.destroy()
    this.#node.close()
    await this.relay.close()
  }
}

/** Whether it was reset or ended. */
const closing = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()))

let line: Line
beforeEach(async () => {
  line = await Line.open()
})
afterEach(async () => await line.close())

const [one, two, three] = [frameOf(10), frameOf(20), frameOf(30)]

test('without an effect every byte passes', async () => {
  line.send(one, two, three)
  expect(await line.receives(8 + one.length + two.length + three.length)).toEqual(Buffer.concat([preamble, one, two, three]))
})

test.each<[string, EffectKind, readonly Buffer[]]>([
  ['a frame that is dropped is missing', { kind: 'drop', probability: 1 }, []],
  ['a frame that is repeated comes twice', { kind: 'repeat', probability: 1 }, [one, one, two, two]],
  ['a frame that is swapped comes after the next one', { kind: 'swap', probability: 1 }, [two, one]],
  ['a frame that is late comes none the less', { kind: 'delay', minMs: 30, maxMs: 60 }, [one, two]],
])('%s', async (_, does, expected) => {
  const disturbance = await line.relay.apply([out], does)
  line.send(one, two)
  const whole = Buffer.concat([preamble, ...expected])
  await eventually('hits', async () => ((await disturbance.hits()) > 0 ? true : undefined))
  expect(await line.receives(whole.length)).toEqual(whole)
})

test('one bit of a frame is flipped, and the preamble is left alone', async () => {
  const disturbance = await line.relay.apply([out], { kind: 'flip', probability: 1 })
  line.send(one)
  const received = await line.receives(8 + one.length)
  const differing = [...received].flatMap((byte, i) => (byte === Buffer.concat([preamble, one])[i] ? [] : [i]))
  expect([differing.length, (differing[0] ?? 0) >= 8, await disturbance.hits()]).toEqual([1, true, 1])
})

test('a frame that is torn ends in its middle, and so does the connection', async () => {
  await line.relay.apply([out], { kind: 'tear', probability: 1 })
  await closing(line.send(three))
  await eventually('the end', () => (line.accepted?.destroyed === true ? true : undefined))
  expect([line.received.length > 8, line.received.length < 8 + three.length]).toEqual([true, true])
})

test('what is held passes once it is held no more, in order', async () => {
  const [first, second] = [await line.relay.apply([out], { kind: 'hold' }), await line.relay.apply([out], { kind: 'hold' })]
  line.send(one, two)
  await eventually('held', async () => ((await first.hits()) > 0 ? true : undefined))
  await first.end()
  expect([line.accepted, line.received.length]).toEqual([undefined, 0])
  await second.end()
  expect(await line.receives(8 + one.length + two.length)).toEqual(Buffer.concat([preamble, one, two]))
})

test('the other direction of a link that is held stays open', async () => {
  line.send(one)
  await line.receives(8 + one.length)
  await line.relay.apply([out], { kind: 'hold' })
  const answered = once(line.client ?? line.send(), 'data')
  line.accepted?.write(Buffer.concat([preamble, two]))
  expect((await answered)[0]).toEqual(Buffer.concat([preamble, two]))
})

test('what is throttled takes its time', async () => {
  await line.relay.apply([out], { kind: 'throttle', bytesPerSecond: 100_000 })
  const begun = performance.now()
  const large = frameOf(20_000)
  line.send(large)
  await line.receives(8 + large.length)
  expect(performance.now() - begun).toBeGreaterThan(190)
})

test('who dials again after the end of a process is refused, as without a relay', async () => {
  const client = line.send(one)
  await line.receives(8 + one.length)
  const closed = closing(client)
  await line.endNode()
  await closed
  const again = connect(parseAddress(line.relay.known(1).client))
  const [error] = await once(again, 'error')
  expect(error).toMatchObject({ code: 'ECONNREFUSED' })
})

test('a stream is cut into frames wherever its chunks end', () => {
  const stream = Buffer.concat([preamble, one, two, three])
  const splitter = new Splitter()
  const pieces = [...stream].flatMap((_, i) => splitter.push(stream.subarray(i, i + 1)))
  expect(pieces.map(({ kind, bytes }) => [kind, bytes.length])).toEqual([
    ['preamble', 8],
    ['frame', one.length],
    ['frame', two.length],
    ['frame', three.length],
  ])
})

test('a stream without sense is passed on as it comes', () => {
  const splitter = new Splitter()
  const [opening, rest] = splitter.push(Buffer.concat([preamble, Buffer.alloc(100, 255)]))
  expect([opening?.kind, rest?.kind, rest?.bytes.length]).toEqual(['preamble', 'torrent', 100])
})

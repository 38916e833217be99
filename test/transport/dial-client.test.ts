import { createServer } from 'node:http'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { encodePreamble } from '../../src/wire/handshake.ts'
import { FrameWriter } from '../../src/wire/frame.ts'
import { writeServerMessage } from '../../src/wire/server-codec.ts'
import { commands, dial, serve, welcome } from './client-world.ts'
import { closeAll, closeLater, listen, rawServer, until } from './world.ts'

afterEach(closeAll)

const welcomeFrames = (): Buffer => {
  const frames = new FrameWriter()
  writeServerMessage(frames, welcome)
  return Buffer.concat([encodePreamble({ role: 'client', version: 1 }), frames.take()])
}

describe('a client that dials', () => {
  test('nobody hears that it cannot connect', async () => {
    const client = dial('127.0.0.1:1')
    client.link.send([commands(1)])
    await until('closed', () => client.closed.length === 1)
    expect(client.closed[0]).toMatchObject({
      code: 'UNAVAILABLE',
      outcome: 'notApplied',
      message: 'cannot connect to 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1',
    })
    client.link.send([commands(2)])
    client.link.close()
    expect(client.closed).toHaveLength(1)
  })

  test('a server that never answers gives up at its deadline', async () => {
    const mute = await rawServer(() => {})
    const client = dial(mute.address, { connectTimeoutMs: 100 })
    await until('closed', () => client.closed.length === 1)
    expect(client.closed[0]).toMatchObject({ code: 'UNAVAILABLE', message: `cannot connect to ${mute.address}: no answer within 100 ms` })
  })

  test('a web server hears that it is none of ours', async () => {
    const web = createServer((_, response) => void response.end('hello'))
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
    closeLater(() => new Promise((resolve) => web.close(resolve)))
    const bound = web.address()
    const address = `127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`
    const client = dial(address)
    await until('closed', () => client.closed.length === 1)
    expect(client.closed[0]).toMatchObject({
      code: 'PROTOCOL_MISMATCH',
      message: `what answers at ${address} is no raftgen server for clients: a connection opens with "HTTP", not with "RGEN"`,
    })
  })

  test('the port for nodes is told so', async () => {
    const node = await listen(4)
    const client = dial(node.transport.address)
    await until('closed', () => client.closed.length === 1)
    expect(client.messages).toEqual([
      { kind: 'Goodbye', code: 'PROTOCOL_MISMATCH', message: 'this port of node 4 is for the other nodes of its cluster, not for clients' },
    ])
    expect(client.closed).toEqual([undefined])
  })

  test('a server of a version that it does not know leaves', async () => {
    const later = await rawServer((raw) => raw.write(welcomeFrames().fill(9, 5, 8)))
    const client = dial(later.address)
    await until('closed', () => client.closed.length === 1)
    expect(client.closed[0]).toMatchObject({
      code: 'PROTOCOL_MISMATCH',
      message: expect.stringContaining('it speaks no version that is known here'),
    })
    expect(client.messages).toEqual([])
  })

  test('no address at all is told at once', () => {
    expect(() => dial('localhost')).toThrow('"localhost" is not an address: write host:port, as in 127.0.0.1:4001 or [::1]:4001')
  })
})

describe('a client whose server', () => {
  test('is gone hears that the connection is lost, and that nothing is known of what it sent', async () => {
    const server = await serve()
    const client = dial(server.listener.address)
    await until('welcomed', () => client.messages.length === 1)
    await server.listener.close()
    await until('closed', () => client.closed.length === 1)
    expect(client.closed[0]).toMatchObject({ code: 'UNAVAILABLE', outcome: 'unknown' })
    expect(client.closed[0]?.message).toMatch(/^lost the connection to 127\.0\.0\.1:\d+: /)
  })

  test('says anything at all closes once, with one of the two codes', async () => {
    const answers: Buffer[] = []
    const odd = await rawServer((raw) => raw.socket.end(answers.shift() ?? ''))
    const answer = fc.tuple(fc.integer({ min: 0, max: welcomeFrames().length }), fc.uint8Array({ maxLength: 100 }))
    await fc.assert(
      fc.asyncProperty(answer, async ([kept, garbage]) => {
        answers.push(Buffer.concat([welcomeFrames().subarray(0, kept), garbage]))
        const client = dial(odd.address)
        await until('closed', () => client.closed.length === 1)
        expect(['PROTOCOL_MISMATCH', 'UNAVAILABLE']).toContain(client.closed[0]?.code)
      }),
      { numRuns: 100 },
    )
  })
})

test('what was sent before closing still arrives', async () => {
  const server = await serve()
  const client = dial(server.listener.address)
  await until('welcomed', () => client.messages.length === 1)
  client.link.send([commands(1, 1_000_000), commands(2, 1_000_000)])
  client.link.close()
  await until('gone', () => server.closed.length === 1)
  expect(server.messages).toHaveLength(2)
})

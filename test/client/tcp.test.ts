// The same over real sockets: the listener is the server's own, what it says is scripted here.
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { Client, nodeStatus } from '../../src/client/index.ts'
import { ClientListener } from '../../src/transport/client-listener.ts'
import type { ClientMessage, ServerMessage } from '../../src/wire/client-messages.ts'

interface Script {
  readonly listener: ClientListener
  readonly received: ClientMessage[]
}

/** A server that leads alone and echoes commands; `say` may answer otherwise. */
async function listen(address: string, say: (message: ClientMessage) => ServerMessage | undefined): Promise<Script> {
  const received: ClientMessage[] = []
  const listener: ClientListener = await ClientListener.listen({
    address,
    handlers: {
      open: (connection, hello) => {
        if (hello.machine !== '' && hello.machine !== 'echo') {
          listener.goodbye(connection, 'MACHINE_MISMATCH', `this server runs the machine echo, not ${hello.machine}`)
          return
        }
        const leader = { id: 1, client: listener.address }
        const limits = { commandBytesMax: 1_000_000, keepAliveMs: 10_000, version: 0 }
        listener.send(connection, [{ kind: 'Welcome', clusterId: 'blue', nodeId: 1, leader, servers: [listener.address], ...limits }])
      },
      message: (connection, message) => {
        received.push(message)
        const answer = say(message)
        if (answer !== undefined) listener.send(connection, [answer])
      },
      closed: () => {},
    },
  })
  return { listener, received }
}

function echo(message: ClientMessage): ServerMessage | undefined {
  switch (message.kind) {
    case 'OpenSession':
      return { kind: 'SessionOpened', requestId: message.requestId, session: 5, refused: undefined }
    case 'Commands': {
      const items = message.items.map(({ seq, command }) => ({ seq, index: seq + 5, reply: new Uint8Array(command), refused: undefined }))
      return { kind: 'Replies', session: message.session, items }
    }
    case 'KeepAlive':
      return { kind: 'KeepAliveReply', session: message.session, alive: true }
    default:
      return undefined
  }
}

test('200 calls at once travel in one message over a real socket, and each gets its own reply', async () => {
  const { listener, received } = await listen('127.0.0.1:0', echo)
  const client = await Client.connect({ servers: [listener.address] })
  const calls = Array.from({ length: 200 }, (_, i) => client.propose(Buffer.from(`c${i}`)))
  const answers = await Promise.all(calls)
  expect(answers.map(({ reply }) => Buffer.from(reply).toString())).toEqual(Array.from({ length: 200 }, (_, i) => `c${i}`))
  expect(answers.map(({ index }) => index)).toEqual(Array.from({ length: 200 }, (_, i) => i + 6))
  expect(received.filter(({ kind }) => kind === 'Commands')).toHaveLength(1)
  await client.close()
  await listener.close()
})

test('a server that is killed in mid-flight and started again gets the same commands again, with the same numbers', async () => {
  const first = await listen('127.0.0.1:0', (message) => (message.kind === 'Commands' ? undefined : echo(message)))
  const { address } = first.listener
  const client = await Client.connect({ servers: [address] })
  const calls = ['a', 'b', 'c'].map((command) => client.propose(Buffer.from(command)))
  await expect.poll(() => first.received.some(({ kind }) => kind === 'Commands'), { timeout: 5_000 }).toBe(true)
  await first.listener.close()
  const second = await listen(address, echo)
  const answers = await Promise.all(calls)
  expect(answers.map(({ index }) => index)).toEqual([6, 7, 8])
  expect(second.received.find(({ kind }) => kind === 'Commands')).toMatchObject({ session: 5, items: [{ seq: 1 }, { seq: 2 }, { seq: 3 }] })
  await client.close()
  await second.listener.close()
})

test('a port where nobody listens: UNAVAILABLE, in words that say so', async () => {
  const { listener } = await listen('127.0.0.1:0', echo)
  const { address } = listener
  await listener.close()
  await expect(Client.connect({ servers: [address], timeoutMs: 100 })).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: `no member of the cluster answered before the deadline; tried ${address} (connection refused); no leader is known`,
  })
  await expect(nodeStatus({ address })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

test('a server of another machine: MACHINE_MISMATCH at once, with what it said', async () => {
  const { listener } = await listen('127.0.0.1:0', echo)
  const { address } = listener
  const machine = { name: 'locks', version: 1, wire: 'abcd' }
  await expect(Client.connect({ servers: [address], machine })).rejects.toMatchObject({
    code: 'MACHINE_MISMATCH',
    message: `${address} refused this client: this server runs the machine echo, not locks`,
  })
  await listener.close()
})

test('a process does not end while a call waits for a cluster that is not there, and ends once it is told so', () => {
  const program = `
    import { createJiti } from 'jiti'
    const { Client } = await createJiti(process.cwd() + '/main.js').import('./src/client/index.ts')
    const error = await Client.connect({ servers: ['127.0.0.1:1'], timeoutMs: 300 }).catch((error) => error)
    console.log(error.code)
  `
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  expect(run.stdout, run.stderr).toBe('UNAVAILABLE\n')
  expect(run.status).toBe(0)
})

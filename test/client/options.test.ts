import { describe, expect, test } from 'vitest'
import { Client, type ClientOptions, nodeStatus } from '../../src/client/index.ts'
import { FakeCluster } from './fake-cluster.ts'

const servers = ['127.0.0.1:4001']
const { dial } = new FakeCluster()

/** What a caller without types may write. */
const connectUntyped = (options: unknown): Promise<Client> => Reflect.apply(Client.connect, Client, [options])

describe('Client.connect refuses with BAD_OPTIONS', () => {
  test.each<[unknown, string]>([
    [undefined, "options are undefined, not an object: write { servers: ['host:port'] }"],
    [{ servers: 'a:1' }, 'option servers is "a:1", not a list: write servers: [\'host:port\']'],
    [{ servers: [] }, 'option servers is empty: write the address of one server at least'],
    [{ servers: Array(65).fill('a:1') }, 'option servers has 65 addresses, at most 64 are allowed'],
    [{ servers: ['a'] }, '"a" is not an address: write host:port, as in 127.0.0.1:4001 or [::1]:4001'],
    [{ servers: [4001] }, 'option servers holds 4001, not an address: write host:port, as in 127.0.0.1:4001'],
    [{ servers: ['a:0'] }, 'option servers holds "a:0", whose port is 0: write the one the server listens on'],
    [{ servers, timeoutMs: 0 }, 'option timeoutMs is 0, not a whole number from 1 to 3,600,000'],
    [{ servers, timeoutMs: 1.5 }, 'option timeoutMs is 1.5, not a whole number from 1 to 3,600,000'],
    [{ servers, timeoutMs: '5s' }, 'option timeoutMs is "5s", not a whole number from 1 to 3,600,000'],
    [{ servers, signal: {} }, 'option signal is {}, not an AbortSignal'],
    [{ servers, tls: { ca: 'x' } }, 'TLS is not supported yet: leave out the option tls'],
    [{ servers, insecure: 'yes' }, 'option insecure is "yes", not true or false'],
    [{ servers, clusterId: '' }, 'option clusterId is "", not the id of a cluster'],
    [{ servers, machine: { name: 'locks' } }, 'option machine is {"name":"locks"}, not { name, version, wire }'],
    [{ servers, dial: 1 }, 'option dial is 1, not a function'],
    [{ servers, timeout: 5 }, 'option timeout is unknown; known are servers, timeoutMs, signal, clusterId, machine, tls, insecure, dial'],
  ])('%j', async (options, message) => {
    await expect(connectUntyped(options)).rejects.toMatchObject({ name: 'RaftgenError', code: 'BAD_OPTIONS', message })
  })
})

describe('a call with bad options or bytes is refused, and nothing is sent', () => {
  const options: ClientOptions = { servers, dial }

  test.each<[unknown, string, string]>([
    [{ timeoutMs: -1 }, 'BAD_OPTIONS', 'option timeoutMs is -1, not a whole number from 1 to 3,600,000'],
    [{ signal: 'now' }, 'BAD_OPTIONS', 'option signal is "now", not an AbortSignal'],
    [{ consistency: 'eventual' }, 'BAD_OPTIONS', "option consistency is \"eventual\", not 'linearizable', 'lease' or 'stale'"],
    [{ consistency: 'atLeast' }, 'BAD_OPTIONS', "option consistency is \"atLeast\", not 'linearizable', 'lease' or 'stale'"],
    [{ from: 'follower' }, 'BAD_OPTIONS', "option from is \"follower\", not 'leader' or 'nearest'"],
    [{ atLeast: 7 }, 'BAD_OPTIONS', 'option atLeast is 7, not a token: take one from `client.token`'],
    [{ atLeast: null }, 'BAD_OPTIONS', 'option atLeast is null, not a token: take one from `client.token`'],
    [
      { atLeast: { clusterId: 'blue', index: -1 } },
      'BAD_OPTIONS',
      'option atLeast is {"clusterId":"blue","index":-1}, not a token: take one from `client.token`',
    ],
    [{ atLeast: { index: 3 } }, 'BAD_OPTIONS', 'option atLeast is {"index":3}, not a token: take one from `client.token`'],
    [
      { atLeast: { clusterId: 'blue', index: 3 }, consistency: 'linearizable' },
      'BAD_OPTIONS',
      'options consistency and atLeast exclude each other: a token says how fresh the answer must be',
    ],
    [{ atLeast: { clusterId: 'green', index: 3 } }, 'CLUSTER_MISMATCH', 'the token is of cluster green, this client belongs to blue'],
    [7, 'BAD_OPTIONS', 'the options of the call are 7, not an object'],
  ])('query %j', async (callOptions, code, message) => {
    const client = await Client.connect(options)
    await expect(Reflect.apply(client.query, client, [Buffer.from('q'), callOptions])).rejects.toMatchObject({ code, message })
    await client.close()
  })

  test('a command that is not bytes', async () => {
    const client = await Client.connect(options)
    await expect(Reflect.apply(client.propose, client, ['text'])).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: 'a command is bytes, not string',
    })
    await client.close()
  })

  test('nodeStatus of something that is no address', async () => {
    await expect(nodeStatus({ address: 'here', dial })).rejects.toMatchObject({ code: 'BAD_OPTIONS' })
  })
})

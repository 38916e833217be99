import { describe, expect, test } from 'vitest'
import { addresses, bytes, Harness, hintOf } from './harness.ts'

/** With one query at the nearest, which is dialled. */
function asking(options: { readonly stale?: boolean; readonly timeoutMs?: number } = {}): Harness {
  const client = new Harness().toLeader()
  return client.turn(client.call('query', 'q', { from: 'nearest', ...options }))
}

const retry = { code: 'RETRY', message: 'no leader answered' } as const

describe("queries from: 'nearest'", () => {
  test('have a connection of their own, made with the first of them', () => {
    const client = new Harness().toLeader()
    expect(client.near).toBeUndefined()
    client.turn(client.call('query', 'q', { from: 'nearest' }))
    expect(client.near?.address).toBe(addresses[0])
    client.welcomeNear(1)
    expect(client.takeSentNear()).toEqual(['Queries q'])
    expect(client.takeSent()).toEqual([])
  })

  test('go to the first server in the order given, whatever the seed', () => {
    const chosen = Array.from({ length: 10 }, (_, seed) => {
      const client = new Harness({ seed })
      return client.turn(client.call('query', 'q', { from: 'nearest' })).near?.address
    })
    expect(new Set(chosen)).toEqual(new Set([addresses[0]]))
  })

  test('go on to the next server at once when the first cannot be reached', () => {
    const client = asking().loseNear()
    expect(client.near?.address).toBe(addresses[1])
    expect(client.welcomeNear(1).takeSentNear()).toEqual(['Queries q'])
  })

  test('are answered by a server that does not lead, and settle', () => {
    const client = asking().welcomeNear(2).answerNear()
    expect(client.takeOutcomes()).toEqual(['1 q'])
    expect(client.near?.address).toBe(addresses[0])
  })

  test('leave commands and other queries on the connection to the leader', () => {
    const client = new Harness().toSession()
    client.turn(client.call('query', 'near', { from: 'nearest' }), client.call('query', 'far'), client.command('c'))
    client.welcomeNear(1)
    expect(client.takeSent()).toEqual(['Commands 7 <2: 2=c', 'Queries far'])
    expect(client.takeSentNear()).toEqual(['Queries near'])
  })

  test('keep their connection: the next one needs no dial', () => {
    const client = asking().welcomeNear(1).answerNear()
    const { near } = client
    client.wait(5_000)
    client.turn(client.call('query', 'r', { from: 'nearest' }))
    expect(client.near).toBe(near)
    expect(client.takeSentNear()).toEqual(['Queries r'])
  })

  test('are sent again to the first that can be reached after their connection broke', () => {
    const client = asking().loseNear().welcomeNear(1).answerNear()
    client.turn(client.call('query', 'r', { from: 'nearest' }))
    client.takeSentNear()
    client.loseNear('connection reset')
    expect(client.near?.address).toBe(addresses[0])
    client.loseNear()
    expect(client.near?.address).toBe(addresses[1])
    expect(client.welcomeNear(1).takeSentNear()).toEqual(['Queries r'])
  })

  test('that want what was committed leave a server that is cut off from the leader after 300 ms', () => {
    const client = asking().welcomeNear(undefined)
    expect(client.takeSentNear()).toEqual([])
    client.wait(299)
    expect(client.near?.address).toBe(addresses[0])
    client.wait(1)
    expect(client.near?.address).toBe(addresses[1])
    expect(client.welcomeNear(3).takeSentNear()).toEqual(['Queries q'])
  })

  test('leave a server that loses its leader while it owes the answer', () => {
    const client = asking().welcomeNear(3)
    client.takeSentNear()
    client.tell({ kind: 'LeaderChanged', leader: undefined })
    client.wait(300)
    expect(client.near?.address).toBe(addresses[1])
    expect(client.welcomeNear(3).takeSentNear()).toEqual(['Queries q'])
  })

  test('stay with a server that hears of the next leader in time', () => {
    const client = asking().welcomeNear(undefined)
    client.wait(200)
    client.tell({ kind: 'LeaderChanged', leader: hintOf(2) })
    expect(client.takeSentNear()).toEqual(['Queries q'])
    client.wait(500)
    expect(client.near?.address).toBe(addresses[0])
  })

  test('that may be stale are answered by a server that is cut off', () => {
    const client = asking({ stale: true }).welcomeNear(undefined)
    expect(client.takeSentNear()).toEqual(['Queries q?'])
    client.wait(400)
    expect(client.near?.address).toBe(addresses[0])
  })

  test('are asked again a little later when the server could not say', () => {
    const client = asking().welcomeNear(2)
    client.takeSentNear()
    client.tell({ kind: 'QueryReplies', items: [{ requestId: 1, index: 0, reply: bytes(''), refused: retry }] })
    expect(client.takeSentNear()).toEqual([])
    client.wait(20)
    expect(client.takeSentNear()).toEqual(['Queries q'])
  })

  test('leave a server that is silent though it was asked for a sign of life', () => {
    const client = asking().welcomeNear(2)
    client.takeSentNear()
    client.wait(500)
    expect(client.takeSentNear()).toEqual(['KeepAlive 0 <0'])
    client.wait(2_000)
    expect(client.near?.attempt).toBeGreaterThan(2)
    expect(client.takeOutcomes()).toEqual([])
  })

  test('end with UNAVAILABLE that names what was tried for them', () => {
    const client = asking({ timeoutMs: 30 })
    for (let i = 0; i < 20 && client.outcomes.length === 0; i++) {
      if (client.near === undefined) client.wait(10)
      else client.loseNear()
    }
    expect(client.outcomes).toEqual([
      {
        callId: 1,
        result: 'UNAVAILABLE',
        message:
          'the query was not answered before its deadline; tried s1:1 (connection refused), s2:2 (connection refused), s3:3 (connection refused)',
      },
    ])
  })

  test('end with the reason when every server refuses this client for good', () => {
    const client = new Harness({ servers: addresses.slice(0, 1) }).welcome(1, { servers: [] })
    client.turn(client.call('query', 'q', { from: 'nearest' }))
    client.tell({ kind: 'Goodbye', code: 'MACHINE_MISMATCH', message: 'not for you' })
    expect(client.outcomes).toEqual([{ callId: 1, result: 'MACHINE_MISMATCH', message: 's1:1 refused this client: not for you' }])
  })

  test('refuse a server of another cluster', () => {
    const client = asking().welcomeNear(1, { clusterId: 'green' })
    expect(client.near?.address).toBe(addresses[1])
    expect(client.near?.hello.clusterId).toBe('blue')
  })

  test('end with CLOSED when the client is closed, and so does their connection', () => {
    const client = asking().welcomeNear(1)
    client.turn({ kind: 'close' })
    expect(client.takeOutcomes()).toEqual(['1 CLOSED'])
    expect(client.near).toBeUndefined()
    expect(client.connected).toBeUndefined()
  })

  test('need no leader of the client: they are answered while it still looks for one', () => {
    const client = new Harness()
    client.turn(client.call('query', 'q', { from: 'nearest' }))
    client.welcomeNear(2).answerNear()
    expect(client.takeOutcomes()).toEqual(['1 q'])
  })

  test('an idle connection to the nearest is kept alive', () => {
    const client = asking().welcomeNear(1).answerNear()
    client.wait(10_000)
    expect(client.takeSentNear()).toEqual(['KeepAlive 0 <0'])
  })
})

describe('a token', () => {
  test('covers the highest index that any answer reflected', () => {
    const client = new Harness().toSession()
    expect(client.session.token).toEqual({ clusterId: 'blue', index: 101 })
    client.turn(client.call('query', 'q'))
    client.turn(client.receive({ kind: 'QueryReplies', items: [{ requestId: 1, index: 240, reply: bytes(''), refused: undefined }] }))
    client.turn(client.call('query', 'r'))
    client.turn(client.receive({ kind: 'QueryReplies', items: [{ requestId: 2, index: 200, reply: bytes(''), refused: undefined }] }))
    expect(client.session.token).toEqual({ clusterId: 'blue', index: 240 })
  })

  test('says to the server which index the answer must reflect', () => {
    const client = new Harness().toLeader()
    client.turn(client.call('query', 'q', { atLeast: { clusterId: 'blue', index: 33 } }))
    expect(client.takeSent()).toEqual(['Queries q>=33'])
  })

  test('is good for any server, also one that knows no leader, but that one is left when it does not answer', () => {
    const client = new Harness().toLeader()
    client.turn(client.call('query', 'q', { atLeast: { clusterId: 'blue', index: 33 }, from: 'nearest' }))
    expect(client.welcomeNear(undefined).takeSentNear()).toEqual(['Queries q>=33'])
    client.wait(300)
    expect(client.near?.address).toBe(addresses[1])
    expect(client.welcomeNear(1).takeSentNear()).toEqual(['Queries q>=33'])
  })

  test('of another cluster is refused, and nothing is sent', () => {
    const client = new Harness().toLeader()
    client.turn(client.call('query', 'q', { atLeast: { clusterId: 'green', index: 33 } }))
    expect(client.takeSent()).toEqual([])
    expect(client.outcomes).toEqual([
      { callId: 1, result: 'CLUSTER_MISMATCH', message: 'the token is of cluster green, this client belongs to blue' },
    ])
  })

  test('of another cluster is refused as soon as the cluster is known', () => {
    const client = new Harness()
    client.turn(client.call('query', 'q', { atLeast: { clusterId: 'green', index: 33 } }))
    expect(client.outcomes).toEqual([])
    client.welcome(1)
    expect(client.takeOutcomes()).toEqual(['1 CLUSTER_MISMATCH'])
  })
})

test('a lease query goes to the leader, and says what it is', () => {
  const client = new Harness().welcome(undefined)
  client.turn(client.call('query', 'q', { lease: true }))
  expect(client.takeSent()).toEqual([])
  const id = addresses.indexOf(client.connected?.address ?? '') + 1
  client.turn(client.receive({ kind: 'LeaderChanged', leader: hintOf(id) }))
  expect(client.takeSent()).toEqual(['Queries q!'])
})

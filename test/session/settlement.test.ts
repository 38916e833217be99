import { describe, expect, test } from 'vitest'
import { addresses, Harness } from './harness.ts'

describe('deadlines', () => {
  test('a command that was never sent is UNAVAILABLE, and the message says what was tried', () => {
    const client = new Harness({ servers: addresses.slice(0, 2) })
    client.turn(client.command('a', { timeoutMs: 100 }))
    client.turn(client.disconnected('connection refused')).turn(client.disconnected('connection refused'))
    client.wait(100)
    expect(client.outcomes).toEqual([
      {
        callId: 1,
        result: 'UNAVAILABLE',
        message:
          'no leader took the command before its deadline, so it was not applied; tried s1:1 (connection refused), s2:2 (connection refused); no leader is known',
      },
    ])
  })

  test('the message names the leader that was last heard of', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a', { timeoutMs: 100 }))
    client.refuse(7, 'NOT_LEADER', 2)
    client.wait(100)
    expect(client.outcomes[0]?.message).toBe(
      'no leader took the command before its deadline, so it was not applied; ' +
        'tried s1:1 (does not lead any more), s2:2 (not tried), s3:3 (named node 1 at s1:1 as leader); node 1 at s1:1 was last known to lead',
    )
    expect(client.takeOutcomes()).toEqual(['2 UNAVAILABLE'])
  })

  test('a command that was sent and not answered is OUTCOME_UNKNOWN', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a', { timeoutMs: 100 }))
    client.wait(100)
    expect(client.outcomes).toEqual([
      {
        callId: 2,
        result: 'OUTCOME_UNKNOWN',
        message: 'command 2 of session 7 was sent, and its deadline passed before an answer came: it is applied once, or not at all',
      },
    ])
  })

  test('a command whose only attempt broke with its connection is OUTCOME_UNKNOWN, however long ago that was', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'))
    client.turn(client.disconnected())
    client.wait(5_000)
    expect(client.takeOutcomes()).toEqual(['2 OUTCOME_UNKNOWN'])
  })

  test('a number that was given up counts as acknowledged', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a', { timeoutMs: 100 }), client.command('b'))
    client.wait(100).takeSent()
    client.turn(client.command('c'))
    expect(client.takeSent()).toEqual(['Commands 7 <3: 4=c'])
  })

  test('an answer that arrives in the turn of the deadline counts', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a', { timeoutMs: 100 }))
    client.now += 100
    client.reply(7, [{ seq: 2, reply: 'A' }])
    expect(client.takeOutcomes()).toEqual(['2 A'])
  })

  test('a query that is not answered is UNAVAILABLE', () => {
    const client = new Harness().toLeader()
    client.turn(client.call('query', 'q', { timeoutMs: 100 }))
    client.wait(100)
    expect(client.takeOutcomes()).toEqual(['1 UNAVAILABLE'])
  })

  test('each call ends at its own deadline', () => {
    const client = new Harness()
    client.turn(client.command('a', { timeoutMs: 300 }), client.command('b', { timeoutMs: 100 }), client.command('c', { timeoutMs: 200 }))
    expect(client.wait(100).takeOutcomes()).toEqual(['2 UNAVAILABLE'])
    expect(client.wait(100).takeOutcomes()).toEqual(['3 UNAVAILABLE'])
    expect(client.wait(100).takeOutcomes()).toEqual(['1 UNAVAILABLE'])
  })
})

describe('giving up', () => {
  test('an abort before sending is ABORTED, after it OUTCOME_UNKNOWN, after the answer nothing', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'))
    client.turn({ kind: 'abort', callId: 2 })
    const unsent = client.command('b')
    client.turn(unsent, { kind: 'abort', callId: 3 }, { kind: 'abort', callId: 3 })
    client.turn({ kind: 'abort', callId: 2 })
    expect(client.takeOutcomes()).toEqual(['2 OUTCOME_UNKNOWN', '3 ABORTED'])
    expect(client.takeSent()).toEqual(['Commands 7 <2: 2=a'])
  })

  test('an aborted query is ABORTED, sent or not', () => {
    const client = new Harness().toLeader()
    client.turn(client.call('query', 'q'))
    client.turn({ kind: 'abort', callId: 1 })
    expect(client.takeOutcomes()).toEqual(['1 ABORTED'])
  })

  test('thousands of calls that come and go without a server leave nothing behind', () => {
    const client = new Harness({ limits: { callsMax: 1_000 } })
    for (let round = 0; round < 20; round++) {
      client.turn(...Array.from({ length: 1_000 }, () => client.command('x', { timeoutMs: 10 })))
      client.wait(10)
    }
    expect(client.outcomes).toHaveLength(20_000)
    expect(client.outcomes.every(({ result }) => result === 'UNAVAILABLE')).toBe(true)
    expect(client.session.openCalls).toBe(0)
  })
})

describe('closing', () => {
  test('unsent calls are CLOSED, sent commands OUTCOME_UNKNOWN, and the session is ended', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'), client.call('query', 'q'))
    client.takeSent()
    client.turn(client.command('b'), { kind: 'close' })
    expect(client.takeSent()).toEqual(['CloseSession 7'])
    expect(client.takeOutcomes()).toEqual(['2 OUTCOME_UNKNOWN', '3 CLOSED', '4 CLOSED'])
    expect(client.connected).toBeUndefined()
    expect(client.nextTickAt).toBeUndefined()
  })

  test('calls after it are CLOSED', () => {
    const client = new Harness().turn({ kind: 'close' })
    client.turn(client.command('a'), { kind: 'close' })
    expect(client.outcomes).toEqual([{ callId: 1, result: 'CLOSED', message: 'the client is closed' }])
  })
})

describe('limits', () => {
  test('one call too many is OVERLOADED at once, and the others go on', () => {
    const client = new Harness({ limits: { callsMax: 2 } }).toLeader()
    client.turn(client.command('a'), client.command('b'), client.command('c'))
    expect(client.outcomes).toEqual([
      { callId: 3, result: 'OVERLOADED', message: '2 calls of this client are not answered yet, at most 2 may be' },
    ])
    client.openSession(7)
    client.reply(7, [{ seq: 1, reply: 'A' }])
    client.turn(client.command('d'))
    expect(client.takeOutcomes()).toEqual(['3 OVERLOADED', '1 A'])
  })

  test('one byte too many is OVERLOADED at once; bytes of settled calls do not count', () => {
    const client = new Harness({ limits: { queueBytesMax: 10 } }).toSession()
    client.turn(client.command('12345'), client.command('67890'), client.command('!'))
    expect(client.outcomes).toEqual([
      {
        callId: 4,
        result: 'OVERLOADED',
        message: 'the unanswered calls of this client would hold 11 bytes with this one, at most 10 are allowed',
      },
    ])
    client.reply(7, [{ seq: 2, reply: 'A' }])
    client.turn(client.command('!'))
    client.reply(7, [{ seq: 4, reply: '!' }])
    expect(client.takeOutcomes()).toEqual(['4 OVERLOADED', '2 A', '5 !'])
  })
})

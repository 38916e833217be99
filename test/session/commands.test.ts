import { describe, expect, test } from 'vitest'
import { sessionWindow } from '../../src/session/limits.ts'
import { sessionWindow as serverWindow } from '../../src/machine/sessions.ts'
import { addresses, Harness, hintOf } from './harness.ts'

const from = (first: number, count: number): readonly number[] => Array.from({ length: count }, (_, i) => first + i)

/** Numbers of the commands that were sent since the last look. */
function sentSeqs(client: Harness): readonly number[] {
  const sent = client.sent.flatMap((message) => (message.kind === 'Commands' ? message.items.map(({ seq }) => seq) : []))
  client.sent = []
  return sent
}

describe('commands', () => {
  test('a session is opened with the first command, not before', () => {
    const client = new Harness().toLeader()
    expect(client.takeSent()).toEqual([])
    client.turn(client.command('a'))
    expect(client.takeSent()).toEqual(['OpenSession'])
  })

  test('a client that only queries has no session', () => {
    const client = new Harness().toLeader()
    client.turn(client.call('query', 'q'))
    expect(client.takeSent()).toEqual(['Queries q'])
  })

  test('200 commands called in one turn leave in one message, numbered in the order of the calls', () => {
    const client = new Harness().toSession()
    client.turn(...Array.from({ length: 200 }, (_, i) => client.command(`c${i}`)))
    const numbered = Array.from({ length: 200 }, (_, i) => `${i + 2}=c${i}`).join(' ')
    expect(client.takeSent()).toEqual([`Commands 7 <2: ${numbered}`])
  })

  test('an answer carries the index at which the command was applied', () => {
    const client = new Harness().toSession()
    client.session.step(client.command('a'))
    client.turn()
    client.session.step(
      client.receive({ kind: 'Replies', session: 7, items: [{ seq: 2, index: 55, reply: Buffer.from('r'), refused: undefined }] }),
    )
    expect(client.session.ready().settled).toEqual([{ callId: 2, error: undefined, answer: { index: 55, reply: Buffer.from('r') } }])
  })

  test('what follows acknowledges every reply up to the first that is missing', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'), client.command('b'), client.command('c'))
    client.reply(7, [
      { seq: 3, reply: 'B' },
      { seq: 2, reply: 'A' },
    ])
    client.takeSent()
    client.turn(client.command('d'))
    expect(client.takeSent()).toEqual(['Commands 7 <4: 5=d'])
    expect(client.takeOutcomes()).toEqual(['3 B', '2 A'])
  })

  test('after the leader is lost in mid-flight, everything unanswered is sent again in order, with the same numbers, before what is new', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'), client.command('b'))
    client.turn(client.command('c'))
    client.reply(7, [{ seq: 2, reply: 'A' }])
    client.turn(client.disconnected(), client.command('d'))
    client.takeSent()
    client.welcome(1)
    expect(client.takeSent()).toEqual(['Commands 7 <3: 3=b 4=c 5=d'])
    client.reply(7, [
      { seq: 3, reply: 'B' },
      { seq: 4, reply: 'C' },
      { seq: 5, reply: 'D' },
    ])
    expect(client.takeOutcomes()).toEqual(['2 A', '3 B', '4 C', '5 D'])
  })

  test('a command that was refused by a server that does not lead goes to the next leader', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'))
    client.refuse(7, 'NOT_LEADER', 2)
    client.turn(client.receive({ kind: 'LeaderChanged', leader: hintOf(2) }))
    client.takeSent()
    expect(client.connected?.address).toBe(addresses[1])
    client.welcome(2)
    expect(client.takeSent()).toEqual(['Commands 7 <2: 2=a'])
  })

  test('a server that has said that it does not lead gets no new commands until it says that it leads again', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'))
    client.refuse(7, 'NOT_LEADER', 2)
    client.takeSent()
    client.turn(client.command('b'))
    expect(client.takeSent()).toEqual([])
    client.turn(client.receive({ kind: 'LeaderChanged', leader: hintOf(1) }))
    expect(client.takeSent()).toEqual(['Commands 7 <2: 2=a 3=b'])
  })

  test('a second reply to a command that was sent twice changes nothing', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'))
    client.reply(7, [{ seq: 2, reply: 'A' }])
    client.reply(7, [{ seq: 2, reply: 'A' }])
    expect(client.takeOutcomes()).toEqual(['2 A'])
  })

  test('a reply that an old connection still brings is ignored', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'))
    const late = client.receive({
      kind: 'Replies',
      session: 7,
      items: [{ seq: 2, index: 0, reply: Buffer.from(''), refused: { code: 'NOT_LEADER', message: '' } }],
    })
    client.turn(client.disconnected())
    client.welcome(1)
    client.turn(late)
    client.reply(7, [{ seq: 2, reply: 'A' }])
    expect(client.takeOutcomes()).toEqual(['2 A'])
  })

  test('a command that is larger than the server allows is refused without being sent', () => {
    const client = new Harness().toSession()
    client.turn(client.command('x'.repeat(1_001)), client.command('b'))
    expect(client.takeSent()).toEqual(['Commands 7 <2: 2=b'])
    expect(client.outcomes).toEqual([{ callId: 2, result: 'TOO_LARGE', message: 'the command has 1001 bytes, at most 1000 are allowed' }])
  })

  test.each(['INVALID_INPUT', 'HANDLER_FAILED', 'REPLY_DROPPED', 'NOT_APPLIED'] as const)('%s is passed on with its message', (code) => {
    const client = new Harness().toSession()
    client.turn(client.command('a'))
    client.refuse(7, code, 2)
    expect(client.outcomes).toEqual([{ callId: 2, result: code, message: `because ${code}` }])
  })

  test('a command that may be in the log is never called refused by what only one server thinks of it', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'))
    client.turn(client.disconnected())
    client.welcome(1)
    client.refuse(7, 'INVALID_INPUT', 2)
    expect(client.outcomes).toEqual([
      {
        callId: 2,
        result: 'OUTCOME_UNKNOWN',
        message:
          'command 2 of session 7 was sent, and sending it again ended with INVALID_INPUT: because INVALID_INPUT: it is applied once, or not at all',
      },
    ])
  })
})

describe('the window', () => {
  test('client and server agree on its size', () => {
    expect(sessionWindow).toBe(serverWindow)
  })

  test('no command is sent that is a whole window ahead of the oldest unanswered one', () => {
    const client = new Harness().toSession()
    client.turn(...Array.from({ length: sessionWindow + 10 }, () => client.command('')))
    const [first] = client.sent
    if (first?.kind !== 'Commands') throw new Error('no commands were sent')
    expect(first.items.at(-1)?.seq).toBe(first.ackedBelow + sessionWindow - 1)
    client.takeSent()
    client.reply(7, [{ seq: 3, reply: '' }])
    expect(client.takeSent()).toEqual([])
    client.reply(7, [{ seq: 2, reply: '' }])
    expect(client.takeSent()).toEqual([`Commands 7 <4: ${sessionWindow + 2}= ${sessionWindow + 3}=`])
  })
})

const servedFrom = (first: number, count: number) => from(first, count).map((seq) => ({ seq, reply: '' }))

/** As many commands as a client has in flight at most, and two thousand more. */
function fullClient(options: { readonly timeoutMs: number }): Harness {
  const client = new Harness().toSession()
  return client.turn(...from(0, sessionWindow + 2_000).map(() => client.command('', options)))
}

describe('patience', () => {
  test('a server without room gets everything again from the refused command on, in order, after a pause', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'), client.command('b'), client.command('c'))
    client.takeSent()
    client.refuse(7, 'OVERLOADED', 3, 4)
    client.turn(client.command('d'))
    expect(client.takeSent()).toEqual([])
    client.wait(10)
    expect(client.takeSent()).toEqual(['Commands 7 <2: 3=b 4=c 5=d'])
  })

  test('refusals may come in any order: everything is sent again from the lowest refused command on', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'), client.command('b'), client.command('c'))
    client.takeSent()
    client.refuse(7, 'OVERLOADED', 4)
    client.refuse(7, 'OVERLOADED', 2, 3)
    client.wait(10)
    expect(client.takeSent()).toEqual(['Commands 7 <2: 2=a 3=b 4=c'])
  })

  test('the pause grows while the same command is refused, and is short again once it is served', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'))
    const pauses: number[] = []
    for (let i = 0; i < 20; i++) {
      client.refuse(7, 'OVERLOADED', 2)
      pauses.push((client.nextTickAt ?? 0) - client.now)
      client.wait(pauses.at(-1) ?? 0)
    }
    expect(Math.max(...pauses)).toBeGreaterThan(50)
    expect(Math.max(...pauses)).toBeLessThanOrEqual(100)
    client.reply(7, [{ seq: 2, reply: 'A' }])
    client.turn(client.command('b'))
    client.refuse(7, 'OVERLOADED', 3)
    expect((client.nextTickAt ?? 0) - client.now).toBeLessThanOrEqual(10)
  })

  /** All of `count` commands, numbered from 2 on, were refused, and the pause is over. */
  function refusedAll(count: number): Harness {
    const client = new Harness().toSession()
    client.turn(...from(0, count).map(() => client.command('')))
    client.takeSent()
    client.refuse(7, 'OVERLOADED', ...from(2, count))
    return client.wait(10)
  }

  test('a server without room gets half as much at once, and more again as it serves', () => {
    const client = refusedAll(200)
    expect(sentSeqs(client)).toEqual(from(2, 100))
    client.reply(
      7,
      from(2, 64).map((seq) => ({ seq, reply: '' })),
    )
    // As many as were served, and four more.
    expect(sentSeqs(client)).toEqual(from(102, 68))
  })

  test('what is sent again a part at a time overtakes nothing, even when it is refused once more', () => {
    const client = refusedAll(64)
    expect(sentSeqs(client)).toEqual(from(2, 32))
    client.turn(client.command('new'))
    expect(sentSeqs(client)).toEqual([])
    client.refuse(7, 'OVERLOADED', ...from(5, 29))
    client.wait(100)
    expect(sentSeqs(client)).toEqual(from(5, 13))
  })

  /** A full client of which a thousand commands a second were served, for a second. */
  function slowlyServed(): Harness {
    const client = fullClient({ timeoutMs: 60_000 })
    for (let i = 0; i < 10; i++) client.wait(100).reply(7, servedFrom(2 + 100 * i, 100))
    client.takeOutcomes()
    return client
  }

  test('a command that would hardly be answered in time is refused at once, with the pace that says so', () => {
    const client = slowlyServed()
    client.turn(client.command('', { timeoutMs: 30_000 }), client.command('', { timeoutMs: 7_000 }))
    expect(client.outcomes).toMatchObject([{ result: 'OVERLOADED' }])
    expect(client.outcomes[0]?.message).toMatch(
      /^9193 commands of this client are not answered yet, at 1\d\d\d a second that takes \d+ ms, which is more than half of the 7000 ms that this one has$/,
    )
  })

  test('but not by the pace of a moment: a cluster that has just been started is slow at first', () => {
    const client = slowlyServed()
    client.turn(client.command('', { timeoutMs: 10_000 }))
    expect(client.outcomes).toEqual([])
  })

  test('or when the oldest has waited for longer than half of its time, though nobody knows the pace', () => {
    const client = fullClient({ timeoutMs: 60_000 }).wait(400)
    client.turn(client.command('', { timeoutMs: 1_000 }), client.command('', { timeoutMs: 700 }))
    expect(client.outcomes).toMatchObject([
      {
        result: 'OVERLOADED',
        message:
          '10193 commands of this client are not answered yet, the oldest has waited for 400 ms, which is more than half of the 700 ms that this one has',
      },
    ])
  })

  test('one that waited for others until its deadline is OVERLOADED: there is a leader', () => {
    const client = fullClient({ timeoutMs: 60_000 })
    client.turn(client.command('', { timeoutMs: 300 })).wait(300)
    expect(client.outcomes).toMatchObject([
      {
        result: 'OVERLOADED',
        message:
          'the command was refused until its deadline, and was not applied: 8192 commands of this client were under way all the time',
      },
    ])
  })

  test('answers that take longer than they have to are asked for in smaller numbers', () => {
    const client = fullClient({ timeoutMs: 60_000 })
    client.takeSent()
    // The last of them took a second, the one before them no time: three quarters of the window are enough, and a little more since they were served.
    client.wait(1_000).reply(7, servedFrom(2, sessionWindow))
    expect(sentSeqs(client)).toHaveLength(2_000)
    client.turn(...from(0, sessionWindow).map(() => client.command('')))
    expect(sentSeqs(client)).toHaveLength((sessionWindow * 3) / 4 + sessionWindow / 16 - 2_000)
  })

  test('a cluster that always takes long is given as much as one that does not', () => {
    const client = new Harness().toSession()
    for (let i = 0, seq = 2; i < 200; i++, seq++) {
      client.turn(client.command(''))
      client.wait(450).reply(7, servedFrom(seq, 1))
    }
    client.takeSent()
    client.turn(...from(0, sessionWindow).map(() => client.command('')))
    expect(sentSeqs(client)).toHaveLength(sessionWindow)
  })

  test('who stopped waiting for all that is under way still notices a connection that is dead', () => {
    const client = fullClient({ timeoutMs: 300 }).wait(400)
    expect(client.outcomes).toHaveLength(sessionWindow + 2_000)
    client.disconnects = []
    client.wait(3_000)
    expect(client.disconnects).toHaveLength(1)
  })

  test('nothing is refused for being late while nothing is under way: then it is a leader that is missing', () => {
    const client = fullClient({ timeoutMs: 60_000 })
    client.turn(client.disconnected()).wait(1_000)
    client.turn(client.command('', { timeoutMs: 700 }))
    expect(client.outcomes).toEqual([])
  })

  test('a refusal of what was sent again meanwhile is answered by that attempt: it makes nothing slower', () => {
    const client = new Harness().toSession()
    client.turn(...from(0, 10).map(() => client.command('')))
    client.takeSent()
    client.refuse(7, 'OVERLOADED', ...from(2, 6))
    expect(sentSeqs(client.wait(10))).toEqual(from(2, 10))
    // Of the first attempts of those, which were still under way.
    client.refuse(7, 'OVERLOADED', ...from(8, 4))
    client.turn(client.command('new'))
    expect(sentSeqs(client)).toEqual([12])
  })

  test('as long as everything is sent, nobody knows how much more the cluster could take: nothing is refused', () => {
    const client = new Harness().toSession()
    let seq = 2
    for (let i = 0; i < 20; i++) {
      client.turn(client.command(''))
      client.wait(400)
      client.reply(7, [{ seq: seq++, reply: '' }])
    }
    client.takeOutcomes()
    client.turn(...Array.from({ length: 1_000 }, () => client.command('', { timeoutMs: 500 })))
    expect(client.outcomes).toEqual([])
  })

  test('when the refused command was given up, one below it is sent again, so that the server knows its refusal arrived', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'), client.command('b'), client.command('c'))
    client.takeSent()
    client.refuse(7, 'OVERLOADED', 3, 4)
    client.turn({ kind: 'abort', callId: 3 })
    client.wait(10)
    expect(client.takeSent()).toEqual(['Commands 7 <2: 2=a 4=c'])
    expect(client.takeOutcomes()).toEqual(['3 ABORTED'])
  })

  test('a command that is refused for want of room until its deadline is OVERLOADED, and not applied', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a', { timeoutMs: 50 }))
    for (let i = 0; i < 20 && client.outcomes.length === 0; i++) {
      client.refuse(7, 'OVERLOADED', 2)
      client.wait(10)
    }
    expect(client.outcomes).toEqual([
      { callId: 2, result: 'OVERLOADED', message: 'the command was refused until its deadline, and was not applied: because OVERLOADED' },
    ])
  })

  test('RETRY leaves open whether the command is in the log, so its deadline ends in OUTCOME_UNKNOWN', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a', { timeoutMs: 3 }))
    client.refuse(7, 'RETRY', 2)
    client.wait(3)
    expect(client.takeOutcomes()).toEqual(['2 OUTCOME_UNKNOWN'])
  })

  test('where no disk has room a command that is in no log fails at once, and so does one that waits for a session', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'), client.command('b'))
    client.takeSent()
    client.refuse(7, 'STORAGE_FULL', 2, 3)
    expect(client.takeOutcomes()).toEqual(['2 STORAGE_FULL', '3 STORAGE_FULL'])
    client.turn(client.command('c'))
    expect(client.takeSent()).toEqual(['Commands 7 <4: 4=c'])
    const fresh = new Harness().toLeader()
    fresh.turn(fresh.command('a'))
    fresh.turn(fresh.receive({ kind: 'SessionOpened', requestId: 1, session: 0, refused: { code: 'STORAGE_FULL', message: 'full' } }))
    expect(fresh.takeOutcomes()).toEqual(['1 STORAGE_FULL'])
  })

  test('one that may be in a log is asked for again until its deadline: its reply may be there', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'))
    client.refuse(7, 'RETRY', 2)
    client.wait(10)
    client.takeSent()
    client.refuse(7, 'STORAGE_FULL', 2)
    expect(client.takeOutcomes()).toEqual([])
    client.wait(20)
    expect(client.takeSent()).toEqual(['Commands 7 <2: 2=a'])
    client.reply(7, [{ seq: 2, reply: 'A' }])
    expect(client.takeOutcomes()).toEqual(['2 A'])
  })

  test('a session that cannot be opened for now is asked for again', () => {
    const client = new Harness().toLeader()
    client.turn(client.command('a'))
    client.takeSent()
    client.turn(client.receive({ kind: 'SessionOpened', requestId: 1, session: 0, refused: { code: 'OVERLOADED', message: 'full' } }))
    expect(client.takeSent()).toEqual([])
    client.wait(10)
    expect(client.takeSent()).toEqual(['OpenSession'])
  })

  test('a session that is refused for good fails the commands that wait for it', () => {
    const client = new Harness().toLeader()
    client.turn(client.command('a'))
    client.turn(client.receive({ kind: 'SessionOpened', requestId: 1, session: 0, refused: { code: 'INTERNAL', message: 'broken' } }))
    expect(client.takeOutcomes()).toEqual(['1 INTERNAL'])
  })
})

describe('an expired session', () => {
  test('a command that was only sent in vain is SESSION_EXPIRED; what was not sent goes on in a new session', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'))
    client.takeSent()
    client.session.step(client.command('b'))
    client.refuse(7, 'SESSION_EXPIRED', 2)
    expect(client.takeOutcomes()).toEqual(['2 SESSION_EXPIRED'])
    expect(client.takeSent()).toEqual(['OpenSession'])
    client.openSession(9)
    expect(client.takeSent()).toEqual(['Commands 9 <1: 1=b'])
  })

  test('a command that an earlier attempt may have brought into the log is OUTCOME_UNKNOWN', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'))
    client.turn(client.disconnected())
    client.welcome(1)
    client.refuse(7, 'SESSION_EXPIRED', 2)
    expect(client.takeOutcomes()).toEqual(['2 OUTCOME_UNKNOWN'])
  })

  test('commands that were refused for want of room are not in the log, and go on in the new session in their order', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'), client.command('b'), client.command('c'))
    client.refuse(7, 'OVERLOADED', 3, 4)
    client.session.step(client.command('d'))
    client.refuse(7, 'SESSION_EXPIRED', 2)
    client.wait(10).takeSent()
    client.openSession(9)
    expect(client.takeSent()).toEqual(['Commands 9 <1: 1=b 2=c 3=d'])
    expect(client.takeOutcomes()).toEqual(['2 SESSION_EXPIRED'])
  })

  test('a leader that answers a keep-alive with "unknown session" makes the client open a new one for its next command', () => {
    const client = new Harness().toSession()
    client.wait(10_000)
    expect(client.takeSent()).toEqual(['KeepAlive 7 <2'])
    client.turn(client.receive({ kind: 'KeepAliveReply', session: 7, alive: false }))
    client.turn(client.command('a'))
    expect(client.takeSent()).toEqual(['OpenSession'])
  })

  test('replies still on their way when the session ends say what became of their commands', () => {
    const client = new Harness().toSession()
    client.turn(client.command('a'), client.command('b'))
    client.turn(client.receive({ kind: 'KeepAliveReply', session: 7, alive: false }))
    expect(client.takeOutcomes()).toEqual([])
    client.reply(7, [{ seq: 2, reply: 'A' }])
    client.wait(300)
    expect(client.takeOutcomes()).toEqual(['2 A', '3 OUTCOME_UNKNOWN'])
  })
})

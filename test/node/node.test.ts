import { describe, expect, test } from 'vitest'
import { commands, openSession, query, summary, TestNodes, withSession } from './nodes.ts'

describe('a command', () => {
  test('is answered only once a majority has it on its disks', () => {
    const { nodes, leader, connection, session } = withSession(3)
    for (const node of nodes.nodes) if (node !== leader) node.diskHeld = true
    leader.say(connection, commands(session, [[1, 'a']]))
    nodes.settle()
    expect(summary(leader.take(connection))).toEqual([])
    const follower = nodes.nodes.find((node) => node !== leader)
    if (follower !== undefined) follower.diskHeld = false
    nodes.settle()
    expect(summary(leader.take(connection))).toEqual(['1:a@4'])
  })

  test('called together with others shares one turn, one write and one reply', () => {
    const { nodes, leader, connection, session } = withSession(3)
    leader.say(
      connection,
      commands(session, [
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
      ]),
    )
    nodes.settle()
    const messages = leader.take(connection)
    expect(messages).toHaveLength(1)
    expect(summary(messages)).toEqual(['1:a@4', '2:b@5', '3:c@6'])
  })

  test('that is sent twice is applied once and answered twice alike', () => {
    const { nodes, leader, connection, session } = withSession(1)
    leader.say(connection, commands(session, [[1, 'a']]))
    nodes.settle()
    leader.say(connection, commands(session, [[1, 'a']]))
    nodes.settle()
    expect(summary(leader.take(connection))).toEqual(['1:a@4', '1:a@4'])
    expect(leader.machine.applied).toEqual(['a'])
  })

  test('that its schema refuses never enters the log, whoever sends it', () => {
    const { nodes, leader, connection, session } = withSession(1)
    leader.say(
      connection,
      commands(session, [
        [1, '!'],
        [2, 'b'],
      ]),
    )
    nodes.settle()
    expect(summary(leader.take(connection))).toEqual(['1:INVALID_INPUT', '2:b@4'])
  })

  test('larger than the limit is refused with the limit in words', () => {
    const { nodes, leader, connection, session } = withSession(1, { commandBytesMax: 4 })
    leader.say(connection, commands(session, [[1, 'abcde']]))
    nodes.settle()
    expect(leader.take(connection)).toMatchObject([
      { kind: 'Replies', items: [{ refused: { code: 'TOO_LARGE', message: 'the command has 5 bytes, at most 4 are allowed' } }] },
    ])
  })

  test('of an unknown session is not executed', () => {
    const nodes = new TestNodes(1)
    const leader = nodes.untilLeader()
    const connection = leader.connect()
    leader.say(connection, commands(99, [[1, 'a']]))
    nodes.settle()
    expect(summary(leader.take(connection))).toEqual(['1:SESSION_EXPIRED'])
    expect(leader.machine.applied).toEqual([])
  })
})

describe('when there is no room, what follows is refused too, so that nothing overtakes', () => {
  test('within a frame and in later frames, until the refused command comes again', () => {
    const { nodes, leader, connection, session } = withSession(3, { pendingCommandsMax: 2 })
    for (const node of nodes.nodes) node.diskHeld = true
    leader.say(
      connection,
      commands(session, [
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
        [4, 'd'],
      ]),
    )
    nodes.settle()
    expect(summary(leader.take(connection))).toEqual(['3:OVERLOADED', '4:OVERLOADED'])
    for (const node of nodes.nodes) node.diskHeld = false
    nodes.settle()
    leader.say(connection, commands(session, [[5, 'e']]))
    nodes.settle()
    expect(summary(leader.take(connection))).toEqual(['1:a@4', '2:b@5', '5:OVERLOADED'])
    leader.say(
      connection,
      commands(session, [
        [3, 'c'],
        [4, 'd'],
      ]),
    )
    nodes.settle()
    leader.say(connection, commands(session, [[5, 'e']]))
    nodes.settle()
    expect(leader.machine.applied).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  test('or is given up', () => {
    const { nodes, leader, connection, session } = withSession(1, { pendingCommandsMax: 1 })
    leader.say(
      connection,
      commands(session, [
        [1, 'a'],
        [2, 'b'],
      ]),
    )
    nodes.settle()
    leader.say(connection, commands(session, [[3, 'c']], 3))
    nodes.settle()
    expect(summary(leader.take(connection))).toEqual(['2:OVERLOADED', '1:a@4', '3:c@5'])
  })
})

describe('leadership', () => {
  test('a follower refuses commands, and says who leads', () => {
    const nodes = new TestNodes(3)
    const leader = nodes.untilLeader()
    nodes.pass(200)
    const follower = nodes.nodes.find((node) => node !== leader)
    const connection = follower?.connect() ?? 0
    follower?.say(connection, commands(9, [[1, 'a']]))
    nodes.settle()
    const { id } = leader.node
    const told = follower?.take(connection) ?? []
    expect(told[0]).toMatchObject({ kind: 'Welcome', leader: { id, client: `c${id}:1` } })
    expect(summary(told)).toEqual(['1:NOT_LEADER'])
  })

  test('every call is answered when it is lost: those in the log with an open fate', () => {
    const { nodes, leader, connection, session } = withSession(3)
    nodes.cutOff.add(leader.node.id)
    leader.say(connection, commands(session, [[1, 'a']]))
    leader.say(connection, query(5))
    nodes.pass(3_000)
    expect(summary(leader.take(connection))).toEqual(['1:RETRY', '5=NOT_LEADER'])
    expect(leader.node.pending).toBe(0)
    nodes.untilLeader()
    nodes.cutOff.clear()
    nodes.pass(500)
    expect(leader.machine.applied).toEqual([])
  })

  test('a command whose reply was lost with its leader is answered alike by the next one, and not applied again', () => {
    const nodes = new TestNodes(3)
    const old = nodes.untilLeader()
    const { connection, session } = openSession(nodes, old)
    old.say(connection, commands(session, [[1, 'a']]))
    nodes.settle()
    nodes.cutOff.add(old.node.id)
    const next = nodes.untilLeader()
    const again = next.connect()
    next.say(
      again,
      commands(session, [
        [1, 'a'],
        [2, 'b'],
      ]),
    )
    nodes.settle()
    const [first, second] = summary(next.take(again))
    expect(first).toBe('1:a@4')
    expect(second).toMatch(/^2:b@/)
    expect(next.machine.applied).toEqual(['a', 'b'])
  })
})

describe('a query', () => {
  test('reflects every command that was answered before it, and does not enter the log', () => {
    const { nodes, leader, connection, session } = withSession(3)
    leader.say(connection, commands(session, [[1, 'a']]))
    nodes.settle()
    leader.take(connection)
    leader.say(connection, query(1))
    nodes.settle()
    nodes.pass(100)
    expect(summary(leader.take(connection))).toEqual(['1=a'])
  })

  test('is not answered by a leader that cannot reach the others', () => {
    const nodes = new TestNodes(3)
    const leader = nodes.untilLeader()
    const connection = leader.connect()
    leader.take(connection)
    nodes.cutOff.add(leader.node.id)
    leader.say(connection, query(1))
    nodes.pass(500)
    expect(summary(leader.take(connection))).toEqual([])
  })

  test('with stale consistency is answered by any node at once', () => {
    const { nodes, leader, connection, session } = withSession(3)
    leader.say(connection, commands(session, [[1, 'a']]))
    nodes.settle()
    nodes.pass(200)
    const follower = nodes.nodes.find((node) => node !== leader)
    const other = follower?.connect() ?? 0
    follower?.say(other, query(1, '', 'stale'))
    nodes.settle()
    expect(summary(follower?.take(other) ?? [])).toEqual(['1=a'])
  })

  test('that throws is QUERY_FAILED for its caller alone', () => {
    const nodes = new TestNodes(1)
    const leader = nodes.untilLeader()
    const connection = leader.connect()
    leader.say(connection, query(1, 'throw'))
    leader.say(connection, query(2))
    nodes.settle()
    nodes.pass(20)
    expect(summary(leader.take(connection))).toEqual(['1=QUERY_FAILED', '2='])
    expect(leader.events).toContainEqual(expect.objectContaining({ kind: 'queryFailed', message: 'no such line' }))
  })

  test('sees time pass in an idle cluster, and no later command sees less, also under a leader whose clock lags', () => {
    const nodes = new TestNodes(3)
    const leader = nodes.untilLeader()
    const connection = leader.connect()
    nodes.pass(60_000)
    leader.take(connection)
    leader.say(connection, query(1, 'now'))
    nodes.pass(100)
    const shown = Number(summary(leader.take(connection))[0]?.slice(2))
    expect(Math.abs(shown - nodes.wallMs)).toBeLessThan(1_000)

    nodes.cutOff.add(leader.node.id)
    nodes.wallMs -= 3_600_000
    const next = nodes.untilLeader()
    const { connection: other, session } = openSession(nodes, next)
    next.say(other, commands(session, [[1, 'now']]))
    nodes.settle()
    expect(Number(summary(next.take(other))[0]?.slice(2))).toBeGreaterThanOrEqual(shown)
  })
})

describe('sessions', () => {
  test('expire by log time in a cluster that is otherwise idle', () => {
    const nodes = new TestNodes(3, { sessionTtlMs: 3_000 })
    const leader = nodes.untilLeader()
    openSession(nodes, leader)
    nodes.pass(2_000)
    expect(leader.node.status({ digest: false }).sessions).toBe(1)
    nodes.pass(3_500)
    expect(leader.node.status({ digest: false }).sessions).toBe(0)
  })

  test('live on as long as their client says so', () => {
    const { nodes, leader, connection, session } = withSession(3, { sessionTtlMs: 3_000 })
    for (let i = 0; i < 10; i++) {
      nodes.pass(900)
      leader.say(connection, { kind: 'KeepAlive', session, ackedBelow: 1 })
    }
    nodes.pass(20)
    expect(leader.take(connection).at(-1)).toEqual({ kind: 'KeepAliveReply', session, alive: true })
    expect(leader.node.status({ digest: false }).sessions).toBe(1)
  })

  test('of an idle cluster without any cost nothing: no entry is written', () => {
    const nodes = new TestNodes(1)
    const leader = nodes.untilLeader()
    const { lastIndex } = leader.node.status({ digest: false })
    nodes.pass(120_000)
    expect(leader.node.status({ digest: false }).lastIndex).toBe(lastIndex)
  })
})

describe('a client of something else is turned away', () => {
  test.each([
    [{ clusterId: 'other' }, 'CLUSTER_MISMATCH', 'this is cluster test, not other'],
    [{ machine: 'locks' }, 'MACHINE_MISMATCH', 'this server runs the machine lines, not locks'],
    [{ wire: '1234' }, 'MACHINE_MISMATCH', 'this server runs wire format utf8 of the machine lines, the client was generated for 1234'],
  ])('%o', (hello, code, message) => {
    const nodes = new TestNodes(1)
    const node = nodes.node(1)
    expect(node.take(node.connect(hello))).toEqual([{ kind: 'Goodbye', code, message }])
  })
})

test('a machine that throws stops its replica, with the cause', () => {
  const nodes = new TestNodes(1)
  const leader = nodes.untilLeader()
  leader.machine.apply = () => {
    throw new Error('out of memory')
  }
  const { connection, session } = openSession(nodes, leader)
  leader.say(connection, commands(session, [[1, 'a']]))
  nodes.settle()
  expect(leader.failure?.message).toBe('out of memory')
  expect(summary(leader.take(connection))).toEqual([])
})

test('replicas that applied the same have the same digest, sessions included', () => {
  const { nodes, leader, connection, session } = withSession(3)
  leader.say(
    connection,
    commands(session, [
      [1, 'a'],
      [2, 'b'],
    ]),
  )
  nodes.settle()
  nodes.pass(300)
  const digests = nodes.nodes.map(({ node }) => node.status({ digest: true }).digest)
  expect(new Set(digests).size).toBe(1)
})

test.each([[[]], [[1]], [[2]], [[1, 2]]])(
  'a node that starts again hears from its leader at once, not with the next heartbeat; the answers of %j come last',
  (late) => {
    const nodes = new TestNodes(3)
    const leader = nodes.untilLeader()
    const others = nodes.nodes.filter((one) => one !== leader)
    const [first] = others
    if (first === undefined) throw new Error('no follower')
    const slow = new Set(late.map((which) => (which === 1 ? leader.node.id : others[1]?.node.id)))
    nodes.delayMs = ({ kind, from }) => (kind === 'RecallReply' && slow.has(from) ? 10 : 0)
    first.restart()
    nodes.settle()
    if (slow.size > 0) {
      expect(first.node.softState.leader).toBeUndefined()
      nodes.pass(10)
    }
    expect(first.node.softState.leader).toBe(leader.node.id)
  },
)

describe('time', () => {
  test('goes on after a restart where the log was, whatever the wall clock says by then', () => {
    const nodes = new TestNodes(1)
    const first = nodes.untilLeader()
    const { connection, session } = openSession(nodes, first)
    first.say(connection, commands(session, [[1, 'now']]))
    nodes.settle()
    const before = Number(summary(first.take(connection))[0]?.slice(2))
    nodes.wallMs += 365 * 86_400_000
    first.restart()
    const again = openSession(nodes, nodes.untilLeader())
    first.say(again.connection, commands(again.session, [[1, 'now']]))
    nodes.settle()
    const after = Number(summary(first.take(again.connection))[0]?.slice(2))
    expect(after).toBeGreaterThanOrEqual(before)
    expect(after - before).toBeLessThan(15_000)
  })

  test('is shown to queries also where the disk takes longer than a step of the ceiling', () => {
    const nodes = new TestNodes(1)
    const leader = nodes.untilLeader()
    nodes.pass(5_000)
    const connection = leader.connect()
    leader.diskHeld = true
    leader.say(connection, query(1, 'now'))
    nodes.pass(3_000)
    leader.diskHeld = false
    nodes.pass(50)
    expect(summary(leader.take(connection))).toHaveLength(1)
  })
})

test('answers of a turn are bounded in bytes: the others follow in later turns', () => {
  const nodes = new TestNodes(1)
  const leader = nodes.untilLeader()
  const connection = leader.connect()
  leader.say(connection, query(0, ''))
  nodes.pass(20)
  leader.take(connection)
  for (let i = 1; i <= 20; i++) leader.say(connection, query(i, 'large'))
  const bytesOfTurn: number[] = []
  for (let turns = 0; turns < 50; turns++) {
    leader.work()
    const told = leader.take(connection)
    bytesOfTurn.push(
      told.reduce((sum, one) => sum + (one.kind === 'QueryReplies' ? one.items.reduce((a, { reply }) => a + reply.length, 0) : 0), 0),
    )
  }
  expect(bytesOfTurn.reduce((a, b) => a + b, 0)).toBe(20 * 1_024 * 1_024)
  expect(Math.max(...bytesOfTurn)).toBeLessThanOrEqual(5 * 1_024 * 1_024)
})

describe('a sign of life', () => {
  test('is kept where there is no room for the entry that carries it', () => {
    const { nodes, leader, connection, session } = withSession(3, { sessionTtlMs: 3_000 })
    const busy = openSession(nodes, leader)
    for (let i = 1; i <= 120; i++) {
      leader.say(connection, { kind: 'KeepAlive', session, ackedBelow: 1 })
      leader.say(
        busy.connection,
        commands(
          busy.session,
          Array.from({ length: 50 }, (_, k) => [i * 50 + k, 'x'] as const),
          i * 50,
        ),
      )
      nodes.pass(100)
    }
    expect(leader.take(connection).at(-1)).toEqual({ kind: 'KeepAliveReply', session, alive: true })
  })

  test('is also a command that was refused', () => {
    const { nodes, leader, connection, session } = withSession(1, { sessionTtlMs: 3_000 })
    for (let seq = 1; seq <= 16; seq++) {
      leader.say(connection, commands(session, [[seq, '!']], seq))
      nodes.pass(500)
    }
    leader.take(connection)
    leader.say(connection, commands(session, [[17, 'good']], 17))
    nodes.settle()
    expect(summary(leader.take(connection))[0]).toMatch(/^17:good@/)
  })

  test('is never answered with "gone" by a leader that has not applied its log yet', () => {
    const { nodes, leader, connection, session } = withSession(1, { applySliceMs: 0 })
    leader.say(
      connection,
      commands(
        session,
        Array.from({ length: 3_000 }, (_, i) => [i + 1, 'x'] as const),
      ),
    )
    nodes.settle()
    leader.restart()
    const again = leader.connect()
    const alive: boolean[] = []
    for (let i = 0; i < 500; i++) {
      nodes.monotonicMs += 1
      leader.say(again, { kind: 'KeepAlive', session, ackedBelow: 1 })
      leader.awake = true
      leader.work()
      for (const told of leader.take(again)) if (told.kind === 'KeepAliveReply') alive.push(told.alive)
    }
    expect(alive.length).toBeGreaterThan(100)
    expect(alive).not.toContain(false)
  })
})

test('a digest that the machine cannot give leaves the answer without one, and the node running', () => {
  const nodes = new TestNodes(1)
  const leader = nodes.untilLeader()
  leader.machine.snapshot = () => {
    throw new Error('too large')
  }
  const connection = leader.connect()
  leader.take(connection)
  leader.say(connection, { kind: 'StatusRequest', requestId: 1, digest: true })
  nodes.settle()
  expect(leader.take(connection)).toMatchObject([{ kind: 'StatusReply', requestId: 1, status: { digest: '', role: 'leader' } }])
})

test('failures of handlers are reported when they happen, not again when the log is replayed', () => {
  const nodes = new TestNodes(1)
  const leader = nodes.untilLeader()
  const { apply } = leader.machine
  leader.machine.apply = (command, context) => {
    context.report({ command: 'line', message: 'no', stack: undefined })
    return apply(command, context)
  }
  const { connection, session } = openSession(nodes, leader)
  leader.say(connection, commands(session, [[1, 'a']]))
  nodes.settle()
  leader.restart()
  nodes.untilLeader()
  expect(leader.events.filter(({ kind }) => kind === 'handlerFailed')).toHaveLength(1)
})

test('what a handler threw, and where, is in the first reply, and in no other', () => {
  const nodes = new TestNodes(3)
  const leader = nodes.untilLeader()
  const { apply } = leader.machine
  leader.machine.apply = (command, context) => {
    context.report({ command: 'line', message: 'no ink', stack: 'Error: no ink\n    at post (/srv/handlers.ts:3:9)' })
    return apply(command, context)
  }
  const { connection, session } = openSession(nodes, leader)
  const failures = () =>
    leader.take(connection).flatMap((message) => (message.kind === 'Replies' ? message.items.map(({ failure }) => failure) : []))
  for (const expected of [['no ink (at /srv/handlers.ts:3:9)'], [undefined]]) {
    leader.say(connection, commands(session, [[1, 'a']]))
    nodes.pass(100)
    expect(failures()).toEqual(expected)
  }
})

test('what a node proposes of its own accord waits for room in the log without keeping the node busy', () => {
  const { nodes, leader, connection, session } = withSession(3, {}, { uncommittedBytesMax: 1_024 })
  for (const { node } of nodes.nodes) if (node.id !== leader.node.id) nodes.cutOff.add(node.id)
  for (let seq = 1; seq < 5; seq++) leader.say(connection, commands(session, [[seq, 'x'.repeat(300)]]))
  nodes.settle()
  expect(summary(leader.take(connection)).join()).toContain('OVERLOADED')
  leader.say(connection, { kind: 'CloseSession', session })
  nodes.settle()
  nodes.cutOff.clear()
  nodes.pass(500)
  leader.say(connection, { kind: 'KeepAlive', session, ackedBelow: 1 })
  nodes.settle()
  expect(leader.take(connection).filter(({ kind }) => kind === 'KeepAliveReply')).toMatchObject([{ session, alive: false }])
})

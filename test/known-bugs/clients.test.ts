// Known bugs between a client and a state machine: once, answered, in bounded time, whoever leads.
import { expect, test } from 'vitest'
import { commands, openSession, query, summary, type TestNode, type TestNodes, withSession } from '../node/nodes.ts'
import { Harness } from '../session/harness.ts'

const linesOf = ({ machine }: TestNode) => machine.applied.filter((line) => !line.startsWith('tick'))
const others = (nodes: TestNodes, leader: TestNode) => nodes.nodes.filter((node) => node !== leader)

test('bug 8: a leader that was cut off, and does not know whether another one leads, answers no query', () => {
  const { nodes, leader, connection, session } = withSession(3)
  leader.say(connection, commands(session, [[1, 'old']]))
  nodes.pass(200)
  nodes.cutOff.add(leader.node.id)
  leader.say(connection, query(9))
  nodes.pass(500)
  expect(leader.node.softState.role).toBe('leader')
  expect(summary(leader.take(connection)).filter((line) => line.startsWith('9='))).toEqual([])
  nodes.untilLeader()
  nodes.pass(1_000)
  expect(summary(leader.take(connection)).filter((line) => line.startsWith('9='))).toEqual(['9=NOT_LEADER'])
})

test('bug 8: nor does a single server that has just started, before it has committed in its term', () => {
  const { nodes, leader, session } = withSession(1)
  const at = leader.connect()
  leader.say(at, commands(session, [[1, 'kept']]))
  nodes.pass(50)
  leader.restart()
  const connection = leader.connect()
  leader.say(connection, query(5))
  nodes.pass(500)
  expect(summary(leader.take(connection)).filter((line) => line === '5=')).toEqual([])
  leader.say(connection, query(6))
  nodes.pass(100)
  expect(summary(leader.take(connection))).toContain('6=kept')
})

test('bug 10: a leader that stood still answers nothing that came before it has heard of the others again', () => {
  const { nodes, leader, connection } = withSession(3)
  nodes.paused.add(leader.node.id)
  leader.say(connection, query(3))
  const next = nodes.untilLeader()
  const there = openSession(nodes, next)
  next.say(there.connection, commands(there.session, [[1, 'meanwhile']]))
  nodes.pass(100)
  nodes.paused.delete(leader.node.id)
  nodes.pass(1_500)
  const answers = summary(leader.take(connection)).filter((line) => line.startsWith('3='))
  expect(
    answers.every((line) => line === '3=meanwhile' || line === '3=NOT_LEADER' || line === '3=UNAVAILABLE'),
    answers.join(),
  ).toBe(true)
})

test('bug 25: a command that is sent again is not done again: not by the next leader, not after its snapshot, not a day later', () => {
  const { nodes, leader, connection, session } = withSession(3, { snapshotEntries: 4, logTailEntries: 0 })
  const first = commands(session, [[1, 'once']])
  leader.say(connection, first)
  nodes.pass(200)
  const [answer] = summary(leader.take(connection)).filter((line) => line.startsWith('1:'))
  expect(answer).toMatch(/^1:once@/)
  // Another client, so much that the command is compacted away everywhere.
  const busy = openSession(nodes, leader)
  for (let seq = 1; seq <= 20; seq++) {
    leader.say(busy.connection, commands(busy.session, [[seq, `other ${seq}`]], seq))
    nodes.pass(20)
  }
  nodes.wallMs += 86_400_000
  leader.restart()
  for (const node of others(nodes, leader)) node.restart()
  const next = nodes.untilLeader()
  const again = next.connect()
  next.say(again, first)
  nodes.pass(300)
  expect(summary(next.take(again)).filter((line) => line.startsWith('1:'))).toEqual([answer])
  for (const node of nodes.nodes) expect(linesOf(node).filter((line) => line === 'once')).toHaveLength(1)
})

test('bug 26: every call is settled in time, and says what is known of it, whatever becomes of leader and connection', () => {
  const client = new Harness().toSession()
  client.turn(client.command('a', { timeoutMs: 1_000 }), client.command('b', { timeoutMs: 1_000 }))
  client.turn(client.disconnected())
  client.turn(client.command('c', { timeoutMs: 1_000 }))
  client.wait(500)
  client.turn(client.disconnected('connection refused'))
  client.wait(600)
  // Those that were sent may have taken effect; the one that never was has not.
  expect(client.takeOutcomes()).toEqual(['2 OUTCOME_UNKNOWN', '3 OUTCOME_UNKNOWN', '4 UNAVAILABLE'])
})

test('of the older library: calls that wait are answered when the leader steps down', () => {
  const { nodes, leader, connection, session } = withSession(3)
  nodes.cutOff.add(leader.node.id)
  leader.say(connection, commands(session, [[1, 'waits']]))
  leader.say(connection, query(7))
  nodes.pass(1_500)
  expect(leader.node.softState.role).not.toBe('leader')
  const told = summary(leader.take(connection))
  expect(told.some((line) => line.startsWith('1:'))).toBe(true)
  expect(told.some((line) => line.startsWith('7='))).toBe(true)
})

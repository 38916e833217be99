// What a node does while a write of its log is under way for longer than an election timeout.
import { describe, expect, test } from 'vitest'
import type { NodeEvent } from '../../src/node/index.ts'
import { followers } from './operations.ts'
import { commands, summary, type TestNode, withSession } from './nodes.ts'

const hungEvents = (node: TestNode): readonly NodeEvent[] => node.events.filter(({ kind }) => kind === 'diskHung' || kind === 'diskBack')

/** Three nodes that have run for a while; the write of `line-1` on the leader does not come back. */
function hungLeader() {
  const cluster = withSession(3)
  const { nodes, leader, connection, session } = cluster
  nodes.pass(10_000)
  leader.diskHeld = true
  leader.say(connection, commands(session, [[1, 'line-1']]))
  return { ...cluster, others: followers(nodes) }
}

describe('a leader whose disk does not finish a write', () => {
  test('hands over after an election timeout; what its clients wait for is answered by the next leader, once', () => {
    const { nodes, leader, connection, session, others } = hungLeader()
    nodes.pass(900)
    expect(leader.node.softState.role).toBe('leader')
    nodes.pass(400)
    expect(others).toContain(nodes.leader)
    expect(summary(leader.take(connection))).toEqual(['1:RETRY'])
    const next = nodes.leader
    const again = next.connect()
    next.say(again, commands(session, [[1, 'line-1']]))
    nodes.pass(300)
    expect(summary(next.take(again))).toEqual([expect.stringMatching(/^1:line-1@/)])
    expect(others.map(({ machine }) => machine.applied)).toEqual([['line-1'], ['line-1']])

    // The write comes back late: nothing is lost by it, and nothing done twice.
    nodes.pass(5_000)
    leader.diskHeld = false
    nodes.pass(1_000)
    expect(leader.machine.applied).toEqual(['line-1'])
    expect(nodes.leader).toBe(next)
  })

  test('tells of it, more and more seldom, and when it is over', () => {
    const { nodes, leader } = hungLeader()
    nodes.pass(10_000)
    leader.diskHeld = false
    nodes.pass(100)
    const told = hungEvents(leader)
    expect(told[0]).toMatchObject({ kind: 'diskHung', handsOver: true })
    expect(told.map((event) => (event.kind === 'diskHung' ? Math.round(event.forMs / 1_000) : event.kind))).toEqual([
      1,
      2,
      4,
      8,
      'diskBack',
    ])
  })

  test('leads on where no other disk has finished that write either: nothing would be won', () => {
    const { nodes, leader, others, connection } = hungLeader()
    for (const node of others) node.diskHeld = true
    nodes.pass(3_000)
    expect(nodes.leader).toBe(leader)
    for (const node of [leader, ...others]) node.diskHeld = false
    nodes.pass(100)
    expect(summary(leader.take(connection))).toEqual([expect.stringMatching(/^1:line-1@/)])
  })

  test('passes leadership on only when it has had it for ten election timeouts: where all disks are slow it would go round and round', () => {
    const { nodes, leader } = hungLeader()
    nodes.pass(1_300)
    const next = nodes.leader
    leader.diskHeld = false
    nodes.pass(1_000)
    next.diskHeld = true
    next.say(next.connect(), { kind: 'OpenSession', requestId: 1 })
    nodes.pass(7_000)
    expect(nodes.leader).toBe(next)
    nodes.pass(2_000)
    expect(nodes.leader).not.toBe(next)
  })

  test('shows for how long', () => {
    const { nodes, leader } = hungLeader()
    const hungMs = () => leader.node.status({ digest: false }).disk.hungMs
    nodes.pass(900)
    expect(hungMs()).toBeUndefined()
    nodes.pass(1_100)
    expect(hungMs()).toBeGreaterThanOrEqual(1_900)
    leader.diskHeld = false
    nodes.pass(20)
    expect(hungMs()).toBeUndefined()
  })

  test('tries again each election timeout while nobody takes over', () => {
    const { nodes, leader } = hungLeader()
    const asked: number[] = []
    nodes.isLost = ({ kind, to }) => {
      if (kind !== 'TimeoutNow') return false
      asked.push(to)
      return true
    }
    nodes.pass(4_500)
    expect(leader.node.softState.role).toBe('leader')
    // Each attempt asks at its beginning, and with each heartbeat while it lasts.
    expect(asked.length).toBeGreaterThan(20)
    nodes.isLost = () => false
    nodes.pass(200)
    expect(nodes.leader).not.toBe(leader)
  })

  test('leads on where it is alone, and answers when the write is done', () => {
    const { nodes, leader, connection, session } = withSession(1)
    leader.diskHeld = true
    leader.say(connection, commands(session, [[1, 'line-1']]))
    nodes.pass(5_000)
    expect([leader.node.softState.role, summary(leader.take(connection))]).toEqual(['leader', []])
    expect(hungEvents(leader)[0]).toMatchObject({ kind: 'diskHung', handsOver: false })
    leader.diskHeld = false
    nodes.pass(100)
    expect(summary(leader.take(connection))).toEqual([expect.stringMatching(/^1:line-1@/)])
  })

  test('goes on as before where every write takes long, but none as long as an election timeout', () => {
    const { nodes, leader, connection, session } = withSession(3)
    for (let seq = 1; seq <= 5; seq++) {
      leader.diskHeld = true
      leader.say(connection, commands(session, [[seq, `line-${seq}`]], seq))
      nodes.pass(900)
      leader.diskHeld = false
      nodes.settle()
    }
    nodes.pass(100)
    expect([nodes.leader, leader.machine.applied.length, hungEvents(leader)]).toEqual([leader, 5, []])
  })
})

test('a node that stood still itself does not blame its disk', () => {
  const { nodes, leader } = hungLeader()
  nodes.pass(500)
  nodes.paused.add(leader.node.id)
  nodes.pass(700)
  nodes.paused.clear()
  nodes.pass(400)
  expect([nodes.leader, hungEvents(leader)]).toEqual([leader, []])
})

describe('a follower whose disk does not finish a write', () => {
  test('leaves the election to the others when its leader is gone, and follows the next one', () => {
    const { nodes, leader, connection, session } = withSession(3)
    const [hung, other] = followers(nodes)
    if (hung === undefined || other === undefined) throw new Error('two followers are needed')
    hung.diskHeld = true
    leader.say(connection, commands(session, [[1, 'line-1']]))
    nodes.pass(1_500)
    const { term } = hung.node.softState
    nodes.cutOff.add(leader.node.id)
    nodes.pass(10_000)
    expect(hung.node.softState).toMatchObject({ role: 'follower', term })
    expect(hungEvents(hung)[0]).toMatchObject({ kind: 'diskHung', handsOver: false })
    hung.diskHeld = false
    expect(nodes.untilLeader()).toBeOneOf([hung, other])
  })
})

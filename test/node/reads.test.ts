// Queries at any replica: what each consistency promises, and that no answer is older than what was acknowledged before it was asked.
import { describe, expect, test } from 'vitest'
import { noConf } from '../../src/core/index.ts'
import { commands, openSession, query, summary, type TestNode, TestNodes, withSession } from './nodes.ts'
import { changeConf, follower, followers, join } from './operations.ts'

/** Answers of `node` to one query, asked now, by the time everything has settled. */
function ask(nodes: TestNodes, node: TestNode, ...what: Parameters<typeof query>): readonly string[] {
  const connection = node.connect()
  node.say(connection, query(...what))
  nodes.settle()
  return summary(node.take(connection))
}

function write(nodes: TestNodes, { leader, connection, session }: Writer, seq: number, line: string): string {
  leader.say(connection, commands(session, [[seq, line]]))
  nodes.settle()
  return summary(leader.take(connection))[0] ?? 'no answer'
}
type Writer = { readonly leader: TestNode; readonly connection: number; readonly session: number }

describe('a linearizable query of a follower', () => {
  test('reflects every command that was acknowledged before it, though nobody had told the follower (§6.4)', () => {
    const { nodes, ...writer } = withSession(3)
    expect(write(nodes, writer, 1, 'a')).toBe('1:a@4')
    const other = follower(nodes)
    expect(other.machine.applied).toEqual([])
    const connection = other.connect()
    other.say(connection, query(1))
    nodes.settle()
    nodes.pass(200)
    expect(summary(other.take(connection))).toEqual(['1=a'])
  })

  test('does not enter the log', () => {
    const { nodes, leader } = withSession(3)
    const { lastIndex } = leader.node.status({ digest: false })
    ask(nodes, follower(nodes), 1)
    nodes.pass(200)
    expect(leader.node.status({ digest: false }).lastIndex).toBe(lastIndex)
  })

  test('is answered with what a deposed leader does not know, or not at all', () => {
    const { nodes, leader, connection, session } = withSession(5)
    write(nodes, { leader, connection, session }, 1, 'a')
    nodes.pass(200)
    const behind = follower(nodes)
    const minority = new Set([leader.node.id, behind.node.id])
    nodes.isCut = (from, to) => minority.has(from) !== minority.has(to)
    nodes.pass(600)
    const asked = behind.connect()
    for (const id of minority) nodes.cutOff.delete(id)
    const next = electedBeside(nodes, minority)
    const writer = { leader: next, ...openSession(nodes, next) }
    expect(write(nodes, writer, 1, 'b')).toMatch(/^1:b@/)
    behind.say(asked, query(1))
    nodes.pass(2_000)
    expect(summary(behind.take(asked))).toEqual(['1=NOT_LEADER'])
    nodes.isCut = () => false
    nodes.pass(1_000)
    behind.say(asked, query(2))
    nodes.pass(200)
    expect(summary(behind.take(asked))).toEqual(['2=a b'])
  })

  test('is refused where no leader is known, so that its client asks elsewhere', () => {
    const { nodes } = withSession(3)
    const other = follower(nodes)
    nodes.cutOff.add(other.node.id)
    nodes.pass(3_000)
    expect(ask(nodes, other, 1)).toEqual(['1=NOT_LEADER'])
  })

  test('is shown a time that no later command is before, and a second less than an earlier query of the leader at most', () => {
    const { nodes, leader, connection, session } = withSession(3)
    nodes.pass(30_000)
    leader.say(connection, query(1, 'now'))
    nodes.pass(100)
    const atLeader = Number(summary(leader.take(connection))[0]?.slice(2))
    const other = follower(nodes)
    const asked = other.connect()
    other.say(asked, query(1, 'now'))
    nodes.pass(200)
    const shown = Number(summary(other.take(asked))[0]?.slice(2))
    expect(atLeader - shown).toBeLessThanOrEqual(1_000)
    leader.say(connection, commands(session, [[1, 'now']]))
    nodes.settle()
    expect(Number(summary(leader.take(connection))[0]?.slice(2))).toBeGreaterThanOrEqual(shown)
  })
})

describe('a node that was paused', () => {
  test('and led until then answers nothing from before, when others have gone on without it', () => {
    const { nodes, leader, connection, session } = withSession(3)
    write(nodes, { leader, connection, session }, 1, 'a')
    nodes.pass(200)
    nodes.paused.add(leader.node.id)
    const next = nodes.untilLeader()
    const writer = { leader: next, ...openSession(nodes, next) }
    expect(write(nodes, writer, 1, 'b')).toMatch(/^1:b@/)
    leader.say(connection, query(1))
    leader.say(connection, query(2, '', 'lease'))
    nodes.paused.clear()
    nodes.pass(500)
    for (const answer of summary(leader.take(connection))) expect(answer).toMatch(/=(NOT_LEADER|a b)$/)
  })

  test('and follows answers a query that came after with all that was acknowledged before', () => {
    const { nodes, ...writer } = withSession(3)
    write(nodes, writer, 1, 'a')
    nodes.pass(200)
    const other = follower(nodes)
    nodes.paused.add(other.node.id)
    expect(write(nodes, writer, 2, 'b')).toMatch(/^2:b@/)
    const asked = other.connect()
    other.say(asked, query(1))
    nodes.paused.clear()
    nodes.pass(200)
    expect(summary(other.take(asked))).toEqual(['1=a b'])
  })
})

describe('a lease query (§6.4.1)', () => {
  const leased = (): { readonly nodes: TestNodes } & Writer => {
    const cluster = withSession(3)
    const { nodes, leader } = cluster
    expect(changeConf(nodes, leader, [{ kind: 'setLease', leaseMs: 2_000 }])).toMatchObject({ refused: undefined })
    write(nodes, cluster, 1, 'a')
    leader.say(cluster.connection, query(100, 'now'))
    nodes.pass(500)
    leader.take(cluster.connection)
    return cluster
  }

  test('is answered by a leader alone while its lease lasts, and not after it', () => {
    const { nodes, leader } = leased()
    nodes.cutOff.add(leader.node.id)
    expect(ask(nodes, leader, 1, '', 'lease')).toEqual(['1=a'])
    nodes.pass(2_000)
    expect(ask(nodes, leader, 2, '', 'lease')).not.toContain('2=a')
  })

  test('needs a quorum like any other where the cluster has no leases', () => {
    const { nodes, ...writer } = withSession(3)
    write(nodes, writer, 1, 'a')
    nodes.pass(200)
    nodes.cutOff.add(writer.leader.node.id)
    expect(ask(nodes, writer.leader, 1, '', 'lease')).toEqual([])
    nodes.cutOff.clear()
    nodes.pass(200)
    expect(ask(nodes, writer.leader, 2, '', 'lease')).toEqual(['2=a'])
  })

  test('of a leader that was paused longer than its lease is not answered from it', () => {
    const { nodes, leader, connection } = leased()
    nodes.paused.add(leader.node.id)
    const next = nodes.untilLeader()
    const writer = { leader: next, ...openSession(nodes, next) }
    expect(write(nodes, writer, 1, 'b')).toMatch(/^1:b@/)
    leader.say(connection, query(1, '', 'lease'))
    nodes.paused.clear()
    nodes.pass(500)
    expect(summary(leader.take(connection))).not.toContain('1=a')
  })

  test('is answered by a follower too, by way of its leader', () => {
    const { nodes, ...writer } = leased()
    const other = follower(nodes)
    const asked = other.connect()
    expect(write(nodes, writer, 2, 'b')).toMatch(/^2:b@/)
    other.say(asked, query(1, '', 'lease'))
    nodes.pass(200)
    expect(summary(other.take(asked))).toEqual(['1=a b'])
  })
})

describe('a query for at least an index', () => {
  test('is answered by any node without asking anybody, as soon as that entry is applied there', () => {
    const { nodes, ...writer } = withSession(3)
    const other = follower(nodes)
    nodes.isCut = (_, to) => to === other.node.id
    expect(write(nodes, writer, 1, 'a')).toBe('1:a@4')
    const asked = other.connect()
    other.say(asked, query(1, '', 'atLeast', 4))
    nodes.pass(300)
    expect(summary(other.take(asked))).toEqual([])
    nodes.isCut = () => false
    nodes.pass(300)
    expect(summary(other.take(asked))).toEqual(['1=a'])
    nodes.cutOff.add(other.node.id)
    expect(ask(nodes, other, 2, '', 'atLeast', 4)).toEqual(['2=a'])
  })

  test('tells which entry its answer reflects', () => {
    const { nodes, ...writer } = withSession(1)
    write(nodes, writer, 1, 'a')
    const asked = writer.leader.connect()
    writer.leader.say(asked, query(1, '', 'atLeast', 2))
    nodes.settle()
    expect(writer.leader.take(asked)).toContainEqual(
      expect.objectContaining({ items: [expect.objectContaining({ requestId: 1, index: 4 })] }),
    )
  })

  test('that nobody has written is sent elsewhere after a minute', () => {
    const { nodes, leader } = withSession(1)
    const asked = leader.connect()
    leader.say(asked, query(1, '', 'atLeast', 1_000))
    nodes.pass(59_000)
    expect(summary(leader.take(asked))).toEqual([])
    nodes.pass(3_000)
    const [told] = leader.take(asked)
    expect(told).toMatchObject({
      items: [
        {
          requestId: 1,
          refused: {
            code: 'RETRY',
            message: expect.stringMatching(/^entry 1000 was not applied on this node within 60000 ms; the last one that was is \d+$/),
          },
        },
      ],
    })
  })

  test('waits in a queue with a limit, which a closed connection leaves', () => {
    const { nodes, leader } = withSession(1, { pendingQueriesMax: 2 })
    const gone = leader.connect()
    for (const id of [1, 2]) leader.say(gone, query(id, '', 'atLeast', 1_000))
    expect(ask(nodes, leader, 3, '', 'atLeast', 1_000)).toEqual(['3=OVERLOADED'])
    leader.node.clientClosed(gone)
    expect(ask(nodes, leader, 4, '', 'atLeast', 1_000)).toEqual([])
  })
})

test('queries that wait are bounded by their bytes, too, and what is answered makes room', () => {
  const { nodes, leader } = withSession(1, { commandBytesMax: 100, pendingBytesMax: 200 })
  const long = 'x'.repeat(90)
  expect(ask(nodes, leader, 1, long, 'atLeast', 1_000)).toEqual([])
  expect(ask(nodes, leader, 2, long, 'atLeast', 1_000)).toEqual([])
  expect(ask(nodes, leader, 3, long, 'atLeast', 1_000)).toEqual(['3=OVERLOADED'])
  nodes.pass(61_000)
  expect(ask(nodes, leader, 4, long, 'atLeast', 1_000)).toEqual([])
  for (let id = 5; id < 20; id++) expect(ask(nodes, leader, id, long).join()).not.toContain('OVERLOADED')
})

test('a node that waits for its first snapshot answers no query, whatever it asks for: its client goes elsewhere', () => {
  const { nodes, leader } = withSession(3)
  const { conf = noConf } = join(nodes, leader, { id: 4 })
  const added = nodes.add({ id: 4, conf, incarnation: 1 })
  nodes.cutOff.add(4)
  for (const consistency of ['linearizable', 'stale'] as const) expect(ask(nodes, added, 1, '', consistency)).toEqual(['1=RETRY'])
})

test('each replica answers its own queries: a leader is asked once for all that wait together', () => {
  const { nodes, ...writer } = withSession(3)
  write(nodes, writer, 1, 'a')
  const connections = followers(nodes).map((node) => {
    const connection = node.connect()
    for (let id = 1; id <= 10; id++) node.say(connection, query(id))
    return { node, connection }
  })
  nodes.pass(200)
  for (const { node, connection } of connections) {
    expect(summary(node.take(connection))).toEqual(Array.from({ length: 10 }, (_, i) => `${i + 1}=a`))
  }
})

test('what was answered makes room for others', () => {
  const { nodes, leader } = withSession(3, { pendingQueriesMax: 2 })
  nodes.pass(200)
  const other = follower(nodes)
  for (const node of [leader, other]) {
    const connection = node.connect()
    for (let id = 1; id <= 6; id++) {
      node.say(connection, query(id, '', id % 2 === 0 ? 'lease' : 'linearizable'))
      nodes.pass(100)
      expect(summary(node.take(connection))).toEqual([`${id}=`])
    }
  }
})

/** A leader that `minority` does not hear. */
function electedBeside(nodes: TestNodes, minority: ReadonlySet<number>): TestNode {
  for (let i = 0; i < 1_000; i++) {
    nodes.pass(10)
    const next = nodes.nodes.find(({ node }) => !minority.has(node.id) && node.softState.role === 'leader' && node.caughtUp)
    if (next !== undefined) return next
  }
  throw new Error('the majority elected nobody within 10 s')
}

// Sentences of sections 6.3, 6.4 and 6.4.1 of the dissertation that state a rule of what lives above the core: sessions, and queries that
// wait for the state machine.
import { describe, expect, test } from 'vitest'
import { follower, followers } from './operations.ts'
import { commands, openSession, query, summary, type TestNode, type TestNodes, withSession } from './nodes.ts'

interface Session {
  readonly connection: number
  readonly session: number
}
type Item = readonly [number, string]

function send(
  { nodes, at, connection, session }: { readonly nodes: TestNodes; readonly at: TestNode } & Session,
  items: readonly Item[],
  ackedBelow = 1,
): readonly string[] {
  at.say(connection, commands(session, items, ackedBelow))
  nodes.settle()
  return summary(at.take(connection))
}
const digests = (nodes: TestNodes) => new Set(nodes.nodes.map(({ node }) => node.status({ digest: true }).digest))

describe('§6.3 linearizable semantics', () => {
  test('"If a server receives a command whose serial number has already been executed, it responds immediately without re-executing the request"', () => {
    const { nodes, leader: at, ...session } = withSession(3)
    const first = send({ nodes, at, ...session }, [[1, 'a']])
    for (let i = 0; i < 3; i++) expect(send({ nodes, at, ...session }, [[1, 'a']])).toEqual(first)
    nodes.pass(300)
    expect(nodes.nodes.map(({ machine }) => machine.applied)).toEqual([['a'], ['a'], ['a']])
  })

  test('"commands take effect [...] exactly once according to their first appearance in the Raft log, since any subsequent appearances are filtered out": also where a leader crashed before it answered', () => {
    const { nodes, leader, ...session } = withSession(3)
    leader.say(session.connection, commands(session.session, [[1, 'a']]))
    // It is on all disks and in no answer.
    nodes.isLost = ({ kind, to }) => kind === 'AppendEntriesReply' && to === leader.node.id
    nodes.settle()
    expect(summary(leader.take(session.connection))).toEqual([])
    nodes.cutOff.add(leader.node.id)
    nodes.isLost = () => false
    const next = nodes.untilLeader()
    const again = { nodes, at: next, connection: next.connect(), session: session.session }
    expect(send(again, [[1, 'a']])).toEqual(['1:a@4'])
    expect(next.machine.applied).toEqual(['a'])
  })

  test('"it includes a set of sequence number and response pairs": requests of one client are answered apart, and each again as it was', () => {
    const { nodes, leader: at, ...session } = withSession(3)
    const items: readonly Item[] = [
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
    ]
    const first = send({ nodes, at, ...session }, items)
    expect(send({ nodes, at, ...session }, items.slice(1, 2))).toEqual(first.slice(1, 2))
    expect(send({ nodes, at, ...session }, items)).toEqual(first)
  })

  test('"the client includes the lowest sequence number for which it has not yet received a response, and the state machine then discards all responses for lower sequence numbers": and executes none of them again', () => {
    const { nodes, leader: at, ...session } = withSession(3)
    send({ nodes, at, ...session }, [[1, 'a']])
    send({ nodes, at, ...session }, [[2, 'b']], 2)
    const [again = ''] = send({ nodes, at, ...session }, [[1, 'a']], 2)
    expect(again).not.toMatch(/@/)
    expect(at.machine.applied).toEqual(['a', 'b'])
  })

  test('"session expiry must be deterministic, just as normal state machine operations must be": replicas agree on who is gone, one that replays its log too', () => {
    const { nodes, leader: at, ...session } = withSession(3, { sessionTtlMs: 2_000 })
    const kept = openSession(nodes, at)
    for (let i = 0; i < 8; i++) {
      at.say(kept.connection, { kind: 'KeepAlive', session: kept.session, ackedBelow: 1 })
      nodes.pass(700)
    }
    const behind = follower(nodes)
    behind.restart()
    nodes.pass(500)
    expect(nodes.nodes.map(({ node }) => node.status({ digest: false }).sessions)).toEqual([1, 1, 1])
    expect(digests(nodes).size).toBe(1)
    expect(send({ nodes, at, ...session }, [[1, 'a']])).toEqual(['1:SESSION_EXPIRED'])
  })

  test('"If a state machine encounters a command with no record of the session, it does not process the command and instead returns an error to the client"', () => {
    const { nodes, leader: at, connection } = withSession(3)
    expect(send({ nodes, at, connection, session: 12_345 }, [[1, 'a']])).toEqual(['1:SESSION_EXPIRED'])
    nodes.pass(200)
    expect(nodes.nodes.flatMap(({ machine }) => machine.applied)).toEqual([])
  })
})

describe('§6.4 read-only queries', () => {
  test('"4. The leader waits for its state machine to advance at least as far as the readIndex": though a majority confirmed it, and the entry is committed', () => {
    const { nodes, leader, connection, session } = withSession(3)
    // Both followers have the entry, so it is committed; what is not on its own disk a leader does not apply.
    leader.diskHeld = true
    leader.say(connection, commands(session, [[1, 'a']]))
    nodes.settle()
    expect(leader.node.status({ digest: false }).commitIndex).toBe(4)
    const asked = leader.connect()
    leader.take(asked)
    leader.say(asked, query(1))
    nodes.pass(200)
    expect(summary(leader.take(asked))).toEqual([])
    leader.diskHeld = false
    nodes.settle()
    expect(summary(leader.take(asked))).toEqual(['1=a'])
  })

  test('"5. Finally, the leader issues the query against its state machine and replies to the client with the results": what came later may be in them, what was committed before must', () => {
    const { nodes, leader: at, ...session } = withSession(3)
    const asked = at.connect()
    send({ nodes, at, ...session }, [[1, 'a']])
    at.take(asked)
    at.say(asked, query(1))
    at.say(session.connection, commands(session.session, [[2, 'b']]))
    nodes.settle()
    expect(summary(at.take(asked))[0]).toMatch(/^1=a( b)?$/)
  })

  test('"the follower could then execute steps 4 and 5 on its own state machine": it answers when it has applied what its leader named', () => {
    const { nodes, leader, connection, session } = withSession(3)
    const at = follower(nodes)
    at.diskHeld = true
    leader.say(connection, commands(session, [[1, 'a']]))
    nodes.settle()
    expect(summary(leader.take(connection))).toEqual(['1:a@4'])
    const asked = at.connect()
    at.take(asked)
    at.say(asked, query(1))
    nodes.pass(100)
    expect(summary(at.take(asked))).toEqual([])
    at.diskHeld = false
    // The next heartbeat says that the entry is committed.
    nodes.pass(150)
    expect(summary(at.take(asked))).toEqual(['1=a'])
  })
})

describe('§6.4.1 sequential consistency under asynchronous assumptions', () => {
  test('"If a server received a request for a client that had seen an index greater than the server\'s last applied log index, it would not service the request (yet)"', () => {
    const { nodes, leader, connection, session } = withSession(3)
    const [behind] = followers(nodes)
    if (behind === undefined) throw new Error('there is no follower')
    nodes.cutOff.add(behind.node.id)
    leader.say(connection, commands(session, [[1, 'a']]))
    nodes.settle()
    expect(summary(leader.take(connection))).toEqual(['1:a@4'])
    const asked = behind.connect()
    behind.take(asked)
    behind.say(asked, query(1, '', 'atLeast', 4))
    nodes.settle()
    expect(summary(behind.take(asked))).toEqual([])
    nodes.cutOff.clear()
    nodes.pass(1_000)
    expect(summary(behind.take(asked))).toEqual(['1=a'])
  })
})

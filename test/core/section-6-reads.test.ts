// Sentences of sections 6.2, 6.4 and 6.4.1 of the dissertation that state a rule, as far as replicas that follow and leases are concerned;
// what a leader does for its own reads is in `reads.test.ts`.
import { describe, expect, test } from 'vitest'
import { type Message, type NodeId } from '../../src/core/index.ts'
import { leaseShare } from '../../src/core/limits.ts'
import { confOf, type CoreCluster } from './core-cluster.ts'
import { change, led, onTheWay, statusOf } from './led.ts'
import { lone, loneLeader } from './lone.ts'

const grantsOf = (cluster: CoreCluster, id: NodeId) => cluster.node(id).grants
const refusalsOf = (cluster: CoreCluster, id: NodeId) => cluster.node(id).refused.map(({ id: read, reason }) => `${read}: ${reason}`)
const lose = (cluster: CoreCluster) => cluster.drop(() => true)

describe('§6.2 routing requests to the leader', () => {
  const refusal = (cluster: CoreCluster, id: NodeId) => {
    cluster.propose(id, 'a')
    return cluster.node(id).refused.at(-1)
  }

  test('"for the server to reject the request and return to the client the address of the leader, if known"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    expect(refusal(cluster, 3)).toMatchObject({ reason: 'notLeader', leader: 1 })
    cluster.crash(2)
    cluster.start(2)
    expect(refusal(cluster, 2)).toMatchObject({ reason: 'notLeader', leader: undefined })
  })

  test('"They must discard this information when starting a new election": a follower that asks for votes names nobody', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.isolate(2)
    cluster.campaign(2)
    expect(statusOf(cluster, 2)).toMatchObject({ role: 'preCandidate', term: 1, leader: undefined })
    expect(refusal(cluster, 2)).toMatchObject({ reason: 'notLeader', leader: undefined })
  })

  test('"or when the term changes": also where the newer term has no leader yet', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.forgetLeader(3)
    cluster.forgetLeader(2)
    expect(statusOf(cluster, 3).leader).toBe(1)
    cluster.receive({ kind: 'RequestVote', from: 2, to: 3, term: 2, last: { term: 1, index: 1 }, transfer: false })
    expect(statusOf(cluster, 3)).toMatchObject({ term: 2, leader: undefined })
    expect(refusal(cluster, 3)).toMatchObject({ leader: undefined })
    cluster.receive({ kind: 'HeartbeatReply', from: 3, to: 1, term: 2, round: 1 })
    expect(refusal(cluster, 1)).toMatchObject({ reason: 'notLeader', leader: undefined })
  })

  test('"a leader in Raft steps down if an election timeout elapses without a successful round of heartbeats to a majority of its cluster; this allows clients to retry their requests with another server"', () => {
    const cluster = led({ voters: [1, 2, 3, 4, 5] })
    cluster.isolate(1, 2)
    cluster.read(1, 7)
    cluster.run(1_300)
    expect(statusOf(cluster, 1)).toMatchObject({ role: 'follower', leader: undefined })
    expect(refusalsOf(cluster, 1)).toEqual(['7: leadershipLost'])
    expect(refusal(cluster, 1)).toMatchObject({ reason: 'notLeader' })
  })
})

describe('§6.4 a question of a term that is over', () => {
  test('is not answered, and changes nothing: who asked it hears of the newer term from whoever leads it', () => {
    const { cluster, node, sent } = loneLeader({ terms: [1] })
    cluster.receive({ kind: 'AppendEntriesReply', from: 2, to: 1, term: 2, ok: true, matchIndex: 2 })
    sent()
    const before = JSON.stringify(node.core.status)
    cluster.receive({ kind: 'ReadIndex', from: 3, to: 1, term: 1, nonce: 5, counter: 1 })
    expect(sent()).toEqual([])
    expect(JSON.stringify(node.core.status)).toBe(before)
  })

  test('nor is an answer of such a term taken for one of this', () => {
    const { cluster, node, sent } = lone({ hardState: { term: 3, votedFor: undefined } })
    cluster.receive({ kind: 'Heartbeat', from: 2, to: 1, term: 3, commitIndex: 0, round: 1 })
    sent()
    cluster.read(1, 1)
    const [asked] = sent()
    if (asked?.kind !== 'ReadIndex') throw new Error('it does not ask its leader')
    const { nonce, counter } = asked
    cluster.receive({ kind: 'ReadIndexReply', from: 2, to: 1, term: 2, nonce, counter, index: 0 })
    expect(node.grants).toEqual([])
    cluster.receive({ kind: 'ReadIndexReply', from: 2, to: 1, term: 3, nonce, counter, index: 0 })
    expect(node.grants).toEqual([{ id: 1, index: 0 }])
  })
})

describe('§6.4 reads of followers', () => {
  test('"the follower could issue a request to the leader that just asked for a current readIndex (the leader would execute steps 1-3 above)"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.read(2, 7)
    expect(onTheWay(cluster)).toEqual(['ReadIndex 2>1'])
    cluster.deliverOnly(() => true)
    // It makes sure that it still leads, with a round that began after the question came.
    expect(onTheWay(cluster)).toEqual(['Heartbeat 1>2'])
    cluster.deliverOnly(({ to }) => to === 2)
    cluster.deliverOnly(({ from }) => from === 2)
    expect(onTheWay(cluster, 'ReadIndexReply')).toEqual(['ReadIndexReply 1>2'])
    cluster.deliver()
    expect(grantsOf(cluster, 2)).toEqual([{ id: 7, index: 1 }])
  })

  test('"If the leader has not yet marked an entry from its current term committed, it waits until it has done so": for the questions of followers too', () => {
    const { cluster, sent } = loneLeader({ terms: [1] })
    cluster.receive({ kind: 'ReadIndex', from: 2, to: 1, term: 2, nonce: 5, counter: 1 })
    cluster.tick(1, 110)
    for (const from of [2, 3]) cluster.receive({ kind: 'HeartbeatReply', from, to: 1, term: 2, round: 1 })
    expect(sent().filter(({ kind }) => kind === 'ReadIndexReply')).toEqual([])
    cluster.receive({ kind: 'AppendEntriesReply', from: 3, to: 1, term: 2, ok: true, matchIndex: 2 })
    cluster.receive({ kind: 'HeartbeatReply', from: 3, to: 1, term: 2, round: 2 })
    expect(sent().at(-1)).toMatchObject({ kind: 'ReadIndexReply', to: 2, nonce: 5, counter: 1, index: 2 })
  })

  test('"the follower could then execute steps 4 and 5 on its own state machine for any number of accumulated read-only queries"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    for (const id of [1, 2, 3, 4]) cluster.read(2, id)
    // One question is out, for the first; the others share the next.
    expect(onTheWay(cluster)).toEqual(['ReadIndex 2>1'])
    cluster.deliver()
    expect(grantsOf(cluster, 2).map(({ id }) => id)).toEqual([1, 2, 3, 4])
    expect(cluster.network).toEqual([])
  })

  test('"it can use a single round of heartbeats for any number of read-only queries that it has accumulated": its own and those of followers', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.read(1, 1)
    cluster.read(2, 2)
    cluster.read(3, 3)
    cluster.deliverOnly(({ kind }) => kind === 'ReadIndex')
    lose(cluster)
    cluster.read(1, 4)
    cluster.tick(1, 110)
    // One follower was asked, which did not answer: then the other, then both by a heartbeat.
    expect(onTheWay(cluster)).toEqual(['Heartbeat 1>3', 'Heartbeat 1>2', 'Heartbeat 1>3'])
    cluster.deliver()
    expect([1, 2, 3].map((id) => grantsOf(cluster, id).map((grant) => grant.id))).toEqual([[1, 4], [2], [3]])
  })

  test('"a partitioned follower might not receive any new log entries from the leader for long periods of time": it grants nothing', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.isolate(3)
    cluster.propose(1, 'a')
    cluster.deliver()
    cluster.read(3, 1)
    cluster.run(2_500)
    expect(grantsOf(cluster, 3)).toEqual([])
    expect(refusalsOf(cluster, 3)).toEqual(['1: leadershipLost'])
  })

  test('"even if a follower received a heartbeat from a leader, that leader might itself be deposed and not yet know it"', () => {
    const cluster = led({ voters: [1, 2, 3, 4, 5] })
    // 1 and 2 are on the wrong side; the others elect 3, which commits.
    cluster.isolate(1, 2)
    for (const id of [4, 5]) cluster.forgetLeader(id)
    cluster.campaign(3)
    cluster.deliver()
    cluster.propose(3, 'new')
    cluster.deliver()
    cluster.read(2, 1)
    cluster.deliver()
    cluster.tick(1, 110)
    cluster.deliver()
    expect(statusOf(cluster, 2)).toMatchObject({ leader: 1, term: 1 })
    expect(grantsOf(cluster, 2)).toEqual([])
    cluster.heal()
    cluster.run(300)
    expect(refusalsOf(cluster, 2)).toEqual(['1: leadershipLost'])
    cluster.read(2, 2)
    cluster.deliver()
    expect(grantsOf(cluster, 2)).toEqual([{ id: 2, index: statusOf(cluster, 3).commitIndex }])
  })

  test('"each read must at least return the results of the latest committed write": also one that its follower has not heard of', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.cutLinks.add('1>2')
    cluster.propose(1, 'a')
    cluster.deliver()
    cluster.cutLinks.clear()
    expect(statusOf(cluster, 2).commitIndex).toBe(1)
    cluster.read(2, 1)
    cluster.deliver()
    expect(grantsOf(cluster, 2)).toEqual([{ id: 1, index: 2 }])
    expect(statusOf(cluster, 2).lastApplied).toBe(1)
  })

  test('an answer to a question of an earlier life answers none of this one, whatever its number', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.read(2, 1)
    cluster.deliver()
    cluster.read(2, 2)
    cluster.deliverOnly(({ kind }) => kind === 'ReadIndex')
    cluster.deliverOnly(({ to }) => to === 2)
    cluster.deliverOnly(({ from }) => from === 2)
    const late = cluster.network.filter(({ kind }) => kind === 'ReadIndexReply')
    expect(late).toMatchObject([{ to: 2, index: 1 }])
    lose(cluster)
    cluster.crash(2)
    cluster.propose(1, 'a')
    cluster.deliver()
    cluster.start(2)
    cluster.tick(1, 110)
    cluster.deliver()
    cluster.node(2).grants = []
    for (const id of [3, 4]) cluster.read(2, id)
    // As many questions as in the life before.
    cluster.tick(2, 110)
    for (const message of late) cluster.receive(message)
    expect(grantsOf(cluster, 2)).toEqual([])
    cluster.deliver()
    expect(grantsOf(cluster, 2)).toEqual([
      { id: 3, index: 2 },
      { id: 4, index: 2 },
    ])
  })

  test('an answer to a question covers no read that came after it was asked', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.read(2, 1)
    cluster.deliverOnly(({ kind }) => kind === 'ReadIndex')
    cluster.deliverOnly(({ kind, to }) => kind === 'Heartbeat' && to === 2)
    cluster.deliverOnly(({ kind }) => kind === 'HeartbeatReply')
    cluster.propose(1, 'a')
    cluster.deliverOnly(({ kind }) => kind === 'AppendEntries')
    cluster.deliverOnly(({ kind }) => kind === 'AppendEntriesReply')
    cluster.read(2, 2)
    cluster.deliverOnly(({ kind }) => kind === 'ReadIndexReply')
    expect(grantsOf(cluster, 2)).toEqual([{ id: 1, index: 1 }])
    cluster.deliver()
    expect(grantsOf(cluster, 2)).toEqual([
      { id: 1, index: 1 },
      { id: 2, index: 2 },
    ])
  })
})

describe('§6.4.1 leases', () => {
  const leaseMs = 2_000
  const lease = (cluster: CoreCluster, id: number) => {
    const before = cluster.network.length
    cluster.read(1, id, { lease: true })
    const isSilent = cluster.network.length === before
    return isSilent && grantsOf(cluster, 1).some((grant) => grant.id === id)
  }
  const answer = (from: NodeId, round: number): Message => ({ kind: 'HeartbeatReply', from, to: 1, term: 1, round })

  test('"The leader would then reply to read-only queries during that period without any additional communication"', () => {
    const cluster = led({ voters: [1, 2, 3], leaseMs })
    expect(lease(cluster, 1)).toBe(true)
    cluster.isolate(1)
    cluster.tick(1, 800)
    lose(cluster)
    expect(lease(cluster, 2)).toBe(true)
  })

  test('"start + election timeout / clock drift bound": a lease is counted from when the heartbeats were sent, not from their answers', () => {
    const { cluster } = loneLeader({ conf: { ...confOf({ voters: [1, 2, 3] }), leaseMs } })
    for (const from of [2, 3]) cluster.receive({ kind: 'AppendEntriesReply', from, to: 1, term: 1, ok: true, matchIndex: 1 })
    const keep = () => cluster.receive({ kind: 'AppendEntriesReply', from: 2, to: 1, term: 1, ok: true, matchIndex: 1 })
    lose(cluster)
    while (cluster.network.length === 0) cluster.tick(1, 10)
    const sentAt = cluster.node(1).now
    const round = cluster.network.flatMap((message) => (message.kind === 'Heartbeat' ? [message.round] : []))[0] ?? 0
    cluster.tick(1, 600)
    // The answer is 600 ms late: the lease ends no later for that.
    cluster.receive(answer(2, round))
    const tickTo = (ms: number) => {
      while (cluster.node(1).now < sentAt + ms) {
        keep()
        cluster.tick(1, Math.min(100, sentAt + ms - cluster.node(1).now))
      }
      lose(cluster)
    }
    tickTo(leaseShare * leaseMs - 1)
    expect(lease(cluster, 1)).toBe(true)
    tickTo(leaseShare * leaseMs)
    expect(lease(cluster, 2)).toBe(false)
  })

  test('"Once the leader\'s heartbeats were acknowledged by a majority of the cluster": with fewer there is no lease', () => {
    const { cluster } = loneLeader({ conf: { ...confOf({ voters: [1, 2, 3, 4, 5] }), leaseMs } })
    for (const from of [2, 3, 4]) cluster.receive({ kind: 'AppendEntriesReply', from, to: 1, term: 1, ok: true, matchIndex: 1 })
    cluster.tick(1, 110)
    lose(cluster)
    cluster.receive(answer(2, 1))
    expect(lease(cluster, 1)).toBe(false)
    cluster.receive(answer(3, 1))
    lose(cluster)
    expect(lease(cluster, 2)).toBe(true)
  })

  test('"no other server will become leader for about an election timeout": whoever heard the leader helps nobody for the length of a lease', () => {
    const cluster = led({ voters: [1, 2, 3], leaseMs })
    cluster.crash(1)
    const silence = (ms: number) => {
      for (const id of [2, 3]) cluster.tick(id, ms)
      cluster.deliver()
    }
    silence(leaseMs - 200)
    cluster.receive({ kind: 'RequestVote', from: 2, to: 3, term: 2, last: { term: 1, index: 1 }, transfer: false })
    cluster.receive({ kind: 'PreVote', from: 2, to: 3, term: 2, last: { term: 1, index: 1 } })
    for (const id of [2, 3]) expect(statusOf(cluster, id)).toMatchObject({ role: 'follower', term: 1 })
    cluster.run(8_000)
    expect(cluster.leaders()).toHaveLength(1)
  })

  test('nor does one that has just started: it may have heard the leader in its life before', () => {
    const cluster = led({ voters: [1, 2, 3], leaseMs })
    cluster.crash(3)
    cluster.start(3)
    cluster.receive({ kind: 'PreVote', from: 2, to: 3, term: 2, last: { term: 1, index: 1 } })
    cluster.receive({ kind: 'RequestVote', from: 2, to: 3, term: 2, last: { term: 1, index: 1 }, transfer: false })
    expect(cluster.network).toEqual([])
    expect(statusOf(cluster, 3)).toMatchObject({ term: 1, votedFor: 1, leader: undefined })
  })

  test('"a leader would need to expire its lease before transferring leadership"', () => {
    const cluster = led({ voters: [1, 2, 3], leaseMs })
    cluster.input(1, { kind: 'transfer', ticket: 1, to: 2 })
    lose(cluster)
    expect(lease(cluster, 1)).toBe(false)
    // Given up: whom it asked may still be elected, however late.
    cluster.isolate(2)
    cluster.run(1_200)
    expect(statusOf(cluster, 1)).toMatchObject({ role: 'leader', transferee: undefined })
    expect(lease(cluster, 2)).toBe(false)
    cluster.deliver()
    expect(grantsOf(cluster, 1).map(({ id }) => id)).toContain(2)
  })

  test('"no server\'s clock increases more than this bound times any other": a leader with the slowest clock is without a lease when those with the fastest elect', () => {
    const cluster = led({ voters: [1, 2, 3], leaseMs })
    cluster.run(100)
    cluster.isolate(1)
    // A tenth slower: in the time of the others the lease is over in just that moment.
    cluster.tick(1, Math.ceil(0.9 * leaseMs))
    expect(lease(cluster, 1)).toBe(false)
  })

  test('"due to scheduling and garbage collection pauses": what came before the pause is judged by the time after it', () => {
    const cluster = led({ voters: [1, 2, 3], leaseMs })
    cluster.node(1).core.step({ kind: 'read', id: 1, lease: true })
    cluster.tick(1, leaseMs, { stepMs: leaseMs })
    expect(grantsOf(cluster, 1)).toEqual([])
  })

  test('a lease that is not a committed setting of the cluster is none; when it is turned off reads ask again', () => {
    const cluster = led({ voters: [1, 2, 3] })
    expect(lease(cluster, 1)).toBe(false)
    cluster.deliver()
    change(cluster, [{ kind: 'setLease', leaseMs }])
    expect(lease(cluster, 2)).toBe(false)
    cluster.run(300)
    expect(lease(cluster, 3)).toBe(true)
    change(cluster, [{ kind: 'setLease', leaseMs: 0 }])
    lose(cluster)
    expect(lease(cluster, 4)).toBe(false)
  })

  test('a follower has no lease: it asks its leader', () => {
    const cluster = led({ voters: [1, 2, 3], leaseMs })
    cluster.read(2, 1, { lease: true })
    expect(onTheWay(cluster)).toEqual(['ReadIndex 2>1'])
  })
})

describe('§9.6 pre-vote', () => {
  test('"While a server is partitioned, it won\'t be able to increment its term, since it can\'t receive permission from a majority of the cluster"', () => {
    const cluster = led({ voters: [1, 2, 3, 4, 5] })
    cluster.isolate(4, 5)
    cluster.run(20_000)
    for (const id of [4, 5]) expect(statusOf(cluster, id).term).toBe(1)
  })

  test('"when it rejoins the cluster, it still won\'t be able to increment its term [...] Once the server receives a heartbeat from the leader itself, it will return to the follower state (in the same term)"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.isolate(3)
    cluster.run(5_000)
    cluster.heal()
    cluster.campaign(3)
    expect(statusOf(cluster, 3).role).toBe('preCandidate')
    cluster.deliver()
    expect(statusOf(cluster, 3)).toMatchObject({ role: 'preCandidate', term: 1 })
    cluster.tick(1, 110)
    cluster.deliver()
    expect(statusOf(cluster, 3)).toMatchObject({ role: 'follower', term: 1, leader: 1 })
  })

  test('"if the candidate\'s log is sufficiently up-to-date, and the voters have not received heartbeats from a valid leader for at least a baseline election timeout"', () => {
    const { cluster, sent } = lone({ terms: [1, 1] })
    const ask = (index: number) => {
      sent()
      cluster.receive({ kind: 'PreVote', from: 3, to: 1, term: 5, last: { term: 1, index } })
      return sent().map((message) => message.kind === 'PreVoteReply' && message.granted)
    }
    expect(ask(1)).toEqual([false])
    expect(ask(2)).toEqual([true])
    cluster.receive({ kind: 'Heartbeat', from: 2, to: 1, term: 1, commitIndex: 0, round: 1 })
    cluster.tick(1, 1)
    cluster.tick(1, 999)
    expect(ask(2)).toEqual([])
    cluster.tick(1, 1)
    expect(ask(2)).toEqual([true])
  })
})

describe('§10.2.2 batching and pipelining', () => {
  test('"The AppendEntries consistency check guarantees that pipelining is safe; in fact, the leader can safely send entries in any order"', () => {
    const cluster = led({ voters: [1, 2, 3], limits: { messageBytesMax: 1 } })
    cluster.propose(1, 'a', 'b', 'c', 'd')
    cluster.network.reverse()
    cluster.deliver()
    cluster.run(600)
    for (const id of [2, 3]) expect(cluster.node(id).log).toEqual(cluster.node(1).log)
  })

  test('"it updates the next index to send immediately after sending the previous entry, rather than waiting for the previous entry\'s acknowledgment"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.propose(1, 'a')
    cluster.propose(1, 'b')
    expect(statusOf(cluster, 1).followers).toMatchObject([2, 3].map((id) => ({ id, matchIndex: 1, nextIndex: 4, inflightMessages: 2 })))
  })

  test('"The follower then writes all the new entries from a single AppendEntries request to its disk at once"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.node(2).holdsWrites = true
    cluster.propose(1, 'a', 'b', 'c')
    cluster.deliverOnly(({ to }) => to === 2)
    expect(cluster.node(2).writing?.persist.entries).toHaveLength(3)
  })
})

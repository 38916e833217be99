// Sentences of chapter 4 of the dissertation that state a rule. Single-server changes are not used here: every change of voters is joint (§4.3).
import { describe, expect, test } from 'vitest'
import type { ConfState, Entry, Message, NodeId } from '../../src/core/index.ts'
import { confOf, CoreCluster, memberOf } from './core-cluster.ts'
import { add, change, demote, hasCommitted, led, onTheWay, promote, remove, statusOf, votersOf } from './led.ts'
import { lone, loneLeader } from './lone.ts'

const confEntry = (index: number, conf: ConfState): Entry => ({ term: 1, index, kind: 'conf', data: new Uint8Array(0), conf })
const acknowledge = (from: NodeId, matchIndex: number): Message => ({
  kind: 'AppendEntriesReply',
  from,
  to: 1,
  term: 1,
  ok: true,
  matchIndex,
})

describe('§4.1 safety', () => {
  test('"The new configuration takes effect on each server as soon as it is added to that server\'s log"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    change(cluster, [add(4)])
    expect([1, 2, 3].map((id) => statusOf(cluster, id).conf.learners)).toEqual([[4], [], []])
    cluster.deliverOnly(({ to }) => to === 2)
    expect([1, 2, 3].map((id) => statusOf(cluster, id).conf.learners)).toEqual([[4], [4], []])
    expect([1, 2, 3].map((id) => statusOf(cluster, id).committedConf.learners)).toEqual([[], [], []])
  })

  test('"the C_new entry is replicated to the C_new servers, and a majority of the new configuration is used to determine [its] commitment"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    change(cluster, [remove(3)])
    // Of both halves of the joint one 1 and 2 are a majority. Of the new two servers both are needed.
    cluster.deliverOnly(({ to }) => to === 2)
    cluster.deliverOnly(({ to, kind }) => to === 1 && kind === 'AppendEntriesReply')
    expect(votersOf(cluster, 1)).toEqual([1, 2])
    const { lastIndex } = statusOf(cluster, 1)
    const isLast = (message: Message) => message.kind === 'AppendEntries' && message.prev.index === lastIndex - 1
    expect(cluster.network.filter(isLast).map(({ to }) => to)).toEqual([2])
    cluster.deliverOnly(({ to }) => to === 3)
    expect(hasCommitted(cluster, 1)).toBe(false)
    cluster.deliver()
    expect(hasCommitted(cluster, 1)).toBe(true)
  })

  test('"a log entry for a configuration change can be removed (if leadership changes); in this case, a server must be prepared to fall back to the previous configuration in its log"', () => {
    const cluster = led({ voters: [1, 2, 3], learners: [4] })
    cluster.isolate(1)
    change(cluster, [promote(4), remove(2)])
    expect(statusOf(cluster, 1).conf).toMatchObject({ voters: [1, 3, 4], votersOutgoing: [1, 2, 3] })
    cluster.deliver()
    cluster.forgetLeader(3)
    cluster.campaign(2)
    cluster.deliver()
    cluster.heal()
    cluster.run(500)
    expect(statusOf(cluster, 1)).toMatchObject({
      role: 'follower',
      leader: 2,
      conf: { voters: [1, 2, 3], votersOutgoing: [], learners: [4] },
    })
  })

  test('"not beginning a new change until the previous change\'s entry has committed"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    const { refused } = cluster.node(1)
    change(cluster, [add(4)])
    change(cluster, [add(5)])
    expect(refused).toMatchObject([{ of: 'changeConf', reason: 'confPending', message: 'the change at index 2 is not settled yet' }])
    cluster.deliver()
    change(cluster, [add(5)])
    expect(statusOf(cluster, 1).conf.learners).toEqual([4, 5])
    expect(refused).toHaveLength(1)
  })

  test('"A server accepts AppendEntries requests from a leader that is not part of the server\'s latest configuration"', () => {
    const { cluster, node, sent } = lone({ voters: [1, 2, 3] })
    const entries = [confEntry(1, confOf({ voters: [1, 8, 9] }))]
    cluster.receive({ kind: 'AppendEntries', from: 9, to: 1, term: 1, prev: { term: 0, index: 0 }, entries, commitIndex: 0 })
    expect(sent()).toMatchObject([{ kind: 'AppendEntriesReply', to: 9, ok: true, matchIndex: 1 }])
    expect(node.core.status.conf.voters).toEqual([1, 8, 9])
  })

  test('"A server also grants its vote to a candidate that is not part of the server\'s latest configuration (if the candidate has a sufficiently up-to-date log and a current term)"', () => {
    const { cluster, sent } = lone({ voters: [1, 2, 3], terms: [1, 1] })
    const ask = (term: number, index: number) =>
      cluster.receive({ kind: 'RequestVote', from: 9, to: 1, term, last: { term: 1, index }, transfer: false })
    ask(2, 1)
    ask(3, 2)
    ask(2, 2)
    expect(sent().map((message) => message.kind === 'RequestVoteReply' && message.granted)).toEqual([false, true, false])
  })

  test('"It also allows the cluster to continue to service client requests while configuration changes are in progress"', () => {
    const cluster = led({ voters: [1, 2, 3], learners: [4] })
    change(cluster, [promote(4), remove(3)])
    cluster.propose(1, 'during')
    expect(statusOf(cluster, 1).isConfPending).toBe(true)
    cluster.deliver()
    cluster.run(200)
    for (const id of [1, 2, 4]) expect(cluster.node(id).log.map(({ kind }) => kind)).toEqual(['noop', 'conf', 'command', 'conf'])
  })

  test('"any servers that have not moved to C_new can no longer form a majority of the cluster, and servers without C_new cannot be elected leader"', () => {
    const cluster = led({ voters: [1, 2, 3, 4, 5] })
    cluster.isolate(4, 5)
    change(cluster, [remove(5)])
    cluster.run(300)
    expect(statusOf(cluster, 1)).toMatchObject({ isConfPending: false, conf: { voters: [1, 2, 3, 4] } })
    cluster.heal()
    cluster.crash(1)
    for (const id of [2, 3]) cluster.forgetLeader(id)
    cluster.tick(4, 2_000)
    cluster.drop(() => true)
    cluster.campaign(5)
    cluster.deliver()
    expect(statusOf(cluster, 5).role).not.toBe('leader')
    expect(statusOf(cluster, 5).term).toBe(1)
  })
})

describe('§4.2.1 catching up new servers', () => {
  test('"The leader replicates log entries to it, but it is not yet counted towards majorities for voting or commitment purposes"', () => {
    const cluster = led({ voters: [1, 2, 3], learners: [4] })
    cluster.isolate(1, 4)
    cluster.propose(1, 'a')
    cluster.deliver()
    expect(statusOf(cluster, 4).lastIndex).toBe(2)
    expect(statusOf(cluster, 1).commitIndex).toBe(1)
  })

  test('"If the last round lasts less than an election timeout, then the leader adds the new server to the cluster"', () => {
    const { cluster, node } = loneLeader({ conf: confOf({ voters: [1, 2], learners: [3], joining: [3] }) })
    cluster.receive(acknowledge(2, 1))
    const round = (matchIndex: number, ms: number) => {
      cluster.receive({ kind: 'HeartbeatReply', from: 2, to: 1, term: 1, round: 0 })
      cluster.tick(1, ms / 2)
      cluster.propose(1, 'meanwhile')
      cluster.receive(acknowledge(2, node.core.status.lastIndex))
      cluster.tick(1, ms / 2)
      cluster.receive(acknowledge(3, matchIndex))
      cluster.tick(1, 10)
      return node.core.status.conf.voters
    }
    // The first round is all that was there at its start, and took too long; so did the second. The third did not.
    expect(round(1, 1_100)).toEqual([1, 2])
    expect(round(2, 1_100)).toEqual([1, 2])
    expect(round(3, 600)).toEqual([1, 2, 3])
    expect(node.core.status.conf).toMatchObject({ votersOutgoing: [1, 2], learners: [], joining: [] })
  })

  test('"the leader adds the new server to the cluster": one that has caught up does not wait for one that has not', () => {
    const { cluster, node } = loneLeader({ conf: confOf({ voters: [1, 2], learners: [3, 4], joining: [3, 4] }) })
    for (const id of [2, 3]) cluster.receive(acknowledge(id, 1))
    cluster.tick(1, 10)
    expect(node.core.status.conf).toMatchObject({ voters: [1, 2, 3], votersOutgoing: [1, 2], learners: [4], joining: [4] })
  })

  test('"Each round replicates all the log entries present in the leader\'s log at the start of the round": less of them ends none', () => {
    const { cluster, node } = loneLeader({ conf: confOf({ voters: [1, 2], learners: [3] }), terms: [1, 1, 1] })
    const acknowledgeOf3 = (matchIndex: number) =>
      cluster.receive({ kind: 'AppendEntriesReply', from: 3, to: 1, term: 2, ok: true, matchIndex })
    acknowledgeOf3(2)
    expect(node.core.status.followers[1]).toMatchObject({ id: 3, matchIndex: 2, isCaughtUp: false })
    // What the leader appended when its term had begun is for the next round.
    acknowledgeOf3(3)
    expect(node.core.status.followers[1]).toMatchObject({ id: 3, matchIndex: 3, isCaughtUp: true })
  })

  test('"The leader should also abort the change if the new server is unavailable or is so slow that it will never catch up"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    change(cluster, [add(4)])
    cluster.run(1_500)
    change(cluster, [promote(4)], { force: false })
    expect(cluster.node(1).refused).toMatchObject([
      { reason: 'notCaughtUp', message: 'learner 4 is silent, or lags by more than it fetches within 1000 ms' },
    ])
    expect(votersOf(cluster, 1)).toEqual([1, 2, 3])
  })

  test('"have followers return the length of their logs in the AppendEntries response; this allows the leader to cap the follower\'s nextIndex accordingly"', () => {
    const refusals: Message[] = []
    const sent = (message: Message) => void (message.kind === 'AppendEntriesReply' && !message.ok && refusals.push(message))
    const cluster = new CoreCluster({ conf: confOf({ voters: [1, 2, 3] }) }, { sent })
    for (const id of [1, 2]) cluster.plant(id, { terms: Array.from({ length: 500 }, () => 1) })
    cluster.start().elect(1)
    cluster.run(200)
    expect(refusals).toMatchObject([{ from: 3, hint: { index: 0 } }])
    expect(statusOf(cluster, 3).lastIndex).toBe(501)
  })
})

describe('§4.2.2 removing the current leader', () => {
  test('"a leader that is removed from the configuration steps down once the C_new entry is committed", not before', () => {
    const cluster = led({ voters: [1, 2, 3] })
    change(cluster, [remove(1)])
    cluster.deliverOnly(({ kind }) => kind === 'AppendEntries')
    cluster.deliverOnly(({ kind }) => kind === 'AppendEntriesReply')
    expect(statusOf(cluster, 1)).toMatchObject({ role: 'leader', conf: { voters: [2, 3], removed: [1] } })
    cluster.deliverOnly(({ kind, to }) => kind === 'AppendEntries' && to === 2)
    cluster.deliverOnly(({ kind }) => kind === 'AppendEntriesReply')
    expect(statusOf(cluster, 1).role).toBe('leader')
    cluster.deliverOnly(({ kind, to }) => kind === 'AppendEntries' && to === 3)
    cluster.deliverOnly(({ kind }) => kind === 'AppendEntriesReply')
    expect(statusOf(cluster, 1)).toMatchObject({ role: 'follower', isConfPending: false })
  })

  test('"it replicates log entries but does not count itself in majorities"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    change(cluster, [remove(1)])
    cluster.deliverOnly(({ kind }) => kind === 'AppendEntries')
    cluster.deliverOnly(({ kind }) => kind === 'AppendEntriesReply')
    cluster.propose(1, 'still')
    const { commitIndex, lastIndex } = statusOf(cluster, 1)
    cluster.isolate(1, 2)
    cluster.run(200)
    expect(statusOf(cluster, 2).lastIndex).toBe(lastIndex)
    expect(statusOf(cluster, 1)).toMatchObject({ role: 'leader', commitIndex })
  })

  test('"a server that is not part of its own latest configuration should still start new elections, as it might still be needed until the C_new entry is committed"', () => {
    // Figure 4.6: S1 leads a cluster of two and is being removed; S2 does not have the entry yet.
    const cluster = led({ voters: [1, 2] })
    change(cluster, [remove(1)])
    cluster.deliverOnly(({ to }) => to === 2)
    cluster.deliverOnly(({ to }) => to === 1)
    expect(votersOf(cluster, 1)).toEqual([2])
    cluster.drop(() => true)
    cluster.crash(1)
    cluster.start(1)
    cluster.run(8_000)
    expect(statusOf(cluster, 2)).toMatchObject({ role: 'leader', isConfPending: false, conf: { voters: [2], removed: [1] } })
  })

  test('"It does not count its own vote in elections unless it is part of its latest configuration"', () => {
    const { cluster, node, sent } = lone({ conf: confOf({ voters: [1, 2, 3] }) })
    const joint = confOf({ voters: [2, 3], votersOutgoing: [1, 2, 3] })
    const entries = [confEntry(1, joint), confEntry(2, confOf({ voters: [2, 3], removed: [1] }))]
    cluster.receive({ kind: 'AppendEntries', from: 2, to: 1, term: 1, prev: { term: 0, index: 0 }, entries, commitIndex: 1 })
    sent()
    cluster.campaign(1)
    expect(onTheWay(cluster)).toEqual(['PreVote 1>2', 'PreVote 1>3'])
    cluster.receive({ kind: 'PreVoteReply', from: 3, to: 1, term: 2, granted: true })
    expect(node.core.softState.role).toBe('preCandidate')
    cluster.receive({ kind: 'PreVoteReply', from: 2, to: 1, term: 2, granted: true })
    expect(node.core.softState.role).toBe('candidate')
  })

  test('"it will always be possible for the members of C_new to elect a new leader from among themselves"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    change(cluster, [remove(1)])
    cluster.deliver()
    cluster.run(100)
    expect(statusOf(cluster, 1).role).toBe('follower')
    cluster.crash(1)
    cluster.run(4_000)
    expect([2, 3]).toContain(cluster.leaders()[0])
  })
})

describe('§4.2.3 disruptive servers', () => {
  test('"while a leader is able to get heartbeats to its cluster, it will not be deposed by larger term numbers"', () => {
    const cluster = led({ voters: [1, 2, 3, 4] })
    cluster.isolate(4)
    change(cluster, [remove(4)])
    cluster.run(300)
    cluster.heal()
    // It does not know that it was removed, and asks again and again.
    cluster.run(10_000)
    expect(statusOf(cluster, 4).conf.voters).toEqual([1, 2, 3, 4])
    expect(statusOf(cluster, 4).role).not.toBe('leader')
    for (const id of [1, 2, 3]) expect(statusOf(cluster, id)).toMatchObject({ term: 1, leader: 1 })
  })

  test('"Even before C_new is committed, S1 can time out, increment its term, and send this larger term number to the new cluster": nobody minds (figure 4.7)', () => {
    const cluster = led({ voters: [1, 2, 3, 4], leader: 4 })
    change(cluster, [remove(1)], { at: 4 })
    cluster.drop(() => true)
    const before = [2, 3, 4].map((id) => JSON.stringify(statusOf(cluster, id)))
    // Its log is as good as that of a majority of either configuration.
    const { term, lastTerm, lastIndex } = statusOf(cluster, 1)
    for (const to of [2, 3, 4]) {
      const last = { term: lastTerm, index: lastIndex }
      cluster.receive({ kind: 'RequestVote', from: 1, to, term: term + 5, last, transfer: false })
    }
    expect([2, 3, 4].map((id) => JSON.stringify(statusOf(cluster, id)))).toEqual(before)
  })
})

describe('§4.3 joint consensus', () => {
  /** Three servers are being replaced by nine others; node 1 leads, and nobody has acknowledged the joint configuration. */
  const threeToNine = () => {
    const incoming = [4, 5, 6, 7, 8, 9, 10, 11, 12]
    const it = loneLeader({ conf: confOf({ voters: [1, 2, 3], learners: incoming }) })
    it.cluster.receive(acknowledge(2, 1))
    it.cluster.input(1, { kind: 'changeConf', ticket: 1, steps: [...incoming.map(promote), ...[1, 2, 3].map(remove)], force: true })
    return it
  }

  test('"when changing from a cluster of 3 servers to a different cluster of 9 servers, agreement requires both 2 of the 3 servers in the old configuration and 5 of the 9 servers in the new configuration"', () => {
    const { cluster, node } = threeToNine()
    expect(node.core.status.conf).toMatchObject({ voters: [4, 5, 6, 7, 8, 9, 10, 11, 12], votersOutgoing: [1, 2, 3] })
    for (const id of [4, 5, 6, 7, 8, 9, 10, 11, 12]) cluster.receive(acknowledge(id, 2))
    expect(node.core.status.commitIndex).toBe(1)
    cluster.receive(acknowledge(2, 2))
    expect(node.core.status.commitIndex).toBe(2)
    const other = threeToNine()
    for (const id of [2, 3, 4, 5, 6, 7]) other.cluster.receive(acknowledge(id, 2))
    expect(other.node.core.status.commitIndex).toBe(1)
    other.cluster.receive(acknowledge(8, 2))
    expect(other.node.core.status.commitIndex).toBe(2)
  })

  test('"Log entries are replicated to all servers in both configurations"', () => {
    const cluster = led({ voters: [1, 2, 3], learners: [4, 5] })
    change(cluster, [promote(4), promote(5), remove(2), remove(3)])
    expect(onTheWay(cluster, 'AppendEntries').toSorted()).toEqual([2, 3, 4, 5].map((id) => `AppendEntries 1>${id}`))
  })

  test.each([2, 4])('"Any server from either configuration may serve as leader": server %i', (id) => {
    const cluster = led({ voters: [1, 2], learners: [3, 4] })
    change(cluster, [promote(3), promote(4), remove(1), remove(2)])
    cluster.deliverOnly(({ kind }) => kind === 'AppendEntries')
    cluster.drop(() => true)
    cluster.crash(1)
    cluster.start(1)
    for (const each of [1, 2, 3, 4]) if (each !== id) cluster.forgetLeader(each)
    cluster.campaign(id)
    cluster.deliver()
    expect(cluster.node(id).softStates).toContainEqual({ role: 'leader', term: 2, leader: id })
    cluster.run(2_000)
    for (const each of [3, 4]) expect(statusOf(cluster, each).conf).toMatchObject({ voters: [3, 4], votersOutgoing: [], removed: [1, 2] })
  })

  test('"If the leader crashes, a new leader may be chosen under either C_old or C_old,new, depending on whether the winning candidate has received C_old,new"', () => {
    const elected = (id: NodeId) => {
      const cluster = led({ voters: [1, 2, 3], learners: [4, 5] })
      change(cluster, [promote(4), promote(5), remove(2), remove(3)])
      cluster.deliverOnly(({ to }) => to === 3)
      cluster.drop(() => true)
      cluster.crash(1)
      cluster.isolate(2, 3)
      cluster.tick(2, 1_010)
      cluster.forgetLeader(3)
      cluster.campaign(id)
      cluster.deliver()
      return statusOf(cluster, id).role === 'leader'
    }
    // 2 knows of the old three only, and would be elected by 3, whose log is better; 3 needs some of the new ones too.
    expect([elected(2), elected(3)]).toEqual([false, false])
  })

  test('"In any case, C_new cannot make unilateral decisions during this period"', () => {
    const cluster = led({ voters: [1, 2, 3], learners: [4, 5] })
    change(cluster, [promote(4), promote(5), remove(2), remove(3)])
    cluster.deliverOnly(({ kind }) => kind === 'AppendEntries')
    cluster.drop(() => true)
    cluster.isolate(4, 5)
    cluster.run(10_000)
    for (const id of [4, 5]) expect(statusOf(cluster, id)).toMatchObject({ term: 1 })
    expect(cluster.leaders()).not.toContain(4)
    expect(cluster.leaders()).not.toContain(5)
  })

  test('"Once C_old,new has been committed, [...] only servers with the C_old,new log entry can be elected as leader"', () => {
    const cluster = led({ voters: [1, 2, 3], learners: [4, 5] })
    change(cluster, [promote(4), promote(5), remove(2), remove(3)])
    cluster.deliverOnly(({ to }) => to === 2 || to === 4)
    cluster.deliverOnly(({ to }) => to === 1)
    cluster.drop(() => true)
    // 3 and 5 do not have it; the new leader is of those that have.
    cluster.crash(1)
    cluster.start(1)
    cluster.run(6_000)
    const [leader] = cluster.node(5).softStates.flatMap(({ leader: id, term }) => (id !== undefined && term > 1 ? [id] : []))
    expect([1, 2, 4]).toContain(leader)
  })

  test('"It is now safe for the leader to create a log entry describing C_new": once the joint one is committed, not earlier', () => {
    const { cluster, node } = threeToNine()
    cluster.tick(1, 200)
    for (const id of [3, 4, 5, 6, 7]) cluster.receive(acknowledge(id, 2))
    expect(node.log.map(({ kind }) => kind)).toEqual(['noop', 'conf'])
    cluster.receive(acknowledge(8, 2))
    expect(node.log.map(({ kind }) => kind)).toEqual(['noop', 'conf', 'conf'])
    expect(node.core.status.conf).toMatchObject({ votersOutgoing: [], removed: [1, 2, 3] })
  })

  test('"When the C_new log entry has been committed under the rules of C_new, the old configuration is irrelevant and servers not in the new configuration can be shut down"', () => {
    const cluster = led({ voters: [1, 2, 3], learners: [4, 5] })
    change(cluster, [promote(4), promote(5), remove(2), remove(3)])
    cluster.run(300)
    expect(hasCommitted(cluster, 1)).toBe(true)
    for (const id of [2, 3]) cluster.crash(id)
    cluster.propose(1, 'after')
    cluster.run(200)
    for (const id of [1, 4, 5]) expect(statusOf(cluster, id).commitIndex).toBe(4)
    cluster.crash(1)
    cluster.run(5_000)
    expect([4, 5]).toContain(cluster.leaders()[0])
  })

  test('"a leader rejects additional configuration changes when a configuration change is already in progress (when its latest configuration is not committed or is not a simple majority)"', () => {
    const { cluster, node } = threeToNine()
    const reasons = () => node.refused.map(({ reason }) => reason)
    change(cluster, [demote(4)])
    expect(reasons()).toEqual(['confPending'])
    // The next leader of a joint configuration, which is committed with its first entry and left at once: that change is not settled either.
    for (const id of [2, 4, 5, 6, 7, 8]) cluster.receive(acknowledge(id, 2))
    expect(node.core.status.conf.votersOutgoing).toEqual([])
    change(cluster, [demote(4)])
    expect(reasons()).toEqual(['confPending', 'confPending'])
  })

  test('"two servers can be added to a cluster at once, or all of the servers in a five-server cluster can be replaced at once"', () => {
    const cluster = led({ voters: [1, 2, 3, 4, 5], learners: [6, 7, 8, 9, 10] })
    change(cluster, [...[6, 7, 8, 9, 10].map(promote), ...[1, 2, 3, 4, 5].map(remove)])
    cluster.propose(1, 'a')
    cluster.run(5_000)
    const [leader = 0] = cluster.leaders()
    expect(leader).toBeGreaterThan(5)
    expect(statusOf(cluster, leader)).toMatchObject({ isConfPending: false, conf: { voters: [6, 7, 8, 9, 10], removed: [1, 2, 3, 4, 5] } })
  })
})

test('§3.8: "If a server loses any of its persistent state, it cannot safely rejoin the cluster with its prior identity": only as a learner with another one', () => {
  const cluster = led({ voters: [1, 2, 3] })
  const back = { kind: 'update', member: memberOf(3, 2), joining: true } as const
  change(cluster, [back])
  expect(cluster.node(1).refused).toMatchObject([
    { reason: 'badIncarnation', message: 'node 3 is a voter: demote it before it comes back with incarnation 2' },
  ])
  change(cluster, [demote(3)])
  cluster.run(200)
  cluster.join(3, statusOf(cluster, 1).conf.members)
  change(cluster, [back])
  cluster.run(200)
  expect(statusOf(cluster, 1).followers).toMatchObject([{ id: 2 }, { id: 3, matchIndex: 0, isCaughtUp: false }])
  cluster.fetchSnapshot({ source: 2, target: 3 })
  cluster.run(1_000)
  expect(statusOf(cluster, 3).conf).toMatchObject({ voters: [1, 2, 3], learners: [], joining: [] })
})

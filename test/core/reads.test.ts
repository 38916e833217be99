import { describe, expect, test } from 'vitest'
import type { HeartbeatReply, Message } from '../../src/core/index.ts'
import { confOf } from './core-cluster.ts'
import { change, demote } from './led.ts'
import { type Lone, lone, loneLeader } from './lone.ts'

/** A leader of term 1 whose no-op is committed, and that was silent since. */
function committedLeader(given: Parameters<typeof loneLeader>[0] = {}): Lone {
  const it = loneLeader(given)
  for (const from of [2, 3]) it.cluster.receive({ kind: 'AppendEntriesReply', from, to: 1, term: 1, ok: true, matchIndex: 1 })
  it.sent()
  return it
}
const reply = (given: Partial<HeartbeatReply>): HeartbeatReply => ({ kind: 'HeartbeatReply', from: 2, to: 1, term: 1, round: 1, ...given })
const roundsOf = (messages: readonly Message[]) => messages.flatMap((message) => (message.kind === 'Heartbeat' ? [message.round] : []))

describe('linearizable reads without the log (§6.4)', () => {
  test('a read is granted at the commit index of its arrival, once a majority answered a round that began after it', () => {
    const { cluster, node, sent } = committedLeader()
    cluster.read(1, 40)
    expect(sent()).toMatchObject([
      { kind: 'Heartbeat', to: 2, round: 1 },
      { kind: 'Heartbeat', to: 3, round: 1 },
    ])
    cluster.propose(1, 'later')
    cluster.receive({ kind: 'AppendEntriesReply', from: 2, to: 1, term: 1, ok: true, matchIndex: 2 })
    expect(node.grants).toEqual([])
    cluster.receive(reply({}))
    expect(node.grants).toEqual([{ id: 40, index: 1 }])
  })

  test('a leader grants nothing before it committed an entry of its own term: it does not know what is committed', () => {
    const { cluster, node, sent } = loneLeader({ terms: [1] })
    cluster.read(1, 1)
    cluster.tick(1, 110)
    for (const from of [2, 3]) cluster.receive(reply({ from, term: 2 }))
    expect(node.grants).toEqual([])
    sent()
    cluster.receive({ kind: 'AppendEntriesReply', from: 2, to: 1, term: 2, ok: true, matchIndex: 2 })
    // Of the follower that answered the heartbeat first: the two of them are a quorum.
    expect(roundsOf(sent())).toEqual([2])
    cluster.receive(reply({ term: 2, round: 1 }))
    expect(node.grants).toEqual([])
    cluster.receive(reply({ term: 2, round: 2 }))
    expect(node.grants).toEqual([{ id: 1, index: 2 }])
  })

  test('all reads that wait share one round; those that come during a round share the next', () => {
    const { cluster, node, sent } = committedLeader()
    for (let id = 1; id <= 5; id++) cluster.read(1, id)
    expect(roundsOf(sent())).toEqual([1, 1])
    cluster.receive(reply({ round: 1 }))
    expect(node.grants.map(({ id }) => id)).toEqual([1])
    expect(roundsOf(sent())).toEqual([2, 2])
    cluster.receive(reply({ round: 2 }))
    expect(node.grants.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5])
    expect(sent()).toEqual([])
  })

  test('reads of one turn share the first round too', () => {
    const { cluster, node, sent } = committedLeader()
    node.core.step({ kind: 'read', id: 1, lease: false })
    node.core.step({ kind: 'read', id: 2, lease: false })
    cluster.read(1, 3)
    expect(roundsOf(sent())).toEqual([1, 1])
    cluster.receive(reply({}))
    expect(node.grants.map(({ id }) => id)).toEqual([1, 2, 3])
  })

  describe('asks no more than a quorum needs', () => {
    /** All of them have answered the heartbeat of round 1, in that order. */
    const answeredBy = (order: readonly number[], given: Parameters<typeof loneLeader>[0] = {}): Lone => {
      const it = committedLeader(given)
      it.cluster.tick(1, 110)
      for (const from of order) it.cluster.receive(reply({ from }))
      it.sent()
      return it
    }
    const askedBy = ({ sent }: Lone) => sent().flatMap((message) => (message.kind === 'Heartbeat' ? [message.to] : []))

    test('of those who answered the last heartbeat first', () => {
      const it = answeredBy([3, 2])
      it.cluster.read(1, 1)
      expect(askedBy(it)).toEqual([3])
      it.cluster.receive(reply({ from: 3, round: 2 }))
      expect(it.node.grants).toEqual([{ id: 1, index: 1 }])
      const five = answeredBy([5, 2, 4, 3], { voters: [1, 2, 3, 4, 5] })
      five.cluster.read(1, 1)
      expect(askedBy(five)).toEqual([2, 5])
    })

    test('and learners never', () => {
      const it = answeredBy([4, 3, 2], { conf: confOf({ voters: [1, 2, 3], learners: [4] }) })
      it.cluster.read(1, 1)
      expect(askedBy(it)).toEqual([3])
    })

    test('and everyone after a quarter of a heartbeat, and from then on until the next one is answered', () => {
      const it = answeredBy([3, 2])
      it.cluster.read(1, 1)
      expect(askedBy(it)).toEqual([3])
      // From the next tick on: what happens between two of them is dated at the second.
      it.cluster.tick(1, 10)
      it.cluster.tick(1, 30)
      expect(askedBy(it)).toEqual([2])
      it.cluster.receive(reply({ from: 2, round: 2 }))
      expect(it.node.grants).toEqual([{ id: 1, index: 1 }])
      it.cluster.read(1, 2)
      expect(askedBy(it)).toEqual([2, 3])
      it.cluster.receive(reply({ from: 2, round: 3 }))
      it.cluster.tick(1, 60)
      expect(askedBy(it)).toEqual([2, 3])
      it.cluster.receive(reply({ from: 2, round: 4 }))
      it.cluster.read(1, 3)
      expect(askedBy(it)).toEqual([2])
    })

    test('and everyone while the voters change', () => {
      const it = answeredBy([3, 2])
      change(it.cluster, [demote(2)])
      it.sent()
      it.cluster.read(1, 1)
      expect(askedBy(it)).toEqual([2, 3])
    })
  })

  test('answers to older rounds, of older terms, of strangers and of learners confirm nothing', () => {
    const { cluster, node } = committedLeader({ conf: confOf({ voters: [1, 2, 3], learners: [4] }) })
    cluster.tick(1, 110)
    cluster.read(1, 7)
    cluster.receive(reply({ round: 1 }))
    cluster.receive(reply({ round: 2, from: 4 }))
    cluster.receive(reply({ round: 2, from: 9 }))
    cluster.receive(reply({ round: 2, term: 0 }))
    cluster.receive(reply({ round: 99 }))
    expect(node.grants).toEqual([])
    cluster.receive(reply({ round: 2 }))
    expect(node.grants).toEqual([{ id: 7, index: 1 }])
  })

  test('a round has an id that is never used again in the life of a process, also not in a later term', () => {
    const { cluster, node, sent } = committedLeader()
    cluster.read(1, 1)
    const before = Math.max(...roundsOf(sent()))
    cluster.receive({ kind: 'Heartbeat', from: 2, to: 1, term: 2, commitIndex: 0, round: 1 })
    cluster.tick(1, 1_100)
    cluster.campaign(1)
    for (const kind of ['PreVoteReply', 'RequestVoteReply'] as const) cluster.receive({ kind, from: 3, to: 1, term: 3, granted: true })
    cluster.receive({ kind: 'AppendEntriesReply', from: 3, to: 1, term: 3, ok: true, matchIndex: 2 })
    sent()
    cluster.read(1, 2)
    const after = roundsOf(sent())
    expect(Math.min(...after)).toBeGreaterThan(before)
    cluster.receive(reply({ term: 3, round: before }))
    expect(node.grants).toEqual([])
  })

  test('the next regular heartbeat makes good for a round that was lost', () => {
    const { cluster, node, sent } = committedLeader()
    cluster.read(1, 1)
    sent()
    cluster.tick(1, 110)
    cluster.receive(reply({ round: 2 }))
    expect(node.grants).toEqual([{ id: 1, index: 1 }])
  })

  test('a cluster of one grants at once', () => {
    const { cluster, node } = lone({ voters: [1] })
    cluster.tick(1, 10)
    cluster.read(1, 1)
    expect(node.grants).toEqual([{ id: 1, index: 1 }])
  })

  test('a joint configuration confirms with both majorities (§4.3)', () => {
    const { cluster, node } = committedLeader({ conf: confOf({ voters: [1, 4, 5], learners: [2, 3] }) })
    for (const from of [4, 5]) cluster.receive({ kind: 'AppendEntriesReply', from, to: 1, term: 1, ok: true, matchIndex: 1 })
    const steps = [2, 3].map((id) => ({ kind: 'promote', id }) as const)
    const leave = [4, 5].map((id) => ({ kind: 'remove', id }) as const)
    cluster.input(1, { kind: 'changeConf', ticket: 1, steps: [...steps, ...leave], force: true })
    cluster.read(1, 1)
    for (const from of [2, 3]) cluster.receive(reply({ from }))
    expect(node.grants).toEqual([])
    cluster.receive(reply({ from: 5 }))
    expect(node.grants).toEqual([{ id: 1, index: 1 }])
  })
})

describe('reads that will not be granted are answered', () => {
  test('by a leader that steps down: those in a round and those that wait', () => {
    const { cluster, node } = committedLeader()
    cluster.read(1, 1)
    cluster.read(1, 2)
    cluster.receive({ kind: 'Heartbeat', from: 3, to: 1, term: 2, commitIndex: 0, round: 1 })
    expect(node.refused).toEqual([
      { of: 'read', id: 1, from: 0, reason: 'leadershipLost', leader: 3 },
      { of: 'read', id: 2, from: 0, reason: 'leadershipLost', leader: 3 },
    ])
    cluster.receive(reply({}))
    expect(node.grants).toEqual([])
  })

  test('by a server that does not lead', () => {
    const { cluster, node } = lone()
    cluster.read(1, 4)
    expect(node.refused).toEqual([{ of: 'read', id: 4, from: 0, reason: 'notLeader', leader: undefined }])
  })

  test('by a leader with as many as it may hold; the places are free again afterwards', () => {
    const { cluster, node } = committedLeader({ limits: { readsMax: 2 } })
    for (const id of [1, 2, 3]) cluster.read(1, id)
    expect(node.refused).toEqual([{ of: 'read', id: 3, from: 0, reason: 'readsMax', leader: 1 }])
    cluster.receive(reply({ round: 1 }))
    cluster.receive(reply({ round: 2 }))
    for (const id of [4, 5]) cluster.read(1, id)
    expect(node.refused).toHaveLength(1)
  })
})

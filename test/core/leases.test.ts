import { describe, expect, test } from 'vitest'
import type { HeartbeatReply, Message } from '../../src/core/index.ts'
import { confOf, CoreCluster } from './core-cluster.ts'
import { type Lone, lone, loneLeader } from './lone.ts'

const leaseMs = 2_000
const conf = confOf({ voters: [1, 2, 3], leaseMs })
const answer = (round: number, from = 2): HeartbeatReply => ({ kind: 'HeartbeatReply', from, to: 1, term: 1, round })
const acknowledge = (it: Lone, matchIndex: number, from = 2) => {
  it.cluster.receive({ kind: 'AppendEntriesReply', from, to: 1, term: 1, ok: true, matchIndex })
}
/** A leader whose first round of heartbeats has just begun and was answered by a quorum. */
function leaseholder(): Lone {
  const it = loneLeader({ conf })
  acknowledge(it, 1)
  it.cluster.tick(1, 110)
  it.cluster.receive(answer(1))
  it.sent()
  return it
}
const grants = (it: Lone) => {
  it.cluster.read(1, 8, { lease: true })
  return it.node.grants
}

describe('a lease (§6.4.1)', () => {
  test('answers reads without a round, from the start of the round that a quorum answered, for nine tenths of its time', () => {
    expect(grants(leaseholder())).toEqual([{ id: 8, index: 1 }])
    // The round began 110 ms after it was elected: 1,800 ms later it is over.
    for (const [lastMs, count] of [
      [780, 1],
      [790, 0],
    ] as const) {
      const it = leaseholder()
      it.cluster.tick(1, 990, { stepMs: 990 })
      it.cluster.receive(answer(1))
      it.cluster.tick(1, 20)
      it.cluster.tick(1, lastMs, { stepMs: lastMs })
      expect(it.node.core.softState.role).toBe('leader')
      expect(grants(it)).toHaveLength(count)
    }
  })

  test('is judged by the time of the turn in which it is to answer, not by that in which it was asked', () => {
    const it = leaseholder()
    it.node.core.step({ kind: 'read', id: 8, lease: true })
    it.cluster.tick(1, 10)
    expect(it.node.grants).toHaveLength(1)
    it.node.core.step({ kind: 'read', id: 9, lease: true })
    it.cluster.tick(1, 5_000, { stepMs: 5_000 })
    expect(it.node.grants).toHaveLength(1)
    expect(it.node.refused).toMatchObject([{ of: 'read', id: 9, reason: 'leadershipLost' }])
  })

  test('counts only who has the configuration that says so', () => {
    const it = loneLeader({ conf: confOf({ voters: [1, 2, 3, 4, 5] }) })
    for (const from of [2, 3, 4]) acknowledge(it, 1, from)
    it.cluster.input(1, { kind: 'changeConf', ticket: 1, steps: [{ kind: 'setLease', leaseMs }], force: false })
    it.cluster.tick(1, 110)
    for (const from of [4, 5]) it.cluster.receive(answer(1, from))
    expect(grants(it)).toEqual([])
    for (const from of [2, 3]) acknowledge(it, 2, from)
    expect(it.node.core.status.isConfPending).toBe(false)
    it.cluster.tick(1, 10)
    it.cluster.read(1, 9, { lease: true })
    expect(it.node.grants).toEqual([])
    it.cluster.receive(answer(1, 2))
    acknowledge(it, 2, 4)
    it.cluster.read(1, 10, { lease: true })
    expect(it.node.grants.map(({ id }) => id)).toContain(10)
  })

  test('is void from the moment another is asked to lead, for the rest of the term', () => {
    const it = leaseholder()
    it.cluster.input(1, { kind: 'transfer', ticket: 1, to: 2 })
    expect(it.sent()).toMatchObject([{ kind: 'TimeoutNow' }])
    expect(grants(it)).toEqual([])
    for (let i = 0; i < 12; i++) {
      it.cluster.tick(1, 100)
      const rounds = it.sent().flatMap((message) => (message.kind === 'Heartbeat' ? [message.round] : []))
      it.cluster.receive(answer(Math.max(1, ...rounds)))
    }
    expect(it.node.core.status).toMatchObject({ role: 'leader', transferee: undefined })
    it.node.grants = []
    it.cluster.read(1, 11, { lease: true })
    expect(it.node.grants).toEqual([])
  })
})

describe('while there are leases nobody helps to elect another', () => {
  const request: Message = { kind: 'RequestVote', from: 3, to: 1, term: 9, last: { term: 8, index: 9 }, transfer: false }

  test('before one ran out after a leader was heard, or after the start: it may have heard one just before', () => {
    const it = lone({ conf })
    it.cluster.tick(1, leaseMs - 10)
    it.cluster.receive(request)
    it.cluster.receive({ ...request, kind: 'PreVote' })
    expect(it.sent()).toEqual([])
    it.cluster.tick(1, 10)
    it.cluster.receive(request)
    expect(it.sent()).toMatchObject([{ kind: 'RequestVoteReply', granted: true }])
  })

  test('whatever term it has learnt of meanwhile', () => {
    const it = lone({ conf })
    it.cluster.receive({ kind: 'Heartbeat', from: 2, to: 1, term: 3, commitIndex: 0, round: 1 })
    it.cluster.receive({ kind: 'AppendEntriesReply', from: 3, to: 1, term: 9, ok: false, prevIndex: 0, hint: { term: 0, index: 0 } })
    it.sent()
    it.cluster.tick(1, 1_500)
    it.cluster.receive(request)
    expect(it.sent()).toEqual([])
    expect(it.node.core.status).toMatchObject({ term: 9, votedFor: undefined })
  })

  test('nor itself, however short its own election timeout', () => {
    const it = lone({ conf: { ...conf, leaseMs: 5_000 } })
    it.cluster.tick(1, 4_990)
    expect(it.sent()).toEqual([])
    it.cluster.campaign(1)
    expect(it.node.now).toBeLessThan(6_100)
  })

  test('but where the leader asks for it (§3.10)', () => {
    const it = lone({ conf })
    it.cluster.receive({ ...request, transfer: true })
    expect(it.sent()).toMatchObject([{ kind: 'RequestVoteReply', granted: true }])
  })

  test('and a single server serves again only when the lease of any leader before it is over', () => {
    const cluster = new CoreCluster({ conf: confOf({ voters: [1], leaseMs }) }).start()
    cluster.tick(1, leaseMs - 10)
    expect(cluster.leaders()).toEqual([])
    cluster.tick(1, 20)
    expect(cluster.leaders()).toEqual([1])
  })
})

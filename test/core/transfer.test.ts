import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../src/core/index.ts'
import { confOf, CoreCluster } from './core-cluster.ts'
import { type Lone, loneLeader } from './lone.ts'

const transfer = (it: Lone, to?: NodeId) => it.cluster.input(1, { kind: 'transfer', ticket: 5, to })
const acknowledge = (it: Lone, from: NodeId, matchIndex: number) => {
  it.cluster.receive({ kind: 'AppendEntriesReply', from, to: 1, term: 1, ok: true, matchIndex })
}
const asked = (it: Lone) => it.sent().filter(({ kind }) => kind === 'TimeoutNow')

describe('leadership is handed over (§3.10)', () => {
  test('to the voter that has most of the log, once it has all of it; no proposal is taken meanwhile', () => {
    const it = loneLeader({ conf: confOf({ voters: [1, 2, 3], learners: [4] }) })
    it.cluster.propose(1, 'a')
    for (const from of [2, 3, 4]) acknowledge(it, from, from === 3 ? 1 : 0)
    transfer(it)
    expect(it.node.core.status.transferee).toBe(3)
    it.cluster.propose(1, 'b')
    it.cluster.input(1, { kind: 'changeConf', ticket: 6, steps: [{ kind: 'remove', id: 4 }], force: false })
    expect(it.node.refused).toMatchObject([
      { of: 'propose', from: 0, reason: 'transferring' },
      { of: 'changeConf', id: 6, reason: 'transferring', message: 'leadership is being handed to node 3' },
    ])
    expect(asked(it)).toEqual([])
    acknowledge(it, 3, 2)
    expect(asked(it)).toEqual([{ kind: 'TimeoutNow', from: 1, to: 3, term: 1 }])
    it.cluster.tick(1, 110)
    expect(asked(it)).toHaveLength(1)
  })

  test('and it is given up after an election timeout: the leader goes on', () => {
    const it = loneLeader()
    transfer(it, 2)
    for (let i = 0; i < 11; i++) {
      it.cluster.tick(1, 100)
      it.cluster.receive({ kind: 'HeartbeatReply', from: 3, to: 1, term: 1, round: 1 })
    }
    expect(it.node.core.status).toMatchObject({ role: 'leader', transferee: undefined })
    it.node.refused = []
    it.cluster.propose(1, 'c')
    expect(it.node.refused).toEqual([])
  })

  test.each([
    ['transferToSelf', 1, 'node 1 leads already'],
    ['notVoter', 4, 'node 4 is not a voter; 1, 2, 3 are'],
    ['notVoter', 9, 'node 9 is not a voter; 1, 2, 3 are'],
  ] as const)('but not where it makes no sense: %s', (reason, to, message) => {
    const it = loneLeader({ conf: confOf({ voters: [1, 2, 3], learners: [4] }) })
    transfer(it, to)
    expect(it.node.refused).toEqual([{ of: 'transfer', id: 5, from: 0, reason, message, leader: 1 }])
  })

  test('nor twice, nor where nobody else votes', () => {
    const it = loneLeader()
    transfer(it, 2)
    transfer(it, 3)
    const alone = loneLeader({ voters: [1] })
    transfer(alone)
    expect([...it.node.refused, ...alone.node.refused]).toMatchObject([{ reason: 'transferPending' }, { reason: 'noTarget' }])
  })

  test('without waiting for anyone to miss the leader, and without pre-votes', () => {
    const cluster = new CoreCluster({ conf: confOf({ voters: [1, 2, 3] }) }).start()
    cluster.elect(1)
    cluster.run(200)
    cluster.input(1, { kind: 'transfer', ticket: 1, to: 3 })
    cluster.deliver()
    expect(cluster.leaders()).toEqual([3])
    expect(cluster.node(3).core.softState.term).toBe(2)
    expect(cluster.node(1).core.status.transferee).toBeUndefined()
  })

  test('and whoever is asked by a leader of an older term does nothing', () => {
    const it = loneLeader()
    it.cluster.receive({ kind: 'Heartbeat', from: 2, to: 1, term: 3, commitIndex: 0, round: 1 })
    it.sent()
    it.cluster.receive({ kind: 'TimeoutNow', from: 3, to: 1, term: 2 })
    expect(it.node.core.softState).toEqual({ role: 'follower', term: 3, leader: 2 })
    it.cluster.receive({ kind: 'TimeoutNow', from: 2, to: 1, term: 3 })
    expect(it.node.core.softState).toMatchObject({ role: 'candidate', term: 4 })
    expect(it.sent()).toMatchObject([
      { kind: 'RequestVote', to: 2, transfer: true },
      { kind: 'RequestVote', to: 3, transfer: true },
    ])
  })
})

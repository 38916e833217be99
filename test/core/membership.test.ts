import { describe, expect, test } from 'vitest'
import { type ConfStep, InvariantError, type NodeId } from '../../src/core/index.ts'
import { confProblem, leaveJoint, planChange } from '../../src/core/conf-change.ts'
import { confOf, CoreCluster, memberOf } from './core-cluster.ts'
import { type Lone, loneLeader } from './lone.ts'

const acknowledge = (it: Lone, matchIndex: number, ...from: readonly NodeId[]) => {
  const { term } = it.node.core.softState
  for (const id of from) it.cluster.receive({ kind: 'AppendEntriesReply', from: id, to: 1, term, ok: true, matchIndex })
}
/** A leader of term 1 whose no-op is committed. */
function committedLeader(given: Parameters<typeof loneLeader>[0] = {}): Lone {
  const it = loneLeader(given)
  acknowledge(it, 1, ...it.node.core.status.conf.members.map(({ id }) => id).filter((id) => id !== 1))
  it.sent()
  return it
}
function change(it: Lone, steps: readonly ConfStep[], { force = false } = {}) {
  it.cluster.input(1, { kind: 'changeConf', ticket: 7, steps, force })
  return it.node.refused.at(-1)?.reason ?? it.node.core.status.conf
}
const add = (id: NodeId, joining = false): ConfStep => ({ kind: 'addLearner', member: memberOf(id), joining })
const promote = (id: NodeId): ConfStep => ({ kind: 'promote', id })
const remove = (id: NodeId): ConfStep => ({ kind: 'remove', id })

describe('a change of the configuration', () => {
  test('of the voters is joint, and knows old and new ones (§4.3)', () => {
    const plan = planChange(confOf({ voters: [1, 2, 3], learners: [4] }), [promote(4), remove(1), { kind: 'demote', id: 2 }])
    expect(plan).toMatchObject({
      kind: 'next',
      conf: {
        voters: [3, 4],
        votersOutgoing: [1, 2, 3],
        learners: [2],
        removed: [],
        members: [{ id: 1 }, { id: 2 }, { id: 3 }, { id: 4 }],
      },
    })
    if (plan.kind !== 'next') return
    expect(leaveJoint(plan.conf)).toMatchObject({ voters: [3, 4], votersOutgoing: [], learners: [2], removed: [1] })
    expect(confProblem(plan.conf) ?? confProblem(leaveJoint(plan.conf))).toBeUndefined()
  })

  test('that suspends a voter makes it one that joins, so that it votes again once it has caught up', () => {
    const plan = planChange(confOf({ voters: [1, 2, 3] }), [{ kind: 'suspend', id: 2 }])
    expect(plan).toMatchObject({ kind: 'next', conf: { voters: [1, 3], votersOutgoing: [1, 2, 3], learners: [2], joining: [2] } })
    if (plan.kind === 'next') expect(leaveJoint(plan.conf)).toMatchObject({ voters: [1, 3], learners: [2], joining: [2], removed: [] })
    const again = planChange(confOf({ voters: [1, 3], learners: [2] }), [{ kind: 'suspend', id: 2 }])
    expect(again).toMatchObject({ reason: 'notVoter', message: 'node 2 is not a voter' })
  })

  test('knows ids up to 2^48 - 1, and a cluster of such elects its leader', () => {
    const voters = [2 ** 47, 2 ** 48 - 2, 2 ** 48 - 1]
    const cluster = new CoreCluster({ conf: confOf({ voters }) }).start()
    cluster.run(10_000)
    expect(voters.map((id) => cluster.node(id).core.softState.leader)).toEqual(voters.map(() => expect.toBeOneOf(voters)))
    for (const id of [0, 1.5, 2 ** 48]) {
      const message = `${id} is not the id of a node: a whole number from 1 to 2^48 - 1`
      expect(planChange(confOf({ voters }), [add(id)])).toEqual({ kind: 'refused', reason: 'unknownId', message })
    }
  })

  test('of anything else is one entry, and the ids of removed learners are never used again', () => {
    const conf = { ...confOf({ voters: [1, 2, 3], learners: [4] }), removed: [9] }
    expect(planChange(conf, [remove(4), add(5, true), { kind: 'setLease', leaseMs: 900 }])).toMatchObject({
      conf: { voters: [1, 2, 3], votersOutgoing: [], learners: [5], joining: [5], removed: [4, 9], leaseMs: 900 },
    })
  })

  test.each([
    ['noSteps', []],
    ['unknownId', [promote(8)]],
    ['unknownId', [add(0)]],
    ['duplicateId', [add(3)]],
    ['duplicateId', [add(8), remove(8)]],
    ['removedId', [add(9)]],
    ['notLearner', [promote(2)]],
    ['notVoter', [{ kind: 'demote', id: 4 }]],
    ['badIncarnation', [{ kind: 'addLearner', member: memberOf(8, 0), joining: true }]],
    ['badIncarnation', [{ kind: 'update', member: memberOf(2, 2), joining: true }]],
    ['badIncarnation', [{ kind: 'update', member: memberOf(4, 0), joining: true }]],
    ['noVoters', [1, 2, 3].map(remove)],
    ['badLease', [{ kind: 'setLease', leaseMs: 60_001 }]],
    ['membersMax', Array.from({ length: 61 }, (_, i) => add(100 + i))],
  ] as const)('is refused with %s: %j', (reason, steps) => {
    const conf = { ...confOf({ voters: [1, 2, 3], learners: [4] }), removed: [9] }
    expect(planChange(conf, steps)).toMatchObject({ kind: 'refused', reason })
  })

  test('waits for the first commit of the term, and for the change before it (§4.1, the erratum of 2015)', () => {
    const it = loneLeader()
    expect(change(it, [add(4)])).toBe('notCommittedInTerm')
    acknowledge(it, 1, 2)
    it.node.refused = []
    expect(change(it, [add(4)])).toMatchObject({ learners: [4] })
    expect(change(it, [add(5)])).toBe('confPending')
    expect(it.node.refused).toMatchObject([{ of: 'changeConf', id: 7, message: 'the change at index 2 is not settled yet' }])
  })

  test('is left by the leader as soon as both majorities have it, and commits with the new one alone', () => {
    const it = committedLeader({ conf: confOf({ voters: [1, 2, 3], learners: [4, 5] }) })
    change(it, [promote(4), promote(5), remove(2), remove(3)])
    acknowledge(it, 2, 4, 5)
    expect(it.node.core.status).toMatchObject({ commitIndex: 1, conf: { votersOutgoing: [1, 2, 3] } })
    acknowledge(it, 2, 3)
    expect(it.node.core.status).toMatchObject({
      commitIndex: 2,
      isConfPending: true,
      conf: { voters: [1, 4, 5], votersOutgoing: [], removed: [2, 3] },
    })
    acknowledge(it, 3, 5)
    expect(it.node.core.status).toMatchObject({ commitIndex: 3, isConfPending: false })
    expect(it.node.core.status.followers.map(({ id }) => id)).toEqual([4, 5])
  })

  test('is undone by truncation, and all that depends on it', () => {
    const it = committedLeader()
    change(it, [remove(1), { kind: 'setLease', leaseMs: 3_000 }])
    expect(it.node.core.status.conf).toMatchObject({ voters: [2, 3], leaseMs: 3_000 })
    const noop = { term: 2, index: 2, kind: 'noop', data: new Uint8Array(0), conf: undefined } as const
    it.cluster.receive({ kind: 'AppendEntries', from: 3, to: 1, term: 2, prev: { term: 1, index: 1 }, entries: [noop], commitIndex: 2 })
    expect(it.node.core.status.conf).toMatchObject({ voters: [1, 2, 3], votersOutgoing: [], leaseMs: 0 })
  })

  test('that leaves too few who are there is refused, unless it is forced', () => {
    const it = committedLeader()
    for (let i = 0; i < 12; i++) {
      it.cluster.tick(1, 100)
      it.cluster.receive({ kind: 'HeartbeatReply', from: 2, to: 1, term: 1, round: 1 })
    }
    expect(change(it, [remove(2)])).toBe('quorumUnreachable')
    expect(it.node.refused[0]?.message).toBe('of the new voters 1, 3 only 1 hold the log and were heard from within 1000 ms')
    it.node.refused = []
    expect(change(it, [remove(2)], { force: true })).toMatchObject({ voters: [1, 3] })
  })

  test('promotes no learner that has not caught up (§4.2.1)', () => {
    const it = loneLeader({ conf: confOf({ voters: [1, 2, 3], learners: [4] }) })
    acknowledge(it, 1, 2, 3)
    expect(change(it, [promote(4)])).toBe('notCaughtUp')
    acknowledge(it, 1, 4)
    it.node.refused = []
    expect(change(it, [promote(4)])).toMatchObject({ voters: [1, 2, 3, 4] })
  })

  test('promotes who was a voter until now before it has answered as a learner, and not when it then falls behind', () => {
    const it = committedLeader()
    change(it, [{ kind: 'demote', id: 3 }])
    acknowledge(it, 2, 2)
    acknowledge(it, 3, 2)
    expect(it.node.core.status).toMatchObject({ commitIndex: 3, conf: { voters: [1, 2], learners: [3] } })
    expect(it.node.core.status.followers[1]).toMatchObject({ id: 3, matchIndex: 1, isCaughtUp: true })
    for (let i = 0; i < 12; i++) {
      it.cluster.tick(1, 100)
      for (const from of [2, 3]) it.cluster.receive({ kind: 'HeartbeatReply', from, to: 1, term: 1, round: 1 })
    }
    expect(it.node.core.status.followers[1]).toMatchObject({ id: 3, isActive: true, isCaughtUp: false })
    expect(change(it, [promote(3)])).toBe('notCaughtUp')
    acknowledge(it, 3, 3)
    it.cluster.tick(1, 100)
    it.node.refused = []
    expect(change(it, [promote(3)])).toMatchObject({ voters: [1, 2, 3] })
  })

  test('to a configuration that cannot be is never taken from anyone', () => {
    const it = committedLeader()
    const entry = { term: 2, index: 2, kind: 'conf', data: new Uint8Array(0), conf: { ...confOf({ voters: [1] }), voters: [] } } as const
    it.cluster.receive({ kind: 'AppendEntries', from: 3, to: 1, term: 2, prev: { term: 1, index: 1 }, entries: [entry], commitIndex: 2 })
    expect(it.node.core.softState).toMatchObject({ role: 'leader', term: 1 })
  })
})

describe('a cluster', () => {
  test('lets a node in as a learner, and makes it a voter by itself once it has caught up (§4.2.1)', () => {
    const cluster = new CoreCluster({ conf: confOf({ voters: [1] }) }).start(1)
    cluster.tick(1, 10)
    cluster.propose(1, 'a', 'b')
    cluster.join(2, [memberOf(1), memberOf(2)])
    cluster.input(1, { kind: 'changeConf', ticket: 1, steps: [add(2, true)], force: false })
    cluster.run(500)
    expect(cluster.node(1).core.status.conf).toMatchObject({ voters: [1], joining: [2] })
    cluster.fetchSnapshot({ source: 1, target: 2 })
    cluster.run(1_000)
    const conf = { voters: [1, 2], votersOutgoing: [], learners: [], joining: [] }
    for (const id of [1, 2]) expect(cluster.node(id).core.status).toMatchObject({ conf, isConfPending: false, lastApplied: 6 })
    expect(cluster.node(2).state).toBe(cluster.node(1).state)
  })

  test('gets rid of its leader: it leads until that is committed, hands over, and campaigns no more (§4.2.2)', () => {
    const cluster = new CoreCluster({ conf: confOf({ voters: [1, 2, 3] }) }).start()
    cluster.elect(1)
    cluster.input(1, { kind: 'changeConf', ticket: 1, steps: [remove(1)], force: false })
    cluster.deliver()
    const [leader] = cluster.leaders()
    expect([2, 3]).toContain(leader)
    expect(cluster.node(leader ?? 0).core.softState.term).toBe(2)
    cluster.run(5_000)
    expect(cluster.leaders()).toEqual([leader])
    expect(cluster.node(1).core.softState).toMatchObject({ role: 'follower' })
    expect(cluster.node(leader ?? 0).core.status.conf).toMatchObject({ voters: [2, 3], removed: [1] })
  })

  test('goes on when the only one that has the configuration without itself restarts: it campaigns, and counts no vote of its own (§4.2.2)', () => {
    const cluster = new CoreCluster({ conf: confOf({ voters: [1, 2] }) }).start()
    cluster.elect(2)
    cluster.input(2, { kind: 'changeConf', ticket: 1, steps: [remove(2)], force: false })
    cluster.deliverOnly(({ to }) => to === 1)
    cluster.deliverOnly(({ to }) => to === 2)
    // Both have the joint one; only 2 has what follows it.
    cluster.drop(() => true)
    expect(cluster.node(2).core.status.conf).toMatchObject({ voters: [1], votersOutgoing: [] })
    cluster.crash(2, { keepWrite: true })
    cluster.start(2)
    cluster.run(8_000)
    expect(cluster.leaders()).toEqual([1])
    expect(cluster.node(1).core.status).toMatchObject({ isConfPending: false, conf: { voters: [1], removed: [2] } })
  })

  test('takes a voter back that lost its disk: a learner of a higher incarnation first, whose acknowledgements begin anew', () => {
    const it = committedLeader({ conf: confOf({ voters: [1, 2, 3], learners: [4] }) })
    const followers = () => it.node.core.status.followers
    expect(followers().find(({ id }) => id === 4)).toMatchObject({ matchIndex: 1 })
    change(it, [{ kind: 'update', member: memberOf(4, 2), joining: true }])
    expect(followers().find(({ id }) => id === 4)).toMatchObject({ matchIndex: 0, state: 'probe', isCaughtUp: false })
    acknowledge(it, 2, 2)
    it.cluster.tick(1, 20)
    expect(it.node.core.status.conf.joining).toEqual([4])
    acknowledge(it, 2, 4)
    it.cluster.tick(1, 20)
    expect(it.node.core.status.conf).toMatchObject({ voters: [1, 2, 3, 4], votersOutgoing: [1, 2, 3] })
  })
})

test('a node without a configuration takes no entries, votes for nobody and never campaigns', () => {
  const cluster = new CoreCluster({ conf: confOf({ voters: [2] }) })
  cluster.join(5, [memberOf(2), memberOf(5)])
  const entry = { term: 1, index: 1, kind: 'noop', data: new Uint8Array(0), conf: undefined } as const
  const header = { from: 2, to: 5, term: 1 }
  const last = { term: 0, index: 0 }
  cluster.receive({ kind: 'PreVote', ...header, last })
  cluster.receive({ kind: 'RequestVote', ...header, last, transfer: true })
  cluster.receive({ kind: 'AppendEntries', ...header, prev: last, entries: [entry], commitIndex: 1 })
  cluster.receive({ kind: 'TimeoutNow', ...header })
  expect(cluster.network).toMatchObject([
    { kind: 'PreVoteReply', granted: false },
    { kind: 'RequestVoteReply', granted: false },
    { kind: 'AppendEntriesReply', ok: false, hint: last },
  ])
  cluster.tick(5, 10_000)
  expect(cluster.node(5).core.status).toMatchObject({ role: 'follower', term: 1, hasState: false, lastIndex: 0, commitIndex: 0 })
  expect(() => cluster.node(5).core.step({ kind: 'compact', index: 1 })).toThrow(InvariantError)
})

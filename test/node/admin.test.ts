// Operations on the cluster through the port of clients: members, changes of them, and machines that ask to be let in.
import { describe, expect, test } from 'vitest'
import { type ConfStep, type Entry, type Member, noConf } from '../../src/core/index.ts'
import { commands, summary, type TestNodes, withSession } from './nodes.ts'
import { begin, beginJoin, changeConf, follower, followers, join, operate } from './operations.ts'

const memberOf = (id: number, incarnation = 1): Member => ({ id, incarnation, peer: `p${id}:1`, client: `c${id}:1` })
const add = (id: number): ConfStep => ({ kind: 'addLearner', member: memberOf(id), joining: false })

function quiet(size: number) {
  const cluster = withSession(size)
  cluster.nodes.pass(300)
  return cluster
}

/** Whoever does not lead, by ascending id. */
function otherIds(nodes: TestNodes): readonly [number, number] {
  const [first, second] = followers(nodes).map(({ node }) => node.id)
  if (first === undefined || second === undefined) throw new Error('fewer than two followers')
  return [first, second]
}

describe('the members', () => {
  test('are told by the leader, with how far each has got', () => {
    const { nodes, leader } = quiet(3)
    const { id } = leader.node
    const { lastIndex, term } = leader.node.status({ digest: false })
    const { refused, members } = operate(nodes, leader, { kind: 'members' })
    expect(refused).toBeUndefined()
    expect(members).toMatchObject({ leader: id, term, commitIndex: lastIndex, electionTimeoutMs: 1_000, conf: { voters: [1, 2, 3] } })
    expect(members?.progress).toEqual(
      [1, 2, 3].map((member) => ({
        id: member,
        state: member === id ? 'leader' : 'replicate',
        isActive: true,
        isCaughtUp: true,
        matchIndex: lastIndex,
      })),
    )
  })

  test('are not told by a leader that nobody hears', () => {
    const { nodes, leader } = quiet(3)
    nodes.cutOff.add(leader.node.id)
    const { answer } = begin(leader, { kind: 'members' })
    nodes.pass(500)
    expect(answer()).toBeUndefined()
    nodes.pass(2_000)
    expect(answer()?.refused?.code).toBe('NOT_LEADER')
  })

  test('are asked of the leader, whom a follower names', () => {
    const { nodes, leader } = quiet(3)
    const { id } = leader.node
    const elsewhere = { code: 'NOT_LEADER', message: `node ${id} at c${id}:1 leads`, reason: undefined }
    expect(operate(nodes, follower(nodes), { kind: 'members' })).toMatchObject({ refused: elsewhere, members: undefined })
    expect(join(nodes, follower(nodes), { id: 4 })).toMatchObject({ refused: elsewhere, conf: undefined })
  })
})

describe('a change of the configuration', () => {
  test('adds a learner, makes it a voter, takes the vote away and removes it, each settled when it is answered', () => {
    const { nodes, leader } = quiet(3)
    const change = (steps: readonly ConfStep[], force = false) => changeConf(nodes, leader, steps, { force }).members?.conf
    expect(change([add(4)])).toMatchObject({ voters: [1, 2, 3], learners: [4] })
    expect(change([{ kind: 'promote', id: 4 }], true)).toMatchObject({ voters: [1, 2, 3, 4], votersOutgoing: [], learners: [] })
    expect(change([{ kind: 'demote', id: 4 }])).toMatchObject({ voters: [1, 2, 3], votersOutgoing: [], learners: [4] })
    expect(change([{ kind: 'remove', id: 4 }])).toMatchObject({ voters: [1, 2, 3], learners: [], removed: [4] })
  })

  test('gives a member new addresses', () => {
    const { nodes, leader } = quiet(3)
    const [id] = otherIds(nodes)
    const member = { ...memberOf(id), client: 'elsewhere:1' }
    const { members } = changeConf(nodes, leader, [{ kind: 'update', member, joining: false }])
    expect(members?.conf.members).toContainEqual(member)
  })

  test('replaces a voter in one step, at the address of the one before', () => {
    const { nodes, leader } = quiet(3)
    const [id] = otherIds(nodes)
    const { peer, client } = memberOf(id)
    const steps: readonly ConfStep[] = [
      { kind: 'remove', id },
      { kind: 'addLearner', member: { id: 4, incarnation: 1, peer, client }, joining: false },
    ]
    expect(changeConf(nodes, leader, steps, { force: true })).toMatchObject({
      refused: undefined,
      members: { conf: { removed: [id], learners: [4] } },
    })
  })

  test('that removes the leader is settled when it is out, and the others go on', () => {
    const { nodes, leader } = quiet(3)
    const { id } = leader.node
    const { refused, members } = changeConf(nodes, leader, [{ kind: 'remove', id }])
    expect(refused).toBeUndefined()
    expect(members?.conf).toMatchObject({ removed: [id], votersOutgoing: [] })
    nodes.cutOff.add(id)
    expect(nodes.untilLeader()).not.toBe(leader)
  })

  test('of the voters is not settled before the joint configuration is left again', () => {
    const { nodes, leader } = quiet(3)
    changeConf(nodes, leader, [add(4)])
    const leaves = (entries: readonly Entry[]) => entries.some(({ conf }) => conf?.votersOutgoing.length === 0)
    nodes.isLost = (message) => message.kind === 'AppendEntries' && leaves(message.entries)
    const { answer } = begin(leader, { kind: 'changeConf', steps: [{ kind: 'promote', id: 4 }], force: true })
    nodes.pass(200)
    expect(leader.node.conf).toMatchObject({ voters: [1, 2, 3, 4], votersOutgoing: [] })
    expect(answer()).toBeUndefined()
    nodes.isLost = () => false
    nodes.pass(2_000)
    expect(answer()).toMatchObject({ refused: undefined, members: { conf: { voters: [1, 2, 3, 4] } } })
  })

  test('once answered makes room for others', () => {
    const { nodes, leader } = quiet(3)
    for (let i = 0; i < 70; i++) expect(changeConf(nodes, leader, []).refused?.reason).toBe('noSteps')
  })

  test('of open fate says so: its leader lost the others while it was on its way', () => {
    const { nodes, leader } = quiet(3)
    nodes.cutOff.add(leader.node.id)
    const { answer } = begin(leader, { kind: 'changeConf', steps: [add(4)], force: false })
    nodes.pass(3_000)
    expect(answer()?.refused).toEqual({
      code: 'RETRY',
      message:
        'this node lost its leadership while the change was on its way: it may take effect, or not. Ask the next leader for the members first',
      reason: undefined,
    })
  })

  test('does not hold up commands', () => {
    const { nodes, leader, connection, session } = quiet(3)
    const { answer } = begin(leader, { kind: 'changeConf', steps: [add(4)], force: false })
    leader.say(connection, commands(session, [[1, 'a']]))
    nodes.settle()
    expect(summary(leader.take(connection))).toEqual([expect.stringMatching(/^1:a@/)])
    expect(answer()?.refused).toBeUndefined()
  })
})

describe('a change that cannot be is refused with a reason for programs and a sentence for people', () => {
  const cases: readonly (readonly [string, string, (others: readonly [number, number]) => readonly ConfStep[]])[] = [
    ['noSteps', 'a change of the configuration needs one step at least', () => []],
    ['unknownId', 'node 9 is not a member', () => [{ kind: 'promote', id: 9 }]],
    ['duplicateId', 'node A is a member already', ([id]) => [add(id)]],
    ['duplicateId', 'two steps name node 4', () => [add(4), { kind: 'promote', id: 4 }]],
    [
      'duplicateId',
      'the address p1:1 belongs to node 1, it cannot be that of node 4',
      () => [{ kind: 'addLearner', member: { ...memberOf(4), peer: 'p1:1' }, joining: false }],
    ],
    ['notLearner', 'node A is not a learner', ([id]) => [{ kind: 'promote', id }]],
    [
      'badIncarnation',
      'node A is a voter: demote it before it comes back with incarnation 2',
      ([id]) => [{ kind: 'update', member: memberOf(id, 2), joining: false }],
    ],
    ['noVoters', 'nobody would be left to vote', () => [1, 2, 3].map((id) => ({ kind: 'remove', id }))],
    ['badLease', 'a lease of 1.5 ms is not a whole number from 0 to', () => [{ kind: 'setLease', leaseMs: 1.5 }]],
  ]
  test.each(cases)('%s: %s', (reason, message, steps) => {
    const { nodes, leader } = quiet(3)
    const others = otherIds(nodes)
    const { refused, members } = changeConf(nodes, leader, steps(others))
    expect(refused).toMatchObject({
      code: 'CHANGE_REFUSED',
      reason,
      message: expect.stringContaining(message.replace('A', String(others[0]))),
    })
    expect(members).toBeUndefined()
  })

  test('notVoter, removedId', () => {
    const { nodes, leader } = quiet(3)
    changeConf(nodes, leader, [add(4)])
    expect(changeConf(nodes, leader, [{ kind: 'demote', id: 4 }]).refused).toMatchObject({
      reason: 'notVoter',
      message: 'node 4 is not a voter',
    })
    changeConf(nodes, leader, [{ kind: 'remove', id: 4 }])
    expect(changeConf(nodes, leader, [add(4)]).refused).toMatchObject({
      reason: 'removedId',
      message: 'node 4 was removed before: an id is never used again',
    })
  })

  test('confPending: one at a time', () => {
    const { nodes, leader } = quiet(3)
    const first = begin(leader, { kind: 'changeConf', steps: [add(4)], force: false })
    const second = begin(leader, { kind: 'changeConf', steps: [add(5)], force: false })
    nodes.settle()
    expect(first.answer()?.refused).toBeUndefined()
    expect(second.answer()?.refused).toMatchObject({
      code: 'CHANGE_REFUSED',
      reason: 'confPending',
      message: expect.stringMatching(/\w+ \w+/),
    })
  })

  test('notCaughtUp, quorumUnreachable: unless it is forced', () => {
    const { nodes, leader } = quiet(3)
    changeConf(nodes, leader, [add(4)])
    nodes.pass(2_000)
    const promote: readonly ConfStep[] = [{ kind: 'promote', id: 4 }]
    expect(changeConf(nodes, leader, promote).refused).toMatchObject({
      reason: 'notCaughtUp',
      message: expect.stringContaining('learner 4'),
    })
    const [dead, alive] = otherIds(nodes)
    nodes.cutOff.add(dead)
    nodes.pass(2_000)
    const remove: readonly ConfStep[] = [{ kind: 'remove', id: alive }]
    expect(changeConf(nodes, leader, remove).refused).toMatchObject({
      reason: 'quorumUnreachable',
      message: expect.stringMatching(/\w+ \w+/),
    })
    nodes.cutOff.clear()
    nodes.pass(500)
    expect(changeConf(nodes, leader, promote, { force: true }).refused).toBeUndefined()
  })

  test('a bad address', () => {
    const { nodes, leader } = quiet(3)
    const bad = (member: Member) => changeConf(nodes, leader, [{ kind: 'addLearner', member, joining: false }]).refused
    expect(bad({ ...memberOf(4), peer: 'p4' })).toEqual({
      code: 'INVALID_INPUT',
      message: '"p4" is no address of the form host:port',
      reason: undefined,
    })
    expect(bad({ ...memberOf(4), client: 'c4:99999' })?.message).toBe('"c4:99999" is no address of the form host:port')
    expect(bad({ ...memberOf(4), client: 'p4:1' })?.message).toBe(
      'node 4 gives p4:1 as its address for peers and for clients: these are two',
    )
  })

  test('more than adminPendingMax at once', () => {
    const { nodes, leader } = quiet(3)
    const asked = Array.from({ length: 65 }, () => begin(leader, { kind: 'members' }))
    nodes.settle()
    const codes = asked.map(({ answer }) => answer()?.refused?.message)
    expect(codes.filter((message) => message !== undefined)).toEqual(['the server has reached its limit adminPendingMax'])
  })
})

describe('a machine that asks to be let in', () => {
  test('under a new id becomes a learner, to be made a voter, and is told all that it needs', () => {
    const { nodes, leader } = quiet(3)
    const reply = join(nodes, leader, { id: 4 })
    expect(reply).toMatchObject({ refused: undefined, clusterId: 'test', incarnation: 1 })
    expect(reply.conf).toMatchObject({ voters: [1, 2, 3], learners: [4], joining: [4] })
    expect(reply.conf?.members).toContainEqual(memberOf(4))
    expect(reply.minIndex).toBe(leader.node.status({ digest: false }).commitIndex)
  })

  test('may stay a learner', () => {
    const { nodes, leader } = quiet(3)
    expect(join(nodes, leader, { id: 4, voter: false }).conf).toMatchObject({ learners: [4], joining: [] })
  })

  test('under the id of a voter that is dead takes its vote away first, and comes back as the next incarnation', () => {
    const { nodes, leader } = quiet(3)
    const [dead] = otherIds(nodes)
    nodes.cutOff.add(dead)
    nodes.pass(2_000)
    const { conf, incarnation } = join(nodes, leader, { id: dead, client: 'new:1' })
    expect(incarnation).toBe(2)
    expect(conf).toMatchObject({ voters: [1, 2, 3].filter((id) => id !== dead), votersOutgoing: [], learners: [dead], joining: [dead] })
    expect(conf?.members).toContainEqual({ ...memberOf(dead, 2), client: 'new:1' })
  })

  test('is let in also when the voter died a moment ago: whether it did shows within an election timeout', () => {
    const { nodes, leader } = quiet(3)
    const [dead] = otherIds(nodes)
    nodes.cutOff.add(dead)
    expect(join(nodes, leader, { id: dead })).toMatchObject({ refused: undefined, incarnation: 2 })
  })

  test('by a leader that has just been elected, though the one before is dead, is not let in before that shows', () => {
    const { nodes, leader: dead } = quiet(3)
    nodes.cutOff.add(dead.node.id)
    const leader = nodes.untilLeader()
    expect(join(nodes, leader, { id: dead.node.id })).toMatchObject({ refused: undefined, incarnation: 2 })
  })

  test('twice gets a higher incarnation each time', () => {
    const { nodes, leader } = quiet(3)
    join(nodes, leader, { id: 4 })
    nodes.pass(2_000)
    expect(join(nodes, leader, { id: 4 })).toMatchObject({ refused: undefined, incarnation: 2 })
    expect(join(nodes, leader, { id: 4 })).toMatchObject({ refused: undefined, incarnation: 3, conf: { learners: [4], joining: [4] } })
  })

  test('under the id of a member that is alive is refused, and that member keeps its vote', () => {
    const { nodes, leader } = quiet(3)
    const [id] = otherIds(nodes)
    expect(join(nodes, leader, { id })).toMatchObject({
      conf: undefined,
      refused: {
        code: 'CHANGE_REFUSED',
        reason: undefined,
        message: `node ${id} is alive: within the last 1000 ms it was heard from as p${id}:1. Stop it first, or choose another id for this machine`,
      },
    })
    expect(leader.node.conf.voters).toEqual([1, 2, 3])
    expect(join(nodes, leader, { id: leader.node.id }).refused?.message).toContain(`node ${leader.node.id} is alive`)
  })

  test('under the id of one that was removed is refused for good', () => {
    const { nodes, leader } = quiet(3)
    changeConf(nodes, leader, [add(4)])
    changeConf(nodes, leader, [{ kind: 'remove', id: 4 }])
    expect(join(nodes, leader, { id: 4 }).refused).toEqual({
      code: 'CHANGE_REFUSED',
      reason: 'removedId',
      message: 'node 4 was removed, and an id is never used again: choose another one',
    })
  })

  test('with the address of another member is refused, with the name of that', () => {
    const { nodes, leader } = quiet(3)
    expect(join(nodes, leader, { id: 4, client: 'c2:1' }).refused).toEqual({
      code: 'CHANGE_REFUSED',
      reason: 'duplicateId',
      message: 'the address c2:1 belongs to node 2, it cannot be that of node 4',
    })
  })

  test('waits for those before it, and all are let in', () => {
    const { nodes, leader } = quiet(3)
    const asked = [4, 5, 6].map((id) => beginJoin(leader, { id }))
    nodes.pass(1_000)
    expect(asked.map(({ answer }) => answer()?.incarnation)).toEqual([1, 1, 1])
    expect(leader.node.conf.joining).toEqual([4, 5, 6])
  })

  test('is sent to the next leader when this one is lost', () => {
    const { nodes, leader } = quiet(3)
    nodes.cutOff.add(leader.node.id)
    const { answer } = beginJoin(leader, { id: 4 })
    nodes.pass(3_000)
    expect(answer()).toMatchObject({ refused: { code: 'NOT_LEADER' }, conf: undefined })
    const next = nodes.untilLeader()
    expect(join(nodes, next, { id: 4 })).toMatchObject({ refused: undefined, incarnation: 1 })
  })

  test('and goes away again while it waits is not let in', () => {
    const { nodes, leader } = quiet(3)
    const connection = leader.connect()
    leader.say(connection, { kind: 'JoinRequest', requestId: 1, id: 4, peer: 'p4:1', client: 'c4:1', voter: true })
    leader.node.clientClosed(connection)
    nodes.pass(500)
    expect(leader.node.conf.learners).toEqual([])
  })

  test('and was let in gets the state, and its vote once it has caught up', () => {
    const { nodes, leader, connection, session } = quiet(3)
    leader.say(connection, commands(session, [[1, 'a']]))
    nodes.settle()
    const { conf = noConf, incarnation } = join(nodes, leader, { id: 4 })
    const added = nodes.add({ id: 4, conf, incarnation })
    nodes.pass(3_000)
    expect(added.machine.applied).toEqual(['a'])
    expect(leader.node.conf).toMatchObject({ voters: [1, 2, 3, 4], votersOutgoing: [], learners: [], joining: [] })
  })

  test('in place of a voter whose disk is lost gets its vote back', () => {
    const { nodes, leader, connection, session } = quiet(3)
    const lost = follower(nodes)
    const { id } = lost.node
    nodes.cutOff.add(id)
    leader.say(connection, commands(session, [[1, 'a']]))
    const { incarnation } = join(nodes, leader, { id })
    nodes.cutOff.clear()
    lost.restartEmpty(incarnation)
    nodes.pass(3_000)
    expect(lost.machine.applied).toEqual(['a'])
    expect(leader.node.conf).toMatchObject({ voters: [1, 2, 3], votersOutgoing: [], learners: [] })
    expect(lost.failure).toBeUndefined()
  })
})

// Changes of the configuration whose fate a leader that was deposed does not know: another leader's entry may have their place in the log.
import { describe, expect, test } from 'vitest'
import { type Member, noConf, type PeerMessage } from '../../src/core/index.ts'
import { checkRemoved } from '../../src/transport/membership.ts'
import { memberOf, type TestNode, type TestNodes, withSession } from './nodes.ts'
import { begin, beginJoin, changeConf, follower, join } from './operations.ts'

function quiet(size: number) {
  const cluster = withSession(size)
  cluster.nodes.pass(300)
  return cluster
}

const statusOf = ({ node }: TestNode) => node.status({ digest: false })
const addLearner = (member: Member) => ({ kind: 'addLearner', member, joining: false }) as const

function until(nodes: TestNodes, what: string, condition: () => boolean): void {
  for (let i = 0; i < 1_000; i++) {
    if (condition()) return
    nodes.pass(10)
  }
  throw new Error(`${what}: not within 10 s`)
}

/**
 * The leader appends what `ask` asks for, nobody hears of it, and it stands still. The next leader commits another entry at that index and is cut
 * off before it can say anything more; then the first one goes on, under a third, and learns all that at once.
 */
function loses<Asked>(ask: (leader: TestNode) => Asked) {
  const { nodes, leader } = quiet(5)
  const { id } = leader.node
  const { term } = statusOf(leader)
  nodes.isLost = (message) => message.from === id && message.kind === 'AppendEntries'
  const asked = ask(leader)
  nodes.settle()
  const index = statusOf(leader).lastIndex
  nodes.paused.add(id)
  const isAfter = (message: PeerMessage) => message.kind === 'AppendEntries' && (message.entries[0]?.index ?? 0) > index
  nodes.isLost = (message) => message.from !== id && message.term === term + 1 && isAfter(message)
  const others = nodes.nodes.filter((node) => node !== leader)
  until(nodes, 'another entry there', () => others.every((node) => statusOf(node).commitIndex >= index))
  const second = nodes.leader
  nodes.cutOff.add(second.node.id)
  until(nodes, 'a third leader', () => others.some((node) => node !== second && node.node.softState.role === 'leader'))
  nodes.settle()
  nodes.paused.delete(id)
  nodes.settle()
  return { nodes, asked, index, leader }
}

describe('a change that was lost', () => {
  test('because another entry was committed at its index is not answered as settled', () => {
    const { asked, index, leader } = loses((node) => begin(node, { kind: 'changeConf', steps: [addLearner(memberOf(7))], force: false }))
    expect(statusOf(leader).commitIndex).toBeGreaterThanOrEqual(index)
    expect(leader.node.committedConf.members.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5])
    expect(asked.answer()?.refused).toMatchObject({ code: 'RETRY', message: expect.stringContaining('it may take effect, or not') })
  })

  test('lets nobody in: the machine asks again, and no other is given the same incarnation', () => {
    const { nodes, asked } = loses((node) => beginJoin(node, { id: 7 }))
    expect(asked.answer()).toMatchObject({ refused: { code: 'NOT_LEADER' }, incarnation: 0, conf: undefined })
    nodes.isLost = () => false
    nodes.cutOff.clear()
    nodes.pass(3_000)
    expect(join(nodes, nodes.leader, { id: 7 })).toMatchObject({ refused: undefined, incarnation: 1 })
    expect(nodes.leader.node.committedConf.members).toContainEqual(memberOf(7))
  })
})

test('a change that is committed is settled, though its leader learns in the same turn that another leads', () => {
  const { nodes, leader } = quiet(3)
  const { id } = leader.node
  nodes.delayMs = (message) => (message.to === id && message.kind === 'AppendEntriesReply' ? 30 : 0)
  const { answer } = begin(leader, { kind: 'changeConf', steps: [addLearner(memberOf(7))], force: false })
  nodes.settle()
  nodes.paused.add(id)
  nodes.untilLeader()
  nodes.paused.delete(id)
  nodes.settle()
  expect(leader.node.softState.role).toBe('follower')
  expect(answer()).toMatchObject({ refused: undefined, members: { conf: { learners: [7] } } })
})

test('a machine that is let in is told what is committed: a removal that may be undone is no removal', () => {
  const { nodes, leader } = quiet(3)
  const { id } = leader.node
  expect(changeConf(nodes, leader, [addLearner(memberOf(5))]).refused).toBeUndefined()
  nodes.pass(100)
  nodes.delayMs = (message) => (message.to === id && message.kind === 'AppendEntriesReply' ? 30 : 0)
  const { answer } = beginJoin(leader, { id: 4 })
  nodes.settle()
  nodes.pass(20)
  // The removal arrives together with the acknowledgements of the admission, and gets no further than the leader.
  begin(leader, { kind: 'changeConf', steps: [{ kind: 'remove', id: 5 }], force: true })
  nodes.isLost = (message) => message.from === id && message.kind === 'AppendEntries'
  nodes.pass(10)
  expect(leader.node.conf.removed).toEqual([5])
  expect(leader.node.committedConf.removed).toEqual([])
  const { conf = noConf, incarnation } = answer() ?? {}
  expect(incarnation).toBe(1)
  expect(conf.members).toContainEqual(memberOf(4))
  expect(checkRemoved({ clusterId: 'test', from: 5, incarnation: 1 }, { members: [], committed: conf })).toBeUndefined()
})

describe('a machine that lost its disk and does not say whether it votes', () => {
  const anyRole = { voter: undefined }

  test('votes when it is new', () => {
    const { nodes, leader } = quiet(3)
    expect(join(nodes, leader, { id: 4, ...anyRole }).conf).toMatchObject({ learners: [4], joining: [4] })
  })

  test('stays the learner that an operator added', () => {
    const { nodes, leader } = quiet(3)
    changeConf(nodes, leader, [addLearner(memberOf(4))])
    nodes.pass(2_000)
    expect(join(nodes, leader, { id: 4, ...anyRole }).conf).toMatchObject({ learners: [4], joining: [] })
  })

  test('stays a learner after an operator has taken its vote away', () => {
    const { nodes, leader } = quiet(3)
    const { id } = follower(nodes).node
    expect(changeConf(nodes, leader, [{ kind: 'demote', id }]).refused).toBeUndefined()
    nodes.cutOff.add(id)
    nodes.pass(2_000)
    expect(join(nodes, leader, { id, ...anyRole })).toMatchObject({ incarnation: 2, conf: { learners: [id], joining: [] } })
  })

  test('goes on to be made a voter, if that was its way', () => {
    const { nodes, leader } = quiet(3)
    join(nodes, leader, { id: 4 })
    nodes.pass(2_000)
    expect(join(nodes, leader, { id: 4, ...anyRole })).toMatchObject({ incarnation: 2, conf: { learners: [4], joining: [4] } })
  })

  test('is made a voter again if it was one, also when the leader is lost after its vote was taken away', () => {
    const { nodes, leader } = quiet(5)
    const { id } = follower(nodes).node
    nodes.cutOff.add(id)
    nodes.pass(2_000)
    beginJoin(leader, { id, ...anyRole })
    until(nodes, 'its vote taken away', () => !leader.node.committedConf.voters.includes(id) && !statusOf(leader).conf.voters.includes(id))
    nodes.cutOff.add(leader.node.id)
    const next = nodes.untilLeader()
    until(nodes, 'settled', () => next.node.committedConf.votersOutgoing.length === 0)
    expect(next.node.committedConf).toMatchObject({ learners: [id], joining: [id] })
    expect(join(nodes, next, { id, ...anyRole }).conf).toMatchObject({ learners: [id], joining: [id] })
  })

  test('does as it is told when it does say', () => {
    const { nodes, leader } = quiet(3)
    const { id } = follower(nodes).node
    nodes.cutOff.add(id)
    expect(join(nodes, leader, { id, voter: false }).conf).toMatchObject({ learners: [id], joining: [] })
    expect(join(nodes, leader, { id, voter: true }).conf).toMatchObject({ learners: [id], joining: [id] })
  })
})

describe('a machine that goes away while it is being let in', () => {
  test('after its vote was taken away does not get another incarnation, which nobody would hear of', () => {
    const { nodes, leader } = quiet(3)
    const { id } = follower(nodes).node
    nodes.cutOff.add(id)
    nodes.pass(2_000)
    const connection = leader.connect()
    leader.say(connection, { kind: 'JoinRequest', requestId: 1, id, peer: `p${id}:1`, client: `c${id}:1`, voter: undefined })
    leader.node.turn()
    expect(leader.node.conf.voters).not.toContain(id)
    leader.node.clientClosed(connection)
    nodes.pass(2_000)
    expect(leader.node.committedConf).toMatchObject({ votersOutgoing: [], learners: [id], joining: [id] })
    expect(leader.node.committedConf.members).toContainEqual(memberOf(id))
  })
})

test.each(['10.0.0.7/24:4001', `${'a'.repeat(300)}:1`, 'a b:1', '[::1:1', 'p4:0'])('an address %j is let into no configuration', (peer) => {
  const { nodes, leader } = quiet(3)
  const refused = { code: 'INVALID_INPUT', message: expect.stringContaining('is no address of the form host:port') }
  expect(join(nodes, leader, { id: 4, peer }).refused).toMatchObject(refused)
  expect(changeConf(nodes, leader, [addLearner({ ...memberOf(4), client: peer })]).refused).toMatchObject(refused)
})

test('a transfer after which nobody is found to lead has an end', () => {
  const { nodes, leader } = quiet(3)
  const to = follower(nodes).node.id
  const { answer } = begin(leader, { kind: 'transfer', to })
  nodes.isLost = (message) => message.kind !== 'TimeoutNow' && !(message.kind === 'RequestVote' && message.to === leader.node.id)
  until(nodes, 'an end', () => leader.node.softState.role !== 'leader')
  nodes.isLost = () => true
  nodes.pass(4_000)
  expect(answer()).toBeUndefined()
  nodes.pass(1_500)
  expect(answer()?.refused).toEqual({
    code: 'RETRY',
    message: `node ${to} did not take over within 5000 ms, node ${leader.node.id} does not lead any more, and knows nobody who does`,
    reason: undefined,
  })
})

// Handing leadership over (§3.10): writes wait rather than fail while it lasts.
import { commandOverheadBytes, encodeCommand } from '../../src/wire/envelope-codec.ts'
import { describe, expect, test } from 'vitest'
import { Proposals } from '../../src/node/proposals.ts'
import { Tickets } from '../../src/node/tickets.ts'
import { commands, query, summary, type TestNodes, withSession } from './nodes.ts'
import { begin, follower, followers, operate } from './operations.ts'

describe('a transfer', () => {
  test('is settled when the other one leads', () => {
    const { nodes, leader } = withSession(3)
    nodes.pass(300)
    const to = follower(nodes).node.id
    expect(operate(nodes, leader, { kind: 'transfer', to })).toMatchObject({ refused: undefined, members: { leader: to } })
    expect(nodes.untilLeader().node.id).toBe(to)
  })

  test('without a target goes to the voter that has most of the log', () => {
    const { nodes, leader, connection, session } = withSession(3)
    nodes.pass(300)
    const [behind, ahead] = followers(nodes)
    nodes.isCut = (_, to) => to === behind?.node.id
    leader.say(connection, commands(session, [[1, 'a']]))
    nodes.settle()
    expect(operate(nodes, leader, { kind: 'transfer', to: undefined }).members?.leader).toBe(ahead?.node.id)
  })

  test.each([
    ['transferToSelf', (_: TestNodes, id: number) => id],
    ['notVoter', () => 99],
  ])('that cannot begin is refused: %s', (reason, to) => {
    const { nodes, leader } = withSession(3)
    const { refused, members } = operate(nodes, leader, { kind: 'transfer', to: to(nodes, leader.node.id) })
    expect(refused).toMatchObject({ code: 'CHANGE_REFUSED', reason, message: expect.stringMatching(/\w+ .*\w/) })
    expect(members).toBeUndefined()
  })

  test('where there is nobody else is refused: noTarget', () => {
    const { nodes, leader } = withSession(1)
    expect(operate(nodes, leader, { kind: 'transfer', to: undefined }).refused).toMatchObject({
      code: 'CHANGE_REFUSED',
      reason: 'noTarget',
    })
  })

  test('asked of a follower is sent to the leader', () => {
    const { nodes, leader } = withSession(3)
    nodes.pass(300)
    const { refused } = operate(nodes, follower(nodes), { kind: 'transfer', to: undefined })
    const { id } = leader.node
    expect(refused).toEqual({ code: 'NOT_LEADER', message: `node ${id} at c${id}:1 leads`, reason: undefined })
  })

  test('beside another one is refused: transferPending', () => {
    const { nodes, leader } = withSession(3)
    nodes.pass(300)
    const to = follower(nodes).node.id
    nodes.cutOff.add(to)
    begin(leader, { kind: 'transfer', to })
    nodes.settle()
    const second = begin(leader, { kind: 'transfer', to: followers(nodes)[1]?.node.id })
    nodes.settle()
    expect(second.answer()?.refused).toMatchObject({ code: 'CHANGE_REFUSED', reason: 'transferPending' })
  })
})

describe('commands that arrive during a transfer', () => {
  test('wait, and take effect here in their order when it is given up; it says so', () => {
    const { nodes, leader, connection, session } = withSession(3)
    nodes.pass(300)
    const to = follower(nodes).node.id
    nodes.cutOff.add(to)
    const transfer = begin(leader, { kind: 'transfer', to })
    leader.say(connection, commands(session, [[1, 'a']]))
    nodes.pass(200)
    leader.say(connection, commands(session, [[2, 'b']]))
    nodes.pass(200)
    expect(summary(leader.take(connection))).toEqual([])
    expect(transfer.answer()).toBeUndefined()
    nodes.pass(1_500)
    expect(summary(leader.take(connection))).toEqual(['1:a@4', '2:b@5'])
    const { id } = leader.node
    expect(transfer.answer()?.refused).toEqual({
      code: 'CHANGE_REFUSED',
      reason: 'noTarget',
      message: `node ${to} did not take over within 1000 ms, node ${id} leads on`,
    })
  })

  test('cost no turn of the node while they wait', () => {
    const { nodes, leader, connection, session } = withSession(3)
    nodes.pass(300)
    const to = follower(nodes).node.id
    nodes.cutOff.add(to)
    begin(leader, { kind: 'transfer', to })
    leader.say(connection, commands(session, [[1, 'a']]))
    nodes.settle()
    expect(leader.awake).toBe(false)
  })

  test('are sent to the new leader, and take effect there once, those in the log before too', () => {
    const { nodes, leader, connection, session } = withSession(3)
    nodes.pass(300)
    const target = follower(nodes)
    nodes.isCut = (_, to) => to === target.node.id
    leader.say(connection, commands(session, [[1, 'a']]))
    nodes.settle()
    begin(leader, { kind: 'transfer', to: target.node.id })
    leader.say(
      connection,
      commands(session, [
        [2, 'b'],
        [3, 'c'],
      ]),
    )
    nodes.pass(200)
    nodes.isCut = () => false
    nodes.pass(500)
    expect(target.node.softState.role).toBe('leader')
    expect(summary(leader.take(connection))).toEqual(['1:a@4', '2:NOT_LEADER', '3:NOT_LEADER'])
    const again = target.connect()
    target.say(
      again,
      commands(session, [
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
      ]),
    )
    nodes.pass(300)
    expect(summary(target.take(again)).map((answer) => answer.replace(/@.*/, ''))).toEqual(['1:a', '2:b', '3:c'])
    for (const node of nodes.nodes) expect(node.machine.applied).toEqual(['a', 'b', 'c'])
  })

  test('fill the same limits as any: what finds no room is refused', () => {
    const { nodes, leader, connection, session } = withSession(3, { pendingCommandsMax: 1 })
    nodes.pass(300)
    const to = follower(nodes).node.id
    nodes.cutOff.add(to)
    begin(leader, { kind: 'transfer', to })
    leader.say(
      connection,
      commands(session, [
        [1, 'a'],
        [2, 'b'],
      ]),
    )
    nodes.settle()
    expect(summary(leader.take(connection))).toEqual(['2:OVERLOADED'])
  })
})

test('queries are answered during a transfer', () => {
  const { nodes, leader, connection } = withSession(3)
  nodes.pass(300)
  leader.say(connection, query(1, 'now'))
  nodes.pass(100)
  leader.take(connection)
  const to = follower(nodes).node.id
  nodes.cutOff.add(to)
  begin(leader, { kind: 'transfer', to })
  leader.say(connection, query(2))
  // The one that is asked whether this is the leader may be the one that is cut off: the other is asked after a quarter of a heartbeat.
  nodes.pass(60)
  expect(summary(leader.take(connection))).toEqual(['2='])
})

test('commands that the core would not take because of a transfer wait in their old order, before later ones', () => {
  const proposals = new Proposals(new Tickets())
  const add = (seq: number) => {
    const header = { session: 1, seq, ackedBelow: 1 }
    const data = encodeCommand({ ...header, now: 0, version: 0 }, new Uint8Array([seq]))
    proposals.add({ kind: 'command', connection: 1, ...header, data, command: data.subarray(commandOverheadBytes) })
  }
  for (const seq of [1, 2, 3]) add(seq)
  const { ticket } = proposals.propose({ now: 1, version: 1 })
  proposals.accept({ ticket, first: { term: 1, index: 1 }, count: 1 })
  add(4)
  proposals.putBack(ticket, 1)
  proposals.settleTickets()
  expect(proposals.count).toBe(4)
  const { commands: again } = proposals.propose({ now: 1, version: 1 })
  expect(again.map((command) => command.at(-1))).toEqual([2, 3, 4])
  expect(proposals.abandon(0)).toMatchObject({ unproposed: [], inLog: [{ seq: 1 }, { seq: 2 }, { seq: 3 }, { seq: 4 }] })
})

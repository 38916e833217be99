// A handler that fails where that halts: what the nodes do and what they refuse, and the two ways out.
import { describe, expect, test } from 'vitest'
import type { SnapshotMeta } from '../../src/core/index.ts'
import type { NodeLimits } from '../../src/node/index.ts'
import { begin, followers, operate } from './operations.ts'
import { commands, openSession, query, summary, type TestNode, TestNodes } from './nodes.ts'

const bad = 'bad'
const indexes = (nodes: readonly TestNode[]) => nodes.map(({ node }) => node.lastApplied)
const applied = (nodes: readonly TestNode[]) => nodes.map(({ machine }) => machine.applied.join(' '))
const haltedAt = (nodes: readonly TestNode[]) => nodes.map(({ node }) => node.status({ digest: false }).halted?.index)
const commitIndex = ({ node }: TestNode) => node.status({ digest: false }).commitIndex
const kinds = (node: TestNode) => node.events.map(({ kind }) => kind)

/** Nodes whose handlers throw at `bad`, on all but these, with a session at their leader, and `a` applied everywhere. */
function cluster(size: number, { sound = [], limits = {} }: { sound?: readonly number[]; limits?: Partial<NodeLimits> } = {}) {
  const nodes = new TestNodes(size, limits, {}, { onHandlerError: 'halt' })
  for (const { node, machine } of nodes.nodes) if (!sound.includes(node.id)) machine.bad.add(bad)
  const leader = nodes.untilLeader()
  const client = openSession(nodes, leader)
  leader.say(client.connection, commands(client.session, [[1, 'a']]))
  nodes.pass(300)
  leader.take(client.connection)
  return { nodes, leader, client }
}

/** Such nodes that have come to the bad command, and to `c` behind it. `index`: of the bad one. */
function halted(options: Parameters<typeof cluster>[1] & { readonly size?: number } = {}) {
  const { nodes, leader, client } = cluster(options.size ?? 3, options)
  const index = leader.node.lastApplied + 1
  leader.say(client.connection, commands(client.session, [[2, bad]]))
  leader.say(client.connection, commands(client.session, [[3, 'c']]))
  nodes.pass(300)
  return { nodes, leader, client, index }
}

/** Another leader than this, elected among the others, and who heals again. */
function depose(nodes: TestNodes, old: TestNode): TestNode {
  nodes.cutOff.add(old.node.id)
  for (let i = 0; i < 1_000 && leading(nodes, old) === undefined; i++) nodes.pass(10)
  nodes.cutOff.clear()
  nodes.pass(300)
  const next = leading(nodes, old)
  if (next === undefined) throw new Error('nobody else leads')
  return next
}
const leading = (nodes: TestNodes, except: TestNode) => nodes.nodes.find((one) => one !== except && one.node.softState.role === 'leader')

describe('a handler that throws, where that halts', () => {
  test('leaves every replica as it was before the command: it is neither applied nor recorded, and nothing after it is', () => {
    const { nodes, index } = halted()
    expect(haltedAt(nodes.nodes)).toEqual([index, index, index])
    expect(indexes(nodes.nodes)).toEqual([index - 1, index - 1, index - 1])
    expect(applied(nodes.nodes)).toEqual(['a', 'a', 'a'])
  })

  test('answers neither it nor what is behind it in the log: nobody knows yet what becomes of them', () => {
    const { leader, client } = halted()
    expect(summary(leader.take(client.connection))).toEqual([])
  })

  test('is told with the message and the ways out, once for each life', () => {
    const { leader, index } = halted()
    const events = leader.events.filter(({ kind }) => kind === 'applyHalted')
    const halt = { index, command: 'append', message: 'bad is no line', isFatal: false }
    expect(events).toEqual([{ kind: 'applyHalted', halt, stack: undefined }])
    expect(leader.node.status({ digest: false }).halted).toEqual(halt)
  })

  test('refuses new commands and sessions at once, and says why', () => {
    const { nodes, leader, client, index } = halted()
    const { id } = leader.node
    leader.say(client.connection, commands(client.session, [[4, 'd']]))
    leader.say(client.connection, { kind: 'OpenSession', requestId: 9 })
    nodes.settle()
    const message =
      `node ${id} applies nothing from entry ${index} on: the handler of append failed there: bad is no line. ` +
      `Mend it and start the nodes again, or skip the command: raftgen cluster skip ${index}`
    const refused = { code: 'APPLY_HALTED', message }
    expect(leader.take(client.connection)).toMatchObject([
      { kind: 'SessionOpened', requestId: 9, session: 0, refused },
      { kind: 'Replies', items: [{ seq: 4, refused }] },
    ])
  })

  test('refuses queries that would have to reflect it, on any node; older states are shown as before', () => {
    const { nodes, leader, index } = halted()
    for (const node of nodes.nodes) {
      const connection = node.connect()
      node.say(connection, query(1))
      node.say(connection, query(2, '', 'lease'))
      node.say(connection, query(3, '', 'atLeast', index))
      node.say(connection, query(4, '', 'atLeast', index - 1))
      node.say(connection, query(5, '', 'stale'))
      nodes.pass(50)
      const answers = ['1=APPLY_HALTED', '2=APPLY_HALTED', '3=APPLY_HALTED', '4=a', '5=a']
      expect([...summary(node.take(connection))].sort()).toEqual(answers)
    }
    expect(leader.node.softState.role).toBe('leader')
  })

  test('refuses queries that had been asked before, too, where it stands in their way, and answers the others', () => {
    const { nodes, leader, client } = cluster(3)
    leader.say(client.connection, commands(client.session, [[2, bad]]))
    leader.say(client.connection, query(7))
    leader.say(client.connection, query(8, '', 'atLeast', leader.node.lastApplied + 1))
    nodes.pass(100)
    expect(summary(leader.take(client.connection)).filter((answer) => answer.includes('='))).toEqual(['8=APPLY_HALTED', '7=a'])
  })

  test('does not keep the nodes from electing another leader, which refuses in its turn', () => {
    const { nodes, leader, client, index } = halted()
    const next = depose(nodes, leader)
    expect(commitIndex(next)).toBeGreaterThan(index + 1)
    const connection = next.connect()
    next.say(connection, commands(client.session, [[4, 'd']]))
    nodes.settle()
    expect(summary(next.take(connection))).toEqual(['4:APPLY_HALTED'])
  })

  test('answers what was applied before it, when that is asked for again', () => {
    const { nodes, leader, client } = halted()
    leader.say(client.connection, commands(client.session, [[1, 'a']]))
    nodes.settle()
    expect(summary(leader.take(client.connection))).toEqual(['1:a@4'])
  })

  test('ends no session, however long it lasts', () => {
    const { nodes, leader, client, index } = halted()
    nodes.pass(180_000)
    expect(operate(nodes, leader, { kind: 'skip', index }).refused).toBeUndefined()
    nodes.pass(300)
    leader.take(client.connection)
    leader.say(client.connection, commands(client.session, [[4, 'd']], 4))
    nodes.pass(100)
    expect(summary(leader.take(client.connection)).map((one) => one.replace(/@.*/, ''))).toEqual(['4:d'])
  })

  test('takes a snapshot of the state before it for none but those who ask', () => {
    const { nodes, leader, client } = cluster(3, { limits: { snapshotEntries: 2 } })
    leader.say(client.connection, commands(client.session, [[2, bad]]))
    nodes.pass(300)
    const before = leader.snapshots.list.length
    for (let seq = 3; seq < 10; seq++) leader.say(client.connection, commands(client.session, [[seq, 'c']]))
    nodes.pass(300)
    expect(leader.snapshots.list.length).toBe(before)
    const [asking] = followers(nodes)
    if (asking === undefined) throw new Error('no follower')
    const header = { from: asking.node.id, to: leader.node.id, term: leader.node.softState.term }
    const { lastApplied } = leader.node
    leader.node.receive({ kind: 'SnapshotRequest', ...header, minIndex: lastApplied, of: undefined, offset: 0 })
    nodes.pass(300)
    expect(leader.snapshots.list[0]?.id.index).toBe(lastApplied)
  })
})

describe('where it does not halt', () => {
  test('the command has failed on every replica, and everything goes on', () => {
    const nodes = new TestNodes(3)
    for (const { machine } of nodes.nodes) machine.bad.add(bad)
    const leader = nodes.untilLeader()
    const { connection, session } = openSession(nodes, leader)
    leader.say(connection, commands(session, [[1, bad]]))
    leader.say(connection, commands(session, [[2, 'b']]))
    nodes.pass(300)
    expect(summary(leader.take(connection)).map((one) => one.replace(/@.*/, ''))).toEqual(['1:failed', '2:b'])
    expect(haltedAt(nodes.nodes)).toEqual([undefined, undefined, undefined])
  })
})

describe('handlers that were mended', () => {
  test('apply the command after a restart of the nodes, once, and all that waited behind it', () => {
    const { nodes, client, index } = halted()
    for (const node of nodes.nodes) {
      node.machine.bad.clear()
      node.restart()
    }
    const next = nodes.untilLeader()
    nodes.pass(300)
    expect(applied(nodes.nodes)).toEqual(['a bad c', 'a bad c', 'a bad c'])
    const connection = next.connect()
    next.say(connection, commands(client.session, [[2, bad]]))
    nodes.pass(100)
    expect(summary(next.take(connection))).toEqual([`2:bad@${index}`])
  })

  test('that fail again halt again', () => {
    const { nodes, index } = halted()
    for (const node of nodes.nodes) node.restart()
    nodes.pass(5_000)
    expect(haltedAt(nodes.nodes)).toEqual([index, index, index])
  })
})

describe('an order to skip the command', () => {
  test('lets everything go on: its caller has failed, and no replica has a trace of it', () => {
    const { nodes, leader, client, index } = halted()
    expect(operate(nodes, leader, { kind: 'skip', index })).toMatchObject({ refused: undefined, members: { leader: leader.node.id } })
    nodes.pass(300)
    expect(summary(leader.take(client.connection))).toEqual(['2:failed', `3:c@${index + 1}`])
    expect(applied(nodes.nodes)).toEqual(['a c', 'a c', 'a c'])
    expect(haltedAt(nodes.nodes)).toEqual([undefined, undefined, undefined])
    expect(kinds(leader).filter((kind) => kind === 'commandSkipped' || kind === 'applyGoesOn')).toEqual(['commandSkipped', 'applyGoesOn'])
    const digests = nodes.nodes.map(({ node }) => node.status({ digest: true }).digest)
    expect(new Set(digests).size).toBe(1)
  })

  test('counts once: the caller that asks again gets the same answer', () => {
    const { nodes, leader, client, index } = halted()
    operate(nodes, leader, { kind: 'skip', index })
    const next = depose(nodes, leader)
    for (const { machine } of nodes.nodes) machine.bad.clear()
    const connection = next.connect()
    next.say(connection, commands(client.session, [[2, bad]]))
    nodes.pass(100)
    expect(summary(next.take(connection))).toEqual(['2:failed'])
    expect(applied(nodes.nodes)).toEqual(['a c', 'a c', 'a c'])
  })

  test('holds for the leader after the one that took it', () => {
    const { nodes, leader, index } = halted()
    const next = depose(nodes, leader)
    expect(operate(nodes, next, { kind: 'skip', index }).refused).toBeUndefined()
    nodes.pass(300)
    expect(applied(nodes.nodes)).toEqual(['a c', 'a c', 'a c'])
  })

  test.each([-1, 1])('is refused for another entry than that where they have halted (%i beside it)', (beside) => {
    const { nodes, leader, index } = halted()
    const { refused } = operate(nodes, leader, { kind: 'skip', index: index + beside })
    const answered = beside < 0 ? '. What it has applied it may have answered' : ''
    expect(refused).toEqual({
      code: 'CHANGE_REFUSED',
      reason: 'notHalted',
      message:
        `entry ${index + beside} cannot be skipped: node ${leader.node.id} leads, and it has halted at entry ${index}${answered}; ` +
        `halted are node 1 at entry ${index}, node 2 at entry ${index}, node 3 at entry ${index}`,
    })
  })

  test('is refused while only a minority is known to have halted', () => {
    const { nodes, leader, index } = halted({ size: 5 })
    // Two of five: the leader, and the first of the others.
    const [heard, ...silent] = followers(nodes)
    const silentIds = silent.map(({ node }) => node.id)
    nodes.isLost = ({ kind, from }) => (kind === 'Halted' && silentIds.includes(from)) || kind === 'TimeoutNow'
    const { refused } = operate(nodes, leader, { kind: 'skip', index })
    const two = [leader.node.id, heard?.node.id ?? 0].sort((a, b) => a - b)
    expect(refused).toEqual({
      code: 'CHANGE_REFUSED',
      reason: 'quorumNotHalted',
      message:
        `entry ${index} cannot be skipped: a majority of the voters has to have halted there, or before; ` +
        `halted are node ${two[0]} at entry ${index}, node ${two[1]} at entry ${index}`,
    })
    nodes.isLost = () => false
    nodes.pass(1_000)
    expect(operate(nodes, nodes.leader, { kind: 'skip', index }).refused).toBeUndefined()
  })

  test('is refused where a majority had halted in an earlier term, and says nothing of the present one', () => {
    const { nodes, leader, index } = halted()
    const { term } = leader.node.softState
    nodes.isLost = (message) => message.kind === 'Halted' && message.term > term
    const [next] = followers(nodes)
    operate(nodes, leader, { kind: 'transfer', to: next?.node.id })
    expect(operate(nodes, nodes.leader, { kind: 'skip', index }).refused?.reason).toBe('quorumNotHalted')
  })

  test('is refused by a leader that has applied the command: it may have answered it', () => {
    const { nodes, leader } = cluster(3)
    const client = openSession(nodes, leader)
    leader.machine.bad.clear()
    leader.say(client.connection, commands(client.session, [[1, bad]]))
    nodes.pass(300)
    expect(summary(leader.take(client.connection))).toHaveLength(1)
    const index = followers(nodes).flatMap(({ node }) => node.status({ digest: false }).halted?.index ?? [])[0] ?? 0
    expect(operate(nodes, leader, { kind: 'skip', index }).refused).toMatchObject({
      reason: 'notHalted',
      message: expect.stringContaining(`node ${leader.node.id} leads, and it has applied everything up to entry`),
    })
  })

  test('that comes twice is settled once', () => {
    const { nodes, leader, index } = halted()
    const orders = [1, 2].map(() => begin(leader, { kind: 'skip', index }))
    nodes.pass(1_000)
    expect(orders.map(({ answer }) => answer()?.refused)).toEqual([undefined, undefined])
    expect(applied(nodes.nodes)).toEqual(['a c', 'a c', 'a c'])
    expect(nodes.nodes.flatMap((node) => kinds(node).filter((kind) => kind === 'stateAstray'))).toEqual([])
  })

  test('whose leader is gone before it is committed is open, and the command still waits', () => {
    const { nodes, leader, index } = halted()
    nodes.isLost = ({ kind, from }) => kind === 'AppendEntries' && from === leader.node.id
    const { answer } = begin(leader, { kind: 'skip', index })
    nodes.pass(200)
    nodes.cutOff.add(leader.node.id)
    nodes.isLost = () => false
    nodes.pass(5_000)
    expect(answer()?.refused?.code).toBe('RETRY')
    nodes.cutOff.clear()
    nodes.pass(1_000)
    expect(haltedAt(nodes.nodes)).toEqual([index, index, index])
  })
})

describe('a command that is skipped further on in the log', () => {
  /** All three are started again with handlers that would apply it, and nobody has told them yet what is committed. */
  function restarted(limits: Partial<NodeLimits> = {}) {
    const { nodes, leader, index } = halted({ limits })
    operate(nodes, leader, { kind: 'skip', index })
    nodes.pass(300)
    for (const node of nodes.nodes) {
      node.machine.bad.clear()
      node.restart()
    }
    nodes.pass(5_000)
    return { nodes, index }
  }

  test('is not applied by nodes that start again, whatever their handlers make of it', () => {
    const { nodes } = restarted()
    expect(applied(nodes.nodes)).toEqual(['a c', 'a c', 'a c'])
    expect(nodes.nodes.flatMap((node) => kinds(node).filter((kind) => kind === 'stateAstray'))).toEqual([])
  })

  test('is not applied by a node that was away meanwhile, with other handlers', () => {
    const { nodes, leader, client } = cluster(3)
    const [away] = followers(nodes)
    if (away === undefined) throw new Error('no follower')
    away.machine.bad.clear()
    nodes.cutOff.add(away.node.id)
    leader.say(client.connection, commands(client.session, [[2, bad]]))
    nodes.pass(300)
    const index = haltedAt([leader])[0] ?? 0
    operate(nodes, leader, { kind: 'skip', index })
    nodes.cutOff.clear()
    nodes.pass(2_000)
    expect(applied(nodes.nodes)).toEqual(['a', 'a', 'a'])
    expect(away.node.lastApplied).toBe(leader.node.lastApplied)
  })

  test('waits while it is not known whether the order is committed', () => {
    const { nodes, leader, client } = cluster(3)
    const [slow] = followers(nodes)
    if (slow === undefined) throw new Error('no follower')
    slow.machine.bad.clear()
    const index = leader.node.lastApplied + 1
    // Commit indexes do not get to it, entries do.
    nodes.paused.add(slow.node.id)
    leader.say(client.connection, commands(client.session, [[2, bad]]))
    nodes.pass(200)
    operate(nodes, leader, { kind: 'skip', index })
    const others = nodes.nodes.filter((one) => one !== slow)
    for (const other of others) nodes.cutOff.add(other.node.id)
    nodes.paused.clear()
    nodes.pass(200)
    expect(slow.node.lastApplied).toBeLessThan(index)
    nodes.cutOff.clear()
    nodes.pass(5_000)
    expect(applied(nodes.nodes)).toEqual(['a', 'a', 'a'])
  })
})

describe('a replica that has applied a command which is then skipped', () => {
  /** The last of three, a follower, has handlers that apply it; the others halt. */
  function astray(limits: Partial<NodeLimits> = {}) {
    const { nodes, leader, client } = cluster(3, { limits })
    const [stray] = followers(nodes)
    if (stray === undefined) throw new Error('no follower')
    stray.machine.bad.clear()
    const index = leader.node.lastApplied + 1
    leader.say(client.connection, commands(client.session, [[2, bad]]))
    leader.say(client.connection, commands(client.session, [[3, 'c']]))
    nodes.pass(300)
    expect(stray.machine.applied).toEqual(['a', bad, 'c'])
    return { nodes, leader, client, stray, index }
  }

  test('gives up its state for that of another, which takes a snapshot for it', () => {
    const { nodes, leader, stray, index } = astray()
    operate(nodes, leader, { kind: 'skip', index })
    nodes.pass(3_000)
    expect(applied(nodes.nodes)).toEqual(['a c', 'a c', 'a c'])
    expect(kinds(stray)).toContain('stateAstray')
    expect(kinds(stray)).toContain('snapshotInstalled')
    expect(stray.node.lastApplied).toBe(leader.node.lastApplied)
    expect(new Set(nodes.nodes.map(({ node }) => node.status({ digest: true }).digest)).size).toBe(1)
  })

  test('answers nothing from the time on that it knows, not even stale queries', () => {
    const { nodes, leader, stray, index } = astray()
    nodes.isLost = ({ kind }) => kind === 'SnapshotChunk'
    operate(nodes, leader, { kind: 'skip', index })
    nodes.pass(1_000)
    const connection = stray.connect()
    stray.say(connection, query(1, '', 'stale'))
    stray.say(connection, query(2, '', 'atLeast', 1))
    nodes.settle()
    expect(summary(stray.take(connection))).toEqual(['1=RETRY', '2=RETRY'])
    nodes.isLost = () => false
    nodes.pass(5_000)
    stray.say(connection, query(3, '', 'stale'))
    nodes.settle()
    expect(summary(stray.take(connection))).toEqual(['3=a c'])
  })

  test('uses none of its own snapshots of that state again, and gives them to nobody', () => {
    const { nodes, leader, stray, index } = astray({ snapshotEntries: 1, logTailEntries: 0 })
    expect(stray.snapshots.list[0]?.id.index).toBeGreaterThanOrEqual(index)
    nodes.isLost = ({ kind }) => kind === 'SnapshotChunk'
    operate(nodes, leader, { kind: 'skip', index })
    nodes.pass(500)
    expect(stray.snapshots.list.filter(({ id }) => id.index >= index)).toEqual([])
    stray.restart()
    nodes.isLost = () => false
    nodes.pass(5_000)
    expect(applied(nodes.nodes)).toEqual(['a c', 'a c', 'a c'])
  })

  test('finds out the same after a crash before its snapshots were set aside', () => {
    const { nodes, leader, stray, index } = astray({ snapshotEntries: 1, logTailEntries: 0 })
    nodes.cutOff.add(stray.node.id)
    operate(nodes, leader, { kind: 'skip', index })
    nodes.cutOff.clear()
    stray.restart()
    expect(stray.machine.applied).toContain(bad)
    nodes.pass(5_000)
    expect(applied(nodes.nodes)).toEqual(['a c', 'a c', 'a c'])
  })

  test('is rebuilt as leader, too: it leads no more, and answers nobody', () => {
    const { nodes, leader, stray, index, client } = astray()
    // The order gets to the stray one, and its commitment to nobody.
    const other = followers(nodes).find((one) => one !== stray)
    nodes.isLost = ({ from, kind }) =>
      (from === other?.node.id && kind !== 'Halted') || (from === stray.node.id && kind === 'AppendEntriesReply')
    begin(leader, { kind: 'skip', index })
    nodes.pass(200)
    nodes.cutOff.add(leader.node.id)
    nodes.isLost = ({ kind, from }) => (kind === 'RequestVote' || kind === 'PreVote') && from === other?.node.id
    nodes.pass(15_000)
    expect(stray.events).toContainEqual({ kind: 'role', softState: expect.objectContaining({ role: 'leader' }) })
    expect(kinds(stray)).toContain('stateAstray')
    const connection = stray.connect()
    stray.say(connection, commands(client.session, [[2, bad]]))
    nodes.settle()
    expect(summary(stray.take(connection)).filter((one) => one.startsWith('2:bad'))).toEqual([])
    nodes.isLost = () => false
    nodes.cutOff.clear()
    nodes.pass(10_000)
    expect(applied(nodes.nodes)).toEqual(['a c', 'a c', 'a c'])
  })

  test('does not need to, where the command had failed there as well', () => {
    const { nodes, leader, client } = cluster(3)
    const [failing] = followers(nodes)
    if (failing === undefined) throw new Error('no follower')
    failing.onHandlerError = 'fail'
    failing.restart()
    nodes.pass(500)
    leader.say(client.connection, commands(client.session, [[2, bad]]))
    nodes.pass(500)
    const index = haltedAt([leader])[0] ?? 0
    expect(haltedAt([failing])).toEqual([undefined])
    operate(nodes, leader, { kind: 'skip', index })
    nodes.pass(1_000)
    expect(kinds(failing)).not.toContain('stateAstray')
    expect(new Set(nodes.nodes.map(({ node }) => node.status({ digest: true }).digest)).size).toBe(1)
  })
})

describe('a snapshot of a state between a skipped command and the entry that says so', () => {
  test('knows that it was skipped: who starts from it needs no other state', () => {
    const { nodes, leader, client } = cluster(3, { limits: { snapshotEntries: 1, logTailEntries: 1_000 } })
    const index = leader.node.lastApplied + 1
    // So large, and so slow, that a snapshot is taken after it, before the entry that follows.
    const large = 'c'.repeat(65_536)
    const between = nodes.nodes.map(({ machine, snapshots }) => {
      const kept: { meta: SnapshotMeta; content: Uint8Array }[] = []
      machine.onLine = (line) => {
        if (line === large) nodes.monotonicMs += 20
      }
      snapshots.onStored = () => {
        const meta = snapshots.list.find(({ id }) => id.index === index + 1)
        if (meta !== undefined) kept.push({ meta, content: snapshots.content(index + 1) })
      }
      return kept
    })
    leader.say(client.connection, commands(client.session, [[2, bad]]))
    leader.say(client.connection, commands(client.session, [[3, large]]))
    nodes.pass(300)
    operate(nodes, leader, { kind: 'skip', index })
    nodes.pass(1_000)
    for (const [i, node] of nodes.nodes.entries()) {
      for (const meta of node.snapshots.list) node.snapshots.remove(meta, () => {})
      nodes.settle()
      for (const { meta, content } of between[i] ?? []) node.snapshots.put(meta, content)
      node.machine.bad.clear()
      node.restart()
      expect(node.node.lastApplied).toBe(index + 1)
    }
    nodes.pass(5_000)
    expect(applied(nodes.nodes)).toEqual([`a ${large}`, `a ${large}`, `a ${large}`])
    expect(nodes.nodes.flatMap((node) => kinds(node).filter((kind) => kind === 'stateAstray'))).toEqual([])
  })
})

describe('a command of which the process dies', () => {
  /** All three have died of it, and were started again. */
  function died() {
    const { nodes, leader, client } = cluster(3)
    for (const { machine } of nodes.nodes) machine.fatal.add(bad)
    const index = leader.node.lastApplied + 1
    leader.say(client.connection, commands(client.session, [[2, bad]]))
    nodes.pass(300)
    for (const node of nodes.nodes) if (node.failure !== undefined) node.restart()
    nodes.pass(5_000)
    // Those that had not come to it did so then.
    for (const node of nodes.nodes) if (node.failure !== undefined) node.restart()
    nodes.pass(5_000)
    return { nodes, client, index }
  }

  test('is not tried again by the next life, which takes part otherwise', () => {
    const { nodes, index } = died()
    expect(nodes.nodes.map(({ failure }) => failure)).toEqual([undefined, undefined, undefined])
    expect(haltedAt(nodes.nodes)).toEqual([index, index, index])
    expect(nodes.leader.node.status({ digest: false }).halted).toEqual({
      index,
      command: 'append',
      message: 'bad is no line',
      isFatal: true,
    })
  })

  test('can be skipped, and is forgotten then', () => {
    const { nodes, index, client } = died()
    expect(operate(nodes, nodes.leader, { kind: 'skip', index }).refused).toBeUndefined()
    nodes.pass(300)
    expect(nodes.nodes.map((node) => node.halted)).toEqual([undefined, undefined, undefined])
    const { leader } = nodes
    const connection = leader.connect()
    leader.say(
      connection,
      commands(client.session, [
        [2, bad],
        [3, 'c'],
      ]),
    )
    nodes.pass(300)
    expect(summary(leader.take(connection)).map((one) => one.replace(/@.*/, ''))).toEqual(['2:failed', '3:c'])
  })

  test('is tried again when that is asked for, and forgotten once it is applied', () => {
    const { nodes } = died()
    for (const node of nodes.nodes) {
      node.machine.fatal.clear()
      node.machine.bad.clear()
      node.retryHalted = true
      node.restart()
    }
    nodes.pass(5_000)
    expect(applied(nodes.nodes)).toEqual(['a bad', 'a bad', 'a bad'])
    expect(nodes.nodes.map((node) => node.halted)).toEqual([undefined, undefined, undefined])
  })

  test('that is behind the state already is forgotten at the start', () => {
    const { nodes } = cluster(1)
    const [node] = nodes.nodes
    if (node === undefined) throw new Error('no node')
    nodes.pass(100)
    node.halted = { index: 1, command: 'append', message: '', isFatal: true }
    node.retryHalted = true
    node.restart()
    nodes.pass(3_000)
    expect(node.halted).toBeUndefined()
  })
})

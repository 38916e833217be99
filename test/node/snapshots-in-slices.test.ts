import { describe, expect, test } from 'vitest'
import { commands, openSession, query, summary, type TestNode, withSession } from './nodes.ts'

const text = new TextDecoder()
const write = (seq: number) => `line-${seq}${'.'.repeat(20_000)}`

/** The state of `node` is given line by line, as it is when each is asked for. */
function inParts(node: TestNode): void {
  const { machine } = node
  Object.assign(machine, {
    *snapshotParts(): Generator<Uint8Array> {
      for (const [i, line] of machine.applied.entries()) yield new TextEncoder().encode(i === 0 ? line : `\n${line}`)
    },
  })
}

/** Three nodes with a state of many slices, and stores that answer nothing, so that whoever takes a snapshot is stuck in the middle. */
function stuckNodes() {
  const cluster = withSession(3, { snapshotEntries: 1_000_000, logTailEntries: 0 })
  const { nodes, leader, connection, session } = cluster
  for (const node of nodes.nodes) inParts(node)
  for (let seq = 1; seq <= 40; seq++) {
    leader.say(connection, commands(session, [[seq, write(seq)]], seq))
    nodes.pass(10)
  }
  nodes.pass(100)
  leader.take(connection)
  const [near, far] = nodes.nodes.filter((node) => node !== leader)
  if (near === undefined || far === undefined) throw new Error('three nodes are needed')
  /** Somebody asks `node` for a snapshot, and it begins with one. */
  const begin = (node: TestNode): void => {
    node.snapshots.isHeld = true
    const from = node === far ? near : far
    const { term } = node.node.softState
    const ends = { from: from.node.id, to: node.node.id }
    node.node.receive({ kind: 'SnapshotRequest', ...ends, term, minIndex: node.node.lastApplied, of: undefined, offset: 0 })
    nodes.settle()
  }
  return { ...cluster, near, far, begin }
}

/** In the newest snapshot of `node`. Replies, which end otherwise, do not count. */
const linesOf = (node: TestNode): number => {
  const [index = 0] = node.snapshots.indexes
  return text.decode(node.snapshots.content(index)).match(/line-\d+\.{20000}(?!@)/g)?.length ?? 0
}

describe('while a snapshot is encoded', () => {
  test('entries commit and the leader leads on; what is applied, and answered because of it, waits', () => {
    const { nodes, leader, connection, session, begin } = stuckNodes()
    begin(leader)
    const { term } = leader.node.softState
    leader.say(connection, commands(session, [[41, write(41)]], 41))
    nodes.pass(3_000)
    expect(summary(leader.take(connection))).toEqual([])
    const { commitIndex, lastApplied } = leader.node.status({ digest: false })
    expect(commitIndex).toBeGreaterThan(lastApplied)
    expect(nodes.nodes.map(({ machine }) => machine.applied.length).sort()).toEqual([40, 41, 41])
    expect(leader.node.softState).toMatchObject({ role: 'leader', term })
    leader.snapshots.release()
    nodes.pass(100)
    expect(summary(leader.take(connection))[0]).toMatch(/^41:line-41/)
    expect(linesOf(leader)).toBe(40)
  })

  test('queries are answered from the state as it is, unless they must see what waits', () => {
    const { nodes, leader, connection, session, begin } = stuckNodes()
    begin(leader)
    leader.say(connection, commands(session, [[41, write(41)]], 41))
    nodes.pass(50)
    leader.say(connection, query(2, 'now'))
    leader.say(connection, query(3, 'now', 'stale'))
    nodes.pass(50)
    expect(summary(leader.take(connection)).map((line) => line[0])).toEqual(['3'])
    leader.snapshots.release()
    nodes.pass(100)
    expect(summary(leader.take(connection)).map((line) => line[0])).toContain('2')
  })

  test('a node is elected, and answers when it is over', () => {
    const { nodes, leader, near, far, begin } = stuckNodes()
    begin(near)
    begin(far)
    nodes.cutOff.add(leader.node.id)
    nodes.pass(5_000)
    const next = nodes.leader
    expect(next.node.caughtUp).toBe(false)
    next.snapshots.release()
    nodes.pass(100)
    expect(next.node.caughtUp).toBe(true)
    const { connection, session } = openSession(nodes, next)
    next.say(connection, commands(session, [[1, 'after']]))
    nodes.pass(100)
    expect(summary(next.take(connection))[0]).toMatch(/^1:after@/)
    expect(linesOf(next)).toBe(40)
  })

  test('what this node needs of the others is fetched afterwards, and takes the place of its state', () => {
    const { nodes, leader, near, far, connection, session, begin } = stuckNodes()
    begin(far)
    nodes.cutOff.add(far.node.id)
    for (let seq = 41; seq <= 45; seq++) {
      leader.say(connection, commands(session, [[seq, write(seq)]], seq))
      nodes.pass(10)
      // Two snapshots of each, and their logs begin behind what the third has.
      for (const node of [leader, near]) {
        begin(node)
        node.snapshots.release()
      }
      nodes.pass(20)
    }
    expect(leader.log.firstIndex).toBeGreaterThan(far.log.latestLogIndex + 1)
    nodes.cutOff.clear()
    nodes.pass(1_000)
    expect(far.machine.applied).toHaveLength(40)
    far.snapshots.release()
    nodes.pass(3_000)
    expect(far.machine.applied).toEqual(leader.machine.applied)
    expect(far.failure).toBeUndefined()
  })

  test('a failing disk holds nobody up', () => {
    const { nodes, leader, connection, session, begin } = stuckNodes()
    begin(leader)
    leader.say(connection, commands(session, [[41, write(41)]], 41))
    nodes.pass(100)
    leader.snapshots.failure = new Error('no space left')
    leader.snapshots.release()
    nodes.pass(100)
    expect(summary(leader.take(connection))[0]).toMatch(/^41:line-41/)
    expect(leader.snapshots.list).toEqual([])
  })
})

// What goes on around halted nodes and skipped commands where the nodes are not all in the same place: some have halted further on, some have applied
// what is skipped, one alone has halted.
import { describe, expect, test } from 'vitest'
import type { NodeLimits } from '../../src/node/index.ts'
import { commands, openSession, query, summary, type TestNode, TestNodes } from './nodes.ts'
import { begin, followers, operate } from './operations.ts'

const applied = (nodes: readonly TestNode[]) => nodes.map(({ machine }) => machine.applied.join(' '))
const haltedAt = (nodes: readonly TestNode[]) => nodes.map(({ node }) => node.halted?.index)
const kinds = ({ events }: TestNode) => events.map(({ kind }) => kind)

/** Nodes that halt, a session at their leader, and `a` applied everywhere. `line`: says one, as the next command. */
function cluster(size: number, limits: Partial<NodeLimits> = {}) {
  const nodes = new TestNodes(size, limits, {}, { onHandlerError: 'halt' })
  const leader = nodes.untilLeader()
  const client = openSession(nodes, leader)
  let seq = 0
  /** Says them one after the other; index of the first. */
  const line = (...texts: readonly string[]): number => {
    const first = leader.log.latestLogIndex + 1
    for (const text of texts) {
      seq += 1
      leader.say(client.connection, commands(client.session, [[seq, text]]))
    }
    nodes.pass(50)
    return first
  }
  line('a')
  nodes.pass(300)
  leader.take(client.connection)
  return { nodes, leader, client, line }
}

/** Of three: all but one halt at `first`, and all at `second`, which is behind it, but that one where it is `sound`. */
function halted({ isSound = false } = {}) {
  const { nodes, leader, client, line } = cluster(3)
  const [stray, other] = followers(nodes)
  if (stray === undefined || other === undefined) throw new Error('no followers')
  for (const { machine } of [leader, other]) machine.bad.add('first')
  for (const node of nodes.nodes) if (node !== stray || !isSound) node.machine.bad.add('second')
  const first = line('first', 'second')
  nodes.pass(300)
  return { nodes, leader, other, stray, client, line, first, second: first + 1 }
}

const noState = 'RETRY'

describe('a replica that has applied a command which is then skipped', () => {
  test('answers nothing once that is committed, though it has halted before it comes to the entry that says so', () => {
    const { nodes, leader, other, stray, client, first, second } = halted()
    expect(haltedAt([leader, other, stray])).toEqual([first, first, second])
    expect(operate(nodes, leader, { kind: 'skip', index: first }).refused).toBeUndefined()
    nodes.pass(500)
    expect(haltedAt(nodes.nodes)).toEqual([second, second, second])
    expect(kinds(stray)).toContain('stateAstray')
    const connection = stray.connect()
    stray.say(connection, query(1, '', 'stale'))
    stray.say(connection, query(2, '', 'atLeast', first))
    nodes.pass(100)
    expect(summary(stray.take(connection))).toEqual([`1=${noState}`, `2=${noState}`])
    // It may be asked to lead, and refuses.
    operate(nodes, leader, { kind: 'transfer', to: stray.node.id })
    nodes.pass(1_000)
    expect(summary(leader.take(client.connection))).toEqual(['2:failed'])
  })

  test('tells those who wait for it to become newer that they will not get that from it', () => {
    const { nodes, leader, other, stray, line } = { ...cluster(3), stray: undefined, other: undefined }
    const [one, two] = followers(nodes)
    if (one === undefined || two === undefined || stray !== other) throw new Error('no followers')
    for (const { machine } of [leader, two]) machine.bad.add('bad')
    const index = line('bad')
    nodes.isLost = ({ kind }) => kind === 'SnapshotChunk'
    const connection = one.connect()
    one.say(connection, query(1, '', 'atLeast', index + 10))
    operate(nodes, leader, { kind: 'skip', index })
    nodes.pass(500)
    expect(summary(one.take(connection))).toEqual([`1=${noState}`])
  })

  test('gets a state from those who have halted further on: they take a snapshot of it for whoever asks', () => {
    const { nodes, leader, stray, line } = { ...cluster(3), stray: undefined }
    const [one, two] = followers(nodes)
    if (one === undefined || two === undefined || stray !== undefined) throw new Error('no followers')
    for (const { machine } of [leader, two]) machine.bad.add('first')
    for (const { machine } of nodes.nodes) machine.bad.add('second')
    const first = line('first')
    nodes.cutOff.add(one.node.id)
    operate(nodes, leader, { kind: 'skip', index: first })
    nodes.pass(300)
    const second = line('second')
    nodes.pass(300)
    nodes.cutOff.clear()
    nodes.pass(3_000)
    expect(kinds(one)).toEqual(expect.arrayContaining(['stateAstray', 'snapshotInstalled']))
    expect(haltedAt(nodes.nodes)).toEqual([second, second, second])
    expect(applied(nodes.nodes)).toEqual(['a', 'a', 'a'])
  })

  test('counts among those who have not applied what others halt at: without a state it has applied nothing', () => {
    const { nodes, leader, other, stray, first, second } = halted({ isSound: true })
    expect(applied([stray])).toEqual(['a first second'])
    nodes.isLost = ({ kind }) => kind === 'SnapshotChunk'
    operate(nodes, leader, { kind: 'skip', index: first })
    nodes.pass(500)
    nodes.cutOff.add(other.node.id)
    nodes.pass(2_000)
    expect(operate(nodes, leader, { kind: 'skip', index: second }).refused).toBeUndefined()
    nodes.isLost = () => false
    nodes.cutOff.clear()
    nodes.pass(3_000)
    expect(haltedAt([leader, other, stray])).toEqual([undefined, undefined, undefined])
    expect(applied(nodes.nodes)).toEqual(['a', 'a', 'a'])
  })

  test('does not take a snapshot that it had begun to fetch before, and is older than what it has applied', () => {
    const { nodes, leader, line } = cluster(5, { snapshotEntries: 10, logTailEntries: 0 })
    const [stray, ...others] = followers(nodes)
    if (stray === undefined) throw new Error('no follower')
    for (const { machine } of others.slice(0, 3)) machine.bad.add('bad')
    const index = line('bad')
    nodes.pass(300)
    nodes.cutOff.add(stray.node.id)
    for (let i = 0; i < 60; i++) line(`x${i}`)
    nodes.pass(1_000)
    // What it fetches it cannot read for a while.
    const held: (() => void)[] = []
    const read = stray.snapshots.read.bind(stray.snapshots)
    let isSlow = true
    stray.snapshots.read = (snapshot, offset, done) =>
      isSlow ? read(snapshot, offset, (error, data) => void held.push(() => done(error, data))) : read(snapshot, offset, done)
    nodes.cutOff.clear()
    nodes.pass(1_500)
    nodes.cutOff.add(leader.node.id)
    nodes.pass(8_000)
    operate(nodes, nodes.leader, { kind: 'skip', index })
    nodes.pass(500)
    isSlow = false
    for (const go of held.splice(0)) go()
    nodes.pass(3_000)
    nodes.cutOff.clear()
    nodes.pass(10_000)
    expect(nodes.nodes.map(({ failure }) => failure?.message)).toEqual(nodes.nodes.map(() => undefined))
    expect(new Set(applied(nodes.nodes)).size).toBe(1)
  })
})

describe('an order to skip', () => {
  test('is taken by who has halted there, where others of the majority have halted before', () => {
    const { nodes, leader, line } = cluster(3)
    const [behind, away] = followers(nodes)
    if (behind === undefined || away === undefined) throw new Error('no followers')
    behind.machine.bad.add('first')
    for (const { machine } of [leader, away]) machine.bad.add('second')
    const first = line('first')
    const second = line('second')
    nodes.pass(300)
    nodes.cutOff.add(away.node.id)
    nodes.pass(500)
    expect(haltedAt([behind, leader])).toEqual([first, second])
    expect(operate(nodes, leader, { kind: 'skip', index: first }).refused?.reason).toBe('notHalted')
    expect(operate(nodes, leader, { kind: 'skip', index: second }).refused).toBeUndefined()
    nodes.cutOff.clear()
    nodes.pass(1_000)
    expect(haltedAt([leader, away])).toEqual([undefined, undefined])
  })

  test('is refused where what nodes said before they started again is all that is known of them', () => {
    const { nodes, leader, line } = cluster(3)
    for (const { machine } of nodes.nodes) machine.bad.add('bad')
    const index = line('bad')
    nodes.pass(500)
    for (const node of followers(nodes)) {
      node.machine.bad.clear()
      node.restart()
    }
    nodes.pass(300)
    expect(applied(followers(nodes))).toEqual(['a bad', 'a bad'])
    expect(operate(nodes, leader, { kind: 'skip', index }).refused?.reason).toBe('quorumNotHalted')
    nodes.pass(3_000)
    expect(nodes.nodes.flatMap((node) => kinds(node).filter((kind) => kind === 'stateAstray'))).toEqual([])
  })

  test('that was carried out is carried out, as often as it is given', () => {
    const { nodes, leader, line } = cluster(3)
    for (const { machine } of nodes.nodes) machine.bad.add('bad')
    const index = line('bad')
    nodes.pass(500)
    for (const _ of [1, 2]) {
      expect(operate(nodes, leader, { kind: 'skip', index }).refused).toBeUndefined()
      nodes.pass(300)
    }
    expect(applied(nodes.nodes)).toEqual(['a', 'a', 'a'])
  })
})

describe('a node that has halted', () => {
  test('hands over when it leads and a majority has not, and commands are applied by the others', () => {
    const { nodes, leader, client, line } = cluster(3)
    leader.machine.bad.add('bad')
    line('bad')
    nodes.pass(5_000)
    expect(nodes.leader).not.toBe(leader)
    const connection = nodes.leader.connect()
    nodes.leader.say(connection, commands(client.session, [[3, 'c']]))
    nodes.pass(300)
    expect(summary(nodes.leader.take(connection)).map((one) => one.replace(/@.*/, ''))).toEqual(['3:c'])
    expect(haltedAt([leader])).not.toEqual([undefined])
  })

  test('leads on where a majority has', () => {
    const { nodes, leader, line } = cluster(3)
    for (const { machine } of nodes.nodes) machine.bad.add('bad')
    line('bad')
    nodes.pass(30_000)
    expect(nodes.leader).toBe(leader)
    expect(leader.events.filter(({ kind }) => kind === 'role')).toHaveLength(3)
  })

  test('keeps nothing for clients who end their sessions meanwhile', () => {
    const { nodes, leader, client, line } = cluster(3)
    for (const { machine } of nodes.nodes) machine.bad.add('bad')
    line('bad')
    nodes.pass(300)
    const before = leader.node.pending
    for (let i = 0; i < 100; i++) leader.say(client.connection, { kind: 'CloseSession', session: 1_000 + i })
    nodes.pass(100)
    expect(leader.node.pending).toBe(before)
  })

  test('does not forget what an earlier life died of, when it has passed a command before that', () => {
    const { nodes, leader, line } = cluster(1)
    leader.machine.fatal.add('fatal')
    line('b')
    const index = line('fatal')
    expect(leader.halted?.index).toBe(index)
    leader.machine.bad.add('b')
    leader.restart()
    nodes.pass(3_000)
    const first = leader.node.halted?.index ?? 0
    expect(first).toBeLessThan(index)
    begin(leader, { kind: 'skip', index: first })
    nodes.pass(500)
    expect([leader.node.halted?.index, leader.halted?.index, leader.failure]).toEqual([index, index, undefined])
  })
})

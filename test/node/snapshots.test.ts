import { describe, expect, test } from 'vitest'
import type { ConfStep, PeerMessage, SnapshotChunk } from '../../src/core/index.ts'
import { afterRemoval } from '../../src/errors.ts'
import type { NodeEvent, NodeLimits } from '../../src/node/index.ts'
import { commands, memberOf, openSession, query, summary, type TestNode, type TestNodes, withSession } from './nodes.ts'

/** A snapshot every few entries, and nothing behind it. */
const eager: Partial<NodeLimits> = { snapshotEntries: 8, logTailEntries: 0 }

interface Client {
  readonly connection: number
  readonly session: number
}

class Writer {
  readonly #nodes: TestNodes
  readonly #leader: TestNode
  readonly #client: Client
  #seq = 0

  constructor({ nodes, leader, ...client }: { readonly nodes: TestNodes; readonly leader: TestNode } & Client) {
    this.#nodes = nodes
    this.#leader = leader
    this.#client = client
  }

  get seq(): number {
    return this.#seq
  }

  /** One after the other, each answered before the next. */
  write(count: number, padding = 0): void {
    for (let i = 0; i < count; i++) {
      this.#seq += 1
      const line = `line-${this.#seq}${'.'.repeat(padding)}`
      this.#leader.say(this.#client.connection, commands(this.#client.session, [[this.#seq, line]], this.#seq))
      this.#nodes.settle()
      const [answer = ''] = summary(this.#leader.take(this.#client.connection))
      expect(answer.startsWith(`${this.#seq}:line-`)).toBe(true)
    }
  }
}

function eagerCluster(limits: Partial<NodeLimits> = {}) {
  const cluster = withSession(3, { ...eager, ...limits })
  const { nodes, leader } = cluster
  const [near, far] = nodes.nodes.filter((node) => node !== leader)
  if (near === undefined || far === undefined) throw new Error('three nodes are needed')
  return { ...cluster, near, far, writer: new Writer(cluster) }
}

const kindsOf = (node: TestNode, kind: NodeEvent['kind']): readonly NodeEvent[] => node.events.filter((event) => event.kind === kind)
const digestOf = (node: TestNode): string => node.node.status({ digest: true }).digest

/** Pieces that arrive, and whom they are from. */
function watchPieces(nodes: TestNodes): SnapshotChunk[] {
  const pieces: SnapshotChunk[] = []
  const { isLost } = nodes
  nodes.isLost = (message) => {
    if (isLost(message)) return true
    if (message.kind === 'SnapshotChunk' && message.snapshot !== undefined) pieces.push(message)
    return false
  }
  return pieces
}

function change(nodes: TestNodes, leader: TestNode, steps: readonly ConfStep[], force = false): void {
  const connection = leader.connect()
  leader.say(connection, { kind: 'AdminRequest', requestId: 77, operation: { kind: 'changeConf', steps, force } })
  for (let i = 0; i < 300; i++) {
    nodes.pass(10)
    for (const message of leader.take(connection)) {
      if (message.kind !== 'AdminReply') continue
      expect(message.refused).toBeUndefined()
      return
    }
  }
  throw new Error('the change was not settled within 3 s')
}

describe('a node takes snapshots', () => {
  test('after so many entries, keeps the two newest, and compacts its log behind the older one', () => {
    const { leader, writer, nodes } = eagerCluster()
    writer.write(40)
    for (const node of nodes.nodes) {
      const [newest = 0, older = 0, ...others] = node.snapshots.indexes
      expect(others).toEqual([])
      expect(newest - older).toBeGreaterThanOrEqual(8)
      expect(node.log.firstIndex).toBe(older + 1)
      expect(node.node.status({ digest: false })).toMatchObject({ firstIndex: older + 1, snapshotIndex: newest })
    }
    expect(kindsOf(leader, 'snapshotTaken').length).toBeGreaterThanOrEqual(4)
    expect(kindsOf(leader, 'logCompacted').at(-1)).toEqual({ kind: 'logCompacted', firstIndex: leader.log.firstIndex })
  })

  test('or after so many bytes, each node at another entry', () => {
    const { nodes, writer } = eagerCluster({ snapshotEntries: 1_000_000, snapshotLogBytes: 4_000 })
    writer.write(9, 400)
    const taken = nodes.nodes.map(({ snapshots }) => snapshots.indexes)
    expect(taken.map(({ length }) => length)).toEqual([1, 1, 1])
    expect(new Set(taken.flat()).size).toBe(3)
  })

  test('and leaves a tail in the log for followers that lag a little', () => {
    const { leader, writer, nodes } = eagerCluster({ logTailEntries: 15 })
    writer.write(60)
    nodes.settle()
    const [newest = 0] = leader.snapshots.indexes
    expect(newest + 1 - leader.log.firstIndex).toBeGreaterThanOrEqual(15)
    expect(newest + 1 - leader.log.firstIndex).toBeLessThanOrEqual(15 + 16)
  })

  test('and goes on without one that could not be written: it tries again after as many entries', () => {
    const { leader, writer } = eagerCluster()
    leader.snapshots.failure = new Error('no space left')
    const before = leader.snapshots.indexes
    writer.write(20)
    expect(leader.snapshots.indexes).toEqual(before)
    expect(leader.log.firstIndex).toBe(1)
    expect(kindsOf(leader, 'snapshotFailed').length).toBeLessThanOrEqual(3)
    expect(kindsOf(leader, 'snapshotFailed')[0]).toMatchObject({ error: { message: 'no space left' } })
    leader.snapshots.failure = undefined
    writer.write(20)
    expect(leader.snapshots.indexes).toHaveLength(2)
  })
})

describe('a follower that missed more than the log keeps', () => {
  test('gets a snapshot from the other follower, and then the log', () => {
    const { nodes, leader, near, far, writer } = eagerCluster()
    const pieces = watchPieces(nodes)
    nodes.cutOff.add(far.node.id)
    writer.write(60)
    nodes.cutOff.clear()
    nodes.pass(1_000)
    expect(far.machine.applied).toEqual(leader.machine.applied)
    expect(digestOf(far)).toBe(digestOf(leader))
    expect(new Set(pieces.map(({ from }) => from))).toEqual(new Set([near.node.id]))
    expect(kindsOf(far, 'snapshotInstalled')).toHaveLength(1)
    writer.write(1)
    nodes.pass(100)
    expect(far.machine.applied).toHaveLength(61)
  })

  test('gets it from the leader, when the other follower has none', () => {
    const { nodes, leader, near, far, writer } = eagerCluster()
    near.snapshots.failure = new Error('no space left')
    const pieces = watchPieces(nodes)
    nodes.cutOff.add(far.node.id)
    writer.write(60)
    nodes.cutOff.clear()
    nodes.pass(2_000)
    expect(far.machine.applied).toEqual(leader.machine.applied)
    expect(new Set(pieces.map(({ from }) => from))).toEqual(new Set([leader.node.id]))
  })

  test('goes on from where it was when the connection breaks in the middle', () => {
    const { nodes, leader, far, writer } = eagerCluster()
    nodes.cutOff.add(far.node.id)
    writer.write(40, 20_000)
    let passed = 0
    nodes.isLost = ({ kind }: PeerMessage) => kind === 'SnapshotChunk' && ++passed > 4
    const pieces = watchPieces(nodes)
    nodes.cutOff.clear()
    nodes.pass(3_000)
    expect(far.snapshots.written).toHaveLength(4)
    nodes.isLost = () => false
    nodes.pass(12_000)
    const bytes = pieces[0]?.snapshot?.bytes ?? 0
    expect(far.machine.applied).toEqual(leader.machine.applied)
    expect(far.snapshots.written).toHaveLength(Math.ceil(bytes / 65_536))
  })

  test('gets there although writes go on at full speed and its link is slow; nobody waits for it', () => {
    const { nodes, leader, far, writer } = eagerCluster()
    nodes.cutOff.add(far.node.id)
    writer.write(40, 20_000)
    nodes.cutOff.clear()
    const { term } = leader.node.softState
    // 13 pieces and more: one and a half seconds.
    nodes.delayMs = ({ kind }) => (kind === 'SnapshotChunk' ? 100 : 0)
    for (let i = 0; i < 300; i++) {
      writer.write(1)
      nodes.pass(10)
    }
    expect(kindsOf(far, 'snapshotInstalled')).toHaveLength(1)
    expect(far.machine.applied).toEqual(leader.machine.applied)
    // Heartbeats went on: nobody stood for election.
    expect(nodes.nodes.map(({ node }) => node.softState)).toEqual(
      nodes.nodes.map(({ node }) => ({ role: node === leader.node ? 'leader' : 'follower', term, leader: leader.node.id })),
    )
  })

  test('answers stale queries from the state it has, until the new one takes its place', () => {
    const { nodes, far, writer } = eagerCluster()
    writer.write(2)
    nodes.pass(200)
    nodes.cutOff.add(far.node.id)
    writer.write(40, 20_000)
    nodes.cutOff.clear()
    nodes.delayMs = ({ kind }) => (kind === 'SnapshotChunk' ? 100 : 0)
    nodes.pass(500)
    const connection = far.connect()
    far.take(connection)
    far.say(connection, query(1, '', 'stale'))
    nodes.settle()
    expect(summary(far.take(connection))).toEqual(['1=line-1 line-2'])
    nodes.pass(4_000)
    expect(far.machine.applied).toHaveLength(42)
  })

  test('takes part with the sessions and the configuration that it missed', () => {
    const { nodes, leader, near, far, writer, session } = eagerCluster()
    nodes.cutOff.add(far.node.id)
    const moved = { ...memberOf(near.node.id), client: 'moved:1' }
    change(nodes, leader, [{ kind: 'update', member: moved, joining: false }])
    writer.write(60)
    nodes.cutOff.clear()
    nodes.pass(1_000)
    expect(far.node.conf).toEqual(leader.node.conf)
    expect(far.conf).toEqual(leader.node.conf)
    expect(far.node.conf.members).toContainEqual(moved)
    writer.write(10)
    nodes.pass(200)
    expect(kindsOf(far, 'snapshotTaken').length).toBeGreaterThan(0)
    expect(far.snapshots.list[0]?.conf).toEqual(leader.node.conf)
    // Nobody else can answer for what the leader has answered.
    nodes.cutOff.add(leader.node.id)
    const next = nodes.untilLeader()
    const connection = next.connect()
    next.take(connection)
    const last = writer.seq
    next.say(connection, commands(session, [[last, `line-${last}`]], last))
    nodes.settle()
    expect(summary(next.take(connection))[0]).toMatch(new RegExp(`^${last}:line-${last}@`))
    expect(next.machine.applied).toHaveLength(70)
  })
})

describe('a restart', () => {
  test('starts from the newest snapshot, and applies only what follows it', () => {
    const { nodes, leader, near, writer, session } = eagerCluster()
    writer.write(43)
    nodes.pass(100)
    const [newest = 0] = near.snapshots.indexes
    const reads = near.snapshots.reads
    near.restart()
    expect(near.node.lastApplied).toBe(newest)
    expect(near.snapshots.reads).toBe(reads + 1)
    nodes.pass(500)
    expect(near.machine.applied).toEqual(leader.machine.applied)
    expect(digestOf(near)).toBe(digestOf(leader))
    nodes.cutOff.add(leader.node.id)
    const next = nodes.untilLeader()
    const connection = next.connect()
    next.take(connection)
    next.say(connection, commands(session, [[43, 'line-43']], 43))
    nodes.settle()
    expect(summary(next.take(connection))[0]).toMatch(/^43:line-43@/)
    expect(next.machine.applied).toHaveLength(43)
  })

  test('of all nodes at once loses nothing', () => {
    const { nodes, writer } = eagerCluster()
    writer.write(43)
    for (const node of nodes.nodes) node.restart()
    const leader = nodes.untilLeader()
    nodes.pass(500)
    for (const node of nodes.nodes) expect(node.machine.applied).toHaveLength(43)
    const { connection, session } = openSession(nodes, leader)
    leader.say(connection, commands(session, [[1, 'after']]))
    nodes.pass(100)
    for (const node of nodes.nodes) expect(node.machine.applied.at(-1)).toBe('after')
  })

  test('with the newest snapshot damaged goes back to the older one, and says so', () => {
    const { nodes, leader, near, writer } = eagerCluster()
    writer.write(43)
    nodes.pass(100)
    const [newest = 0, older = 0] = near.snapshots.indexes
    near.snapshots.damage(newest)
    near.restart()
    expect(near.node.lastApplied).toBe(older)
    expect(near.events.at(-1)).toMatchObject({ kind: 'snapshotFailed', index: newest })
    nodes.pass(500)
    expect(digestOf(near)).toBe(digestOf(leader))
  })

  test('with no snapshot left gets one from its peers; until then it votes and answers nothing', () => {
    const { nodes, leader, near, far, writer } = eagerCluster()
    writer.write(43)
    nodes.pass(100)
    for (const index of near.snapshots.indexes) near.snapshots.damage(index)
    nodes.isLost = ({ kind, to }) => kind === 'SnapshotChunk' && to === near.node.id
    near.restart()
    nodes.settle()
    nodes.cutOff.add(far.node.id)
    writer.write(5)
    nodes.pass(1_000)
    expect(near.machine.applied).toEqual([])
    expect(near.node.caughtUp).toBe(false)
    expect(near.log.latestLogIndex).toBe(leader.log.latestLogIndex)
    nodes.isLost = () => false
    nodes.cutOff.clear()
    nodes.pass(12_000)
    expect(near.machine.applied).toEqual(leader.machine.applied)
    expect(near.node.caughtUp).toBe(true)
    expect(digestOf(near)).toBe(digestOf(leader))
  })

  test('between the end of a fetch and the use of it does not fetch again', () => {
    const { nodes, leader, far, writer } = eagerCluster()
    nodes.cutOff.add(far.node.id)
    writer.write(40, 20_000)
    nodes.cutOff.clear()
    far.snapshots.onStored = () => {
      far.diskHeld = true
    }
    nodes.pass(2_000)
    const written = far.snapshots.written.length
    expect(far.snapshots.list).toHaveLength(1)
    expect(far.log.latestLogIndex).toBeLessThan(far.snapshots.indexes[0] ?? 0)
    far.diskHeld = false
    const pieces = watchPieces(nodes)
    far.restart()
    nodes.pass(500)
    expect(far.machine.applied).toEqual(leader.machine.applied)
    // The first piece says which snapshot it is: no other is needed.
    expect(pieces).toHaveLength(1)
    expect(far.snapshots.written).toHaveLength(written)
  })
})

describe('a node on an empty disk', () => {
  test('gets a snapshot, taken for it on demand, and becomes a voter again as another incarnation', () => {
    const { nodes, leader, far, writer } = eagerCluster({ snapshotEntries: 1_000_000 })
    writer.write(10)
    const { id } = far.node
    nodes.cutOff.add(id)
    change(nodes, leader, [{ kind: 'demote', id }])
    change(nodes, leader, [{ kind: 'update', member: memberOf(id, 2), joining: true }])
    nodes.cutOff.clear()
    far.restartEmpty(2)
    expect(nodes.nodes.map(({ snapshots }) => snapshots.list.length)).toEqual([0, 0, 0])
    nodes.pass(3_000)
    expect(far.machine.applied).toEqual(leader.machine.applied)
    expect(leader.node.conf.voters).toContain(id)
    expect(far.node.conf).toEqual(leader.node.conf)
    expect(far.failure).toBeUndefined()
  })
})

describe('a node that is a member no more', () => {
  test('stops with NODE_REMOVED, after it has handed over what it led', () => {
    const { nodes, leader } = eagerCluster()
    const { id } = leader.node
    change(nodes, leader, [{ kind: 'remove', id }])
    expect(leader.failure).toBeUndefined()
    nodes.pass(2_000)
    expect(leader.failure).toMatchObject({
      code: 'NODE_REMOVED',
      message: `node ${id} was removed from cluster test: ${afterRemoval.removed}`,
    })
    nodes.cutOff.add(id)
    expect(nodes.untilLeader()).not.toBe(leader)
  })

  test('because its id has come back with another disk, stops too', () => {
    const { nodes, leader, far } = eagerCluster()
    const { id } = far.node
    change(nodes, leader, [{ kind: 'demote', id }])
    change(nodes, leader, [{ kind: 'update', member: memberOf(id, 2), joining: false }])
    nodes.pass(2_000)
    expect(far.failure).toMatchObject({
      code: 'NODE_REMOVED',
      message: `node ${id} is in cluster test with incarnation 2: this one, 1, has been replaced; delete this directory`,
    })
  })
})

describe('a node that is about to stop', () => {
  test('hands over first: another leads before it could be missed', () => {
    const { nodes, leader, writer } = eagerCluster()
    writer.write(3)
    leader.node.handOver()
    nodes.pass(100)
    expect(leader.node.softState.role).toBe('follower')
    expect(nodes.nodes.filter(({ node }) => node.softState.role === 'leader')).toHaveLength(1)
  })

  test('does nothing where it does not lead', () => {
    const { nodes, leader, near } = eagerCluster()
    near.node.handOver()
    nodes.pass(200)
    expect(leader.node.softState.role).toBe('leader')
    expect(near.failure).toBeUndefined()
  })
})

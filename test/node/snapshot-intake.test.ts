// What comes from others, or from an earlier life, is looked into before the log gives way to it, and never relied on when it is bad.
import { describe, expect, test } from 'vitest'
import { confOfVoters, type SnapshotMeta } from '../../src/core/index.ts'
import type { NodeEvent } from '../../src/node/index.ts'
import { checksum } from '../../src/storage/checksum.ts'
import { ReplicaDecoder } from '../../src/wire/replica-decoder.ts'
import { Replica } from '../../src/machine/replica.ts'
import { commands, lines, memberOf, summary, type TestNode, type TestNodes, withSession } from './nodes.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

function cluster() {
  const { nodes, leader, connection, session } = withSession(3, { snapshotEntries: 8, logTailEntries: 0 })
  const [near, far] = nodes.nodes.filter((node) => node !== leader)
  if (near === undefined || far === undefined) throw new Error('three nodes are needed')
  let seq = 0
  const write = (count: number, padding = 0): void => {
    for (let i = 0; i < count; i++) {
      seq += 1
      leader.say(connection, commands(session, [[seq, `line-${seq}${'.'.repeat(padding)}`]], seq))
      nodes.settle()
      expect(summary(leader.take(connection))[0]).toMatch(new RegExp(`^${seq}:`))
    }
  }
  return { nodes, leader, near, far, write }
}

/** The snapshot of `index` holds something else from now on, and every checksum is right. */
function spoil(node: TestNode, index: number, change: (content: Uint8Array) => Uint8Array): SnapshotMeta {
  const meta = node.snapshots.list.find(({ id }) => id.index === index)
  if (meta === undefined) throw new Error(`no snapshot ${index}`)
  const content = change(node.snapshots.content(index).slice())
  const spoilt = { ...meta, bytes: content.length, checksum: checksum(content) }
  node.snapshots.put(spoilt, content)
  return spoilt
}

const unknownFormat = (content: Uint8Array): Uint8Array => content.fill(77, 0, 1)
const failures = (node: TestNode): readonly string[] =>
  node.events.map((event: NodeEvent) => (event.kind === 'snapshotFailed' ? event.error.message : '')).filter((message) => message !== '')
const newestOf = ({ snapshots }: TestNode): number => snapshots.indexes[0] ?? 0

/** Everything that `from` gives out of its newest snapshot is something else. */
function poison(nodes: TestNodes, from: TestNode): SnapshotMeta {
  nodes.pass(300)
  return spoil(from, newestOf(from), unknownFormat)
}

describe('a fetched snapshot whose content is of no use', () => {
  test('leaves log and state as they were; another member makes up for it', () => {
    const { nodes, leader, near, far, write } = cluster()
    write(3)
    nodes.pass(300)
    nodes.cutOff.add(far.node.id)
    write(30)
    const bad = poison(nodes, near)
    const before = far.log.latestLogIndex
    nodes.isLost = ({ kind, to, from }) => kind === 'SnapshotChunk' && to === far.node.id && from === leader.node.id
    nodes.cutOff.clear()
    nodes.pass(3_000)
    expect(failures(far)[0]).toBe(
      `the snapshot of entry ${bad.id.index} was fetched, but cannot be used: the state has format 77, only 1 to 3 are known`,
    )
    expect(far.failure).toBeUndefined()
    expect(far.log.summary.base.id.index).toBe(0)
    expect(far.log.latestLogIndex).toBe(before)
    expect(far.machine.applied).toHaveLength(3)
    expect(far.snapshots.condemned).toEqual([bad.id.index])
    nodes.isLost = () => false
    nodes.pass(5_000)
    expect(far.machine.applied).toEqual(leader.machine.applied)
    expect(far.failure).toBeUndefined()
  })

  test('that an earlier life left in the store is read once, and not taken for the one that is needed', () => {
    const { nodes, leader, near, far, write } = cluster()
    nodes.cutOff.add(far.node.id)
    write(30)
    const bad = poison(nodes, near)
    far.snapshots.put(bad, near.snapshots.content(bad.id.index))
    far.restart()
    nodes.cutOff.clear()
    nodes.pass(8_000)
    expect(far.snapshots.condemned).toEqual([bad.id.index])
    expect(far.machine.applied).toEqual(leader.machine.applied)
    expect(far.failure).toBeUndefined()
  })

  test('with the label of another entry is of no use either', () => {
    const { nodes, leader, near, far, write } = cluster()
    nodes.cutOff.add(far.node.id)
    write(30)
    nodes.pass(300)
    const [newest = 0, older = 0] = near.snapshots.indexes
    spoil(near, newest, () => near.snapshots.content(older).slice())
    nodes.cutOff.clear()
    nodes.pass(8_000)
    expect(far.snapshots.condemned).toEqual([newest])
    expect(failures(far)[0]).toContain(`holds the state after entry ${older}`)
    expect(far.machine.applied).toEqual(leader.machine.applied)
  })

  test('because its machine does not take it is tried on first: the state stays', () => {
    const { nodes, leader, near, far, write } = cluster()
    write(3)
    nodes.pass(300)
    nodes.cutOff.add(far.node.id)
    write(30)
    const { restoreSnapshot } = far.machine
    far.machine.restoreSnapshot = (snapshot) => {
      // In the middle of it.
      far.machine.applied.length = 0
      if (snapshot.length > 100) throw new Error('out of lines')
      restoreSnapshot.call(far.machine, snapshot)
    }
    nodes.cutOff.clear()
    nodes.pass(1_000)
    expect(failures(far)[0]).toContain('cannot be used: out of lines')
    expect(far.machine.applied).toHaveLength(3)
    expect(far.log.summary.base.id.index).toBe(0)
    far.machine.restoreSnapshot = restoreSnapshot
    // Every member had the same: the next ones are newer.
    write(20)
    nodes.pass(8_000)
    expect(near.failure ?? far.failure).toBeUndefined()
    expect(far.machine.applied).toEqual(leader.machine.applied)
  })
})

describe('a member that offers what cannot be', () => {
  const impossible = confOfVoters([1, 2, 3].map((id) => memberOf(id)))
  test.each([
    ['a configuration', { conf: { ...impossible, learners: [1] } }, 1],
    ['an index', { id: { term: 1, index: 2 ** 48 - 1 } }, 1],
    ['a term', {}, 2 ** 48 - 1],
  ])('(%s) changes nothing at all', (_, snapshot, term) => {
    const { nodes, leader, far } = cluster()
    nodes.pass(300)
    let asked = 0
    nodes.isLost = (message) => {
      if (message.kind === 'SnapshotRequest') asked = message.to
      return message.kind === 'SnapshotRequest' || message.kind === 'SnapshotChunk'
    }
    const { term: current } = leader.node.softState
    far.node.receive({ kind: 'InstallSnapshot', from: leader.node.id, to: far.node.id, term: current, last: { term: current, index: 50 } })
    nodes.pass(50)
    const data = bytesOf('x')
    const meta = { id: { term: current, index: 60 }, conf: impossible, bytes: 1, checksum: checksum(data), ...snapshot }
    const before = far.log.summary
    far.node.receive({ kind: 'SnapshotChunk', from: asked, to: far.node.id, term, offset: 0, data, snapshot: meta })
    nodes.pass(200)
    expect(failures(far)).toHaveLength(1)
    expect(far.failure).toBeUndefined()
    expect(far.snapshots.list).toEqual([])
    expect(far.log.summary).toEqual(before)
    expect(far.node.softState.term).toBe(current)
  })
})

describe('a snapshot of its own that a restart found to be of no use', () => {
  test('is not what the log is compacted behind: the good older one stays', () => {
    const { nodes, leader, near, far, write } = cluster()
    write(20)
    nodes.pass(300)
    nodes.cutOff.add(far.node.id)
    write(30)
    nodes.pass(300)
    const [newest = 0, older = 0] = near.snapshots.indexes
    spoil(near, newest, unknownFormat)
    near.restart()
    // One of those that it asks what they remember of it does not answer: it waits for an election timeout.
    nodes.pass(1_500)
    expect(near.snapshots.condemned).toEqual([newest])
    expect(near.log.firstIndex).toBe(older + 1)
    expect(near.snapshots.indexes).toContain(older)
    // The next one is damaged in its turn.
    write(8)
    nodes.pass(300)
    near.snapshots.damage(newestOf(near))
    near.restart()
    nodes.pass(1_500)
    expect(near.machine.applied).toEqual(leader.machine.applied)
  })
})

describe('the snapshot that is about to be the state', () => {
  test('stays in the store beside a newer one that an earlier life left, whatever is taken meanwhile', () => {
    const { nodes, leader, near, far, write } = cluster()
    write(22)
    nodes.pass(300)
    nodes.cutOff.add(far.node.id)
    write(30, 30_000)
    nodes.pass(300)
    const left = bytesOf('abc')
    far.snapshots.put({ id: { term: 1, index: 1_000 }, conf: far.node.conf, bytes: 3, checksum: checksum(left) }, left)
    const { lastApplied } = far.node
    expect(far.snapshots.indexes).not.toContain(lastApplied)
    let isAsked = false
    nodes.isLost = (message) => {
      if (!isAsked && message.kind === 'SnapshotChunk' && message.to === far.node.id) {
        isAsked = true
        // Another that lags asks for the state that is there now.
        const { id } = near.node
        far.node.receive({ kind: 'SnapshotRequest', from: id, to: far.node.id, term: 1, minIndex: lastApplied, of: undefined, offset: 0 })
      }
      return false
    }
    nodes.cutOff.clear()
    nodes.pass(3_000)
    expect(isAsked).toBe(true)
    expect(far.failure).toBeUndefined()
    expect(far.machine.applied).toEqual(leader.machine.applied)
    const taken = far.events.flatMap((event) => (event.kind === 'snapshotTaken' ? [event.index] : []))
    expect(taken).not.toContain(lastApplied)
  })
})

test('a machine that does not read its own snapshot is broken: the node stops', () => {
  const machine = lines()
  const replica = new Replica(machine)
  machine.restoreSnapshot = () => {
    throw new Error('never')
  }
  const state = { lastApplied: { term: 1, index: 1 }, now: 0, ceiling: 0, ceilingTerm: 0, sessions: [], skipped: [], begunAt: 0 }
  expect(() => replica.prepare(state, bytesOf('a'), { hasState: true })).toThrow('the machine lines does not read its own snapshot: never')
  expect(() => replica.prepare(state, bytesOf('a'), { hasState: false })).toThrow(/^never$/)
  expect(() => new ReplicaDecoder(machine, 1).prepare(replica, { hasState: true })).toThrow('the state has 0 bytes, 1 were announced')
})

// Sentences of section 5.1 of the dissertation that state a rule of what lives above the core: when a snapshot is taken, and what is in it.
import { describe, expect, test } from 'vitest'
import type { NodeLimits } from '../../src/node/index.ts'
import { follower } from './operations.ts'
import { commands, summary, type TestNode, type TestNodes, withSession } from './nodes.ts'

/** A snapshot every few entries, and nothing behind it. */
const eager: Partial<NodeLimits> = { snapshotEntries: 8, logTailEntries: 0 }

interface Writing {
  readonly nodes: TestNodes
  readonly leader: TestNode
  readonly connection: number
  readonly session: number
}

/** One after the other, each answered before the next. */
function write({ nodes, leader, connection, session }: Writing, { from, to }: { readonly from: number; readonly to: number }): void {
  for (let seq = from; seq <= to; seq++) {
    leader.say(connection, commands(session, [[seq, `w${seq}`]], seq))
    nodes.settle()
    expect(summary(leader.take(connection))[0]).toMatch(new RegExp(`^${seq}:w${seq}@`))
  }
}

describe('§5.1 snapshotting memory-based state machines', () => {
  test('"Each server takes snapshots independently, covering just the committed entries in its log"', () => {
    const cluster = withSession(3, eager)
    const cutOff = follower(cluster.nodes)
    write(cluster, { from: 1, to: 10 })
    cluster.nodes.pass(100)
    cluster.nodes.cutOff.add(cutOff.node.id)
    write(cluster, { from: 11, to: 40 })
    expect(cutOff.snapshots.indexes.length).toBeGreaterThan(0)
    for (const { node, snapshots } of cluster.nodes.nodes) {
      expect(snapshots.indexes[0]).toBeLessThanOrEqual(node.status({ digest: false }).commitIndex)
    }
    expect(cluster.leader.snapshots.indexes[0]).toBeGreaterThan(cutOff.snapshots.indexes[0] ?? 0)
  })

  test('"State machines must also serialize the information they keep for providing linearizability to clients": what was executed before a snapshot is not executed again after it', () => {
    const cluster = withSession(1, eager)
    const { nodes, leader, session } = cluster
    write(cluster, { from: 1, to: 20 })
    expect(leader.log.firstIndex).toBeGreaterThan(1)
    leader.restart()
    nodes.untilLeader()
    const connection = leader.connect()
    leader.take(connection)
    leader.say(connection, commands(session, [[20, 'w20']], 20))
    nodes.settle()
    expect(summary(leader.take(connection))[0]).toMatch(/^20:w20@/)
    expect(leader.machine.applied).toEqual(Array.from({ length: 20 }, (_, i) => `w${i + 1}`))
  })

  test('"Raft first stores the state it needs for a restart [...] Then it discards the prefix of its log": where none can be stored, nothing is discarded', () => {
    const cluster = withSession(1, eager)
    cluster.leader.snapshots.failure = new Error('no space left')
    write(cluster, { from: 1, to: 30 })
    expect(cluster.leader.log.firstIndex).toBe(1)
    cluster.leader.snapshots.failure = undefined
    write(cluster, { from: 31, to: 60 })
    const { log, snapshots } = cluster.leader
    expect(log.firstIndex).toBeGreaterThan(1)
    expect(log.firstIndex).toBeLessThanOrEqual((snapshots.indexes.at(-1) ?? 0) + 1)
  })
})

describe('§5.1.1 snapshotting concurrently', () => {
  test('"both serializing and writing snapshots must be concurrent with normal operations to avoid availability gaps": a write that takes for ever holds up no command', () => {
    const cluster = withSession(3, eager)
    let begun = 0
    for (const { snapshots } of cluster.nodes.nodes) {
      snapshots.create = () => {
        begun++
        return { bytes: 0, write: () => {}, finish: () => {}, abort: () => {} }
      }
    }
    write(cluster, { from: 1, to: 40 })
    expect(begun).toBe(3)
    expect(cluster.leader.node.softState.role).toBe('leader')
    expect(cluster.leader.machine.applied).toHaveLength(40)
  })

  test('"allow new updates to be applied without impacting the snapshot being written": it holds the state of its entry and nothing later', () => {
    const cluster = withSession(1, eager)
    write(cluster, { from: 1, to: 20 })
    const { leader } = cluster
    const [newest = 0] = leader.snapshots.indexes
    write(cluster, { from: 21, to: 22 })
    leader.restart()
    // Before it is told again what is committed, it has what was in the snapshot.
    expect(leader.node.lastApplied).toBe(newest)
    expect(leader.machine.applied.length).toBeGreaterThan(0)
    expect(leader.machine.applied.length).toBeLessThanOrEqual(newest)
    expect(leader.machine.applied).toEqual(leader.machine.applied.map((_, i) => `w${i + 1}`))
  })
})

describe('§5.1.2 when to snapshot', () => {
  test('"One simple strategy is to take a snapshot when the log reaches a fixed size in bytes"', () => {
    const cluster = withSession(1, { snapshotEntries: 1_000_000, snapshotLogBytes: 2_000, logTailEntries: 0 })
    write(cluster, { from: 1, to: 2 })
    expect(cluster.leader.snapshots.indexes).toEqual([])
    write(cluster, { from: 3, to: 100 })
    expect(cluster.leader.snapshots.indexes.length).toBeGreaterThan(0)
  })
})

describe('§5.1.3 implementation concerns', () => {
  test('"this ensures that no server loads a partially written snapshot on startup": a crash in the middle of one leaves what there was before', () => {
    const cluster = withSession(1, eager)
    write(cluster, { from: 1, to: 7 })
    const { leader, nodes } = cluster
    const { create } = leader.snapshots
    // Its last step never comes.
    leader.snapshots.create = (described) => ({ ...create.call(leader.snapshots, described), finish: () => {} })
    const before = leader.snapshots.indexes
    write(cluster, { from: 8, to: 30 })
    expect(leader.snapshots.indexes).toEqual(before)
    leader.snapshots.create = create
    leader.restart()
    nodes.untilLeader()
    nodes.settle()
    expect(leader.machine.applied).toEqual(Array.from({ length: 30 }, (_, i) => `w${i + 1}`))
  })
})

// What a node may do whose state cannot be trusted.
import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../src/core/index.ts'
import type { CoreCluster } from './core-cluster.ts'
import { led, onTheWay } from './led.ts'
import { lone } from './lone.ts'

const sound = (cluster: CoreCluster, id: NodeId, isSound: boolean) => cluster.input(id, { kind: 'sound', isSound })
const roleOf = (cluster: CoreCluster, id: NodeId) => cluster.node(id).core.softState.role

describe('a node whose state cannot be trusted', () => {
  test('never campaigns, not even when it is asked to', () => {
    const { cluster, node } = lone()
    sound(cluster, 1, false)
    cluster.tick(1, 10_000)
    expect(node.core.softState.role).toBe('follower')
    cluster.receive({ kind: 'Heartbeat', from: 2, to: 1, term: 3, commitIndex: 0, round: 1 })
    cluster.receive({ kind: 'TimeoutNow', from: 2, to: 1, term: 3 })
    expect(node.core.softState).toMatchObject({ role: 'follower', term: 3 })
  })

  test('grants no vote and no pre-vote', () => {
    const { cluster, sent } = lone()
    sound(cluster, 1, false)
    cluster.receive({ kind: 'PreVote', from: 2, to: 1, term: 5, last: { term: 4, index: 9 } })
    cluster.receive({ kind: 'RequestVote', from: 2, to: 1, term: 5, last: { term: 4, index: 9 }, transfer: false })
    expect(sent()).toMatchObject([
      { kind: 'PreVoteReply', granted: false },
      { kind: 'RequestVoteReply', term: 5, granted: false },
    ])
  })

  test('takes part again once it can be', () => {
    const { cluster, node } = lone()
    sound(cluster, 1, false)
    cluster.tick(1, 10_000)
    sound(cluster, 1, true)
    cluster.tick(1, 10_000)
    expect(node.core.softState.role).toBe('preCandidate')
  })

  test('as leader asks the best of the others to take over, and leads no more', () => {
    const cluster = led({ voters: [1, 2, 3] })
    sound(cluster, 1, false)
    expect(roleOf(cluster, 1)).toBe('follower')
    expect(onTheWay(cluster, 'TimeoutNow')).toHaveLength(1)
    cluster.run(300)
    expect([roleOf(cluster, 2), roleOf(cluster, 3)].filter((role) => role === 'leader')).toHaveLength(1)
  })

  test('acknowledges entries like any other: its log is as good as ever', () => {
    const cluster = led({ voters: [1, 2, 3] })
    sound(cluster, 2, false)
    cluster.input(1, { kind: 'propose', ticket: 1, commands: [Uint8Array.of(1)] })
    cluster.run(100)
    const { core } = cluster.node(1)
    expect(core.status.followers.find(({ id }) => id === 2)?.matchIndex).toBe(core.lastIndex)
  })
})

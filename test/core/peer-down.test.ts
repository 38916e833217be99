import { describe, expect, test } from 'vitest'
import { confOf, CoreCluster } from './core-cluster.ts'
import { lone } from './lone.ts'

const following = (conf = confOf({ voters: [1, 2, 3] })) => {
  const it = lone({ conf })
  it.cluster.receive({ kind: 'Heartbeat', from: 2, to: 1, term: 1, commitIndex: 0, round: 1 })
  it.cluster.tick(1, 10)
  it.sent()
  return it
}
const down = { kind: 'peerDown', peer: 2, incarnation: 1 } as const

describe('when the process of the leader has ended', () => {
  test('its follower asks for pre-votes after a jitter of a twentieth of the election timeout, again and again', () => {
    const { cluster, node, sent } = following()
    cluster.input(1, down)
    expect(node.core.softState).toEqual({ role: 'follower', term: 1, leader: undefined })
    cluster.tick(1, 60)
    const first = sent().length
    expect(first).toBeGreaterThan(0)
    cluster.tick(1, 240)
    expect(sent().length).toBeGreaterThanOrEqual(6)
    expect(node.core.softState.term).toBe(1)
    // Nobody answers: haste does not help.
    cluster.tick(1, 800)
    sent()
    cluster.tick(1, 900)
    expect(sent().length).toBeLessThanOrEqual(2)
  })

  test('it helps others at once', () => {
    const { cluster, sent } = following()
    cluster.input(1, down)
    cluster.receive({ kind: 'PreVote', from: 3, to: 1, term: 2, last: { term: 0, index: 0 } })
    expect(sent()).toMatchObject([{ kind: 'PreVoteReply', granted: true }])
  })

  test.each([
    ['another server', { ...down, peer: 3 }],
    ['an earlier life of it, of another incarnation', { ...down, incarnation: 2 }],
  ])('but not that of %s', (_, input) => {
    const { cluster, node } = following()
    cluster.input(1, input)
    expect(node.core.softState.leader).toBe(2)
  })

  test('nothing is different while there are leases', () => {
    const { cluster, node, sent } = following(confOf({ voters: [1, 2, 3], leaseMs: 1_000 }))
    cluster.input(1, down)
    cluster.tick(1, 900)
    expect(node.core.softState.leader).toBe(2)
    expect(sent()).toEqual([])
  })

  test('reads that waited for its answer are refused', () => {
    const { cluster, node } = following()
    cluster.read(1, 4)
    cluster.input(1, down)
    expect(node.refused).toMatchObject([{ of: 'read', id: 4, reason: 'leadershipLost', leader: undefined }])
  })

  test('the next one leads within a third of an election timeout, nearly always', () => {
    const times = Array.from({ length: 21 }, (_, seed) => {
      const cluster = new CoreCluster({ conf: confOf({ voters: [1, 2, 3] }), seed: seed * 97 }).start()
      cluster.elect(1)
      cluster.run(200)
      cluster.crash(1)
      for (const id of [2, 3]) cluster.input(id, { kind: 'peerDown', peer: 1, incarnation: 1 })
      let ms = 0
      for (; cluster.leaders().length === 0 && ms < 5_000; ms += 10) cluster.run(10)
      return ms
    })
    expect(times.toSorted((a, b) => a - b)[10]).toBeLessThanOrEqual(100)
    expect(Math.max(...times)).toBeLessThan(1_000)
  })
})

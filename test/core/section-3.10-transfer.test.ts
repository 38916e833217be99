// Sentences of section 3.10 of the dissertation, leadership transfer.
import { describe, expect, test } from 'vitest'
import type { CoreCluster, CoreNode } from './core-cluster.ts'
import { led, onTheWay, statusOf } from './led.ts'

const transfer = (cluster: CoreCluster, to?: number) => cluster.input(1, { kind: 'transfer', ticket: 9, to })
const reasons = ({ refused }: CoreNode) => refused.map(({ of, reason }) => `${of}: ${reason}`)

describe('§3.10 leadership transfer', () => {
  test('"1. The prior leader stops accepting new client requests"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    transfer(cluster, 2)
    cluster.propose(1, 'a')
    expect(reasons(cluster.node(1))).toEqual(['propose: transferring'])
    expect(statusOf(cluster, 1)).toMatchObject({ role: 'leader', lastIndex: 1, transferee: 2 })
  })

  test('"2. The prior leader fully updates the target server\'s log to match its own, using the normal log replication mechanism described in Section 3.5"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.isolate(2)
    cluster.propose(1, 'a', 'b')
    cluster.deliver()
    cluster.heal()
    transfer(cluster, 2)
    expect(onTheWay(cluster, 'TimeoutNow')).toEqual([])
    for (let i = 0; i < 50 && onTheWay(cluster, 'TimeoutNow').length === 0; i++) {
      cluster.tick(1, 10)
      cluster.deliverOnly(() => true)
    }
    expect(statusOf(cluster, 2).lastIndex).toBe(3)
    expect(onTheWay(cluster, 'TimeoutNow')).toEqual(['TimeoutNow 1>2'])
  })

  test('"3. The prior leader sends a TimeoutNow request to the target server. This request has the same effect as the target server\'s election timer firing: the target server starts a new election (incrementing its term and becoming a candidate)"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    transfer(cluster, 2)
    expect(onTheWay(cluster)).toEqual(['TimeoutNow 1>2'])
    cluster.deliverOnly(() => true)
    expect(statusOf(cluster, 2)).toMatchObject({ role: 'candidate', term: 2, votedFor: 2 })
    expect(onTheWay(cluster)).toEqual(['RequestVote 2>1', 'RequestVote 2>3'])
  })

  test('"Its next message to the prior leader will include its new term number, causing the prior leader to step down. At this point, leadership transfer is complete"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    transfer(cluster, 2)
    cluster.deliverOnly(() => true)
    cluster.deliverOnly(({ to }) => to === 1)
    expect(statusOf(cluster, 1)).toMatchObject({ role: 'follower', term: 2, transferee: undefined })
    cluster.deliver()
    expect(cluster.leaders()).toEqual([2])
    // Nobody's clock has moved.
    expect([1, 2, 3].map((id) => statusOf(cluster, id).leader)).toEqual([2, 2, 2])
  })

  test('"It is also possible for the target server to fail; in this case, the cluster must resume client operations. If leadership transfer does not complete after about an election timeout, the prior leader aborts the transfer and resumes accepting client requests"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.crash(2)
    transfer(cluster, 2)
    cluster.run(900)
    expect(statusOf(cluster, 1).transferee).toBe(2)
    cluster.run(200)
    expect(statusOf(cluster, 1)).toMatchObject({ role: 'leader', term: 1, transferee: undefined })
    cluster.propose(1, 'again')
    cluster.deliver()
    expect(statusOf(cluster, 1).commitIndex).toBe(2)
  })

  test('"If the prior leader was mistaken and the target server is actually operational, then at worst this mistake will result in an extra election, after which client operations will be restored"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    transfer(cluster, 2)
    const late = cluster.network
    cluster.network = []
    cluster.run(1_500)
    cluster.drop(({ kind }) => kind === 'TimeoutNow')
    expect(statusOf(cluster, 1).transferee).toBeUndefined()
    cluster.propose(1, 'a')
    cluster.deliver()
    for (const message of late) cluster.receive(message)
    cluster.deliver()
    cluster.run(3_000)
    const [leader = 0] = cluster.leaders()
    cluster.propose(leader, 'b')
    cluster.run(200)
    expect(new Set([1, 2, 3].map((id) => cluster.node(id).state)).size).toBe(1)
    expect(statusOf(cluster, leader).commitIndex).toBe(statusOf(cluster, leader).lastIndex)
  })

  test('a request of a term that is over starts no election', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.crash(1)
    cluster.forgetLeader(3)
    cluster.campaign(2)
    cluster.deliver()
    expect(cluster.leaders()).toEqual([2])
    cluster.receive({ kind: 'TimeoutNow', from: 1, to: 3, term: 1 })
    cluster.receive({ kind: 'TimeoutNow', from: 1, to: 2, term: 1 })
    expect(cluster.network).toEqual([])
    expect([2, 3].map((id) => statusOf(cluster, id))).toMatchObject([
      { role: 'leader', term: 2 },
      { role: 'follower', term: 2 },
    ])
  })

  test('"it is equivalent to the target server\'s clock jumping forwards quickly, which is safe": a target that lacks entries is not elected', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.isolate(2)
    cluster.propose(1, 'a')
    cluster.run(200)
    cluster.heal()
    cluster.receive({ kind: 'TimeoutNow', from: 1, to: 2, term: 1 })
    cluster.deliver()
    expect(statusOf(cluster, 2).role).not.toBe('leader')
    cluster.run(4_000)
    const [leader = 0] = cluster.leaders()
    expect([1, 3]).toContain(leader)
    expect(cluster.node(2).state).toBe(cluster.node(1).state)
  })

  test('"Sometimes the leader must step down [...] the cluster will be idle for an election timeout": not with a transfer to whoever has most of the log', () => {
    const cluster = led({ voters: [1, 2, 3, 4] })
    cluster.isolate(1, 3)
    cluster.propose(1, 'a')
    cluster.deliver()
    cluster.heal()
    transfer(cluster)
    expect(statusOf(cluster, 1).transferee).toBe(3)
    const now = [1, 2, 3, 4].map((id) => cluster.node(id).now)
    cluster.deliver()
    expect(cluster.leaders()).toEqual([3])
    expect([1, 2, 3, 4].map((id) => cluster.node(id).now)).toEqual(now)
  })
})

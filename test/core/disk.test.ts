// What a node may do whose disk is nearly full, or has not finished a write for long.
import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../src/core/index.ts'
import { confOf, CoreCluster } from './core-cluster.ts'
import { led } from './led.ts'
import { lone, loneLeader } from './lone.ts'

type Disk = 'full' | 'hung' | 'well'
const disk = (cluster: CoreCluster, id: NodeId, is: Disk) =>
  cluster.input(id, { kind: 'disk', isFull: is === 'full', isHung: is === 'hung' })
const roleOf = (cluster: CoreCluster, id: NodeId) => cluster.node(id).core.softState.role

describe('a node whose disk is nearly full', () => {
  test('says so to its leader with each heartbeat, and so that it has room again', () => {
    const { cluster, sent } = lone()
    const beat = (round: number) => cluster.receive({ kind: 'Heartbeat', from: 2, to: 1, term: 1, commitIndex: 0, round })
    disk(cluster, 1, 'full')
    beat(1)
    disk(cluster, 1, 'well')
    beat(2)
    const reply = { kind: 'HeartbeatReply', from: 1, to: 2, term: 1 }
    expect(sent()).toEqual([
      { ...reply, round: 1, isFull: true },
      { ...reply, round: 2 },
    ])
  })

  test('leaves an election to the others, and takes over where none of them does', () => {
    const { cluster, node } = lone()
    disk(cluster, 1, 'full')
    cluster.tick(1, 3_000)
    expect(node.core.softState.role).toBe('follower')
    cluster.tick(1, 3_000)
    expect(node.core.softState.role).toBe('preCandidate')
  })

  test('does not hurry when the process of its leader has ended, either', () => {
    const { cluster, node } = lone()
    cluster.receive({ kind: 'Heartbeat', from: 2, to: 1, term: 1, commitIndex: 0, round: 1 })
    disk(cluster, 1, 'full')
    cluster.input(1, { kind: 'peerDown', peer: 2, incarnation: 1 })
    cluster.tick(1, 2_900)
    expect(node.core.softState.role).toBe('follower')
  })

  test('takes over when its leader asks for it, votes, and leads at once where nobody else could', () => {
    const asked = lone()
    disk(asked.cluster, 1, 'full')
    asked.cluster.receive({ kind: 'RequestVote', from: 2, to: 1, term: 1, last: { term: 0, index: 0 }, transfer: false })
    expect(asked.sent()).toMatchObject([{ kind: 'RequestVoteReply', granted: true }])
    asked.cluster.receive({ kind: 'TimeoutNow', from: 2, to: 1, term: 1 })
    expect(asked.node.core.softState.role).toBe('candidate')
    const alone = new CoreCluster({ conf: confOf({ voters: [1] }) }).start()
    disk(alone, 1, 'full')
    alone.tick(1, 1_500)
    expect(roleOf(alone, 1)).toBe('leader')
  })
})

describe('a leader has room for commands', () => {
  const cases: readonly (readonly [string, readonly NodeId[], boolean])[] = [
    ['while its disk and those of a quorum have', [3], true],
    ['not where its own has none, whatever the others have', [1], false],
    ['not where a quorum has none', [2, 3], false],
  ]
  test.each(cases)('%s', (_, full, hasRoom) => {
    const cluster = led({ voters: [1, 2, 3] })
    for (const id of full) disk(cluster, id, 'full')
    cluster.run(250)
    expect(cluster.node(1).core.hasRoom).toBe(hasRoom)
    for (const id of full) disk(cluster, id, 'well')
    cluster.run(250)
    expect(cluster.node(1).core.hasRoom).toBe(true)
  })

  test('where both quorums of a joint configuration have; learners do not count', () => {
    const it = loneLeader({ conf: confOf({ voters: [1, 2, 3], votersOutgoing: [1, 4, 5], learners: [6] }) })
    const full = (from: NodeId, isFull: boolean, round: number) =>
      it.cluster.receive({ kind: 'HeartbeatReply', from, to: 1, term: 1, round, ...(isFull ? { isFull } : {}) })
    it.cluster.tick(1, 500)
    for (const id of [2, 4, 6]) full(id, true, 1)
    expect(it.node.core.hasRoom).toBe(true)
    full(5, true, 1)
    expect(it.node.core.hasRoom).toBe(false)
    full(5, false, 2)
    full(5, true, 1)
    expect(it.node.core.hasRoom).toBe(true)
  })
})

test('leadership goes to the voter that has most of the log of those with room; to another only where there is none', () => {
  const to = (...full: readonly NodeId[]) => {
    const { cluster, node } = loneLeader({ voters: [1, 2, 3] })
    cluster.tick(1, 200)
    for (const from of [2, 3]) {
      cluster.receive({ kind: 'AppendEntriesReply', from, to: 1, term: 1, ok: true, matchIndex: from === 2 ? 1 : 0 })
      cluster.receive({ kind: 'HeartbeatReply', from, to: 1, term: 1, round: 1, ...(full.includes(from) ? { isFull: true } : {}) })
    }
    cluster.input(1, { kind: 'transfer', ticket: 1, to: undefined })
    return node.core.status.transferee
  }
  expect([to(), to(2), to(2, 3)]).toEqual([2, 3, 2])
})

test('a follower whose disk is nearly full is sent one entry at a time until it takes one', () => {
  const { cluster, sent } = loneLeader()
  cluster.propose(1, 'a', 'b', 'c')
  cluster.tick(1, 200)
  cluster.receive({ kind: 'HeartbeatReply', from: 2, to: 1, term: 1, round: 1, isFull: true })
  cluster.receive({ kind: 'HeartbeatReply', from: 3, to: 1, term: 1, round: 1 })
  const counts = () => sent().flatMap((message) => (message.kind === 'AppendEntries' ? [`${message.to}: ${message.entries.length}`] : []))
  counts()
  cluster.tick(1, 100)
  for (const from of [2, 3]) {
    cluster.receive({ kind: 'HeartbeatReply', from, to: 1, term: 1, round: 2, ...(from === 2 ? { isFull: true } : {}) })
  }
  expect(counts()).toEqual(['2: 1', '3: 4'])
  cluster.receive({ kind: 'AppendEntriesReply', from: 2, to: 1, term: 1, ok: true, matchIndex: 1 })
  expect(counts()).toEqual(['2: 3'])
})

describe('a node whose disk has not finished a write for long', () => {
  test('campaigns for nobody, neither by itself nor when it is asked to, and does so once the write is done', () => {
    const { cluster, node } = lone()
    disk(cluster, 1, 'hung')
    cluster.tick(1, 20_000)
    cluster.receive({ kind: 'TimeoutNow', from: 2, to: 1, term: 1 })
    expect(node.core.softState).toMatchObject({ role: 'follower', term: 1 })
    disk(cluster, 1, 'well')
    cluster.tick(1, 2_500)
    expect(node.core.softState.role).toBe('preCandidate')
  })

  test('grants no pre-vote: its vote would not get to the disk', () => {
    const { cluster, sent } = lone()
    const ask = () => cluster.receive({ kind: 'PreVote', from: 2, to: 1, term: 2, last: { term: 0, index: 0 } })
    disk(cluster, 1, 'hung')
    ask()
    disk(cluster, 1, 'well')
    ask()
    expect(sent()).toMatchObject([{ granted: false }, { granted: true }])
  })

  test('goes on with a candidacy whose vote is being written, and leads on where it leads: it can still hand over', () => {
    const { cluster, node } = lone()
    cluster.campaign(1)
    disk(cluster, 1, 'hung')
    expect(node.core.softState.role).toBe('preCandidate')
    const leader = loneLeader()
    disk(leader.cluster, 1, 'hung')
    expect(leader.node.core.softState.role).toBe('leader')
  })
})

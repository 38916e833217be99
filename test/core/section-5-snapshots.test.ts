// Sentences of chapter 5 of the dissertation that state a rule of the core. What a snapshot holds, and how it travels, is not the core's business.
import { describe, expect, test } from 'vitest'
import { InvariantError, type Message, type NodeId } from '../../src/core/index.ts'
import { confOf, CoreCluster, entryOf, type Snapshot } from './core-cluster.ts'
import { add, change, led, onTheWay, statusOf } from './led.ts'
import { lone, loneLeader } from './lone.ts'

const three = confOf({ voters: [1, 2, 3] })
const append = (given: Partial<Extract<Message, { kind: 'AppendEntries' }>>): Message => {
  return { kind: 'AppendEntries', from: 2, to: 1, term: 3, prev: { term: 0, index: 0 }, entries: [], commitIndex: 0, ...given }
}
const run = (count: number, firstIndex = 1, term = 3) =>
  Array.from({ length: count }, (_, i) => entryOf({ term, index: firstIndex + i, word: `w${i}` }))
const snapshotOf = (term: number, index: number, conf = three): Snapshot => ({ base: { id: { term, index }, conf }, state: `${index}` })
const write = (cluster: CoreCluster, count: number, at: NodeId = 1) => {
  for (let i = 0; i < count; i++) cluster.propose(at, `w${i}`)
  cluster.deliver()
}

describe('§5 log compaction', () => {
  test('"each server compacts the committed prefix of its log independently"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    write(cluster, 5)
    cluster.run(200)
    cluster.snapshot(2, { compactIndex: 6 })
    cluster.snapshot(3, { compactIndex: 2 })
    expect([1, 2, 3].map((id) => statusOf(cluster, id).firstIndex)).toEqual([1, 7, 3])
    expect(cluster.network).toEqual([])
    write(cluster, 1)
    expect([1, 2, 3].map((id) => statusOf(cluster, id).lastIndex)).toEqual([7, 7, 7])
  })

  test('"once log entries have been committed and applied to the state machine", not before', () => {
    const { cluster, node } = lone()
    cluster.receive(append({ entries: run(3), commitIndex: 2 }))
    const compact = (index: number) => node.core.step({ kind: 'compact', index })
    expect(() => compact(3)).toThrow(new InvariantError('compacts up to 3, but only 2 is applied'))
    compact(2)
    expect(node.core.status.firstIndex).toBe(3)
  })

  test('"Raft retains the index and term of the last entry it discarded; this anchors the rest of the log [...] and allows the AppendEntries consistency check to continue to work"', () => {
    const { cluster, sent } = lone()
    cluster.receive(append({ entries: run(3), commitIndex: 3 }))
    cluster.snapshot(1, { compactIndex: 3 })
    sent()
    cluster.receive(append({ prev: { term: 2, index: 3 }, term: 4 }))
    cluster.receive(append({ prev: { term: 3, index: 3 }, entries: run(1, 4), term: 4 }))
    expect(sent()).toMatchObject([
      { ok: false, prevIndex: 3 },
      { ok: true, matchIndex: 4 },
    ])
  })

  test('"the index and term for the entry preceding the first entry in the log" is what a leader sends first', () => {
    const cluster = led({ voters: [1, 2, 3] })
    write(cluster, 3)
    cluster.snapshot(1, { compactIndex: 4 })
    cluster.propose(1, 'next')
    expect(cluster.network).toMatchObject([2, 3].map((to) => ({ to, prev: { term: 1, index: 4 }, entries: [{ index: 5 }] })))
  })

  test('"Raft also retains the latest configuration from the discarded log prefix in order to support cluster membership changes"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    change(cluster, [add(4)])
    cluster.deliver()
    change(cluster, [add(5)])
    cluster.deliver()
    cluster.snapshot(1, { compactIndex: 2 })
    expect(cluster.node(1).disk.base.conf.learners).toEqual([4])
    cluster.snapshot(1, { compactIndex: 3 })
    cluster.crash(1)
    cluster.start(1)
    expect(statusOf(cluster, 1)).toMatchObject({ firstIndex: 4, conf: { learners: [4, 5] }, committedConf: { learners: [4, 5] } })
  })

  test('"If the server restarts, the state machine will need to load the state corresponding to the discarded log entries from disk before it can apply any entries from the Raft log"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    write(cluster, 3)
    cluster.snapshot(1, { compactIndex: 2 })
    cluster.crash(1)
    cluster.node(1).disk.snapshots = []
    cluster.start(1)
    cluster.run(6_000)
    expect(statusOf(cluster, 1)).toMatchObject({ role: 'follower', hasState: false, lastApplied: 0 })
    expect(cluster.node(1).applied).toEqual([])
    // It holds, acknowledges and commits all that the others do.
    expect(statusOf(cluster, 1).commitIndex).toBeGreaterThan(4)
    const [source = 0] = cluster.leaders()
    cluster.fetchSnapshot({ source, target: 1 })
    expect(statusOf(cluster, 1)).toMatchObject({ hasState: true, lastApplied: statusOf(cluster, source).lastApplied })
    expect(cluster.node(1).state).toBe(cluster.node(source).state)
  })

  test('"It is not feasible to defer compaction until log entries have been "fully replicated" to every member in the cluster"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.isolate(3)
    write(cluster, 5)
    cluster.snapshot(1, { compactIndex: 6 })
    expect(statusOf(cluster, 1).firstIndex).toBe(7)
  })

  test('"Raft detects this when the next entry needed in AppendEntries has already been discarded in the leader\'s log"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.isolate(3)
    write(cluster, 5)
    cluster.snapshot(1, { compactIndex: 4 })
    cluster.heal()
    cluster.run(800)
    expect(statusOf(cluster, 1).followers[1]).toMatchObject({ id: 3, state: 'snapshot', matchIndex: 1 })
    expect(cluster.node(3).snapshotWanted).toBe(4)
    cluster.fetchSnapshot({ source: 2, target: 3, minIndex: 4 })
    cluster.run(300)
    expect(statusOf(cluster, 1).followers[1]).toMatchObject({ id: 3, state: 'replicate', matchIndex: 6 })
    expect(cluster.node(3).state).toBe(cluster.node(1).state)
  })
})

describe('§5.1 snapshots', () => {
  test('"Leaders resort to sending a snapshot only when they have already discarded the next log entry needed": one that is on the disk is sent', () => {
    const cluster = led({ voters: [1, 2, 3], limits: { cacheBytesMax: 1 } })
    cluster.isolate(3)
    write(cluster, 5)
    cluster.snapshot(1, { compactIndex: 1 })
    cluster.heal()
    cluster.run(800)
    expect(cluster.node(3).snapshotWanted).toBeUndefined()
    expect(statusOf(cluster, 3)).toMatchObject({ firstIndex: 1, lastIndex: 6 })
  })

  test('"the follower discards its entire log; it is all superseded by the snapshot and may possibly have uncommitted entries that conflict with the snapshot"', () => {
    const { cluster, node } = lone()
    cluster.receive(append({ entries: run(6), commitIndex: 2 }))
    const shorter = lone()
    shorter.cluster.receive(append({ entries: run(2), commitIndex: 2 }))
    for (const each of [{ cluster, node }, shorter]) {
      each.cluster.install(1, { snapshot: snapshotOf(4, 4), term: 4 })
      expect(each.node.core.status).toMatchObject({ term: 4, firstIndex: 5, lastIndex: 4, lastTerm: 4, commitIndex: 4, lastApplied: 4 })
      expect(each.node.disk).toMatchObject({ base: { id: { term: 4, index: 4 } }, entries: [] })
      expect(each.node.state).toBe('4')
    }
  })

  test('"a snapshot that describes a prefix of its log [...] entries following the snapshot are still valid and must be retained"', () => {
    const { cluster, node } = lone()
    cluster.receive(append({ entries: run(6), commitIndex: 2 }))
    cluster.install(1, { snapshot: snapshotOf(3, 4), term: 3 })
    expect(node.core.status).toMatchObject({ commitIndex: 4, lastApplied: 4, lastIndex: 6, lastTerm: 3 })
    expect(node.log.at(-1)).toMatchObject({ index: 6 })
    expect(node.state).toBe('4')
  })

  test('"due to retransmission or by mistake": a snapshot of what is applied already changes nothing', () => {
    const { cluster, node } = lone()
    cluster.receive(append({ entries: run(6), commitIndex: 4 }))
    const before = JSON.stringify([node.core.status, node.state])
    for (const index of [1, 3, 4]) cluster.install(1, { snapshot: snapshotOf(3, index), term: 3 })
    expect(JSON.stringify([node.core.status, node.state])).toBe(before)
  })

  test('figure 5.3, 1: "Reply immediately if term < currentTerm": whose term is over learns it, and nothing is fetched on its word', () => {
    const { cluster, node, sent } = lone({ terms: [1], hardState: { term: 5, votedFor: 3 } })
    const before = JSON.stringify(node.core.status)
    cluster.receive({ kind: 'InstallSnapshot', from: 2, to: 1, term: 4, last: { term: 3, index: 9 } })
    expect(sent()).toEqual([{ kind: 'InstallSnapshotReply', from: 1, to: 2, term: 5, hint: { term: 0, index: 0 } }])
    expect(node.snapshotWanted).toBeUndefined()
    expect(JSON.stringify(node.core.status)).toBe(before)
    const leader = loneLeader()
    leader.cluster.receive({ kind: 'InstallSnapshotReply', from: 2, to: 1, term: 6, hint: { term: 0, index: 0 } })
    expect(leader.node.core.softState).toEqual({ role: 'follower', term: 6, leader: undefined })
  })

  test('"this gives the follower a sign of life with each chunk, so it can reset its election timer": each reminder does', () => {
    const { cluster, node } = lone()
    for (let i = 0; i < 10; i++) {
      cluster.receive({ kind: 'InstallSnapshot', from: 2, to: 1, term: 3, last: { term: 3, index: 9 } })
      cluster.tick(1, 900)
    }
    expect(node.core.softState).toEqual({ role: 'follower', term: 3, leader: 2 })
  })

  test('"the index and term of the last entry included in the snapshot and the latest configuration as of that index" are durable before anything builds on them', () => {
    const { cluster, node, sent } = lone()
    node.holdsWrites = true
    const conf = confOf({ voters: [1, 2, 4] })
    cluster.install(1, { snapshot: snapshotOf(4, 9, conf), term: 5 })
    cluster.receive(append({ term: 5, prev: { term: 4, index: 9 }, entries: run(1, 10, 5), commitIndex: 10 }))
    expect(sent()).toEqual([])
    expect(node.core.status.lastApplied).toBe(0)
    cluster.finishWrite(1)
    expect(node.disk.summary).toMatchObject({ hardState: { term: 5 }, base: { id: { term: 4, index: 9 }, conf }, lastIndex: 9 })
    expect(node.core.status.lastApplied).toBe(9)
    cluster.finishWrite(1)
    expect(sent()).toMatchObject([{ kind: 'AppendEntriesReply', ok: true, matchIndex: 10 }])
    expect(node.core.status.lastApplied).toBe(10)
  })

  test('"the code assumed that if entry i was present in the log, entries 1 through i - 1 would also be present": a leader that asks for what is gone asks anew', () => {
    const { cluster, node, sent } = loneLeader({ limits: { cacheBytesMax: 1 }, terms: [1, 1, 1, 1] })
    const { term } = node.core.softState
    node.holdsFetches = true
    cluster.receive({ kind: 'AppendEntriesReply', from: 3, to: 1, term, ok: true, matchIndex: 5 })
    cluster.receive({ kind: 'AppendEntriesReply', from: 2, to: 1, term, ok: false, prevIndex: 4, hint: { term: 1, index: 1 } })
    expect(node.fetches).toMatchObject([{ peer: 2, firstIndex: 2 }])
    cluster.snapshot(1, { compactIndex: 4 })
    sent()
    cluster.answerFetch(1)
    expect(node.fetches).toMatchObject([{ peer: 2, firstIndex: 5 }])
    cluster.answerFetch(1)
    expect(cluster.network).toMatchObject([{ kind: 'AppendEntries', to: 2, prev: { term: 1, index: 4 } }])
    cluster.receive({ kind: 'AppendEntriesReply', from: 2, to: 1, term, ok: false, prevIndex: 4, hint: { term: 1, index: 1 } })
    cluster.tick(1, 110)
    expect(onTheWay(cluster, 'InstallSnapshot')).toEqual(['InstallSnapshot 1>2'])
  })
})

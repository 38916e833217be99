// Sentences of sections 10.2.1 and 10.2.2 of the dissertation: the leader's disk, batching and pipelining.
import { describe, expect, test } from 'vitest'
import type { Message, NodeId } from '../../src/core/index.ts'
import { type CoreCluster, wordOf } from './core-cluster.ts'
import { led, onTheWay, statusOf } from './led.ts'
import { type Lone, loneLeader } from './lone.ts'

const appendsOf = (messages: readonly Message[]) => messages.filter((message) => message.kind === 'AppendEntries')
const wordsOf = (messages: readonly Message[]) => appendsOf(messages).map(({ to, entries }) => `${entries.map(wordOf).join(' ')} to ${to}`)
const acknowledge = ({ cluster }: Lone, from: NodeId, matchIndex: number) =>
  cluster.receive({ kind: 'AppendEntriesReply', from, to: 1, term: 1, ok: true, matchIndex })
/** A leader whose no-op everyone has, and nothing of it is on its way. */
function settled(given: Parameters<typeof loneLeader>[0] = {}): Lone {
  const it = loneLeader(given)
  for (const from of [2, 3]) acknowledge(it, from, 1)
  it.sent()
  return it
}
const followerOf = (cluster: CoreCluster, id: NodeId) => statusOf(cluster, 1).followers.find((each) => each.id === id)

describe("§10.2.1 writing to the leader's disk in parallel", () => {
  test('"the leader can write to its disk in parallel with replicating to the followers and them writing to their disks"', () => {
    const { cluster, node, sent } = settled()
    node.holdsWrites = true
    cluster.propose(1, 'a')
    expect(node.writing?.persist.entries.map(wordOf)).toEqual(['a'])
    expect(wordsOf(sent())).toEqual(['a to 2', 'a to 3'])
  })

  test('"the leader uses its own match index to indicate the latest entry to have been durably written to its disk"', () => {
    const it = settled({ voters: [1, 2, 3] })
    it.node.holdsWrites = true
    it.cluster.propose(1, 'a')
    acknowledge(it, 2, 2)
    expect(it.node.core.status).toMatchObject({ stableIndex: 1, commitIndex: 1 })
    it.cluster.finishWrite(1)
    expect(it.node.core.status).toMatchObject({ stableIndex: 2, commitIndex: 2 })
  })

  test('"The leader may even commit an entry before it has been written to its own disk, if a majority of followers have written it to their disks"', () => {
    const it = settled()
    it.node.holdsWrites = true
    it.cluster.propose(1, 'a')
    for (const from of [2, 3]) acknowledge(it, from, 2)
    expect(it.node.core.status).toMatchObject({ stableIndex: 1, commitIndex: 2, lastApplied: 1 })
    it.cluster.crash(1)
    expect(it.node.disk.lastIndex).toBe(1)
  })

  test('"this is still safe": the leader that crashed then gets the entry back from the next one', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.node(1).holdsWrites = true
    cluster.propose(1, 'a')
    cluster.deliver()
    expect(statusOf(cluster, 1).commitIndex).toBe(2)
    cluster.crash(1)
    cluster.node(1).holdsWrites = false
    cluster.run(4_000)
    cluster.start(1)
    cluster.run(1_500)
    expect(cluster.node(1).applied.map(wordOf)).toEqual(['noop', 'a', 'noop'])
    expect(new Set([1, 2, 3].map((id) => cluster.node(id).state)).size).toBe(1)
  })
})

describe('§10.2.2 batching and pipelining', () => {
  test('"as many entries as are available between the follower\'s next index and the end of the log, up to one megabyte in size"', () => {
    const it = settled()
    it.cluster.propose(1, 'x'.repeat(600_000), 'y'.repeat(400_000), 'z'.repeat(600_000))
    const sizes = appendsOf(it.sent()).flatMap(({ to, entries }) => (to === 2 ? [entries.length] : []))
    expect(sizes).toEqual([2, 1])
  })

  test('"The follower then writes all the new entries from a single AppendEntries request to its disk at once"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.node(2).holdsWrites = true
    cluster.propose(1, 'a', 'b', 'c')
    cluster.deliver()
    expect(cluster.node(2).writing?.persist.entries.map(wordOf)).toEqual(['a', 'b', 'c'])
    cluster.finishWrite(2)
    expect(cluster.node(2).writing).toBeUndefined()
  })

  test('"it updates the next index to send immediately after sending the previous entry, rather than waiting for the previous entry\'s acknowledgment"', () => {
    const it = settled()
    it.cluster.propose(1, 'a')
    it.cluster.propose(1, 'b')
    expect(wordsOf(it.sent())).toEqual(['a to 2', 'a to 3', 'b to 2', 'b to 3'])
    expect(followerOf(it.cluster, 2)).toMatchObject({ matchIndex: 1, nextIndex: 4, inflightMessages: 2 })
  })

  test('"the leader can safely send entries in any order": one that comes before its predecessor is refused, and comes again', () => {
    const cluster = led({ voters: [1, 2] })
    cluster.propose(1, 'a')
    cluster.propose(1, 'b')
    expect(onTheWay(cluster)).toEqual(['AppendEntries 1>2', 'AppendEntries 1>2'])
    cluster.deliverAt(1)
    expect(statusOf(cluster, 2).lastIndex).toBe(1)
    cluster.deliver()
    cluster.run(300)
    expect(cluster.node(2).applied.map(wordOf)).toEqual(['noop', 'a', 'b'])
  })

  test('"If the AppendEntries consistency check fails, the leader may decrement the next index even further to retry sending the prior entry": where a message in the middle is lost, those after it are refused, and all is sent again', () => {
    const cluster = led({ voters: [1, 2] })
    for (const word of ['a', 'b', 'c']) cluster.propose(1, word)
    // The second of three.
    cluster.network.splice(1, 1)
    cluster.deliverOnly(() => true)
    expect(cluster.network).toMatchObject([
      { kind: 'AppendEntriesReply', ok: true, matchIndex: 2 },
      { kind: 'AppendEntriesReply', ok: false, prevIndex: 3 },
    ])
    cluster.deliverOnly(() => true)
    expect(wordsOf(cluster.network)).toEqual(['b c to 2'])
    expect(followerOf(cluster, 2)).toMatchObject({ state: 'probe' })
    cluster.deliver()
    expect(followerOf(cluster, 2)).toMatchObject({ state: 'replicate', matchIndex: 4, nextIndex: 5, inflightMessages: 0 })
  })

  test('"If an RPC times out, the leader must decrement its next index back to its original value to retry": where the last message is lost, nobody refuses anything, and it is given up after a few heartbeats', () => {
    const cluster = led({ voters: [1, 2] })
    for (const word of ['a', 'b']) cluster.propose(1, word)
    cluster.network.pop()
    cluster.deliver()
    expect(followerOf(cluster, 2)).toMatchObject({ matchIndex: 2, nextIndex: 4 })
    cluster.run(600)
    expect(followerOf(cluster, 2)).toMatchObject({ state: 'replicate', matchIndex: 3, inflightMessages: 0, inflightBytes: 0 })
    expect(cluster.node(2).applied.map(wordOf)).toEqual(['noop', 'a', 'b'])
  })

  test('the same where only the answer is lost', () => {
    const cluster = led({ voters: [1, 2] })
    cluster.propose(1, 'a')
    cluster.deliverOnly(() => true)
    cluster.drop(({ kind }) => kind === 'AppendEntriesReply')
    expect(statusOf(cluster, 1).commitIndex).toBe(1)
    cluster.run(600)
    expect(statusOf(cluster, 1).commitIndex).toBe(2)
  })
})

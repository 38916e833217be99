// Sentences of chapter 3 of the dissertation that state a rule of the core and are not the name of a test in `elections.test.ts` or
// `replication.test.ts`.
import { describe, expect, test } from 'vitest'
import { type AppendEntries, type Message, type NodeId, Raft, type RequestVote, type Term } from '../../src/core/index.ts'
import { confOf, CoreCluster, entriesOf, type CoreNode, wordOf } from './core-cluster.ts'
import { led, onTheWay, statusOf } from './led.ts'
import { type Lone, lone, loneLeader } from './lone.ts'

const noEntry = { term: 0, index: 0 }
const append = (given: Partial<AppendEntries>): AppendEntries => {
  return { kind: 'AppendEntries', from: 2, to: 1, term: 1, prev: noEntry, entries: [], commitIndex: 0, ...given }
}
const requestVote = (given: Partial<RequestVote>): RequestVote => {
  return { kind: 'RequestVote', from: 2, to: 1, term: 1, last: noEntry, transfer: false, ...given }
}
const acknowledge = ({ from, matchIndex, term }: { readonly from: NodeId; readonly matchIndex: number; readonly term: Term }): Message => {
  return { kind: 'AppendEntriesReply', from, to: 1, term, ok: true, matchIndex }
}
const kindsOf = (messages: readonly Message[]) => messages.map(({ kind, to, term }) => `${kind} ${term} to ${to}`)
const appliedBy = ({ applied }: CoreNode) => applied.map(({ index }) => index)
/** A candidate of term 2, not only a pre-candidate; nobody has voted yet. */
function candidate(): Lone {
  const it = lone({ terms: [1] })
  it.cluster.campaign(1)
  for (const from of [2, 3]) it.cluster.receive({ kind: 'PreVoteReply', from, to: 1, term: 2, granted: true })
  it.sent()
  return it
}
/** What only a leader says, of a term that is over. */
const stale: readonly Message[] = [
  append({ term: 1, entries: entriesOf([1, 1]), commitIndex: 2 }),
  { kind: 'Heartbeat', from: 2, to: 1, term: 1, commitIndex: 1, round: 3 },
  { kind: 'InstallSnapshot', from: 2, to: 1, term: 1, last: { term: 1, index: 9 } },
  { kind: 'TimeoutNow', from: 2, to: 1, term: 1 },
]

describe('§3.4 leader election', () => {
  test('"If the term in the RPC is smaller than the candidate\'s current term, then the candidate rejects the RPC and continues in candidate state"', () => {
    const { cluster, node, sent } = candidate()
    const before = JSON.stringify(node.core.status)
    expect(node.core.softState).toEqual({ role: 'candidate', term: 2, leader: undefined })
    for (const message of stale) cluster.receive(message)
    expect(JSON.stringify(node.core.status)).toBe(before)
    expect(sent()).toMatchObject([
      { kind: 'AppendEntriesReply', term: 2, ok: false },
      { kind: 'HeartbeatReply', term: 2 },
      { kind: 'InstallSnapshotReply', term: 2 },
    ])
  })

  test('the same of a leader: what a former one still says changes nothing, and teaches it the term', () => {
    const { cluster, node, sent } = loneLeader({ terms: [1] })
    sent()
    const before = JSON.stringify(node.core.status)
    for (const message of stale) cluster.receive(message)
    expect(JSON.stringify(node.core.status)).toBe(before)
    expect(kindsOf(sent())).toEqual(['AppendEntriesReply 2 to 2', 'HeartbeatReply 2 to 2', 'InstallSnapshotReply 2 to 2'])
  })

  test('"each candidate will time out and start a new election by incrementing its term and initiating another round of RequestVote RPCs", after pre-votes (§9.6)', () => {
    const { cluster, node, sent } = candidate()
    cluster.receive({ kind: 'RequestVoteReply', from: 2, to: 1, term: 2, granted: false })
    cluster.campaign(1)
    expect(kindsOf(sent())).toEqual(['PreVote 3 to 2', 'PreVote 3 to 3'])
    expect(node.core.softState).toEqual({ role: 'preCandidate', term: 2, leader: undefined })
    cluster.receive({ kind: 'PreVoteReply', from: 3, to: 1, term: 3, granted: true })
    expect(kindsOf(sent())).toEqual(['RequestVote 3 to 2', 'RequestVote 3 to 3'])
    expect(node.disk.hardState).toEqual({ term: 3, votedFor: 1 })
  })

  test('votes of the election before do not count in the next', () => {
    const { cluster, node } = candidate()
    cluster.campaign(1)
    cluster.receive({ kind: 'PreVoteReply', from: 3, to: 1, term: 3, granted: true })
    cluster.receive({ kind: 'RequestVoteReply', from: 2, to: 1, term: 2, granted: true })
    expect(node.core.softState).toEqual({ role: 'candidate', term: 3, leader: undefined })
  })

  test('"Once a candidate wins an election, it becomes leader. It then sends heartbeat messages to all of the other servers to establish its authority and prevent new elections": at once, no clock has to move', () => {
    const { cluster, node, sent } = lone({ conf: confOf({ voters: [1, 2, 3, 4], learners: [5] }) })
    cluster.campaign(1)
    for (const from of [2, 3]) cluster.receive({ kind: 'PreVoteReply', from, to: 1, term: 1, granted: true })
    sent()
    for (const from of [2, 3]) cluster.receive({ kind: 'RequestVoteReply', from, to: 1, term: 1, granted: true })
    expect(node.core.softState).toEqual({ role: 'leader', term: 1, leader: 1 })
    expect(kindsOf(sent())).toEqual([2, 3, 4, 5].map((to) => `AppendEntries 1 to ${to}`))
  })
})

describe('§3.5 log replication', () => {
  test('"the leader retries AppendEntries RPCs indefinitely (even after it has responded to the client) until all followers eventually store all log entries"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.propose(1, 'a', 'b')
    let tries = 0
    for (let ms = 0; ms < 60_000; ms += 100) {
      tries += onTheWay(cluster, 'AppendEntries').filter((each) => each === 'AppendEntries 1>3').length
      cluster.drop(({ kind, to }) => kind === 'AppendEntries' && to === 3)
      cluster.deliverOnly(() => true)
      for (const id of [1, 2, 3]) cluster.tick(id, 100)
    }
    expect(tries).toBeGreaterThan(200)
    expect([1, 2, 3].map((id) => statusOf(cluster, id).lastIndex)).toEqual([3, 3, 1])
    cluster.run(300)
    expect(cluster.node(3).applied.map(wordOf)).toEqual(['noop', 'a', 'b'])
    expect(cluster.leaders()).toEqual([1])
  })

  test('"This also commits all preceding entries in the leader\'s log, including entries created by previous leaders"', () => {
    const { cluster, node } = loneLeader({ terms: [1, 1, 2] })
    expect(node.core.status).toMatchObject({ term: 3, lastIndex: 4, commitIndex: 0 })
    cluster.receive(acknowledge({ from: 2, matchIndex: 3, term: 3 }))
    expect(node.core.status.commitIndex).toBe(0)
    cluster.receive(acknowledge({ from: 2, matchIndex: 4, term: 3 }))
    expect(node.core.status.commitIndex).toBe(4)
    expect(appliedBy(node)).toEqual([1, 2, 3, 4])
  })

  test('"Once a follower learns that a log entry is committed, it applies the entry to its local state machine (in log order)": and all before it', () => {
    const { cluster, node } = lone()
    cluster.receive(append({ term: 3, entries: entriesOf([1, 1, 2, 3, 3]) }))
    expect(appliedBy(node)).toEqual([])
    cluster.receive({ kind: 'Heartbeat', from: 2, to: 1, term: 3, commitIndex: 4, round: 1 })
    expect(appliedBy(node)).toEqual([1, 2, 3, 4])
    cluster.receive({ kind: 'Heartbeat', from: 2, to: 1, term: 3, commitIndex: 2, round: 2 })
    cluster.receive(append({ term: 3, prev: { term: 3, index: 5 }, commitIndex: 5 }))
    expect(appliedBy(node)).toEqual([1, 2, 3, 4, 5])
  })

  test('"Until the leader has discovered where it and the follower\'s logs match, the leader can send AppendEntries with no entries": where it has none to send', () => {
    const { cluster, sent } = loneLeader({ voters: [1, 2] })
    cluster.receive(acknowledge({ from: 2, matchIndex: 1, term: 1 }))
    cluster.input(1, { kind: 'unreachable', peer: 2 })
    sent()
    cluster.receive({ kind: 'HeartbeatReply', from: 2, to: 1, term: 1, round: 0 })
    expect(sent()).toMatchObject([{ kind: 'AppendEntries', prev: { term: 1, index: 1 }, entries: [] }])
  })
})

describe('§3.6.2 committing entries from previous terms', () => {
  test('"once an entry from the current term has been committed in this way, then all prior entries are committed indirectly because of the Log Matching Property"', () => {
    const cluster = new CoreCluster({ conf: confOf({ voters: [1, 2, 3] }) })
    cluster.plant(1, { terms: [1, 1, 2, 2, 2] })
    cluster.plant(2, { terms: [1] })
    cluster.plant(3, { terms: [1, 1, 1] })
    cluster.start()
    cluster.elect(1)
    cluster.run(300)
    const words = cluster.node(1).applied.map(wordOf)
    expect(words).toEqual(['t1i1', 't1i2', 't2i3', 't2i4', 't2i5', 'noop'])
    for (const id of [2, 3]) expect(cluster.node(id).applied.map(wordOf)).toEqual(words)
  })
})

describe('§3.7 follower and candidate crashes', () => {
  test('"Raft handles these failures by retrying indefinitely; if the crashed server restarts, then the RPC will complete successfully"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.crash(3)
    cluster.propose(1, 'a')
    cluster.run(60_000, { stepMs: 50 })
    expect(statusOf(cluster, 1)).toMatchObject({ role: 'leader', commitIndex: 2 })
    cluster.start(3)
    cluster.run(500)
    expect(cluster.node(3).applied.map(wordOf)).toEqual(['noop', 'a'])
  })

  test('a candidate that reaches nobody asks again and again, and is elected when somebody is back', () => {
    const cluster = new CoreCluster({ conf: confOf({ voters: [1, 2, 3] }) }).start(1)
    cluster.run(30_000, { stepMs: 50 })
    expect(cluster.leaders()).toEqual([])
    cluster.start(2)
    cluster.run(5_000)
    expect(cluster.leaders()).toHaveLength(1)
  })

  test('"If a server crashes after completing an RPC but before responding, then it will receive the same RPC again after it restarts. Raft RPCs have the same effect if repeated, so this causes no harm"', () => {
    const cluster = led({ voters: [1, 2, 3] })
    const three = cluster.node(3)
    three.holdsWrites = true
    cluster.propose(1, 'a')
    cluster.deliver()
    // Its disk has the entry; its answer never left.
    cluster.crash(3, { keepWrite: true })
    three.holdsWrites = false
    expect(three.disk.lastIndex).toBe(2)
    cluster.start(3)
    cluster.run(900)
    expect(statusOf(cluster, 1).followers[1]).toMatchObject({ id: 3, state: 'replicate', matchIndex: 2 })
    expect(three.disk.entries.map(wordOf)).toEqual(['noop', 'a'])
    expect(three.applied.map(wordOf)).toEqual(['noop', 'a'])
  })

  test('the same of a vote that was durable, and whose answer never left', () => {
    const { cluster, node, sent } = lone()
    node.holdsWrites = true
    cluster.receive(requestVote({}))
    cluster.crash(1, { keepWrite: true })
    expect(sent()).toEqual([])
    node.holdsWrites = false
    cluster.start(1)
    cluster.receive(requestVote({ from: 3 }))
    cluster.receive(requestVote({}))
    cluster.receive(requestVote({}))
    expect(sent()).toMatchObject([
      { to: 3, granted: false },
      { to: 2, granted: true },
      { to: 2, granted: true },
    ])
    expect(node.disk.hardState).toEqual({ term: 1, votedFor: 2 })
  })

  test('"if a follower receives an AppendEntries request that includes log entries already present in its log, it ignores those entries in the new request": nothing is written again', () => {
    const { cluster, node, sent } = lone()
    const request = append({ term: 3, entries: entriesOf([1, 3, 3]) })
    cluster.receive(request)
    node.holdsWrites = true
    for (let i = 0; i < 3; i++) cluster.receive(request)
    expect(node.writing).toBeUndefined()
    expect(sent()).toMatchObject(Array.from({ length: 4 }, () => ({ ok: true, matchIndex: 3 })))
  })
})

describe('§3.8 persisted state and server restarts', () => {
  test('"the commit index [...] can safely be reinitialized to zero on a restart": also where every server restarts at once', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.propose(1, 'a', 'b')
    cluster.run(200)
    for (const id of [1, 2, 3]) cluster.crash(id)
    cluster.start()
    expect([1, 2, 3].map((id) => statusOf(cluster, id).commitIndex)).toEqual([0, 0, 0])
    cluster.run(5_000)
    const words = ['noop', 'a', 'b', 'noop']
    for (const id of [1, 2, 3]) expect(cluster.node(id).applied.map(wordOf)).toEqual(words)
  })

  test('"A volatile state machine must be recovered after restarts by reapplying log entries": all of them, in order, as they are committed', () => {
    const { cluster, node } = lone({ terms: [1, 1, 2] })
    cluster.receive(append({ term: 3, prev: { term: 2, index: 3 }, commitIndex: 3 }))
    expect(appliedBy(node)).toEqual([1, 2, 3])
  })

  test('"to avoid reapplying them, its last applied index must also be persistent": what it had applied is known to be committed, and is not applied again', () => {
    const { disk } = lone({ terms: [1, 1, 2, 2, 2] }).node
    const raft = new Raft({ id: 1, log: disk.summary, lastApplied: 3, now: 0, seed: 1, nonce: 1 })
    expect(raft.status).toMatchObject({ hasState: true, lastApplied: 3, commitIndex: 3 })
    raft.step({ kind: 'receive', message: append({ term: 3, prev: { term: 2, index: 5 }, commitIndex: 5 }) })
    raft.step({ kind: 'tick', now: 10 })
    expect(raft.ready({ write: true })).toMatchObject({ applyThrough: 5 })
    expect(raft.status.lastApplied).toBe(3)
  })

  test('a last applied index beyond the log is refused: the state would be ahead of what is durable', () => {
    const { disk } = lone({ terms: [1, 1] }).node
    const build = () => new Raft({ id: 1, log: disk.summary, lastApplied: 3, now: 0, seed: 1, nonce: 1 })
    expect(build).toThrow('lastApplied is 3, which is not in the log: it has 0 to 2')
  })

  test('"Each server also persists new log entries before they are counted towards the entries\' commitment": what was lost with a crash was counted by nobody', () => {
    const cluster = led({ voters: [1, 2, 3] })
    const two = cluster.node(2)
    cluster.isolate(3)
    two.holdsWrites = true
    cluster.propose(1, 'a')
    cluster.deliver()
    expect(statusOf(cluster, 1).commitIndex).toBe(1)
    cluster.crash(2)
    expect(two.disk.lastIndex).toBe(1)
    two.holdsWrites = false
    cluster.start(2)
    cluster.run(800)
    expect(statusOf(cluster, 1).commitIndex).toBe(2)
    expect(two.disk.lastIndex).toBe(2)
  })
})

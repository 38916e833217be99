// Bugs that other implementations had, by number: what each would look like here. Those of layers above the core are in `test/known-bugs/`.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ConfState, Entry, EntryId, Message, NodeId, Term } from '../../src/core/index.ts'
import { confOf, CoreCluster, entryOf, wordOf } from './core-cluster.ts'
import { lone, loneLeader } from './lone.ts'

const requestVote = (given: { readonly from?: NodeId; readonly term?: Term; readonly last?: EntryId }): Message => {
  return { kind: 'RequestVote', from: 2, to: 1, term: 50, last: { term: 0, index: 0 }, transfer: false, ...given }
}
const append = (given: Partial<Extract<Message, { kind: 'AppendEntries' }>>): Message => {
  return { kind: 'AppendEntries', from: 2, to: 1, term: 3, prev: { term: 0, index: 0 }, entries: [], commitIndex: 0, ...given }
}
const acknowledge = (given: { readonly from?: NodeId; readonly term?: Term; readonly matchIndex: number }): Message => {
  return { kind: 'AppendEntriesReply', from: 2, to: 1, term: 1, ok: true, ...given }
}
const run = (terms: readonly Term[], firstIndex = 1): readonly Entry[] =>
  terms.map((term, i) => entryOf({ term, index: firstIndex + i, word: `t${term}i${firstIndex + i}` }))
const kinds = (messages: readonly Message[]) => messages.map(({ kind }) => kind)
const confEntry = (id: EntryId, conf: ConfState): Entry => ({ ...id, kind: 'conf', data: new Uint8Array(0), conf })

describe('elections', () => {
  test('bug 1: logs are compared by last term, then by length, in one total order', () => {
    const grants = (mine: readonly Term[], theirs: readonly Term[]) => {
      const { cluster, sent } = lone({ terms: mine, hardState: { term: 9, votedFor: undefined } })
      const last = { term: theirs[theirs.length - 1] ?? 0, index: theirs.length }
      cluster.receive(requestVote({ last }))
      return sent().some((message) => message.kind === 'RequestVoteReply' && message.granted)
    }
    expect(grants([1, 1, 1, 1, 1, 1, 1, 1, 1], [2])).toBe(true)
    expect(grants([2], [1, 1, 1, 1, 1, 1, 1, 1, 1])).toBe(false)
    const log = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 6 }).map((terms) => terms.sort((a, b) => a - b))
    fc.assert(
      fc.property(log, log, (a, b) => {
        const isSame = a.length === b.length && a.at(-1) === b.at(-1)
        expect([grants(a, b), grants(b, a)].filter(Boolean)).toHaveLength(isSame ? 2 : 1)
      }),
      { numRuns: 60 },
    )
  })

  test('bug 3: a vote leaves after it is durable, in one write with its term, and never when that write is lost', () => {
    const { cluster, node, sent } = lone()
    node.holdsWrites = true
    cluster.receive(requestVote({ term: 4 }))
    expect(sent()).toEqual([])
    expect(node.writing?.persist.hardState).toEqual({ term: 4, votedFor: 2 })
    cluster.crash(1)
    cluster.start(1)
    node.holdsWrites = false
    cluster.receive(requestVote({ from: 3, term: 4 }))
    expect(sent()).toMatchObject([{ kind: 'RequestVoteReply', to: 3, granted: true }])
  })

  test('bug 11: a majority is more than half, of each half of a joint configuration, without learners, without a leader that is leaving', () => {
    const committed = (conf: ConfState, from: readonly NodeId[]) => {
      const { cluster, node } = loneLeader({ conf })
      for (const id of from) cluster.receive(acknowledge({ from: id, matchIndex: 1 }))
      return node.core.status.commitIndex === 1
    }
    const even = confOf({ voters: [1, 2, 3, 4], learners: [5, 6] })
    expect([committed(even, [2]), committed(even, [2, 5, 6]), committed(even, [2, 3])]).toEqual([false, false, true])
    const joint = confOf({ voters: [1, 2, 3], votersOutgoing: [1, 4, 5, 6] })
    expect([committed(joint, [2, 3]), committed(joint, [2, 4]), committed(joint, [2, 4, 5])]).toEqual([false, false, true])
    const leaving = confOf({ voters: [2, 3], votersOutgoing: [1, 2, 3] })
    expect([committed(leaving, [2]), committed(leaving, [2, 3])]).toEqual([false, true])
    const replaced = confOf({ voters: [4, 5, 6], votersOutgoing: [1] })
    expect([committed(replaced, [4]), committed(replaced, [4, 6])]).toEqual([false, true])
  })

  test('bug 14: a promoted learner votes, and campaigns, from the moment the promotion is in its log', () => {
    const { cluster, node, sent } = lone({ conf: confOf({ voters: [2, 3], learners: [1] }), terms: [1] })
    const entry = confEntry({ term: 3, index: 2 }, confOf({ voters: [1, 2, 3] }))
    cluster.receive(append({ prev: { term: 1, index: 1 }, entries: [entry] }))
    sent()
    expect(node.core.status.commitIndex).toBe(0)
    cluster.campaign(1)
    expect(kinds(sent())).toEqual(['PreVote', 'PreVote'])
    const learner = lone({ conf: confOf({ voters: [2, 3], learners: [1] }), terms: [1] })
    learner.cluster.receive(requestVote({ last: { term: 1, index: 1 } }))
    expect(learner.sent()).toMatchObject([{ kind: 'RequestVoteReply', granted: true }])
  })

  test('bug 27: a candidate whose own vote becomes durable after its term is over leads nothing', () => {
    const { cluster, node } = lone()
    node.holdsWrites = true
    cluster.campaign(1)
    cluster.receive({ kind: 'PreVoteReply', from: 2, to: 1, term: 1, granted: true })
    for (const from of [2, 3]) cluster.receive({ kind: 'RequestVoteReply', from, to: 1, term: 1, granted: true })
    cluster.receive({ kind: 'HeartbeatReply', from: 3, to: 1, term: 7, round: 1 })
    cluster.finishWrite(1)
    cluster.finishWrite(1)
    expect(node.core.softState).toMatchObject({ role: 'follower', term: 7 })
    expect(node.softStates.some(({ role }) => role === 'leader')).toBe(false)
  })

  test('bug 28: a pre-vote leaves the receiver bit for bit as it was, and does not stand in the way of a transfer', () => {
    const { cluster, node, sent } = lone({ terms: [1] })
    const before = JSON.stringify(node.core.status)
    cluster.receive({ kind: 'PreVote', from: 2, to: 1, term: 2, last: { term: 1, index: 1 } })
    expect(JSON.stringify(node.core.status)).toBe(before)
    cluster.receive({ kind: 'Heartbeat', from: 3, to: 1, term: 2, commitIndex: 1, round: 1 })
    sent()
    // It hears from a leader: only that leader's own wish passes.
    cluster.receive({ kind: 'PreVote', from: 2, to: 1, term: 3, last: { term: 1, index: 1 } })
    expect(sent()).toEqual([])
    cluster.receive({ kind: 'TimeoutNow', from: 3, to: 1, term: 2 })
    expect(kinds(sent())).toEqual(['RequestVote', 'RequestVote'])
    expect(node.core.softState).toMatchObject({ role: 'candidate', term: 3 })
  })

  test('bug 35: servers that were given one seed do not campaign in phase', () => {
    const firstOf = (id: NodeId) => {
      const cluster = new CoreCluster({ conf: confOf({ voters: [1, 2, 3, 4, 5] }), seed: 7 }).start(id)
      cluster.campaign(id)
      return cluster.node(id).now
    }
    expect(new Set([1, 2, 3, 4, 5].map(firstOf)).size).toBeGreaterThan(2)
  })
})

describe('replication', () => {
  test('bug 2: a leader does not commit an entry of an older term by counting, only along with one of its own (§3.6.2)', () => {
    const { cluster, node } = loneLeader({ terms: [1, 2], hardState: { term: 3, votedFor: undefined } })
    cluster.receive(acknowledge({ term: 4, matchIndex: 2 }))
    cluster.receive(acknowledge({ from: 3, term: 4, matchIndex: 2 }))
    expect(node.core.status.commitIndex).toBe(0)
    cluster.receive(acknowledge({ term: 4, matchIndex: 3 }))
    expect(node.core.status.commitIndex).toBe(3)
  })

  test('bug 4: an acknowledgement claims what its message proved, not the tail that happens to be there', () => {
    const { cluster, sent } = lone({ terms: [1, 1, 1] })
    cluster.receive(append({ prev: { term: 1, index: 1 } }))
    expect(sent()).toMatchObject([{ kind: 'AppendEntriesReply', ok: true, matchIndex: 1 }])
    cluster.receive({ kind: 'Heartbeat', from: 2, to: 1, term: 3, commitIndex: 0, round: 1 })
    expect(sent()).toEqual([{ kind: 'HeartbeatReply', from: 1, to: 2, term: 3, round: 1 }])
  })

  test('bug 5: a follower commits no further than the last entry its leader has verified', () => {
    const { cluster, node } = lone({ terms: [1, 1, 1] })
    cluster.receive(append({ prev: { term: 1, index: 1 }, commitIndex: 3 }))
    expect(node.core.status.commitIndex).toBe(1)
  })

  test('bug 6: repeated and delayed messages remove nothing; a conflict is removed and replaced in one write', () => {
    const { cluster, node } = lone({ terms: [1] })
    const prev = { term: 1, index: 1 }
    cluster.receive(append({ prev, entries: run([3, 3, 3], 2) }))
    cluster.receive(append({ prev, entries: run([3], 2) }))
    cluster.receive(append({ prev, entries: [] }))
    expect(node.core.status.lastIndex).toBe(4)
    node.holdsWrites = true
    cluster.receive(append({ term: 5, prev, entries: run([5], 2) }))
    expect(node.writing?.persist).toMatchObject({ truncateFrom: 2, entries: [{ term: 5, index: 2 }] })
    cluster.crash(1)
    expect(node.disk.entries.map(({ term }) => term)).toEqual([1, 3, 3, 3])
  })

  test.each(['follower', 'candidate', 'leader'])('bug 7: what lies below the snapshot is known to match, on a %s', (role) => {
    const conf = confOf({ voters: [1, 2, 3] })
    const cluster = new CoreCluster({ conf, base: { id: { term: 2, index: 10 }, conf } }).start(1)
    const node = cluster.node(1)
    if (role !== 'follower') cluster.campaign(1)
    if (role !== 'follower') cluster.receive({ kind: 'PreVoteReply', from: 2, to: 1, term: 3, granted: true })
    if (role === 'leader') cluster.receive({ kind: 'RequestVoteReply', from: 2, to: 1, term: 3, granted: true })
    cluster.network = []
    const entries = [...run([2, 2, 2, 2, 2], 6), ...run([4, 4], 11)]
    cluster.receive(append({ term: 4, prev: { term: 1, index: 5 }, entries, commitIndex: 11 }))
    expect(cluster.network).toMatchObject([{ kind: 'AppendEntriesReply', ok: true, matchIndex: 12 }])
    expect(node.core.status).toMatchObject({ commitIndex: 11, lastIndex: 12 })
    // Wholly below it, and with a term that was never there.
    cluster.network = []
    cluster.receive(append({ term: 4, prev: { term: 4, index: 3 }, entries: run([4], 4) }))
    expect(cluster.network).toMatchObject([{ kind: 'AppendEntriesReply', ok: true, matchIndex: 11 }])
  })

  test('bug 18: what others committed is not applied before the own disk has it, so a crash cannot leave the state ahead of the log', () => {
    const { cluster, node } = lone()
    node.holdsWrites = true
    cluster.receive(append({ entries: run([3, 3]), commitIndex: 2 }))
    expect(node.applied).toEqual([])
    cluster.finishWrite(1)
    expect(node.applied.map(wordOf)).toEqual(['t3i1', 't3i2'])
  })

  test('bug 29: what is counted returns to 0, and nothing overflows in a hundred years', () => {
    const { cluster, node } = loneLeader()
    for (let index = 2; index <= 40; index++) cluster.propose(1, 'x'.repeat(index))
    for (const from of [2, 3]) cluster.receive(acknowledge({ from, matchIndex: 40 }))
    expect(node.core.status.uncommittedBytes).toBe(0)
    expect(node.core.status.followers.map(({ inflightBytes, inflightMessages }) => inflightBytes + inflightMessages)).toEqual([0, 0])
    const old = new CoreCluster({ conf: confOf({ voters: [1] }) }).start()
    old.tick(1, 100 * 365 * 86_400_000, { stepMs: 86_400_000 })
    old.propose(1, 'late')
    expect(old.node(1).applied.map(wordOf)).toEqual(['noop', 'late'])
  })

  test('bug 30: committed entries come without a gap, whatever pages they are read in', () => {
    for (const pageBytes of [1, 65, 130, 1_000]) {
      const { cluster, node } = lone({ limits: { cacheBytesMax: 200 } })
      node.pageBytes = pageBytes
      cluster.receive(append({ entries: run(Array.from({ length: 50 }, () => 3)), commitIndex: 50 }))
      expect(node.applied.map(({ index }) => index)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
    }
  })

  test('bug 31: a follower to which everything was lost for long gets entries again, and heartbeats never stop meanwhile', () => {
    const cluster = new CoreCluster({ conf: confOf({ voters: [1, 2, 3] }) }).start()
    cluster.elect(1)
    cluster.isolate(3)
    for (let i = 0; i < 50; i++) {
      cluster.propose(1, `lost ${i}`)
      cluster.run(50)
    }
    cluster.heal()
    cluster.run(600)
    expect(cluster.leaders()).toEqual([1])
    expect(cluster.node(3).core.status.lastIndex).toBe(cluster.node(1).core.status.lastIndex)
  })

  test('of the older library: heartbeats go out by the clock alone, also to a follower that answers nothing', () => {
    const { cluster, sent } = loneLeader()
    cluster.receive(acknowledge({ matchIndex: 1 }))
    sent()
    let count = 0
    for (let i = 0; i < 8; i++) {
      cluster.tick(1, 100)
      cluster.receive({ kind: 'HeartbeatReply', from: 2, to: 1, term: 1, round: 1 })
      count += sent().filter(({ kind, to }) => kind === 'Heartbeat' && to === 3).length
    }
    expect(count).toBeGreaterThanOrEqual(7)
  })

  test('of the older library: a single server restarts, leads, and knows what it had committed', () => {
    const cluster = new CoreCluster({ conf: confOf({ voters: [1] }) }).start()
    cluster.run(50)
    cluster.propose(1, 'a', 'b')
    cluster.crash(1)
    cluster.start(1)
    cluster.run(50)
    expect(cluster.node(1).applied.map(wordOf)).toEqual(['noop', 'a', 'b', 'noop'])
  })
})

describe('reads', () => {
  test('bug 8: no read before the first commit in the term, also of a single server that has just restarted', () => {
    const { cluster, node } = loneLeader({ terms: [1, 1] })
    cluster.read(1, 1)
    cluster.tick(1, 110)
    for (const from of [2, 3]) cluster.receive({ kind: 'HeartbeatReply', from, to: 1, term: 2, round: 1 })
    expect(node.grants).toEqual([])
    const alone = lone({ voters: [1], terms: [1, 1] })
    alone.node.holdsWrites = true
    alone.cluster.tick(1, 20)
    alone.cluster.finishWrite(1) // its vote
    alone.cluster.read(1, 2)
    expect(alone.node.grants).toEqual([])
    alone.cluster.finishWrite(1) // its no-op
    expect(alone.node.grants).toEqual([{ id: 2, index: 3 }])
  })

  test('bug 9: an answer to an earlier round confirms no later read, however often it comes', () => {
    const { cluster, node } = loneLeader()
    for (const from of [2, 3]) cluster.receive(acknowledge({ from, matchIndex: 1 }))
    cluster.read(1, 1)
    cluster.receive({ kind: 'HeartbeatReply', from: 2, to: 1, term: 1, round: 1 })
    cluster.read(1, 2)
    for (let i = 0; i < 3; i++) cluster.receive({ kind: 'HeartbeatReply', from: 2, to: 1, term: 1, round: 1 })
    expect(node.grants.map(({ id }) => id)).toEqual([1])
    cluster.receive({ kind: 'HeartbeatReply', from: 3, to: 1, term: 1, round: 2 })
    expect(node.grants.map(({ id }) => id)).toEqual([1, 2])
  })

  test('bug 9: nor does an answer that a replica asked for in an earlier life', () => {
    const { cluster, node, sent } = lone()
    cluster.receive(append({}))
    sent()
    cluster.input(1, { kind: 'read', id: 1, lease: false })
    const [asked] = sent()
    if (asked?.kind !== 'ReadIndex') throw new Error('it does not ask its leader')
    const header = { kind: 'ReadIndexReply', from: 2, to: 1, term: 3, index: 0 } as const
    cluster.receive({ ...header, nonce: asked.nonce + 1, counter: asked.counter })
    cluster.receive({ ...header, nonce: asked.nonce, counter: asked.counter - 1 })
    expect(node.grants).toEqual([])
    cluster.receive({ ...header, nonce: asked.nonce, counter: asked.counter })
    expect(node.grants).toEqual([{ id: 1, index: 0 }])
  })

  describe('bug 10: no read from a lease', () => {
    const leased = () => {
      const it = loneLeader({ conf: { ...confOf({ voters: [1, 2, 3] }), leaseMs: 1_000 } })
      for (const from of [2, 3]) it.cluster.receive(acknowledge({ from, matchIndex: 1 }))
      it.cluster.tick(1, 110)
      const rounds = it.sent().flatMap((message) => (message.kind === 'Heartbeat' ? [message.round] : []))
      it.cluster.receive({ kind: 'HeartbeatReply', from: 2, to: 1, term: 1, round: rounds.at(-1) ?? 0 })
      it.sent()
      return it
    }
    const ask = ({ cluster }: ReturnType<typeof leased>, id: number) => {
      cluster.input(1, { kind: 'read', id, lease: true })
      cluster.tick(1, 1)
    }
    const ids = ({ node }: ReturnType<typeof leased>) => node.grants.map(({ id }) => id)

    test('that holds: it is granted without a word to anyone', () => {
      const it = leased()
      ask(it, 1)
      expect(ids(it)).toEqual([1])
      expect(it.sent()).toEqual([])
    })

    test('after a pause', () => {
      const it = leased()
      it.cluster.node(1).core.step({ kind: 'read', id: 1, lease: true })
      it.cluster.tick(1, 905, { stepMs: 905 })
      expect(ids(it)).toEqual([])
    })

    test('once leadership is being handed over', () => {
      const it = leased()
      it.cluster.input(1, { kind: 'transfer', ticket: 1, to: 2 })
      expect(kinds(it.sent())).toContain('TimeoutNow')
      ask(it, 1)
      expect(ids(it)).toEqual([])
    })
  })
})

describe('configurations and snapshots', () => {
  const addFour = { kind: 'addLearner', member: { id: 4, incarnation: 1, peer: 'p4', client: 'c4' }, joining: false } as const

  test('bug 12: a configuration is in force when appended, after a restart, under the next leader, and not after its truncation', () => {
    const { cluster, node } = loneLeader()
    for (const from of [2, 3]) cluster.receive(acknowledge({ from, matchIndex: 1 }))
    cluster.input(1, { kind: 'changeConf', ticket: 1, steps: [addFour], force: false })
    expect(node.core.status.conf.learners).toEqual([4])
    expect(node.core.status.committedConf.learners).toEqual([])
    cluster.crash(1)
    cluster.start(1)
    expect(node.core.status.conf.learners).toEqual([4])
    cluster.receive(append({ term: 5, prev: { term: 1, index: 1 }, entries: run([5], 2) }))
    expect(node.core.status.conf.learners).toEqual([])
  })

  test('bug 13: a new leader changes no configuration before it has committed in its own term', () => {
    const { cluster, node } = loneLeader({ terms: [1] })
    cluster.input(1, { kind: 'changeConf', ticket: 8, steps: [{ kind: 'remove', id: 3 }], force: true })
    expect(node.refused).toMatchObject([{ of: 'changeConf', id: 8, reason: 'notCommittedInTerm' }])
    cluster.receive(acknowledge({ term: 2, matchIndex: 2 }))
    cluster.input(1, { kind: 'changeConf', ticket: 9, steps: [{ kind: 'remove', id: 3 }], force: true })
    expect(node.accepted.map(({ ticket }) => ticket)).toContain(9)
  })

  test('bug 15: a server that lost its disk counts for nothing that its former incarnation acknowledged', () => {
    const { cluster, node } = loneLeader({ conf: confOf({ voters: [1, 2], learners: [3] }) })
    cluster.receive(acknowledge({ matchIndex: 1 }))
    cluster.receive(acknowledge({ from: 3, matchIndex: 1 }))
    const back = { id: 3, incarnation: 2, peer: 'peer-3', client: 'client-3' }
    cluster.input(1, { kind: 'changeConf', ticket: 1, steps: [{ kind: 'update', member: back, joining: true }], force: false })
    expect(node.core.status.followers.find(({ id }) => id === 3)).toMatchObject({ matchIndex: 0, isCaughtUp: false })
    expect(node.core.status.conf).toMatchObject({ voters: [1, 2], joining: [3] })
  })

  test('bug 19: a snapshot that comes after newer ones, or after the log got there by itself, changes nothing', () => {
    const { cluster, node } = lone()
    const conf = confOf({ voters: [1, 2, 3] })
    cluster.receive(append({ entries: run([3, 3, 3]), commitIndex: 3 }))
    const before = JSON.stringify(node.core.status)
    cluster.input(1, { kind: 'snapshotReceived', base: { id: { term: 3, index: 2 }, conf }, term: 3 })
    expect(JSON.stringify(node.core.status)).toBe(before)
  })

  test('bug 20: the configuration of a snapshot is in force, and none of the log that it replaced', () => {
    const { cluster, node } = lone()
    cluster.receive(append({ entries: [confEntry({ term: 3, index: 1 }, confOf({ voters: [1, 2, 3], learners: [9] }))] }))
    expect(node.core.status.conf.learners).toEqual([9])
    const conf = confOf({ voters: [1, 2, 4] })
    node.core.step({ kind: 'snapshotReceived', base: { id: { term: 4, index: 7 }, conf }, term: 4 })
    const { persist } = node.core.ready({ write: true }) ?? {}
    expect(persist).toMatchObject({ hardState: { term: 4 }, reset: { id: { term: 4, index: 7 } }, truncateFrom: undefined, entries: [] })
    expect(node.core.status).toMatchObject({ conf, committedConf: conf, commitIndex: 7, lastIndex: 7, firstIndex: 8 })
  })

  test('bug 22: while a follower fetches a snapshot the log goes on from it, however much is written and compacted meanwhile', () => {
    const { cluster, node, sent } = loneLeader({ limits: { cacheBytesMax: 1 } })
    for (let i = 0; i < 20; i++) cluster.propose(1, `w${i}`)
    cluster.receive(acknowledge({ from: 2, matchIndex: 21 }))
    cluster.input(1, { kind: 'compact', index: 10 })
    expect(node.core.status.firstIndex).toBe(11)
    cluster.receive({ kind: 'AppendEntriesReply', from: 3, to: 1, term: 1, ok: false, prevIndex: 0, hint: { term: 0, index: 0 } })
    cluster.tick(1, 110)
    const asked = sent().filter((message) => message.kind === 'InstallSnapshot')
    expect(asked).toMatchObject([{ to: 3, last: { term: 1, index: 10 } }])
    cluster.input(1, { kind: 'compact', index: 21 })
    expect(node.core.status.firstIndex).toBe(11)
    // It has got there, or past it: the log match decides, and the log may go.
    cluster.receive({ kind: 'InstallSnapshotReply', from: 3, to: 1, term: 1, hint: { term: 1, index: 10 } })
    expect(sent().filter(({ to }) => to === 3)).toMatchObject([{ kind: 'AppendEntries', prev: { term: 1, index: 10 } }])
    cluster.receive(acknowledge({ from: 3, matchIndex: 21 }))
    cluster.input(1, { kind: 'compact', index: 21 })
    expect(node.core.status.firstIndex).toBe(22)
  })
})

import { describe, expect, test } from 'vitest'
import { type EntryId, InvariantError, Raft, type Message, type NodeId } from '../../src/core/index.ts'
import { confOf, CoreCluster, entriesOf } from './core-cluster.ts'
import { lone, loneLeader } from './lone.ts'

const conf = confOf({ voters: [1, 2, 3] })
const baseAt = (term: number, index: number) => ({ id: { term, index }, conf })
const append = (given: {
  readonly term: number
  readonly prev: EntryId
  readonly count: number
  readonly commitIndex?: number
}): Message => {
  const { term, prev, count, commitIndex = 0 } = given
  const data = new Uint8Array(0)
  const entries = Array.from(
    { length: count },
    (_, i) => ({ term, index: prev.index + 1 + i, kind: 'noop', data, conf: undefined }) as const,
  )
  return { kind: 'AppendEntries', from: 2, to: 1, term, prev, entries, commitIndex }
}
const ready = (raft: Raft, { write = true } = {}) => raft.ready({ write })
/** Server 1 with these terms on its disk, driven by hand. */
function raftWith(terms: readonly number[]): Raft {
  const cluster = new CoreCluster({ conf })
  cluster.plant(1, { terms })
  return new Raft({ id: 1, log: cluster.node(1).disk.summary, now: 0, seed: 1, nonce: 1 })
}

describe('a snapshot that was received', () => {
  test('takes the place of a log that does not have it, in one write; the state follows once that is durable (§5.3)', () => {
    const raft = raftWith([1, 1, 1])
    raft.step({ kind: 'snapshotReceived', base: baseAt(2, 9), term: 4 })
    expect(raft.status).toMatchObject({
      term: 4,
      commitIndex: 9,
      firstIndex: 10,
      lastIndex: 9,
      lastTerm: 2,
      stableIndex: 0,
      lastApplied: 0,
    })
    const first = ready(raft)
    expect(first).toMatchObject({
      persist: { reset: baseAt(2, 9), truncateFrom: undefined, entries: [] },
      restore: undefined,
      applyThrough: 0,
    })
    raft.step({ kind: 'persisted', seq: 1 })
    expect(ready(raft)).toMatchObject({ restore: 9, applyThrough: 0 })
    raft.step({ kind: 'applied', index: 9 })
    expect(ready(raft)).toMatchObject({ restore: undefined, applyThrough: 9 })
  })

  test('is old news at or below what is committed, and changes nothing, not even the term', () => {
    const raft = raftWith([1, 1, 1])
    raft.step({ kind: 'receive', message: append({ term: 1, prev: { term: 1, index: 3 }, count: 1, commitIndex: 3 }) })
    const before = JSON.stringify(raft.status)
    raft.step({ kind: 'snapshotReceived', base: baseAt(1, 3), term: 9 })
    expect(JSON.stringify(raft.status)).toBe(before)
  })

  test('leaves a log that has it, and says that all of it is committed', () => {
    const raft = raftWith([1, 1, 1, 1, 1])
    raft.step({ kind: 'snapshotReceived', base: baseAt(1, 3), term: 1 })
    expect(raft.status).toMatchObject({ commitIndex: 3, firstIndex: 1, lastIndex: 5 })
    expect(ready(raft)).toMatchObject({ persist: undefined, restore: 3, applyThrough: 0 })
  })

  test('comes while a write is in flight: that write makes nothing of the new log durable', () => {
    const raft = raftWith([1, 1])
    raft.step({ kind: 'receive', message: append({ term: 1, prev: { term: 1, index: 2 }, count: 4, commitIndex: 2 }) })
    expect(ready(raft)?.persist).toMatchObject({ seq: 1, entries: { length: 4 } })
    raft.step({ kind: 'snapshotReceived', base: baseAt(3, 5), term: 3 })
    raft.step({ kind: 'receive', message: append({ term: 4, prev: { term: 3, index: 5 }, count: 2, commitIndex: 7 }) })
    expect(raft.status).toMatchObject({ stableIndex: 2, lastIndex: 7, commitIndex: 7 })
    raft.step({ kind: 'persisted', seq: 1 })
    expect(raft.status.stableIndex).toBe(2)
    expect(ready(raft)).toMatchObject({
      persist: { seq: 2, reset: baseAt(3, 5), truncateFrom: undefined, entries: [{ index: 6 }, { index: 7 }] },
      restore: undefined,
    })
    raft.step({ kind: 'persisted', seq: 2 })
    expect(ready(raft)).toMatchObject({ restore: 5, applyThrough: 2 })
  })

  test('also when what was in flight is truncated: nothing is left to truncate', () => {
    const raft = raftWith([1, 1])
    raft.step({ kind: 'receive', message: append({ term: 1, prev: { term: 1, index: 2 }, count: 4 }) })
    ready(raft)
    raft.step({ kind: 'receive', message: append({ term: 2, prev: { term: 1, index: 3 }, count: 1 }) })
    raft.step({ kind: 'snapshotReceived', base: baseAt(3, 5), term: 3 })
    raft.step({ kind: 'persisted', seq: 1 })
    expect(ready(raft)?.persist).toMatchObject({ seq: 2, reset: baseAt(3, 5), truncateFrom: undefined, entries: [] })
  })

  test('ends a candidacy that spoke of another log', () => {
    const { cluster, node } = lone({ terms: [1] })
    cluster.campaign(1)
    cluster.install(1, { snapshot: { base: baseAt(1, 9), state: 'x' }, term: 1 })
    expect(node.core.softState.role).toBe('follower')
    expect(node.stateBase.id.index).toBe(9)
  })

  test('brings back a state that was lost, from before what is committed too', () => {
    const summary = {
      hardState: { term: 2, votedFor: undefined },
      base: baseAt(1, 4),
      lastIndex: 8,
      terms: [{ term: 2, firstIndex: 5 }],
      confs: [],
    }
    const raft = new Raft({ id: 1, log: summary, hasState: false, now: 0, seed: 1, nonce: 1 })
    expect(raft.status).toMatchObject({ hasState: false, lastApplied: 0, commitIndex: 4 })
    raft.step({ kind: 'receive', message: append({ term: 2, prev: { term: 2, index: 8 }, count: 1, commitIndex: 8 }) })
    for (let now = 0; now <= 20_000; now += 500) raft.step({ kind: 'tick', now })
    expect(raft.status).toMatchObject({ role: 'follower', term: 2, commitIndex: 8 })
    expect(ready(raft)).toMatchObject({ applyThrough: 0 })
    raft.step({ kind: 'persisted', seq: 1 })
    raft.step({ kind: 'snapshotReceived', base: baseAt(2, 6), term: 2 })
    expect(ready(raft)).toMatchObject({ persist: undefined, restore: 6, applyThrough: 0 })
    raft.step({ kind: 'applied', index: 6 })
    expect(ready(raft)).toMatchObject({ applyThrough: 8 })
    expect(raft.status.hasState).toBe(true)
  })
})

describe('a log that was compacted', () => {
  test('begins after what was applied, knows its terms, and its configuration (§5.1)', () => {
    const { cluster, node } = lone({ voters: [1], terms: [1, 1, 2, 2] })
    cluster.tick(1, 10)
    cluster.input(1, { kind: 'compact', index: 3 })
    expect(node.core.status).toMatchObject({ firstIndex: 4, lastIndex: 5, lastTerm: 3, conf: { voters: [1] } })
    expect(node.disk.base).toMatchObject({ id: { term: 2, index: 3 } })
    cluster.crash(1)
    node.disk.keep({ base: node.disk.base, state: 'at 3' })
    cluster.start(1).tick(1, 10)
    expect(node.core.status).toMatchObject({ role: 'leader', hasState: true, lastApplied: 6 })
  })

  test('says so to a follower that needs what is gone, at each heartbeat, and goes on from where it got to (§5.3)', () => {
    const { cluster, node, sent } = loneLeader({ terms: [1, 1, 1, 1] })
    cluster.receive({ kind: 'AppendEntriesReply', from: 2, to: 1, term: 2, ok: true, matchIndex: 5 })
    cluster.input(1, { kind: 'compact', index: 4 })
    sent()
    cluster.receive({ kind: 'AppendEntriesReply', from: 3, to: 1, term: 2, ok: false, prevIndex: 4, hint: { term: 1, index: 2 } })
    const state = () => node.core.status.followers.find(({ id }) => id === 3)
    expect(state()).toMatchObject({ state: 'snapshot', inflightMessages: 0 })
    cluster.tick(1, 210)
    const told = { kind: 'InstallSnapshot', to: 3, last: { term: 1, index: 4 } }
    expect(sent().filter(({ kind }) => kind === 'InstallSnapshot')).toMatchObject([told, told])
    cluster.receive({ kind: 'InstallSnapshotReply', from: 3, to: 1, term: 2, hint: { term: 1, index: 3 } })
    expect(state()).toMatchObject({ state: 'snapshot' })
    cluster.receive({ kind: 'InstallSnapshotReply', from: 3, to: 1, term: 2, hint: { term: 1, index: 4 } })
    expect(sent()).toMatchObject([{ kind: 'AppendEntries', to: 3, prev: { term: 1, index: 4 } }])
  })

  test('is kept for who fetches, up to a limit, and until it has everything that is committed', () => {
    const { cluster, node } = loneLeader({
      terms: entriesOf(Array.from({ length: 9 }, () => 1)).map(({ term }) => term),
      limits: { pinnedEntriesMax: 20 },
    })
    const firstIndex = () => node.core.status.firstIndex
    const acknowledge = (from: NodeId, matchIndex: number) =>
      cluster.receive({ kind: 'AppendEntriesReply', from, to: 1, term: 2, ok: true, matchIndex })
    acknowledge(2, 10)
    cluster.input(1, { kind: 'compact', index: 5 })
    cluster.receive({ kind: 'AppendEntriesReply', from: 3, to: 1, term: 2, ok: false, prevIndex: 9, hint: { term: 1, index: 2 } })
    cluster.input(1, { kind: 'compact', index: 10 })
    expect(firstIndex()).toBe(6)
    for (let i = 0; i < 30; i++) cluster.propose(1, 'x')
    acknowledge(2, 40)
    cluster.input(1, { kind: 'compact', index: 30 })
    expect(firstIndex()).toBe(11)
    cluster.receive({ kind: 'InstallSnapshotReply', from: 3, to: 1, term: 2, hint: { term: 2, index: 10 } })
    acknowledge(3, 20)
    cluster.tick(1, 10)
    expect(firstIndex()).toBe(21)
    acknowledge(3, 40)
    cluster.tick(1, 10)
    expect(firstIndex()).toBe(31)
  })

  test('sends no entry from before it, whatever a fetch from the disk was about', () => {
    const { cluster, node, sent } = loneLeader({ terms: [1, 1, 1, 1], limits: { cacheBytesMax: 1 } })
    node.holdsFetches = true
    cluster.receive({ kind: 'AppendEntriesReply', from: 2, to: 1, term: 2, ok: true, matchIndex: 5 })
    cluster.receive({ kind: 'AppendEntriesReply', from: 3, to: 1, term: 2, ok: false, prevIndex: 4, hint: { term: 1, index: 1 } })
    expect(node.fetches).toMatchObject([{ peer: 3, firstIndex: 2 }])
    sent()
    cluster.input(1, { kind: 'compact', index: 4 })
    cluster.answerFetch(1)
    expect(node.fetches).toMatchObject([{ peer: 3, firstIndex: 5 }])
    cluster.answerFetch(1)
    expect(sent()).toMatchObject([{ kind: 'AppendEntries', to: 3, prev: { term: 1, index: 4 } }])
    cluster.receive({ kind: 'AppendEntriesReply', from: 3, to: 1, term: 2, ok: false, prevIndex: 4, hint: { term: 1, index: 1 } })
    expect(node.core.status.followers.find(({ id }) => id === 3)).toMatchObject({ state: 'snapshot' })
  })
})

test('a follower says what it has committed, and wants a snapshot only where that is not enough', () => {
  const raft = raftWith([1, 1])
  const install = (index: number): Message => ({ kind: 'InstallSnapshot', from: 2, to: 1, term: 1, last: { term: 1, index } })
  raft.step({ kind: 'receive', message: append({ term: 1, prev: { term: 1, index: 2 }, count: 1, commitIndex: 2 }) })
  raft.step({ kind: 'receive', message: install(2) })
  expect(ready(raft)).toMatchObject({ snapshotWanted: undefined, send: [{ kind: 'InstallSnapshotReply', hint: { term: 1, index: 2 } }] })
  raft.step({ kind: 'receive', message: install(8) })
  expect(ready(raft, { write: false })).toMatchObject({ snapshotWanted: 8, send: [{ hint: { term: 1, index: 2 } }] })
  raft.step({ kind: 'receive', message: { ...install(8), term: 0 } })
  expect(ready(raft, { write: false })).toBeUndefined()
})

test.each([
  ['of a configuration that cannot be', { base: { id: { term: 1, index: 9 }, conf: { ...conf, learners: [1] } }, term: 4 }],
  ['in a term beyond all terms', { base: baseAt(1, 9), term: 2 ** 47 }],
  ['of an entry beyond all entries', { base: baseAt(1, 2 ** 47), term: 4 }],
])('a snapshot %s is the mistake of the driver, who has looked at it before', (_, received) => {
  const raft = raftWith([1, 1])
  expect(() => raft.step({ kind: 'snapshotReceived', ...received })).toThrow(InvariantError)
  expect(raft.status).toMatchObject({ term: 1, lastIndex: 2 })
})

describe('a state that is given up', () => {
  const acknowledge = (it: ReturnType<typeof loneLeader>, from: NodeId): void => {
    const { term, lastIndex: matchIndex } = it.node.core.status
    it.cluster.receive({ kind: 'AppendEntriesReply', from, to: 1, term, ok: true, matchIndex })
  }

  test('ends the leadership of its node, which hands over and does not campaign before it has another', () => {
    const it = loneLeader()
    it.cluster.tick(1, 10)
    acknowledge(it, 2)
    it.sent()
    it.node.core.step({ kind: 'stateLost' })
    it.cluster.tick(1, 10)
    expect(it.sent().map(({ kind, to }) => `${kind} to ${to}`)).toContain('TimeoutNow to 2')
    expect(it.node.core.status).toMatchObject({ role: 'follower', hasState: false })
    it.cluster.tick(1, 20_000)
    expect(it.node.core.softState.role).toBe('follower')
  })

  test('applies nothing more, and asks for a snapshot', () => {
    const raft = raftWith([1, 1, 1])
    raft.step({ kind: 'receive', message: append({ term: 1, prev: { term: 1, index: 3 }, count: 2, commitIndex: 4 }) })
    const { persist } = ready(raft) ?? {}
    raft.step({ kind: 'persisted', seq: persist?.seq ?? 0 })
    expect(ready(raft)?.applyThrough).toBe(4)
    raft.step({ kind: 'applied', index: 3 })
    raft.step({ kind: 'stateLost' })
    raft.step({ kind: 'receive', message: append({ term: 1, prev: { term: 1, index: 5 }, count: 0, commitIndex: 5 }) })
    raft.step({ kind: 'tick', now: 1_000 })
    const after = ready(raft)
    expect([after?.applyThrough, after?.snapshotWanted]).toEqual([4, 1])
  })

  test('is replaced by that of a snapshot of committed entries, and the log goes on from there', () => {
    const raft = raftWith([1, 1, 1])
    raft.step({ kind: 'receive', message: append({ term: 1, prev: { term: 1, index: 3 }, count: 2, commitIndex: 5 }) })
    raft.step({ kind: 'persisted', seq: ready(raft)?.persist?.seq ?? 0 })
    ready(raft)
    raft.step({ kind: 'applied', index: 3 })
    raft.step({ kind: 'stateLost' })
    raft.step({ kind: 'snapshotReceived', base: baseAt(1, 4), term: 1 })
    expect(ready(raft)?.restore).toBe(4)
    raft.step({ kind: 'applied', index: 4 })
    expect(ready(raft)?.applyThrough ?? 5).toBe(5)
    expect(raft.status).toMatchObject({ hasState: true, lastApplied: 4, firstIndex: 1, lastIndex: 5 })
  })
})

import { describe, expect, test } from 'vitest'
import {
  type AppendEntries,
  type Entry,
  entryOverheadBytes,
  type Index,
  InvariantError,
  type Message,
  type Term,
} from '../../src/core/index.ts'
import { commandOf, confOf, CoreCluster, entriesOf, entryOf, wordOf } from './core-cluster.ts'
import { lone, loneLeader } from './lone.ts'

const idOf = (term: Term, index: Index) => ({ term, index })
const append = (given: Partial<AppendEntries>): AppendEntries => ({
  kind: 'AppendEntries',
  from: 2,
  to: 1,
  term: 5,
  prev: idOf(0, 0),
  entries: [],
  commitIndex: 0,
  ...given,
})
/** Entries of one term, from `firstIndex` on. */
const run = ({ term, firstIndex, count }: { readonly term: Term; readonly firstIndex: Index; readonly count: number }) =>
  Array.from({ length: count }, (_, i) => entryOf({ term, index: firstIndex + i, word: `t${term}i${firstIndex + i}` }))
const termsOf = (entries: readonly Entry[]) => entries.map(({ term }) => term)
const appendsOf = (messages: readonly Message[]) => messages.filter((message) => message.kind === 'AppendEntries')
const acknowledge = ({ from, matchIndex, term = 1 }: { readonly from: number; readonly matchIndex: Index; readonly term?: Term }) =>
  ({ kind: 'AppendEntriesReply', from, to: 1, term, ok: true, matchIndex }) as const

describe('a follower (§3.5)', () => {
  test('appends entries that follow one it has, and acknowledges once they are durable (§3.8)', () => {
    const { cluster, node, sent } = lone({ terms: [1, 1] })
    node.holdsWrites = true
    cluster.receive(append({ prev: idOf(1, 2), entries: run({ term: 5, firstIndex: 3, count: 2 }) }))
    expect(termsOf(node.log)).toEqual([1, 1, 5, 5])
    expect(sent()).toEqual([])
    cluster.finishWrite(1)
    expect(sent()).toEqual([{ kind: 'AppendEntriesReply', from: 1, to: 2, term: 5, ok: true, matchIndex: 4 }])
  })

  test('refuses entries whose predecessor it does not have, and says at once what may match', () => {
    const { cluster, node, sent } = lone({ terms: [1, 1, 3, 3, 3], hardState: { term: 5, votedFor: 2 } })
    node.holdsWrites = true
    cluster.receive(append({ prev: idOf(4, 5), entries: run({ term: 5, firstIndex: 6, count: 1 }) }))
    cluster.receive(append({ prev: idOf(2, 4) }))
    cluster.receive(append({ prev: idOf(5, 9) }))
    expect(sent()).toMatchObject([
      { ok: false, prevIndex: 5, hint: idOf(3, 5) },
      { ok: false, prevIndex: 4, hint: idOf(1, 2) },
      { ok: false, prevIndex: 9, hint: idOf(3, 5) },
    ])
    expect(termsOf(node.log)).toEqual([1, 1, 3, 3, 3])
  })

  test('removes a conflicting entry and all that follow it', () => {
    const { cluster, node } = lone({ terms: [1, 1, 3, 3, 3] })
    cluster.receive(
      append({ prev: idOf(1, 1), entries: [...run({ term: 1, firstIndex: 2, count: 1 }), ...run({ term: 4, firstIndex: 3, count: 1 })] }),
    )
    expect(termsOf(node.log)).toEqual([1, 1, 4])
    expect(termsOf(node.disk.entries)).toEqual([1, 1, 4])
  })

  test('does not remove what an older, delayed message does not mention: only a conflict removes', () => {
    const { cluster, node, sent } = lone({ terms: [1, 1] })
    const late = append({ prev: idOf(1, 2), entries: run({ term: 5, firstIndex: 3, count: 1 }) })
    cluster.receive(append({ prev: idOf(1, 2), entries: run({ term: 5, firstIndex: 3, count: 3 }) }))
    cluster.receive(late)
    cluster.receive(append({ prev: idOf(1, 1) }))
    expect(termsOf(node.log)).toEqual([1, 1, 5, 5, 5])
    expect(sent()).toMatchObject([{ matchIndex: 5 }, { matchIndex: 3 }, { matchIndex: 1 }])
  })

  test('claims only what the message proves, not the end of its own log', () => {
    const { cluster, node, sent } = lone({ terms: [1, 1, 3, 3, 3] })
    cluster.receive(append({ prev: idOf(1, 2) }))
    expect(sent()).toMatchObject([{ ok: true, matchIndex: 2 }])
    expect(node.core.status.lastIndex).toBe(5)
  })

  test('commits no further than the message proves, however far the leader has', () => {
    const { cluster, node } = lone({ terms: [1, 1, 3, 3, 3] })
    cluster.receive(append({ prev: idOf(1, 1), entries: run({ term: 1, firstIndex: 2, count: 1 }), commitIndex: 4 }))
    expect(node.core.status.commitIndex).toBe(2)
    expect(node.applied).toHaveLength(2)
  })

  test('knows that everything up to its commit index matches, whatever term the message names (§3.6.3)', () => {
    const base = { id: idOf(3, 10), conf: confOf({ voters: [1, 2, 3] }) }
    const cluster = new CoreCluster({ conf: base.conf, base }).start(1)
    cluster.receive(
      append({ prev: idOf(2, 7), entries: [...run({ term: 3, firstIndex: 8, count: 3 }), ...run({ term: 5, firstIndex: 11, count: 2 })] }),
    )
    cluster.receive(append({ prev: idOf(2, 4), entries: run({ term: 3, firstIndex: 5, count: 2 }) }))
    expect(cluster.network).toMatchObject([
      { ok: true, matchIndex: 12 },
      { ok: true, matchIndex: 10 },
    ])
    expect(termsOf(cluster.node(1).log)).toEqual([5, 5])
  })

  test('never removes a committed entry', () => {
    const { cluster, node, sent } = lone({ terms: [1, 1, 1] })
    cluster.receive(append({ prev: idOf(1, 3), commitIndex: 3 }))
    cluster.receive(append({ prev: idOf(1, 1), entries: run({ term: 4, firstIndex: 2, count: 1 }), commitIndex: 3 }))
    expect(termsOf(node.log)).toEqual([1, 1, 1])
    expect(sent().at(-1)).toMatchObject({ ok: true, matchIndex: 3 })
  })

  test('applies nothing that is committed by others before its own disk has it', () => {
    const { cluster, node } = lone()
    node.holdsWrites = true
    cluster.receive(append({ entries: run({ term: 5, firstIndex: 1, count: 2 }), commitIndex: 2 }))
    expect(node.core.status).toMatchObject({ commitIndex: 2, stableIndex: 0, lastApplied: 0 })
    cluster.finishWrite(1)
    expect(node.applied.map(wordOf)).toEqual(['t5i1', 't5i2'])
  })

  test('writes the very array it was sent when nothing else waits: its bytes are known already', () => {
    const { cluster, node } = lone()
    node.holdsWrites = true
    const entries = run({ term: 5, firstIndex: 1, count: 3 })
    cluster.receive(append({ entries }))
    expect(node.writing?.persist.entries).toBe(entries)
  })

  test('acknowledges once what several messages brought before one write', () => {
    const { cluster, node, sent } = lone({ hardState: { term: 5, votedFor: 2 } })
    node.holdsWrites = true
    for (let index = 1; index <= 4; index++) {
      cluster.receive(append({ prev: idOf(index === 1 ? 0 : 5, index - 1), entries: run({ term: 5, firstIndex: index, count: 1 }) }))
    }
    cluster.finishWrite(1)
    expect(sent()).toMatchObject([{ matchIndex: 1 }])
    expect(node.writing?.persist.entries).toHaveLength(3)
    cluster.finishWrite(1)
    expect(sent()).toMatchObject([{ matchIndex: 4 }])
  })

  test('drops acknowledgements of an older term that still wait for the disk', () => {
    const { cluster, node, sent } = lone({ hardState: { term: 5, votedFor: 2 } })
    node.holdsWrites = true
    cluster.receive(append({ entries: run({ term: 5, firstIndex: 1, count: 1 }) }))
    cluster.receive(append({ prev: idOf(5, 1), entries: run({ term: 5, firstIndex: 2, count: 1 }) }))
    cluster.receive(append({ from: 3, term: 6, prev: idOf(5, 1), entries: run({ term: 6, firstIndex: 2, count: 1 }) }))
    cluster.finishWrite(1)
    cluster.finishWrite(1)
    expect(sent()).toMatchObject([
      { to: 2, term: 5, matchIndex: 1 },
      { to: 3, term: 6, matchIndex: 2 },
    ])
  })

  test('answers a heartbeat with its promises while its term is not durable yet, and at once when it is', () => {
    const { cluster, node, sent } = lone()
    node.holdsWrites = true
    cluster.receive({ kind: 'Heartbeat', from: 2, to: 1, term: 5, commitIndex: 0, round: 1 })
    expect(sent()).toEqual([])
    cluster.finishWrite(1)
    cluster.receive(append({ entries: run({ term: 5, firstIndex: 1, count: 1 }) }))
    cluster.receive({ kind: 'Heartbeat', from: 2, to: 1, term: 5, commitIndex: 0, round: 2 })
    expect(node.writing).toBeDefined()
    expect(sent()).toMatchObject([
      { kind: 'HeartbeatReply', round: 1 },
      { kind: 'HeartbeatReply', round: 2 },
    ])
  })

  test('does not commit by a heartbeat what it does not hold: it was acknowledged by a disk that is lost', () => {
    const { cluster, node } = lone({ terms: [5] })
    cluster.receive({ kind: 'Heartbeat', from: 2, to: 1, term: 5, commitIndex: 9, round: 1 })
    expect(node.core.status.commitIndex).toBe(0)
  })
})

describe('a configuration (§4.1)', () => {
  const conf = confOf({ voters: [1, 2, 3, 4] })
  const confEntry = { term: 5, index: 2, kind: 'conf', data: new Uint8Array(0), conf } as const

  test('is in force from the moment it is appended, and rolled back when its entry is removed', () => {
    const { cluster, node } = lone({ terms: [1] })
    const votersNow = () => node.core.status.conf.voters
    cluster.receive(append({ prev: idOf(1, 1), entries: [confEntry] }))
    expect(votersNow()).toEqual([1, 2, 3, 4])
    cluster.crash(1)
    cluster.start(1)
    expect(votersNow()).toEqual([1, 2, 3, 4])
    cluster.receive(append({ from: 3, term: 6, prev: idOf(1, 1), entries: run({ term: 6, firstIndex: 2, count: 1 }) }))
    expect(votersNow()).toEqual([1, 2, 3])
  })
})

describe('a leader (§3.5, §3.6)', () => {
  test('appends an entry of its own term at once, and sends it to everyone', () => {
    const { node, sent } = loneLeader({ terms: [1] })
    expect(node.log.map(wordOf)).toEqual(['t1i1', 'noop'])
    expect(appendsOf(sent()).map(({ to, prev }) => ({ to, prev }))).toEqual([
      { to: 2, prev: idOf(1, 1) },
      { to: 3, prev: idOf(1, 1) },
    ])
  })

  test('never commits an entry of an older term by counting replicas (§3.6.2)', () => {
    const { cluster, node } = loneLeader({ terms: [1, 1] })
    cluster.receive({ kind: 'AppendEntriesReply', from: 2, to: 1, term: 2, ok: true, matchIndex: 2 })
    cluster.receive({ kind: 'AppendEntriesReply', from: 3, to: 1, term: 2, ok: true, matchIndex: 2 })
    expect(node.core.status.commitIndex).toBe(0)
    cluster.receive({ kind: 'AppendEntriesReply', from: 3, to: 1, term: 2, ok: true, matchIndex: 3 })
    expect(node.core.status.commitIndex).toBe(3)
  })

  test('counts its own log only as far as its own disk has it (§10.2.1)', () => {
    const { cluster, node } = loneLeader()
    cluster.receive(acknowledge({ from: 2, matchIndex: 1 }))
    node.holdsWrites = true
    cluster.propose(1, 'a')
    cluster.receive(acknowledge({ from: 2, matchIndex: 2 }))
    expect(node.core.status.commitIndex).toBe(1)
    cluster.finishWrite(1)
    expect(node.core.status.commitIndex).toBe(2)
  })

  test('may commit what a majority of others holds before its own disk does, and applies it after (§10.2.1)', () => {
    const { cluster, node } = loneLeader()
    cluster.receive(acknowledge({ from: 2, matchIndex: 1 }))
    node.holdsWrites = true
    cluster.propose(1, 'a')
    for (const from of [2, 3]) cluster.receive(acknowledge({ from, matchIndex: 2 }))
    expect(node.core.status).toMatchObject({ commitIndex: 2, lastApplied: 1 })
    cluster.finishWrite(1)
    expect(node.applied.map(wordOf)).toEqual(['noop', 'a'])
  })

  test('sends entries while its own write of them is under way, as one array for disk and followers (§10.2.1)', () => {
    const { cluster, node, sent } = loneLeader()
    for (const from of [2, 3]) cluster.receive(acknowledge({ from, matchIndex: 1 }))
    sent()
    node.holdsWrites = true
    cluster.input(1, { kind: 'propose', ticket: 8, commands: ['a', 'b', 'c'].map(commandOf) })
    const messages = appendsOf(sent())
    expect(messages).toHaveLength(2)
    for (const { entries } of messages) expect(entries).toBe(node.writing?.persist.entries)
    expect(node.accepted.at(-1)).toEqual({ ticket: 8, first: idOf(1, 2), count: 3 })
  })

  test('collects what is proposed during a write into one array for disk and followers', () => {
    const { cluster, node, sent } = loneLeader()
    for (const from of [2, 3]) cluster.receive(acknowledge({ from, matchIndex: 1 }))
    node.holdsWrites = true
    cluster.propose(1, 'a')
    sent()
    for (const word of ['b', 'c', 'd']) cluster.propose(1, word)
    expect(sent()).toEqual([])
    cluster.finishWrite(1)
    const messages = appendsOf(sent())
    expect(messages.map(({ to }) => to)).toEqual([2, 3])
    for (const { entries } of messages) expect(entries).toBe(node.writing?.persist.entries)
    expect(node.writing?.persist.entries.map(wordOf)).toEqual(['b', 'c', 'd'])
  })

  test('does not make a follower that has nothing to do wait for a slow disk of its own', () => {
    const { cluster, node, sent } = loneLeader()
    for (const from of [2, 3]) cluster.receive(acknowledge({ from, matchIndex: 1 }))
    node.holdsWrites = true
    cluster.propose(1, 'a')
    cluster.propose(1, 'b')
    sent()
    cluster.receive(acknowledge({ from: 2, matchIndex: 2 }))
    expect(appendsOf(sent()).map(({ to, entries }) => ({ to, words: entries.map(wordOf) }))).toEqual([{ to: 2, words: ['b'] }])
  })

  test('ignores acknowledgements of more than there is, and of strangers', () => {
    const { cluster, node } = loneLeader()
    for (const from of [2, 3, 9]) cluster.receive(acknowledge({ from, matchIndex: 2 }))
    cluster.receive(acknowledge({ from: 9, matchIndex: 1 }))
    expect(node.core.status.commitIndex).toBe(0)
    expect(node.core.status.followers.map(({ matchIndex }) => matchIndex)).toEqual([0, 0])
  })

  test('tells a follower no commit index beyond what that follower is known to hold', () => {
    const { cluster, sent } = loneLeader()
    cluster.receive(acknowledge({ from: 2, matchIndex: 1 }))
    sent()
    cluster.tick(1, 110)
    expect(sent()).toMatchObject([
      { kind: 'Heartbeat', to: 2, commitIndex: 1 },
      { kind: 'Heartbeat', to: 3, commitIndex: 0 },
    ])
  })

  test('changes nothing for an answer to a message that is superseded', () => {
    const { cluster, node } = loneLeader({ terms: [1, 1, 1] })
    const refuse = (prevIndex: Index, hint: Index) =>
      cluster.receive({ kind: 'AppendEntriesReply', from: 2, to: 1, term: 2, ok: false, prevIndex, hint: idOf(hint === 0 ? 0 : 1, hint) })
    refuse(3, 2)
    expect(node.core.status.followers[0]).toMatchObject({ nextIndex: 3 })
    refuse(3, 0)
    expect(node.core.status.followers[0]).toMatchObject({ nextIndex: 3 })
    cluster.receive(acknowledge({ from: 2, matchIndex: 4, term: 2 }))
    refuse(3, 0)
    refuse(2, 0)
    expect(node.core.status.followers[0]).toMatchObject({ state: 'replicate', matchIndex: 4, nextIndex: 5 })
  })

  test('steps back by terms, not by entries: a thousand conflicting entries of three terms take three rounds at most (§3.5)', () => {
    const conf = confOf({ voters: [1, 2] })
    const rejected: Message[] = []
    const cluster = new CoreCluster(
      { conf },
      { sent: (message) => void (message.kind === 'AppendEntriesReply' && !message.ok && rejected.push(message)) },
    )
    cluster.plant(1, { terms: [1, ...Array.from({ length: 1_000 }, (_, i) => (i < 500 ? 4 : 8))] })
    cluster.plant(2, { terms: [1, ...Array.from({ length: 1_000 }, (_, i) => (i < 300 ? 2 : i < 700 ? 5 : 7))] })
    cluster.start()
    cluster.campaign(1)
    cluster.deliver()
    expect(rejected.length).toBeLessThanOrEqual(3)
    expect(cluster.node(2).log).toEqual(cluster.node(1).log)
  })
})

describe('proposals', () => {
  test('are refused from the first by a server that does not lead, with a hint who does', () => {
    const { cluster, node } = lone()
    cluster.propose(1, 'a')
    cluster.receive({ kind: 'Heartbeat', from: 2, to: 1, term: 1, commitIndex: 0, round: 1 })
    cluster.input(1, { kind: 'propose', ticket: 7, commands: [commandOf('a')] })
    expect(node.refused).toEqual([
      { of: 'propose', id: 0, from: 0, reason: 'notLeader', leader: undefined },
      { of: 'propose', id: 7, from: 0, reason: 'notLeader', leader: 2 },
    ])
  })

  test('beyond the limit of uncommitted bytes are refused, and accepted again once what waits is committed', () => {
    const { cluster, node } = loneLeader({ limits: { uncommittedBytesMax: 3 * (entryOverheadBytes + 1) } })
    cluster.receive(acknowledge({ from: 2, matchIndex: 1 }))
    cluster.input(1, { kind: 'propose', ticket: 5, commands: ['a', 'b', 'c', 'd', 'e'].map(commandOf) })
    expect(node.accepted).toEqual([{ ticket: 5, first: idOf(1, 2), count: 3 }])
    expect(node.refused).toEqual([{ of: 'propose', id: 5, from: 3, reason: 'uncommittedBytesMax', leader: 1 }])
    expect(node.core.status.uncommittedBytes).toBe(3 * (entryOverheadBytes + 1))
    cluster.receive(acknowledge({ from: 2, matchIndex: 4 }))
    expect(node.core.status.uncommittedBytes).toBe(0)
    cluster.propose(1, 'd')
    expect(node.log.map(wordOf)).toEqual(['noop', 'a', 'b', 'c', 'd'])
  })

  test('one goes through, however large, when nothing else waits', () => {
    const { cluster, node } = loneLeader({ limits: { uncommittedBytesMax: 10 } })
    cluster.receive(acknowledge({ from: 2, matchIndex: 1 }))
    cluster.propose(1, 'much too large a command', 'a')
    expect(node.accepted).toMatchObject([{ count: 1 }])
    expect(node.refused).toMatchObject([{ from: 1, reason: 'uncommittedBytesMax' }])
  })

  test('of nothing are accepted as nothing', () => {
    const { cluster, node } = loneLeader()
    cluster.input(1, { kind: 'propose', ticket: 3, commands: [] })
    expect(node.accepted).toEqual([{ ticket: 3, first: idOf(1, 2), count: 0 }])
    expect(node.core.status.lastIndex).toBe(1)
  })

  test('that are empty are commands like any other', () => {
    const { cluster, node } = loneLeader({ voters: [1] })
    cluster.tick(1, 10)
    cluster.input(1, { kind: 'propose', ticket: 3, commands: [new Uint8Array(0)] })
    expect(node.applied.at(-1)).toMatchObject({ kind: 'command', index: 2 })
  })
})

describe('restarts', () => {
  test('a server comes back with its log, its term and its vote, and nothing committed until a leader says so (§3.8)', () => {
    const { cluster, node } = lone({ terms: [1, 2, 2], hardState: { term: 4, votedFor: 3 } })
    expect(node.core.status).toMatchObject({
      term: 4,
      votedFor: 3,
      lastIndex: 3,
      lastTerm: 2,
      stableIndex: 3,
      commitIndex: 0,
      lastApplied: 0,
    })
    expect(node.core.entriesInMemory({ firstIndex: 1, lastIndex: 3, bytesMax: 1_000 })).toBeUndefined()
    cluster.receive(append({ prev: idOf(2, 3), commitIndex: 3 }))
    expect(node.applied.map(({ index }) => index)).toEqual([1, 2, 3])
  })

  test('committed entries are applied without a gap whatever the size of the pages they are read in', () => {
    for (const pageBytes of [1, 7, 9, 1_000]) {
      const { cluster, node } = lone({ terms: [1, 1, 1, 1] })
      node.pageBytes = pageBytes
      const entries = run({ term: 5, firstIndex: 5, count: 4 })
      cluster.receive(append({ prev: idOf(1, 4), entries, commitIndex: 8 }))
      expect(node.applied.map(({ index }) => index)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    }
  })

  test('a log from a later term than the one on the disk is refused', () => {
    expect(() => lone({ terms: [1, 6], hardState: { term: 5, votedFor: undefined } })).toThrow(
      'log.hardState.term is 5, but the log ends with term 6: a term is durable before its entries',
    )
  })
})

test('what a driver may not do is a broken invariant', () => {
  const { cluster, node } = lone()
  expect(() => cluster.input(1, { kind: 'persisted', seq: 1 })).toThrow(new InvariantError('write 1 completed, but none is in flight'))
  expect(() => cluster.input(1, { kind: 'applied', index: 1 })).toThrow(new InvariantError('applied 1, but only 0 was given out'))
  node.holdsWrites = true
  cluster.receive(append({ entries: entriesOf([5]) }))
  expect(() => node.core.ready({ write: true })).toThrow(new InvariantError('a second write is asked for while write 1 is in flight'))
  expect(() => cluster.input(1, { kind: 'persisted', seq: 2 })).toThrow(new InvariantError('write 2 completed, but 1 is in flight'))
})

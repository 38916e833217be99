import { describe, expect, test } from 'vitest'
import { type AppendEntriesReply, entryOverheadBytes, type Index, type Message } from '../../src/core/index.ts'
import { confOf, CoreCluster, entryOf, wordOf } from './core-cluster.ts'
import { add, change, led, statusOf } from './led.ts'
import { lone, loneLeader } from './lone.ts'

const appendsOf = (messages: readonly Message[]) => messages.filter((message) => message.kind === 'AppendEntries')
const wordsOf = (messages: readonly Message[]) => appendsOf(messages).map(({ entries }) => entries.map(wordOf).join(' '))
const acknowledge = ({ matchIndex, from = 2, term = 1 }: { readonly matchIndex: Index; readonly from?: number; readonly term?: number }) =>
  ({ kind: 'AppendEntriesReply', from, to: 1, term, ok: true, matchIndex }) satisfies AppendEntriesReply
const followerOf = ({ node }: ReturnType<typeof lone>) => node.core.status.followers[0]

describe('the window of a follower (§10.2.1)', () => {
  test('messages follow each other without waiting for answers, up to inflightMessagesMax; then entries collect', () => {
    const it = loneLeader({ voters: [1, 2], limits: { inflightMessagesMax: 3 } })
    it.cluster.receive(acknowledge({ matchIndex: 1 }))
    it.sent()
    for (const word of ['a', 'b', 'c', 'd', 'e', 'f']) it.cluster.propose(1, word)
    expect(wordsOf(it.sent())).toEqual(['a', 'b', 'c'])
    it.cluster.receive(acknowledge({ matchIndex: 2 }))
    expect(wordsOf(it.sent())).toEqual(['d e f'])
  })

  test('bytes in flight are limited too, and return to 0', () => {
    const it = loneLeader({ voters: [1, 2], limits: { inflightBytesMax: 2 * entryOverheadBytes, messageBytesMax: 1 } })
    it.cluster.receive(acknowledge({ matchIndex: 1 }))
    it.sent()
    it.cluster.propose(1, 'a', 'b', 'c', 'd')
    expect(wordsOf(it.sent())).toEqual(['a', 'b'])
    it.cluster.receive(acknowledge({ matchIndex: 3 }))
    expect(wordsOf(it.sent())).toEqual(['c', 'd'])
    it.cluster.receive(acknowledge({ matchIndex: 5 }))
    expect(followerOf(it)).toMatchObject({ inflightMessages: 0, inflightBytes: 0, matchIndex: 5, nextIndex: 6 })
  })

  test('no message is larger than messageBytesMax, but for one entry that is', () => {
    const it = loneLeader({ voters: [1, 2], limits: { messageBytesMax: 2 * (entryOverheadBytes + 1) } })
    it.cluster.receive(acknowledge({ matchIndex: 1 }))
    it.sent()
    it.cluster.propose(1, 'a', 'b', 'c', 'x'.repeat(500), 'd')
    expect(wordsOf(it.sent())).toEqual(['a b', 'c', 'x'.repeat(500), 'd'])
  })

  test('a new leader sends one message to a follower until it knows where its log matches', () => {
    const it = loneLeader({ voters: [1, 2] })
    it.sent()
    it.cluster.propose(1, 'a')
    it.cluster.propose(1, 'b')
    expect(it.sent()).toEqual([])
    it.cluster.receive(acknowledge({ matchIndex: 1 }))
    expect(wordsOf(it.sent())).toEqual(['a b'])
  })

  test('a broken connection puts a follower back to one message at a time, from what it is known to hold', () => {
    const it = loneLeader({ voters: [1, 2] })
    it.cluster.receive(acknowledge({ matchIndex: 1 }))
    it.cluster.propose(1, 'a')
    it.cluster.input(1, { kind: 'unreachable', peer: 2 })
    it.sent()
    it.cluster.propose(1, 'b')
    expect(it.sent()).toEqual([])
    it.cluster.receive({ kind: 'HeartbeatReply', from: 2, to: 1, term: 1, round: 0 })
    expect(wordsOf(it.sent())).toEqual(['a b'])
    expect(followerOf(it)).toMatchObject({ state: 'probe' })
  })

  test('an acknowledgement that comes after the connection broke ends the search at once', () => {
    const it = loneLeader({ voters: [1, 2] })
    it.cluster.receive(acknowledge({ matchIndex: 1 }))
    it.cluster.propose(1, 'a', 'b')
    it.cluster.input(1, { kind: 'unreachable', peer: 2 })
    it.cluster.receive(acknowledge({ matchIndex: 3 }))
    expect(followerOf(it)).toMatchObject({ state: 'replicate', matchIndex: 3, nextIndex: 4 })
  })

  test('a process that has just started is sent what it lacks at once, one message at a time; one that lacks nothing, an empty one', () => {
    const it = loneLeader({ voters: [1, 2] })
    it.cluster.receive(acknowledge({ matchIndex: 1 }))
    it.cluster.propose(1, 'a')
    it.sent()
    it.cluster.input(1, { kind: 'unreachable', peer: 2 })
    it.cluster.propose(1, 'b')
    it.cluster.input(1, { kind: 'peerUp', peer: 2 })
    expect(wordsOf(it.sent())).toEqual(['a b'])
    it.cluster.propose(1, 'c')
    expect(it.sent()).toEqual([])
    it.cluster.receive(acknowledge({ matchIndex: 3 }))
    it.cluster.receive(acknowledge({ matchIndex: 4 }))
    it.sent()
    it.cluster.input(1, { kind: 'peerUp', peer: 2 })
    expect(wordsOf(it.sent())).toEqual([''])
    expect(followerOf(it)).toMatchObject({ state: 'probe', matchIndex: 4 })
  })

  test('nobody minds that a stranger is unreachable, or starts', () => {
    const it = loneLeader({ voters: [1, 2] })
    for (const kind of ['unreachable', 'peerUp'] as const) {
      it.cluster.input(1, { kind, peer: 9 })
      lone().cluster.input(1, { kind, peer: 2 })
    }
    expect(it.node.core.softState.role).toBe('leader')
  })
})

describe('what got lost is sent again', () => {
  /** Heartbeats that a follower answers, while everything else gets lost. */
  const heartbeats = (it: ReturnType<typeof lone>, count: number) => {
    const appended: string[] = []
    for (let i = 0; i < count; i++) {
      it.cluster.tick(1, 100)
      for (const message of it.sent()) {
        if (message.kind === 'Heartbeat')
          it.cluster.receive({ kind: 'HeartbeatReply', from: message.to, to: 1, term: 1, round: message.round })
      }
      appended.push(...wordsOf(it.sent()))
    }
    return appended
  }

  test('a probe, at each heartbeat that is answered', () => {
    const it = loneLeader({ voters: [1, 2] })
    it.sent()
    expect(heartbeats(it, 5).length).toBeGreaterThanOrEqual(4)
  })

  test('messages in flight, after three heartbeats without progress, however many answers to reads come in between', () => {
    const it = loneLeader({ voters: [1, 2] })
    it.cluster.receive(acknowledge({ matchIndex: 1 }))
    it.sent()
    it.cluster.propose(1, 'a')
    it.cluster.propose(1, 'b')
    it.sent()
    for (let id = 0; id < 50; id++) {
      it.cluster.read(1, id)
      for (const message of it.sent()) {
        if (message.kind === 'Heartbeat') it.cluster.receive({ kind: 'HeartbeatReply', from: 2, to: 1, term: 1, round: message.round })
      }
    }
    expect(heartbeats(it, 2)).toEqual([])
    expect(heartbeats(it, 3)[0]).toBe('a b')
  })

  test('nothing, while a follower makes progress or does not answer at all', () => {
    const it = loneLeader({ voters: [1, 2, 3] })
    for (const from of [2, 3]) it.cluster.receive(acknowledge({ from, matchIndex: 1 }))
    for (const word of ['a', 'b', 'c', 'd']) it.cluster.propose(1, word)
    it.sent()
    for (let matchIndex = 2; matchIndex <= 5; matchIndex++) {
      it.cluster.receive(acknowledge({ from: 3, matchIndex }))
      it.cluster.tick(1, 210)
      it.cluster.receive({ kind: 'HeartbeatReply', from: 3, to: 1, term: 1, round: 0 })
    }
    expect(appendsOf(it.sent())).toEqual([])
  })

  test('a follower of which everything was lost for long is complete a few heartbeats after the network is well (liveness)', () => {
    const cluster = new CoreCluster({
      conf: confOf({ voters: [1, 2, 3] }),
      limits: { messageBytesMax: 200, inflightMessagesMax: 2 },
    }).start()
    cluster.elect(1)
    cluster.run(200)
    cluster.isolate(3)
    for (let i = 0; i < 40; i++) {
      cluster.propose(1, `c${i}`)
      cluster.run(10)
    }
    cluster.heal()
    cluster.run(700)
    expect(cluster.leaders()).toEqual([1])
    expect(cluster.node(3).core.status).toMatchObject({ lastIndex: 41, commitIndex: 41, lastApplied: 41 })
  })
})

describe('a follower of which nothing is known is asked where its log matches, also when nothing is written', () => {
  const isEmpty = (message: Message) => message.kind === 'AppendEntries' && message.entries.length === 0

  test('one that was cut off, or started again, and missed nothing is known to hold everything a heartbeat later', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.crash(3)
    cluster.input(1, { kind: 'unreachable', peer: 3 })
    cluster.start(3)
    expect(statusOf(cluster, 1).followers[1]).toMatchObject({ id: 3, state: 'probe', matchIndex: 1 })
    cluster.run(220)
    expect(statusOf(cluster, 1).followers[1]).toMatchObject({ id: 3, state: 'replicate', matchIndex: 1, inflightMessages: 0 })
  })

  test('a new member whose configuration is compacted by then is told to fetch a snapshot, and promoted, without another write', () => {
    const cluster = led({ voters: [1, 2, 3] })
    change(cluster, [add(4, true)])
    cluster.run(200)
    cluster.snapshot(1, { compactIndex: statusOf(cluster, 1).lastIndex })
    cluster.join(4, statusOf(cluster, 1).conf.members)
    cluster.run(500)
    expect(statusOf(cluster, 1).followers[2]).toMatchObject({ id: 4, state: 'snapshot' })
    expect(cluster.node(4).snapshotWanted).toBe(statusOf(cluster, 1).lastIndex)
    cluster.fetchSnapshot({ source: 1, target: 4 })
    cluster.run(500)
    expect(statusOf(cluster, 1).conf).toMatchObject({ voters: [1, 2, 3, 4], joining: [] })
  })

  test('one that lacks what is compacted up to the last entry is told so, though there is no entry to send', () => {
    const cluster = led({ voters: [1, 2, 3] })
    cluster.isolate(3)
    cluster.propose(1, 'a', 'b')
    cluster.run(200)
    cluster.snapshot(1, { compactIndex: 3 })
    cluster.crash(3)
    cluster.start(3)
    cluster.heal()
    cluster.run(500)
    expect(cluster.node(3).snapshotWanted).toBe(3)
    cluster.fetchSnapshot({ source: 2, target: 3, minIndex: 3 })
    cluster.run(300)
    expect(statusOf(cluster, 1).followers[1]).toMatchObject({ id: 3, state: 'replicate', matchIndex: 3 })
  })

  test('one that answers heartbeats and nothing else is asked once a heartbeat, one that answers nothing not at all', () => {
    const it = loneLeader({ voters: [1, 2, 3] })
    for (const from of [2, 3]) it.cluster.receive(acknowledge({ from, matchIndex: 1 }))
    for (const peer of [2, 3]) it.cluster.input(1, { kind: 'unreachable', peer })
    it.sent()
    for (let i = 0; i < 6; i++) {
      it.cluster.tick(1, 100)
      it.cluster.receive({ kind: 'HeartbeatReply', from: 2, to: 1, term: 1, round: 0 })
      it.cluster.receive({ kind: 'HeartbeatReply', from: 2, to: 1, term: 1, round: 0 })
    }
    const asked = it.sent().filter(isEmpty)
    expect(asked.length).toBeGreaterThanOrEqual(5)
    expect(asked.length).toBeLessThanOrEqual(6)
    expect(asked).toContainEqual(expect.objectContaining({ to: 2, prev: { term: 1, index: 1 }, entries: [] }))
    expect(asked.filter(({ to }) => to === 3)).toEqual([])
  })

  test('one that is known is never asked: an idle cluster says nothing but heartbeats', () => {
    const sent: Message[] = []
    const cluster = led({ voters: [1, 2, 3], events: { sent: (message) => sent.push(message) } })
    sent.length = 0
    cluster.run(1_000)
    expect(new Set(sent.map(({ kind }) => kind))).toEqual(new Set(['Heartbeat', 'HeartbeatReply']))
  })
})

describe('entries that are not in memory', () => {
  const withHistory = () => loneLeader({ voters: [1, 2], terms: [1, 1, 1], limits: { messageBytesMax: 3 * (entryOverheadBytes + 4) } })
  const refuseAll = { kind: 'AppendEntriesReply', from: 2, to: 1, term: 2, ok: false, prevIndex: 3, hint: { term: 0, index: 0 } } as const

  test('are fetched, one fetch at a time, and sent after the entry before them', () => {
    const it = withHistory()
    it.node.holdsFetches = true
    it.sent()
    it.cluster.receive(refuseAll)
    it.cluster.receive({ kind: 'HeartbeatReply', from: 2, to: 1, term: 2, round: 0 })
    expect(it.node.fetches).toEqual([{ peer: 2, firstIndex: 1, lastIndex: 3, bytesMax: 3 * (entryOverheadBytes + 4) }])
    it.cluster.answerFetch(1)
    expect(appendsOf(it.sent())).toMatchObject([{ prev: { term: 0, index: 0 }, entries: [{ index: 1 }, { index: 2 }, { index: 3 }] }])
  })

  test('are not sent when the answer is to another question, or of another log', () => {
    const it = withHistory()
    it.node.holdsFetches = true
    it.cluster.receive(refuseAll)
    it.sent()
    const answer = (firstIndex: Index, terms: readonly number[]) =>
      it.cluster.input(1, {
        kind: 'fetched',
        peer: 2,
        firstIndex,
        entries: terms.map((term, i) => entryOf({ term, index: firstIndex + i })),
      })
    answer(2, [1, 1])
    it.cluster.input(1, { kind: 'fetched', peer: 9, firstIndex: 1, entries: [] })
    expect(it.sent()).toEqual([])
    answer(1, [1, 7])
    expect(appendsOf(it.sent())).toMatchObject([{ entries: [{ index: 1 }] }])
  })

  test('are asked for again after a heartbeat when the log gave none', () => {
    const it = withHistory()
    it.node.holdsFetches = true
    it.cluster.receive(refuseAll)
    it.node.fetches = []
    it.cluster.input(1, { kind: 'fetched', peer: 2, firstIndex: 1, entries: [] })
    expect(it.node.fetches).toEqual([])
    it.cluster.tick(1, 110)
    it.cluster.receive({ kind: 'HeartbeatReply', from: 2, to: 1, term: 2, round: 1 })
    expect(it.node.fetches).toMatchObject([{ firstIndex: 1 }])
  })

  test('are cut to a message when the log counts bytes in another way', () => {
    const it = loneLeader({ voters: [1, 2], terms: [1, 1, 1], limits: { messageBytesMax: 2 * (entryOverheadBytes + 4) } })
    it.sent()
    it.cluster.receive(refuseAll)
    expect(appendsOf(it.sent())[0]?.entries).toHaveLength(2)
  })

  test('of a former leader nobody wants any more', () => {
    const it = withHistory()
    it.node.holdsFetches = true
    it.cluster.receive(refuseAll)
    it.cluster.receive({ kind: 'Heartbeat', from: 2, to: 1, term: 9, commitIndex: 0, round: 1 })
    it.sent()
    it.cluster.answerFetch(1)
    expect(it.sent()).toEqual([])
  })
})

describe('memory', () => {
  const inMemory = (it: ReturnType<typeof lone>, index: Index) =>
    it.node.core.entriesInMemory({ firstIndex: index, lastIndex: index, bytesMax: 1 }) !== undefined

  test('holds what is not committed or not durable, whatever the limit, and of the rest as much as the limit allows', () => {
    const it = loneLeader({ voters: [1, 2], limits: { cacheBytesMax: 2 * (entryOverheadBytes + 1) } })
    it.cluster.receive(acknowledge({ matchIndex: 1 }))
    for (const word of ['a', 'b', 'c', 'd']) it.cluster.propose(1, word)
    expect([2, 3, 4, 5].map((index) => inMemory(it, index))).toEqual([true, true, true, true])
    it.cluster.receive(acknowledge({ matchIndex: 5 }))
    expect([2, 3, 4, 5].map((index) => inMemory(it, index))).toEqual([false, false, true, true])
  })

  test('is not asked beyond the end of the log', () => {
    const it = loneLeader({ voters: [1] })
    it.cluster.tick(1, 10)
    expect(() => it.node.core.entriesInMemory({ firstIndex: 1, lastIndex: 7, bytesMax: 1 })).toThrow('entries 1..7 are beyond 1')
  })
})

// What a node that starts does about what it may have forgotten: whom it asks, when it takes part, and what it makes of the answers.
import { describe, expect, test } from 'vitest'
import { type ConfState, type Fence, noConf, type NodeId, type PeerMessage, Raft, type RecallReply } from '../../src/core/index.ts'
import type { NodeEvent } from '../../src/node/options.ts'
import { Recall } from '../../src/node/recall.ts'
import { confOf } from '../core/core-cluster.ts'

const [heartbeatMs, electionTimeoutMs, nonce] = [100, 1_000, 77]
const nothing = { term: 0, index: 0 }

interface Start {
  readonly conf?: ConfState
  readonly lastIndex?: number
  readonly term?: number
  readonly votedFor?: NodeId
  readonly fence?: Fence
}

/** Node 1, whose log ends with entry 4 of term 1. */
function starting({ conf = confOf({ voters: [1, 2, 3] }), lastIndex = 4, term = 1, votedFor, fence }: Start = {}) {
  const terms = lastIndex === 0 ? [] : [{ term: 1, firstIndex: 1 }]
  const log = { hardState: { term, votedFor }, base: { id: nothing, conf }, lastIndex, terms, confs: [], fence }
  const state = conf === noConf ? {} : { lastApplied: 0 }
  const raft = new Raft({ id: 1, log, now: 0, seed: 1, nonce, ...state })
  const sent: PeerMessage[] = []
  const events: NodeEvent[] = []
  const again: PeerMessage[] = []
  const recall = new Recall({
    ...{ id: 1, incarnation: 1, nonce, electionTimeoutMs, heartbeatMs, raft },
    net: { send: (messages) => void sent.push(...messages) },
    again: (message) => void again.push(message),
    report: (event) => void events.push(event),
  })
  /** Those who are asked in a turn at `now`. */
  const askedAt = (now: number): readonly NodeId[] => {
    sent.length = 0
    recall.turn(now)
    return sent.flatMap((message) => (message.kind === 'Recall' ? message.to : []))
  }
  const answer = (from: NodeId, changes: Partial<RecallReply> = {}): void => {
    const reply = {
      match: nothing,
      matchTerm: 0,
      votedTerm: 0,
      held: { term: 1, index: 4 },
      isForgetful: false,
      voters: [1, 2, 3],
      isConfLasting: true,
      gone: [],
    }
    recall.receive({ kind: 'RecallReply', from, to: 1, term: 1, nonce, ...reply, ...changes })
  }
  return { raft, recall, sent, events, again, askedAt, answer }
}
const unknown: Fence = { floor: undefined }
const heartbeat = (id: NodeId, round = 1): PeerMessage => ({ kind: 'Heartbeat', from: id, to: 1, term: 1, round, commitIndex: 0 })
const vote = (id: NodeId): PeerMessage => ({ kind: 'RequestVote', from: id, to: 1, term: 2, last: nothing, transfer: false })

describe('a node that starts', () => {
  test('asks all others at once, and again those that do not answer, ever more seldom', () => {
    const { askedAt, answer } = starting()
    expect(askedAt(0)).toEqual([2, 3])
    expect(askedAt(heartbeatMs - 1)).toEqual([])
    answer(2)
    expect(askedAt(heartbeatMs)).toEqual([3])
    expect(askedAt(electionTimeoutMs + heartbeatMs - 1)).toEqual([])
    expect(askedAt(electionTimeoutMs + heartbeatMs)).toEqual([3])
  })

  test('takes part once all have answered', () => {
    const { recall, askedAt, answer } = starting()
    askedAt(0)
    answer(2)
    askedAt(1)
    expect(recall.isSettled).toBe(false)
    expect(recall.missing).toEqual([3])
    answer(3)
    askedAt(2)
    expect(recall.isSettled).toBe(true)
  })

  test('takes part without the one that is away, after an election timeout, but not before anybody has answered', () => {
    const { recall, askedAt, answer } = starting()
    askedAt(0)
    askedAt(20 * electionTimeoutMs)
    expect(recall.isSettled).toBe(false)
    answer(2)
    askedAt(20 * electionTimeoutMs + 1)
    expect(recall.isSettled).toBe(true)
    expect(recall.admits(heartbeat(2))).toBe(true)
    expect(recall.admits(heartbeat(3))).toBe(false)
  })

  test('which is alone, or new, takes part at once', () => {
    expect(starting({ conf: confOf({ voters: [1] }) }).recall.isSettled).toBe(true)
    expect(starting({ conf: noConf, lastIndex: 0, term: 0 }).recall.isSettled).toBe(true)
  })

  test('which is alone, for all it knows, asks whoever comes all the same: it may be an older copy', () => {
    const { raft, recall, askedAt, answer } = starting({ conf: confOf({ voters: [1] }) })
    expect(recall.admits(heartbeat(2))).toBe(false)
    expect(askedAt(0)).toEqual([2])
    answer(2, { match: { term: 2, index: 9 }, matchTerm: 2, term: 2 })
    expect(recall.admits(heartbeat(2))).toBe(true)
    expect(raft.fence).toEqual({ floor: { term: 2, index: 9 } })
  })

  test('asks the voters that others know, too, and gives them an election timeout from then on', () => {
    const { recall, askedAt, answer } = starting()
    askedAt(0)
    for (const id of [2, 3]) answer(id, { voters: [1, 4, 5] })
    expect(askedAt(2 * electionTimeoutMs)).toEqual([4, 5])
    expect(recall.isSettled).toBe(false)
    answer(5, { voters: [1, 4, 5] })
    askedAt(3 * electionTimeoutMs - 1)
    expect(recall.missing).toEqual([4])
    askedAt(3 * electionTimeoutMs)
    expect(recall.isSettled).toBe(true)
  })

  test('asks whoever has something to say to it first, were it no member that it knows', () => {
    const { recall, askedAt, answer } = starting()
    askedAt(0)
    for (const id of [2, 3]) answer(id)
    expect(recall.admits(heartbeat(4))).toBe(false)
    expect(askedAt(1)).toEqual([4])
    answer(4)
    expect(recall.admits(heartbeat(4))).toBe(true)
  })

  test('hears what a leader said last before it was heeded once it is, and nothing else that was said', () => {
    const { recall, again, askedAt, answer } = starting()
    askedAt(0)
    for (const message of [heartbeat(2), vote(2), heartbeat(2, 2), vote(3)]) recall.admits(message)
    answer(2)
    askedAt(1)
    expect(again).toEqual([])
    answer(3)
    askedAt(2)
    expect(again).toEqual([heartbeat(2, 2)])
    for (const id of [4, 5]) recall.admits(heartbeat(id))
    answer(5)
    expect(again).toEqual([heartbeat(2, 2), heartbeat(5)])
    expect(recall.admits(heartbeat(5))).toBe(true)
  })

  test('heeds no answer that was given to an earlier life', () => {
    const { recall, askedAt, answer } = starting()
    askedAt(0)
    for (const from of [2, 3]) answer(from, { nonce: nonce - 1 })
    askedAt(1)
    expect(recall.missing).toEqual([2, 3])
  })
})

describe('what another remembers better', () => {
  test('is an entry that the log does not hold: the node is fenced up to it', () => {
    const { raft, events, askedAt, answer } = starting()
    askedAt(0)
    answer(2, { match: { term: 1, index: 9 }, matchTerm: 1 })
    answer(3)
    askedAt(1)
    expect(raft.fence).toEqual({ floor: { term: 1, index: 9 } })
    expect(events).toMatchObject([{ kind: 'forgotten', by: 2, floor: { term: 1, index: 9 }, lastIndex: 4 }])
  })

  test('is a vote: it counts as given', () => {
    const { raft, askedAt, answer } = starting()
    askedAt(0)
    answer(2)
    answer(3, { term: 6, votedTerm: 6 })
    askedAt(1)
    expect(raft.status).toMatchObject({ term: 6, votedFor: 3 })
  })

  test('is a term, of whoever led it when it got an acknowledgement: nobody else gets a vote in it', () => {
    const { raft, askedAt, answer } = starting()
    askedAt(0)
    answer(2, { term: 7, match: { term: 1, index: 9 }, matchTerm: 7 })
    answer(3, { term: 7, votedTerm: 5 })
    askedAt(1)
    expect(raft.status).toMatchObject({ term: 7, votedFor: 2 })
  })

  test('gets to the disk at once: a later term alone would make the next life ignore what was acknowledged before', () => {
    const { raft, askedAt, answer } = starting()
    askedAt(0)
    answer(2, { term: 6, votedTerm: 6 })
    expect(raft.ready({ write: true })?.persist).toBeUndefined()
    answer(3, { term: 6, match: { term: 1, index: 9 }, matchTerm: 5 })
    askedAt(1)
    const persist = raft.ready({ write: true })?.persist
    expect(persist).toMatchObject({ hardState: { term: 6, votedFor: 2 }, fence: { floor: { term: 1, index: 9 } } })
  })

  test('is heeded late as well, and ends a candidacy', () => {
    const { raft, recall, askedAt, answer } = starting()
    askedAt(0)
    answer(3)
    askedAt(electionTimeoutMs)
    expect(recall.isSettled).toBe(true)
    raft.step({ kind: 'tick', now: 10_000 })
    expect(raft.softState.role).toBe('preCandidate')
    answer(2, { match: { term: 1, index: 9 }, matchTerm: 1 })
    expect(raft.fence).toEqual({ floor: { term: 1, index: 9 } })
    expect(raft.softState.role).toBe('follower')
  })

  test('is no entry that a later leader may have replaced, as this node knows, and no vote that it knows of', () => {
    const { raft, events, askedAt, answer } = starting({ term: 3, votedFor: 3 })
    askedAt(0)
    answer(2, { term: 3, match: { term: 1, index: 9 }, matchTerm: 2, votedTerm: 2 })
    answer(3, { term: 3, votedTerm: 3 })
    askedAt(1)
    expect(raft.fence).toBeUndefined()
    expect(events).toEqual([])
  })
})

describe('a node that nobody knows what it has lost', () => {
  test('waits for all, and for whom they know', () => {
    const { recall, askedAt, answer } = starting({ fence: unknown })
    askedAt(0)
    answer(2, { voters: [2, 3, 4] })
    answer(3)
    askedAt(10 * electionTimeoutMs)
    expect(recall.isSettled).toBe(false)
    expect(recall.missing).toEqual([4])
  })

  test('learns that all is here which it may have promised, or else what: the most that one of them holds, and a vote in the latest term', () => {
    const { raft, recall, events, askedAt, answer } = starting({ fence: unknown })
    askedAt(0)
    answer(2, { term: 5, held: { term: 3, index: 7 } })
    answer(3, { term: 4, held: { term: 2, index: 90 } })
    askedAt(1)
    expect(recall.isSettled).toBe(true)
    expect(raft.fence).toEqual({ floor: { term: 3, index: 7 } })
    expect(raft.status).toMatchObject({ term: 5, votedFor: 1 })
    expect(events).toEqual([{ kind: 'floorLearned', floor: { term: 3, index: 7 } }])
  })

  test('heeds what they say it has acknowledged: a leader may count it, and not have it on its own disk yet', () => {
    const { raft, askedAt, answer } = starting({ fence: unknown })
    askedAt(0)
    answer(2, { match: { term: 1, index: 9 }, matchTerm: 1, held: { term: 1, index: 8 } })
    answer(3, { held: { term: 1, index: 8 } })
    askedAt(1)
    expect(raft.fence).toEqual({ floor: { term: 1, index: 9 } })
  })

  test('waits for no other such where the rest agree on who votes, and both are no majority of it', () => {
    const voters = [1, 2, 3, 4, 5]
    const { recall, askedAt, answer } = starting({ fence: unknown, conf: confOf({ voters }) })
    askedAt(0)
    answer(2, { voters, isForgetful: true })
    for (const from of [3, 4]) answer(from, { voters })
    askedAt(1)
    expect(recall.missing).toEqual([2, 5])
    answer(5, { voters, isConfLasting: false })
    askedAt(2)
    expect(recall.missing).toEqual([2])
    answer(5, { voters })
    askedAt(3)
    expect(recall.isSettled).toBe(true)
  })

  test('waits for another such where both are a majority', () => {
    const { recall, askedAt, answer } = starting({ fence: unknown })
    askedAt(0)
    answer(2, { isForgetful: true })
    answer(3)
    askedAt(1)
    expect(recall.missing).toEqual([2])
  })

  test('waits until one that is as forgetful knows again, and asks it again', () => {
    const { recall, askedAt, answer } = starting({ fence: unknown })
    askedAt(0)
    answer(2)
    answer(3, { isForgetful: true })
    expect(askedAt(heartbeatMs)).toEqual([3])
    expect(recall.missing).toEqual([3])
    answer(3)
    askedAt(heartbeatMs + 1)
    expect(recall.isSettled).toBe(true)
  })

  test('waits for nobody that was removed since, once all the others know it: they are asked again until they do', () => {
    const { recall, sent, askedAt, answer } = starting({ fence: unknown, conf: confOf({ voters: [1, 2, 3, 4, 5] }) })
    askedAt(0)
    for (const from of [2, 5]) answer(from, { voters: [1, 2, 3, 4, 5] })
    expect(askedAt(electionTimeoutMs)).toEqual([3, 4, 2, 5])
    expect(sent[0]).toMatchObject({ awaited: [2, 3, 4, 5] })
    answer(5, { voters: [1, 2, 5], gone: [3, 4] })
    askedAt(electionTimeoutMs + 1)
    expect(recall.missing).toEqual([3, 4])
    answer(2, { voters: [1, 2, 5], gone: [3, 4] })
    askedAt(electionTimeoutMs + 2)
    expect(recall.isSettled).toBe(true)
  })

  test('waits for those that only some of the others know to be gone', () => {
    const { recall, askedAt, answer } = starting({ fence: unknown, conf: confOf({ voters: [1, 2, 3, 4] }) })
    askedAt(0)
    answer(2, { gone: [3, 4] })
    answer(3, { gone: [2] })
    askedAt(1)
    expect(recall.missing).toEqual([4])
  })

  test('does not take the word of one that is forgetful for it', () => {
    const { recall, askedAt, answer } = starting({ fence: unknown })
    askedAt(0)
    answer(2, { isForgetful: true, gone: [3] })
    askedAt(1)
    expect(recall.missing).toEqual([2, 3])
  })
})

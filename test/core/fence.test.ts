// A log that lacks what it has promised: what its node may still do, and how it gets it back.
import { describe, expect, test } from 'vitest'
import { Raft, type Fence, type Message, type NodeId } from '../../src/core/index.ts'
import { confOf, CoreCluster } from './core-cluster.ts'

const conf = confOf({ voters: [1, 2, 3] })

/** Server 1 with entries 1 and 2 of term 1, of the five that it had acknowledged. */
function damaged(fence: Fence) {
  const summary = { hardState: { term: 2, votedFor: undefined }, base: { id: { term: 0, index: 0 }, conf }, lastIndex: 2 }
  const log = { ...summary, terms: [{ term: 1, firstIndex: 1 }], confs: [], fence }
  const raft = new Raft({ id: 1, log, now: 0, seed: 1, nonce: 1, lastApplied: 0 })
  let now = 0
  const sent: Message[] = []
  const turn = () => {
    for (let ready = raft.ready({ write: true }); ready !== undefined; ready = raft.ready({ write: true })) {
      sent.push(...ready.send)
      if (ready.persist !== undefined) raft.step({ kind: 'persisted', seq: ready.persist.seq })
      sent.push(...ready.sendAfterPersist)
    }
  }
  const receive = (message: Message): readonly Message[] => {
    sent.length = 0
    raft.step({ kind: 'receive', message })
    turn()
    return [...sent]
  }
  const pass = (ms: number) => {
    for (const end = now + ms; now < end; ) {
      now += 50
      raft.step({ kind: 'tick', now })
      turn()
    }
  }
  const asks = (index: number, term = 1, from: NodeId = 2) =>
    receive({ kind: 'RequestVote', from, to: 1, term: raft.softState.term + 1, last: { term, index }, transfer: false })[0]
  return { raft, receive, pass, asks }
}
const lost: Fence = { floor: { term: 1, index: 5 } }

describe('a log that lost what it had acknowledged', () => {
  test('gives its vote to those only who have at least as much as it had: it counts as if all were there (§3.6.1)', () => {
    expect(damaged(lost).asks(4)).toMatchObject({ granted: false })
    expect(damaged(lost).asks(5)).toMatchObject({ granted: true })
    expect(damaged(lost).asks(3, 2)).toMatchObject({ granted: true })
  })

  test('commits nothing that a heartbeat says: its leader relies on entries in whose place others may stand', () => {
    const { raft, receive } = damaged({ floor: { term: 2, index: 2 } })
    receive({ kind: 'Heartbeat', from: 2, to: 1, term: 2, commitIndex: 2, round: 1 })
    expect(raft.status).toMatchObject({ leader: 2, commitIndex: 0 })
    const entry = { term: 2, index: 2, kind: 'noop' as const, data: new Uint8Array(0), conf: undefined }
    receive({ kind: 'AppendEntries', from: 2, to: 1, term: 2, prev: { term: 1, index: 1 }, entries: [entry], commitIndex: 2 })
    expect(raft.status).toMatchObject({ commitIndex: 2, lastTerm: 2 })
  })

  test('answers for what it lost as if it were there, until its disk has it again', () => {
    const { raft } = damaged(lost)
    expect(raft.recollect({ id: 2, incarnation: 1 }, [])).toMatchObject({ held: { term: 1, index: 5 }, isForgetful: false })
  })

  test('never campaigns, neither when it hears nobody nor when it is asked to', () => {
    const { raft, pass, receive } = damaged(lost)
    pass(20_000)
    expect(raft.softState).toMatchObject({ role: 'follower', term: 2 })
    receive({ kind: 'TimeoutNow', from: 2, to: 1, term: 2 })
    expect(raft.softState).toMatchObject({ role: 'follower', term: 2 })
  })

  test('acknowledges what it has, is whole again once it has what it had, and campaigns then', () => {
    const { raft, pass, receive } = damaged(lost)
    const append = (prev: number, count: number) => {
      const entries = Array.from({ length: count }, (_, i) => ({
        ...{ term: 1, index: prev + 1 + i, kind: 'command' as const, data: new Uint8Array(1), conf: undefined },
      }))
      return receive({ kind: 'AppendEntries', from: 2, to: 1, term: 2, prev: { term: 1, index: prev }, entries, commitIndex: 2 })[0]
    }
    expect(append(5, 1)).toMatchObject({ ok: false, hint: { term: 1, index: 2 } })
    expect(append(2, 2)).toMatchObject({ ok: true, matchIndex: 4 })
    expect(raft.status.fence).toEqual(lost)
    expect(append(4, 1)).toMatchObject({ ok: true, matchIndex: 5 })
    expect(raft.status.fence).toBeUndefined()
    pass(5_000)
    expect(raft.softState.role).toBe('preCandidate')
  })

  test('is whole again once a leader of a later term has written over what was lost', () => {
    const { raft, receive } = damaged(lost)
    const entry = { term: 2, index: 3, kind: 'noop' as const, data: new Uint8Array(0), conf: undefined }
    receive({ kind: 'AppendEntries', from: 2, to: 1, term: 2, prev: { term: 1, index: 2 }, entries: [entry], commitIndex: 0 })
    expect(raft.status.fence).toBeUndefined()
  })

  test('takes part in nothing when nobody knows what it had: it has perhaps voted for another leader since', () => {
    const { asks, raft, pass, receive } = damaged({ floor: undefined })
    expect(asks(1_000, 2)).toBeUndefined()
    expect(receive({ kind: 'AppendEntries', from: 2, to: 1, term: 2, prev: { term: 1, index: 2 }, entries: [], commitIndex: 2 })).toEqual(
      [],
    )
    pass(20_000)
    expect(raft.softState.role).toBe('follower')
  })
})

test('a leader gives a follower back what its disk has lost, and counts it for nothing meanwhile', () => {
  const cluster = new CoreCluster({ conf }).start()
  cluster.elect(1)
  cluster.propose(1, 'a', 'b', 'c')
  cluster.run(300)
  const last = cluster.node(1).core.status.lastIndex
  const follower = () => cluster.node(1).core.status.followers.find(({ id }) => id === 3)
  expect(follower()).toMatchObject({ matchIndex: last })
  cluster.crash(3, { keepWrite: true })
  cluster.plant(3, { terms: [1], hardState: { term: 1, votedFor: 1 } })
  cluster.start(3)
  cluster.input(1, { kind: 'unreachable', peer: 3 })
  cluster.run(2_000)
  expect(follower()).toMatchObject({ matchIndex: last, state: 'replicate' })
  expect(cluster.node(3).core.status.lastIndex).toBe(last)
})

describe('what the others remember', () => {
  const whole = () => damaged({ floor: { term: 1, index: 2 } })

  test('of entries that it had acknowledged fences a log that does not hold them, for good, and before anything else is promised', () => {
    const { raft, asks } = whole()
    expect(raft.status.fence).toBeUndefined()
    raft.step({ kind: 'recalled', hardState: undefined, floor: { term: 1, index: 5 } })
    expect(raft.ready({ write: true })?.persist).toMatchObject({ seq: 1, entries: [], fence: { floor: { term: 1, index: 5 } } })
    raft.step({ kind: 'persisted', seq: 1 })
    expect([asks(4)?.kind, raft.status.fence]).toEqual(['RequestVoteReply', lost])
    expect(asks(4)).toMatchObject({ granted: false })
    expect(asks(5)).toMatchObject({ granted: true })
  })

  test('of less than a log holds, or than it is fenced at, changes nothing', () => {
    const { raft } = whole()
    raft.step({ kind: 'recalled', hardState: undefined, floor: { term: 1, index: 2 } })
    expect([raft.status.fence, raft.ready({ write: true })]).toEqual([undefined, undefined])
    const fenced = damaged(lost).raft
    fenced.step({ kind: 'recalled', hardState: undefined, floor: { term: 1, index: 4 } })
    expect([fenced.status.fence, fenced.ready({ write: true })]).toEqual([lost, undefined])
  })

  test('of a vote is its vote again: it gives no other in that term (§3.4)', () => {
    const { raft, receive } = whole()
    raft.step({ kind: 'recalled', hardState: { term: 6, votedFor: 3 }, floor: undefined })
    const asked = (from: NodeId) => receive({ kind: 'RequestVote', from, to: 1, term: 6, last: { term: 1, index: 9 }, transfer: false })[0]
    expect(asked(2)).toMatchObject({ term: 6, granted: false })
    expect(asked(3)).toMatchObject({ term: 6, granted: true })
    expect(raft.status).toMatchObject({ term: 6, votedFor: 3 })
  })

  test('of an older term, or of what it knows itself, changes nothing', () => {
    const { raft } = whole()
    raft.step({ kind: 'recalled', hardState: { term: 1, votedFor: 3 }, floor: undefined })
    raft.step({ kind: 'recalled', hardState: { term: 2, votedFor: undefined }, floor: undefined })
    expect([raft.status.term, raft.ready({ write: true })]).toEqual([2, undefined])
  })

  test('of another vote than the one it knows of leaves it none in that term', () => {
    const { raft } = whole()
    raft.step({ kind: 'recalled', hardState: { term: 6, votedFor: 3 }, floor: undefined })
    raft.step({ kind: 'recalled', hardState: { term: 6, votedFor: 2 }, floor: undefined })
    expect(raft.status).toMatchObject({ term: 7, votedFor: undefined })
  })

  test('ends a candidacy: what it lacks it must not lead without', () => {
    const { raft, pass } = damaged({ floor: { term: 1, index: 2 } })
    pass(5_000)
    expect(raft.softState.role).toBe('preCandidate')
    raft.step({ kind: 'recalled', hardState: undefined, floor: { term: 1, index: 5 } })
    expect(raft.softState).toMatchObject({ role: 'follower', leader: undefined })
  })

  test('makes a floor that nobody knew a known one', () => {
    const { raft, asks } = damaged({ floor: undefined })
    raft.step({ kind: 'recalled', hardState: { term: 4, votedFor: 1 }, floor: { term: 1, index: 5 } })
    expect(raft.ready({ write: true })?.persist).toMatchObject({ hardState: { term: 4, votedFor: 1 }, fence: lost })
    raft.step({ kind: 'persisted', seq: 1 })
    expect(asks(4)).toMatchObject({ granted: false })
    expect(asks(5)).toMatchObject({ granted: true })
  })

  test('makes a log whole that holds all that anybody does', () => {
    const { raft } = damaged({ floor: undefined })
    raft.step({ kind: 'recalled', hardState: undefined, floor: { term: 1, index: 2 } })
    expect(raft.ready({ write: true })?.persist?.fence).toEqual({ floor: { term: 1, index: 2 } })
    expect(raft.status.fence).toBeUndefined()
  })
})

describe('entries that a log has held and lost', () => {
  const held = (first: number, count: number, term = 1) =>
    Array.from({ length: count }, (_, i) => ({
      term,
      index: first + i,
      kind: 'command' as const,
      data: new Uint8Array(1),
      conf: undefined,
    }))

  test('are appended where it ends, without an acknowledgement to anybody, and it is whole with the last of them', () => {
    const { raft } = damaged(lost)
    raft.step({ kind: 'repaired', entries: held(3, 2) })
    const ready = raft.ready({ write: true })
    expect(ready).toMatchObject({ send: [], sendAfterPersist: [], persist: { entries: [{ index: 3 }, { index: 4 }] } })
    expect(raft.status.fence).toEqual(lost)
    raft.step({ kind: 'persisted', seq: 1 })
    raft.step({ kind: 'repaired', entries: held(5, 1) })
    expect([raft.status.fence, raft.status.lastIndex]).toEqual([undefined, 5])
  })

  test('that do not follow it, or that come when it is whole, are ignored', () => {
    const { raft } = damaged(lost)
    raft.step({ kind: 'repaired', entries: held(4, 2) })
    raft.step({ kind: 'repaired', entries: [] })
    expect([raft.status.lastIndex, raft.ready({ write: true })]).toEqual([2, undefined])
    const { raft: healthy } = damaged({ floor: { term: 1, index: 2 } })
    healthy.step({ kind: 'repaired', entries: held(3, 1) })
    expect(healthy.status.lastIndex).toBe(2)
  })

  test('are ignored while somebody leads: he may have put others in their place', () => {
    const { raft, receive } = damaged(lost)
    receive({ kind: 'Heartbeat', from: 2, to: 1, term: 2, commitIndex: 0, round: 1 })
    raft.step({ kind: 'repaired', entries: held(3, 3) })
    expect(raft.status.lastIndex).toBe(2)
  })

  test('of a later term than it knows tell it of that term', () => {
    const { raft } = damaged({ floor: { term: 9, index: 3 } })
    raft.step({ kind: 'repaired', entries: held(3, 1, 9) })
    expect(raft.status).toMatchObject({ term: 9, lastIndex: 3, fence: undefined })
  })
})

describe('what a node remembers of others', () => {
  test('is what they acknowledged to it as their leader, and in which term they voted for it; told about each heartbeat', () => {
    const cluster = new CoreCluster({ conf }).start()
    cluster.elect(1)
    cluster.propose(1, 'a', 'b')
    cluster.run(300)
    const { core } = cluster.node(1)
    const last = core.status.lastIndex
    expect(core.recollect({ id: 2, incarnation: 1 }, [])).toMatchObject({
      match: { term: 1, index: last },
      matchTerm: 1,
      held: { term: 1, index: last },
    })
    const votes = [2, 3].map((id) => core.recollect({ id, incarnation: 1 }, []).votedTerm)
    expect(votes.some((votedTerm) => votedTerm === core.status.term)).toBe(true)
    expect(core.recollect({ id: 2, incarnation: 2 }, [])).toMatchObject({ match: { term: 0, index: 0 }, votedTerm: 0 })
    expect(cluster.node(2).core.recollect({ id: 1, incarnation: 1 }, [])).toMatchObject({ match: { term: 0, index: 0 }, votedTerm: 0 })
  })

  test('outlives it, as its log has kept it', () => {
    const witness = [{ id: 2, incarnation: 1, match: { term: 1, index: 4 }, matchTerm: 1, votedTerm: 1 }]
    const summary = {
      hardState: { term: 2, votedFor: undefined },
      base: { id: { term: 0, index: 0 }, conf },
      lastIndex: 0,
      terms: [],
      confs: [],
    }
    const raft = new Raft({ id: 1, log: { ...summary, witness }, now: 0, seed: 1, nonce: 1 })
    expect(raft.recollect({ id: 2, incarnation: 1 }, [])).toMatchObject({ match: { term: 1, index: 4 }, matchTerm: 1, votedTerm: 1 })
  })
})

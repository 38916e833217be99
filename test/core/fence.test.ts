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

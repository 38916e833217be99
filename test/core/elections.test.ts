import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvariantError, type Message, Raft, type RequestVote } from '../../src/core/index.ts'
import { confOf, CoreCluster, ModelDisk } from './core-cluster.ts'
import { lone, loneLeader } from './lone.ts'

const noLog = { term: 0, index: 0 }
const requestVote = (given: Partial<RequestVote>): RequestVote => ({
  kind: 'RequestVote',
  from: 2,
  to: 1,
  term: 1,
  last: noLog,
  transfer: false,
  ...given,
})
const kindsOf = (messages: readonly Message[]) => messages.map(({ kind, to }) => `${kind} to ${to}`)

describe('terms (§3.3)', () => {
  test('a server that learns of a newer term becomes a follower of that term', () => {
    const { cluster, node } = loneLeader()
    cluster.receive({ kind: 'AppendEntriesReply', from: 2, to: 1, term: 7, ok: false, prevIndex: 0, hint: noLog })
    expect(node.core.softState).toEqual({ role: 'follower', term: 7, leader: undefined })
    expect(node.disk.hardState).toEqual({ term: 7, votedFor: undefined })
  })

  test('a request with a stale term is refused, and its sender told the term', () => {
    const { cluster, sent } = lone({ terms: [1], hardState: { term: 5, votedFor: 3 } })
    cluster.receive({ kind: 'AppendEntries', from: 2, to: 1, term: 4, prev: noLog, entries: [], commitIndex: 0 })
    cluster.receive({ kind: 'Heartbeat', from: 2, to: 1, term: 4, commitIndex: 0, round: 3 })
    cluster.receive(requestVote({ term: 4, last: { term: 3, index: 9 } }))
    cluster.receive({ kind: 'PreVote', from: 2, to: 1, term: 4, last: { term: 3, index: 9 } })
    expect(sent()).toEqual([
      { kind: 'AppendEntriesReply', from: 1, to: 2, term: 5, ok: false, prevIndex: 0, hint: { term: 1, index: 1 } },
      { kind: 'HeartbeatReply', from: 1, to: 2, term: 5, round: 3 },
      { kind: 'RequestVoteReply', from: 1, to: 2, term: 5, granted: false },
      { kind: 'PreVoteReply', from: 1, to: 2, term: 5, granted: false },
    ])
  })

  test('answers of an older term are dropped without an answer', () => {
    const { cluster, sent, node } = lone({ hardState: { term: 5, votedFor: undefined } })
    cluster.receive({ kind: 'RequestVoteReply', from: 2, to: 1, term: 4, granted: true })
    cluster.receive({ kind: 'AppendEntriesReply', from: 2, to: 1, term: 4, ok: true, matchIndex: 0 })
    cluster.receive({ kind: 'HeartbeatReply', from: 2, to: 1, term: 4, round: 1 })
    expect(sent()).toEqual([])
    expect(node.core.softState.role).toBe('follower')
  })
})

describe('elections (§3.4)', () => {
  test('a follower that hears nothing for an election timeout asks for pre-votes, and its state is bit for bit as before (§9.6)', () => {
    const { cluster, node, sent } = lone({ terms: [1, 2] })
    const { term, votedFor, lastIndex } = node.core.status
    cluster.campaign(1)
    expect(kindsOf(sent())).toEqual(['PreVote to 2', 'PreVote to 3'])
    expect(node.core.status).toMatchObject({ role: 'preCandidate', term, votedFor, lastIndex })
    expect(node.disk.hardState).toEqual({ term: 2, votedFor: undefined })
  })

  test('a pre-vote changes nothing at all on the receiver, granted or not (§9.6)', () => {
    const { cluster, node, sent } = lone({ terms: [1, 2] })
    const before = JSON.stringify(node.core.status)
    cluster.receive({ kind: 'PreVote', from: 2, to: 1, term: 9, last: { term: 2, index: 2 } })
    cluster.receive({ kind: 'PreVote', from: 3, to: 1, term: 9, last: { term: 2, index: 1 } })
    expect(JSON.stringify(node.core.status)).toBe(before)
    expect(node.core.ready({ write: true })).toBeUndefined()
    expect(sent()).toEqual([
      { kind: 'PreVoteReply', from: 1, to: 2, term: 9, granted: true },
      { kind: 'PreVoteReply', from: 1, to: 3, term: 2, granted: false },
    ])
  })

  test('a pre-vote does not put off the election of the one who gives it', () => {
    const cluster = new CoreCluster({ conf: confOf({ voters: [1, 2, 3] }) }).start()
    const until = (id: number) => {
      let ms = 0
      for (; cluster.node(id).core.softState.role === 'follower'; ms += 10) {
        if (id === 1) cluster.receive({ kind: 'PreVote', from: 3, to: 1, term: 1, last: noLog })
        cluster.tick(id, 10)
      }
      return ms
    }
    expect(until(1)).toBeLessThanOrEqual(2_000)
  })

  test('a candidate asks for votes only once its own vote is durable (§3.8)', () => {
    const { cluster, node, sent } = lone()
    node.holdsWrites = true
    cluster.campaign(1)
    sent()
    cluster.receive({ kind: 'PreVoteReply', from: 2, to: 1, term: 1, granted: true })
    expect(node.core.softState).toMatchObject({ role: 'candidate', term: 1 })
    expect(sent()).toEqual([])
    cluster.finishWrite(1)
    expect(node.disk.hardState).toEqual({ term: 1, votedFor: 1 })
    expect(kindsOf(sent())).toEqual(['RequestVote to 2', 'RequestVote to 3'])
  })

  test('a vote is given only once it is durable, and at most one in a term, first come first served (§3.4, §3.8)', () => {
    const { cluster, node, sent } = lone()
    node.holdsWrites = true
    cluster.receive(requestVote({ from: 2 }))
    cluster.receive(requestVote({ from: 3 }))
    expect(sent()).toEqual([])
    cluster.finishWrite(1)
    expect(node.disk.hardState).toEqual({ term: 1, votedFor: 2 })
    expect(sent()).toEqual([
      { kind: 'RequestVoteReply', from: 1, to: 2, term: 1, granted: true },
      { kind: 'RequestVoteReply', from: 1, to: 3, term: 1, granted: false },
    ])
  })

  test('the same candidate gets the same answer again: its first may have been lost', () => {
    const { cluster, sent } = lone({ hardState: { term: 1, votedFor: 2 } })
    cluster.receive(requestVote({ from: 2 }))
    cluster.receive(requestVote({ from: 3 }))
    expect(sent().map((message) => ('granted' in message ? message.granted : undefined))).toEqual([true, false])
  })

  test('a server that restarts remembers whom it voted for', () => {
    const { cluster, sent } = lone()
    cluster.receive(requestVote({ from: 2 }))
    cluster.crash(1)
    cluster.start(1)
    sent()
    cluster.receive(requestVote({ from: 3 }))
    expect(sent()).toMatchObject([{ granted: false }])
  })

  test('a candidate that hears from the leader of its term follows it', () => {
    const { cluster, node } = lone()
    cluster.campaign(1)
    cluster.receive({ kind: 'PreVoteReply', from: 2, to: 1, term: 1, granted: true })
    cluster.receive({ kind: 'Heartbeat', from: 3, to: 1, term: 1, commitIndex: 0, round: 1 })
    expect(node.core.softState).toEqual({ role: 'follower', term: 1, leader: 3 })
  })

  test('two leaders in one term are a broken invariant, not a message to ignore', () => {
    const { cluster } = lone()
    cluster.receive({ kind: 'Heartbeat', from: 2, to: 1, term: 4, commitIndex: 0, round: 1 })
    expect(() => cluster.receive({ kind: 'Heartbeat', from: 3, to: 1, term: 4, commitIndex: 0, round: 1 })).toThrow(
      new InvariantError('two leaders in term 4: 2 and 3 (§3.4, election safety)'),
    )
  })

  test('votes of strangers and of learners do not count', () => {
    const { cluster, node } = lone({ conf: confOf({ voters: [1, 2, 3], learners: [4] }) })
    cluster.campaign(1)
    for (const from of [4, 9]) cluster.receive({ kind: 'PreVoteReply', from, to: 1, term: 1, granted: true })
    expect(node.core.softState.role).toBe('preCandidate')
  })

  test('a majority of refusals ends the attempt', () => {
    const { cluster, node } = lone({ terms: [1] })
    cluster.campaign(1)
    for (const from of [2, 3]) cluster.receive({ kind: 'PreVoteReply', from, to: 1, term: 1, granted: false })
    expect(node.core.softState).toEqual({ role: 'follower', term: 1, leader: undefined })
  })

  test('a pre-vote granted for another term than the next says nothing', () => {
    const { cluster, node } = lone({ terms: [1] })
    cluster.campaign(1)
    for (const term of [1, 3, 9]) cluster.receive({ kind: 'PreVoteReply', from: 2, to: 1, term, granted: true })
    expect(node.core.softState).toEqual({ role: 'preCandidate', term: 1, leader: undefined })
  })

  test('a cluster of one leads at its first tick, once its vote is durable, whatever learners it has', () => {
    const { cluster, node } = lone({ conf: confOf({ voters: [1], learners: [2] }), terms: [1, 1] })
    cluster.tick(1, 10)
    expect(node.core.softState).toEqual({ role: 'leader', term: 2, leader: 1 })
    expect(node.applied.map(({ index }) => index)).toEqual([1, 2, 3])
  })
})

describe('the election restriction (§3.6.1)', () => {
  const idArbitrary = fc.record({ term: fc.integer({ min: 1, max: 3 }), index: fc.integer({ min: 1, max: 3 }) })

  test('a vote goes only to a log that is at least as up to date: later last term, or the same and not shorter', () => {
    fc.assert(
      fc.property(idArbitrary, idArbitrary, (own, last) => {
        const { cluster, sent } = lone({ terms: Array.from({ length: own.index }, () => own.term) })
        cluster.receive(requestVote({ term: 9, last }))
        const granted = last.term !== own.term ? last.term > own.term : last.index >= own.index
        expect(sent()).toMatchObject([{ kind: 'RequestVoteReply', granted }])
      }),
    )
  })

  test('a short log of a newer term beats a long one of an older', () => {
    const { cluster, sent } = lone({ terms: [1, 1, 1, 1, 1, 1, 1, 1, 1] })
    cluster.receive({ kind: 'PreVote', from: 2, to: 1, term: 9, last: { term: 2, index: 1 } })
    expect(sent()).toMatchObject([{ kind: 'PreVoteReply', granted: true }])
  })
})

describe('disruptive servers (§4.2.3, §6.2, §9.6)', () => {
  test('a server that heard from a leader within an election timeout ignores requests for votes, unless the leader asked for them', () => {
    const { cluster, node, sent } = lone()
    cluster.receive({ kind: 'Heartbeat', from: 2, to: 1, term: 1, commitIndex: 0, round: 1 })
    cluster.tick(1, 900)
    sent()
    cluster.receive(requestVote({ from: 3, term: 2 }))
    cluster.receive({ kind: 'PreVote', from: 3, to: 1, term: 2, last: noLog })
    expect(sent()).toEqual([])
    expect(node.core.softState).toEqual({ role: 'follower', term: 1, leader: 2 })
    cluster.receive(requestVote({ from: 3, term: 2, transfer: true }))
    expect(sent()).toMatchObject([{ kind: 'RequestVoteReply', to: 3, term: 2, granted: true }])
  })

  test('a leader ignores them too, as long as its own check holds', () => {
    const { cluster, node, sent } = loneLeader()
    sent()
    cluster.receive(requestVote({ from: 3, term: 5 }))
    expect(sent()).toEqual([])
    expect(node.core.softState).toMatchObject({ role: 'leader', term: 1 })
  })

  test('a leader that hears from no quorum within an election timeout steps down (§6.2)', () => {
    const { cluster, node } = loneLeader({ voters: [1, 2, 3, 4, 5] })
    const hear = (from: number) => cluster.receive({ kind: 'HeartbeatReply', from, to: 1, term: 1, round: 0 })
    cluster.tick(1, 600)
    hear(2)
    hear(3)
    cluster.tick(1, 900)
    expect(node.core.softState.role).toBe('leader')
    hear(2)
    cluster.tick(1, 110)
    expect(node.core.softState).toEqual({ role: 'follower', term: 1, leader: undefined })
  })

  test('after a long pause a leader counts nothing twice: what its inbox held counts as heard, one heartbeat goes out', () => {
    const { cluster, node, sent } = loneLeader()
    cluster.tick(1, 10)
    sent()
    cluster.receive({ kind: 'HeartbeatReply', from: 2, to: 1, term: 1, round: 0 })
    cluster.tick(1, 60_000, { stepMs: 60_000 })
    expect(node.core.softState.role).toBe('leader')
    expect(kindsOf(sent())).toEqual(['Heartbeat to 2', 'Heartbeat to 3'])
  })

  test('after a long pause a follower that has just heard from its leader does not campaign', () => {
    const { cluster, node } = lone()
    cluster.receive({ kind: 'Heartbeat', from: 2, to: 1, term: 1, commitIndex: 0, round: 1 })
    cluster.tick(1, 60_000, { stepMs: 60_000 })
    expect(node.core.softState).toMatchObject({ role: 'follower', leader: 2 })
    cluster.tick(1, 60_000, { stepMs: 60_000 })
    expect(node.core.softState.role).toBe('preCandidate')
  })

  test('a cluster that is a hundred years old goes on as on its first day', () => {
    const cluster = new CoreCluster({ conf: confOf({ voters: [1, 2, 3] }) })
    for (const node of cluster.nodes.values()) node.now = 100 * 365.25 * 86_400_000
    cluster.start().run(3_000)
    expect(cluster.leaders()).toHaveLength(1)
    cluster.crash(cluster.leaders()[0] ?? 1)
    cluster.run(8_000)
    expect(cluster.leaders()).toHaveLength(1)
  })

  test('a clock that falls stands still', () => {
    const { cluster, node } = lone()
    cluster.tick(1, 900)
    cluster.input(1, { kind: 'tick', now: -5_000 })
    expect(node.core.softState.role).toBe('follower')
    cluster.tick(1, 1_200)
    expect(node.core.softState.role).toBe('preCandidate')
  })
})

describe('servers without a vote (§4.2.1)', () => {
  test('a learner, or a server of no configuration, never campaigns', () => {
    for (const conf of [confOf({ voters: [2, 3], learners: [1] }), confOf({ voters: [2, 3] })]) {
      const { cluster, node, sent } = lone({ conf })
      cluster.tick(1, 60_000)
      expect(node.core.softState.role).toBe('follower')
      expect(sent()).toEqual([])
    }
  })

  test('they vote when asked: the candidate may know a newer configuration', () => {
    const { cluster, sent } = lone({ conf: confOf({ voters: [2, 3], learners: [1] }) })
    cluster.receive({ kind: 'PreVote', from: 9, to: 1, term: 3, last: noLog })
    cluster.receive(requestVote({ from: 9, term: 3 }))
    expect(sent()).toMatchObject([
      { kind: 'PreVoteReply', granted: true },
      { kind: 'RequestVoteReply', granted: true },
    ])
  })

  test('who was removed is voted for by nobody who knows it, however good its log', () => {
    const { cluster, sent } = lone({ conf: confOf({ voters: [1, 2, 3], removed: [9] }) })
    cluster.receive({ kind: 'PreVote', from: 9, to: 1, term: 3, last: { term: 2, index: 9 } })
    cluster.receive(requestVote({ from: 9, term: 3, last: { term: 2, index: 9 } }))
    expect(sent()).toMatchObject([
      { kind: 'PreVoteReply', granted: false },
      { kind: 'RequestVoteReply', granted: false },
    ])
  })

  test('they forget a leader that fell silent', () => {
    const { cluster, node } = lone({ conf: confOf({ voters: [2, 3], learners: [1] }) })
    cluster.receive({ kind: 'Heartbeat', from: 2, to: 1, term: 3, commitIndex: 0, round: 1 })
    expect(node.core.softState.leader).toBe(2)
    cluster.tick(1, 2_100)
    expect(node.core.softState).toEqual({ role: 'follower', term: 3, leader: undefined })
  })
})

describe('election timeouts', () => {
  /** How long node `id` is silent before it campaigns. */
  const timeoutOf = ({ id, seed }: { readonly id: number; readonly seed: number }) => {
    const conf = confOf({ voters: [1, 2, 3, 4, 5] })
    const log = new ModelDisk({ id: noLog, conf }).summary
    const raft = new Raft({ id, log, now: 0, seed, nonce: 1 })
    for (let now = 0; ; now++) {
      raft.step({ kind: 'tick', now })
      if (raft.softState.role !== 'follower') return now
    }
  }

  test('are spread between one and two election timeouts, also for nodes that were given the same seed (§3.4)', () => {
    const timeouts = Array.from({ length: 60 }, (_, seed) => [1, 2, 3, 4, 5].map((id) => timeoutOf({ id, seed }))).flat()
    expect(Math.min(...timeouts)).toBeGreaterThanOrEqual(1_000)
    expect(Math.max(...timeouts)).toBeLessThanOrEqual(2_000)
    for (let bucket = 0; bucket < 10; bucket++) {
      const inside = timeouts.filter((ms) => Math.floor((ms - 1_000) / 100) === bucket).length
      expect(inside, `${1_000 + bucket * 100} ms and more`).toBeGreaterThan(300 / 20)
    }
    for (let seed = 0; seed < 60; seed++) expect(new Set([1, 2, 3, 4, 5].map((id) => timeoutOf({ id, seed }))).size).toBeGreaterThan(1)
  })

  test('are drawn anew at each attempt, so that a split vote is not repeated', () => {
    const { cluster, node, sent } = lone()
    const gaps: number[] = []
    let previous = 0
    while (gaps.length < 6) {
      cluster.tick(1, 10)
      if (sent().length === 0) continue
      gaps.push(node.now - previous)
      previous = node.now
    }
    expect(new Set(gaps).size).toBeGreaterThan(3)
  })

  test('a heartbeat of more than a third of the election timeout is refused', () => {
    const log = new ModelDisk({ id: noLog, conf: confOf({ voters: [1] }) }).summary
    const build = (heartbeatMs: number) => new Raft({ id: 1, log, now: 0, seed: 1, nonce: 1, timing: { heartbeatMs } })
    expect(() => build(334)).toThrow('heartbeatMs is 334, more than a third of electionTimeoutMs, which is 1000')
    expect(() => build(0)).toThrow('heartbeatMs is 0, not a positive whole number')
    expect(() => build(333)).not.toThrow()
  })

  test('three servers that start with the same seed elect a leader within a few election timeouts', () => {
    for (let seed = 0; seed < 20; seed++) {
      const conf = confOf({ voters: [1, 2, 3] })
      const log = new ModelDisk({ id: noLog, conf }).summary
      const cluster = new CoreCluster({ conf, seed }).start()
      for (const node of cluster.nodes.values()) node.raft = new Raft({ id: node.id, log, now: 0, seed, nonce: 1 })
      cluster.run(5_000)
      expect(cluster.leaders()).toHaveLength(1)
    }
  })
})

// The reference Raft: it refuses what the dissertation forbids, each with the rule and the values; and it finds nothing in runs of the whole thing.
import { expect, test } from 'vitest'
import type { AppendEntries, Entry, RequestVote } from '../../src/core/index.ts'
import { doQuorumsMeet } from '../../src/sim/reference/majorities.ts'
import { type ReferenceServer, restarted } from '../../src/sim/reference/reference-server.ts'
import {
  advanceCommit,
  becomeCandidate,
  becomeLeader,
  changeConf,
  clientRequest,
  compact,
  grantVote,
  handleAppend,
  installSnapshot,
  isRefused,
  type Ruling,
  updateTerm,
} from '../../src/sim/reference/rules.ts'
import { ruleOnLeaving, ruleOnSaying } from '../../src/sim/reference/sending.ts'
import { runSeed } from '../../src/sim/swarm.ts'
import { confOf, entriesOf, entryOf } from '../core/core-cluster.ts'

const conf = confOf({ voters: [1, 2, 3] })
const header = { from: 2, to: 1, term: 3 }

/** Server 1 of three, whose log has entries of these terms; all of it is on its disk. */
function server(terms: readonly number[], given: Partial<ReferenceServer> = {}): ReferenceServer {
  const term = given.term ?? terms.at(-1) ?? 0
  const hardState = { term, votedFor: given.votedFor }
  const start = restarted({ id: 1, hardState, base: { id: { term: 0, index: 0 }, conf }, entries: entriesOf(terms), commitIndex: 0 })
  return { ...start, ...given }
}

const leader = (terms: readonly number[], given: Partial<ReferenceServer> = {}): ReferenceServer => {
  const term = given.term ?? terms.at(-1) ?? 0
  return server(terms, { role: 'leader', votedFor: 1, ledTerm: term, ...given })
}

const because = (ruling: Ruling): string => (isRefused(ruling) ? `${ruling.rule}: ${ruling.because}` : 'allowed')

const request = (last: RequestVote['last'], given: Partial<RequestVote> = {}): RequestVote => ({
  ...header,
  kind: 'RequestVote',
  last,
  transfer: false,
  ...given,
})
const appending = (prev: AppendEntries['prev'], entries: readonly Entry[], commitIndex = 0): AppendEntries => ({
  ...header,
  kind: 'AppendEntries',
  prev,
  entries,
  commitIndex,
})

test('terms only rise (§3.3)', () => {
  expect(because(updateTerm(server([1], { term: 3 }), 3))).toBe('UpdateTerm (§3.3): term 3 is not later than 3')
})

test('a vote is given once a term, to a log that lacks nothing (§3.4, §3.6.1)', () => {
  expect(because(grantVote(server([1], { term: 3 }), request({ term: 1, index: 1 })))).toBe('allowed')
  expect(because(grantVote(server([1], { term: 3, votedFor: 3 }), request({ term: 1, index: 1 })))).toBe(
    'HandleRequestVote (§3.4, §3.6.1): a vote for 2 in term 3, in which 3 has it already',
  )
  expect(because(grantVote(server([1, 2], { term: 3 }), request({ term: 1, index: 9 })))).toBe(
    'HandleRequestVote (§3.4, §3.6.1): a vote for a log that ends with (term 1, index 9), its own ends with (term 2, index 2)',
  )
})

test('nobody campaigns without the pre-votes of a quorum, unless its leader has asked for it (§9.6, §3.10)', () => {
  const alone = server([1], { role: 'preCandidate', preVotes: new Set([1]) })
  expect(because(becomeCandidate(alone))).toBe(
    'PreVote (§9.6): a campaign in term 2 with the pre-votes of 1 only, and no leader that has asked for it',
  )
  expect(because(becomeCandidate({ ...alone, preVotes: new Set([1, 3]) }))).toBe('allowed')
  expect(because(becomeCandidate(server([1], { isAsked: true })))).toBe('allowed')
})

test('nobody leads without the votes of a quorum, its own on its disk (§3.4, §3.8)', () => {
  const candidate = server([1], { role: 'candidate', term: 2, votedFor: 1 })
  expect(because(becomeLeader(candidate))).toBe('BecomeLeader (§3.4): the leader of term 2 has the votes of 1 only')
  expect(because(becomeLeader({ ...candidate, votes: new Set([2]) }))).toBe('allowed')
  const forgetful = { ...candidate, votes: new Set([2, 3]), durable: { ...candidate.durable, hardState: { term: 1, votedFor: 2 } } }
  expect(because(becomeLeader(forgetful))).toBe('BecomeLeader (§3.4): the leader of term 2 has no vote of its own on its disk (§3.8)')
})

test('only a leader appends by itself, in its own term (§3.5)', () => {
  expect(because(clientRequest(server([1]), entryOf({ term: 1, index: 2 })))).toBe(
    'ClientRequest (§3.5): a follower of term 1 appends an entry of term 1',
  )
  expect(because(clientRequest(leader([1, 2]), entryOf({ term: 1, index: 3 })))).toBe(
    'ClientRequest (§3.5): a leader of term 2 appends an entry of term 1',
  )
})

test('an entry of an older term is never committed by counting (§3.6.2)', () => {
  const match = new Map([[2, 1]])
  expect(because(advanceCommit(leader([1, 2], { match }), 1))).toBe(
    'AdvanceCommitIndex (§3.5, §3.6.2): the leader of term 2 commits entry 1 of term 1 by counting',
  )
})

test('a leader commits what a quorum holds, itself only as far as its disk does (§3.5, §10.2.1)', () => {
  expect(because(advanceCommit(leader([1]), 1))).toBe(
    'AdvanceCommitIndex (§3.5, §3.6.2): the leader of term 1 commits entry 1, which only 1 of (1, 2, 3) hold',
  )
  const holds = leader([1], { match: new Map([[3, 1]]) })
  expect(because(advanceCommit(holds, 1))).toBe('allowed')
  const { hardState, log } = holds.durable
  expect(because(advanceCommit({ ...holds, durable: { hardState, log: { ...log, entries: [] } } }, 1))).toMatch(/which only 3 of/)
})

test('one change at a time, after a commit in the term of the leader (§4.1)', () => {
  const change = { ...entryOf({ term: 2, index: 3 }), kind: 'conf', conf: confOf({ voters: [1, 2], learners: [3] }) } as const
  const early = leader([1, 2], { commitIndex: 1 })
  expect(because(changeConf(early, change))).toBe(
    'ChangeConfiguration (§4.1, §4.3): a change in term 2 before a commit in it: committed is 1 of term 1 (erratum of 2015)',
  )
  const first = changeConf({ ...early, commitIndex: 2 }, change)
  expect(isRefused(first) ? first.because : because(changeConf(first.server, change))).toBe(
    'ChangeConfiguration (§4.1, §4.3): a change at 4 while the one at 3 is not committed (2 is)',
  )
})

test('the quorums of a configuration and of the next share a server (§4.1)', () => {
  expect(doQuorumsMeet(conf, confOf({ voters: [1, 2, 3, 4] }))).toBe(true)
  expect(doQuorumsMeet(conf, confOf({ voters: [1, 4, 5] }))).toBe(false)
  expect(doQuorumsMeet(conf, confOf({ voters: [1, 4, 5], votersOutgoing: [1, 2, 3] }))).toBe(true)
})

test('what follows an entry that matches replaces what conflicts, and nothing else (§3.5)', () => {
  const follower = server([1, 1, 1], { term: 3 })
  const lengthAfter = (message: AppendEntries): number | string => {
    const ruling = handleAppend(follower, message)
    return isRefused(ruling) ? ruling.because : ruling.server.log.entries.length
  }
  expect(lengthAfter(appending({ term: 1, index: 1 }, [entryOf({ term: 1, index: 2 })]))).toBe(3)
  expect(lengthAfter(appending({ term: 1, index: 1 }, [entryOf({ term: 3, index: 2 })]))).toBe(2)
  expect(lengthAfter(appending({ term: 2, index: 3 }, [entryOf({ term: 3, index: 4 })]))).toBe(3)
})

test('what is committed is never replaced (§3.6.3)', () => {
  const follower = server([1, 1, 1], { term: 3, commitIndex: 2 })
  expect(because(handleAppend(follower, appending({ term: 1, index: 1 }, [entryOf({ term: 3, index: 2 })])))).toBe(
    'HandleAppendEntries (§3.5): entry 2 of term 3 would replace a committed one',
  )
  expect(because(installSnapshot(follower, { id: { term: 2, index: 2 }, conf }))).toBe(
    'InstallSnapshot (§5.3): a snapshot of (term 2, index 2), where (term 1, index 2) is committed',
  )
})

test('only what is committed leaves the log (§5.1)', () => {
  expect(because(compact(server([1, 1], { commitIndex: 1 }), { term: 1, index: 2 }))).toBe(
    'Compact (§5.1): the log begins after 2, but only 1 is committed',
  )
})

test('an acknowledgement claims what was shown to match, and is on the disk (§3.5, §3.8)', () => {
  const reply = { kind: 'AppendEntriesReply', from: 1, to: 2, term: 3, ok: true, matchIndex: 2 } as const
  const follower = server([1, 1], { term: 3, provenIndex: 1 })
  expect(ruleOnSaying(follower, reply, undefined)?.because).toBe('acknowledges 2, but its leader has shown only that 1 matches')
  const { hardState, log } = follower.durable
  const behind = { ...follower, durable: { hardState, log: { ...log, entries: log.entries.slice(0, 1) } } }
  expect(ruleOnLeaving(behind, reply, 1)?.because).toBe('acknowledges 2, its disk ends at 1')
  expect(ruleOnLeaving(follower, reply, 1)).toBeUndefined()
})

test('a heartbeat says nothing of what its receiver is not known to hold (§3.5)', () => {
  const heartbeat = { kind: 'Heartbeat', from: 1, to: 2, term: 1, commitIndex: 2, round: 1 } as const
  const known = leader([1, 1], { commitIndex: 2, match: new Map([[2, 1]]) })
  expect(ruleOnSaying(known, heartbeat, undefined)?.because).toBe('tells 2 that 2 is committed; of what is, it is known to hold 1')
})

test('in whole runs, with every fault, it finds nothing that a core does wrong', () => {
  for (const seed of [1, 2, 3, 18, 22, 54]) expect(runSeed(seed, { simulation: { reference: true } }).committed).toBeGreaterThan(0)
}, 120_000)

test('nor where questions of one follower overtake one another', () => {
  for (const seed of [60_024, 60_599]) expect(runSeed(seed, { simulation: { reference: true } }).committed).toBeGreaterThan(0)
}, 60_000)

test('nor where somebody remembers a vote of a term that is over', () => {
  expect(runSeed(2_374, { simulation: { reference: true } }).committed).toBeGreaterThan(0)
}, 60_000)

test('a run with the reference is the same run', () => {
  const [without, with_] = [false, true].map((reference) => runSeed(5, { simulation: { reference } }).traceHash)
  expect(with_).toBe(without)
})

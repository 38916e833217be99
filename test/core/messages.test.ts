import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Message, InvariantError, type NodeId } from '../../src/core/index.ts'
import { entryOf } from './core-cluster.ts'
import { type Lone, lone, loneLeader } from './lone.ts'

const noLog = { term: 0, index: 0 }
const heartbeat = (given: { readonly from?: number; readonly to?: number; readonly term?: number; readonly round?: number }) =>
  ({ kind: 'Heartbeat', from: 2, to: 1, term: 3, commitIndex: 0, round: 1, ...given }) satisfies Message

/** What a message may not change if it is to be ignored: all that can be seen. */
function expectIgnored(it: Lone, message: Message): void {
  const before = JSON.stringify(it.node.core.status)
  it.sent()
  it.node.core.step({ kind: 'receive', message })
  expect(it.node.core.ready({ write: true })).toBeUndefined()
  expect(JSON.stringify(it.node.core.status)).toBe(before)
}

describe('a message is ignored', () => {
  test('when it is for another server, or from this one', () => {
    expectIgnored(lone(), heartbeat({ to: 2, from: 3 }))
    expectIgnored(lone(), heartbeat({ from: 1 }))
    for (const from of [0, -2, 1.5, 2 ** 48]) expectIgnored(lone(), heartbeat({ from }))
  })

  test('when its numbers are none, negative, or so large that no term would be left for elections', () => {
    for (const term of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 47]) expectIgnored(lone(), heartbeat({ term }))
    for (const round of [-1, Number.NaN]) expectIgnored(lone(), heartbeat({ round }))
  })

  test('when its entries are not contiguous, fall in terms, exceed the term of the leader, or lack what they say they are', () => {
    const append = { kind: 'AppendEntries', from: 2, to: 1, term: 3, prev: noLog, commitIndex: 0 } as const
    const entry = (term: number, index: number) => entryOf({ term, index })
    expectIgnored(lone(), { ...append, entries: [entry(1, 2)] })
    expectIgnored(lone(), { ...append, entries: [entry(1, 1), entry(1, 3)] })
    expectIgnored(lone(), { ...append, entries: [entry(2, 1), entry(1, 2)] })
    expectIgnored(lone(), { ...append, entries: [entry(4, 1)] })
    expectIgnored(lone(), { ...append, entries: [entry(0, 1)] })
    expectIgnored(lone(), { ...append, entries: [{ ...entry(1, 1), kind: 'conf' }] })
    expectIgnored(lone(), { ...append, prev: { term: 2, index: 0 }, entries: [] })
    expectIgnored(lone(), { ...append, prev: { term: 0, index: 2 }, entries: [] })
  })

  test('when it asks for a vote with a log that is newer than the vote', () => {
    expectIgnored(lone(), { kind: 'RequestVote', from: 2, to: 1, term: 3, last: { term: 3, index: 1 }, transfer: false })
    expectIgnored(lone(), { kind: 'PreVote', from: 2, to: 1, term: 3, last: { term: 4, index: 1 } })
  })

  test('when a stranger says that it leads a term which has a leader', () => {
    const it = lone()
    it.cluster.receive(heartbeat({ from: 2 }))
    expectIgnored(it, heartbeat({ from: 9 }))
    expectIgnored(loneLeader(), heartbeat({ from: 9, term: 1 }))
  })
})

test('a leader this server has not heard of is followed: its own configuration may be old (§4.1)', () => {
  const { cluster, node } = lone()
  cluster.receive(heartbeat({ from: 9 }))
  expect(node.core.softState).toEqual({ role: 'follower', term: 3, leader: 9 })
})

// Any message to any role: it is followed, refused or ignored, and never stops the node, but for what proves two leaders in a term.
const numberArbitrary = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 0, max: 6 }) },
  { weight: 1, arbitrary: fc.constantFrom(-1, 0.5, Number.NaN, 2 ** 47, 2 ** 53, Number.POSITIVE_INFINITY) },
)
const idArbitrary = fc.record({ term: numberArbitrary, index: numberArbitrary })
const entryArbitrary = fc.record({ term: numberArbitrary, index: numberArbitrary }).map(({ term, index }) => entryOf({ term, index }))
const header = { from: fc.integer({ min: 0, max: 5 }), to: fc.constantFrom<NodeId[]>(1, 1, 1, 1, 2), term: numberArbitrary }
const messageArbitrary: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ kind: fc.constant('PreVote' as const), ...header, last: idArbitrary }),
  fc.record({ kind: fc.constant('PreVoteReply' as const), ...header, granted: fc.boolean() }),
  fc.record({ kind: fc.constant('RequestVote' as const), ...header, last: idArbitrary, transfer: fc.boolean() }),
  fc.record({ kind: fc.constant('RequestVoteReply' as const), ...header, granted: fc.boolean() }),
  fc.record({
    kind: fc.constant('AppendEntries' as const),
    ...header,
    prev: idArbitrary,
    entries: fc.oneof(fc.array(entryArbitrary, { maxLength: 3 }), fc.constant([])),
    commitIndex: numberArbitrary,
  }),
  fc.record({ kind: fc.constant('AppendEntriesReply' as const), ...header, ok: fc.constant(true as const), matchIndex: numberArbitrary }),
  fc.record({
    kind: fc.constant('AppendEntriesReply' as const),
    ...header,
    ok: fc.constant(false as const),
    prevIndex: numberArbitrary,
    hint: idArbitrary,
  }),
  fc.record({ kind: fc.constant('Heartbeat' as const), ...header, commitIndex: numberArbitrary, round: numberArbitrary }),
  fc.record({ kind: fc.constant('HeartbeatReply' as const), ...header, round: numberArbitrary }),
)

const roles: Record<string, () => Lone> = {
  follower: () => lone({ terms: [1, 1, 2] }),
  preCandidate: () => {
    const it = lone({ terms: [1, 1, 2] })
    it.cluster.campaign(1)
    return it
  },
  candidate: () => {
    const it = lone({ terms: [1, 1, 2] })
    it.cluster.campaign(1)
    it.cluster.receive({ kind: 'PreVoteReply', from: 2, to: 1, term: 3, granted: true })
    return it
  },
  leader: () => loneLeader({ terms: [1, 1, 2] }),
}

for (const [role, start] of Object.entries(roles)) {
  test(`no message stops a ${role}, but what proves that a rule of Raft was broken`, () => {
    const said = new Set<string>()
    fc.assert(
      fc.property(fc.array(messageArbitrary, { maxLength: 12 }), (messages) => {
        const it = start()
        expect(it.node.core.softState.role).toBe(role)
        try {
          for (const message of messages) it.cluster.receive(message)
          it.cluster.tick(1, 2_500, { stepMs: 50 })
        } catch (error) {
          if (!(error instanceof InvariantError)) throw error
          said.add(error.message.replace(/\d+/g, 'n').replace(/ \(.*/, ''))
        }
      }),
      { numRuns: 1_000 },
    )
    expect([...said].filter((message) => message !== 'two leaders in term n: n and n')).toEqual([])
  })
}

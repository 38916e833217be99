import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isSoleVoter, type NodeId, quorumValue, replicasOf, voteResult, votersOf } from '../../src/core/index.ts'
import { confOf } from './core-cluster.ts'

const idsArbitrary = fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 7 })
const confArbitrary = fc
  .record({
    voters: idsArbitrary,
    votersOutgoing: fc.oneof(fc.constant([]), idsArbitrary),
    learners: fc.uniqueArray(fc.integer({ min: 8, max: 10 })),
  })
  .map(confOf)

/** By definition: more than half of each half. */
const isQuorum = (conf: ReturnType<typeof confOf>, ids: ReadonlySet<NodeId>): boolean =>
  [conf.voters, conf.votersOutgoing].every((voters) => voters.length === 0 || voters.filter((id) => ids.has(id)).length * 2 > voters.length)

test('the quorum value is the largest that a majority of each half of the configuration has reached (§3.6.2, §4.3)', () => {
  fc.assert(
    fc.property(confArbitrary, fc.array(fc.nat({ max: 5 }), { minLength: 11, maxLength: 11 }), (conf, values) => {
      const valueOf = (id: NodeId) => values[id] ?? 0
      const reached = (value: number) => isQuorum(conf, new Set(replicasOf(conf).filter((id) => valueOf(id) >= value)))
      const best = Math.max(...values.filter(reached))
      expect(quorumValue(conf, valueOf)).toBe(best)
    }),
  )
})

test('an election is won with a quorum of votes, lost when the votes still out cannot make one, and open otherwise (§3.4, §4.3)', () => {
  fc.assert(
    fc.property(confArbitrary, fc.array(fc.constantFrom(true, false, undefined), { minLength: 11, maxLength: 11 }), (conf, given) => {
      const votes = new Map<NodeId, boolean>()
      for (const [id, vote] of given.entries()) if (vote !== undefined) votes.set(id, vote)
      const yes = new Set([...votes].filter(([, vote]) => vote).map(([id]) => id))
      const possible = new Set(replicasOf(conf).filter((id) => votes.get(id) !== false))
      const expected = isQuorum(conf, yes) ? 'won' : isQuorum(conf, possible) ? 'pending' : 'lost'
      expect(voteResult(conf, votes)).toBe(expected)
    }),
  )
})

test('two quorums of one configuration always share a server (§3.4)', () => {
  fc.assert(
    fc.property(confArbitrary, fc.uniqueArray(fc.integer({ min: 1, max: 7 })), (conf, ids) => {
      const inside = new Set(ids)
      const outside = new Set(votersOf(conf).filter((id) => !inside.has(id)))
      expect(isQuorum(conf, inside) && isQuorum(conf, outside)).toBe(false)
    }),
  )
})

test('an empty configuration decides nothing', () => {
  const conf = confOf({ voters: [] })
  expect(quorumValue(conf, () => 7)).toBe(Number.NEGATIVE_INFINITY)
  expect(voteResult(conf, new Map([[1, true]]))).toBe('lost')
})

test('half of an even number of servers is no quorum', () => {
  const conf = confOf({ voters: [1, 2, 3, 4] })
  expect(quorumValue(conf, (id) => (id <= 2 ? 9 : 3))).toBe(3)
  expect(quorumValue(conf, (id) => (id <= 3 ? 9 : 3))).toBe(9)
})

test('only the one voter of a cluster is its sole voter, learners or not', () => {
  expect(isSoleVoter(confOf({ voters: [1], learners: [2] }), 1)).toBe(true)
  expect(isSoleVoter(confOf({ voters: [1], learners: [2] }), 2)).toBe(false)
  expect(isSoleVoter(confOf({ voters: [1], votersOutgoing: [1, 2] }), 1)).toBe(false)
})

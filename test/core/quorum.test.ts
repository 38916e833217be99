import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isSoleVoter, noConf, type NodeId, quorumValue, replicasOf, voteResult, votersOf } from '../../src/core/index.ts'
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

describe('every configuration of up to seven voters, joint ones too, against a second, naive count', () => {
  const ids = [1, 2, 3, 4, 5, 6, 7]
  const subsets = Array.from({ length: 1 << ids.length }, (_, mask) => ids.filter((_, i) => (mask >> i) & 1))
  const ones = (mask: number) => subsets[mask]?.length ?? 0
  /** By definition, on bits: more than half of each half. */
  const isMajority = (voters: number, mask: number) => voters === 0 || ones(voters & mask) * 2 > ones(voters)

  test('who has reached an index, and who has voted, decides the same (§3.6.2, §3.4, §4.3)', () => {
    const values = subsets.map((subset) => (id: NodeId) => (subset.includes(id) ? 1 : 0))
    const ballots = subsets.map((subset) => new Map(ids.map((id) => [id, subset.includes(id)])))
    const ayes = subsets.map((subset) => new Map(subset.map((id) => [id, true])))
    let wrong = 0
    for (let incoming = 1; incoming < subsets.length; incoming++) {
      for (let outgoing = 0; outgoing < subsets.length; outgoing++) {
        const conf = { ...noConf, voters: subsets[incoming] ?? [], votersOutgoing: subsets[outgoing] ?? [] }
        for (let mask = 0; mask < subsets.length; mask++) {
          const isQuorum = isMajority(incoming, mask) && isMajority(outgoing, mask)
          if ((quorumValue(conf, values[mask] ?? (() => 0)) === 1) !== isQuorum) wrong++
          if ((voteResult(conf, ballots[mask] ?? new Map()) === 'won') !== isQuorum) wrong++
          if ((voteResult(conf, ballots[mask] ?? new Map()) === 'lost') !== !isQuorum) wrong++
          if ((voteResult(conf, ayes[mask] ?? new Map()) === 'won') !== isQuorum) wrong++
        }
      }
    }
    expect(wrong).toBe(0)
  })

  test('a joint configuration shares a server in every quorum with both of its halves (§4.3)', () => {
    let apart = 0
    for (let incoming = 1; incoming < subsets.length; incoming += 3) {
      for (let outgoing = 1; outgoing < subsets.length; outgoing += 5) {
        for (let mask = 1; mask < subsets.length; mask++) {
          const joint = isMajority(incoming, mask) && isMajority(outgoing, mask)
          if (joint && (isMajority(incoming, ~mask & 127) || isMajority(outgoing, ~mask & 127))) apart++
        }
      }
    }
    expect(apart).toBe(0)
  })
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

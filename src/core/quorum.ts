// Arithmetic of majorities. A joint configuration needs both: that of `voters` and that of `votersOutgoing` (§4.3).
import type { ConfState, NodeId } from './types.ts'

export type VoteResult = 'won' | 'lost' | 'pending'

/** Whether `id` has a vote in `conf`; in a joint configuration, in either half. */
export function isVoter(conf: ConfState, id: NodeId): boolean {
  return conf.voters.includes(id) || conf.votersOutgoing.includes(id)
}

/** Everyone with a vote, each once. */
export function votersOf(conf: ConfState): readonly NodeId[] {
  if (conf.votersOutgoing.length === 0) return conf.voters
  return [...new Set([...conf.voters, ...conf.votersOutgoing])]
}

/** Everyone the leader replicates to, and itself, each once. */
export function replicasOf(conf: ConfState): readonly NodeId[] {
  return [...new Set([...conf.voters, ...conf.votersOutgoing, ...conf.learners])]
}

/** Whether the vote of `id` alone is a quorum. */
export function isSoleVoter(conf: ConfState, id: NodeId): boolean {
  return isVoter(conf, id) && votersOf(conf).length === 1
}

/** The largest value that a quorum has reached: of matched indexes, the commit index; of confirmed rounds, the confirmed one. */
export function quorumValue(conf: ConfState, valueOf: (id: NodeId) => number): number {
  const incoming = majorityValue(conf.voters, valueOf)
  if (conf.votersOutgoing.length === 0) return incoming
  return Math.min(incoming, majorityValue(conf.votersOutgoing, valueOf))
}

/** Whether `votes` (those that came in; yes or no) decide an election. Votes of others than the voters do not count. */
export function voteResult(conf: ConfState, votes: ReadonlyMap<NodeId, boolean>): VoteResult {
  const incoming = majorityResult(conf.voters, votes)
  if (conf.votersOutgoing.length === 0) return incoming
  const outgoing = majorityResult(conf.votersOutgoing, votes)
  if (incoming === 'lost' || outgoing === 'lost') return 'lost'
  return incoming === 'won' && outgoing === 'won' ? 'won' : 'pending'
}

/** Whether `ids` are a quorum. */
export const isQuorum = (conf: ConfState, ids: Iterable<NodeId>): boolean =>
  voteResult(conf, new Map(Array.from(ids, (id) => [id, true]))) === 'won'

/** Reused between calls: this runs for each acknowledgement. Nothing is kept in it. */
const sorted: number[] = []

/** An empty set of voters has reached nothing: nobody may decide alone by being forgotten. */
function majorityValue(voters: readonly NodeId[], valueOf: (id: NodeId) => number): number {
  if (voters.length === 0) return Number.NEGATIVE_INFINITY
  let count = 0
  for (const voter of voters) {
    const value = valueOf(voter)
    let at = count++
    for (; at > 0; at--) {
      const below = sorted[at - 1]
      if (below === undefined || below <= value) break
      sorted[at] = below
    }
    sorted[at] = value
  }
  // Ascending: a majority stands at this position or above it. For 3 voters position 1, for 4 position 1, for 5 position 2.
  return sorted[(voters.length - 1) >> 1] ?? Number.NEGATIVE_INFINITY
}

function majorityResult(voters: readonly NodeId[], votes: ReadonlyMap<NodeId, boolean>): VoteResult {
  let yes = 0
  let no = 0
  for (const voter of voters) {
    const vote = votes.get(voter)
    if (vote === true) yes++
    if (vote === false) no++
  }
  const majority = Math.floor(voters.length / 2) + 1
  if (yes >= majority) return 'won'
  return voters.length - no < majority ? 'lost' : 'pending'
}

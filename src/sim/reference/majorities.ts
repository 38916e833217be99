// What a quorum is, by definition: more than half of the voters, and in a joint configuration more than half of the outgoing ones, too (§4.3).
import type { ConfState, NodeId } from '../../core/types.ts'

export const isMajority = (voters: readonly NodeId[], ids: ReadonlySet<NodeId>): boolean =>
  2 * voters.filter((id) => ids.has(id)).length > voters.length

export const isQuorumOf = ({ voters, votersOutgoing }: ConfState, ids: ReadonlySet<NodeId>): boolean =>
  isMajority(voters, ids) && (votersOutgoing.length === 0 || isMajority(votersOutgoing, ids))

export const mayVoteIn = ({ voters, votersOutgoing }: ConfState, id: NodeId): boolean => voters.includes(id) || votersOutgoing.includes(id)

/** Whether each quorum of the one shares a server with each of the other: all sets of servers are tried. At most 12 of them: else it says yes. */
export function doQuorumsMeet(one: ConfState, other: ConfState): boolean {
  const ids = [...new Set([...one.voters, ...one.votersOutgoing, ...other.voters, ...other.votersOutgoing])]
  if (ids.length > 12) return true
  for (let mask = 0; mask < 1 << ids.length; mask++) {
    const inside = new Set(ids.filter((_, i) => (mask >> i) & 1))
    const outside = new Set(ids.filter((id) => !inside.has(id)))
    // Two that do not meet are a set and a part of its complement.
    if (isQuorumOf(one, inside) && isQuorumOf(other, outside)) return false
  }
  return true
}

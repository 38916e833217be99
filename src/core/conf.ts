import type { ConfState, Member } from './types.ts'

/** Before anything is known of a cluster: whoever has it takes no entries, votes for nobody, and waits for a snapshot. */
export const noConf: ConfState = { members: [], voters: [], votersOutgoing: [], learners: [], joining: [], removed: [], leaseMs: 0 }

/** The first configuration of a cluster, in which every member votes. */
export function confOfVoters(members: readonly Member[]): ConfState {
  const sorted = members.toSorted((a, b) => a.id - b.id)
  return { ...noConf, members: sorted, voters: sorted.map(({ id }) => id) }
}

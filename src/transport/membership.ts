// Who belongs to the cluster, as its log says on this node. Pure: a configuration goes in, whom to dial and whom to refuse comes out.
import type { ConfState, Member, NodeId } from '../core/types.ts'
import { afterRemoval } from '../errors.ts'
import type { PeerHello, PeerRefusal } from '../wire/handshake.ts'

export interface Membership {
  /** Of the newest configuration in the log, which is in force whether or not it is committed (§4.1). */
  readonly members: readonly Member[]
  /** The newest that is committed: only what it says of removals is final. */
  readonly committed: Pick<ConfState, 'members' | 'removed'>
}

/** Before anything is known to be committed. */
export const nothingCommitted: Membership['committed'] = { members: [], removed: [] }

/**
 * The others to talk to: those of the newest configuration, and those of the committed one, since a change that was appended may still be
 * undone, and a leader that is leaving needs the others' answers until they know that it has left (§4.2.2).
 */
export function peersOf({ members, committed }: Membership, self: NodeId): Map<NodeId, Member> {
  const peers = new Map<NodeId, Member>()
  for (const member of [...committed.members, ...members]) if (member.id !== self) peers.set(member.id, member)
  return peers
}

/**
 * Whether who is let in comes as a guest: this node does not know it, or only as the one that it was before. What it asks is answered, for it
 * may belong to a configuration that is newer than this node's log (§4.1); what it answers does not count here.
 */
export function isGuest({ incarnation }: Pick<Member, 'incarnation'>, member: Member | undefined): boolean {
  return member === undefined || incarnation > member.incarnation
}

type Named = Pick<PeerHello, 'clusterId' | 'from' | 'incarnation'>

/** What a node that is gone for good is told, so that it stops; nothing to others, members or not. */
export function checkRemoved({ clusterId, from, incarnation }: Named, { committed }: Membership): PeerRefusal | undefined {
  const removed = (message: string): PeerRefusal => ({ code: 'NODE_REMOVED', message })
  if (committed.removed.includes(from))
    return removed(`node ${from} was removed from cluster ${JSON.stringify(clusterId)}: ${afterRemoval.removed}`)
  const known = committed.members.find(({ id }) => id === from)
  if (known === undefined || incarnation >= known.incarnation) return undefined
  return removed(
    `node ${from} is known as incarnation ${known.incarnation} now; this is ${incarnation}: its directory was replaced by a later one; ${afterRemoval.replaced}`,
  )
}

// Why something was not done, in sentences.
import type { ConfState, NodeId, RefusalReason } from '../core/index.ts'
import type { AdminRefused, LeaderHint, Refused, StateDivergence } from '../wire/client-messages.ts'

export const overloaded = (limit: string): Refused => ({ code: 'OVERLOADED', message: `the server has reached its limit ${limit}` })

export const fateOpen: Refused = { code: 'RETRY', message: 'this node lost its leadership while the command was in its log' }

export const stateUnsure: Refused = { code: 'RETRY', message: 'the command was applied where the state differs from that of other nodes' }

/** For a moment: it may turn out to be right. */
export const stateInDoubt: Refused = {
  code: 'RETRY',
  message: 'the state of this node differs from that of another, and it is not known yet which is right',
}

export function notLeader(leader: LeaderHint | undefined): Refused {
  return { code: 'NOT_LEADER', message: leader === undefined ? 'no leader is known' : `node ${leader.id} at ${leader.client} leads` }
}

/** Where clients reach `leader`; `undefined` when it is none, or no member that is known here. */
export function hintOf(conf: ConfState, leader: NodeId | undefined): LeaderHint | undefined {
  const member = conf.members.find(({ id }) => id === leader)
  return member === undefined ? undefined : { id: member.id, client: member.client }
}

type AdminReason = AdminRefused['reason']

/** What the core has refused of a change or a transfer, or what keeps it from coming that far. */
export function adminRefused(
  why: Refused | { readonly reason: RefusalReason; readonly message: string | undefined; readonly leader: LeaderHint | undefined },
): AdminRefused {
  if ('code' in why) return { ...why, reason: undefined }
  switch (why.reason) {
    case 'notLeader':
    case 'leadershipLost':
      return { ...notLeader(why.leader), reason: undefined }
    case 'uncommittedBytesMax':
    case 'readsMax':
      return { ...overloaded(why.reason), reason: undefined }
    case 'transferring':
      return { code: 'CHANGE_REFUSED', message: why.message ?? 'leadership is being handed over', reason: 'transferPending' }
    default: {
      const reason: AdminReason = why.reason
      return { code: 'CHANGE_REFUSED', message: why.message ?? `the cluster refused it: ${reason}`, reason }
    }
  }
}

export const noState: Refused = {
  code: 'RETRY',
  message: 'this node has no state yet: it is waiting for a snapshot from another one',
}

/** A fenced node sends its clients elsewhere; where nobody is right, they are told. */
export function stateUnsound(id: NodeId, divergence: StateDivergence | undefined): Refused {
  const { standing, others = [], index } = divergence ?? {}
  const since = index === undefined ? '' : ` since entry ${index}`
  const nodes = `${others.length === 1 ? 'node' : 'nodes'} ${others.join(', ')}`
  if (standing === 'fenced')
    return { code: 'NOT_LEADER', message: `the state of node ${id} differs${since} from that of a majority, ${nodes}` }
  const what = `the state of node ${id} differs${since} from that of ${nodes}`
  return { code: 'STATE_DIVERGED', message: `${what}, and no majority has the same one, so that nobody answers` }
}

// Why something was not done, in sentences.
import type { ConfState, NodeId, RefusalReason } from '../core/index.ts'
import type { ErrorCode } from '../errors.ts'
import type { AdminRefused, Hello, LeaderHint, Refused } from '../wire/client-messages.ts'

export const overloaded = (limit: string): Refused => ({ code: 'OVERLOADED', message: `the server has reached its limit ${limit}` })

export const fateOpen: Refused = { code: 'RETRY', message: 'this node lost its leadership while the command was in its log' }

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

/** Why a client is not served here: it looks for another cluster, or for another machine. */
export function helloRefusal(
  { clusterId, machine, wire }: Hello,
  ours: { readonly clusterId: string; readonly machine: { readonly name: string; readonly wire: string } },
): { readonly code: ErrorCode; readonly message: string } | undefined {
  const { name, wire: ourWire } = ours.machine
  if (clusterId !== '' && clusterId !== ours.clusterId) {
    return { code: 'CLUSTER_MISMATCH', message: `this is cluster ${ours.clusterId}, not ${clusterId}` }
  }
  // A client of bytes may leave out which machine it expects.
  if (machine !== '' && machine !== name)
    return { code: 'MACHINE_MISMATCH', message: `this server runs the machine ${name}, not ${machine}` }
  if (wire === '' || wire === ourWire) return undefined
  return {
    code: 'MACHINE_MISMATCH',
    message: `this server runs wire format ${ourWire} of the machine ${name}, the client was generated for ${wire}`,
  }
}

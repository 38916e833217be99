// Messages in flight, as numbers: a multiset, ascending.
import type { Message } from '../../src/core/index.ts'
import type { Facts } from './local-states.ts'

export type Network = readonly number[]

export function without(network: Network, number: number): Network {
  const at = network.indexOf(number)
  return at === -1 ? network : [...network.slice(0, at), ...network.slice(at + 1)]
}

export const withAll = (network: Network, sent: Network): Network => [...network, ...sent].sort((a, b) => a - b)

/**
 * An answer to a role that is over for good, so that it changes nothing whenever it arrives: it may as well be lost now, which makes one state of many. A server
 * whose disk is in a term and that does not campaign in it never will, and the same with leading.
 */
export function isOver(message: Message, { role, durableTerm, term }: Facts): boolean {
  if (message.term > durableTerm) return false
  switch (message.kind) {
    case 'PreVoteReply':
      // One that grants is of the next term.
      return message.granted || message.term < durableTerm
    case 'RequestVoteReply':
      return term > message.term || role !== 'candidate'
    case 'AppendEntriesReply':
    case 'HeartbeatReply':
    case 'InstallSnapshotReply':
      // Whoever campaigns in this term may lead in it yet; nobody has answered that, but a duplicate may come.
      return term > message.term || (role !== 'leader' && role !== 'candidate')
    default:
      return false
  }
}

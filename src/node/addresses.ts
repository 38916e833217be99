import type { Member } from '../core/index.ts'
import { addressLengthMax, isAddress } from '../wire/address.ts'
import type { AdminRefused } from '../wire/client-messages.ts'

/** Why these addresses cannot be those of the member `id` beside `members`; `undefined` when they can. */
export function addressProblem(members: readonly Member[], { id, peer, client }: Omit<Member, 'incarnation'>): AdminRefused | undefined {
  for (const address of [peer, client]) {
    if (isAddress(address)) continue
    return invalid(`${JSON.stringify(address.slice(0, addressLengthMax))} is no address of the form host:port`)
  }
  if (peer === client) return invalid(`node ${id} gives ${peer} as its address for peers and for clients: these are two`)
  for (const member of members) {
    if (member.id === id) continue
    const taken = [peer, client].find((address) => address === member.peer || address === member.client)
    if (taken === undefined) continue
    return {
      code: 'CHANGE_REFUSED',
      reason: 'duplicateId',
      message: `the address ${taken} belongs to node ${member.id}, it cannot be that of node ${id}`,
    }
  }
  return undefined
}

const invalid = (message: string): AdminRefused => ({ code: 'INVALID_INPUT', reason: undefined, message })

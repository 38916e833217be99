import type { Member } from '../core/index.ts'
import type { AdminRefused } from '../wire/client-messages.ts'

/** `host:port`, where an IPv6 host stands in brackets. */
const form = /^(?:\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):(\d{1,5})$/

/** Why these addresses cannot be those of the member `id` beside `members`; `undefined` when they can. */
export function addressProblem(members: readonly Member[], { id, peer, client }: Omit<Member, 'incarnation'>): AdminRefused | undefined {
  for (const address of [peer, client]) {
    const port = Number(form.exec(address)?.[1] ?? 0)
    if (port < 1 || port > 65_535) return invalid(`"${address}" is no address of the form host:port`)
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

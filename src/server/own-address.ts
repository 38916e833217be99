// Where a node listens, and where its cluster believes that it does.
import type { Member } from '../core/index.ts'
import { readAddress } from '../wire/address.ts'
import type { Advertised } from './options.ts'

/**
 * A sentence when others look for the node `member` where it is not, as far as the addresses themselves tell; nothing where they may well mean the
 * same: names are not looked up, and who listens everywhere may be reached through anything.
 */
export function addressProblem({ id, peer, client }: Member, listens: Advertised): string | undefined {
  const known = { peer, client }
  for (const port of ['peer', 'client'] as const) {
    if (!isElsewhere(listens[port], known[port])) continue
    return (
      `node ${id} listens on ${listens[port]}, its cluster knows ${known[port]}: ` +
      `run \`raftgen cluster update ${id}=${listens.peer},${listens.client}\`, unless something passes on what arrives there`
    )
  }
  return undefined
}

const wildcard = /^[0:.]+$/
const ipv4 = /^\d+\.\d+\.\d+\.\d+$/

function isElsewhere(listens: string, known: string): boolean {
  const [here, there] = [readAddress(listens), readAddress(known)]
  if (here === undefined || there === undefined || wildcard.test(here.host)) return false
  return here.port !== there.port || (here.host !== there.host && ipv4.test(here.host) && ipv4.test(there.host))
}

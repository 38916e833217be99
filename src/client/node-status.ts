import type { MachineIdentity } from '../session/api.ts'
import type { NodeStatus } from '../wire/client-messages.ts'
import { askStatus } from '../transport/ask-status.ts'
import type { Dial } from './dial.ts'
import { checkAddress, checkTimeoutMs } from './options.ts'

export interface NodeStatusOptions {
  /** `host:port` where the node takes clients. */
  readonly address: string
  /** Milliseconds, 1 to 3,600,000. Default 5,000. */
  readonly timeoutMs?: number
  /** Also compute a digest of the replicated state: reads all of it. Default false. */
  readonly digest?: boolean
  /** Default: whatever machine the node runs. */
  readonly machine?: MachineIdentity
  /** Another way to reach the node than TCP. */
  readonly dial?: Dial
}

/**
 * Asks one node how it is, over a connection of its own. The node answers from its own view, whether it leads or not. Throws UNAVAILABLE when
 * it does not answer in time, BAD_OPTIONS, and what the node gives as reason when it will not talk.
 */
export async function nodeStatus(options: NodeStatusOptions): Promise<NodeStatus> {
  const { address, timeoutMs = 5_000, digest = false, machine = { name: '', version: 0, wire: '' }, dial } = options
  checkAddress(address, 'address')
  checkTimeoutMs(timeoutMs)
  const hello = { kind: 'Hello', clusterId: '', machine: machine.name, version: machine.version, wire: machine.wire } as const
  return await askStatus({ address, hello, digest, timeoutMs, dial })
}

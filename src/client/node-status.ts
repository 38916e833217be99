import { RaftgenError } from '../errors.ts'
import type { MachineIdentity } from '../session/api.ts'
import type { NodeStatus, ServerMessage } from '../wire/client-messages.ts'
import { dialClient } from '../transport/dial-client.ts'
import type { ClientConnection, Dial } from './dial.ts'
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
  const { address, timeoutMs = 5_000, digest = false, machine = { name: '', version: 0, wire: '' }, dial = dialClient } = options
  checkAddress(address, 'address')
  checkTimeoutMs(timeoutMs)
  let connection: ClientConnection | undefined
  let timer: NodeJS.Timeout | undefined
  try {
    return await new Promise<NodeStatus>((resolve, reject) => {
      timer = setTimeout(() => reject(unavailable(address, `it did not answer within ${timeoutMs} ms`)), timeoutMs)
      connection = dial({
        address,
        hello: { kind: 'Hello', clusterId: '', machine: machine.name, version: machine.version, wire: machine.wire },
        connectTimeoutMs: timeoutMs,
        events: {
          message(message: ServerMessage) {
            if (message.kind === 'Welcome') connection?.send([{ kind: 'StatusRequest', requestId: 1, digest }])
            if (message.kind === 'StatusReply') resolve(message.status)
            if (message.kind === 'Goodbye') reject(new RaftgenError(message.code, `${address}: ${message.message}`))
          },
          closed: (error) =>
            reject(error instanceof RaftgenError ? error : unavailable(address, error?.message ?? 'it closed the connection')),
        },
      })
    })
  } finally {
    clearTimeout(timer)
    connection?.close()
  }
}

const unavailable = (address: string, why: string): RaftgenError =>
  new RaftgenError('UNAVAILABLE', `no status of the node at ${address}: ${why}`, { outcome: 'none' })

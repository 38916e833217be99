import type { Ms } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import type { Hello, NodeStatus, ServerMessage } from '../wire/client-messages.ts'
import { dialClient } from './dial-client.ts'
import type { LeaderDial } from './leader-visit.ts'

export interface AskStatusOptions {
  /** `host:port` where the node takes clients. */
  readonly address: string
  readonly hello: Hello
  readonly digest?: boolean
  readonly timeoutMs: Ms
  readonly signal?: AbortSignal | undefined
  /** Default: TCP. */
  readonly dial?: LeaderDial | undefined
}

/**
 * Asks one node how it is, over a connection of its own. Throws UNAVAILABLE when it does not answer in time, ABORTED, and what the node gives as
 * reason when it will not talk.
 */
export async function askStatus({
  address,
  hello,
  digest = false,
  timeoutMs,
  signal,
  dial = dialClient,
}: AskStatusOptions): Promise<NodeStatus> {
  let connection: ReturnType<LeaderDial> | undefined
  let timer: NodeJS.Timeout | undefined
  let onAbort: () => void = () => {}
  try {
    return await new Promise<NodeStatus>((resolve, reject) => {
      onAbort = () => reject(new RaftgenError('ABORTED', `no status of the node at ${address}: the caller gave it up`, { outcome: 'none' }))
      if (signal?.aborted === true) return onAbort()
      signal?.addEventListener('abort', onAbort, { once: true })
      timer = setTimeout(() => reject(unavailable(address, `it did not answer within ${timeoutMs} ms`)), timeoutMs)
      connection = dial({
        address,
        hello,
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
    signal?.removeEventListener('abort', onAbort)
    connection?.close()
  }
}

const unavailable = (address: string, why: string): RaftgenError =>
  new RaftgenError('UNAVAILABLE', `no status of the node at ${address}: ${why}`, { outcome: 'none' })

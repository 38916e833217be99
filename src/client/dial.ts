import type { ClientMessage, Hello, ServerMessage } from '../wire/client-messages.ts'

/** One connection to one server. Made at once, connected in the background. */
export interface ClientConnection {
  /** In order, in one write. */
  send(messages: readonly ClientMessage[]): void
  /** Sent, and still in this process. */
  readonly bufferedBytes: number
  /** What was sent still leaves. Nothing is delivered any more but `closed`. */
  close(): void
}

export interface DialOptions {
  /** `host:port`. */
  readonly address: string
  /** Leaves first, by itself. */
  readonly hello: Hello
  /** From the dial to the end of the handshake. */
  readonly connectTimeoutMs: number
  readonly events: DialEvents
}

/** Never called before `dial` has returned. */
export interface DialEvents {
  /** Everything in `message` may be kept. */
  message(message: ServerMessage): void
  /** Once, and the last call. A RaftgenError where a code of ours says it best. */
  closed(error: Error | undefined): void
}

/** How a client reaches a server. */
export type Dial = (options: DialOptions) => ClientConnection

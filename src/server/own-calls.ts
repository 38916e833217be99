// The server as a client of its own node: what its host asks takes the way of everyone, and is judged as everyone's is.
import type { RaftgenError } from '../errors.ts'
import { refusalError } from '../transport/index.ts'
import type { AdminOperation, AdminReply, ClientMessage, ServerMessage } from '../wire/client-messages.ts'

/** Those of real clients begin at 1. */
export const ownConnection = 0

interface Waiting {
  readonly resolve: (reply: AdminReply) => void
  readonly reject: (error: Error) => void
}

export class OwnCalls {
  readonly #send: (message: ClientMessage) => void
  readonly #waiting = new Map<number, Waiting>()
  #requestId = 0

  constructor(send: (message: ClientMessage) => void) {
    this.#send = send
  }

  /** Resolves once it is settled. Throws why it was refused, or what `fail` was told. */
  async ask(operation: AdminOperation): Promise<void> {
    const requestId = ++this.#requestId
    const { refused } = await new Promise<AdminReply>((resolve, reject) => {
      this.#waiting.set(requestId, { resolve, reject })
      this.#send({ kind: 'AdminRequest', requestId, operation })
    })
    if (refused !== undefined) throw refusalError(refused)
  }

  receive(messages: readonly ServerMessage[]): void {
    for (const message of messages) {
      if (message.kind !== 'AdminReply') continue
      this.#waiting.get(message.requestId)?.resolve(message)
      this.#waiting.delete(message.requestId)
    }
  }

  /** The node has stopped: nobody answers any more. */
  fail(error: RaftgenError): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}

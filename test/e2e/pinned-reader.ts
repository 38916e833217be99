import { type ClientLink, dialClient } from '../../src/transport/index.ts'
import type { QueryReplyItem, ServerMessage } from '../../src/wire/client-messages.ts'
import { packValue, unpackValue } from '../../src/wire/value.ts'

/** The query `value` of the counter: schema version, tag, input. */
const query = packValue([1, 1, []])

/**
 * Reads the counter from one node only, whatever becomes of it, over a connection of its own: a client would turn to another node. What it
 * asks while the node is stopped waits in the sockets, and is what the node finds first when it goes on.
 */
export class PinnedReader {
  /** Answers that are older than what was acknowledged before they were asked for. */
  readonly stale: string[] = []
  answered = 0
  refused = 0
  readonly #link: ClientLink
  /** By request id: what was acknowledged before it was sent. */
  readonly #asked = new Map<number, number>()
  #requestId = 0
  #welcomed = false
  #closed = false

  constructor(address: string) {
    const hello = { kind: 'Hello', clusterId: '', machine: 'counter', version: 1, wire: '' } as const
    const events = {
      message: (message: ServerMessage) => this.#onMessage(message),
      closed: () => {
        this.#closed = true
      },
    }
    this.#link = dialClient({ address, hello, events })
  }

  get isConnected(): boolean {
    return this.#welcomed && !this.#closed
  }

  /** Questions that were neither answered nor refused. */
  get open(): number {
    return this.#asked.size
  }

  ask(acknowledged: number): void {
    this.#requestId += 1
    this.#asked.set(this.#requestId, acknowledged)
    this.#link.send([{ kind: 'Queries', items: [{ requestId: this.#requestId, consistency: 'linearizable', atLeast: 0, query }] }])
  }

  close(): void {
    this.#link.close()
  }

  #onMessage(message: ServerMessage): void {
    if (message.kind === 'Welcome') this.#welcomed = true
    if (message.kind === 'QueryReplies') for (const item of message.items) this.#onReply(item)
  }

  #onReply({ requestId, reply, refused }: QueryReplyItem): void {
    const acknowledged = this.#asked.get(requestId) ?? 0
    this.#asked.delete(requestId)
    if (refused !== undefined) {
      this.refused += 1
      return
    }
    this.answered += 1
    const [, value] = [unpackValue(reply)].flat()
    if (typeof value !== 'number' || value < acknowledged) this.stale.push(`read ${String(value)} after ${acknowledged} was acknowledged`)
  }
}

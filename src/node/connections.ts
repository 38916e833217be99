// The clients of one node: what each is still to be told in this turn. Replies of a turn leave together.
import type { QueryReplyItem, Refused, ReplyItem, ServerMessage } from '../wire/client-messages.ts'
import type { ClientPort, ConnectionId } from './options.ts'

const noReply = new Uint8Array(0)
/** A client has one session; whoever claims more on one connection loses the order of the oldest. */
const refusedSessionsMax = 64

export class Connection {
  readonly id: ConnectionId
  /** Of the schema that its client was made for; 0: a client of bytes, or of a machine without versions. */
  readonly version: number
  /**
   * By session, the lowest seq refused for want of room or of leadership. What comes after it on this connection is refused as well until
   * it comes again or is given up: else a later command would overtake it.
   */
  readonly #refusedFrom = new Map<number, number>()
  #messages: ServerMessage[] = []
  #session = 0
  #replies: ReplyItem[] = []
  #queryReplies: QueryReplyItem[] = []

  constructor(id: ConnectionId, version: number) {
    this.id = id
    this.version = version
  }

  get idle(): boolean {
    return this.#messages.length === 0 && this.#replies.length === 0 && this.#queryReplies.length === 0
  }

  refusedFrom(session: number): number | undefined {
    return this.#refusedFrom.get(session)
  }

  refuseFrom(session: number, seq: number): void {
    const from = this.#refusedFrom.get(session)
    if (from === undefined || seq < from) this.#refusedFrom.set(session, seq)
    if (this.#refusedFrom.size <= refusedSessionsMax) return
    for (const oldest of this.#refusedFrom.keys()) {
      this.#refusedFrom.delete(oldest)
      return
    }
  }

  admitAgain(session: number): void {
    this.#refusedFrom.delete(session)
  }

  say(message: ServerMessage): void {
    this.#messages.push(message)
  }

  reply(session: number, item: ReplyItem): void {
    if (session !== this.#session) this.#endReplies()
    this.#session = session
    this.#replies.push(item)
  }

  refuse(session: number, seq: number, refused: Refused): void {
    this.reply(session, { seq, index: 0, reply: noReply, refused })
  }

  replyToQuery(item: QueryReplyItem): void {
    this.#queryReplies.push(item)
  }

  refuseQuery(requestId: number, refused: Refused): void {
    this.#queryReplies.push({ requestId, index: 0, reply: noReply, refused })
  }

  take(): readonly ServerMessage[] {
    this.#endReplies()
    if (this.#queryReplies.length > 0) {
      this.#messages.push({ kind: 'QueryReplies', items: this.#queryReplies })
      this.#queryReplies = []
    }
    const messages = this.#messages
    this.#messages = []
    return messages
  }

  #endReplies(): void {
    if (this.#replies.length === 0) return
    this.#messages.push({ kind: 'Replies', session: this.#session, items: this.#replies })
    this.#replies = []
  }
}

export class Connections {
  readonly #connections = new Map<ConnectionId, Connection>()
  /** Those with something to be told. */
  readonly #busy = new Set<Connection>()

  get size(): number {
    return this.#connections.size
  }

  open(id: ConnectionId, version: number): Connection {
    const connection = new Connection(id, version)
    this.#connections.set(id, connection)
    return connection
  }

  close(id: ConnectionId): void {
    const connection = this.#connections.get(id)
    if (connection === undefined) return
    this.#connections.delete(id)
    this.#busy.delete(connection)
  }

  /** The connection, to be told something in this turn; `undefined` when it is closed. */
  toTell(id: ConnectionId): Connection | undefined {
    const connection = this.#connections.get(id)
    if (connection !== undefined) this.#busy.add(connection)
    return connection
  }

  tellAll(message: ServerMessage): void {
    for (const connection of this.#connections.values()) {
      connection.say(message)
      this.#busy.add(connection)
    }
  }

  ids(): readonly ConnectionId[] {
    return [...this.#connections.keys()]
  }

  flush(port: ClientPort): void {
    if (this.#busy.size === 0) return
    for (const connection of this.#busy) if (!connection.idle) port.send(connection.id, connection.take())
    this.#busy.clear()
  }
}

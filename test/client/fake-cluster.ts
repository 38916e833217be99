// Servers that exist only as a `dial` function: everything arrives one `setImmediate` later.
import type { ClientConnection, Dial, DialOptions } from '../../src/client/dial.ts'
import type { ClientMessage, CommandItem, ServerMessage } from '../../src/wire/client-messages.ts'

class FakeConnection implements ClientConnection {
  readonly bufferedBytes = 0
  readonly options: DialOptions
  readonly #cluster: FakeCluster
  #open = true

  constructor(options: DialOptions, cluster: FakeCluster) {
    this.options = options
    this.#cluster = cluster
  }

  send(messages: readonly ClientMessage[]): void {
    this.#cluster.writes.push(messages)
    setImmediate(() => {
      for (const message of messages) this.#cluster.receive(this, message)
    })
  }

  tell(message: ServerMessage): void {
    setImmediate(() => {
      if (this.#open) this.options.events.message(message)
    })
  }

  close(error?: Error): void {
    if (!this.#open) return
    this.#open = false
    setImmediate(() => this.options.events.closed(error))
  }
}

export class FakeCluster {
  /** Each is one call of `send`, so one write to a socket. */
  readonly writes: (readonly ClientMessage[])[] = []
  readonly connections: FakeConnection[] = []
  /** Addresses where nobody listens. */
  readonly down = new Set<string>()
  /** Commands stay unanswered. */
  silent = false
  /** New connections hear that this is the wrong machine. */
  refuses = false
  #applied = 0

  readonly dial: Dial = (options) => {
    const connection = new FakeConnection(options, this)
    if (this.down.has(options.address)) {
      connection.close(Object.assign(new Error(`connect ECONNREFUSED ${options.address}`), { code: 'ECONNREFUSED' }))
      return connection
    }
    this.connections.push(connection)
    if (this.refuses) {
      connection.tell({ kind: 'Goodbye', code: 'MACHINE_MISMATCH', message: 'this server runs the machine locks' })
      return connection
    }
    connection.tell({
      kind: 'Welcome',
      clusterId: 'blue',
      nodeId: 1,
      leader: { id: 1, client: options.address },
      servers: [],
      commandBytesMax: 1_000,
      keepAliveMs: 60_000,
    })
    return connection
  }

  /** Writes that carried commands, as the texts of these. */
  get commandWrites(): readonly (readonly string[])[] {
    const inWrite = (write: readonly ClientMessage[]) => write.flatMap((message) => (message.kind === 'Commands' ? message.items : []))
    const textOf = ({ command }: CommandItem) => Buffer.from(command).toString()
    return this.writes.map((write) => inWrite(write).map(textOf)).filter((texts) => texts.length > 0)
  }

  receive(connection: FakeConnection, message: ClientMessage): void {
    if (this.silent && message.kind !== 'OpenSession') return
    switch (message.kind) {
      case 'OpenSession':
        return connection.tell({ kind: 'SessionOpened', requestId: message.requestId, session: 7, refused: undefined })
      case 'Commands': {
        const items = message.items.map(({ seq, command }) => {
          this.#applied += 1
          return { seq, index: this.#applied, reply: command, refused: undefined }
        })
        return connection.tell({ kind: 'Replies', session: message.session, items })
      }
      case 'Queries': {
        const items = message.items.map(({ requestId, query }) => ({ requestId, index: this.#applied, reply: query, refused: undefined }))
        return connection.tell({ kind: 'QueryReplies', items })
      }
      case 'StatusRequest': {
        const status = {
          nodeId: 1,
          clusterId: 'blue',
          role: 'leader',
          term: 3,
          leader: 1,
          commitIndex: this.#applied,
          lastApplied: this.#applied,
          lastIndex: this.#applied,
          sessions: 1,
          digest: message.digest ? 'abcd' : '',
        } as const
        return connection.tell({ kind: 'StatusReply', requestId: message.requestId, status })
      }
      default:
    }
  }
}

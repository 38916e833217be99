// Servers that exist only as a `dial` function: everything arrives one `setImmediate` later.
import type { ClientConnection, Dial, DialOptions } from '../../src/client/dial.ts'
import { noConf } from '../../src/core/conf.ts'
import type {
  AdminRefused,
  AdminReply,
  AdminRequest,
  ClientMessage,
  CommandItem,
  JoinReply,
  JoinRequest,
  LeaderHint,
  ServerMessage,
} from '../../src/wire/client-messages.ts'

class FakeConnection implements ClientConnection {
  readonly bufferedBytes = 0
  readonly options: DialOptions
  readonly #cluster: FakeCluster
  #open = true

  constructor(options: DialOptions, cluster: FakeCluster) {
    this.options = options
    this.#cluster = cluster
  }

  get isOpen(): boolean {
    return this.#open
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
  clusterId = 'blue'
  /** Who leads, as the server at `address` knows. By default whoever is asked, as node 1. */
  leaderAt: (address: string) => LeaderHint | undefined = (address) => ({ id: 1, client: address })
  nodeIdAt: (address: string) => number = () => 1
  servers: readonly string[] = []
  /** Every AdminRequest and JoinRequest that came, with where it came. */
  readonly asked: { readonly address: string; readonly message: AdminRequest | JoinRequest }[] = []
  /** What becomes of the next of them. The last one stays. */
  answers: (AdminAnswer | 'silence' | 'break')[] = ['silence']
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
      clusterId: this.clusterId,
      nodeId: this.nodeIdAt(options.address),
      leader: this.leaderAt(options.address),
      servers: this.servers,
      commandBytesMax: 1_000,
      keepAliveMs: 60_000,
      version: 0,
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
          clusterId: this.clusterId,
          role: 'leader',
          term: 3,
          leader: 1,
          commitIndex: this.#applied,
          lastApplied: this.#applied,
          firstIndex: 1,
          lastIndex: this.#applied,
          snapshotIndex: 0,
          conf: noConf,
          sessions: 1,
          digest: message.digest ? 'abcd' : '',
          fence: undefined,
          divergence: undefined,
          disk: { leftBytes: undefined, isFull: false, hungMs: undefined },
          halted: undefined,
          schema: { version: 0, next: undefined, lacking: [] },
        } as const
        return connection.tell({ kind: 'StatusReply', requestId: message.requestId, status })
      }
      case 'AdminRequest':
      case 'JoinRequest': {
        this.asked.push({ address: connection.options.address, message })
        const answer = (this.answers.length > 1 ? this.answers.shift() : this.answers[0]) ?? 'silence'
        if (answer === 'break') return connection.close(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }))
        return answer === 'silence' ? undefined : connection.tell(replyTo(message, answer))
      }
      default:
    }
  }
}

/** Done, or refused. */
export interface AdminAnswer {
  readonly refused?: AdminRefused
  readonly members?: AdminReply['members']
  readonly joined?: Pick<JoinReply, 'incarnation' | 'conf' | 'minIndex'>
}

export const refusal = (code: AdminRefused['code'], message: string, reason?: AdminRefused['reason']): AdminAnswer => ({
  refused: { code, message, reason },
})

function replyTo({ kind, requestId }: AdminRequest | JoinRequest, { refused, members, joined }: AdminAnswer): AdminReply | JoinReply {
  if (kind === 'AdminRequest') return { kind: 'AdminReply', requestId, refused, members }
  const { incarnation = 0, conf, minIndex = 0 } = joined ?? {}
  return { kind: 'JoinReply', requestId, refused, clusterId: 'blue', incarnation, conf, minIndex }
}

// Drives one session by hand: each call of `turn` is one turn of an event loop, at a time that the test chooses.
import type { CallInput, ClientSessionOptions, Connect, LinkOrders, SessionInput, Settled } from '../../src/session/api.ts'
import { ClientSession } from '../../src/session/client-session.ts'
import type { ClientMessage, LeaderHint, QueryItem, Refused, ReplyItem, ServerMessage, Welcome } from '../../src/wire/client-messages.ts'

export const bytes = (text: string): Uint8Array => Buffer.from(text)
export const text = (payload: Uint8Array): string => Buffer.from(payload).toString()

export const addresses: readonly string[] = ['s1:1', 's2:2', 's3:3']
export const hintOf = (id: number): LeaderHint => ({ id, client: addresses[id - 1] ?? 'none:0' })

export interface Outcome {
  readonly callId: number
  /** The reply's text, or the error's code. */
  readonly result: string
  readonly message: string
}

export class Harness {
  readonly session: ClientSession
  now = 0
  connected: Connect | undefined
  /** The connection of queries `from: 'nearest'`. */
  near: Connect | undefined
  /** Everything sent since the last look. */
  sent: ClientMessage[] = []
  sentNear: ClientMessage[] = []
  disconnects: number[] = []
  /** Id of the latest request for a session. */
  openRequests = 0
  readonly outcomes: Outcome[] = []
  nextTickAt: number | undefined
  #callIds = 0

  constructor(options: Partial<ClientSessionOptions> = {}) {
    this.session = new ClientSession({ servers: addresses, now: 0, seed: 1, ...options })
    this.turn()
  }

  /** One turn: the time, the inputs, then what follows from them. */
  turn(...inputs: readonly SessionInput[]): this {
    this.session.step({ kind: 'tick', now: this.now })
    for (const input of inputs) this.session.step(input)
    const { send, disconnect, connect, nearest, settled, nextTickAt } = this.session.ready()
    this.sent.push(...send)
    for (const message of send) if (message.kind === 'OpenSession') this.openRequests = message.requestId
    if (disconnect !== undefined) this.disconnects.push(disconnect)
    if (disconnect !== undefined && this.connected?.attempt === disconnect) this.connected = undefined
    if (connect !== undefined) this.connected = connect
    if (nearest !== undefined) this.#perform(nearest)
    this.outcomes.push(...settled.map(outcomeOf))
    this.nextTickAt = nextTickAt
    return this
  }

  /** Turns at every time the session asks for, until `ms` have passed. */
  wait(ms: number): this {
    const end = this.now + ms
    for (let at = this.nextTickAt; at !== undefined && at <= end; at = this.nextTickAt) {
      if (at <= this.now && this.now >= end) throw new Error(`the session asks for a tick at ${at} again and again`)
      this.now = Math.max(this.now, at)
      this.turn()
      if (this.nextTickAt !== undefined && this.nextTickAt <= this.now)
        throw new Error(`a tick at ${this.now} is wanted again at ${this.nextTickAt}`)
    }
    this.now = end
    return this.turn()
  }

  call(
    operation: CallInput['operation'],
    payload: string,
    options: Pick<CallInput, 'atLeast' | 'from'> & {
      readonly timeoutMs?: number
      readonly stale?: boolean
      readonly lease?: boolean
    } = {},
  ): CallInput {
    this.#callIds += 1
    return {
      kind: 'call',
      callId: this.#callIds,
      operation,
      payload: bytes(payload),
      since: this.now,
      deadline: this.now + (options.timeoutMs ?? 5_000),
      consistency: options.stale === true ? 'stale' : options.lease === true ? 'lease' : 'linearizable',
      atLeast: options.atLeast,
      from: options.from,
    }
  }

  command(payload: string, options: { readonly timeoutMs?: number } = {}): CallInput {
    return this.call('command', payload, options)
  }

  receive(message: ServerMessage): SessionInput {
    return { kind: 'received', attempt: this.connected?.attempt ?? 0, message }
  }

  disconnected(reason = 'connection reset'): SessionInput {
    return { kind: 'disconnected', attempt: this.connected?.attempt ?? 0, reason, code: undefined }
  }

  /** From the nearest. */
  tell(message: ServerMessage): this {
    return this.turn({ kind: 'received', attempt: this.near?.attempt ?? 0, message })
  }

  /** The connection to the nearest is lost, or could not be made. */
  loseNear(reason = 'connection refused'): this {
    const { attempt } = this.near ?? { attempt: 0 }
    this.near = undefined
    return this.turn({ kind: 'disconnected', attempt, reason, code: undefined })
  }

  /** The nearest answers; `leader` is the id of the one it names. */
  welcomeNear(leader: number | undefined, more: Partial<Welcome> = {}): this {
    return this.tell(welcomeOf(this.near?.address, leader, more))
  }

  /** It answers everything that was asked, in order, with what was asked. */
  answerNear(index = 5): this {
    const queries = this.sentNear.splice(0).flatMap((message) => (message.kind === 'Queries' ? message.items : []))
    const items = queries.map(({ requestId, query }) => ({ requestId, index, reply: query, refused: undefined }))
    return this.tell({ kind: 'QueryReplies', items })
  }

  takeSentNear(): readonly string[] {
    return this.sentNear.splice(0).map(show)
  }

  #perform({ send, disconnect, connect }: LinkOrders): void {
    this.sentNear.push(...send)
    if (disconnect !== undefined) this.disconnects.push(disconnect)
    if (disconnect !== undefined && this.near?.attempt === disconnect) this.near = undefined
    if (connect !== undefined) this.near = connect
  }

  /** The server dialled answers; `leader` is the id of the one it names. */
  welcome(leader: number | undefined, more: Partial<Welcome> = {}): this {
    return this.turn(this.receive(welcomeOf(this.connected?.address, leader, more)))
  }

  /** Connects to server 1 as leader, through whichever server comes first. */
  toLeader(more: Partial<Welcome> = {}): this {
    while (this.connected?.address !== addresses[0]) this.welcome(1, more)
    return this.welcome(1, more)
  }

  /** To the leader, with an open session, and nothing in flight. */
  toSession(session = 7): this {
    this.toLeader().turn(this.command('first'))
    this.openSession(session)
    this.reply(session, [{ seq: 1, reply: 'ok' }])
    this.sent = []
    this.outcomes.length = 0
    return this
  }

  openSession(session: number): this {
    return this.turn(this.receive({ kind: 'SessionOpened', requestId: this.openRequests, session, refused: undefined }))
  }

  reply(session: number, items: readonly { readonly seq: number; readonly reply?: string; readonly refused?: Refused }[]): this {
    return this.turn(this.receive({ kind: 'Replies', session, items: items.map(replyItem) }))
  }

  refuse(session: number, code: Refused['code'], ...seqs: readonly number[]): this {
    return this.reply(
      session,
      seqs.map((seq) => ({ seq, refused: { code, message: `because ${code}` } })),
    )
  }

  /** What was sent since the last look, in short: `Commands 7 <3: 1=a 2=b`. */
  takeSent(): readonly string[] {
    const sent = this.sent.map(show)
    this.sent = []
    return sent
  }

  takeOutcomes(): readonly string[] {
    return this.outcomes.splice(0).map(({ callId, result }) => `${callId} ${result}`)
  }
}

const replyItem = ({ seq, reply, refused }: { readonly seq: number; readonly reply?: string; readonly refused?: Refused }): ReplyItem => ({
  seq,
  index: refused === undefined ? 100 + seq : 0,
  reply: bytes(reply ?? ''),
  refused,
})

const welcomeOf = (address: string | undefined, leader: number | undefined, more: Partial<Welcome>): Welcome => ({
  kind: 'Welcome',
  clusterId: 'blue',
  nodeId: addresses.indexOf(address ?? '') + 1,
  leader: leader === undefined ? undefined : hintOf(leader),
  servers: addresses,
  commandBytesMax: 1_000,
  keepAliveMs: 10_000,
  version: 0,
  ...more,
})

function outcomeOf({ callId, error, answer }: Settled): Outcome {
  if (answer === undefined) return { callId, result: error?.code ?? 'nothing', message: error?.message ?? '' }
  return { callId, result: text(answer.reply), message: '' }
}

function showQuery({ query, consistency, atLeast }: QueryItem): string {
  const marks = { linearizable: '', lease: '!', stale: '?', atLeast: `>=${atLeast}` } as const
  return `${text(query)}${marks[consistency]}`
}

function show(message: ClientMessage): string {
  switch (message.kind) {
    case 'Commands':
      return `Commands ${message.session} <${message.ackedBelow}: ${message.items.map(({ seq, command }) => `${seq}=${text(command)}`).join(' ')}`
    case 'Queries':
      return `Queries ${message.items.map(showQuery).join(' ')}`
    case 'KeepAlive':
      return `KeepAlive ${message.session} <${message.ackedBelow}`
    case 'CloseSession':
      return `CloseSession ${message.session}`
    default:
      return message.kind
  }
}

// A cluster that a client cannot tell from a real one, in virtual time: three servers, of which at most one can commit, with a log of
// sessions and commands. Connections delay, break, and may still deliver what was sent before they broke. A deposed leader goes on for a
// while, in vain. What the log holds is the truth that clients are judged by.
import type { Connect } from '../../src/session/api.ts'
import { seededRandom } from '../../src/session/backoff.ts'
import type { ClientMessage, Commands, LeaderHint, Refused, ReplyItem, ServerMessage } from '../../src/wire/client-messages.ts'
import { addresses, bytes, hintOf, text } from './harness.ts'

interface Connection {
  readonly attempt: number
  readonly server: number
  open: boolean
  /** Once it broke: by how much later what was on its way to the server arrives; `undefined` when never. */
  lateMs: number | undefined
  /** By session: refuse from here on until it comes again or is given up. */
  readonly heldFrom: Map<number, number>
  /** Messages of one direction never overtake each other. */
  toServerAt: number
  toClientAt: number
}

interface Proposal {
  readonly connection: Connection
  readonly server: number
  readonly entry: Entry
}
type Entry =
  | { readonly kind: 'open'; readonly requestId: number }
  | { readonly kind: 'command'; readonly session: number; readonly seq: number; readonly ackedBelow: number; readonly command: string }

interface Session {
  lastSeq: number
  ackedBelow: number
  readonly replies: Map<number, number>
}

interface Event {
  readonly at: number
  run(): void
}

export interface Delivery {
  received(attempt: number, message: ServerMessage): void
  disconnected(attempt: number, reason: string): void
}

export class ModelCluster {
  now = 0
  /** What took effect, in order: index i holds what was applied at index i + 1. */
  readonly applied: (string | undefined)[] = []
  /** Who can commit. */
  leader: number | undefined = 1
  /** Refuses this many of the next commands for want of room. */
  overloads = 0
  /** Commits only when told to. */
  holdsCommits = false
  readonly #delivery: Delivery
  readonly #random: () => number
  readonly #sessions = new Map<number, Session>()
  #events: Event[] = []
  #connections: Connection[] = []
  /** In the log of a server that believes to lead, not committed. */
  #pending: Proposal[] = []
  /** Deposed, and not aware of it. */
  #pretender: number | undefined
  #stopped: number | undefined
  /** What the stopped server would have heard and said. Connections lose nothing in the middle: it comes when the server goes on. */
  #heldUp: (() => void)[] = []

  constructor(seed: number, delivery: Delivery) {
    this.#random = seededRandom(seed)
    this.#delivery = delivery
  }

  /** The server that hears nothing and says nothing, for now. */
  stop(server: number | undefined): void {
    this.#stopped = server
    for (const run of this.#heldUp.splice(0)) run()
  }

  connect({ attempt, address }: Connect): void {
    const server = addresses.indexOf(address) + 1
    const connection = { attempt, server, open: true, lateMs: 0, heldFrom: new Map(), toServerAt: this.now, toClientAt: this.now }
    this.#connections.push(connection)
    this.#tell(connection, {
      kind: 'Welcome',
      clusterId: 'blue',
      nodeId: server,
      leader: this.#believedBy(server),
      servers: addresses,
      commandBytesMax: 1_000,
      keepAliveMs: 400,
      version: 0,
    })
  }

  send(attempt: number, messages: readonly ClientMessage[]): void {
    const connection = this.#find(attempt)
    if (connection === undefined || messages.length === 0) return
    connection.toServerAt = Math.max(connection.toServerAt, this.now + this.#delay())
    this.#schedule(connection.toServerAt, () => this.#arrive(connection, messages))
  }

  /** The client ends it. What is on its way to the server arrives late, or, at random, never. */
  disconnect(attempt: number): void {
    const connection = this.#find(attempt)
    if (connection !== undefined) this.#forget(connection)
  }

  /** All connections break, in the same manner. */
  cut(): void {
    for (const connection of this.#connections) {
      this.#forget(connection)
      this.#delivery.disconnected(connection.attempt, 'connection reset')
    }
  }

  /** A new leader, or none. Of what the old one had in its log, a first part survives. The old one may go on believing in itself. */
  depose(next: number | undefined, { silently }: { readonly silently: boolean }): void {
    const old = this.leader
    this.#settlePretender()
    const survivors = Math.floor(this.#random() * (this.#pending.length + 1))
    const lost = this.#pending.splice(survivors)
    const inherited = this.#pending
    this.#pending = []
    for (const { entry } of inherited) this.#apply(entry)
    this.leader = next
    if (silently && old !== undefined && old !== next) this.#pretender = old
    for (const proposal of [...inherited, ...lost]) this.#refuse(proposal, 'RETRY')
    if (!silently) this.#broadcast()
  }

  /** Forgets all sessions, as if their time had come. */
  expireSessions(): void {
    this.#sessions.clear()
  }

  /** The earliest time at which something happens. */
  get nextAt(): number {
    return Math.min(...this.#events.map(({ at }) => at))
  }

  runUntil(now: number): void {
    for (let event = this.#take(now); event !== undefined; event = this.#take(now)) {
      this.now = Math.max(this.now, event.at)
      event.run()
    }
    this.now = now
  }

  /** No more faults: whoever leads is known to everyone, and everything is committed. */
  heal(): void {
    this.stop(undefined)
    this.overloads = 0
    this.holdsCommits = false
    this.#settlePretender()
    this.leader ??= 1
    this.#broadcast()
    this.commit()
  }

  commit(): void {
    const proposals = this.#pending.filter(({ server }) => server === this.leader)
    this.#pending = this.#pending.filter(({ server }) => server !== this.leader)
    for (const { connection, entry } of proposals) this.#answer(connection, entry, this.#apply(entry))
  }

  #arrive(connection: Connection, messages: readonly ClientMessage[]): void {
    const { lateMs } = connection
    if (connection.open) this.#receive(connection, messages)
    else if (lateMs !== undefined) this.#schedule(this.now + lateMs, () => this.#receive(connection, messages))
  }

  #receive(connection: Connection, messages: readonly ClientMessage[]): void {
    if (connection.server === this.#stopped) {
      this.#heldUp.push(() => this.#receive(connection, messages))
      return
    }
    for (const message of messages) this.#receiveOne(connection, message)
    // Slowly, so that faults find something in flight.
    if (!this.holdsCommits) this.#schedule(this.now + 8 * this.#delay(), () => this.commit())
  }

  #receiveOne(connection: Connection, message: ClientMessage): void {
    const leads = this.#believesToLead(connection.server)
    switch (message.kind) {
      case 'OpenSession':
        if (leads) this.#pending.push({ connection, server: connection.server, entry: { kind: 'open', requestId: message.requestId } })
        else this.#refuseSession(connection, message.requestId, 'NOT_LEADER')
        return
      case 'Commands':
        return this.#receiveCommands(connection, message)
      case 'Queries': {
        const served = connection.server === this.leader
        const items = message.items.map(({ requestId, consistency }) => {
          const refused: Refused | undefined = served || consistency === 'stale' ? undefined : { code: 'NOT_LEADER', message: '' }
          return { requestId, index: this.applied.length, reply: bytes(''), refused }
        })
        return this.#tell(connection, { kind: 'QueryReplies', items })
      }
      case 'KeepAlive':
        return this.#tell(connection, {
          kind: 'KeepAliveReply',
          session: message.session,
          alive: connection.server !== this.leader || this.#sessions.has(message.session),
        })
      default:
    }
  }

  /** As a real server does it, see `heldFrom`. */
  #receiveCommands(connection: Connection, { session, ackedBelow, items }: Commands): void {
    for (const { seq, command } of items) {
      const held = connection.heldFrom.get(session)
      const proposal = {
        connection,
        server: connection.server,
        entry: { kind: 'command', session, seq, ackedBelow, command: text(command) },
      } as const
      if (held !== undefined && seq > held && ackedBelow <= held) {
        this.#refuse(proposal, 'OVERLOADED')
        continue
      }
      connection.heldFrom.delete(session)
      if (!this.#believesToLead(connection.server)) this.#refuse(proposal, 'NOT_LEADER')
      else if (this.overloads > 0) {
        this.overloads -= 1
        this.#refuse(proposal, 'OVERLOADED')
      } else this.#pending.push(proposal)
    }
  }

  /** Why it is refused, or the index at which it took effect. */
  #apply(entry: Entry): number | Refused {
    if (entry.kind === 'open') {
      this.applied.push(undefined)
      this.#sessions.set(this.applied.length, { lastSeq: 0, ackedBelow: 1, replies: new Map() })
      return this.applied.length
    }
    const session = this.#sessions.get(entry.session)
    if (session === undefined) return { code: 'SESSION_EXPIRED', message: '' }
    session.ackedBelow = Math.max(session.ackedBelow, entry.ackedBelow)
    for (const seq of session.replies.keys()) if (seq < session.ackedBelow) session.replies.delete(seq)
    if (entry.seq <= session.lastSeq) {
      return session.replies.get(entry.seq) ?? { code: entry.seq < session.ackedBelow ? 'OUTCOME_UNKNOWN' : 'NOT_APPLIED', message: '' }
    }
    this.applied.push(entry.command)
    session.lastSeq = entry.seq
    session.replies.set(entry.seq, this.applied.length)
    return this.applied.length
  }

  #answer(connection: Connection, entry: Entry, outcome: number | Refused): void {
    if (entry.kind === 'open') {
      this.#tell(connection, {
        kind: 'SessionOpened',
        requestId: entry.requestId,
        session: typeof outcome === 'number' ? outcome : 0,
        refused: typeof outcome === 'number' ? undefined : outcome,
      })
      return
    }
    const item: ReplyItem =
      typeof outcome === 'number'
        ? { seq: entry.seq, index: outcome, reply: bytes(`did ${entry.command}`), refused: undefined }
        : { seq: entry.seq, index: 0, reply: bytes(''), refused: outcome }
    this.#tell(connection, { kind: 'Replies', session: entry.session, items: [item] })
  }

  #refuse({ connection, entry }: Proposal, code: 'NOT_LEADER' | 'RETRY' | 'OVERLOADED'): void {
    if (entry.kind === 'open') return this.#refuseSession(connection, entry.requestId, code)
    const { session, seq } = entry
    connection.heldFrom.set(session, Math.min(seq, connection.heldFrom.get(session) ?? seq))
    this.#answer(connection, entry, { code, message: code })
  }

  #refuseSession(connection: Connection, requestId: number, code: Refused['code']): void {
    this.#tell(connection, { kind: 'SessionOpened', requestId, session: 0, refused: { code, message: code } })
  }

  /** The pretender hears of its deposition. What it took in meanwhile is lost. */
  #settlePretender(): void {
    const pretender = this.#pretender
    if (pretender === undefined) return
    this.#pretender = undefined
    const lost = this.#pending.filter(({ server }) => server === pretender)
    this.#pending = this.#pending.filter(({ server }) => server !== pretender)
    for (const proposal of lost) this.#refuse(proposal, 'RETRY')
    this.#broadcast()
  }

  #broadcast(): void {
    for (const connection of this.#connections)
      this.#tell(connection, { kind: 'LeaderChanged', leader: this.#believedBy(connection.server) })
  }

  #believesToLead(server: number): boolean {
    return server === this.leader || server === this.#pretender
  }

  #believedBy(server: number): LeaderHint | undefined {
    const believed = server === this.#pretender ? server : this.leader
    return believed === undefined ? undefined : hintOf(believed)
  }

  #tell(connection: Connection, message: ServerMessage): void {
    connection.toClientAt = Math.max(connection.toClientAt, this.now + this.#delay())
    this.#schedule(connection.toClientAt, () => this.#deliver(connection, message))
  }

  #deliver(connection: Connection, message: ServerMessage): void {
    if (connection.server === this.#stopped) this.#heldUp.push(() => this.#deliver(connection, message))
    else if (connection.open) this.#delivery.received(connection.attempt, message)
  }

  #forget(connection: Connection): void {
    connection.open = false
    connection.lateMs = this.#random() < 0.3 ? undefined : Math.floor(this.#random() * 60)
    this.#connections = this.#connections.filter((other) => other !== connection)
  }

  #find(attempt: number): Connection | undefined {
    return this.#connections.find((connection) => connection.attempt === attempt)
  }

  #delay(): number {
    return 1 + Math.floor(this.#random() * 5)
  }

  #schedule(at: number, run: () => void): void {
    this.#events.push({ at, run })
  }

  /** The earliest event that is due; of several, the one scheduled first. */
  #take(now: number): Event | undefined {
    let first: Event | undefined
    for (const event of this.#events) if (event.at <= now && (first === undefined || event.at < first.at)) first = event
    if (first !== undefined) this.#events.splice(this.#events.indexOf(first), 1)
    return first
  }
}

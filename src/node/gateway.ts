// The door for clients: takes commands and queries in while this node leads, refuses them while it does not, and answers each once.
// Invariant: whatever was taken in is answered or, when its connection is gone, forgotten. Nothing is executed here.
import type { Accepted, Entry, Raft, ReadGrant, Refusal } from '../core/index.ts'
import { LogClock } from '../machine/log-clock.ts'
import type { Replica } from '../machine/replica.ts'
import { sessionsMax } from '../machine/sessions.ts'
import type { Clock } from '../ports/clock.ts'
import type { ClientMessage, Commands, LeaderHint, OpenSession, QueryItem, Refused } from '../wire/client-messages.ts'
import { type Connection, Connections } from './connections.ts'
import type { ClientPort, ConnectionId, NodeEvent, NodeLimits } from './options.ts'
import { type Pending, Proposals } from './proposals.ts'
import { type PendingQuery, Queries } from './queries.ts'

/** How far the ceiling of the clock is raised at once. While queries ask, one entry of the log this often. Milliseconds. */
const ceilingStepMs = 1_000

export interface GatewayOptions {
  readonly raft: Raft
  readonly replica: Replica
  readonly clock: Clock
  readonly clients: ClientPort
  readonly limits: NodeLimits
  report(event: NodeEvent): void
}

export class Gateway {
  readonly #raft: Raft
  readonly #replica: Replica
  readonly #clock: Clock
  readonly #clients: ClientPort
  readonly #limits: NodeLimits
  readonly #report: (event: NodeEvent) => void

  readonly #connections = new Connections()
  readonly #proposals = new Proposals()
  readonly #queries = new Queries()
  readonly #logClock = new LogClock()
  /** Signs of life since the last entry that carried them, and what they acknowledge. */
  #touched = new Map<number, number>()
  #keepAliveAt = 0
  #leading = false
  #raisingCeiling = false

  constructor({ raft, replica, clock, clients, limits, report }: GatewayOptions) {
    this.#raft = raft
    this.#replica = replica
    this.#clock = clock
    this.#clients = clients
    this.#limits = limits
    this.#report = report
  }

  get pending(): number {
    return this.#proposals.count
  }

  open(id: ConnectionId): void {
    this.#connections.open(id)
  }

  close(id: ConnectionId): void {
    this.#connections.close(id)
  }

  get connections(): readonly ConnectionId[] {
    return this.#connections.ids()
  }

  receive(id: ConnectionId, message: Exclude<ClientMessage, { kind: 'Hello' | 'StatusRequest' }>): void {
    const connection = this.#connections.toTell(id)
    if (connection === undefined) return
    switch (message.kind) {
      case 'Commands':
        return this.#receiveCommands(connection, message)
      case 'Queries':
        for (const item of message.items) this.#receiveQuery(connection, item)
        return
      case 'OpenSession':
        return this.#receiveOpenSession(connection, message)
      case 'CloseSession':
        if (this.#leading) this.#proposals.add({ kind: 'internal', envelope: { kind: 'closeSession', session: message.session } })
        return
      case 'KeepAlive':
        return this.#receiveKeepAlive(connection, message)
      default:
    }
  }

  /** This node leads from now on: its no-op is in the log, nothing else of its term. */
  lead(): void {
    this.#leading = true
    this.#raisingCeiling = false
    const now = this.#readClock()
    this.#logClock.lead(now)
    this.#keepAliveAt = now.monotonicMs + this.#limits.sessionTtlMs / 3
    this.#proposals.addFirst({ kind: 'internal', envelope: { kind: 'renewSessions' } })
  }

  /** It does not lead any more. What is in the log may still be applied: only its clients can find out, by asking the next leader. */
  unlead(leader: LeaderHint | undefined): void {
    this.#leading = false
    this.#touched = new Map()
    const { unproposed, inLog } = this.#proposals.abandon(this.#replica.lastApplied)
    const elsewhere = notLeader(leader)
    for (const pending of unproposed) this.#refuse(pending, elsewhere)
    for (const pending of inLog) this.#refuse(pending, fateOpen)
    for (const query of this.#queries.abandon()) this.#connections.toTell(query.connection)?.refuseQuery(query.requestId, elsewhere)
  }

  /** The leader changed, whoever it is. */
  tellLeader(leader: LeaderHint | undefined): void {
    this.#connections.tellAll({ kind: 'LeaderChanged', leader })
  }

  /** Hands everything that arrived to the core. */
  propose(): void {
    if (!this.#leading) return
    this.#keepSessionsAlive()
    if (this.#proposals.hasWaiting) {
      const now = this.#logClock.now(this.#readClock())
      this.#raft.step({ kind: 'propose', ...this.#proposals.propose({ now, version: this.#replica.machine.version }) })
    }
    if (this.#queries.hasWaiting) this.#raft.step({ kind: 'read', id: this.#queries.confirm() })
  }

  accepted(accepted: readonly Accepted[]): void {
    for (const one of accepted) this.#proposals.accept(one)
  }

  refused(refused: readonly Refusal[]): void {
    for (const { of, id, from, reason, leader } of refused) {
      const why = reason === 'notLeader' || reason === 'leadershipLost' ? notLeader(this.#hint(leader)) : overloaded(reason)
      if (of === 'propose') for (const pending of this.#proposals.refuse(id, from)) this.#refuse(pending, why)
      else for (const query of this.#queries.refuse(id)) this.#connections.toTell(query.connection)?.refuseQuery(query.requestId, why)
    }
  }

  /** Entries were applied. Also without leading this node follows their stamps, so that as leader it knows how much time has passed since. */
  observeTime(): void {
    if (this.#replica.now > 0) this.#logClock.observe(this.#replica.now, this.#clock.monotonicMs())
  }

  settleTickets(): void {
    this.#proposals.settleTickets()
  }

  granted(reads: readonly ReadGrant[]): void {
    for (const read of reads) this.#queries.grant(read)
  }

  /** `entry` was applied; `replica.applied` says what became of it. */
  applied(entry: Entry): void {
    const { applied } = this.#replica
    if (applied.failure !== undefined) this.#report({ kind: 'handlerFailed', index: entry.index, failure: applied.failure })
    const pending = this.#proposals.settle(entry)
    if (pending === undefined) return
    switch (pending.kind) {
      case 'command':
        this.#connections
          .toTell(pending.connection)
          ?.reply(pending.session, { seq: pending.seq, index: applied.index, reply: applied.reply, refused: applied.refused })
        return
      case 'openSession':
        this.#connections
          .toTell(pending.connection)
          ?.say({ kind: 'SessionOpened', requestId: pending.requestId, session: entry.index, refused: applied.refused })
        return
      case 'internal':
        if (pending.envelope.kind === 'clock') this.#raisingCeiling = false
        return
      default:
    }
  }

  /** Something is still to be handed to the core. */
  get hasWaiting(): boolean {
    return this.#leading && (this.#proposals.hasWaiting || this.#queries.hasWaiting)
  }

  /** Answers the queries whose state is there. Where time must be raised first, they wait for that entry. */
  serveQueries(): void {
    if (!this.#queries.isDue(this.#replica.lastApplied)) return
    const { now, mayServe } = this.#queryTime()
    if (!mayServe) return
    for (const query of this.#queries.due(this.#replica.lastApplied)) this.#answer(query, now)
  }

  flush(): void {
    this.#connections.flush(this.#clients)
  }

  #receiveCommands(connection: Connection, { session, ackedBelow, items }: Commands): void {
    if (!this.#leading) {
      const why = notLeader(this.#hint(this.#raft.softState.leader))
      for (const { seq } of items) this.#refuseCommand(connection, { session, seq }, why)
      return
    }
    this.#touched.delete(session)
    const refusedFrom = connection.refusedFrom.get(session)
    for (const { seq, command } of items) {
      if (refusedFrom !== undefined && seq > refusedFrom && ackedBelow <= refusedFrom && connection.refusedFrom.has(session)) {
        connection.refuse(session, seq, overloaded('pendingCommandsMax'))
        continue
      }
      if (refusedFrom !== undefined) connection.refusedFrom.delete(session)
      const why = this.#whyNot(command)
      if (why === undefined) this.#proposals.add({ kind: 'command', connection: connection.id, session, seq, ackedBelow, command })
      else if (why.code === 'OVERLOADED') this.#refuseCommand(connection, { session, seq }, why)
      else connection.refuse(session, seq, why)
      // What follows in this frame must not overtake it.
      if (why?.code === 'OVERLOADED') return this.#refuseRest(connection, { session, items, after: seq, why })
    }
  }

  #refuseRest(
    connection: Connection,
    {
      session,
      items,
      after,
      why,
    }: { readonly session: number; readonly items: Commands['items']; readonly after: number; readonly why: Refused },
  ): void {
    for (const { seq } of items) if (seq > after) connection.refuse(session, seq, why)
  }

  /** Room first, then size, then the schema: never trust a client. */
  #whyNot(command: Uint8Array): Refused | undefined {
    const { commandBytesMax, pendingCommandsMax, pendingBytesMax } = this.#limits
    if (this.#proposals.count >= pendingCommandsMax) return overloaded('pendingCommandsMax')
    if (this.#proposals.bytes + command.length > pendingBytesMax) return overloaded('pendingBytesMax')
    if (command.length > commandBytesMax) {
      return { code: 'TOO_LARGE', message: `the command has ${command.length} bytes, at most ${commandBytesMax} are allowed` }
    }
    const problem = this.#problem('check', command)
    return problem === undefined ? undefined : { code: 'INVALID_INPUT', message: problem }
  }

  /** A check that throws has found a problem too: no bytes of a client may stop a node. */
  #problem(check: 'check' | 'checkQuery', bytes: Uint8Array): string | undefined {
    try {
      return this.#replica.machine[check]?.(bytes)
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  #receiveQuery(connection: Connection, { requestId, consistency, query }: QueryItem): void {
    const refuse = (why: Refused) => connection.refuseQuery(requestId, why)
    const { commandBytesMax, pendingQueriesMax } = this.#limits
    if (query.length > commandBytesMax) {
      return refuse({ code: 'TOO_LARGE', message: `the query has ${query.length} bytes, at most ${commandBytesMax} are allowed` })
    }
    const problem = this.#problem('checkQuery', query)
    if (problem !== undefined) return refuse({ code: 'INVALID_INPUT', message: problem })
    if (consistency === 'stale') return this.#answer({ connection: connection.id, requestId, query }, this.#replica.now)
    if (!this.#leading) return refuse(notLeader(this.#hint(this.#raft.softState.leader)))
    if (this.#queries.count >= pendingQueriesMax) return refuse(overloaded('pendingQueriesMax'))
    this.#queries.add({ connection: connection.id, requestId, query })
  }

  #receiveOpenSession(connection: Connection, { requestId }: OpenSession): void {
    const refuse = (refused: Refused) => connection.say({ kind: 'SessionOpened', requestId, session: 0, refused })
    if (!this.#leading) return refuse(notLeader(this.#hint(this.#raft.softState.leader)))
    if (this.#replica.sessions.size >= sessionsMax || this.#proposals.count >= this.#limits.pendingCommandsMax)
      return refuse(overloaded('sessionsMax'))
    const envelope = { kind: 'openSession', ttlMs: this.#limits.sessionTtlMs } as const
    this.#proposals.add({ kind: 'openSession', connection: connection.id, requestId, envelope })
  }

  #receiveKeepAlive(connection: Connection, { session, ackedBelow }: { readonly session: number; readonly ackedBelow: number }): void {
    // Only a leader that has applied everything before its own term knows that a session is gone.
    const known = !this.#leading || !this.#raft.status.committedInTerm || this.#replica.sessions.has(session)
    connection.say({ kind: 'KeepAliveReply', session, alive: known })
    if (this.#leading && session !== 0 && known && this.#touched.size < sessionsMax) this.#touched.set(session, ackedBelow)
  }

  /** One entry per third of the time to live for all sessions; also the only thing by which time passes in an idle cluster. */
  #keepSessionsAlive(): void {
    const now = this.#clock.monotonicMs()
    if (now < this.#keepAliveAt) return
    this.#keepAliveAt = now + this.#limits.sessionTtlMs / 3
    if (this.#replica.sessions.size === 0) return
    const sessions = [...this.#touched].map(([session, ackedBelow]) => ({ session, ackedBelow }))
    this.#touched = new Map()
    this.#proposals.add({ kind: 'internal', envelope: { kind: 'keepAlive', sessions } })
  }

  /** What time a query may be shown. Never more than a committed ceiling: else a later command could be stamped lower. */
  #queryTime(): { readonly now: number; readonly mayServe: boolean } {
    const now = this.#logClock.now(this.#readClock())
    const { ceiling } = this.#replica
    if (now + ceilingStepMs / 2 > ceiling && !this.#raisingCeiling && this.#leading) {
      this.#raisingCeiling = true
      this.#proposals.add({ kind: 'internal', envelope: { kind: 'clock', ceiling: now + ceilingStepMs } })
    }
    return { now: Math.min(now, ceiling), mayServe: now <= ceiling }
  }

  #answer({ connection, requestId, query }: PendingQuery, now: number): void {
    const told = this.#connections.toTell(connection)
    if (told === undefined) return
    try {
      const reply = this.#replica.query(query, now)
      told.replyToQuery({ requestId, index: this.#replica.lastApplied, reply, refused: undefined })
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      this.#report({ kind: 'queryFailed', message, stack: error instanceof Error ? error.stack : undefined })
      told.refuseQuery(requestId, { code: 'QUERY_FAILED', message })
    }
  }

  #refuse(pending: Pending, why: Refused): void {
    switch (pending.kind) {
      case 'command': {
        const connection = this.#connections.toTell(pending.connection)
        if (connection !== undefined) this.#refuseCommand(connection, pending, why)
        return
      }
      case 'openSession':
        this.#connections.toTell(pending.connection)?.say({ kind: 'SessionOpened', requestId: pending.requestId, session: 0, refused: why })
        return
      case 'internal':
        if (pending.envelope.kind === 'clock') this.#raisingCeiling = false
        return
      default:
    }
  }

  /** Refuses for a reason that may pass: from here on in order, or not at all. */
  #refuseCommand(connection: Connection, { session, seq }: { readonly session: number; readonly seq: number }, why: Refused): void {
    const from = connection.refusedFrom.get(session)
    if (from === undefined || seq < from) connection.refusedFrom.set(session, seq)
    connection.refuse(session, seq, why)
  }

  #hint(leader: number | undefined): LeaderHint | undefined {
    const member = this.#raft.status.conf.members.find(({ id }) => id === leader)
    return member === undefined ? undefined : { id: member.id, client: member.client }
  }

  #readClock(): { readonly monotonicMs: number; readonly wallMs: number } {
    return { monotonicMs: this.#clock.monotonicMs(), wallMs: this.#clock.wallMs() }
  }
}

const fateOpen: Refused = { code: 'RETRY', message: 'this node lost its leadership while the command was in its log' }

function notLeader(leader: LeaderHint | undefined): Refused {
  return { code: 'NOT_LEADER', message: leader === undefined ? 'no leader is known' : `node ${leader.id} at ${leader.client} leads` }
}

const overloaded = (limit: string): Refused => ({ code: 'OVERLOADED', message: `the server has reached its limit ${limit}` })

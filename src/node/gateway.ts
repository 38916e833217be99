// The door for clients: takes commands and queries in while this node leads, refuses them while it does not, and answers each once.
// Invariant: whatever was taken in is answered or, when its connection is gone, forgotten. Nothing is executed here.
import type { Accepted, Entry, Index, Raft, ReadGrant, Refusal } from '../core/index.ts'
import type { Replica } from '../machine/replica.ts'
import { sessionsMax } from '../machine/sessions.ts'
import type { Clock } from '../ports/clock.ts'
import type { ClientMessage, Commands, LeaderHint, OpenSession, QueryItem, Refused } from '../wire/client-messages.ts'
import { type Connection, Connections } from './connections.ts'
import { LogTime } from './log-time.ts'
import type { ClientPort, ConnectionId, NodeEvent, NodeLimits } from './options.ts'
import { type Pending, Proposals } from './proposals.ts'
import { type PendingQuery, Queries } from './queries.ts'
import { SessionKeeper } from './session-keeper.ts'

/** Queries are answered until a turn has taken as long as for applying, or has answered with this many bytes. */
const answerBytesMax = 4 * 1_024 * 1_024

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
  readonly #time: LogTime
  readonly #keeper: SessionKeeper
  /** Entries up to here were in the log when this node started: an earlier life of it has reported what failed in them. */
  readonly #reportAbove: Index
  /**
   * `starting`: the no-op of this term is not applied yet. Until then nobody knows the stamps of earlier leaders, nor which sessions
   * there are; what arrives waits. `renewing`: the first stamped entry is under way, queries wait for it.
   */
  #phase: 'notLeading' | 'starting' | 'renewing' | 'leading' = 'notLeading'
  #noopIndex: Index = 0

  constructor({ raft, replica, clock, clients, limits, report }: GatewayOptions) {
    this.#raft = raft
    this.#replica = replica
    this.#clock = clock
    this.#clients = clients
    this.#limits = limits
    this.#report = report
    this.#time = new LogTime(replica, clock)
    this.#keeper = new SessionKeeper(limits.sessionTtlMs)
    this.#reportAbove = raft.status.lastIndex
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
        return this.#receiveCloseSession(message.session)
      case 'KeepAlive':
        return this.#receiveKeepAlive(connection, message)
      default:
    }
  }

  /** This node leads from now on: its no-op is the last entry of its log. */
  lead(): void {
    this.#phase = 'starting'
    this.#noopIndex = this.#raft.status.lastIndex
    this.#keeper.lead(this.#clock.monotonicMs())
  }

  /** It does not lead any more. What is in the log may still be applied: only its clients can find out, by asking the next leader. */
  unlead(leader: LeaderHint | undefined): void {
    this.#phase = 'notLeading'
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
    if (this.#phase === 'notLeading') return
    if (this.#queries.hasWaiting) this.#raft.step({ kind: 'read', id: this.#queries.confirm() })
    if (this.#phase === 'starting') this.#maybeStart()
    if (this.#phase === 'starting') return
    this.#keepSessionsAlive()
    if (!this.#proposals.hasWaiting) return
    const { version } = this.#replica.machine
    this.#raft.step({ kind: 'propose', ...this.#proposals.propose({ now: this.#time.stamp(), version }) })
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

  observeTime(): void {
    this.#time.observe()
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
    if (applied.failure !== undefined && entry.index > this.#reportAbove)
      this.#report({ kind: 'handlerFailed', index: entry.index, failure: applied.failure })
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
        if (pending.envelope.kind === 'clock') this.#time.raised()
        if (pending.envelope.kind === 'renewSessions') this.#phase = 'leading'
        return
      default:
    }
  }

  /** Something is still to be handed to the core. */
  get hasWaiting(): boolean {
    if (this.#phase === 'notLeading') return false
    if (this.#phase === 'starting' && this.#replica.lastApplied < this.#noopIndex) return this.#queries.hasWaiting
    return this.#phase === 'starting' || this.#proposals.hasWaiting || this.#queries.hasWaiting
  }

  /** Answers queries whose state is there, one slice of them; true when there are more. Where time must be raised first, they wait. */
  serveQueries(): boolean {
    if (this.#phase !== 'leading' || !this.#queries.isDue(this.#replica.lastApplied)) return false
    const { now, raise } = this.#time.forQueries()
    if (raise !== undefined) this.#proposals.addFirst({ kind: 'internal', envelope: { kind: 'clock', ceiling: raise } })
    if (now === undefined) return false
    const deadline = this.#clock.monotonicMs() + this.#limits.applySliceMs
    for (let bytes = 0; bytes < answerBytesMax && this.#clock.monotonicMs() <= deadline; ) {
      const query = this.#queries.take(this.#replica.lastApplied)
      if (query === undefined) return false
      bytes += this.#answer(query, now)
    }
    return this.#queries.isDue(this.#replica.lastApplied)
  }

  flush(): void {
    this.#connections.flush(this.#clients)
  }

  #receiveCommands(connection: Connection, { session, ackedBelow, items }: Commands): void {
    if (this.#phase === 'notLeading') {
      const why = notLeader(this.#hint(this.#raft.softState.leader))
      for (const { seq } of items) this.#refuseCommand(connection, { session, seq }, why)
      return
    }
    const refusedFrom = connection.refusedFrom(session)
    let admitted = 0
    for (const { seq, command } of items) {
      if (refusedFrom !== undefined && seq > refusedFrom && ackedBelow <= refusedFrom && connection.refusedFrom(session) !== undefined) {
        connection.refuse(session, seq, overloaded('pendingCommandsMax'))
        continue
      }
      if (refusedFrom !== undefined) connection.admitAgain(session)
      const why = this.#whyNot(command)
      if (why === undefined) {
        this.#proposals.add({ kind: 'command', connection: connection.id, session, seq, ackedBelow, command })
        admitted += 1
        continue
      }
      if (why.code !== 'OVERLOADED') {
        connection.refuse(session, seq, why)
        continue
      }
      this.#refuseCommand(connection, { session, seq }, why)
      // What follows in this frame must not overtake it.
      this.#refuseRest(connection, { session, items, after: seq, why })
      break
    }
    // Refused or not, its client lives.
    if (admitted > 0) this.#keeper.forget(session)
    else this.#keeper.touch(session, ackedBelow)
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
    if (consistency === 'stale') {
      this.#answer({ connection: connection.id, requestId, query }, this.#replica.now)
      return
    }
    if (this.#phase === 'notLeading') return refuse(notLeader(this.#hint(this.#raft.softState.leader)))
    if (this.#queries.count >= pendingQueriesMax) return refuse(overloaded('pendingQueriesMax'))
    this.#queries.add({ connection: connection.id, requestId, query })
  }

  #receiveOpenSession(connection: Connection, { requestId }: OpenSession): void {
    const refuse = (refused: Refused) => connection.say({ kind: 'SessionOpened', requestId, session: 0, refused })
    if (this.#phase === 'notLeading') return refuse(notLeader(this.#hint(this.#raft.softState.leader)))
    if (this.#replica.sessions.size >= sessionsMax || this.#proposals.count >= this.#limits.pendingCommandsMax)
      return refuse(overloaded('sessionsMax'))
    const envelope = { kind: 'openSession', ttlMs: this.#limits.sessionTtlMs } as const
    this.#proposals.add({ kind: 'openSession', connection: connection.id, requestId, envelope })
  }

  #receiveCloseSession(session: number): void {
    if (this.#phase === 'notLeading' || this.#proposals.count >= this.#limits.pendingCommandsMax) return
    this.#proposals.add({ kind: 'internal', envelope: { kind: 'closeSession', session } })
  }

  #receiveKeepAlive(connection: Connection, { session, ackedBelow }: { readonly session: number; readonly ackedBelow: number }): void {
    // Only a leader that has applied everything before its own term knows that a session is gone.
    const knows = this.#phase === 'renewing' || this.#phase === 'leading'
    const alive = session === 0 || !knows || this.#replica.sessions.has(session)
    connection.say({ kind: 'KeepAliveReply', session, alive })
    if (session !== 0 && alive && this.#phase !== 'notLeading') this.#keeper.touch(session, ackedBelow)
  }

  /** Once the no-op of this term is applied, so is everything that was stamped before: time goes on from there. */
  #maybeStart(): void {
    if (this.#replica.lastApplied < this.#noopIndex) return
    this.#phase = 'renewing'
    this.#time.lead()
    this.#proposals.addFirst({ kind: 'internal', envelope: { kind: 'renewSessions' } })
  }

  #keepSessionsAlive(): void {
    const sessions = this.#keeper.due(this.#clock.monotonicMs())
    if (sessions === undefined || this.#replica.sessions.size === 0) return
    this.#proposals.addFirst({ kind: 'internal', envelope: { kind: 'keepAlive', sessions } })
  }

  /** Returns how many bytes the answer has. */
  #answer({ connection, requestId, query }: PendingQuery, now: number): number {
    const told = this.#connections.toTell(connection)
    if (told === undefined) return 0
    try {
      const reply = this.#replica.query(query, now)
      told.replyToQuery({ requestId, index: this.#replica.lastApplied, reply, refused: undefined })
      return reply.length
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      this.#report({ kind: 'queryFailed', message, stack: error instanceof Error ? error.stack : undefined })
      told.refuseQuery(requestId, { code: 'QUERY_FAILED', message })
      return 0
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
        return this.#refuseInternal(pending)
      default:
    }
  }

  /** What this node proposes of its own accord and must come to pass is tried again in the next turn. */
  #refuseInternal(pending: Extract<Pending, { kind: 'internal' }>): void {
    const { envelope } = pending
    if (envelope.kind === 'clock') this.#time.notRaised()
    if (this.#phase === 'notLeading') return
    if (envelope.kind === 'keepAlive') this.#keeper.restore(envelope.sessions, this.#clock.monotonicMs())
    if (envelope.kind === 'renewSessions' || envelope.kind === 'closeSession') this.#proposals.addFirst(pending)
  }

  /** Refuses for a reason that may pass: from here on in order, or not at all. */
  #refuseCommand(connection: Connection, { session, seq }: { readonly session: number; readonly seq: number }, why: Refused): void {
    connection.refuseFrom(session, seq)
    connection.refuse(session, seq, why)
  }

  #hint(leader: number | undefined): LeaderHint | undefined {
    const member = this.#raft.status.conf.members.find(({ id }) => id === leader)
    return member === undefined ? undefined : { id: member.id, client: member.client }
  }
}

const fateOpen: Refused = { code: 'RETRY', message: 'this node lost its leadership while the command was in its log' }

function notLeader(leader: LeaderHint | undefined): Refused {
  return { code: 'NOT_LEADER', message: leader === undefined ? 'no leader is known' : `node ${leader.id} at ${leader.client} leads` }
}

const overloaded = (limit: string): Refused => ({ code: 'OVERLOADED', message: `the server has reached its limit ${limit}` })

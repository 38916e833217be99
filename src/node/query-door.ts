// The door for queries: any node answers, whatever its role, once its state is as recent as the query asks for (§6.4).
import { type Raft, type ReadGrant, type Refusal, unreachable } from '../core/index.ts'
import type { Replica } from '../machine/replica.ts'
import type { Clock } from '../ports/clock.ts'
import type { QueryItem, Refused } from '../wire/client-messages.ts'
import type { Phase, Unsure } from './command-door.ts'
import { admitted, lower } from './calls.ts'
import type { Connection, Connections } from './connections.ts'
import type { Halting } from './halting.ts'
import type { LogTime } from './log-time.ts'
import type { ConnectionId, NodeEvent, NodeLimits } from './options.ts'
import { Queries } from './queries.ts'
import type { PendingQuery, QueriesByIndex } from './queries-by-index.ts'
import { hintOf, noState, notLeader, overloaded, stateInDoubt } from './refusals.ts'
import type { Tickets } from './tickets.ts'

/** Queries are answered until a turn has taken as long as for applying, or has answered with this many bytes. */
const answerBytesMax = 4 * 1_024 * 1_024
/** A query waits this long for its index to be applied here, then its client is sent elsewhere. Milliseconds. */
export const queryWaitMsMax = 60_000
/** How often those that waited too long are looked for. Milliseconds. */
const expireEveryMs = 1_000

export interface QueryDoorOptions {
  readonly raft: Raft
  readonly replica: Replica
  readonly clock: Clock
  readonly limits: NodeLimits
  readonly connections: Connections
  readonly time: LogTime
  readonly tickets: Tickets
  readonly halting: Pick<Halting, 'current' | 'refusal'>
  /** Only while this node leads. */
  raiseCeiling(ceiling: number): void
  whyUnsure(): Unsure | undefined
  report(event: NodeEvent): void
}

export class QueryDoor {
  readonly #options: QueryDoorOptions
  readonly #queries: Queries
  #expireAt = 0
  /** Of the present turn. */
  #deadline = 0
  #bytes = 0

  constructor(options: QueryDoorOptions) {
    this.#options = options
    this.#queries = new Queries(options.tickets)
  }

  get hasWaiting(): boolean {
    return this.#queries.hasWaiting
  }

  receive(connection: Connection, items: readonly QueryItem[]): void {
    const since = this.#options.clock.monotonicMs()
    for (const item of items) {
      const why = this.#whyNot(item)
      if (why !== undefined) {
        connection.refuseQuery(item.requestId, why)
        continue
      }
      const admission = admitted(this.#options.replica, 'query', item.query, { isCertain: false })
      if (admission.kind === 'refused') connection.refuseQuery(item.requestId, admission.why)
      else this.#admit(item, { connection: connection.id, requestId: item.requestId, query: admission.call, since })
    }
  }

  forget(connection: ConnectionId): void {
    this.#queries.forget(connection)
  }

  /** Hands what waits to the core, which asks the leader where this node is not. */
  ask(): void {
    for (let question = this.#queries.confirm(); question !== undefined; question = this.#queries.confirm()) {
      this.#options.raft.step({ kind: 'read', id: question.id, lease: question.lease })
    }
  }

  granted(read: ReadGrant): void {
    this.#queries.grant(read)
  }

  refused({ id, reason, leader }: Refusal): void {
    const queries = this.#queries.refuse(id)
    if (queries.length === 0) return
    const { raft, connections } = this.#options
    const isElsewhere = reason === 'notLeader' || reason === 'leadershipLost'
    const why = isElsewhere ? notLeader(hintOf(raft.conf, leader)) : overloaded(reason)
    for (const { connection, requestId } of queries) connections.toTell(connection)?.refuseQuery(requestId, why)
  }

  /** Answers queries whose state is there, one slice of them; true when there are more. Where time must be raised first, they wait. */
  serve(phase: Phase): boolean {
    const { granted, atLeast } = this.#queries
    if (granted.count === 0 && atLeast.count === 0) return false
    const unsure = this.#options.whyUnsure()
    if (unsure !== undefined) {
      if (unsure !== 'wait') this.#refuseAll(unsure)
      return false
    }
    const { replica, clock, limits, time } = this.#options
    if (replica.isAstray) {
      this.#refuseAll(noState)
      return false
    }
    this.#refuseHalted()
    const now = clock.monotonicMs()
    if (now >= this.#expireAt) this.#expire(now)
    this.#deadline = now + limits.applySliceMs
    this.#bytes = 0
    // What only its index was asked of sees the time of that state, on the leader as anywhere.
    const moreAtLeast = this.#serve(atLeast, time.ofState)
    if (!granted.isDue(replica.lastApplied)) return moreAtLeast
    const shown = this.#timeFor(phase)
    return (shown !== undefined && this.#serve(granted, shown)) || moreAtLeast
  }

  /** What waits for an entry that may never be applied is told so. */
  #refuseHalted(): void {
    const { connections, replica, halting } = this.#options
    const { refusal } = halting
    if (refusal === undefined) return
    for (const { connection, requestId } of this.#queries.above(replica.lastApplied)) {
      connections.toTell(connection)?.refuseQuery(requestId, refusal)
    }
  }

  #refuseAll(why: Refused): void {
    const { granted, atLeast } = this.#queries
    for (const { query } of [...granted.remove(() => true), ...atLeast.remove(() => true)]) {
      this.#options.connections.toTell(query.connection)?.refuseQuery(query.requestId, why)
    }
  }

  #serve(queries: QueriesByIndex, time: number): boolean {
    const { replica, clock } = this.#options
    while (queries.isDue(replica.lastApplied)) {
      if (this.#bytes >= answerBytesMax || clock.monotonicMs() > this.#deadline) return true
      const query = queries.take(replica.lastApplied)
      if (query !== undefined) this.#bytes += this.#answer(query, time)
    }
    return false
  }

  /** What a linearizable query may be shown of time; `undefined` while it has to wait for that. See `LogTime`. */
  #timeFor(phase: Phase): number | undefined {
    const { time, raft, halting } = this.#options
    if (phase === 'notLeading') return time.ofState
    if (phase !== 'leading') return undefined
    const { now, raise } = time.forQueries({ mayRaise: raft.hasRoom && halting.current === undefined })
    if (raise !== undefined) this.#options.raiseCeiling(raise)
    return now
  }

  #expire(now: number): void {
    this.#expireAt = now + expireEveryMs
    const { connections, replica } = this.#options
    for (const { query, index } of this.#queries.expire(now - queryWaitMsMax)) {
      const message = `entry ${index} was not applied on this node within ${queryWaitMsMax} ms; the last one that was is ${replica.lastApplied}`
      connections.toTell(query.connection)?.refuseQuery(query.requestId, { code: 'RETRY', message })
    }
  }

  #whyNot({ consistency, atLeast, query }: QueryItem): Refused | undefined {
    const { limits, raft, replica, halting } = this.#options
    if (query.length > limits.commandBytesMax) {
      return { code: 'TOO_LARGE', message: `the query has ${query.length} bytes, at most ${limits.commandBytesMax} are allowed` }
    }
    if (replica.isAstray || (replica.lastApplied === 0 && !raft.status.hasState)) {
      return noState
    }
    const unsure = this.#options.whyUnsure()
    if (unsure !== undefined && (unsure !== 'wait' || consistency === 'stale')) return unsure === 'wait' ? stateInDoubt : unsure
    if (consistency === 'stale') return undefined
    const { current } = halting
    // It is committed: whatever is asked of a leader now reflects it.
    const needsIt = current !== undefined && (consistency !== 'atLeast' || atLeast >= current.index)
    if (needsIt && halting.refusal !== undefined) return halting.refusal
    if (this.#queries.count >= limits.pendingQueriesMax) return overloaded('pendingQueriesMax')
    return this.#queries.bytes + query.length > limits.pendingBytesMax ? overloaded('pendingBytesMax') : undefined
  }

  #admit({ consistency, atLeast }: QueryItem, query: PendingQuery): void {
    switch (consistency) {
      case 'stale':
        this.#answer(query, this.#options.time.ofState)
        return
      case 'atLeast':
        return this.#queries.atLeast.add(atLeast, [query])
      case 'linearizable':
      case 'lease':
        return this.#queries.add(query, { lease: consistency === 'lease' })
      default:
        unreachable(consistency)
    }
  }

  /** Returns how many bytes the answer has. */
  #answer({ connection, requestId, query }: PendingQuery, time: number): number {
    const { connections, replica, report } = this.#options
    const told = connections.toTell(connection)
    if (told === undefined) return 0
    try {
      const reply = replica.query(query, time)
      const lowered = lower(replica.machine, { kind: 'query', call: query, reply, version: told.version })
      told.replyToQuery({ requestId, index: replica.lastApplied, reply: lowered?.reply ?? reply, refused: lowered?.refused })
      return reply.length
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      report({ kind: 'queryFailed', message, stack: error instanceof Error ? error.stack : undefined })
      told.refuseQuery(requestId, { code: 'QUERY_FAILED', message })
      return 0
    }
  }
}

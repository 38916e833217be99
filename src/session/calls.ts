// All calls of a client, each in the lane of its kind.
import { unreachable } from '../core/invariant.ts'
import type { Index, Ms } from '../core/types.ts'
import { type ErrorCode, RaftgenError } from '../errors.ts'
import type { CallInput, Settled } from './api.ts'
import { Backoff } from './backoff.ts'
import type { Call } from './call.ts'
import { CommandLane } from './command-lane.ts'
import type { Wish } from './congestion.ts'
import type { Identity } from './identity.ts'
import { Ledger } from './ledger.ts'
import type { SessionLimits, SessionTiming } from './limits.ts'
import { QueryLane } from './query-lane.ts'
import { aborted, closed, expired, overloaded } from './verdict.ts'

const nothing = new Uint8Array(0)

export class Calls {
  readonly #ledger: Ledger
  readonly commands: CommandLane
  readonly queries: QueryLane
  /** Of queries `from: 'nearest'`. */
  readonly near: QueryLane

  constructor(options: { readonly limits: SessionLimits; readonly timing: SessionTiming; readonly random: () => number }) {
    const { limits, timing, random } = options
    this.#ledger = new Ledger(limits)
    this.commands = new CommandLane({ ledger: this.#ledger, timing, backoff: new Backoff(timing.refusedBackoffMs, random) })
    this.queries = new QueryLane({ ledger: this.#ledger, backoff: new Backoff(timing.refusedBackoffMs, random) })
    this.near = new QueryLane({ ledger: this.#ledger, backoff: new Backoff(timing.refusedBackoffMs, random) })
  }

  /** Calls that are not settled. */
  get open(): number {
    return this.#ledger.size
  }

  get earliestDeadline(): Ms {
    return this.#ledger.earliestDeadline
  }

  /** The highest index that any answer reflected. */
  get reflected(): Index {
    return this.#ledger.reflected
  }

  /** Whether the leader's server owes an answer. */
  get ask(): boolean {
    return this.commands.asks || this.queries.asks
  }

  /** Whether a server that does not lead is of no use. */
  get wantLeader(): boolean {
    return this.commands.wantsLeader || this.queries.wantsLeader
  }

  add(input: CallInput): void {
    const call = this.#ledger.admit(input)
    if (call === undefined) return
    this.#laneOf(call)?.call(call)
  }

  /** Why a command would not be taken in at present, whatever it is. */
  whyNoCommand(wish: Wish): RaftgenError | undefined {
    const overload = this.#ledger.overload(0)
    return overload === undefined ? this.commands.whyNoMore(wish) : overloaded(overload)
  }

  /** Of a call that is not taken in. */
  refuse(callId: number, error: RaftgenError): void {
    this.#ledger.refuse(callId, error)
  }

  abort(callId: number): void {
    const call = this.#ledger.get(callId)
    if (call === undefined) return
    const lane = this.#laneOf(call)
    if (lane === undefined) this.#ledger.settle(call, aborted(call, undefined), undefined)
    else lane.abort(call)
  }

  /** Settles what `connect` waits for, and calls that were made before it was known that their tokens are of no use. */
  onWelcome(identity: Identity): void {
    for (const call of this.#ledger.calls) {
      if (call.operation === 'connect') this.#ledger.settle(call, undefined, { index: 0, reply: nothing })
      const foreign = identity.refuse(call.atLeast)
      if (foreign !== undefined) this.#laneOf(call)?.fail(call, foreign.code, foreign.message)
    }
  }

  onLeader(now: Ms): void {
    this.commands.onLeader(now)
    this.queries.onLeader(now)
  }

  onDisconnected(): void {
    this.commands.onDisconnected()
    this.queries.onDisconnected()
  }

  /** `tried`, by connection: for messages, asked for only when there is one. */
  expire(now: Ms, leader: { readonly tried: string }, nearest: { readonly tried: string }): void {
    for (const call of this.#ledger.due(now)) {
      const lane = this.#laneOf(call)
      const { tried } = call.toNearest ? nearest : leader
      if (lane !== undefined) lane.expire(call, tried)
      else this.#ledger.settle(call, expired(call, { tried, overload: undefined, session: undefined }), undefined)
    }
  }

  failAll(code: ErrorCode, message: string): void {
    for (const call of this.#ledger.calls) {
      const lane = this.#laneOf(call)
      if (lane !== undefined) lane.fail(call, code, message)
      else this.#ledger.settle(call, new RaftgenError(code, message), undefined)
    }
  }

  /** Every server refused the connection to the nearest for good. */
  failNear(code: ErrorCode, message: string): void {
    for (const call of this.#ledger.calls) if (call.toNearest) this.near.fail(call, code, message)
  }

  closeAll(): void {
    for (const call of this.#ledger.calls) {
      const lane = this.#laneOf(call)
      if (lane !== undefined) lane.close(call)
      else this.#ledger.settle(call, closed(call, undefined), undefined)
    }
  }

  fetchSettled(): readonly Settled[] {
    return this.#ledger.fetch()
  }

  /** A `connect` is in none: it waits for a Welcome, which needs nothing to be sent. */
  #laneOf(call: Call): CommandLane | QueryLane | undefined {
    switch (call.operation) {
      case 'command':
        return this.commands
      case 'query':
        return call.toNearest ? this.near : this.queries
      case 'connect':
        return undefined
      default:
        return unreachable(call.operation)
    }
  }
}

// All calls of a client, each in the lane of its kind.
import { unreachable } from '../core/invariant.ts'
import type { Ms } from '../core/types.ts'
import { type ErrorCode, RaftgenError } from '../errors.ts'
import type { CallInput, Settled } from './api.ts'
import { Backoff } from './backoff.ts'
import type { Call } from './call.ts'
import { CommandLane } from './command-lane.ts'
import { Ledger } from './ledger.ts'
import type { SessionLimits, SessionTiming } from './limits.ts'
import { QueryLane } from './query-lane.ts'
import { aborted, closed, expired } from './verdict.ts'

const nothing = new Uint8Array(0)

export class Calls {
  readonly #ledger: Ledger
  readonly commands: CommandLane
  readonly queries: QueryLane

  constructor(options: { readonly limits: SessionLimits; readonly timing: SessionTiming; readonly random: () => number }) {
    const { limits, timing, random } = options
    this.#ledger = new Ledger(limits)
    this.commands = new CommandLane({ ledger: this.#ledger, timing, backoff: new Backoff(timing.refusedBackoffMs, random) })
    this.queries = new QueryLane({ ledger: this.#ledger, backoff: new Backoff(timing.refusedBackoffMs, random) })
  }

  /** Calls that are not settled. */
  get open(): number {
    return this.#ledger.size
  }

  get earliestDeadline(): Ms {
    return this.#ledger.earliestDeadline
  }

  /** Whether the server owes an answer. */
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
    if (call.operation === 'command') this.commands.call(call)
    if (call.operation === 'query') this.queries.call(call)
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

  /** Settles what `connect` waits for. */
  onWelcome(): void {
    for (const call of [...this.#ledger.calls]) {
      if (call.operation === 'connect') this.#ledger.settle(call, undefined, { index: 0, reply: nothing })
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

  /** `tried`: for messages, asked for only when there is one. */
  expire(now: Ms, source: { readonly tried: string }): void {
    const due = this.#ledger.due(now)
    if (due.length === 0) return
    const { tried } = source
    for (const call of due) {
      const lane = this.#laneOf(call)
      if (lane !== undefined) lane.expire(call, tried)
      else this.#ledger.settle(call, expired(call, { tried, overload: undefined, session: undefined }), undefined)
    }
  }

  failAll(code: ErrorCode, message: string): void {
    for (const call of [...this.#ledger.calls]) {
      const lane = this.#laneOf(call)
      if (lane !== undefined) lane.fail(call, code, message)
      else this.#ledger.settle(call, new RaftgenError(code, message), undefined)
    }
  }

  closeAll(): void {
    for (const call of [...this.#ledger.calls]) {
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
        return this.queries
      case 'connect':
        return undefined
      default:
        return unreachable(call.operation)
    }
  }
}

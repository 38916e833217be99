import type { Index, Ms } from '../core/types.ts'
import type { RaftgenError } from '../errors.ts'
import type { CallInput, Settled } from './api.ts'
import { Call } from './call.ts'
import type { Answer } from './caller.ts'
import type { SessionLimits } from './limits.ts'
import { overloaded } from './verdict.ts'

/** All calls are looked at whenever a deadline has passed: where there are more than so many, no more often than this. Milliseconds. */
const manyCalls = 1_024
const dueEveryMs = 10

/** All calls that are not settled, under their limits and deadlines, and the settlements that nobody has fetched yet. */
export class Ledger {
  readonly #limits: SessionLimits
  readonly #calls = new Map<number, Call>()
  #bytes = 0
  /** Invariant: no open call has an earlier deadline. It may be too early, never too late. */
  #earliestDeadline: Ms = Number.POSITIVE_INFINITY
  #judgedAt: Ms = Number.NEGATIVE_INFINITY
  /** The highest index that any answer reflected. */
  #reflected: Index = 0
  #settled: Settled[] = []
  #fetched: Settled[] = []

  constructor(limits: SessionLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#calls.size
  }

  get reflected(): Index {
    return this.#reflected
  }

  /** Infinity when there is no call. */
  get earliestDeadline(): Ms {
    if (this.#calls.size === 0) return Number.POSITIVE_INFINITY
    return this.#calls.size < manyCalls ? this.#earliestDeadline : Math.max(this.#earliestDeadline, this.#judgedAt + dueEveryMs)
  }

  /** In the order of the calls. */
  get calls(): IterableIterator<Call> {
    return this.#calls.values()
  }

  get(callId: number): Call | undefined {
    return this.#calls.get(callId)
  }

  /** The call, or nothing when it was settled at once with OVERLOADED. */
  admit(input: CallInput): Call | undefined {
    const overload = this.overload(input.payload.length)
    if (overload !== undefined) {
      this.refuse(input.callId, overloaded(overload))
      return undefined
    }
    const call = new Call(input)
    this.#calls.set(call.callId, call)
    this.#bytes += call.payload.length
    if (call.deadline < this.#earliestDeadline) this.#earliestDeadline = call.deadline
    return call
  }

  /** Of a call that never was admitted. */
  refuse(callId: number, error: RaftgenError): void {
    this.#settled.push({ callId, error, answer: undefined })
  }

  settle(call: Call, error: RaftgenError | undefined, answer: Answer | undefined): void {
    call.settled = true
    this.#calls.delete(call.callId)
    this.#bytes -= call.payload.length
    if (answer !== undefined && answer.index > this.#reflected) this.#reflected = answer.index
    this.#settled.push({ callId: call.callId, error, answer })
  }

  /** The calls whose time is up. Looks at all of them, but only when the earliest deadline has come. */
  due(now: Ms): readonly Call[] {
    if (now < this.earliestDeadline) return []
    this.#judgedAt = now
    const due: Call[] = []
    let earliest = Number.POSITIVE_INFINITY
    for (const call of this.#calls.values()) {
      if (call.deadline <= now) due.push(call)
      else if (call.deadline < earliest) earliest = call.deadline
    }
    this.#earliestDeadline = earliest
    return due
  }

  /** What was settled since the last time. Two arrays take turns: a callee of the one who reads may already make new calls. */
  fetch(): readonly Settled[] {
    const settled = this.#settled
    this.#settled = this.#fetched
    this.#settled.length = 0
    this.#fetched = settled
    return settled
  }

  /** Why there is no room for a call with a payload of so many bytes. */
  overload(bytes: number): string | undefined {
    const { callsMax, queueBytesMax } = this.#limits
    if (this.#calls.size >= callsMax) return `${this.#calls.size} calls of this client are not answered yet, at most ${callsMax} may be`
    const held = this.#bytes + bytes
    if (held <= queueBytesMax) return undefined
    return `the unanswered calls of this client would hold ${held} bytes with this one, at most ${queueBytesMax} are allowed`
  }
}

import { broken } from '../core/invariant.ts'
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
  /** By their ids. Not a `Map`, which would be built anew every so often while calls come and go all the time. */
  readonly #byId: (Call | undefined)[] = []
  /** In the order in which they were made: each knows its neighbours. */
  #first: Call | undefined
  #last: Call | undefined
  #size = 0
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
    return this.#size
  }

  get reflected(): Index {
    return this.#reflected
  }

  /** Infinity when there is no call. */
  get earliestDeadline(): Ms {
    if (this.#size === 0) return Number.POSITIVE_INFINITY
    return this.#size < manyCalls ? this.#earliestDeadline : Math.max(this.#earliestDeadline, this.#judgedAt + dueEveryMs)
  }

  /** In the order of the calls. */
  get calls(): readonly Call[] {
    const calls: Call[] = []
    for (let call = this.#first; call !== undefined; call = call.after) calls.push(call)
    return calls
  }

  get(callId: number): Call | undefined {
    return this.#byId[callId]
  }

  /** The call, or nothing when it was settled at once with OVERLOADED. */
  admit(input: CallInput): Call | undefined {
    const overload = this.overload(input.payload.length)
    if (overload !== undefined) {
      this.refuse(input.callId, overloaded(overload))
      return undefined
    }
    const call = new Call(input)
    this.#add(call)
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
    this.#remove(call)
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
    for (let call = this.#first; call !== undefined; call = call.after) {
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
    if (this.#size >= callsMax) return `${this.#size} calls of this client are not answered yet, at most ${callsMax} may be`
    const held = this.#bytes + bytes
    if (held <= queueBytesMax) return undefined
    return `the unanswered calls of this client would hold ${held} bytes with this one, at most ${queueBytesMax} are allowed`
  }

  #add(call: Call): void {
    this.#byId[call.callId] = call
    call.before = this.#last
    if (this.#last === undefined) this.#first = call
    else this.#last.after = call
    this.#last = call
    this.#size += 1
  }

  #remove(call: Call): void {
    if (this.#byId[call.callId] !== call) broken(`call ${call.callId} is settled twice`)
    this.#byId[call.callId] = undefined
    const { before, after } = call
    if (before === undefined) this.#first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    call.before = undefined
    call.after = undefined
    this.#size -= 1
  }
}

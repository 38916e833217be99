// What clients called, when, and what they were told.
import type { Index, Ms } from '../core/types.ts'
import type { ErrorCode, Outcome, RaftgenError } from '../errors.ts'
import type { Answer } from '../session/caller.ts'
import type { Verdict } from './violation.ts'

/** The clock of a client may go slow by this much. */
const driftMax = 0.01
/** Timers and turns of a client come a little late. */
const lateMaxMs = 1

export type CallOutcome =
  | { readonly kind: 'pending' }
  | { readonly kind: 'answered'; readonly index: Index; readonly reply: Uint8Array }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string; readonly effect: Outcome }

/** What a call asks for: a command, or a query and how fresh its answer must be. */
export type CallKind = 'command' | 'linearizable' | 'lease' | 'atLeast' | 'stale'

/** One call of a client, and what became of it. */
export class SimCall {
  /** In the order of the calls of all clients, from 1. */
  readonly id: number
  readonly client: number
  readonly kind: CallKind
  readonly payload: Uint8Array
  readonly calledAt: Ms
  readonly timeoutMs: Ms
  /**
   * It may not take effect below: the highest index that any call had been answered with before this one was made; of `atLeast`, its token;
   * of `stale`, 0.
   */
  readonly floor: Index
  /** The latest log time that any query had been shown before this call was made. */
  readonly floorNow: number
  outcome: CallOutcome = { kind: 'pending' }
  settledAt: Ms | undefined

  constructor(call: Pick<SimCall, 'id' | 'client' | 'kind' | 'payload' | 'calledAt' | 'timeoutMs' | 'floor' | 'floorNow'>) {
    this.id = call.id
    this.client = call.client
    this.kind = call.kind
    this.payload = call.payload
    this.calledAt = call.calledAt
    this.timeoutMs = call.timeoutMs
    this.floor = call.floor
    this.floorNow = call.floorNow
  }
}

const attemptKey = (session: number, seq: number): number => session * 0x10_0000 + seq

export class History {
  readonly calls: SimCall[] = []
  readonly #verdict: Verdict
  /** Which call a number of a session stands for. */
  readonly #attempts = new Map<number, SimCall>()
  readonly #byPayload = new WeakMap<Uint8Array, SimCall>()
  #highestAnswered: Index = 0
  #settled = 0

  constructor(verdict: Verdict) {
    this.#verdict = verdict
  }

  get pending(): number {
    return this.calls.length - this.#settled
  }

  /** The highest index that any call was answered with. */
  get highestAnswered(): Index {
    return this.#highestAnswered
  }

  get settled(): number {
    return this.#settled
  }

  /** `payload` must be an array of its own; `token` is that of an `atLeast` query. */
  call({
    token,
    ...call
  }: Pick<SimCall, 'client' | 'kind' | 'payload' | 'calledAt' | 'timeoutMs' | 'floorNow'> & { readonly token: Index }): SimCall {
    const floor = call.kind === 'atLeast' ? token : call.kind === 'stale' ? 0 : this.#highestAnswered
    const made = new SimCall({ ...call, id: this.calls.length + 1, floor })
    this.calls.push(made)
    this.#byPayload.set(call.payload, made)
    return made
  }

  /** The same call in other bytes: an array of its own. */
  alias(call: SimCall, payload: Uint8Array): void {
    this.#byPayload.set(payload, call)
  }

  /** A client sends the command `payload` under this number. */
  sent({ session, seq, payload }: { readonly session: number; readonly seq: number; readonly payload: Uint8Array }): void {
    const call = this.#byPayload.get(payload)
    if (call === undefined)
      return this.#verdict.violate('clients send what was called', `command ${seq} of session ${session} was never called`)
    const before = this.#attempts.get(attemptKey(session, seq)) ?? call
    this.#attempts.set(attemptKey(session, seq), call)
    this.#verdict.check(
      before === call,
      'a number of a session names one command',
      () => `command ${seq} of session ${session} is two calls`,
    )
  }

  attempted(session: number, seq: number): SimCall | undefined {
    return this.#attempts.get(attemptKey(session, seq))
  }

  settle(
    call: SimCall,
    at: Ms,
    { error, answer }: { readonly error: RaftgenError | undefined; readonly answer: Answer | undefined },
  ): void {
    this.#verdict.check(call.outcome.kind === 'pending', 'a call is settled once', () => `call ${call.id} is settled twice`)
    this.#verdict.check(
      (error === undefined) !== (answer === undefined),
      'a call is settled with one of two',
      () => `call ${call.id} has neither, or both`,
    )
    const late = at - call.calledAt - call.timeoutMs * (1 + driftMax)
    this.#verdict.check(
      late < lateMaxMs,
      'a call is settled by its deadline',
      () => `call ${call.id} is settled ${late.toFixed(1)} ms late`,
    )
    this.#settled += 1
    call.settledAt = at
    if (error !== undefined) call.outcome = { kind: 'failed', code: error.code, message: error.message, effect: error.outcome }
    if (answer === undefined) return
    call.outcome = { kind: 'answered', index: answer.index, reply: answer.reply }
    this.#onAnswer(call, answer.index)
  }

  /** Their client is gone: nobody will be told, and anything may have become of them. */
  abandon(calls: readonly SimCall[], at: Ms): void {
    for (const call of calls) {
      this.#settled += 1
      call.settledAt = at
      call.outcome = { kind: 'failed', code: 'OUTCOME_UNKNOWN', message: 'the client crashed', effect: 'unknown' }
    }
  }

  /**
   * Whatever was answered before this call was made comes before it (linearizability), on whatever node and by whatever kind of read: what
   * any answer reflects is committed, so none that comes after may know less, but those that ask for less.
   */
  #onAnswer({ id, kind, floor }: SimCall, index: Index): void {
    const isLater = kind === 'command' ? index > floor : index >= floor
    this.#verdict.check(
      isLater,
      kind === 'atLeast' ? 'an answer reflects its token' : 'linearizability: real-time order',
      () =>
        `call ${id} (${kind}) took effect at ${index}; ${floor} was ${kind === 'atLeast' ? 'its token' : 'answered before it was made'}`,
    )
    this.#highestAnswered = Math.max(this.#highestAnswered, index)
  }
}

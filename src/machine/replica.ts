// One replica of the whole replicated state: the user's machine, the sessions of its clients, and log time. Fed with committed entries.
import { assert, broken } from '../core/invariant.ts'
import type { Entry, EntryId, Index, Term } from '../core/types.ts'
import type { ErrorCode } from '../errors.ts'
import { createContext, type EntryContext } from './context.ts'
import { DigestRing } from './digest-ring.ts'
import type { Envelope } from './envelope.ts'
import { DigestSum } from './field-digest.ts'
import { hashOfTime } from './runtime-hash.ts'
import { type SessionRecord, sessionsMax, Sessions } from './sessions.ts'
import type { HandlerFailure, QueryContext, StateMachine } from './state-machine.ts'

/** What became of an entry, for the one node that has to answer for it. Overwritten by the next `apply`. */
export interface Applied {
  /** Index at which the command took effect: of an earlier entry when this one was a repetition. */
  index: Index
  reply: Uint8Array
  /** Of the handler, when it failed in this very application. */
  failure: HandlerFailure | undefined
  refused: { readonly code: ErrorCode; readonly message: string } | undefined
}

/** Everything of a replica but its machine. */
export interface ReplicaState {
  readonly lastApplied: EntryId
  readonly now: number
  readonly ceiling: number
  readonly ceilingTerm: Term
  /** By ascending id. */
  readonly sessions: Iterable<SessionRecord>
}

const noReply = new Uint8Array(0)

export class Replica {
  readonly machine: StateMachine
  readonly sessions = new Sessions()
  /** After each of the last entries: what the whole replica adds up to, its machine, the replies it keeps and log time. */
  readonly digests = new DigestRing()
  readonly applied: Applied = { index: 0, reply: noReply, failure: undefined, refused: undefined }
  #lastApplied: Index = 0
  #lastAppliedTerm: Term = 0
  /** Log time: the highest stamp applied. */
  #now = 0
  /** No query was shown a time above this. */
  #ceiling = 0
  /** Leaders of later terms start at the ceiling: their own clocks may lag behind what a query has been shown. */
  #ceilingTerm: Term = 0
  readonly #context: EntryContext
  readonly #sum = new DigestSum()

  constructor(machine: StateMachine) {
    this.machine = machine
    this.#context = createContext((failure) => {
      this.applied.failure = failure
    })
  }

  get lastApplied(): Index {
    return this.#lastApplied
  }

  get lastAppliedTerm(): Term {
    return this.#lastAppliedTerm
  }

  get now(): number {
    return this.#now
  }

  get ceiling(): number {
    return this.#ceiling
  }

  get ceilingTerm(): Term {
    return this.#ceilingTerm
  }

  /** Entries without an envelope: they pass without a trace. */
  skip(entry: Entry): void {
    this.#advance(entry)
    this.#noteDigest()
  }

  /** Applies one entry. What the machine throws is not caught: this replica cannot go on without it. */
  apply(entry: Entry, envelope: Envelope): void {
    this.#advance(entry)
    this.#passTime(entry.term, envelope.now)
    const { applied } = this
    applied.index = entry.index
    applied.reply = noReply
    applied.failure = undefined
    applied.refused = undefined
    if (envelope.kind === 'command') this.#applyCommand(entry, envelope)
    else this.#applyRare(entry, envelope)
    this.sessions.expire(this.#now)
    this.#noteDigest()
  }

  /**
   * Replaces everything: the machine first, from `machineState`; what it throws leaves the rest as it was, and the machine as the machine
   * says. Behaves from now on as the replica that the parts were taken from.
   */
  restore(state: ReplicaState, machineState: Uint8Array): void {
    this.machine.restoreSnapshot(machineState)
    this.#replace(state)
  }

  /**
   * As `restore`, in two steps: throws what the machine throws, and then nothing has changed; what it returns replaces everything. Without a
   * state that is to be kept (`hasState`) the machine may have changed all the same.
   */
  prepare(state: ReplicaState, machineState: Uint8Array, { hasState }: { readonly hasState: boolean }): () => void {
    const install = this.machine.prepareSnapshot?.(machineState) ?? this.#tryOn(machineState, hasState)
    return () => {
      install()
      this.#replace(state)
    }
  }

  /** Replaces everything, the state of the machine by `install`, which must not throw. */
  adopt(state: ReplicaState, install: () => void): void {
    install()
    this.#replace(state)
  }

  /** For a machine that can only replace its state. */
  #tryOn(machineState: Uint8Array, hasState: boolean): () => void {
    const { machine } = this
    const before = hasState ? machine.snapshot() : undefined
    try {
      machine.restoreSnapshot(machineState)
    } finally {
      if (before !== undefined) this.#putBack(before)
    }
    return () => machine.restoreSnapshot(machineState)
  }

  #putBack(before: Uint8Array): void {
    try {
      this.machine.restoreSnapshot(before)
    } catch (error) {
      broken(`the machine ${this.machine.name} does not read its own snapshot: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  #replace({ lastApplied, now, ceiling, ceilingTerm, sessions }: ReplicaState): void {
    this.sessions.restore(sessions)
    this.#lastApplied = lastApplied.index
    this.#lastAppliedTerm = lastApplied.term
    this.#now = now
    this.#ceiling = ceiling
    this.#ceilingTerm = ceilingTerm
    this.#noteDigest()
  }

  #noteDigest(): void {
    const sum = this.#sum
    sum.reset()
    sum.add(this.sessions.digest)
    sum.add(hashOfTime(this.#now, this.#ceiling))
    const { digest } = this.machine
    if (digest !== undefined) sum.add(digest)
    this.digests.note(this.#lastApplied, sum)
  }

  /** Answers a query from the state as it is. `now` is what the query may see of time. */
  query(query: Uint8Array, now: number): Uint8Array {
    const context: QueryContext = { index: this.#lastApplied, now: Math.max(now, this.#now), version: this.machine.version }
    return this.machine.query(query, context)
  }

  #advance({ index, term }: Entry): void {
    if (index !== this.#lastApplied + 1) broken(`entry ${index} is applied after entry ${this.#lastApplied}`)
    this.#lastApplied = index
    this.#lastAppliedTerm = term
  }

  #passTime(term: Term, stamp: number): void {
    if (term > this.#ceilingTerm) {
      this.#ceilingTerm = term
      this.#now = Math.max(this.#now, this.#ceiling)
    }
    this.#now = Math.max(this.#now, stamp)
  }

  #applyCommand({ index, term }: Entry, { session, seq, ackedBelow, version, command }: Extract<Envelope, { kind: 'command' }>): void {
    const { applied, sessions } = this
    const verdict = sessions.admit(session, { seq, ackedBelow, now: this.#now })
    switch (verdict.kind) {
      case 'execute':
        this.#context.enter({ index, term, now: this.#now, version })
        applied.reply = this.machine.apply(command, this.#context)
        this.#context.leave()
        sessions.record(session, seq, { index, reply: applied.reply })
        return
      case 'duplicate': {
        const { recorded } = verdict
        applied.index = recorded.index
        if (recorded.reply !== undefined) applied.reply = recorded.reply
        else
          applied.refused = { code: 'REPLY_DROPPED', message: `command ${seq} was applied at index ${recorded.index}; its reply is gone` }
        return
      }
      case 'refused':
        applied.refused = verdict
        return
      default:
        assert(false, 'a verdict of an unknown kind')
    }
  }

  #applyRare({ index }: Entry, envelope: Exclude<Envelope, { kind: 'command' }>): void {
    const now = this.#now
    switch (envelope.kind) {
      case 'openSession':
        if (!this.sessions.open(index, { now, ttlMs: envelope.ttlMs })) {
          this.applied.refused = { code: 'OVERLOADED', message: `the cluster has ${sessionsMax} sessions, no more are allowed` }
        }
        return
      case 'closeSession':
        return this.sessions.close(envelope.session)
      case 'keepAlive':
        for (const { session, ackedBelow } of envelope.sessions) this.sessions.touch(session, { now, ackedBelow })
        return
      case 'renewSessions':
        return this.sessions.renew(now)
      case 'clock':
        this.#ceiling = Math.max(this.#ceiling, envelope.ceiling)
        return
      case 'check':
        return // nothing but a place in the log
      default:
        assert(false, 'an envelope of an unknown kind')
    }
  }
}

// One replica of the whole replicated state: the user's machine, the sessions of its clients, and log time. Fed with committed entries.
import { assert, broken } from '../core/invariant.ts'
import type { Entry, EntryId, Index, Term } from '../core/types.ts'
import type { ErrorCode } from '../errors.ts'
import { createContext, type EntryContext } from './context.ts'
import { DigestRing } from './digest-ring.ts'
import type { Envelope } from './envelope.ts'
import { DigestSum } from './field-digest.ts'
import { hashOfTime } from './runtime-hash.ts'
import { type FailedActivation, MigrationFailure, migrationTo } from './evolution.ts'
import { type SessionRecord, sessionsMax, Sessions } from './sessions.ts'
import { SkippedEntries } from './skipped-entries.ts'
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

/**
 * What is to be done about a command: `fail`: one whose handler fails has failed, on every replica. `halt`: then it is not applied at all. `skip`: its
 * handler is not called, and counts as failed.
 */
export type Treatment = 'fail' | 'halt' | 'skip'
/**
 * `halted`: the handler, or a migration, failed, nothing has changed, and the same entry comes next. `astray`: so it is with an entry that says of an earlier one that
 * it was to be skipped, and here it was not: this state is not what the others have. `raising`: the state is on its way to another version; the same
 * entry comes next, until it is there.
 */
export type ApplyOutcome = 'applied' | 'halted' | 'astray' | 'raising'

/** Everything of a replica but its machine. */
export interface ReplicaState {
  readonly lastApplied: EntryId
  readonly now: number
  readonly ceiling: number
  readonly ceilingTerm: Term
  /** By ascending id. */
  readonly sessions: Iterable<SessionRecord>
  /** As `SkippedEntries` has them. */
  readonly skipped: readonly Index[]
  /** The entry that said first which version of the schema is in force; 0: none has. */
  readonly begunAt: Index
}

type CommandEnvelope = Extract<Envelope, { kind: 'command' }>

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
  readonly #skips = new SkippedEntries()
  #failedActivation: FailedActivation | undefined
  #isAstray = false
  /** The entry that said first which version of the schema is in force. */
  #begunAt: Index = 0
  /** On its way to the version that the next entry puts in force. */
  #raising: Iterator<void, void> | undefined
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

  /** Its state is none that the log leads to: nothing of it is to be used before another has taken its place. */
  get isAstray(): boolean {
    return this.#isAstray
  }

  /** The entry that said first which version of the schema is in force; 0: none has, and the machine is of its newest. */
  get begunAt(): Index {
    return this.#begunAt
  }

  /** Whether it is known which version of the schema is in force. */
  get hasBegun(): boolean {
    return this.#begunAt > 0 || this.machine.evolution === undefined
  }

  /** The version of the schema that is in force; before it has begun, the newest that the machine knows. */
  get version(): number {
    const { evolution, version } = this.machine
    return evolution?.active ?? version
  }

  get skipped(): readonly Index[] {
    return this.#skips.list
  }

  /** The last activation whose migration has failed in this life, or was skipped on its way since it has elsewhere. */
  get failedActivation(): FailedActivation | undefined {
    return this.#failedActivation
  }

  /** The state is on its way to another version. */
  get isRaising(): boolean {
    return this.#raising !== undefined
  }

  /** It has applied a command that was to be skipped. */
  goAstray(): void {
    this.#isAstray = true
  }

  /** Whether the command at `index` has come to nothing here, as the entry that skips it wants it, or is still to come. */
  hasSkipped(index: Index): boolean {
    return index > this.#lastApplied || this.#skips.has(index)
  }

  /** Entries without an envelope: they pass without a trace. */
  pass(entry: Entry): void {
    this.#advance(entry)
    this.#noteDigest()
  }

  /** Applies one entry. What the machine throws is not caught: this replica cannot go on without it. */
  apply(entry: Entry, envelope: Envelope, treatment: Treatment = 'fail'): ApplyOutcome {
    const { applied } = this
    applied.index = entry.index
    applied.reply = noReply
    applied.failure = undefined
    applied.refused = undefined
    if (envelope.kind === 'command') {
      if (!this.#applyCommand(entry, envelope, treatment)) return 'halted'
    } else {
      if (envelope.kind === 'skip' && !this.hasSkipped(envelope.skipped)) {
        this.goAstray()
        return 'astray'
      }
      const end = envelope.kind === 'activate' ? this.#activate(entry, envelope.version, treatment) : 'applied'
      if (end !== 'applied') return end
      this.#advance(entry)
      // An order to skip may be the first stamped entry of its term: what renews the sessions is to come before any time passes.
      if (envelope.kind !== 'skip') this.#passTime(entry.term, envelope.now)
      this.#applyRare(entry, envelope)
    }
    this.sessions.expire(this.#now)
    this.#noteDigest()
    return 'applied'
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

  #replace({ lastApplied, now, ceiling, ceilingTerm, sessions, skipped, begunAt }: ReplicaState): void {
    this.#raising = undefined
    this.#begunAt = begunAt
    this.sessions.restore(sessions)
    this.#skips.replace(skipped)
    this.#failedActivation = undefined
    this.#isAstray = false
    this.#lastApplied = lastApplied.index
    this.#lastAppliedTerm = lastApplied.term
    this.#now = now
    this.#ceiling = ceiling
    this.#ceilingTerm = ceilingTerm
    this.digests.begin(this.#lastApplied, this.#addUp())
  }

  #noteDigest(): void {
    this.digests.note(this.#lastApplied, this.#addUp())
  }

  #addUp(): DigestSum {
    const sum = this.#sum
    sum.reset()
    sum.add(this.sessions.digest)
    sum.add(hashOfTime(this.#now, this.#ceiling))
    const { digest } = this.machine
    if (digest !== undefined) sum.add(digest)
    return sum
  }

  /** Answers a query from the state as it is. `now` is what the query may see of time. */
  query(query: Uint8Array, now: number): Uint8Array {
    const context: QueryContext = { index: this.#lastApplied, now: Math.max(now, this.#now), version: this.version }
    return this.machine.query(query, context)
  }

  #advance(entry: Entry): void {
    this.#checkNext(entry)
    this.#lastApplied = entry.index
    this.#lastAppliedTerm = entry.term
  }

  #checkNext({ index }: Entry): void {
    if (index !== this.#lastApplied + 1) broken(`entry ${index} is applied after entry ${this.#lastApplied}`)
  }

  #passTime(term: Term, stamp: number): void {
    this.#now = this.#timeAt(term, stamp)
    this.#ceilingTerm = Math.max(this.#ceilingTerm, term)
  }

  #timeAt(term: Term, stamp: number): number {
    const before = term > this.#ceilingTerm ? Math.max(this.#now, this.#ceiling) : this.#now
    return Math.max(before, stamp)
  }

  /** False when the handler failed and that is to halt this replica: then nothing has changed. So all else is changed after it. */
  #applyCommand(entry: Entry, envelope: CommandEnvelope, treatment: Treatment): boolean {
    const { applied, sessions } = this
    const { session, seq, ackedBelow } = envelope
    this.#checkNext(entry)
    const verdict = sessions.judge(session, { seq, ackedBelow })
    if (verdict.kind === 'execute' && !this.#execute(entry, envelope, treatment)) return false
    this.#advance(entry)
    this.#passTime(entry.term, envelope.now)
    sessions.touch(session, { now: this.#now, ackedBelow })
    if (treatment === 'skip') this.#skips.skip(entry.index)
    switch (verdict.kind) {
      case 'execute':
        sessions.record(session, seq, { index: entry.index, reply: applied.reply })
        return true
      case 'duplicate': {
        const { recorded } = verdict
        applied.index = recorded.index
        if (recorded.reply !== undefined) applied.reply = recorded.reply
        else
          applied.refused = { code: 'REPLY_DROPPED', message: `command ${seq} was applied at index ${recorded.index}; its reply is gone` }
        return true
      }
      case 'refused':
        applied.refused = verdict
        return true
      default:
        return broken('a verdict of an unknown kind')
    }
  }

  /** False when it failed and that is to halt this replica. */
  #execute({ index, term }: Entry, { now, version, command }: CommandEnvelope, treatment: Treatment): boolean {
    const { applied, machine } = this
    if (treatment === 'skip') {
      applied.reply = machine.failedReply ?? noReply
      return true
    }
    this.#context.enter({ index, term, now: this.#timeAt(term, now), version: machine.evolution?.active ?? version })
    applied.reply = machine.apply(command, this.#context)
    this.#context.leave()
    if (applied.failure === undefined) return true
    if (treatment === 'halt') return false
    this.#skips.fail(index)
    return true
  }

  /**
   * `halted`: a migration throws, so the version cannot be reached, here and on every replica of this build: nothing has changed. What comes of it the log is to say, since a
   * build in which it is mended would find it to succeed: whoever leads skips the entry. Throws VERSION_UNKNOWN: this replica cannot go on.
   */
  #activate(entry: Entry, version: number, treatment: Treatment): 'applied' | 'raising' | 'halted' {
    this.#checkNext(entry)
    const { evolution } = this.machine
    if (treatment === 'skip') {
      if (this.#raising !== undefined) this.#failActivation(entry.index, version, `${migrationTo(version)} has failed on the leader`)
      this.#skips.skip(entry.index)
      return 'applied'
    }
    if (evolution === undefined) return 'applied'
    if (this.#begunAt === 0) {
      evolution.begin(version)
      this.#begunAt = entry.index
      return 'applied'
    }
    if (version <= evolution.active) return 'applied'
    this.#raising ??= evolution.raise(version)
    try {
      if (this.#raising.next().done !== true) return 'raising'
    } catch (error) {
      if (!(error instanceof MigrationFailure)) throw error
      this.#failActivation(entry.index, version, error.message)
      this.applied.failure = { command: migrationTo(version), message: error.message, stack: error.stack }
      return 'halted'
    }
    this.#raising = undefined
    return 'applied'
  }

  #failActivation(index: Index, version: number, message: string): void {
    this.#raising = undefined
    this.#failedActivation = { index, version, message: `version ${version} cannot be put in force: ${message}` }
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
      case 'skip':
        this.#skips.settle(envelope.skipped)
        return
      case 'check':
      case 'activate':
        return // nothing but a place in the log, from here on
      default:
        assert(false, 'an envelope of an unknown kind')
    }
  }
}

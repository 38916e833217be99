// One replica in this process, without Raft: for unit tests of handlers. Everything takes effect at once, and time moves only when told.
import { assert } from '../core/invariant.ts'
import type { Index } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import { createContext, type EntryContext } from '../machine/context.ts'
import { failureText } from '../machine/failure-text.ts'
import type { HandlerFailure, StateMachine, Twin } from '../machine/state-machine.ts'
import { Ambience } from './ambience.ts'
import type { Caller, CallOptions, QueryOptions, Settle, Token } from '../session/caller.ts'

export interface LocalOptions {
  /** Log time at the start, milliseconds since 1970. Default 1,767,225,600,000: 1 January 2026, 00:00 UTC. */
  readonly now?: number
  /**
   * After every command, restore the state from its own snapshot and compare: finds state that does not survive a restart. Default true;
   * it stops by itself once a snapshot exceeds 64 KiB, since it reads all of the state.
   */
  readonly paranoid?: boolean
  /**
   * Apply every command once more, to a replica of its own, under another clock, in another time zone and with another luck, and compare what came of
   * it: finds handlers that are not deterministic, and ends the replica (STATE_DIVERGED). Handlers run twice then, so one that tells a test what it
   * does tells it twice. Default true, for generated machines. States are compared as long as their snapshot has 64 KiB at most, replies always.
   */
  readonly twice?: boolean
}

/** A handler that failed: what the log of a server would show. */
export interface LocalFailure extends HandlerFailure {
  readonly index: Index
}

/** Takes the place of a connected client. Calls have taken effect when they return; their promises settle in the order of the calls. */
export interface LocalReplica extends Caller {
  /** Index of the last command: each takes one, also one that fails. */
  readonly index: Index
  /** Log time, milliseconds since 1970. */
  readonly now: number
  /** Every handler of a command that threw or broke its schema, in order, with message and stack. */
  readonly failures: readonly LocalFailure[]
  /** Lets log time pass: whole milliseconds, at least 0. Throws BAD_OPTIONS for anything else. */
  advance(ms: number): void
}

const startOf2026 = 1_767_225_600_000
const term = 1
/** Reading all of the state for each command is felt above this. Bytes. */
const stateBytesMax = 65_536

/** Runs `machine` as one replica in this process. Throws BAD_OPTIONS. */
export const local = (machine: StateMachine, options: LocalOptions = {}): LocalReplica => new OneReplica(machine, options)

class OneReplica implements LocalReplica {
  readonly #machine: StateMachine
  readonly #context: EntryContext
  readonly #failures: LocalFailure[] = []
  readonly #twin: Twin | undefined
  readonly #twinContext = createContext(() => {})
  readonly #ambience = new Ambience()
  #paranoid: boolean
  /** Its state is small enough to be read for each command. */
  #isSmall = true
  #now: number
  #index: Index = 0
  /** Why this replica takes no more calls. */
  #stopped: RaftgenError | undefined

  constructor(machine: StateMachine, { now = startOf2026, paranoid = true, twice = true }: LocalOptions) {
    checkMs('now', now)
    this.#machine = machine
    this.#now = now
    this.#paranoid = paranoid
    this.#twin = twice ? machine.twin?.() : undefined
    // It may have been used before.
    this.#twin?.machine.restoreSnapshot(machine.snapshot())
    this.#context = createContext((failure) => this.#failures.push({ ...failure, index: this.#index }))
  }

  get index(): Index {
    return this.#index
  }

  get now(): number {
    return this.#now
  }

  get failures(): readonly LocalFailure[] {
    return this.#failures
  }

  advance(ms: number): void {
    checkMs('advance', ms)
    this.#now += ms
  }

  command(command: Uint8Array, options: CallOptions | undefined, settle: Settle): void {
    const refused = this.#stopped ?? aborted(options) ?? invalid(this.#machine.check?.(command))
    if (refused !== undefined) {
      settle(refused, undefined)
      return
    }
    this.#index++
    let reply: Uint8Array
    try {
      reply = this.#apply(command)
    } catch (error) {
      const why = `the replica stopped at index ${this.#index}: ${messageOf(error)}`
      this.#stopped =
        error instanceof RaftgenError && error.code === 'STATE_DIVERGED' ? error : new RaftgenError('INTERNAL', why, { cause: error })
      settle(this.#stopped, undefined)
      return
    }
    const failed = this.#failures.at(-1)
    settle(undefined, { index: this.#index, reply, ...(failed?.index === this.#index ? { failure: failureText(failed) } : {}) })
  }

  query(query: Uint8Array, options: QueryOptions | undefined, settle: Settle): void {
    const refused = this.#stopped ?? aborted(options) ?? invalid(this.#machine.checkQuery?.(query))
    if (refused !== undefined) {
      settle(refused, undefined)
      return
    }
    let reply: Uint8Array
    try {
      reply = this.#machine.query(query, { index: this.#index, now: this.#now, version: this.#machine.version })
    } catch (error) {
      settle(new RaftgenError('QUERY_FAILED', messageOf(error), { cause: error }), undefined)
      return
    }
    settle(undefined, { index: this.#index, reply })
  }

  get token(): Token {
    return { clusterId: 'local', index: this.#index }
  }

  close(): Promise<void> {
    this.#stopped ??= new RaftgenError('CLOSED', 'the local replica was closed')
    return Promise.resolve()
  }

  #apply(command: Uint8Array): Uint8Array {
    const twin = this.#twin
    if (twin === undefined) return this.#applyTo(this.#machine, command, this.#context)
    const reply = this.#ambience.here(() => this.#applyTo(this.#machine, command, this.#context))
    const other = this.#ambience.elsewhere(() => this.#applyTo(twin.machine, command, this.#twinContext))
    const isSame = firstDifference(reply, other) === undefined
    // Looked at ever more seldom.
    if ((this.#index & (this.#index - 1)) === 0) this.#isSmall &&= this.#machine.snapshot().length <= stateBytesMax
    const difference = this.#isSmall ? twin.difference() : undefined
    if (!isSame || difference !== undefined) throw diverged(twin.nameOf(command), difference)
    return reply
  }

  #applyTo(machine: StateMachine, command: Uint8Array, context: EntryContext): Uint8Array {
    context.enter({ index: this.#index, term, now: this.#now, version: machine.version })
    const reply = machine.apply(command, context)
    context.leave()
    if (this.#paranoid && machine === this.#machine) this.#checkRestore()
    return reply
  }

  #checkRestore(): void {
    const before = this.#machine.snapshot()
    if (before.length > stateBytesMax) {
      this.#paranoid = false
      return
    }
    this.#machine.restoreSnapshot(before)
    const after = this.#machine.snapshot()
    const at = firstDifference(before, after)
    assert(at === undefined, `the state does not survive a restart: its snapshot, restored, differs from itself at byte ${at}`)
  }
}

function diverged(command: string, difference: string | undefined): RaftgenError {
  const what = difference === undefined ? 'what it answers differs' : difference
  return new RaftgenError(
    'STATE_DIVERGED',
    `the handler of ${command} is not deterministic. Applied once more to an equal state, under another clock, in another time zone and with another luck: ${what}. \`raftgen check\` may tell why`,
  )
}

function checkMs(what: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return
  throw new RaftgenError('BAD_OPTIONS', `${what} is ${value}, whole milliseconds of at least 0 are required`)
}

function aborted(options: CallOptions | undefined): RaftgenError | undefined {
  if (options?.signal?.aborted !== true) return undefined
  return new RaftgenError('ABORTED', 'the signal fired before the call')
}

const invalid = (sentence: string | undefined): RaftgenError | undefined =>
  sentence === undefined ? undefined : new RaftgenError('INVALID_INPUT', sentence)

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

function firstDifference(a: Uint8Array, b: Uint8Array): number | undefined {
  const length = Math.max(a.length, b.length)
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return i
  }
  return undefined
}

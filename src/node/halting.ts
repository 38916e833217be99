// Where this node has stopped applying, and why. Everything else of it goes on: it votes, replicates, acknowledges, and leads.
import type { Entry, Index, LogSummary, Ms, Persist, Raft } from '../core/index.ts'
import type { RaftgenError } from '../errors.ts'
import { isMigration } from '../machine/evolution.ts'
import type { Replica, Treatment } from '../machine/replica.ts'
import type { Log, Skip } from '../ports/log.ts'
import type { Net } from '../ports/net.ts'
import type { Refused } from '../wire/client-messages.ts'
import { cutSentence } from '../wire/refused-codec.ts'
import { HaltHandOver } from './halt-hand-over.ts'
import { haltSentence } from './halt-sentence.ts'
import { HaltedMembers, withoutState } from './halted-members.ts'
import type { Halt, NodeEvent, NodeOptions } from './options.ts'
import { Skips } from './skips.ts'

export interface HaltingPorts {
  readonly raft: Raft
  readonly replica: Replica
  readonly log: Log
  readonly net: Net
  readonly heartbeatMs: Ms
  readonly electionTimeoutMs: Ms
  wake(): void
  fail(error: Error): void
  report(event: NodeEvent): void
}

type Policy = Pick<NodeOptions, 'id' | 'onHandlerError' | 'halted' | 'retryHalted'>

export class Halting {
  /** Who else has stopped, and where. */
  readonly members: HaltedMembers
  readonly #handOver: HaltHandOver
  readonly #ports: HaltingPorts
  readonly #id: number
  readonly #onHandlerError: 'fail' | 'halt'
  readonly #retries: boolean
  readonly #skips: Skips
  /** An earlier life died applying this command. */
  #fatal: Halt | undefined
  #current: Halt | undefined
  #now: Ms = 0
  #haltedAt: Ms = 0
  /** Where nothing is known of, each command is applied as `#onHandlerError` says. */
  #isPlain: boolean

  constructor({ id, onHandlerError = 'fail', halted, retryHalted = false }: Policy, ports: HaltingPorts) {
    const { log, replica } = ports
    this.#ports = ports
    this.#id = id
    this.#onHandlerError = onHandlerError
    this.#retries = retryHalted
    this.#fatal = halted
    this.#isPlain = halted === undefined
    this.#skips = new Skips(ports, unapplied(log.summary, replica.lastApplied))
    const stopsAt = () => (replica.isAstray ? withoutState : this.#current?.index)
    this.members = new HaltedMembers({ ...ports, id, stopsAt })
    this.#handOver = new HaltHandOver({ ...ports, members: this.members, halt: () => this.#current })
    // The command may be behind this node, and that have been forgotten by the disk.
    this.applied(replica.lastApplied)
  }

  /** The command before which apply has stopped. */
  get current(): Halt | undefined {
    return this.#current
  }

  /** Why nothing that needs this command, or a later one, can be answered. While it is a migration, of which all find the same, what comes waits a little. */
  get refusal(): Refused | undefined {
    if (this.#current === undefined || this.#isBeingSkipped(this.#current)) return undefined
    return { code: 'APPLY_HALTED', message: haltSentence(this.#id, this.#current) }
  }

  /** Nothing may be applied: what is to be skipped is not known yet. */
  get isReading(): boolean {
    return this.#skips.isReading
  }

  /** The log is about to change. */
  written(persist: Persist): void {
    this.#skips.written(persist)
  }

  /**
   * What is to be done with the command at `index`, of which everything up to `committed` is committed; nothing yet: `undefined`. While an entry that
   * skips it is in the log and not committed, it waits: either that one will be, or it goes.
   */
  treatmentOf(index: Index, committed: Index): Treatment | undefined {
    if (this.#isPlain && this.#skips.isEmpty) return this.#onHandlerError
    const skip = this.#skips.of(index)
    if (skip !== undefined) return skip <= committed ? 'skip' : undefined
    if (this.#current?.index === index) return undefined
    if (this.#fatal?.index === index && !this.#retries) {
      this.#halt(this.#fatal, undefined)
      return undefined
    }
    return this.#onHandlerError
  }

  /**
   * Of what is committed up to `committed`: the first command that is to be skipped and was applied here, and the entry that says so. Nothing else of this
   * state is to be used: that entry need not be reached for it.
   */
  strayedBy(committed: Index): Skip | undefined {
    if (this.#skips.isEmpty) return undefined
    const { replica } = this.#ports
    return this.#skips.broken(committed, (skipped) => replica.hasSkipped(skipped))
  }

  /** What came of the command at `index` here may have to be given up: an entry that skips it is in the log. */
  isToBeSkipped(index: Index): boolean {
    return !this.#skips.isEmpty && this.#skips.of(index) !== undefined
  }

  /** Between a command that is skipped and the entry that says so: a replica that has applied it differs there, and finds out by that entry. */
  isAmidSkip(index: Index): boolean {
    return this.#skips.isAmid(index)
  }

  /** The handler of the command at `index` has failed, and nothing was changed. */
  onHalted({ index }: Entry): void {
    const { failure } = this.#ports.replica.applied
    const { command = '', message = '', stack } = failure ?? {}
    this.#halt({ index, command, message: cutSentence(message), isFatal: false }, stack)
  }

  /** The machine threw HANDLER_FATAL at the command, and this node ends of it. */
  onFatal({ index }: Entry, { message }: RaftgenError): void {
    const failure = this.#ports.replica.applied.failure ?? { command: '', message }
    const halt = { index, command: failure.command, message: cutSentence(failure.message), isFatal: true }
    this.#ports.report({ kind: 'handlerFatal', halt })
  }

  onSkipped({ index }: Entry): void {
    this.#ports.report({ kind: 'commandSkipped', index })
  }

  /** Everything up to `index` is in the state. */
  applied(index: Index): void {
    this.#skips.applied(index)
    if (this.#isPlain) return
    const passed = [this.#current, this.#fatal].filter((halt) => halt !== undefined && halt.index <= index)
    if (passed.length === 0) return
    if (passed.includes(this.#current)) this.#current = undefined
    if (passed.includes(this.#fatal)) this.#fatal = undefined
    this.#isPlain = this.#current === undefined && this.#fatal === undefined
    if (this.#isPlain) this.#ports.report({ kind: 'applyGoesOn', index: passed[0]?.index ?? index })
  }

  /** In each turn: tells the others, and hands over where another could serve. */
  turn(now: Ms): void {
    this.#now = now
    this.members.turn(now)
    this.#handOver.turn(now)
  }

  #isBeingSkipped({ command }: Halt): boolean {
    return isMigration(command) && this.#now - this.#haltedAt < this.#ports.electionTimeoutMs
  }

  #halt(halt: Halt, stack: string | undefined): void {
    this.#current = halt
    this.#haltedAt = this.#now
    this.#isPlain = false
    this.#ports.report({ kind: 'applyHalted', halt, stack })
  }
}

/** What of the log is not in the state. */
function unapplied({ base, lastIndex }: LogSummary, lastApplied: Index): { readonly firstIndex: Index; readonly lastIndex: Index } {
  return { firstIndex: Math.max(base.id.index, lastApplied) + 1, lastIndex }
}

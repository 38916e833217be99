// Where this node has stopped applying, and why. Everything else of it goes on: it votes, replicates, acknowledges, and leads.
import type { Index } from '../core/index.ts'
import type { Treatment } from '../machine/replica.ts'
import type { HandlerFailure } from '../machine/state-machine.ts'
import type { Refused } from '../wire/client-messages.ts'
import type { Halt, NodeEvent, NodeOptions } from './options.ts'
import type { Skips } from './skips.ts'

export interface HaltingOptions extends Required<Pick<NodeOptions, 'id' | 'onHandlerError' | 'retryHalted'>> {
  readonly halted: Halt | undefined
  readonly skips: Skips
  report(event: NodeEvent): void
}

export class Halting {
  readonly #options: HaltingOptions
  /** An earlier life died applying this command: it is not tried again. */
  #fatal: Halt | undefined
  #current: Halt | undefined
  /** Where nothing is known of, each command is applied as `onHandlerError` says. */
  #isPlain: boolean

  constructor(options: HaltingOptions) {
    this.#options = options
    this.#fatal = options.halted
    this.#isPlain = options.halted === undefined
  }

  /** The command at which apply has halted. */
  get current(): Halt | undefined {
    return this.#current
  }

  /** Why nothing that needs this command, or a later one, can be answered. */
  get refusal(): Refused | undefined {
    if (this.#current === undefined) return undefined
    return { code: 'APPLY_HALTED', message: haltSentence(this.#options.id, this.#current) }
  }

  get refused(): { readonly index: Index; readonly refused: Refused } | undefined {
    const { refusal } = this
    return this.#current === undefined || refusal === undefined ? undefined : { index: this.#current.index, refused: refusal }
  }

  /**
   * What is to be done with the command at `index`, of which everything up to `committed` is committed; nothing yet: `undefined`. While an entry that
   * skips it is in the log and not committed, it waits: either that one will be, or it goes.
   */
  treatmentOf(index: Index, committed: Index): Treatment | undefined {
    const { skips, onHandlerError, retryHalted } = this.#options
    if (this.#isPlain && skips.isEmpty) return onHandlerError
    const skip = skips.of(index)
    if (skip !== undefined) return skip <= committed ? 'skip' : undefined
    if (this.#current?.index === index) return undefined
    if (this.#fatal?.index === index && !retryHalted) {
      this.#halt(this.#fatal, undefined)
      return undefined
    }
    return onHandlerError
  }

  /** The handler of the command at `index` has failed, and nothing was changed. */
  onHalted(index: Index, failure: HandlerFailure | undefined): void {
    this.#halt({ index, command: failure?.command ?? '', message: failure?.message ?? '', isFatal: false }, failure?.stack)
  }

  /** Everything up to `index` is in the state. */
  applied(index: Index): void {
    this.#options.skips.applied(index)
    if (this.#isPlain) return
    const known = this.#current ?? this.#fatal
    if (known === undefined || index < known.index) return
    this.#current = undefined
    this.#fatal = undefined
    this.#isPlain = true
    this.#options.report({ kind: 'applyGoesOn', index: known.index })
  }

  #halt(halt: Halt, stack: string | undefined): void {
    this.#current = halt
    this.#isPlain = false
    this.#options.report({ kind: 'applyHalted', halt, stack })
  }
}

/** What has happened, and the way out. */
export function haltSentence(id: number, { index, command, message, isFatal }: Halt): string {
  const what = `node ${id} applies nothing from entry ${index} on: the handler of ${command === '' ? 'that command' : command} failed there: ${message}`
  const again = isFatal ? 'start the nodes again with `retryHalted: true`' : 'start the nodes again'
  return `${what}. Mend it and ${again}, or skip the command: raftgen cluster skip ${index}`
}

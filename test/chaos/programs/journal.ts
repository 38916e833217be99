// Writes down each operation as it ends, and looks at once whether its index comes after those that had been answered before it was called. The whole
// history is checked in the end; what breaks here is told without waiting for that.
import { isCommand, type Operation } from '../history.ts'
import type { LineFile } from './line-file.js'

export interface JournalOptions {
  readonly file: LineFile
  /** Of `process.hrtime.bigint()`. */
  readonly begun: bigint
  violated(message: string): void
}

/** When it was called, and the highest index that anybody here had been answered with by then. */
export interface Invocation {
  readonly at: number
  readonly floor: number
}

export class Journal {
  readonly #options: JournalOptions
  #calls = 0
  #answered = 0
  #servedAt = 0
  #highest = 0

  constructor(options: JournalOptions) {
    this.#options = options
  }

  get progress(): { readonly calls: number; readonly answered: number; readonly servedAt: number } {
    return { calls: this.#calls, answered: this.#answered, servedAt: this.#servedAt }
  }

  invoke(): Invocation {
    this.#calls += 1
    return { at: this.#now(), floor: this.#highest }
  }

  ended(invocation: Invocation, operation: Omit<Operation, 'invoke' | 'return'>): void {
    const whole = { ...operation, invoke: invocation.at, return: this.#now() }
    this.#options.file.add(JSON.stringify(whole))
    const { index, op, consistency } = operation
    if (operation.outcome !== 'ok' || index === undefined) return
    this.#answered += 1
    if (consistency !== 'stale' && consistency !== 'atLeast') this.#servedAt = Math.max(this.#servedAt, invocation.at)
    const floor = consistency === 'stale' ? 0 : consistency === 'atLeast' ? (operation.token ?? 0) : invocation.floor
    const isLater = isCommand({ op }) ? index > floor : index >= floor
    if (!isLater)
      this.#options.violated(`an operation took effect too early: ${JSON.stringify(whole)} was called after ${floor} had been answered`)
    this.#highest = Math.max(this.#highest, index)
  }

  flush(): void {
    this.#options.file.flush()
  }

  #now(): number {
    return Number((process.hrtime.bigint() - this.#options.begun) / 1_000n)
  }
}

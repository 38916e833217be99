// What is durable and what is not yet: the one write in flight, and the term and vote it carries.
import { broken } from './invariant.ts'
import type { RaftLog } from './raft-log.ts'
import type { Entry, HardState, Persist } from './types.ts'

const noEntries: readonly Entry[] = []

export class Persistence {
  readonly #log: RaftLog
  #hardState: HardState
  /** The last one handed out to be written. */
  #written: HardState
  /** The one on the disk. */
  #durable: HardState
  #seq = 0
  #isWriting = false

  constructor(log: RaftLog, hardState: HardState) {
    this.#log = log
    this.#hardState = hardState
    this.#written = hardState
    this.#durable = hardState
  }

  get hardState(): HardState {
    return this.#hardState
  }

  /** Whether a crash now would leave term and vote as they are. */
  get isHardStateDurable(): boolean {
    return this.#durable === this.#hardState
  }

  /** Terms never fall; the vote of a term, once given, stays (§3.4). */
  set(hardState: HardState): void {
    const { term, votedFor } = this.#hardState
    if (hardState.term < term) broken(`the term falls from ${term} to ${hardState.term}`)
    if (hardState.term === term && votedFor !== undefined && votedFor !== hardState.votedFor) {
      broken(`a second vote in term ${term}: for ${hardState.votedFor} after ${votedFor}`)
    }
    this.#hardState = hardState
  }

  /** Everything that is not durable yet, or `undefined`. Must not be called while a write is in flight. */
  take(): Persist | undefined {
    if (this.#isWriting) broken(`a second write is asked for while write ${this.#seq} is in flight`)
    const write = this.#log.takeWrite()
    const fence = this.#log.takeFence()
    if (write === undefined && fence === undefined && this.#written === this.#hardState) return undefined
    this.#isWriting = true
    this.#written = this.#hardState
    this.#seq++
    return {
      seq: this.#seq,
      hardState: this.#hardState,
      reset: write?.reset,
      truncateFrom: write?.truncateFrom,
      entries: write?.entries ?? noEntries,
      ...(fence === undefined ? {} : { fence }),
    }
  }

  completed(seq: number): void {
    if (!this.#isWriting || seq !== this.#seq) broken(`write ${seq} completed, but ${this.#isWriting ? this.#seq : 'none'} is in flight`)
    this.#isWriting = false
    this.#durable = this.#written
    this.#log.writeCompleted()
  }
}

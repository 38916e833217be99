import { RaftgenError } from '../errors.ts'

/** Reads that wait for a truncation to end. */
const waitingMax = 1_024

/**
 * Keeps reads and truncations apart: a truncation waits for the reads under way, and reads that come later wait for it, so no read sees a
 * block vanish. Appends do not pass here: they leave in place what a read can ask for.
 */
export class ReadGate {
  #reading = 0
  #closed = false
  /** Waits for the reads under way. */
  #truncation: (() => void) | undefined
  readonly #waiting: (() => void)[] = []

  get idle(): boolean {
    return this.#reading === 0 && this.#waiting.length === 0
  }

  /** Why no read may come now, if so. */
  refusal(name: string): RaftgenError | undefined {
    if (this.#waiting.length < waitingMax) return undefined
    return new RaftgenError('OVERLOADED', `${name}: ${waitingMax} reads wait for a truncation of the log`)
  }

  /** Runs `read` now, or after the truncation. `leave` must follow when it has ended. */
  enter(read: () => void): void {
    if (this.#closed) {
      this.#waiting.push(read)
      return
    }
    this.#reading++
    read()
  }

  leave(): void {
    this.#reading--
    if (this.#reading > 0 || this.#truncation === undefined) return
    const truncation = this.#truncation
    this.#truncation = undefined
    truncation()
  }

  /** Runs `truncation` once no read is under way. `open` must follow when it has ended. */
  close(truncation: () => void): void {
    this.#closed = true
    if (this.#reading === 0) truncation()
    else this.#truncation = truncation
  }

  open(): void {
    this.#closed = false
    for (const read of this.#waiting.splice(0)) this.enter(read)
  }
}

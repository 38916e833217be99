import { RaftgenError } from '../errors.ts'

/** Reads that wait for a removal to end. */
const waitingMax = 1_024

/**
 * Keeps reads apart from writes that remove blocks (truncation, compaction, reset): a removal waits for the reads under way, and reads that
 * come later wait for it, so no read sees a block vanish. Appends do not pass here: they leave in place what a read can ask for.
 */
export class ReadGate {
  #reading = 0
  #closed = false
  /** Waits for the reads under way. */
  #removal: (() => void) | undefined
  readonly #waiting: (() => void)[] = []

  get idle(): boolean {
    return this.#reading === 0 && this.#waiting.length === 0
  }

  /** Why no read may come now, if so. */
  refusal(name: string): RaftgenError | undefined {
    if (this.#waiting.length < waitingMax) return undefined
    return new RaftgenError('OVERLOADED', `${name}: ${waitingMax} reads wait for a write that removes entries`)
  }

  /** Runs `read` now, or after the removal. `leave` must follow when it has ended. */
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
    if (this.#reading > 0 || this.#removal === undefined) return
    const removal = this.#removal
    this.#removal = undefined
    removal()
  }

  /** Runs `removal` once no read is under way. `open` must follow when it has ended. */
  close(removal: () => void): void {
    this.#closed = true
    if (this.#reading === 0) removal()
    else this.#removal = removal
  }

  open(): void {
    this.#closed = false
    for (const read of this.#waiting.splice(0)) this.enter(read)
  }
}

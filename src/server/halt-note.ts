// What this node notes when it dies of a command, so that its next life does not; and how it forgets it.
import { RaftgenError } from '../errors.ts'
import { type FatalCommand, readHalt, removeHalt, writeHalt } from '../storage/index.ts'
import type { Logger } from './options.ts'

export class HaltNote {
  /** At the start. */
  readonly stored: FatalCommand | undefined
  readonly #dir: string
  readonly #logger: Logger
  /** Ends with the last change. */
  #changed: Promise<void> = Promise.resolve()

  /** Throws STORAGE_DAMAGED, or STORAGE_FAILED. */
  static async open(dir: string, logger: Logger): Promise<HaltNote> {
    const stored = await readHalt(dir).catch((cause: unknown) => {
      if (cause instanceof RaftgenError) throw cause
      throw new RaftgenError('STORAGE_FAILED', `cannot open ${dir}: ${String(cause)}. Mend that, then start the node again`, { cause })
    })
    return new HaltNote(dir, logger, stored)
  }

  private constructor(dir: string, logger: Logger, stored: FatalCommand | undefined) {
    this.#dir = dir
    this.#logger = logger
    this.stored = stored
  }

  write(command: FatalCommand): void {
    this.#change(() => writeHalt(this.#dir, command), 'the next start will come to it again')
  }

  remove(): void {
    this.#change(() => removeHalt(this.#dir), 'it is behind the node all the same')
  }

  /** Once everything is on the disk. */
  close(): Promise<void> {
    return this.#changed
  }

  #change(change: () => Promise<void>, otherwise: string): void {
    this.#changed = this.#changed
      .then(change)
      .catch((error: Error) =>
        this.#logger.error(`the command that the node died of could not be noted in ${this.#dir}, ${otherwise}: ${error.message}`),
      )
  }
}

// A child process that has loaded all that a run of `--watch` needs, and waits for it: its start is paid before the change.
import { type ChildProcess, fork } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

const childFile = fileURLToPath(new URL(`./watch-child${extname(fileURLToPath(import.meta.url))}`, import.meta.url))

/** A file descriptor on which a run tells that it is over. The other way to tell is gone by then. */
export const endChannel = 4
/** A run lives for less than a second and makes a lot of small objects: most of it need not be collected. It begins with nothing to collect. */
const youngGeneration = ['--min-semi-space-size=32', '--max-semi-space-size=64', '--expose-gc']

export interface WarmChildEvents {
  /** It has loaded everything. Not told where the order came before. */
  readonly onWarm?: () => void
  readonly onError: (error: Error) => void
  /** It has ended; `ordered`: after a run. */
  readonly onEnd: (end: { readonly ordered: boolean }) => void
}

export class WarmChild {
  readonly #child: ChildProcess
  #isOrdered = false

  /** `schemaFile`: what it is going to be about. */
  constructor(schemaFile: string, { onWarm, onError, onEnd }: WarmChildEvents) {
    const execArgv = [...process.execArgv, ...youngGeneration]
    this.#child = fork(childFile, [schemaFile], { execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'] })
    this.#child.once('message', () => onWarm?.())
    this.#child.once('error', onError)
    let isOver = false
    const over = (): void => {
      if (!isOver) onEnd({ ordered: this.#isOrdered })
      isOver = true
    }
    this.#child.stdio[endChannel]?.once('data', over)
    this.#child.once('close', over)
  }

  /** Once. `args`: a command line. */
  run(args: readonly string[]): void {
    this.#isOrdered = true
    // One that has died meanwhile is told of by its end.
    this.#child.send([...args], () => undefined)
  }

  kill(): void {
    this.#child.kill()
  }
}

// A process of a system under test: started and killed as often as wanted, and never left behind.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { atExit } from '../command.js'
import { until } from './until.js'

export class NodeProcess {
  #child: ChildProcess | undefined

  constructor() {
    atExit(() => this.#child?.kill('SIGKILL'))
  }

  /** The one that runs. */
  get child(): ChildProcess | undefined {
    return this.#child
  }

  begin(child: ChildProcess): void {
    this.#child = child
  }

  /** Asks until there is an answer. Throws after `ms`, and as soon as the process has ended: then nothing answers. */
  async until<T>(what: string, ms: number, ask: () => Promise<T | undefined>): Promise<T> {
    const child = this.#child
    if (child === undefined) throw new Error(`${what}: not started`)
    return await orEnd(child, what, (signal) => until(what, ms, ask, signal))
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || hasEnded(child)) return
    child.kill(signal)
    await once(child, 'exit')
  }
}

export const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null

/** The next message of `child`, which lives on after it. Throws when it ends instead. */
export const messageOf = async (child: ChildProcess, what: string) =>
  await orEnd(child, what, async (signal) => (await once(child, 'message', { signal }))[0])

/** What `wait` comes to. Throws as soon as `child` has ended. */
async function orEnd<T>(child: ChildProcess, what: string, wait: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const over = new AbortController()
  const end = (code: number | null, signal: string | null) => {
    over.abort(new Error(`${what} ended with ${signal ?? `exit code ${code}`}`))
  }
  child.once('exit', end)
  try {
    if (hasEnded(child)) end(child.exitCode, child.signalCode)
    over.signal.throwIfAborted()
    return await wait(over.signal)
  } catch (error) {
    throw over.signal.aborted ? over.signal.reason : error
  } finally {
    child.off('exit', end)
  }
}

/** `nodes[i]`, which there must be. */
export function nodeAt<T>(nodes: readonly T[], i: number): T {
  const found = nodes[i]
  if (found === undefined) throw new Error(`there is no node ${i}`)
  return found
}

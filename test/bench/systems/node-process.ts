// A process of a system under test: started and killed as often as wanted, and never left behind.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { atExit } from '../command.js'

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

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null) return
    child.kill(signal)
    await once(child, 'exit')
  }
}

/** `nodes[i]`, which there must be. */
export function nodeAt<T>(nodes: readonly T[], i: number): T {
  const found = nodes[i]
  if (found === undefined) throw new Error(`there is no node ${i}`)
  return found
}

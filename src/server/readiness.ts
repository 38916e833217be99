// Who waits for the node to be of use.
import { RaftgenError } from '../errors.ts'
import { haltSentence } from '../node/halt-sentence.ts'
import type { Node } from '../node/index.ts'

interface Waiter {
  resolve(): void
  reject(error: Error): void
}

export class Readiness {
  #waiters: Waiter[] = []

  wait(): Promise<void> {
    return new Promise<void>((resolve, reject) => void this.#waiters.push({ resolve, reject }))
  }

  /** After each turn of `node`. One that has halted never comes to what it lacks. */
  turn({ id, halted, caughtUp }: Pick<Node, 'id' | 'halted' | 'caughtUp'>): void {
    if (halted !== undefined) this.fail(new RaftgenError('APPLY_HALTED', haltSentence(id, halted)))
    else if (caughtUp) for (const { resolve } of this.#waiters.splice(0)) resolve()
  }

  get isAwaited(): boolean {
    return this.#waiters.length > 0
  }

  fail(error: RaftgenError): void {
    for (const { reject } of this.#waiters.splice(0)) reject(error)
  }
}

import type { Call } from './call.ts'

/** Below this many dead places it is not worth moving the others. */
const slackMax = 1_024

/** Calls that wait, first in first out. Those that were settled while they waited are passed over, and swept out when they are the most. */
export class CallQueue {
  #calls: Call[] = []
  #head = 0
  /** Invariant: at least the settled calls from `#head` on; too high only by some that were pushed out of order. */
  #dead = 0

  push(call: Call): void {
    this.#calls.push(call)
  }

  /** Puts calls before all others, in their order. */
  prepend(calls: readonly Call[]): void {
    if (calls.length === 0) return
    this.#calls = [...calls, ...this.#calls.slice(this.#head)]
    this.#head = 0
  }

  /** The first call that is not settled, left where it is. */
  peek(): Call | undefined {
    while (this.#head < this.#calls.length) {
      const call = this.#calls[this.#head]
      if (call?.settled === false) return call
      this.#dead -= 1
      this.shift()
    }
    return undefined
  }

  /** Takes out what `peek` returned. */
  shift(): void {
    this.#head += 1
    if (this.#head === this.#calls.length) {
      this.#calls = []
      this.#head = 0
      this.#dead = 0
    } else if (this.#head >= slackMax && this.#head * 2 >= this.#calls.length) {
      this.#calls = this.#calls.slice(this.#head)
      this.#head = 0
    }
  }

  /** Some call in here was settled. Without this a queue that nobody reads would keep the dead for ever. */
  onSettled(): void {
    this.#dead += 1
    if (this.#dead < slackMax || this.#dead * 2 < this.#calls.length - this.#head) return
    this.#calls = this.#calls.slice(this.#head).filter((call) => !call.settled)
    this.#head = 0
    this.#dead = 0
  }
}

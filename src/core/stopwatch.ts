import type { Ms } from './types.ts'

/**
 * Time since something happened. What happens between two ticks is dated at the second one: after a stall of the event loop the inbox
 * was read with an old `now`, and a leader heard from a moment ago must not look silent for the length of the stall.
 */
export class Stopwatch {
  /** `undefined` until the next tick dates it. */
  #since: Ms | undefined

  constructor(since: Ms | undefined) {
    this.#since = since
  }

  /** It happens at `now`, which is known to be exact: during a tick. */
  startAt(now: Ms): void {
    this.#since = now
  }

  /** It happens between two ticks. */
  start(): void {
    this.#since = undefined
  }

  /** Longer ago than anything: whoever waits for this has waited enough. */
  expire(): void {
    this.#since = Number.NEGATIVE_INFINITY
  }

  tick(now: Ms): void {
    this.#since ??= now
  }

  elapsedMs(now: Ms): number {
    return this.#since === undefined ? 0 : now - this.#since
  }
}

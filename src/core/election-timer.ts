import { Random, seedOf } from './random.ts'
import { Stopwatch } from './stopwatch.ts'
import type { Ms, NodeId } from './types.ts'

/** Time since a leader was heard from, a vote given, or an election begun (§3.4). Of no meaning in a leader. */
export class ElectionTimer {
  readonly #silence: Stopwatch
  readonly #random: Random
  readonly #electionTimeoutMs: Ms
  /** Between one and two election timeouts; drawn anew at each restart, so that a split vote is not repeated (§3.4). */
  #timeoutMs: Ms

  constructor(options: { readonly id: NodeId; readonly seed: number; readonly now: Ms; readonly electionTimeoutMs: Ms }) {
    this.#random = new Random(seedOf(options))
    this.#silence = new Stopwatch(options.now)
    this.#electionTimeoutMs = options.electionTimeoutMs
    this.#timeoutMs = this.#draw()
  }

  tick(now: Ms): void {
    this.#silence.tick(now)
  }

  restart(): void {
    this.#silence.start()
    this.#timeoutMs = this.#draw()
  }

  /** Whether it is time for an election. */
  hasExpired(now: Ms): boolean {
    return this.#silence.elapsedMs(now) >= this.#timeoutMs
  }

  /** Whether it was restarted within the smallest election timeout: a leader heard from then is taken to be alive (§4.2.3). */
  isRecent(now: Ms): boolean {
    return this.#silence.elapsedMs(now) < this.#electionTimeoutMs
  }

  #draw(): Ms {
    return this.#electionTimeoutMs * (1 + this.#random.next())
  }
}

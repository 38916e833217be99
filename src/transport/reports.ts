import type { Ms } from '../core/types.ts'

/** The same sentence is not said again for this long. */
const quietMs = 60_000
/** Different sentences remembered. A flood of them is counted elsewhere, not written to a log. */
const sentencesMax = 256

/** Passes errors on to `onError`, without repeating itself: what is wrong with a connection is wrong again at the next attempt. */
export class Reports {
  readonly #onError: (error: Error) => void
  readonly #saidAt = new Map<string, Ms>()

  constructor(onError: (error: Error) => void) {
    this.#onError = onError
  }

  say(error: Error): void {
    const now = performance.now()
    const saidAt = this.#saidAt.get(error.message)
    if (saidAt !== undefined && now - saidAt < quietMs) return
    if (this.#saidAt.size >= sentencesMax) this.#forget(now)
    if (this.#saidAt.size >= sentencesMax) return
    this.#saidAt.set(error.message, now)
    this.#onError(error)
  }

  #forget(now: Ms): void {
    for (const [sentence, saidAt] of this.#saidAt) if (now - saidAt >= quietMs) this.#saidAt.delete(sentence)
  }
}

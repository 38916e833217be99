import type { SessionTouch } from '../machine/envelope.ts'
import { sessionsMax } from '../machine/sessions.ts'

/**
 * Signs of life that a leader has had from clients without a command, until one entry carries them all: one per third of the time to live,
 * whether there are any or not, since it is also what makes time pass in an idle cluster.
 */
export class SessionKeeper {
  readonly #everyMs: number
  #touched = new Map<number, number>()
  #dueAt = Number.POSITIVE_INFINITY

  constructor(ttlMs: number) {
    this.#everyMs = ttlMs / 3
  }

  lead(nowMs: number): void {
    this.#touched = new Map()
    this.#dueAt = nowMs + this.#everyMs
  }

  touch(session: number, ackedBelow: number): void {
    if (this.#touched.size < sessionsMax || this.#touched.has(session)) this.#touched.set(session, ackedBelow)
  }

  /** A command of it goes into the log, which is sign enough. */
  forget(session: number): void {
    this.#touched.delete(session)
  }

  /** What the entry that is due now should carry; `undefined` when none is. */
  due(nowMs: number): readonly SessionTouch[] | undefined {
    if (nowMs < this.#dueAt) return undefined
    this.#dueAt = nowMs + this.#everyMs
    const sessions = [...this.#touched].map(([session, ackedBelow]) => ({ session, ackedBelow }))
    this.#touched = new Map()
    return sessions
  }

  /** The entry was refused: at the next turn again. */
  restore(sessions: readonly SessionTouch[], nowMs: number): void {
    for (const { session, ackedBelow } of sessions) if (!this.#touched.has(session)) this.touch(session, ackedBelow)
    this.#dueAt = nowMs
  }
}

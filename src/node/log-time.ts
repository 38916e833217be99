// What time it is for the log: what a leader stamps, and what its queries may be shown.
import { LogClock } from '../machine/log-clock.ts'
import type { Replica } from '../machine/replica.ts'
import type { Clock } from '../ports/clock.ts'

/** How far the ceiling is raised at once: while queries ask, one entry of the log this often. Milliseconds. */
const ceilingStepMs = 1_000

export class LogTime {
  readonly #replica: Replica
  readonly #clock: Clock
  readonly #logClock = new LogClock()
  /** An entry that raises the ceiling is under way. */
  #raising = false
  /** One has arrived since a query was last refused for it: however late it came, nothing more can be had by waiting. */
  #raised = false

  constructor(replica: Replica, clock: Clock) {
    this.#replica = replica
    this.#clock = clock
  }

  /** Entries were applied. A follower follows their stamps too, so that as leader it knows how much time has passed since. */
  observe(): void {
    if (this.#replica.now > 0) this.#logClock.observe(this.#replica.now, this.#clock.monotonicMs())
  }

  /** This node leads, and has applied everything that was stamped before: only now does it know where to go on. */
  lead(): void {
    const { now, ceiling } = this.#replica
    this.#raising = false
    this.#raised = false
    // Never below what an earlier leader may have shown to a query.
    if (now > 0) this.#logClock.observe(Math.max(now, ceiling), this.#clock.monotonicMs())
    this.#logClock.lead(this.#read())
  }

  stamp(): number {
    return this.#logClock.now(this.#read())
  }

  /**
   * What a query may be shown on any replica: the highest stamp that its state reflects. No later command sees less. It stands still while
   * nothing is applied. A leader shows its queries at most `ceilingStepMs` more than a committed stamp, so a linearizable query elsewhere is
   * shown at most that much less than one before it.
   */
  get ofState(): number {
    return this.#replica.now
  }

  /**
   * What a query of a leader may be shown: never more than a committed ceiling, else a later command could be stamped lower. `undefined` while an
   * entry that raises the ceiling is worth waiting for. `raise` is the ceiling to be proposed, when it is time for that. Where nothing may be
   * proposed (`mayRaise`), time stands still at the ceiling, as it does for the log.
   */
  forQueries({ mayRaise }: { readonly mayRaise: boolean }): { readonly now: number | undefined; readonly raise: number | undefined } {
    const now = this.stamp()
    const { ceiling } = this.#replica
    if (!mayRaise) return { now: Math.min(now, ceiling), raise: undefined }
    const raise = now + ceilingStepMs / 2 > ceiling && !this.#raising ? now + ceilingStepMs : undefined
    if (raise !== undefined) this.#raising = true
    if (now <= ceiling) return { now, raise }
    if (!this.#raised) return { now: undefined, raise }
    this.#raised = false
    return { now: ceiling, raise }
  }

  /** The entry that raises the ceiling was applied. */
  raised(): void {
    this.#raising = false
    this.#raised = true
  }

  /** It was refused, or its fate is open. */
  notRaised(): void {
    this.#raising = false
  }

  #read(): { readonly monotonicMs: number; readonly wallMs: number } {
    return { monotonicMs: this.#clock.monotonicMs(), wallMs: this.#clock.wallMs() }
  }
}

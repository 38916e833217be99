import type { Ms } from '../core/types.ts'

/** The clock of the log is moved towards the wall clock by at most this share of the time that passes. */
const slewMax = 0.1
/**
 * A new leader may not know how long ago the last stamp was given. It believes its wall clock this far, and no further: a wrong one may
 * neither expire every lease at once nor stop time. Milliseconds.
 */
export const firstStepMaxMs = 10_000

/**
 * Log time as the leader stamps it: the last stamp plus the monotonic time since, gently slewed towards the wall clock. It never falls,
 * and no jump of the wall clock moves it by more than a tenth of what really passed.
 */
export class LogClock {
  /** Log time at `#at`; fractions of a millisecond are kept, so that slewing works at any rate of calls. */
  #time = 0
  /** `undefined` until the first stamp of this life: then the wall clock is all there is. */
  #at: Ms | undefined

  /** A stamp was seen in the log: time is at least this. */
  observe(stamp: number, at: Ms): void {
    if (this.#at !== undefined && stamp <= this.#time + (at - this.#at)) return
    this.#time = stamp
    this.#at = at
  }

  /** Log time now, whole milliseconds. */
  now({ monotonicMs, wallMs }: { readonly monotonicMs: Ms; readonly wallMs: number }): number {
    if (this.#at === undefined) {
      this.#time = wallMs
      this.#at = monotonicMs
      return Math.floor(this.#time)
    }
    const passed = Math.max(0, monotonicMs - this.#at)
    const offset = wallMs - (this.#time + passed)
    this.#time += passed + Math.min(Math.max(offset, -slewMax * passed), slewMax * passed)
    this.#at = monotonicMs
    return Math.floor(this.#time)
  }

  /** A node becomes leader: the one step it may make towards its wall clock. */
  lead({ monotonicMs, wallMs }: { readonly monotonicMs: Ms; readonly wallMs: number }): void {
    const time = this.now({ monotonicMs, wallMs })
    this.#time += Math.min(Math.max(wallMs - time, 0), firstStepMaxMs)
  }
}

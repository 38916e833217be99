import type { Ms } from '../core/types.ts'
import type { Clock } from '../ports/clock.ts'
import type { Scheduler } from './scheduler.ts'

/** Where wall clocks start, milliseconds since 1970. */
const wallStartMs = 1_750_000_000_000

/** The clock of one machine: its monotonic time drifts and starts anywhere, its wall clock may also jump. */
export class SimClock implements Clock {
  readonly #scheduler: Scheduler
  /** Milliseconds that it counts in one. */
  readonly #rate: number
  #bootedAt: Ms = 0
  #startMs: Ms = 0
  #wallOffsetMs: number

  constructor({ scheduler, rate, wallOffsetMs }: { readonly scheduler: Scheduler; readonly rate: number; readonly wallOffsetMs: number }) {
    this.#scheduler = scheduler
    this.#rate = rate
    this.#wallOffsetMs = wallOffsetMs
  }

  /** Monotonic time starts anew, at an arbitrary value. */
  boot(startMs: Ms): void {
    this.#bootedAt = this.#scheduler.now
    this.#startMs = startMs
  }

  /** When this clock will show `monotonicMs`, in the time of the run. */
  whenShows(monotonicMs: Ms): Ms {
    return this.#bootedAt + (monotonicMs - this.#startMs) / this.#rate
  }

  jump(ms: number): void {
    this.#wallOffsetMs += ms
  }

  monotonicMs(): Ms {
    return this.#startMs + (this.#scheduler.now - this.#bootedAt) * this.#rate
  }

  wallMs(): number {
    return Math.floor(wallStartMs + this.#wallOffsetMs + this.#scheduler.now * this.#rate)
  }
}

import type { Ms } from '../core/types.ts'
import type { Chart } from './chart.ts'
import { planText, type RunPlan } from './plan.ts'

/** Something happened that must never happen, whatever breaks. */
export interface Violation {
  /** The rule, in a few words. */
  readonly invariant: string
  /** What was seen, with the values. */
  readonly message: string
}

/** A run that has failed, for whoever looks into it. */
export interface FailedRun {
  readonly plan: RunPlan
  readonly now: Ms
  readonly steps: number
  /** Acts of the nemesis and calls at random that were drawn until then. */
  readonly acts: number
  readonly calls: number
  /** The last events. */
  readonly story: readonly string[]
  /** The command that repeats it. */
  readonly repeat: string
  /** Where it was kept: everything that was sent, and that happened. */
  readonly chart: Chart | undefined
}

/** Ends a run. The message is all that is needed to look into it: what, when, the last events, and the command that repeats it. */
export class SimulationError extends Error {
  override readonly name = 'SimulationError'
  readonly seed: number
  readonly invariant: string
  /** What was seen, with the values. */
  readonly finding: string
  readonly run: FailedRun

  constructor({ invariant, message }: Violation, run: FailedRun) {
    const { plan, now, steps, story, repeat } = run
    super(
      [
        `seed ${planText(plan)}, after ${(now / 1_000).toFixed(3)} s and ${steps} steps: ${invariant}: ${message}`,
        ...story,
        `repeat it with: ${repeat}`,
      ].join('\n'),
    )
    this.seed = plan.seed
    this.invariant = invariant
    this.finding = message
    this.run = run
  }
}

/** Stops at the first violation: what follows one is only noise. */
export class Verdict {
  readonly #blindTo: readonly string[]
  #first: Violation | undefined

  /** `blindTo`: invariants that are not looked at. For testing the tests. */
  constructor(blindTo: readonly string[] = []) {
    this.#blindTo = blindTo
  }

  get violation(): Violation | undefined {
    return this.#first
  }

  /** Records a violation unless `condition` holds. The run ends after this step: code under test must not catch what an oracle says. */
  check(condition: boolean, invariant: string, message: () => string): void {
    if (!condition) this.violate(invariant, message())
  }

  violate(invariant: string, message: string): void {
    if (!this.#blindTo.includes(invariant)) this.#first ??= { invariant, message }
  }
}

import { RaftgenError } from '../errors.ts'
import type { CaseStep } from './cases.ts'
import { simpler } from './simpler.ts'
import type { ResolvedSubject } from './subject.ts'
import { PropertyFailure, type Taken, Trial } from './trial.ts'

/** A case that did not hold. */
export interface Failed {
  readonly failure: PropertyFailure
  readonly taken: readonly Taken[]
}

/** What does not hold of these steps; `undefined`: everything does. */
export function failureOf(subject: ResolvedSubject, run: (trial: Trial) => void): Failed | undefined {
  const trial = new Trial(subject)
  try {
    run(trial)
    return undefined
  } catch (error) {
    if (error instanceof PropertyFailure) return { failure: error, taken: trial.taken }
    // An input that is simpler than its schema allows.
    if (error instanceof RaftgenError && error.code === 'INVALID_INPUT') return undefined
    throw error
  }
}

/** Cases that are tried on the way to the smallest. */
const triesMax = 3_000

/** `failed` with as few steps, and as simple inputs, as it still takes: no step that is left can be left out. */
export function smallest(subject: ResolvedSubject, failed: Failed): Failed {
  let least = failed
  let tries = 0
  const isLess = (steps: readonly CaseStep[]): boolean => {
    if (++tries > triesMax) return false
    const other = failureOf(subject, (trial) => trial.run(steps))
    if (other?.failure.property !== failed.failure.property || other.taken.length > least.taken.length) return false
    least = other
    return true
  }
  const steps = (): readonly CaseStep[] => least.taken.map(({ step }) => step)
  const simplify = (i: number): boolean => simplerSteps(least.taken[i]?.step).some((simple) => isLess(steps().with(i, simple)))

  for (let i = least.taken.length - 1; i >= 0; i--) {
    if (isLess(steps().toSpliced(i, 1))) i = Math.min(i, least.taken.length)
  }
  for (let i = 0; i < least.taken.length; i++) while (simplify(i));
  return least
}

function simplerSteps(step: CaseStep | undefined): readonly CaseStep[] {
  if (step === undefined || 'restart' in step) return []
  if ('advanceMs' in step) return simpler(step.advanceMs).flatMap((ms) => (typeof ms === 'number' ? [{ advanceMs: ms }] : []))
  return simpler(step.input).map((input) => ({ ...step, input }))
}

// A case: what happens to a machine, one thing after the other.
import fc from 'fast-check'
import { Arbitraries } from './arbitraries.ts'
import type { ResolvedSubject } from './subject.ts'

/** One thing that happens. */
export type CaseStep =
  | { readonly command: string; readonly input: unknown }
  | { readonly query: string; readonly input: unknown }
  /** Log time passes: whole milliseconds, at least 0. */
  | { readonly advanceMs: number }
  /** A replica starts from a snapshot of the state, and goes on beside the others from here. */
  | { readonly restart: true }

export const stepsMax = 30
/** How often each is drawn, for each operation, and altogether. */
const weights = { command: 8, query: 2, advance: 2, restart: 1 } as const
const waits = [1, 1_000, 30_000, 60_000, 3_600_000] as const

/** What a step is drawn as. */
export type DrawnStep = { readonly command: string; readonly inputs: readonly unknown[] } | CaseStep

/** Of a command: the first of them that is not refused is the one, else the last. What is accepted leads on, and is rare where inputs are drawn blindly. */
const inputsMax = 6

/** Inputs may hold a `Recall` in place of what was there before. */
export function casesOf({ draft, operations }: ResolvedSubject): fc.Arbitrary<readonly DrawnStep[]> {
  const arbitraries = new Arbitraries(draft.types, { recalls: true })
  const calls = operations.map(({ typed: { kind, name }, draft: { input } }) => {
    const inputs = arbitraries.of({ kind: 'named', name: input })
    const arbitrary: fc.Arbitrary<DrawnStep> =
      kind === 'command'
        ? fc.array(inputs, { minLength: 1, maxLength: inputsMax, size: 'max' }).map((drawn) => ({ command: name, inputs: drawn }))
        : inputs.map((input) => ({ query: name, input }))
    return { weight: weights[kind], arbitrary }
  })
  const advance: fc.Arbitrary<CaseStep> = fc.constantFrom(...waits).map((advanceMs) => ({ advanceMs }))
  const restart: fc.Arbitrary<CaseStep> = fc.constant({ restart: true })
  const step = fc.oneof(...calls, { weight: weights.advance, arbitrary: advance }, { weight: weights.restart, arbitrary: restart })
  return fc.array(step, { minLength: 1, maxLength: stepsMax, size: 'max' })
}

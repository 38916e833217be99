// From a run that fails to the least that still does: fewer acts, fewer calls, links that lose less.
import { type LinkFault, linkFaults, type RunPlan } from './plan.ts'
import type { SimulationError } from './violation.ts'

export interface ShrinkOptions {
  /** Runs that are tried, at most. Default 300. */
  readonly runsMax?: number
  /** Told after each run how many there were. Default: nobody. */
  readonly onRun?: (runs: number) => void
}

/**
 * `again` runs a plan, and gives what it fails with. What is left out of a run changes the rest of it, since all chance comes from one stream: so this
 * keeps what fails with the same invariant, and tries on. Gives the failure of the smallest run found.
 */
export function shrink(
  failed: SimulationError,
  again: (plan: RunPlan) => SimulationError | undefined,
  { runsMax = 300, onRun = () => {} }: ShrinkOptions = {},
): SimulationError {
  let least = failed
  let runs = 0
  const fails = (plan: RunPlan): boolean => {
    if (runs >= runsMax) return false
    const other = again(plan)
    onRun(++runs)
    // With less in its plan a run may go on for longer before it fails, and so have more in it.
    if (other?.invariant !== failed.invariant || sizeOf(other) > sizeOf(least)) return false
    least = other
    return true
  }
  const plan = (): RunPlan => least.run.plan

  const linksOf = (): ReadonlySet<LinkFault> => plan().links ?? new Set(linkFaults)
  const thinLinks = (): void => {
    const present = linksOf()
    if (present.size === 0 || fails({ ...plan(), links: new Set() })) return
    for (const link of present) fails({ ...plan(), links: new Set([...linksOf()].filter((other) => other !== link)) })
  }

  // Until nothing more can be left out: so who shrinks the outcome once more finds the same.
  for (let before: SimulationError | undefined; before !== least && runs < runsMax; ) {
    before = least
    thinLinks()
    thin(
      () => actsOf(least),
      (acts) => fails({ ...plan(), acts }),
    )
    thin(
      () => callsOf(least),
      (calls) => fails({ ...plan(), calls }),
    )
  }
  return least
}

const sizeOf = (error: SimulationError): number => actsOf(error).length + callsOf(error).length

/** Those that took place before it failed. */
const actsOf = ({ run: { acts, plan } }: SimulationError): readonly number[] => upTo(acts).filter((n) => plan.acts?.has(n) ?? true)
const callsOf = ({ run: { calls, plan } }: SimulationError): readonly number[] => upTo(calls).filter((n) => plan.calls?.has(n) ?? true)

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i + 1)

/** Leaves out what it can: all, then halves, quarters, down to single ones. */
function thin(present: () => readonly number[], fails: (kept: ReadonlySet<number>) => boolean): void {
  for (let size = present().length; size >= 1; size = Math.floor(size / 2)) {
    // From the end: what comes late is seldom the cause.
    for (let end = present().length; end > 0; end -= size) {
      const all = present()
      const kept = [...all.slice(0, Math.max(0, end - size)), ...all.slice(end)]
      if (kept.length < all.length) fails(new Set(kept))
    }
  }
}

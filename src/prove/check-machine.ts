// Draws cases and runs them until one does not hold, then looks for the smallest that does not.
import fc from 'fast-check'
import { RaftgenError } from '../errors.ts'
import { positionOf } from '../machine/failure-text.ts'
import { type CaseStep, casesOf } from './cases.ts'
import { literal } from './literal.ts'
import { pastedTest } from './pasted-test.ts'
import { failureOf, smallest } from './smallest.ts'
import { type ResolvedSubject, resolveSubject, type Subject } from './subject.ts'
import { type Property, type PropertyFailure, type Taken, Trial } from './trial.ts'

export interface CheckOptions {
  /** 1 to 1,000,000; default 1,000. Each is up to 30 commands, queries, waits and restarts. */
  readonly cases?: number
  /** Decides all cases: a whole number. Default 1. */
  readonly seed?: number
  /** Told after each case how many there were. Default: nobody. */
  readonly onCase?: (done: number) => void
}

export interface CheckReport {
  readonly cases: number
  /** How often each command was applied, and how often it answered with a declared error; by name. */
  readonly commands: ReadonlyMap<string, { readonly applied: number; readonly refused: number }>
  readonly queries: number
}

export const casesDefault = 1_000
export const casesMax = 1_000_000

/** What does not hold, with the smallest case that was found, and a test that repeats it. */
export class CheckFailure extends Error {
  override readonly name = 'CheckFailure'
  readonly property: Property
  /** What is wrong, a sentence without its full stop. */
  readonly finding: string
  /** Where in the handlers something was thrown: `/srv/handlers.ts:12:5`. */
  readonly position: string | undefined
  /** What happened, one step a line; the last is the one that showed it. */
  readonly story: readonly string[]
  /** To be pasted into a file beside the schema. */
  readonly test: string

  constructor(failure: PropertyFailure, taken: readonly Taken[], { draft }: ResolvedSubject) {
    const { property, message, stack } = failure
    const position = isThrown(property) ? positionOf(stack) : undefined
    const story = taken.map((one, i) => `${i + 1}. ${storyOf(one)}`)
    const head = `${property}: ${message}${position === undefined ? '' : ` (at ${position})`}`
    super(`${head}\n${story.join('\n')}`)
    this.finding = message
    this.position = position
    this.property = property
    this.story = story
    this.test = pastedTest(
      property,
      draft,
      taken.map(({ step }) => step),
    )
  }
}

/**
 * Draws cases from the schema and runs the handlers on replicas that ought to stay equal, under other clocks, time zones and chance, across restarts
 * and replays; with the invariants of the schema after every command. Throws a `CheckFailure` for the first thing that does not hold, made as small
 * as could be; BAD_OPTIONS.
 */
export function checkMachine(subject: Subject, { cases = casesDefault, seed = 1, onCase = () => {} }: CheckOptions = {}): CheckReport {
  if (!Number.isSafeInteger(cases) || cases < 1 || cases > casesMax)
    throw new RaftgenError('BAD_OPTIONS', `cases is ${cases}, a whole number from 1 to ${casesMax} is required`)
  if (!Number.isSafeInteger(seed)) throw new RaftgenError('BAD_OPTIONS', `seed is ${seed}, a whole number is required`)
  const resolved = resolveSubject(subject)
  const tally = new Tally()
  let done = 0
  const property = fc.property(casesOf(resolved), (steps) => {
    const trial = new Trial(resolved)
    trial.run(steps)
    tally.add(trial.taken)
    onCase(++done)
  })
  const { failed, counterexample } = fc.check(property, { numRuns: cases, seed, endOnFailure: false })
  if (!failed) return { cases: done, ...tally }
  const [steps] = counterexample ?? [[]]
  const again = failureOf(resolved, (trial) => trial.run(steps))
  if (again === undefined) throw new Error(unrepeatable)
  const { failure, taken } = smallest(resolved, again)
  throw new CheckFailure(failure, taken, resolved)
}

const unrepeatable =
  'a case did not hold, and held when it was run again: the handlers keep something of their own from one case to the next'

/** Runs one case, as a failing check prints it. Throws a `CheckFailure` where it does not hold; BAD_OPTIONS. */
export function checkCase(subject: Subject, steps: readonly CaseStep[]): void {
  const resolved = resolveSubject(subject)
  const failed = failureOf(resolved, (trial) => trial.run(steps))
  if (failed !== undefined) throw new CheckFailure(failed.failure, failed.taken, resolved)
}

/** Its stack is that of the handler; any other begins in here. */
const isThrown = (property: Property): boolean => property === 'no handler throws' || property === 'what a handler returns fits its schema'

class Tally {
  readonly commands = new Map<string, { applied: number; refused: number }>()
  queries = 0

  add(taken: readonly Taken[]): void {
    for (const { step, result } of taken) {
      if ('query' in step) this.queries += 1
      if (!('command' in step)) continue
      const counts = this.commands.get(step.command) ?? { applied: 0, refused: 0 }
      counts.applied += 1
      if (result?.kind === 'refused') counts.refused += 1
      this.commands.set(step.command, counts)
    }
  }
}

function storyOf({ step, result }: Taken): string {
  if ('advanceMs' in step) return `${step.advanceMs} ms pass`
  if ('restart' in step) return 'a replica starts from a snapshot'
  const call = 'command' in step ? `${step.command}(${literal(step.input)})` : `${step.query}(${literal(step.input)})`
  if (result === undefined) return call
  return `${call} -> ${result.kind === 'failed' ? 'failed' : result.value === undefined ? 'done' : literal(result.value)}`
}

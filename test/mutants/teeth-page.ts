// The page that tells how many seeds each bug takes. Rows of mutants that were not run stay as they were.
import type { Caught } from './hunt.ts'
import type { Mutant } from './mutant.ts'

/** More than this for half of the bugs, and the simulator is too blunt. */
export const medianMax = 50

export interface Outcome {
  readonly mutant: BugMutant
  /** `undefined`: not within `seedsMax`. */
  readonly caught: Pick<Caught, 'seeds' | 'steps' | 'by' | 'finding'> | undefined
  readonly seedsMax: number
}
export interface BugMutant extends Mutant {
  readonly bug: number
}

/** Bugs that no seed can show, since what they are about is not in the simulator, and what finds them. */
export interface Beneath {
  readonly bug: number
  readonly what: string
  readonly why: string
}

export const beneath: readonly Beneath[] = [
  {
    bug: 16,
    what: 'a message of another cluster, or of a removed node, is accepted',
    why: 'the handshake keeps both out, and the simulator has one of its own (`sim/peers.ts`): `test/known-bugs/network.test.ts`',
  },
  {
    bug: 23,
    what: 'the database does not sync',
    why: 'the simulated store keeps batches whole and in order, as LevelDB does with synced writes: `test/known-bugs/disk.test.ts`',
  },
]

/** Those that bring back a bug, by its number. */
export function bugsOf(mutants: readonly Mutant[]): readonly BugMutant[] {
  return mutants.flatMap((mutant) => (mutant.bug === undefined ? [] : [{ ...mutant, bug: mutant.bug }])).sort((a, b) => a.bug - b.bug)
}

/** Of the seeds that bugs took; one that was not found took as many as were run, and those that need not be found do not count. */
export function medianOf(outcomes: readonly Outcome[]): number {
  const counted = outcomes.filter(({ mutant, caught }) => caught !== undefined || mutant.missed === undefined)
  return median(counted.map(({ caught, seedsMax }) => caught?.seeds ?? seedsMax))
}

const median = (numbers: readonly number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}

/** `page`: as it is now, or empty. */
export function teethPage(mutants: readonly Mutant[], outcomes: readonly Outcome[], page: string): string {
  const before = resultsIn(page)
  const fresh = new Map(outcomes.map((outcome) => [outcome.mutant.name, resultOf(outcome)]))
  const bugs = bugsOf(mutants)
  const rows = bugs.map(({ bug, name }) => ({ bug, name, result: fresh.get(name) ?? before.get(cell(name)) ?? 'not run yet |  | ' }))
  const text = rows.map(({ bug, name, result }) => `| ${bug} | ${cell(name)} | ${result} |\n`).join('')
  return `${introOf(rows.map(({ result }) => result))}${text}${beneathText()}${missedText(bugs)}`
}

function introOf(results: readonly string[]): string {
  const seeds = results.flatMap((result) => /^\d+/.exec(result)?.map(Number) ?? [])
  const numbers = new Set(beneath.map(({ bug }) => bug))
  return `# Teeth

Bugs that other libraries had once (\`test/known-bugs/README.md\`), brought back one at a time, and how many seeds of the simulator it takes until one
fails, counted from seed 1. Nothing else is run: no test of a layer, no scenario. A check of the code under test that fails counts, as it would in the field.

\`npm run test:teeth -- --write docs/teeth.md\` writes this page, after each; with \`--only <word>\` or \`--bug <n>\` it renews the rows of some.

Found: ${seeds.length} of ${results.length}. Median: ${median(seeds)} seeds. In ${seeds.filter((one) => one <= 10).length} cases ten are enough. Bugs without a row here: ${[...numbers].join(', ') || 'none'}; see below.

| bug | what is wrong | seeds | steps | found by |
|---|---|---|---|---|
`
}

function resultOf({ mutant: { missed }, caught, seedsMax }: Outcome): string {
  if (caught !== undefined) return `${caught.seeds} | ${caught.steps.toLocaleString('en')} | ${cell(caught.by)}`
  return `${missed === undefined ? '**not' : '*not'} in ${seedsMax}${missed === undefined ? '**' : '*'} |  | ${missed === undefined ? '' : 'see below'}`
}

function beneathText(): string {
  if (beneath.length === 0) return ''
  const rows = beneath.map(({ bug, what, why }) => `| ${bug} | ${cell(what)} | ${cell(why)} |\n`)
  return `\n## Not for seeds\n\nWhat these are about is not in the simulator.\n\n| bug | | what finds it |\n|---|---|---|\n${rows.join('')}`
}

function missedText(bugs: readonly BugMutant[]): string {
  const rows = bugs.flatMap(({ bug, name, missed }) => (missed === undefined ? [] : [`- bug ${bug}, ${name}: ${missed}\n`]))
  return rows.length === 0 ? '' : `\n## Not found, and why that is right\n\n${rows.join('')}`
}

/** What each row of a page says, by what is wrong. */
function resultsIn(page: string): ReadonlyMap<string, string> {
  const rows = [...page.matchAll(/^\| \d+ \| (.*?[^\\]) \| (.* \| .* \| .*) \|$/gm)]
  return new Map(rows.map(([, name = '', result = '']) => [name, result]))
}

const cell = (text: string): string => text.replaceAll(/\\?\|/g, '\\|').replaceAll(/\s+/g, ' ').trim()

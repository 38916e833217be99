// The page that tells what became of each mutant. Rows of mutants that were not run stay as they were: the page can be brought up to date one
// mutant at a time.
import type { Mutant } from './mutant.ts'

export interface Outcome {
  readonly mutant: Mutant
  /** What noticed it; `undefined` when nothing did. */
  readonly caughtBy: string | undefined
}

const notRun = 'not run yet'

const intro = `# Mutants

The core, broken on purpose in one way at a time, and what notices: the first of the tests of the core that fails, or else the simulator, with
its seed. *Equivalent* ones change nothing that anyone could see; *liveness only* ones cost time, and never safety.

\`npm run test:mutants -- --write docs/mutants.md\` writes this page, after each mutant; with \`--only <word>\` it renews the rows of some, with \`--new\` it runs those that the page has no result of.

| | rule that is broken | section | file | caught by |
|---|---|---|---|---|
`

/** `page`: as it is now, or empty. */
export function mutantsPage(mutants: readonly Mutant[], outcomes: readonly Outcome[], page: string): string {
  const before = resultsIn(page)
  const fresh = new Map(outcomes.map((outcome) => [outcome.mutant.name, resultOf(outcome)]))
  const rows = mutants.map(({ name, file }, i) => {
    const { rule, section } = placeOf(name)
    const result = fresh.get(name) ?? before.get(keyOf({ rule, section })) ?? notRun
    return `| ${i + 1} | ${cell(rule)} | ${cell(section)} | \`${file}\` | ${result} |\n`
  })
  return `${intro}${rows.join('')}`
}

/** What `page` says of a mutant; `undefined`: that it was not run, or nothing. */
export function resultsOn(page: string): (mutant: Mutant) => string | undefined {
  const results = resultsIn(page)
  return ({ name }) => {
    const result = results.get(keyOf(placeOf(name)))
    return result === notRun ? undefined : result
  }
}

function resultOf({ mutant: { harmless }, caughtBy }: Outcome): string {
  if (caughtBy !== undefined) return cell(caughtBy)
  return harmless === undefined ? '**nothing**' : `*${harmless}*`
}

interface Place {
  readonly rule: string
  /** Of the dissertation, or empty. */
  readonly section: string
}

/** `a second vote in a term (§3.4)` */
function placeOf(name: string): Place {
  const [, rule = name, section = ''] = /^(.*) \((§[^)]*|erratum[^)]*)\)$/.exec(name) ?? []
  return { rule, section }
}

/** What each row of a page says, by its place. */
function resultsIn(page: string): ReadonlyMap<string, string> {
  const rows = [...page.matchAll(/^\| \d+ \| (.*) \| (.*) \| `\S+` \| (.*) \|$/gm)]
  return new Map(rows.map(([, rule = '', section = '', result = '']) => [keyOf({ rule, section }), result]))
}

const keyOf = ({ rule, section }: Place): string => `${cell(rule)}|${cell(section)}`

const cell = (text: string): string => text.replaceAll(/\\?\|/g, '\\|').replaceAll(/\s+/g, ' ').trim()

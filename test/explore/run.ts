// Explores the core: `npm run test:explore`. `-- --minutes 10` for all scenarios together (default 10), `--only snapshots` for those whose name has this word, `--small` for the
// budgets of `npm test`. A line a second says how far it is. Exit code 1 when anything is broken: then the shortest way there is told, and a test that goes it.
import { parseArgs } from 'node:util'
import { describe } from './budget.ts'
import { Exploration, type Report } from './exploration.ts'
import { loadGlass } from './glass.ts'
import { type Scenario, scenarios } from './scenarios.ts'
import { storyOf, testOf } from './story.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    only: { type: 'string', default: '' },
    small: { type: 'boolean', default: false },
  },
})
const size = values.small ? 'small' : 'large'

async function main(): Promise<number> {
  const chosen = scenarios.filter(({ name }) => name.includes(values.only))
  const minutes = Number(values.minutes)
  if (!(minutes > 0) || chosen.length === 0) {
    console.error(
      minutes > 0
        ? `no scenario has ${values.only} in its name: ${scenarios.map(({ name }) => name).join(', ')}`
        : `--minutes is ${values.minutes}`,
    )
    return 2
  }
  const make = await loadGlass()
  const until = performance.now() + minutes * 60_000
  let states = 0
  let transitions = 0
  for (const [i, scenario] of chosen.entries()) {
    // What one does not need is left for those after it.
    const seconds = (until - performance.now()) / 1_000 / (chosen.length - i)
    console.log(`${scenario.name}: ${scenario.about}\n  ${describe(scenario[size])}`)
    const report = explore(scenario, { make, seconds })
    states += report.states
    transitions += report.transitions
    const { counterexample } = report
    if (counterexample === undefined) continue
    console.log(`\n${storyOf(counterexample)}\n\n${testOf(counterexample, { name: scenario.name, size })}`)
    return 1
  }
  console.log(`${chosen.length} scenarios, ${states} states, ${transitions} transitions, nothing broken`)
  return 0
}

function explore(
  scenario: Scenario,
  { make, seconds }: { readonly make: Awaited<ReturnType<typeof loadGlass>>; readonly seconds: number },
): Report {
  const start = performance.now()
  let told = start
  const secondsSince = (): number => (performance.now() - start) / 1_000
  const progress = (report: Report): boolean => {
    if (performance.now() - told >= 1_000) {
      told = performance.now()
      console.log(`  ${lineOf(report, secondsSince())}`)
    }
    return secondsSince() < seconds
  }
  const report = new Exploration({ ...scenario, budget: scenario[size], make, progress }).run()
  const end = report.isComplete ? 'all of it' : report.counterexample === undefined ? 'out of time' : 'BROKEN'
  console.log(`  ${lineOf(report, secondsSince())}: ${end}`)
  return report
}

function lineOf({ states, transitions, depth, localStates }: Report, seconds: number): string {
  const rate = Math.round(states / seconds)
  return `${seconds.toFixed(0)} s, depth ${depth}, ${states} states, ${transitions} transitions, ${rate} states/s, ${localStates} states of single servers`
}

process.exitCode = await main()

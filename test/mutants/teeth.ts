// Brings back each of the bugs that other libraries had, one at a time, and says how many seeds of the simulator it takes to find it. `npm run
// test:teeth`; no other test is run. `-- --only <word>` or `-- --bug 7` for some of them, `--from 30` to go on with the thirtieth, `--seeds 200` for
// how many seeds a bug may take, `--workers 1` for one at a time, `--write docs/teeth.md` for a page with the results.
//
// Exit code 1 when a bug is not found that could be, or when the median is more than 50 seeds.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { Copy } from './copy.ts'
import { hunt } from './hunt.ts'
import { mutants } from './mutants.ts'
import { bugsOf, medianMax, medianOf, type BugMutant, type Outcome, teethPage } from './teeth-page.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    bug: { type: 'string' },
    from: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1000' },
    workers: { type: 'string', default: '2' },
    write: { type: 'string' },
  },
})
const root = join(import.meta.dirname, '../..')
const seedsMax = Number(values.seeds)

async function main(): Promise<number> {
  const chosen = bugsOf(mutants)
    .slice(Number(values.from) - 1)
    .filter(({ name, bug }) => (values.only === undefined || name.includes(values.only)) && (values.bug ?? String(bug)) === String(bug))
  const waiting = [...chosen]
  const outcomes: Outcome[] = []
  const work = async (): Promise<void> => {
    const copy = new Copy()
    try {
      for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
        const outcome = await attempt(copy, mutant)
        outcomes.push(outcome)
        console.log(`${outcomes.length}/${chosen.length}  ${lineOf(outcome)}`)
        // After each: who stops it half-way keeps what was found.
        if (values.write !== undefined) write(resolve(root, values.write), outcomes)
      }
    } finally {
      copy.remove()
    }
  }
  await Promise.all(Array.from({ length: Number(values.workers) }, () => work()))
  return report(outcomes)
}

async function attempt(copy: Copy, mutant: BugMutant): Promise<Outcome> {
  const caught = await copy.broken(mutant, () => hunt(copy.program, { seedsMax }))
  return { mutant, caught, seedsMax }
}

function lineOf({ mutant: { bug, name, missed }, caught }: Outcome): string {
  const found =
    caught === undefined
      ? `NOT FOUND${missed === undefined ? '' : ` (${missed})`}`
      : `${caught.seeds} seeds: ${caught.by}: ${caught.finding.slice(0, 160)}`
  return `bug ${bug}: ${name}\n      ${found}`
}

function write(path: string, outcomes: readonly Outcome[]): void {
  writeFileSync(path, teethPage(mutants, outcomes, existsSync(path) ? readFileSync(path, 'utf8') : ''))
}

function report(outcomes: readonly Outcome[]): number {
  const missed = outcomes.filter(({ mutant, caught }) => caught === undefined && mutant.missed === undefined)
  const median = medianOf(outcomes)
  console.log(`\n${outcomes.length} mutants, ${missed.length} not found, median ${median} seeds`)
  for (const { mutant } of missed) console.log(`  not found: ${mutant.name} (${mutant.file})`)
  return missed.length === 0 && median <= medianMax ? 0 : 1
}

process.exitCode = await main()

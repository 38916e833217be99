// Breaks the core on purpose, one way at a time, and says which test notices. `npm run test:mutants`; `-- --only <word>` for some of them,
// `--seeds 500` for how long the simulator looks for what the direct tests let pass, `--from 30` to go on with the thirtieth,
// `--write docs/mutants.md` for a page with the results, `--new` with it for those that the page has none of.
//
// Works on a copy of the sources in a temporary folder. Exit code 1 when a mutant survives that is not listed as equivalent or as a matter
// of liveness only, or when the text that one replaces is not there (exactly once) any more.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Mutant } from './mutant.ts'
import { mutants } from './mutants.ts'
import { mutantsPage, type Outcome, resultsOn } from './results.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    from: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '500' },
    write: { type: 'string' },
    new: { type: 'boolean', default: false },
  },
})
const root = join(import.meta.dirname, '../..')
const copied = [
  'src',
  'codegen',
  'templates',
  'test',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'bundle.js',
  'vitest.config.ts',
]
const simulations = ['test/sim/disks.test.ts', 'test/sim/divergence.test.ts', 'test/sim/halt.test.ts', 'test/sim/swarm.test.ts']

function main(): number {
  const folder = mkdtempSync(join(tmpdir(), 'raftgen-mutants-'))
  try {
    for (const name of copied) cpSync(join(root, name), join(folder, name), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    const known = values.new ? resultsOn(page()) : undefined
    const chosen = mutants
      .slice(Number(values.from) - 1)
      .filter(({ name }) => values.only === undefined || name.includes(values.only))
      .filter((mutant) => known?.(mutant) === undefined)
    if (chosen.length === 0 && !values.new) throw new Error(`there is no mutant whose name has ${JSON.stringify(values.only)} in it`)
    const failure = firstFailure(folder, simulations, { RAFTGEN_SEEDS: '1' })
    if (failure !== undefined) throw new Error(`what is not broken fails as well: ${failure}`)
    const outcomes: Outcome[] = []
    for (const [i, mutant] of chosen.entries()) {
      const caughtBy = attempt(folder, mutant)
      console.log(
        `${i + 1}/${chosen.length}  ${mutant.name}\n      ${caughtBy ?? `SURVIVES${mutant.harmless === undefined ? '' : ` (${mutant.harmless})`}`}`,
      )
      outcomes.push({ mutant, caughtBy })
      // After each: who stops it half-way keeps what was found.
      if (values.write !== undefined) writeFileSync(resolve(root, values.write), mutantsPage(mutants, outcomes, page()))
    }
    return report(outcomes)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The direct tests of the layer that is broken. */
const netsOf = (file: string): readonly string[] => nets.find(([folder]) => file.startsWith(folder))?.[1] ?? ['test/node']
const nets: readonly (readonly [folder: string, suites: readonly string[]])[] = [
  ['src/core/', ['test/core']],
  ['src/storage/', ['test/storage']],
  ['src/machine/', ['test/machine', 'test/contract', 'test/node']],
  ['src/session/', ['test/session', 'test/node']],
  ['src/wire/', ['test/wire', 'test/node']],
]

/** What noticed it; `undefined` when nothing did. */
function attempt(folder: string, { file, find, replace }: Mutant): string | undefined {
  const path = join(folder, file)
  const source = readFileSync(path, 'utf8')
  const parts = source.split(find)
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} places that read ${JSON.stringify(find)}, there must be one`)
  writeFileSync(path, parts.join(replace))
  try {
    return firstFailure(folder, netsOf(file), {}) ?? firstFailure(folder, simulations, { RAFTGEN_SEEDS: values.seeds })
  } finally {
    writeFileSync(path, source)
  }
}

function firstFailure(folder: string, suites: readonly string[], env: Record<string, string>): string | undefined {
  const run = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...suites, '--bail', '1', '--reporter', 'json'], {
    cwd: folder,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 64 * 1_024 * 1_024,
    timeout: 20 * 60_000,
  })
  const start = run.stdout.indexOf('{"num')
  if (run.status === 0) return undefined
  if (start === -1) return `the suite does not even start: ${run.stderr.slice(0, 200)}`
  const { testResults } = JSON.parse(run.stdout.slice(start)) as {
    testResults: { name: string; assertionResults: { status: string; fullName: string; failureMessages: string[] }[] }[]
  }
  for (const { name, assertionResults } of testResults) {
    const failed = assertionResults.find(({ status }) => status === 'failed')
    if (failed === undefined) continue
    const seed = /seed[= ](\d+)/i.exec(failed.failureMessages.join(' '))?.[1]
    return `${name.slice(folder.length + 1)}: ${failed.fullName}${seed === undefined ? '' : ` (seed ${seed})`}`
  }
  return 'a test file that could not run'
}

/** As it is now. */
function page(): string {
  const path = resolve(root, values.write ?? 'docs/mutants.md')
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

function report(outcomes: readonly Outcome[]): number {
  const survivors = outcomes.filter(({ caughtBy }) => caughtBy === undefined)
  const guilty = survivors.filter(({ mutant }) => mutant.harmless === undefined)
  console.log(
    `\n${outcomes.length} mutants, ${outcomes.length - survivors.length} caught, ${survivors.length - guilty.length} harmless, ${guilty.length} survive`,
  )
  for (const { mutant } of guilty) console.log(`  survives: ${mutant.name} (${mutant.file})`)
  return guilty.length === 0 ? 0 : 1
}

process.exitCode = main()

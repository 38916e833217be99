// Damages the files of a node in every way that the suite knows, and lets real disks fail; in the end a table says what came of it.
//
//   npm run test:disk                         some cases of each place in each kind of file, and every fault that can be tried here
//   npm run test:disk -- --seed 7             others of them
//   npm run test:disk -- --case "high-water"  those whose names have this in them; a whole name is one case
//   npm run test:disk -- --all                every damage of every place at every moment: hours
//   --each <n>       cases of each place (2)       --workers <n>   processes that share them (2)
//   --only <part>    `files` or `faults`           --list          names instead of results
//   --verbose        what each node has said       --require-all   what cannot be tried here fails the run
//
// Exit code 1 when anything was lost or wrong, or an outcome was not one that is allowed.
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { faultNames, runFaults } from './faults/faults.ts'
import { runCases } from './pool.ts'
import { described, isFine, type Skipped, summary } from './summary.ts'
import type { Result } from './result.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    case: { type: 'string', multiple: true, default: [] },
    each: { type: 'string', default: '2' },
    workers: { type: 'string', default: '2' },
    only: { type: 'string' },
    all: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    'require-all': { type: 'boolean', default: false },
  },
})
const seed = Number(values.seed)
const results: Result[] = []
const skipped: Skipped[] = []

const isAsked = (name: string): boolean => values.case.length === 0 || values.case.some((part) => name.includes(part))

function choose(drawn: readonly string[], all: readonly string[]): readonly string[] {
  const exact = all.filter((name) => values.case.includes(name))
  const chosen = exact.length > 0 ? exact : (values.all || values.case.length > 0 ? all : drawn).filter(isAsked)
  if (!values.list) return chosen
  for (const name of chosen) console.log(name)
  return []
}

function tell(result: Result, progress: string): void {
  results.push(result)
  console.log(`${progress}  ${described(result, { seed, isVerbose: values.verbose })}`)
}

const folder = await mkdtemp(join(tmpdir(), 'raftgen-test-disk-'))
process.env['TMPDIR'] = folder
process.once('exit', () => removeFolder())
// So that what is mounted is unmounted, and what was written is removed.
for (const [signal, code] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const]) process.once(signal, () => process.exit(code))

function removeFolder(): void {
  try {
    rmSync(folder, { recursive: true, force: true })
  } catch (thrown) {
    console.error(`${folder} could not be removed: ${String(thrown)}`)
  }
}

async function main(): Promise<number> {
  if (values.only !== 'files') {
    if (values.list) for (const name of faultNames.filter(isAsked)) console.log(name)
    else skipped.push(...(await runFaults({ seed, folder, isAsked, told: (result) => tell(result, 'fault') })))
    for (const { kind, name, reason } of skipped) console.log(`SKIPPED  ${kind}: ${name}: ${reason}`)
  }
  if (values.only !== 'faults') {
    const options = { seed, folder, workers: Number(values.workers), each: Number(values.each) }
    await runCases(options, choose, (result, { done, count }) => tell(result, `${done}/${count}`))
  }
  if (values.list) return 0
  const bad = results.filter((result) => !isFine(result))
  console.log(
    `\n${bad.length === 0 ? '' : `${bad.map((result) => described(result, { seed, isVerbose: true })).join('\n')}\n\n`}${summary(results, skipped)}`,
  )
  const isSkipAllowed = !values['require-all'] || skipped.length === 0
  return bad.length === 0 && isSkipAllowed ? 0 : 1
}

process.exitCode = await main()

// Clusters of processes, everything that may go wrong, and clients whose every answer is checked: npm run test:chaos -- --help. docs/testing.md says more.
//
// Exit code 0: all is well. 1: something was found, or a fault that could have been was never felt. 2: wrong use, or it could not be run.
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Options, readOptions, usage, WrongUse } from './options.ts'
import { problemsOf, summary } from './summary.ts'
import { missingStage, type Progress, removeDirectories, runStage, type SkippedFault, type StageKind, type StageResult } from './stage.ts'

const progressWithoutTerminalMs = 10_000
const progressOnTerminalMs = 1_000

const aborting = new AbortController()

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    console.log(usage)
    return 0
  }
  const options = readOptions(args)
  const folder = await makeFolder(options.out)
  const { possible, skipped } = await probe(options.stages)
  for (const { family, reason } of skipped) console.log(`SKIPPED  ${family}: ${reason}`)
  const shares = possible.reduce((sum, { share }) => sum + share, 0)
  const results: StageResult[] = []
  for (const kind of possible) {
    if (aborting.signal.aborted) break
    const own = join(folder, kind.name)
    const ms = (options.minutes * 60_000 * kind.share) / shares
    const { seed, clients, families } = options
    const result = await runStage({
      kind,
      ms,
      seed,
      clients,
      families,
      hasTools: true,
      folder: own,
      aborted: aborting.signal,
      progress: teller(ms),
    })
    results.push(result)
    skipped.push(...result.skipped.map((one) => ({ ...one, name: `${one.name} (${kind.name})` })))
    if (result.problems.length > 0) break
    await removeDirectories(own, kind.nodes)
  }
  const problems = problemsOf(results, skipped, options)
  const text = summary(results, skipped, problems)
  console.log(`\n${text}`)
  await writeFile(join(folder, 'summary.txt'), `${text}\n`)
  return await finish(options, { folder, isFine: problems.length === 0 })
}

async function probe(kinds: readonly StageKind[]): Promise<{ readonly possible: readonly StageKind[]; readonly skipped: SkippedFault[] }> {
  const possible: StageKind[] = []
  const skipped: SkippedFault[] = []
  for (const kind of kinds) {
    const reason = await missingStage(kind)
    if (reason === undefined) possible.push(kind)
    else skipped.push({ family: `stage ${kind.name}`, name: 'all of it', reason })
  }
  return { possible, skipped }
}

async function makeFolder(out: string | undefined): Promise<string> {
  if (out === undefined) return await mkdtemp(join(tmpdir(), 'raftgen-chaos-'))
  const folder = resolve(out)
  await mkdir(folder, { recursive: true })
  if ((await readdir(folder)).length > 0) throw new WrongUse(`--out is ${out}, which is not empty`)
  return folder
}

async function finish(
  { out, seed, minutes, clients, families, stages }: Options,
  { folder, isFine }: { folder: string; isFine: boolean },
): Promise<number> {
  if (aborting.signal.aborted) console.log('The run was given up before its time.')
  if (isFine && out === undefined) await rm(folder, { recursive: true, force: true })
  else console.log(`Everything is in ${folder}`)
  if (isFine) return aborting.signal.aborted ? 2 : 0
  const only = `--faults ${families.join(',')} --stages ${stages.map(({ name }) => name).join(',')}`
  console.log(`again: npm run test:chaos -- --minutes ${minutes} --seed ${seed} --clients ${clients} ${only}`)
  return 1
}

function teller(ms: number): (progress: Progress) => void {
  const everyMs = process.stdout.isTTY ? progressOnTerminalMs : progressWithoutTerminalMs
  let toldAt = Number.NEGATIVE_INFINITY
  let before = { at: 0, answered: 0 }
  return ({ stage, phase, elapsedMs, faults, calls, answered, current }) => {
    if (elapsedMs - toldAt < everyMs) return
    toldAt = elapsedMs
    const perSecond = Math.round(((answered - before.answered) * 1_000) / Math.max(1, elapsedMs - before.at))
    before = { at: elapsedMs, answered }
    const time = `${clockOf(elapsedMs)} of ${clockOf(ms)}`
    console.log(`${stage}  ${time}  ${phase}  ${faults} faults  ${calls} calls, ${answered} answered, ${perSecond}/s  ${current}`)
  }
}

const clockOf = (ms: number): string => `${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1_000) % 60).padStart(2, '0')}`

// The first one ends the run in order; the second at once, and processes, namespaces and mounts go all the same.
for (const [signal, code] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const])
  process.on(signal, () => {
    if (aborting.signal.aborted) process.exit(code)
    aborting.abort()
  })

/** Whatever a connection or a timer still waits for: all was judged. */
async function end(): Promise<never> {
  try {
    process.exit(await main(process.argv.slice(2)))
  } catch (thrown) {
    if (thrown instanceof WrongUse) console.error(`${thrown.message}\n\n${usage}`)
    else console.error(thrown)
    process.exit(2)
  }
}

await end()

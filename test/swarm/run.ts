// Many seeds of the simulator, on all cores. Whatever fails is kept: its message, the smallest run that still fails, its chart as text and as a picture.
//
//   npm run test:sim                       2,000 seeds, from 1 on
//   npm run test:sim -- --from 5000        2,000 others
//   npm run test:sim -- --forever          until it is stopped, from a seed on that the time gives
//
// Exit code 1 when a seed fails, or when a class of faults did not happen in 250 seeds or more.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { Coverage } from '../../src/prove/index.ts'
import type { Failed, Held, Order, Outcome } from './worker.ts'

const whole =
  (min: number) =>
  (text: string): number => {
    const value = Number(text)
    if (!Number.isSafeInteger(value) || value < min) throw new InvalidArgumentError(`Give a whole number, ${min} at least.`)
    return value
  }

interface Options {
  readonly seeds: number
  readonly from?: number
  readonly forever: boolean
  readonly workers: number
  readonly out: string
}
const options = new Command('npm run test:sim --')
  .description('Runs many seeds of the simulator, on all cores. What fails is made small, and kept with a chart.')
  .option('--seeds <n>', 'how many', whole(0), 2_000)
  .option('--from <seed>', 'the first of them (default: 1; with --forever one that the time gives)', whole(0))
  .option('--forever', 'until it is stopped', false)
  .option('--workers <n>', 'processes that share them', whole(1), availableParallelism())
  .option('--out <folder>', 'where what fails is kept, made when something does', 'raftgen-sim')
  .allowExcessArguments(false)
  .parse()
  .opts<Options>()
const { seeds, workers } = options
// What was run before is not run again.
const first = options.from ?? (options.forever ? Math.floor(Date.now() / 1_000) : 1)

/** With fewer seeds a class may well be missing. */
const coveredFrom = 250
const started = performance.now()
const total = new Coverage()
const failures: Failed[] = []
let next = first
let held = 0
let sums = { steps: 0, elections: 0, changes: 0, calls: 0, answered: 0 }
let isStopping = false
process.on('SIGINT', () => {
  isStopping = true
})
process.on('SIGTERM', () => {
  isStopping = true
})

const isTerminal = process.stderr.isTTY === true
const ticker = setInterval(() => progress(), isTerminal ? 1_000 : 10_000)
await Promise.all(Array.from({ length: workers }, () => work()))
clearInterval(ticker)
if (isTerminal) process.stderr.write('\r\u001b[K')
console.log(summary())
const missing = held + failures.length >= coveredFrom ? total.missing : []
if (missing.length > 0) console.log(`never happened: ${missing.join(', ')}`)
process.exitCode = failures.length > 0 || missing.length > 0 ? 1 : 0

async function work(): Promise<void> {
  const child = fork(new URL('./worker.js', import.meta.url), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const ended = once(child, 'exit')
  // Ctrl-C goes to all processes of a terminal; these end when they are told to.
  await Promise.race([once(child, 'message'), ended])
  while (!isStopping && (options.forever || next < first + seeds)) {
    const order: Order = { seed: next++ }
    child.send(order)
    const [outcome] = await Promise.race([once(child, 'message'), ended.then(() => [undefined])])
    if (outcome === undefined) throw new Error(`the process that ran seed ${order.seed} has ended`)
    onOutcome(outcome)
  }
  child.disconnect()
  await ended
}

function onOutcome(outcome: Outcome): void {
  if (outcome.kind === 'failed') return keep(outcome)
  held += 1
  sums = added(sums, outcome)
  total.addCounts(outcome.counts)
}

function added(sum: typeof sums, { steps, elections, changes, calls, answered }: Held): typeof sums {
  return {
    steps: sum.steps + steps,
    elections: sum.elections + elections,
    changes: sum.changes + changes,
    calls: sum.calls + calls,
    answered: sum.answered + answered,
  }
}

function keep(failure: Failed): void {
  failures.push(failure)
  mkdirSync(options.out, { recursive: true })
  const path = join(options.out, `seed-${failure.seed}`)
  writeFileSync(`${path}.txt`, `${failure.message}\n\nThe smallest run that fails so:\n\n${failure.least}\n\n${failure.chart}\n`)
  writeFileSync(`${path}.svg`, failure.svg)
  console.log(
    `${isTerminal ? '\r\u001b[K' : ''}${failure.message.split('\n')[0]}\n  kept in ${path}.txt and ${path}.svg; ${failure.least.split('\n').at(-1)}`,
  )
}

function progress(): void {
  const text = `${summary()}${options.forever ? '; Ctrl-C ends it' : ` of ${seeds.toLocaleString('en')}`}`
  process.stderr.write(isTerminal ? `\r\u001b[K${text.split('\n')[0]}` : `${text.split('\n')[0]}\n`)
}

function summary(): string {
  const seconds = (performance.now() - started) / 1_000
  const shown = (value: number): string => Math.round(value).toLocaleString('en')
  const head = `${shown(held + failures.length)} seeds from ${first} in ${shown(seconds)} s, ${shown(sums.steps)} steps (${shown(sums.steps / seconds)} a second), ${failures.length} failed`
  return `${head}\nelections ${shown(sums.elections)}, changes of members ${shown(sums.changes)}, calls ${shown(sums.calls)}, answered ${shown(sums.answered)}\n${total}`
}

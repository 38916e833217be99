// `raftgen sim <schema.ts>`: the machine of a project in simulated clusters.
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import {
  chartRows,
  chartSvg,
  chartText,
  Coverage,
  everyFault,
  type FaultClass,
  parsePlan,
  planText,
  SimulationError,
  simulateAndShrink,
  type Subject,
  type SwarmReport,
} from '../prove/index.ts'
import { type ExitCode, exitCode } from './exit-code.ts'
import { WrongUse } from './wrong-use.ts'
import { slowly } from './log-progress.ts'
import type { SimOptions } from './program.ts'
import { handlersFileOf, schemaFileOf } from './schema-file.ts'
import { suggestion } from './suggest.ts'
import { grouped, shownPath, type Terminal } from './terminal.ts'
import { userMachine } from './user-machine.ts'
import { wholeNumber } from './whole-number.ts'

const seedsMax = 1_000_000
/** A year of seeds, and exact as a number. */
const seedMax = 1e12

export interface SimCommand {
  readonly schema: string
  readonly options: SimOptions
  readonly terminal: Terminal
}

/** What is run: the text of seeds, or of runs of them. */
interface Runs {
  readonly count: number
  readonly text: (i: number) => string
  readonly faults: readonly FaultClass[]
}

export async function simCommand({ schema, options, terminal }: SimCommand): Promise<ExitCode> {
  const schemaFile = schemaFileOf(schema)
  const runs = runsOf(options)
  const handlersFile = handlersFileOf(schemaFile, options.handlers)
  const subject = await userMachine({ schemaFile, handlersFile, out: options.out })
  const started = performance.now()
  const sum = new Sum()
  const say = slowly(terminal)
  for (let i = 0; i < runs.count; i++) {
    const failure = run(subject, runs.text(i), { schemaFile, options, runs, terminal, sum })
    if (failure !== undefined) return await tell(failure, { held: i, schemaFile, options, terminal })
    say(() => `sim: ${grouped(i + 1)} of ${grouped(runs.count)} seeds hold, ${sum.shown(performance.now() - started)}`)
    // Whoever presses Ctrl-C is heard between two runs.
    await new Promise((resume) => setImmediate(resume))
  }
  if (options.json === true) terminal.out(JSON.stringify({ ok: true, seeds: runs.count, ...sum.plain() }))
  else terminal.out(`faults: ${sum.faults(runs.faults)}`)
  terminal.err(
    `sim: ${runs.count === 1 ? `seed ${runs.text(0)}` : `${grouped(runs.count)} seeds`}, ${sum.shown(performance.now() - started)}; everything holds`,
  )
  return exitCode.fine
}

function runsOf({ seed, seeds, from, faults }: SimOptions): Runs {
  const classes = faultsOf(faults)
  if (seed === undefined) {
    const first = wholeNumber('--from', from, { min: 0, max: seedMax, otherwise: 1 })
    return {
      count: wholeNumber('--seeds', seeds, { min: 1, max: seedsMax, otherwise: 100 }),
      text: (i) => String(first + i),
      faults: classes,
    }
  }
  if (seeds !== undefined || from !== undefined)
    throw new WrongUse('--seed is one run, --seeds and --from are many', 'Give one or the other.')
  if (parsePlan(seed) !== undefined) return { count: 1, text: () => seed, faults: classes }
  throw new WrongUse(`--seed: '${seed}' is no seed`, 'Use a whole number, or a run as a failure names it: 12/acts=1-3/calls=7.')
}

function faultsOf(option: string | undefined): readonly FaultClass[] {
  if (option === undefined) return everyFault
  if (option === 'none') return []
  return option.split(',').map((word) => {
    const found = everyFault.find((name) => name === word.trim())
    if (found !== undefined) return found
    const meant = suggestion(word, everyFault)
    throw new WrongUse(
      `--faults: '${word}' is no class of faults`,
      meant === undefined ? `There are: ${everyFault.join(', ')}; or none.` : `Did you mean ${meant}?`,
    )
  })
}

interface Setting {
  readonly schemaFile: string
  readonly options: SimOptions
  readonly runs: Runs
  readonly terminal: Terminal
  readonly sum: Sum
}

/** What it fails with, if it does. */
function run(subject: Subject, seed: string, { schemaFile, options, runs, terminal, sum }: Setting): SimulationError | undefined {
  const repeat = (text: string): string => [...['raftgen', 'sim', shownPath(schemaFile), '--seed', text], ...placesOf(options)].join(' ')
  const say = slowly(terminal)
  try {
    const onRun = (tried: number): void => say(() => `sim: seed ${seed} fails; making it smaller: ${tried} runs tried`)
    sum.add(simulateAndShrink(subject, { seed, faults: runs.faults, repeat }, { onRun }))
    return undefined
  } catch (error) {
    if (error instanceof SimulationError) return error
    throw error
  }
}

const placesOf = ({ handlers, out, faults }: SimOptions): readonly string[] => [
  ...(faults === undefined ? [] : ['--faults', faults]),
  ...(handlers === undefined ? [] : ['--handlers', handlers]),
  ...(out === undefined ? [] : ['--out', out]),
]

async function tell(
  { invariant, finding, run: { plan, now, steps, chart, repeat } }: SimulationError,
  { held, schemaFile, options, terminal }: Pick<Setting, 'schemaFile' | 'options' | 'terminal'> & { readonly held: number },
): Promise<ExitCode> {
  const seed = planText(plan)
  const title = `seed ${seed}, after ${(now / 1_000).toFixed(3)} s: ${invariant}: ${finding}`
  const svg = options.svg ?? join(tmpdir(), `raftgen-${basename(schemaFile, '.ts')}-seed-${plan.seed}.svg`)
  if (chart !== undefined) await writeFile(svg, chartSvg(chartRows(chart), title))
  if (options.json === true) {
    terminal.out(
      JSON.stringify({ ok: false, seed: plan.seed, run: seed, virtualMs: now, steps, invariant, finding, svg: resolve(svg), repeat }),
    )
  } else {
    terminal.out(title)
    if (chart !== undefined) for (const line of chartText(chartRows(chart, { rowsMax: shownRows }))) terminal.out(line)
    terminal.out(`as a picture, with more of it: ${shownPath(svg)}`)
    terminal.out(`repeat it with: ${repeat}`)
  }
  terminal.err(`sim: seed ${plan.seed} fails, after ${grouped(held)} that held`)
  return exitCode.findings
}

const shownRows = 60

/** What the runs went through. */
class Sum {
  readonly #coverage = new Coverage()
  #steps = 0
  #calls = 0
  #answered = 0

  add({ steps, calls, answered, coverage }: SwarmReport): void {
    this.#steps += steps
    this.#calls += calls
    this.#answered += answered
    this.#coverage.add(coverage)
  }

  shown(ms: number): string {
    return `${grouped(this.#steps)} steps (${grouped(Math.round((this.#steps * 1_000) / ms))} a second), ${grouped(this.#calls)} calls (${grouped(this.#answered)} answered)`
  }

  faults(classes: readonly FaultClass[]): string {
    if (classes.length === 0) return 'none'
    const never = classes.filter((name) => this.#coverage.of(name) === 0)
    const happened = classes.filter((name) => !never.includes(name)).map((name) => `${name} ${grouped(this.#coverage.of(name))}`)
    return `${happened.join(', ')}${never.length === 0 ? '' : `; never: ${never.join(', ')}`}`
  }

  plain(): object {
    const faults = Object.fromEntries(everyFault.map((name) => [name, this.#coverage.of(name)]))
    return { steps: this.#steps, calls: this.#calls, answered: this.#answered, faults }
  }
}

// The part `properties` of `raftgen check`: the handlers at work.
import type { Diagnostic } from '../../codegen/diagnostic.ts'
import { casesDefault, casesMax, CheckFailure, checkMachine, type CheckReport } from '../prove/check-machine.ts'
import type { Checked, PartReport } from './check.ts'
import { slowly } from './log-progress.ts'
import { grouped, shownPath } from './terminal.ts'
import { userMachine } from './user-machine.ts'
import { wholeNumber } from './whole-number.ts'

/** Throws `WrongUse`. */
export async function propertiesPart({ schemaFile, handlersFile, options, terminal }: Checked): Promise<PartReport> {
  const cases = wholeNumber('--cases', options.cases, { min: 1, max: casesMax, otherwise: casesDefault })
  const seed = wholeNumber('--seed', options.seed, { min: 0, max: Number.MAX_SAFE_INTEGER, otherwise: 1 })
  const subject = await userMachine({ schemaFile, handlersFile, out: options.out })
  const say = slowly(terminal)
  const started = performance.now()
  const onCase = (done: number): void => say(() => `properties: ${grouped(done)} of ${grouped(cases)} cases hold`)
  const what = `${shownPath(handlersFile)}, seed ${seed}`
  try {
    const report = checkMachine(subject, { cases, seed, onCase })
    const seconds = ((performance.now() - started) / 1_000).toFixed(1)
    return { diagnostics: [], subject: `${what}: ${describe(report)} in ${seconds} s`, notes: neverAccepted(report) }
  } catch (error) {
    if (!(error instanceof CheckFailure)) throw error
    return { diagnostics: [diagnosticOf(error, handlersFile)], subject: what, notes: [] }
  }
}

function diagnosticOf({ property, finding, story, test, position }: CheckFailure, handlersFile: string): Diagnostic {
  const [, file = handlersFile, line = '0', column = '0'] = /^(.+):(\d+):(\d+)$/.exec(position ?? '') ?? []
  return {
    severity: 'error',
    code: 'PROPERTY_BROKEN',
    file: shownPath(file),
    line: Number(line),
    column: Number(column),
    message: `${property}: ${finding}\n${story.map((line) => `  ${line}`).join('\n')}`,
    hint: `A test that repeats it:\n\n${test}`,
  }
}

function describe({ cases, commands, queries }: CheckReport): string {
  const applied = [...commands.values()].reduce((sum, one) => sum + one.applied, 0)
  return `${grouped(cases)} cases with ${grouped(applied)} commands and ${grouped(queries)} queries`
}

/** What was never accepted was hardly tried. */
const neverAccepted = ({ commands }: CheckReport): readonly string[] =>
  [...commands]
    .filter(([, { applied, refused }]) => applied === refused)
    .map(
      ([name, { applied }]) => `${name} was refused each of ${applied} times: what follows from it was not tried; a test of its own would`,
    )

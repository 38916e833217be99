// `raftgen check <schema.ts>`: looks for what a compiler cannot see. It is made of parts; each gives findings, and what else is to be known.
import type { Diagnostic } from '../../codegen/diagnostic.ts'
import { type ExitCode, exitCode } from './exit-code.ts'
import { WrongUse } from './wrong-use.ts'
import type { CheckOptions } from './program.ts'
import { besidesHandlers, handlersFileOf, schemaFileOf } from './schema-file.ts'
import { suggestion } from './suggest.ts'
import { diagnosticText } from './diagnostic-text.ts'
import { counted, shownPath, type Terminal } from './terminal.ts'

export interface CheckCommand {
  readonly schema: string
  readonly options: CheckOptions
  readonly terminal: Terminal
}

/** What every part is given; both paths are absolute. */
export interface Checked {
  readonly schemaFile: string
  /** Not looked for where the part is evolution alone: it needs none. */
  readonly handlersFile: string
  readonly options: CheckOptions
  readonly terminal: Terminal
}
export interface PartReport {
  readonly diagnostics: readonly Diagnostic[]
  /** What was looked into: the beginning of the summary. */
  readonly subject: string
  /** What should be known besides. */
  readonly notes: readonly string[]
  /** With `--json`: one object a line, where there is more to tell than diagnostics. */
  readonly json?: readonly object[]
}
type Part = (checked: Checked) => Promise<PartReport>

/** In the order in which they run. */
const parts: Readonly<Record<string, Part>> = {
  lint: lintPart,
  evolution: async (checked) => (await import('./check-evolution.ts')).evolutionPart(checked),
  corpus: async (checked) => (await import('./check-corpus.ts')).corpusPart(checked),
  properties: async (checked) => (await import('./check-properties.ts')).propertiesPart(checked),
}

export async function checkCommand({ schema, options, terminal }: CheckCommand): Promise<ExitCode> {
  const chosen = chosenParts(options.only)
  const schemaFile = schemaFileOf(schema)
  if (options.against !== undefined && !chosen.some(([name]) => name === 'evolution')) {
    throw new WrongUse('--against is of the part evolution, which --only leaves out', 'Leave one of the two out, or name the part.')
  }
  const needsHandlers = chosen.some(([name]) => name !== 'evolution')
  const checked = { schemaFile, handlersFile: needsHandlers ? handlersFileOf(schemaFile, options.handlers) : '', options, terminal }
  let failed = false
  for (const [name, part] of chosen) {
    const { diagnostics, subject, notes, json = diagnostics } = await part(checked)
    if (options.json === true) for (const object of json) terminal.out(JSON.stringify({ part: name, ...object }))
    else for (const diagnostic of diagnostics) terminal.out(plainText(diagnostic))
    for (const note of notes) terminal.err(`${name}: ${note}`)
    terminal.err(`${name}: ${subject}; ${countedFindings(diagnostics)}`)
    failed ||= diagnostics.some(({ severity }) => severity === 'error')
  }
  return failed ? exitCode.findings : exitCode.fine
}

/** Findings are the data of this command, so they have no colours. */
const plainText = (diagnostic: Diagnostic): string => diagnosticText(diagnostic, (_, text) => text)

function countedFindings(diagnostics: readonly Diagnostic[]): string {
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length
  const warnings = diagnostics.length - errors
  if (diagnostics.length === 0) return 'nothing found'
  return [...(errors === 0 ? [] : [counted(errors, 'error')]), ...(warnings === 0 ? [] : [counted(warnings, 'warning')])].join(', ')
}

/** All of them, or those that `--only` names. Throws `WrongUse`. */
function chosenParts(only: string | undefined): readonly (readonly [string, Part])[] {
  const all = Object.entries(parts)
  if (only === undefined) return all
  const names = only.split(',').map((name) => name.trim())
  for (const name of names) {
    if (Object.hasOwn(parts, name)) continue
    const meant = suggestion(name, Object.keys(parts))
    const hint = meant === undefined ? `There is: ${Object.keys(parts).join(', ')}.` : `Did you mean ${meant}?`
    throw new WrongUse(`--only: '${name}' is no part of check`, hint)
  }
  return all.filter(([name]) => names.includes(name))
}

async function lintPart({ schemaFile, handlersFile }: Checked): Promise<PartReport> {
  const { lint } = await import('../../codegen/check/lint.ts')
  const besides = besidesHandlers(handlersFile)
  const { diagnostics, files, notLookedInto } = await lint({ schemaFile, handlersFile, besides })
  const named = [handlersFile, ...besides].map(shownPath)
  const others = files.length - named.length
  const subject = `${named.join(', ')}${others <= 0 ? '' : ` and ${counted(others, 'module')} that ${named.length === 1 ? 'it imports' : 'they import'}`}`
  return { diagnostics, subject, notes: notLookedInto.length === 0 ? [] : [`not looked into: ${notLookedInto.join(', ')}`] }
}

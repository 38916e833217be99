// `raftgen <schema.ts>`: plan, tell what was found, write what differs, insert missing stubs.
import { type Changes, ChangedMeanwhile, compareWithDisk, NotOurs, writePlan } from '../../codegen/write.ts'
import type { Diagnostic } from '../../codegen/diagnostic.ts'
import { evolutionSummary } from '../../codegen/evolution/diagnostics.ts'
import { type ExitCode, exitCode } from './exit-code.ts'
import { WrongUse } from './wrong-use.ts'
import { importExtensionFor } from './import-extension.ts'
import { type GenerationPlan, type PlannedMachine, planGeneration } from './generation-plan.ts'
import type { GenerateOptions } from './program.ts'
import { schemaFileOf } from './schema-file.ts'
import { diagnosticText } from './diagnostic-text.ts'
import { counted, shownPath, type Terminal } from './terminal.ts'

export interface GenerateCommand {
  readonly schema: string
  readonly options: GenerateOptions
  readonly terminal: Terminal
  /** Told which machine it is, when the schema is right. */
  readonly onPlan?: (machine: PlannedMachine) => void
}

export async function generateCommand({ schema, options, terminal, onPlan }: GenerateCommand): Promise<ExitCode> {
  const schemaFile = schemaFileOf(schema)
  const importExtension = options.importExtension ?? (await importExtensionFor(schemaFile))
  const plan = await planGeneration({ schemaFile, out: options.out, handlers: options.handlers, importExtension })
  const { machine } = plan
  if (machine === undefined || plan.diagnostics.some(({ severity }) => severity === 'error')) {
    report({ plan, changes: nothing, options, terminal, summary: `${countedDiagnostics(plan.diagnostics)}; nothing was written` })
    return exitCode.findings
  }

  onPlan?.(machine)
  const changes = await changesOf(plan, options)
  report({ plan, changes, options, terminal, summary: summaryText(machine.name, plan, changes, options) })
  return options.check === true && differs(changes) ? exitCode.findings : exitCode.fine
}

const nothing: Changes = { created: [], updated: [], removed: [], unchanged: [] }

async function changesOf(plan: GenerationPlan, { check }: GenerateOptions): Promise<Changes> {
  try {
    return check === true ? await compareWithDisk(plan) : await writePlan(plan)
  } catch (error) {
    if (error instanceof ChangedMeanwhile) {
      throw new WrongUse(`${shownPath(error.path)} was saved while raftgen was reading it; nothing was written`, 'Run it again.')
    }
    if (error instanceof NotOurs) {
      const hint = 'Choose another --out, or move the file away.'
      throw new WrongUse(`${shownPath(error.path)} is not a file that raftgen has written; nothing was written`, hint)
    }
    throw error
  }
}

const differs = ({ created, updated, removed }: Changes): boolean => created.length + updated.length + removed.length > 0

function summaryText(
  machine: string,
  { added, handlersFile, copied, upcasts, migrationsFile, diagnostics }: GenerationPlan,
  changes: Changes,
  { check }: GenerateOptions,
): string {
  const { created, updated, removed, unchanged } = changes
  const warnings = diagnostics.length === 0 ? '' : `; ${countedDiagnostics(diagnostics)}`
  if (!differs(changes)) return `${machine}: up to date, ${counted(unchanged.length, 'file')} unchanged${warnings}`
  const would = check === true ? 'out of date, would be: ' : ''
  const counts = `${created.length} created, ${updated.length} updated, ${removed.length} removed, ${unchanged.length} unchanged`
  const stubs = added.length === 0 || check === true ? '' : `; stubs in ${shownPath(handlersFile)}: ${added.join(', ')}`
  const toWrite = upcasts.length === 0 || check === true ? '' : `; to be written in ${shownPath(migrationsFile)}: ${upcasts.join(', ')}`
  const copies = copied.length === 0 || check === true ? '' : `; copied: ${copied.join(', ')}`
  return `${machine}: ${would}${counts}${stubs}${copies}${toWrite}${warnings}`
}

function countedDiagnostics(diagnostics: readonly Diagnostic[]): string {
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length
  const warnings = diagnostics.length - errors
  const parts = [...(errors === 0 ? [] : [counted(errors, 'error')]), ...(warnings === 0 ? [] : [counted(warnings, 'warning')])]
  return parts.join(', ')
}

interface Report {
  readonly plan: GenerationPlan
  readonly changes: Changes
  readonly options: GenerateOptions
  readonly terminal: Terminal
  readonly summary: string
}

/** On stdout: the paths that were written or removed (with `--check`: would be), or one JSON object. On stderr: everything else. */
function report({ plan, changes, options, terminal, summary }: Report): void {
  for (const diagnostic of plan.diagnostics) terminal.err(diagnosticText(diagnostic, terminal.paint))
  const shown = {
    created: changes.created.map(shownPath),
    updated: changes.updated.map(shownPath),
    removed: changes.removed.map(shownPath),
    unchanged: changes.unchanged.map(shownPath),
  }
  if (options.json === true) {
    const hasErrors = plan.diagnostics.some(({ severity }) => severity === 'error')
    const ok = !hasErrors && !(options.check === true && differs(changes))
    const evolution = plan.evolution === undefined ? {} : { evolution: plan.evolution }
    terminal.out(
      JSON.stringify({
        ok,
        machine: plan.machine?.name,
        ...shown,
        stubs: plan.added,
        copied: plan.copied,
        upcasts: plan.upcasts,
        diagnostics: plan.diagnostics,
        ...evolution,
      }),
    )
  } else for (const path of [...shown.created, ...shown.updated, ...shown.removed]) terminal.out(path)
  terminal.err(summary)
  if (plan.evolution !== undefined) terminal.err(evolutionSummary(plan.evolution))
}

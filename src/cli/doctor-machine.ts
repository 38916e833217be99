// What `raftgen doctor` says of one machine. Writes nothing.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type Changes, compareWithDisk, NotOurs } from '../../codegen/write.ts'
import type { DoctorFinding } from './doctor-check.ts'
import { lockFinding } from './doctor-lock.ts'
import type { ProjectFiles } from './doctor-project.ts'
import { tsconfigFinding } from './doctor-tsconfig.ts'
import { type GenerationPlan, planGeneration } from './generation-plan.ts'
import { importExtensionFor } from './import-extension.ts'
import { localImports } from './local-imports.ts'
import type { DoctorOptions } from './program.ts'
import { counted, shownPath } from './terminal.ts'

export interface MachineChecked {
  /** Absolute. */
  readonly schemaFile: string
  readonly options: DoctorOptions
  readonly project: ProjectFiles
}
export interface MachineReport {
  readonly findings: readonly DoctorFinding[]
  /** Absolute; none where the schema does not say whose it is. */
  readonly lockFile: string | undefined
}

export async function machineReport({ schemaFile, options, project }: MachineChecked): Promise<MachineReport> {
  const out = options.out ?? project.outOf.get(schemaFile)
  const plan = await planOf({ schemaFile, out, options, project })
  const file = shownPath(schemaFile)
  const again = commandFor(plan, schemaFile, out)
  const errors = plan.diagnostics.filter(({ severity }) => severity === 'error')
  const tsconfig = await tsconfigFinding(schemaFile)
  if (plan.machine === undefined || errors.length > 0) {
    const [first] = errors
    const message = `${counted(errors.length, 'error')}: ${first?.code} ${first?.message}`
    return { findings: [{ check: 'schema', state: 'error', file, message, wayOut: `${again} says where.` }, tsconfig], lockFile: undefined }
  }
  const { name, version } = plan.machine
  const lockFile = join(dirname(schemaFile), `${name}.wire.json`)
  return {
    findings: [
      schemaFinding(plan, file, again),
      await generatedFinding(plan, { schemaFile, again }),
      handlersFinding(plan, again),
      ...migrationsFindings(plan, again),
      await lockFinding(lockFile, schemaFile),
      versionFinding({ name, version, isOpen: plan.machine.open }, file),
      tsconfig,
    ],
    lockFile,
  }
}

interface Places {
  readonly schemaFile: string
  readonly out: string | undefined
  readonly options: DoctorOptions
  readonly project: ProjectFiles
}

/** With the handlers where they are: beside the schema, or where alone the project has an object of their type. */
async function planOf({ schemaFile, out, options, project }: Places): Promise<GenerationPlan> {
  const importExtension = await importExtensionFor(schemaFile)
  const planWith = (handlers: string | undefined): Promise<GenerationPlan> => planGeneration({ schemaFile, out, handlers, importExtension })
  const plan = await planWith(options.handlers)
  if (options.handlers !== undefined) return plan
  const found = plan.handlersType === undefined ? [] : (project.handlersOf.get(plan.handlersType) ?? [])
  const [elsewhere, ...others] = found
  return elsewhere === undefined || others.length > 0 || found.includes(plan.handlersFile) ? plan : await planWith(elsewhere)
}

function commandFor({ handlersFile }: GenerationPlan, schemaFile: string, out: string | undefined): string {
  const beside = dirname(schemaFile)
  const places = [
    ...(out === undefined || resolve(out) === join(beside, 'generated') ? [] : [`--out ${shownPath(resolve(out))}`]),
    ...(handlersFile === join(beside, 'handlers.ts') ? [] : [`--handlers ${shownPath(handlersFile)}`]),
  ]
  return ['npx raftgen', shownPath(schemaFile), ...places].join(' ')
}

function schemaFinding({ machine, diagnostics }: GenerationPlan, file: string, again: string): DoctorFinding {
  const warnings = diagnostics.filter(({ code }) => !code.startsWith('HANDLER'))
  const [first] = warnings
  if (first === undefined) return { check: 'schema', state: 'ok', file, message: `${machine?.name}, version ${machine?.version}` }
  const message = `${counted(warnings.length, 'warning')}: ${first.code} ${first.message}`
  return { check: 'schema', state: 'warning', file, message, wayOut: `${again} says where.` }
}

interface Generated {
  readonly schemaFile: string
  readonly again: string
}

async function generatedFinding(plan: GenerationPlan, { schemaFile, again }: Generated): Promise<DoctorFinding> {
  const emitted = { files: plan.files.filter(({ basis }) => basis === undefined), stale: plan.stale }
  const [first] = emitted.files
  const finding = { check: 'generated', file: shownPath(dirname(first?.path ?? schemaFile)) } as const
  let changes: Changes
  try {
    changes = await compareWithDisk(emitted)
  } catch (error) {
    if (!(error instanceof NotOurs)) throw error
    const message = `${shownPath(error.path)} has lost its first line, or is somebody else's`
    return { ...finding, state: 'error', message, wayOut: 'Delete it, or move it away; then run raftgen again.' }
  }
  const edited = changes.updated.filter((path) => isEdited(path, plan, schemaFile))
  if (edited.length > 0) {
    const message = `changed after the schema was, as if by hand: ${edited.map(shownPath).join(', ')}`
    return {
      ...finding,
      state: 'error',
      message,
      wayOut: `What is in them is lost with the next run: move it to a file of yours, then ${again}`,
    }
  }
  const stale = [...changes.created, ...changes.updated, ...changes.removed].map(shownPath)
  if (stale.length > 0) return { ...finding, state: 'error', message: `out of date: ${stale.join(', ')}`, wayOut: again }
  return { ...finding, state: 'ok', message: `${counted(changes.unchanged.length, 'file')} up to date` }
}

/** It was generated from this schema, by this release, and saved later than any file of the schema. */
function isEdited(path: string, { files }: GenerationPlan, schemaFile: string): boolean {
  const wanted = files.find((file) => file.path === path)?.text ?? ''
  const firstLine = (text: string): string => text.slice(0, text.indexOf('\n'))
  const saved = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
  if (firstLine(wanted) !== firstLine(readFileSync(path, 'utf8'))) return false
  return [...localImports(schemaFile).keys()].every((source) => saved(source) < saved(path))
}

function handlersFinding({ handlersFile, added, diagnostics }: GenerationPlan, again: string): DoctorFinding {
  const finding = { check: 'handlers', file: shownPath(handlersFile) } as const
  if (!existsSync(handlersFile)) return { ...finding, state: 'error', message: 'there are no handlers', wayOut: `${again} begins them.` }
  if (added.length > 0) return { ...finding, state: 'error', message: `none of ${added.join(', ')}`, wayOut: `${again} inserts stubs.` }
  const said = diagnostics.find(({ code }) => code.startsWith('HANDLER'))
  if (said !== undefined) return { ...finding, state: 'warning', message: `${said.code} ${said.message}`, wayOut: said.hint }
  const stubs = [...readFileSync(handlersFile, 'utf8').matchAll(/throw new Error\('not implemented: (.+?)'\)/g)].map(([, name]) => name)
  if (stubs.length > 0) {
    return {
      ...finding,
      state: 'warning',
      message: `not written yet: ${stubs.join(', ')}`,
      wayOut: 'Calls of them are answered with HANDLER_FAILED: write them.',
    }
  }
  return { ...finding, state: 'ok', message: 'all there' }
}

function migrationsFindings({ migrationsFile, upcasts, files }: GenerationPlan, again: string): readonly DoctorFinding[] {
  const finding = { check: 'migrations', file: shownPath(migrationsFile) } as const
  if (upcasts.length > 0) return [{ ...finding, state: 'error', message: `none of ${upcasts.join(', ')}`, wayOut: `${again} begins them.` }]
  return existsSync(migrationsFile) && files.length > 0 ? [{ ...finding, state: 'ok', message: 'all there' }] : []
}

interface Version {
  readonly name: string
  readonly version: number
  readonly isOpen: boolean
}

function versionFinding({ name, version, isOpen }: Version, file: string): DoctorFinding {
  if (!isOpen) return { check: 'version', state: 'ok', file, message: `version ${version} is frozen` }
  const message = `version ${version} of ${name} is open: servers refuse it but with development: true`
  return { check: 'version', state: 'warning', file, message, wayOut: `Before it is deployed: npx raftgen freeze ${file}` }
}

// `raftgen check --only evolution`: the schema and what was frozen of it before: here, or at the commit that one is about to merge into.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { Diagnostic } from '../../codegen/diagnostic.ts'
import type { Evolution, LocatedFinding } from '../../codegen/evolution/since-frozen.ts'
import type { Lock } from '../../codegen/lock.ts'
import type { LockedSchema } from '../../codegen/locked-schema.ts'
import type { Checked, PartReport } from './check.ts'
import { WrongUse } from './wrong-use.ts'
import { withoutStdout } from './generation-plan.ts'
import { commitOf, commonCommit, textAt } from './git.ts'
import { shownPath } from './terminal.ts'

export async function evolutionPart({ schemaFile, options }: Checked): Promise<PartReport> {
  const { readSchema } = await import('../../codegen/locked-schema.ts')
  const read = await withoutStdout(() => readSchema({ schemaFile, cwd: process.cwd() }))
  const subject = shownPath(schemaFile)
  if (read.kind === 'wrong') return { diagnostics: read.diagnostics, subject, notes: [] }
  const { schema } = read
  if (options.against !== undefined) return againstOther(schema, await baseAt(options.against, schema))
  const { evolutionSince } = await import('../../codegen/evolution/since-frozen.ts')
  const evolution = evolutionSince(schema)
  const warnings = schema.reporter.diagnostics.filter(({ code }) => code === 'LOCK_PARTIAL')
  if (evolution === undefined)
    return { diagnostics: warnings, subject: `${subject}: nothing that is needed is frozen before it`, notes: [] }
  return await reportOf(schema, evolution)
}

interface Base {
  /** `origin/main`, or the file. */
  readonly label: string
  readonly lock: Lock | undefined
  readonly common: Lock | undefined
}

/** Throws `WrongUse` where `against` is neither a wire lock nor a commit. */
async function baseAt(against: string, { lockFile }: LockedSchema): Promise<Base> {
  const path = resolve(against)
  if (existsSync(path)) {
    if (statSync(path).isDirectory()) throw new WrongUse(`--against: ${against} is a folder`, 'Name the wire lock in it, or a commit.')
    return { label: shownPath(path), lock: await lockIn(readFileSync(path, 'utf8'), shownPath(path)), common: undefined }
  }
  if (against.endsWith('.json')) throw new WrongUse(`--against: there is no file ${against}`, 'Correct the path, or name a commit.')
  const commit = await commitOf(dirname(lockFile), against)
  const lockAt = async (at: string): Promise<Lock | undefined> => {
    const text = await textAt(lockFile, at)
    return text === undefined ? undefined : await lockIn(text, `${basename(lockFile)} at ${against}`)
  }
  const common = await commonCommit(dirname(lockFile), commit)
  const lock = await lockAt(commit)
  if (common === undefined || lock === undefined) return { label: against, lock, common: undefined }
  return { label: against, lock, common: (await lockAt(common)) ?? { ...lock, versions: {} } }
}

async function lockIn(text: string, label: string): Promise<Lock | undefined> {
  const { readLock } = await import('../../codegen/lock-file.ts')
  const read = readLock(text, undefined)
  if (read.kind === 'unreadable') throw new WrongUse(`--against: ${label}: ${read.problem.message}`, read.problem.hint)
  return read.lock
}

async function againstOther(schema: LockedSchema, { label, lock, common }: Base): Promise<PartReport> {
  const subject = schema.file
  if (lock === undefined) {
    return { diagnostics: [], subject, notes: [`there is no ${basename(schema.lockFile)} at ${label}: nothing is promised there`] }
  }
  const { lockConflicts } = await import('../../codegen/evolution/conflict.ts')
  const ours = schema.found ?? schema.lock
  const file = shownPath(schema.lockFile)
  const conflicts = lock.machine === ours.machine ? lockConflicts({ theirs: lock, ours, common, label, file }) : []
  const since = newest(lock)
  if (since === undefined || schema.draft.retired.versions.includes(since)) {
    const why = since === undefined ? `there is no version at ${label}` : `version ${since}, the newest at ${label}, is retired`
    return { diagnostics: conflicts, subject, notes: [`${why}: there is nothing to compare with`] }
  }
  const { comparedWith, partialVersion } = await import('../../codegen/evolution/since-frozen.ts')
  if (lock.versions[since]?.partial === true) {
    const partial: Diagnostic = { severity: 'warning', file, line: 0, column: 0, ...partialVersion(since) }
    return { diagnostics: [...conflicts, partial], subject, notes: [] }
  }
  const isOpen = lock.versions[since]?.status === 'open'
  const findings = comparedWith(lock, since, schema)
  const report = await reportOf(schema, { since, findings }, { at: label, breaks: isOpen ? 'warning' : 'error' })
  const notes = isOpen ? [`version ${since} is open at ${label}: nothing is promised there, so what breaks is a warning`] : []
  return {
    ...report,
    diagnostics: [...conflicts, ...report.diagnostics],
    json: [...conflicts, ...(report.json ?? [])],
    notes,
  }
}

/** The newest that is frozen; where none is, the newest. */
function newest({ versions }: Lock): number | undefined {
  const numbers = (status: string): readonly number[] =>
    Object.entries(versions).flatMap(([number, version]) => (version.status === status ? [Number(number)] : []))
  const [frozen, open] = [numbers('frozen'), numbers('open')]
  if (frozen.length > 0) return Math.max(...frozen)
  return open.length > 0 ? Math.max(...open) : undefined
}

interface ReportOptions {
  /** Where the version is that was compared with, when it is not here. */
  readonly at?: string
  /** What a breaking finding is. Default: an error. */
  readonly breaks?: Diagnostic['severity']
}

async function reportOf(
  { file, model }: LockedSchema,
  evolution: Evolution,
  { at, breaks = 'error' }: ReportOptions = {},
): Promise<PartReport> {
  const { diagnosticOf, evolutionSummary } = await import('../../codegen/evolution/diagnostics.ts')
  // What is frozen is decided: its migrations are written.
  const isOpen = model.open || at !== undefined
  const severity = ({ level }: LocatedFinding): Diagnostic['severity'] | undefined =>
    level === 'breaking' ? breaks : level === 'migration' && isOpen ? 'warning' : undefined
  const found = evolution.findings.map((finding) => ({ finding, severity: severity(finding) }))
  return {
    diagnostics: found.flatMap((one) => (one.severity === undefined ? [] : [diagnosticOf(one.finding, one.severity)])),
    json: found.map((one) => jsonOf(one.finding, one.severity)),
    subject: `${file}, ${evolutionSummary(evolution, at)}`,
    notes: [],
  }
}

const jsonOf = ({ rule, where: _, ...finding }: LocatedFinding, severity: Diagnostic['severity'] | undefined): object => ({
  ...(severity === undefined ? {} : { severity }),
  code: rule,
  ...finding,
})

// `raftgen doctor [<schema.ts> ...]`: what is wrong with a project, and how to mend it. Changes nothing.
import { basename, dirname } from 'node:path'
import type { DoctorFinding } from './doctor-check.ts'
import { machineReport } from './doctor-machine.ts'
import { packageFindings } from './doctor-packages.ts'
import { projectFiles } from './doctor-project.ts'
import { type ExitCode, exitCode } from './exit-code.ts'
import { WrongUse } from './wrong-use.ts'
import type { DoctorOptions } from './program.ts'
import { schemaFileOf } from './schema-file.ts'
import { counted, shownPath, type Terminal } from './terminal.ts'

export interface DoctorCommand {
  /** None: those of the project that the working directory is. */
  readonly schemas: readonly string[]
  readonly options: DoctorOptions
  readonly terminal: Terminal
}

export async function doctorCommand({ schemas, options, terminal }: DoctorCommand): Promise<ExitCode> {
  const findings = await findingsOf(schemas, options)
  const failed = findings.some(({ state }) => state === 'error')
  if (options.json === true) terminal.out(JSON.stringify({ ok: !failed, checks: findings }))
  else for (const line of tableOf(findings, terminal.paint)) terminal.out(line)
  terminal.err(summaryOf(findings))
  return failed ? exitCode.findings : exitCode.fine
}

async function findingsOf(schemas: readonly string[], options: DoctorOptions): Promise<readonly DoctorFinding[]> {
  const given = [...new Set(schemas)].map(schemaFileOf)
  const project = projectFiles(process.cwd())
  const schemaFiles = given.length > 0 ? given : project.schemas
  if (schemaFiles.length === 0 && project.locks.length === 0) {
    throw new WrongUse('there is no schema in this folder or below', 'Name it, or start with `raftgen init <dir>`.')
  }
  if (schemaFiles.length !== 1 && (options.out !== undefined || options.handlers !== undefined)) {
    throw new WrongUse('--out and --handlers are of one machine', 'Name its schema.')
  }
  const findings = [...packageFindings(schemaFiles.length === 0 ? [process.cwd()] : schemaFiles.map((file) => dirname(file)))]
  const locks = new Set<string>()
  for (const schemaFile of schemaFiles) {
    const report = await machineReport({ schemaFile, options, project })
    findings.push(...report.findings)
    // What a schema with errors belongs to is not known.
    for (const lock of report.lockFile === undefined
      ? project.locks.filter((file) => dirname(file) === dirname(schemaFile))
      : [report.lockFile])
      locks.add(lock)
  }
  return given.length > 0 ? findings : [...findings, ...project.locks.filter((file) => !locks.has(file)).map(orphan)]
}

const orphan = (lock: string): DoctorFinding => ({
  check: 'lock',
  state: 'warning',
  file: shownPath(lock),
  message: `there is no schema of ${basename(lock, '.wire.json')} beside it`,
  wayOut: 'A machine was renamed, or its schema was moved: take the wire lock along, or delete it where no data of that machine is left.',
})

/** State, check, what it is about; below it, where there is one, the way out. */
function tableOf(findings: readonly DoctorFinding[], paint: Terminal['paint']): readonly string[] {
  const width = Math.max(...findings.map(({ check }) => check.length))
  return findings.flatMap(({ state, check, file, message, wayOut }) => {
    const padded = state.padEnd('warning'.length)
    const label = state === 'ok' ? padded : paint(state === 'error' ? 'red' : 'yellow', padded)
    const line = `${label}  ${check.padEnd(width)}  ${file === undefined ? '' : `${file}: `}${message}`
    const indent = ' '.repeat('warning'.length + width + 4)
    return wayOut === undefined ? [line] : [line, ...wayOut.split('\n').map((text) => paint('dim', `${indent}${text}`.trimEnd()))]
  })
}

function summaryOf(findings: readonly DoctorFinding[]): string {
  const count = (state: DoctorFinding['state']): number => findings.filter((finding) => finding.state === state).length
  const [errors, warnings] = [count('error'), count('warning')]
  if (errors + warnings === 0) return `doctor: ${counted(findings.length, 'check')}, all is well`
  const parts = [...(errors === 0 ? [] : [counted(errors, 'error')]), ...(warnings === 0 ? [] : [counted(warnings, 'warning')])]
  return `doctor: ${counted(findings.length, 'check')}, ${parts.join(', ')}`
}

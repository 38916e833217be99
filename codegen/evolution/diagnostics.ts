import type { Diagnostic } from '../diagnostic.ts'
import type { Evolution, LocatedFinding } from './since-frozen.ts'

/** What breaks is an error, what needs a migration a warning; what is safe is none of them. */
export function diagnosticsOf({ findings }: Evolution): readonly Diagnostic[] {
  return findings.flatMap((finding) => {
    const severity = finding.level === 'breaking' ? 'error' : finding.level === 'migration' ? 'warning' : undefined
    return severity === undefined ? [] : [diagnosticOf(finding, severity)]
  })
}

export const diagnosticOf = (
  { rule, file, line, column, endLine, endColumn, message, hint }: LocatedFinding,
  severity: Diagnostic['severity'],
): Diagnostic => ({
  severity,
  code: rule,
  file,
  line,
  column,
  ...(endLine === undefined || endColumn === undefined ? {} : { endLine, endColumn }),
  message,
  hint,
})

/** `edits since version 1: 2 safe, 1 needs a migration`. `at`: where that version is, when it is not here. */
export function evolutionSummary({ since, findings }: Evolution, at?: string): string {
  const count = (level: LocatedFinding['level']): number => findings.filter((finding) => finding.level === level).length
  const [safe, migration, breaking] = [count('safe'), count('migration'), count('breaking')]
  const parts = [
    ...(safe === 0 ? [] : [`${safe} safe`]),
    ...(migration === 0 ? [] : [`${migration} ${migration === 1 ? 'needs' : 'need'} a migration`]),
    ...(breaking === 0 ? [] : [`${breaking} breaking`]),
  ]
  return `edits since version ${since}${at === undefined ? '' : ` at ${at}`}: ${parts.length === 0 ? 'none' : parts.join(', ')}`
}

// How a diagnostic is told to a person.
import { readFileSync } from 'node:fs'
import type { Diagnostic } from '../../codegen/diagnostic.ts'
import { codeFrame } from './code-frame.ts'
import type { Paint } from './terminal.ts'

/** `schema.ts:14:3 error CODE message`, below it the lines around the place, as they are on the disk, and the hint. */
export function diagnosticText(diagnostic: Diagnostic, paint: Paint): string {
  const { file, line, column, severity, code, message, hint } = diagnostic
  const place = line === 0 ? file : `${file}:${line}:${column}`
  const label = paint(colourOf(severity), `${severity} ${code}`)
  const parts = [
    `${paint('bold', place)} ${label} ${message}`,
    ...frameText(diagnostic, paint),
    ...(hint === '' ? [] : [paint('dim', indented(hint))]),
  ]
  return parts.join('\n')
}

const colourOf = (severity: Diagnostic['severity']): 'red' | 'yellow' => (severity === 'error' ? 'red' : 'yellow')

/** Nothing where the place is a file as a whole, or the file has changed since. */
function frameText(diagnostic: Diagnostic, paint: Paint): readonly string[] {
  const text = diagnostic.line === 0 ? undefined : textOf(diagnostic.file)
  const rows = text === undefined ? undefined : codeFrame(text, diagnostic)
  return (rows ?? []).map(({ kind, gutter, code }) => {
    const shown = kind === 'carets' ? paint(colourOf(diagnostic.severity), code) : code
    return `  ${paint('dim', gutter)} ${shown}`.trimEnd()
  })
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

const indented = (text: string): string =>
  text
    .split('\n')
    .map((line) => (line === '' ? '' : `  ${line}`))
    .join('\n')

import type { Diagnostic } from '../diagnostic.ts'
import type { DiagnosticCode } from '../diagnostic-codes.ts'
import type { Place, Position } from '../place.ts'

export interface Finding {
  readonly code: DiagnosticCode
  readonly message: string
  readonly hint: string
  readonly severity?: Diagnostic['severity']
}

/** Collects what is to be said about one file. A constant that is used in several places is complained about once. */
export class Reporter {
  readonly #file: string
  readonly #found = new Map<string, Diagnostic>()

  constructor(file: string) {
    this.#file = file
  }

  get diagnostics(): readonly Diagnostic[] {
    return [...this.#found.values()]
  }

  get failed(): boolean {
    return this.diagnostics.some(({ severity }) => severity === 'error')
  }

  report(at: Place | Position, { code, message, hint, severity = 'error' }: Finding): void {
    const { file = this.#file, ...position } = 'position' in at ? at.position : at
    // The path says how the constant was reached; without it the same complaint reads the same.
    const bare = 'path' in at && at.path !== '' ? message.replaceAll(at.path, '') : message
    const key = `${code} ${file}:${position.line}:${position.column} ${bare}`
    if (!this.#found.has(key)) this.#found.set(key, { severity, code, file, ...position, message, hint })
  }
}

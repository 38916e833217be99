import type { DiagnosticCode } from './diagnostic-codes.ts'

/** Something to be told about a user's file. Errors stop the generator before it writes anything; warnings do not. */
export interface Diagnostic {
  readonly severity: 'error' | 'warning'
  /** `UPPER_SNAKE`, public and stable. */
  readonly code: DiagnosticCode
  /** Relative to the working directory, with `/`. */
  readonly file: string
  /** 1-based; 0 when the file as a whole is meant. */
  readonly line: number
  readonly column: number
  /** Where the place ends: 1-based, the first column that is not part of it. None where only its beginning is known. */
  readonly endLine?: number
  readonly endColumn?: number
  /** What is wrong, a sentence with the values in it. */
  readonly message: string
  /** The way out. */
  readonly hint: string
}

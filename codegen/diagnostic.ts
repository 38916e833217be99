/** Something to be told about a user's file. Errors stop the generator before it writes anything; warnings do not. */
export interface Diagnostic {
  readonly severity: 'error' | 'warning'
  /** `UPPER_SNAKE`, public and stable. */
  readonly code: string
  /** Relative to the working directory, with `/`. */
  readonly file: string
  /** 1-based; 0 when the file as a whole is meant. */
  readonly line: number
  readonly column: number
  /** What is wrong, a sentence with the values in it. */
  readonly message: string
  /** The way out. */
  readonly hint: string
}

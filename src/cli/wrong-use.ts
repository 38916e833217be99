import type { RaftgenError } from '../errors.ts'

/** What was asked for cannot be done as it was asked. Ends the command with exit code 2. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse'
  /** The way out. */
  readonly hint: string

  constructor(message: string, hint: string) {
    super(message)
    this.hint = hint
  }
}

/** An operational error with a way out that fits the command better than what the table of errors says in general. */
export class Advised extends Error {
  override readonly name = 'Advised'
  readonly error: RaftgenError
  readonly hint: string

  constructor(error: RaftgenError, hint: string) {
    super(error.message, { cause: error })
    this.error = error
    this.hint = hint
  }
}

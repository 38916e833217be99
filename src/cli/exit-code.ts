import type { RaftgenError } from '../errors.ts'

/** What the shell gets. Public: scripts depend on it. */
export const exitCode = {
  fine: 0,
  /** The schema or the handlers have errors, `--check` found something out of date, a cluster did not do what it was asked, a log is damaged, states differ. */
  findings: 1,
  /** It cannot be done as asked: an unknown option, a missing file, something in the way. */
  wrongUse: 2,
  /** A bug in raftgen. */
  bug: 3,
} as const

export type ExitCode = (typeof exitCode)[keyof typeof exitCode]

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

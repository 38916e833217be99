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

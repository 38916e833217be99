// What every `Log` must pass before a node may trust it. Knows no test runner: `logSuite` gives plain cases, to be registered as
//
//   for (const { name, run, skip } of logSuite(subject)) test.skipIf(skip !== undefined)(name, run)
//
// A case that fails throws an `AssertionError`.
import type { ConfState } from '../core/types.ts'
import type { Log } from '../ports/log.ts'
import { cases } from './log-suite-cases.ts'
import { compactionCases, storedCompactionCases } from './log-suite-compaction-cases.ts'
import { failingCases, storedCases } from './log-suite-disk-cases.ts'
import { fenceCases } from './log-suite-fence-cases.ts'
import { called, conf } from './log-suite-support.ts'

/** Makes the logs that are tested. */
export interface LogSubject {
  /** A new, empty log of term 0 whose base is (0, 0) with this configuration. */
  open(conf: ConfState): Promise<Log>
  /** Ends `log` without closing it where that can be done, else closes it; opens what it has stored. Leave it out where nothing is stored. */
  readonly reopen?: (log: Log) => Promise<Log>
  /**
   * Ends `log`, whose entries 1 to 40 came in writes of 20, loses those from 21 on as a damaged disk does, and opens what is left. Leave it out
   * where a log does not say what it has lost.
   */
  readonly damage?: (log: Log) => Promise<Log>
  /** The next write of `log` fails, as on a broken disk. Leave it out where it cannot be done. */
  readonly failNextWrite?: (log: Log) => void
}

export interface LogCase {
  /** A sentence that is true of every log. */
  readonly name: string
  readonly run: () => Promise<void>
  /** Why this case does not apply, or `undefined`. */
  readonly skip: string | undefined
}

/** The compliance suite, for one kind of log. */
export function logSuite(subject: LogSubject): readonly LogCase[] {
  const { reopen, failNextWrite, damage } = subject
  const plain = [...cases, ...compactionCases].map(({ name, run }) => ({ name, skip: undefined, run: () => withLog(subject, run) }))
  const stored = [...storedCases, ...storedCompactionCases].map(({ name, run }) => ({
    name,
    skip: reopen === undefined ? 'this log stores nothing beyond its process' : undefined,
    run: () => withLog(subject, (log) => run(log, reopen ?? ((same) => Promise.resolve(same)))),
  }))
  const failing = failingCases.map(({ name, run }) => ({
    name,
    skip: failNextWrite === undefined ? 'the writes of this log cannot be made to fail' : undefined,
    run: () => withLog(subject, (log) => run(log, () => failNextWrite?.(log))),
  }))
  const same = (log: Log): Promise<Log> => Promise.resolve(log)
  const fenced = fenceCases.map(({ name, run }) => ({
    name,
    skip: damage === undefined ? 'this log does not say what it has lost' : undefined,
    run: () => withLog(subject, (log) => run(log, damage ?? same, reopen ?? same)),
  }))
  return [...plain, ...stored, ...failing, ...fenced]
}

async function withLog(subject: LogSubject, run: (log: Log) => Promise<Log | undefined>): Promise<void> {
  const log = await subject.open(conf)
  const last = await run(log)
  await called((done) => (last ?? log).close(done)).catch(() => undefined)
}

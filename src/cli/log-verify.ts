// `raftgen log verify`: what is in a data directory, what is wrong with it, and what its node would do.
import { type DirFinding, type Inspection, inspect } from '../storage/inspect.ts'
import { type ExitCode, exitCode } from './exit-code.ts'
import type { LogContext } from './log.ts'
import { type Outcome, outcomeOf, todoOf } from './log-outcome.ts'
import type { LogCommandLine } from './log-program.ts'
import { progressOf } from './log-progress.ts'
import { contentOf, findingLines, inspectionLines } from './log-words.ts'

type VerifyLine = Extract<LogCommandLine, { readonly name: 'verify' }>

export async function verifyLog({ dir, options }: VerifyLine, { scratch, terminal }: LogContext): Promise<ExitCode> {
  const inspection = await inspect(dir, { scratch, ...progressOf(dir, terminal) })
  try {
    const outcome = outcomeOf(inspection)
    if (options.json === true) terminal.out(JSON.stringify(report(inspection, outcome)))
    else {
      const lines = [...inspectionLines(inspection), '', ...findingLines(inspection, outcome), outcome.sentence]
      for (const line of lines) terminal.out(line)
    }
    return isFine(inspection, outcome) ? exitCode.fine : exitCode.findings
  } finally {
    await inspection.close()
  }
}

const isFine = ({ findings }: Inspection, { kind }: Outcome): boolean => kind === 'whole' && findings.length === 0

/** What a script gets. Public: fields are added, none goes. */
function report(inspection: Inspection, outcome: Outcome): object {
  const finding = (found: DirFinding): object => {
    const { kind, place, range, what } = found
    return { kind, place, firstIndex: range?.firstIndex, lastIndex: range?.lastIndex, what, todo: todoOf(found, inspection, outcome) }
  }
  return {
    ok: isFine(inspection, outcome),
    ...contentOf(inspection),
    findings: inspection.findings.map(finding),
    outcome: { kind: outcome.kind, code: outcome.error?.code, sentence: outcome.sentence },
  }
}

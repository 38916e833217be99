// What becomes of a data directory at the next start of its node: the sentence that everything else is summed up by.
import type { EntryId, LogSummary } from '../core/index.ts'
import { RaftgenError } from '../errors.ts'
import { isAlone, lostState, termAt } from '../node/recover.ts'
import type { DirFinding, Inspection } from '../storage/inspect.ts'
import { entriesName } from '../storage/inspect-log.ts'
import type { Verdict } from '../storage/log-verdict.ts'

/**
 * whole     it holds all that it has promised
 * mends     what is wrong is put right at the next start, without anybody's help
 * repairs   at the next start its peers give it what it lacks, or tell it that it lacks nothing
 * refused   its node does not start
 */
export type OutcomeKind = 'whole' | 'mends' | 'repairs' | 'refused'

export interface Outcome {
  readonly kind: OutcomeKind
  /** With its full stop. */
  readonly sentence: string
  /** Of a node that does not start: what it says. */
  readonly error: RaftgenError | undefined
}
type Opened = Extract<Verdict, { readonly kind: 'open' }>

export function outcomeOf(inspection: Inspection): Outcome {
  const { dir, log, refusals, findings } = inspection
  const [refusal] = refusals
  if (refusal !== undefined) return refused(dir, refusal)
  if (log.verdict.kind === 'refuse') return refused(dir, log.verdict.error)
  const summary = summaryOf(log.verdict, log.judged)
  const state = stateOf(inspection, summary)
  if (state instanceof RaftgenError) return refused(dir, state)
  const steps = [...fencedSteps(summary), ...(state === 'fetched' ? ['fetches a snapshot'] : [])]
  if (steps.length > 0) return repaired(inspection, steps, summary)
  const isMended = findings.some(({ kind }) => ['database', 'log', 'snapshot'].includes(kind))
  if (isMended) return { kind: 'mends', error: undefined, sentence: `${dir} will be mended by itself at the next start.` }
  const what = state === 'awaited' ? ': a node that is about to join, and gets everything from the others' : ''
  return { kind: 'whole', error: undefined, sentence: `${dir} is whole${what}.` }
}

/** The way out of one finding. */
export function todoOf({ kind, range, todo }: DirFinding, { dir }: Inspection, outcome: Outcome): string {
  if (todo !== undefined) return todo
  if (outcome.kind === 'refused') return `Run \`raftgen log repair ${dir}\`: it says what can be done.`
  if (kind === 'snapshot') return 'It is set aside at the next start; an older one, or one of a peer, takes its place.'
  if (kind === 'database') return 'Start the node: it sets this database aside, and its peers give back what was in it.'
  if (outcome.kind === 'repairs') {
    return range === undefined ? 'Start the node: with what its peers say it puts this right.' : 'Start the node: its peers give it back.'
  }
  return range === undefined
    ? 'Start the node: it puts this right by itself.'
    : 'Start the node: it begins anew after a snapshot of its own.'
}

const refused = (dir: string, error: RaftgenError): Outcome => {
  const message = error.message.startsWith(`${dir}: `) ? error.message.slice(dir.length + 2) : error.message
  return { kind: 'refused', error, sentence: `${dir} will be refused at the next start: ${message.replace(/\.?$/, '.')}` }
}

function repaired({ dir, identity }: Inspection, steps: readonly string[], { lastIndex }: LogSummary): Outcome {
  const opens = lastIndex === 0 ? 'with an empty log' : `with its log up to entry ${lastIndex}`
  const what = `node ${identity?.nodeId} opens ${opens} and ${steps.join(', and ')}`
  return { kind: 'repairs', error: undefined, sentence: `${dir} will be repaired from its peers at the next start: ${what}.` }
}

function fencedSteps({ fence, lastIndex }: LogSummary): readonly string[] {
  if (fence === undefined) return []
  if (fence.floor === undefined) {
    return [
      'asks all the others what they hold, for nothing tells what it held after that; until all have answered it neither leads nor votes',
    ]
  }
  return [`fetches ${lackText(lastIndex, fence.floor)}; until then it does not lead, and votes for no node that has less than it had`]
}

function lackText(lastIndex: number, floor: EntryId): string {
  if (floor.index > lastIndex) return entriesName({ firstIndex: lastIndex + 1, lastIndex: floor.index })
  return `what it held instead of its last entries, up to entry ${floor.index} of term ${floor.term}`
}

/** As the log has it once it is open. */
function summaryOf({ base, end, hardState, fence, isAnew }: Opened, { terms, confs }: Inspection['log']['judged']): LogSummary {
  return {
    hardState: { term: hardState.term, votedFor: hardState.votedFor },
    base: { id: base.id, conf: base.conf },
    lastIndex: end.index,
    terms: isAnew ? [] : terms.runs,
    confs: isAnew ? [] : confs,
    fence,
  }
}

/** Where the state of the machine comes from; an error when it comes from nowhere any more. */
function stateOf({ snapshots, log, identity }: Inspection, summary: LogSummary): 'own' | 'awaited' | 'fetched' | RaftgenError {
  const { base } = summary
  if (base.id.index === 0 && base.conf.voters.length > 0) return 'own'
  if (snapshots.some(({ id, damage }) => damage === undefined && termAt(summary, id.index) === id.term)) return 'own'
  if (identity !== undefined && isAlone(summary, identity.nodeId)) return lostState(summary)
  // A log that has lost its base looks the same, but for that.
  return base.id.index === 0 && log.judged.base !== undefined && !log.judged.isBaseRestored ? 'awaited' : 'fetched'
}

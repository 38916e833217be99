// What can be done for a damaged log without its peers running. Nothing here changes anything.
import type { EntryId, Index, LogBase } from '../core/index.ts'
import type { RaftgenError } from '../errors.ts'
import type { Anchor } from '../ports/log.ts'
import { compareIds, isSamePosition, type LogPosition } from '../storage/high-water.ts'
import type { Inspection } from '../storage/inspect.ts'
import {
  merged,
  planFill,
  type RepairPlan,
  type RepairSource,
  type SnapshotStart,
  snapshotStarts,
  sourceOf,
} from '../storage/log-repair.ts'
import { anchorsOf, type Verdict } from '../storage/log-verdict.ts'
import { markOf } from '../storage/log-write.ts'
import type { Repair } from '../storage/repair-dir.ts'
import { type Outcome, outcomeOf } from './log-outcome.ts'
import { knownEnd } from './log-words.ts'

export interface EntryRange {
  readonly firstIndex: Index
  readonly lastIndex: Index
}

export type RepairChoice =
  /** It lacks nothing. */
  | { readonly kind: 'none' }
  /** An earlier one was cut off: what it has come to takes its place. */
  | { readonly kind: 'finish' }
  /** A start of the node does all that can be done. */
  | { readonly kind: 'start' }
  /** Its node is refused for another reason than what its log lacks. */
  | { readonly kind: 'refused'; readonly error: RaftgenError | undefined }
  /** Nothing that was named brings back what it lacks. */
  | { readonly kind: 'stuck' }
  /** Nothing is left of its log that tells who votes, and no snapshot does: a node cannot be made of it. */
  | { readonly kind: 'gone' }
  /** What it lacks is taken from elsewhere; `left` is still missing then. */
  | { readonly kind: 'fill'; readonly repair: Repair; readonly left: EntryRange | undefined }
  /** A snapshot of its own stands for what it lacks. Nothing is lost. */
  | { readonly kind: 'snapshot'; readonly repair: Repair }
  /** The rest is given up. `lost`: what is known to have been there, whether it can be read or not. */
  | { readonly kind: 'loss'; readonly repair: Repair; readonly lost: EntryRange | undefined }

export interface RepairAsked {
  readonly peers: readonly Inspection[]
  readonly acceptLoss: boolean
}
type Opened = Extract<Verdict, { readonly kind: 'open' }>

export async function chooseRepair(inspection: Inspection, { peers, acceptLoss }: RepairAsked): Promise<RepairChoice> {
  const { log, refusals } = inspection
  const outcome = outcomeOf(inspection)
  const opened = log.asIs
  const [refusal] = refusals
  if (refusal !== undefined) return { kind: 'refused', error: refusal }
  if (opened.kind === 'refuse') return { kind: 'refused', error: opened.error }
  if (opened.fence === undefined || (log.verdict.kind === 'open' && log.verdict.fence === undefined)) return unfenced(outcome)
  const isRefused = log.verdict.kind === 'refuse'
  if (peers.length === 0 && !acceptLoss && !isRefused) return { kind: 'start' }
  // Only its peers can say who votes, if there are any.
  if (opened.base.conf.voters.length === 0) return { kind: isRefused ? 'gone' : 'start' }

  const { floor } = opened.fence
  const isEnough = (end: EntryId): boolean => floor !== undefined && compareIds(end, floor) >= 0
  const fill = await planFill(opened.end, anchorsFrom(inspection, opened), sourcesOf(inspection, peers))
  // As it was judged: what has a base does not begin anew.
  const snapshotBase = log.judged.base === undefined ? wholeSnapshots(inspection)[0] : undefined
  const repairOf = (plan: RepairPlan, unfence = false): Repair => ({ plan, unfence, snapshotBase })
  if (fill.steps.length > 0 && isEnough(fill.end)) return { kind: 'fill', repair: repairOf(fill), left: undefined }
  const starts = await snapshotStarts(wholeSnapshots(inspection), { runs: log.islands, walk: inspection.walk })
  const lossless = isRefused || acceptLoss || peers.length > 0 ? starts.find((start) => isLossless(inspection, start, floor)) : undefined
  if (lossless !== undefined) return { kind: 'snapshot', repair: repairOf(anew(inspection, opened.end, lossless)) }
  if (!acceptLoss) {
    // To put together again what it has itself, and be refused all the same, helps nobody.
    if (fill.steps.every(({ source }) => source.name === inspection.dir)) return { kind: 'stuck' }
    return { kind: 'fill', repair: repairOf(fill), left: rangeBehind(fill.end, inspection) }
  }
  const [best] = starts
  const plan = best !== undefined && compareIds(best.end, fill.end) > 0 ? anew(inspection, opened.end, best) : fill
  return { kind: 'loss', repair: repairOf(plan, true), lost: rangeBehind(plan.end, inspection) }
}

/** The log itself is as it must be. */
function unfenced({ kind, error }: Outcome): RepairChoice {
  if (kind === 'whole') return { kind: 'none' }
  return kind === 'refused' ? { kind: 'refused', error } : { kind: 'start' }
}

/** Chain values that this log has held: also those of what was put aside, and inside of blocks that a node sets aside as a whole. */
function anchorsFrom({ log }: Inspection, { end }: Opened): readonly Anchor[] {
  const ofRuns = log.islands.flatMap(({ firstIndex, lastIndex, chain, lastChain }) => [
    { index: firstIndex - 1, chain },
    { index: lastIndex, chain: lastChain },
  ])
  const anchors = [...anchorsOf(log.judged, log.slots.newest, end), ...ofRuns, ...log.damaged.flatMap((block) => block.marks)]
  return anchors.filter(({ index }) => index > end.index).sort((a, b) => a.index - b.index)
}

/** What it still has comes first; what neither it nor one peer has in one piece, they may have together. */
function sourcesOf(inspection: Inspection, peers: readonly Inspection[]): readonly RepairSource[] {
  const own = sourceOf(inspection.dir, inspection.walk)
  const others = peers.map(({ dir, walk }) => sourceOf(dir, walk))
  return others.length === 0 ? [own] : [own, ...others, others.reduce(merged, own)]
}

const wholeSnapshots = ({ snapshots }: Inspection): readonly LogBase[] =>
  snapshots.flatMap(({ meta, damage }) => (meta === undefined || damage !== undefined ? [] : [{ id: meta.id, conf: meta.conf }]))

/** It ends as the last write has left the log; or the snapshot itself is beyond everything that was promised. */
function isLossless({ log }: Inspection, { base, end, hasRun }: SnapshotStart, floor: EntryId | undefined): boolean {
  if (floor === undefined) return false
  if (compareIds(base.id, floor) >= 0) return true
  const { newest } = log.slots
  const { hardState } = log.found
  const marks = [...(newest === undefined ? [] : [newest.last]), ...(hardState === undefined ? [] : [markOf(hardState)])]
  return hasRun && compareIds(end, floor) >= 0 && marks.some((mark) => isSamePosition(mark, end))
}

function anew({ dir, walk }: Inspection, start: LogPosition, { base, end }: SnapshotStart): RepairPlan {
  const firstIndex = base.id.index + 1
  const steps = end.index < firstIndex ? [] : [{ firstIndex, lastIndex: end.index, source: sourceOf(dir, walk) }]
  return { start, reset: base, steps, end }
}

function rangeBehind({ index }: LogPosition, inspection: Inspection): EntryRange | undefined {
  const lastIndex = knownEnd(inspection)
  return lastIndex > index ? { firstIndex: index + 1, lastIndex } : undefined
}

// What a log lacks, from elsewhere: from directories of its peers, from what it has put aside, from a snapshot of its own. Planned first, on
// copies, then written as planned. Entries are taken only when they lead to a chain value that this log itself has held: they are its own then,
// wherever they come from.
import { InvariantError } from '../core/invariant.ts'
import type { Entry, EntryId, HardState, Index, LogBase, Persist } from '../core/types.ts'
import type { Anchor } from '../ports/log.ts'
import { compareIds, type LogPosition } from './high-water.ts'
import type { StoredRun } from './inspect-log.ts'
import type { LevelLog } from './level-log.ts'
import type { LogPiece, LogWalk } from './log-walk.ts'
import { chainOf } from './log-write.ts'

export interface RepairSource {
  /** For people: a directory, or several. */
  readonly name: string
  pieces(range: { readonly firstIndex: Index; readonly lastIndex: Index }): AsyncIterable<LogPiece>
}

/** Entries to be appended. */
export interface RepairStep {
  readonly firstIndex: Index
  readonly lastIndex: Index
  readonly source: RepairSource
}

export interface RepairPlan {
  /** Where the log must end for this plan to be right. */
  readonly start: LogPosition
  /** The log begins anew after this snapshot of its own. */
  readonly reset: LogBase | undefined
  readonly steps: readonly RepairStep[]
  /** Where the log ends then; of a log that began anew its chain is another one. */
  readonly end: LogPosition
}

export const sourceOf = (name: string, walk: LogWalk): RepairSource => ({ name, pieces: (range) => walk.pieces(range) })

/** What `own` has, and `other` for its holes. */
export function merged(own: RepairSource, other: RepairSource): RepairSource {
  async function* pieces(range: { readonly firstIndex: Index; readonly lastIndex: Index }): AsyncGenerator<LogPiece> {
    for await (const piece of own.pieces(range)) {
      if (piece.kind === 'hole') yield* other.pieces(piece)
      else yield piece
    }
  }
  return { name: `${own.name} and ${other.name}`, pieces }
}

/** As far as the entries of any source lead to an anchor, and from there on again. */
export async function planFill(start: LogPosition, anchors: readonly Anchor[], sources: readonly RepairSource[]): Promise<RepairPlan> {
  const steps: RepairStep[] = []
  let end = start
  for (;;) {
    const next = await nextStep(end, anchors, sources)
    if (next === undefined) return { start, reset: undefined, steps, end }
    steps.push({ firstIndex: end.index + 1, lastIndex: next.end.index, source: next.source })
    end = next.end
  }
}

/** The first source that leads anywhere: they are given in the order in which they are trusted. */
async function nextStep(
  from: LogPosition,
  anchors: readonly Anchor[],
  sources: readonly RepairSource[],
): Promise<{ readonly end: LogPosition; readonly source: RepairSource } | undefined> {
  for (const source of sources) {
    const end = await farthest(from, anchors, source)
    if (end !== undefined) return { end, source }
  }
  return undefined
}

/** The last anchor that the entries of `source` lead to. */
async function farthest(from: LogPosition, anchors: readonly Anchor[], source: RepairSource): Promise<LogPosition | undefined> {
  const ahead = anchors.filter(({ index }) => index > from.index)
  const lastIndex = ahead.at(-1)?.index ?? from.index
  let at = from
  let reached: LogPosition | undefined
  for await (const piece of source.pieces({ firstIndex: from.index + 1, lastIndex })) {
    if (piece.kind === 'hole') break
    for (const part of cutBehind(ahead, piece.entries)) {
      const next = advanced(at, part)
      if (next === undefined) return reached
      at = next
      if (ahead.some(({ index, chain }) => index === next.index && chain === next.chain)) reached = next
    }
  }
  return reached
}

/** Parts of `entries`, so that each anchor among them is the end of one. */
function cutBehind(anchors: readonly Anchor[], entries: readonly Entry[]): readonly (readonly Entry[])[] {
  const first = entries[0]?.index ?? 0
  const ends = anchors.map(({ index }) => index + 1 - first).filter((end) => end > 0 && end < entries.length)
  return [...ends, entries.length].map((end, i) => entries.slice(ends[i - 1] ?? 0, end))
}

/** Nothing where an entry is missing, or terms fall: no log is like that (§3.6). */
function advanced(from: LogPosition, entries: readonly Entry[]): LogPosition | undefined {
  let { term, index } = from
  for (const entry of entries) {
    if (entry.index !== index + 1 || entry.term < term) return undefined
    term = entry.term
    index = entry.index
  }
  return { term, index, chain: chainOf(entries, from.chain) }
}

/** Where a log may begin anew: a snapshot stands for all entries up to its own. */
export interface SnapshotStart {
  readonly base: LogBase
  /** Where the log ends then: with the run of entries that goes on from it, if there is one. */
  readonly end: LogPosition
  /** Whether that is where this run ends, and so with its chain. */
  readonly hasRun: boolean
}

/** By the snapshots and runs that a log has: whichever reaches farthest comes first. */
export async function snapshotStarts(
  snapshots: readonly LogBase[],
  { runs, walk }: { readonly runs: readonly StoredRun[]; readonly walk: LogWalk },
): Promise<readonly SnapshotStart[]> {
  const starts: SnapshotStart[] = []
  for (const base of snapshots) {
    const { index, term } = base.id
    const run = runs.find(({ firstIndex, lastIndex }) => firstIndex <= index + 1 && lastIndex > index)
    const hasRun = run !== undefined && (await goesOn(base.id, walk))
    const end = hasRun ? { index: run.lastIndex, term: run.lastTerm, chain: run.lastChain } : { index, term, chain: 0 }
    starts.push({ base, end, hasRun })
  }
  return starts.sort((a, b) => compareIds(b.end, a.end) || compareIds(b.base.id, a.base.id))
}

/** Whether the entries around `id` are those of the log that the snapshot was taken of. */
async function goesOn({ term, index }: EntryId, walk: LogWalk): Promise<boolean> {
  for await (const piece of walk.pieces({ firstIndex: index, lastIndex: index + 1 })) {
    for (const entry of piece.kind === 'hole' ? [] : piece.entries) {
      if (entry.index === index ? entry.term !== term : entry.term < term) return false
    }
  }
  return true
}

/** Appends to an open log what `plan` says; `unfence`: what is still missing is given up. */
export async function writeRepair(
  log: LevelLog,
  { plan, unfence }: { readonly plan: RepairPlan; readonly unfence: boolean },
): Promise<void> {
  let { reset } = plan
  for (const step of plan.steps) {
    for await (const piece of step.source.pieces(step)) {
      if (piece.kind === 'hole') throw new InvariantError(`what was planned can be read: ${piece.what}`)
      await write(log, { reset, entries: piece.entries })
      reset = undefined
    }
  }
  if (reset !== undefined || unfence) await write(log, { reset, ...(unfence ? { fence: { floor: reset?.id ?? endOf(log) } } : {}) })
}

/** A floor that a log holds is no fence. */
const endOf = ({ latestLogTerm, latestLogIndex }: LevelLog): EntryId => ({ term: latestLogTerm, index: latestLogIndex })

function write(log: LevelLog, changes: Partial<Persist>): Promise<void> {
  const none = { seq: 1, reset: undefined, truncateFrom: undefined, entries: [] }
  const term = changes.entries?.at(-1)?.term ?? changes.reset?.id.term ?? 0
  const persist = { ...none, ...changes, hardState: hardStateOf(log, term) }
  return new Promise((resolve, reject) => log.appendEntries(persist, (error) => (error === undefined ? resolve() : reject(error))))
}

/** As it is, unless the entries are of a later term: then nobody got this node's vote in it. */
const hardStateOf = ({ currentTerm, votedFor }: LevelLog, term: number): HardState =>
  term > currentTerm ? { term, votedFor: undefined } : { term: currentTerm, votedFor }

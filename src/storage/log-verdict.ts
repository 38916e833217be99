// What to make of a log as it was found, and of its high water: open it, open it fenced, or refuse it. Pure; `LogOpening` performs it.
import type { ConfState, EntryId, Fence, HardState, LogBase, Member } from '../core/types.ts'
import type { RaftgenError } from '../errors.ts'
import type { Anchor, Identity } from '../ports/log.ts'
import { damaged, damagedAlone, damagedForeignSlots, damagedMixed } from './damage.ts'
import {
  type Comparison,
  compareHighWater,
  compareIds,
  type HighWater,
  isSamePosition,
  laterId,
  type LogPosition,
  type ReadSlots,
} from './high-water.ts'
import { markOf } from './log-write.ts'
import { type BaseRecord, genesisChain, type HardStateRecord, resetChain } from './records.ts'
import { entryName, type Finding, missing, type Recovered } from './recovery.ts'

export interface JudgeOptions {
  /** Place, for messages. */
  readonly name: string
  readonly slotsName: string
  /** Of the directory; what the database says of itself must be the same. */
  readonly identity: Identity | undefined
  /** Default: as the newest configuration says that can be read. */
  readonly isAlone: boolean | undefined
  /** The directory is of a format that had no slots. */
  readonly isUpgrade: boolean
  /** The newest whole snapshot, for a log that has lost its base. */
  readonly snapshotBase: LogBase | undefined
  /** What was found wrong before. */
  readonly problems: readonly Finding[]
}

export type Verdict =
  | { readonly kind: 'refuse'; readonly error: RaftgenError }
  | {
      readonly kind: 'open'
      readonly identity: Identity
      readonly base: BaseRecord
      readonly end: LogPosition
      readonly hardState: HardStateRecord
      readonly fence: Fence | undefined
      readonly reached: Anchor | undefined
      readonly members: readonly Member[]
      readonly findings: readonly Finding[]
      /** The records of the database must be written anew before anything is promised. */
      readonly isMended: boolean
      /** Nothing of its entries is of use: it begins anew after `base`. */
      readonly isAnew: boolean
    }

export function judge(found: Recovered, slots: ReadSlots, options: JudgeOptions): Verdict {
  const { name } = options
  const identity = options.identity ?? found.identity
  if (identity === undefined) return refuse(damaged(name, 'the identity record is missing'))
  if (found.identity !== undefined && !isSameIdentity(identity, found.identity)) return refuse(damagedMixed(name, identity, found.identity))
  if (slots.foreign !== undefined) return refuse(damagedForeignSlots(options.slotsName, identity, slots.foreign))
  const slot = slots.newest
  const { snapshotBase } = options
  const known = membersOf(found, slot, options)
  const isAlone = options.isAlone ?? [...known, ...(slot?.members ?? [])].every(({ id }) => id === identity.nodeId)
  const isSnapshotNewer = snapshotBase !== undefined && snapshotBase.id.index > found.end.index
  const isAnew = found.base === undefined || (isSnapshotNewer && compare(found, slots, { ...options, isAlone }) !== 'whole')
  const base = isAnew || found.base === undefined ? newBase({ identity, members: known, snapshotBase }) : found.base
  const members = isAnew ? base.conf.members : known
  const end = isAnew ? { ...base.id, chain: base.chain } : found.end
  const comparison = compare({ ...found, end }, slots, { ...options, isAlone })
  const isCommitted = isAnew && snapshotBase !== undefined
  const fence = fenceOf({ ...found, end }, slot, { comparison, isCommitted })
  const findings = [...options.problems, ...found.findings, ...slotFindings(found, slots, { comparison, end, options })]
  const worst = findings[0]?.what ?? 'it was damaged before'
  // It would come up without anybody to ask.
  if (found.base === undefined && members.length === 0) return refuse(damaged(name, `${worst}; nothing tells who the other members are`))
  if (isAlone && fence !== undefined) return refuse(damagedAlone(name, worst))
  const merged = mergeHardState(found.hardState, slot?.hardState, end)
  const isMended = comparison !== 'whole' || isAnew || found.findings.length > 0 || isOlder(found.hardState, merged, slot)
  const writes = Math.max(found.hardState?.writes ?? 0, slot?.last.writes ?? 0) + (isMended ? 1 : 0)
  const hardState = { ...merged, writes, lastIndex: end.index, lastTerm: end.term, lastChain: end.chain }
  const kept = isAlone || fence === undefined ? undefined : { fence, reached: anchorsOf(found, slot, end).findLast(isStated(found, slot)) }
  const open = { identity, base, end, hardState, fence: kept?.fence, reached: kept?.reached, members, findings, isMended, isAnew }
  return { kind: 'open', ...open }
}

const refuse = (error: RaftgenError): Verdict => ({ kind: 'refuse', error })

function compare(found: Recovered, slots: ReadSlots, { isUpgrade, isAlone }: JudgeOptions): Comparison {
  const { end, isIntact, hardState } = found
  if (slots.newest === undefined && isUpgrade) return isIntact && hardState !== undefined ? 'whole' : 'damaged'
  const comparison = compareHighWater({ end, isIntact, writes: hardState?.writes }, slots)
  // Of two slots one is damaged, and nothing else: others may know more, and whoever has nobody to ask goes on.
  return comparison === 'doubtful' && isAlone === true ? 'whole' : comparison
}

/** `isCommitted`: what it ends with is in a snapshot. What is before that is in it, and what is beyond it is not committed, unless it is later. */
function fenceOf(
  found: Recovered,
  slot: HighWater | undefined,
  { comparison, isCommitted }: { readonly comparison: Comparison; readonly isCommitted: boolean },
): Fence | undefined {
  const { end, hardState } = found
  const before = slot?.fence
  if (comparison === 'whole') return before?.floor !== undefined && compareIds(end, before.floor) >= 0 ? undefined : before
  if (comparison === 'doubtful' || slot === undefined || (before !== undefined && before.floor === undefined)) return unknown
  let floor: EntryId = slot.last
  if (before?.floor !== undefined) floor = laterId(floor, before.floor)
  if (hardState !== undefined) floor = laterId(floor, { term: hardState.lastTerm, index: hardState.lastIndex })
  const { term, index } = floor
  if (compareIds(end, floor) < 0) return { floor: { term, index } }
  const isEnd = (other: LogPosition): boolean => isSamePosition(end, other)
  const isStated = hardState !== undefined && hardState.writes >= slot.last.writes && isEnd(markOf(hardState))
  if (isEnd(slot.last) || isStated || isCommitted) return undefined
  // It ends far enough, but not as the last write has left it: what that truncated is back, and nobody knows what it put there instead.
  return unknown
}

const unknown: Fence = { floor: undefined }

function membersOf(found: Recovered, slot: HighWater | undefined, { snapshotBase }: JudgeOptions): readonly Member[] {
  const conf = found.base === undefined ? undefined : (found.confs.at(-1)?.conf ?? found.base.conf)
  return conf?.members ?? snapshotBase?.conf.members ?? slot?.members ?? []
}

/** A log begins anew after a snapshot; or before everything, as that of a node that joins: it knows whom to dial. */
function newBase({
  identity,
  members,
  snapshotBase,
}: {
  identity: Identity
  members: readonly Member[]
  snapshotBase: LogBase | undefined
}): BaseRecord {
  if (snapshotBase !== undefined) return { ...snapshotBase, chain: resetChain(identity.clusterId, snapshotBase.id) }
  const conf: ConfState = { members, voters: [], votersOutgoing: [], learners: [], joining: [], removed: [], leaseMs: 0 }
  return { id: { term: 0, index: 0 }, conf, chain: genesisChain(identity.clusterId) }
}

/** The larger of the two. What is in either may have been promised. */
function mergeHardState(a: HardState | undefined, b: HardState | undefined, end: EntryId): HardState {
  const none: HardState = { term: 0, votedFor: undefined }
  const [x, y] = [a ?? none, b ?? none]
  const { term, votedFor } = x.term === y.term ? { term: x.term, votedFor: x.votedFor ?? y.votedFor } : x.term > y.term ? x : y
  // Two votes in one term: one of them is another's. No vote is left to give in that term.
  const isContradiction = x.term === y.term && x.votedFor !== undefined && y.votedFor !== undefined && x.votedFor !== y.votedFor
  if (isContradiction) return { term: Math.max(term + 1, end.term), votedFor: undefined }
  return term >= end.term ? { term, votedFor } : { term: end.term, votedFor: undefined }
}

const isOlder = (found: HardStateRecord | undefined, merged: HardState, slot: HighWater | undefined): boolean =>
  found === undefined ||
  found.term !== merged.term ||
  found.votedFor !== merged.votedFor ||
  (slot !== undefined && found.writes < slot.last.writes)

function slotFindings(
  found: Recovered,
  { newest, unreadable }: ReadSlots,
  { comparison, end, options }: { comparison: Comparison; end: LogPosition; options: JudgeOptions },
): readonly Finding[] {
  const place = options.slotsName
  if (newest === undefined) return options.isUpgrade ? [] : [{ place, range: undefined, what: `nothing of ${place} can be read` }]
  const torn = unreadable.map((position) => ({ place, range: undefined, what: `slot ${position + 1} of ${place} cannot be read` }))
  return comparison === 'damaged' && found.isIntact ? [...torn, lostEnd(end, newest, place)] : torn
}

function lostEnd(end: LogPosition, { last }: HighWater, place: string): Finding {
  const why = 'the end of the log is lost'
  if (last.index <= end.index) {
    return { place, range: undefined, what: `the log ends with ${entryName(end)}, it was left at ${entryName(last)}: ${why}` }
  }
  const range = { firstIndex: end.index + 1, lastIndex: last.index }
  return { place, range, what: `${missing(range.firstIndex, range.lastIndex)}: ${why}` }
}

export const isSameIdentity = (a: Identity, b: Identity): boolean =>
  a.clusterId === b.clusterId && a.nodeId === b.nodeId && a.incarnation === b.incarnation

/** Ascending, all behind `end`: where the log is said to have ended, and where islands begin and end, also those that were put aside before. */
export function anchorsOf(found: Recovered, slot: HighWater | undefined, end: LogPosition): readonly Anchor[] {
  const runs = [...found.islands, ...found.asides].flatMap(({ firstIndex, lastIndex, chain, lastChain }) => [
    { index: firstIndex - 1, chain },
    { index: lastIndex, chain: lastChain },
  ])
  const anchors = [...endsOf(found, slot), ...runs]
  const behind = anchors.filter(({ index }) => index > end.index).sort((a, b) => a.index - b.index)
  return behind.filter(({ index }, i) => behind[i - 1]?.index !== index)
}

/** Where the log is said to have ended, the surest first. */
function endsOf({ hardState }: Recovered, slot: HighWater | undefined): readonly Anchor[] {
  const stated = hardState === undefined ? [] : [{ index: hardState.lastIndex, chain: hardState.lastChain }]
  if (slot === undefined) return stated
  const { last, reached } = slot
  return [{ index: last.index, chain: last.chain }, ...(reached === undefined ? [] : [reached]), ...stated]
}

function isStated(found: Recovered, slot: HighWater | undefined): (anchor: Anchor) => boolean {
  const ends = endsOf(found, slot)
  return ({ index, chain }) => ends.some((end) => end.index === index && end.chain === chain)
}

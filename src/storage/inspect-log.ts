// What a log holds, and what its node would make of it at its start: the same reading and the same judgement, and nothing performed.
import type { LogBase } from '../core/types.ts'
import type { Anchor, Identity } from '../ports/log.ts'
import { WireError } from '../wire/bytes.ts'
import { Block } from './block.ts'
import { scanBlock } from './block-scan.ts'
import { DamageError, damaged, readError, storeError } from './damage.ts'
import { chooseSlot, compareHighWater, ownerOf, type ReadSlots } from './high-water.ts'
import type { KeyValue } from './kv.ts'
import { baseIn } from './log-opening.ts'
import { type JudgeOptions, judge, type Verdict } from './log-verdict.ts'
import * as records from './records.ts'
import { type Finding, type Island, type Recovered, Recovery } from './recovery.ts'

/** Read ahead, bytes. */
const readBytes = 4 * 1_024 * 1_024
/** Entries between two reports of progress. */
const progressEntries = 65_536

/** How far a reading has got: the last entry so far, and the last that the log says it has, where it says that. */
export type OnProgress = (at: { readonly index: number; readonly lastIndex: number | undefined }) => void

/** Entries behind a hole, verified, each block going on from the one before. */
export type StoredRun = Omit<Island, 'blocks'>

export interface DamagedBlock {
  readonly firstIndex: number
  readonly lastIndex: number
  /** Chain values within it that are vouched for by a seal of their own. */
  readonly marks: readonly Anchor[]
}

export interface InspectedLog {
  /** All that could be read; of a database that fails on the way, what comes before. */
  readonly found: Recovered
  /** What a node goes on with: nothing of a database that fails on the way. */
  readonly judged: Recovered
  /** Behind holes: where they were written, or put aside since. */
  readonly islands: readonly StoredRun[]
  /** Blocks of which something does not verify; where not even their own end is known, up to what comes next. */
  readonly damaged: readonly DamagedBlock[]
  readonly slots: ReadSlots
  /** What its node does at its start. */
  readonly verdict: Verdict
  /** As if there were others to repair it from, and no snapshot to begin anew after, unless there is nothing else: what can be mended of it. */
  readonly asIs: Verdict
  /** Why the database as a whole is of no use. */
  readonly problems: readonly Finding[]
  /** Beside those. */
  readonly findings: readonly Finding[]
}

export interface LogParts {
  /** Place of the data directory, and of its slots, for messages. */
  readonly name: string
  readonly slotsName: string
  /** A database that cannot be opened is none. */
  readonly kv: KeyValue | undefined
  readonly slots: readonly [Uint8Array, Uint8Array]
  /** As the directory says. */
  readonly identity: Identity | undefined
  readonly isUpgrade: boolean
  /** The newest whole snapshot. */
  readonly snapshotBase: LogBase | undefined
  /** Why there is no database. */
  readonly problems: readonly Finding[]
  readonly onProgress: OnProgress
  /** What a store says, in the names of the files that it is a copy of. */
  readonly renamed: (what: string) => string
}

/** Errors: STORAGE_FAILED. Damage is none. */
export async function inspectLog(parts: LogParts): Promise<InspectedLog> {
  const knownBase = baseIn(chosen(parts.slots, parts.identity).newest)
  const { found, failure } = await readRecords(parts, knownBase)
  const isGone = parts.kv === undefined || failure !== undefined
  const problems = failure === undefined ? parts.problems : [...parts.problems, { place: parts.name, range: undefined, what: failure.what }]
  // What such a database holds is set aside as a whole, whatever of it can be read.
  const judged = isGone ? new Recovery(knownBase).finish() : found
  const slots = chosen(parts.slots, parts.identity ?? found.identity)
  const { verdict, asIs } = verdictsOf({ ...parts, problems }, { judged, slots, isGone })

  const opened = verdict.kind === 'open' ? verdict : asIs
  const all = opened.kind === 'open' ? [...opened.findings, ...lostBefore(opened)] : judged.findings
  // That a database which cannot be opened holds no records goes without saying.
  const own = all.filter((finding) => !problems.includes(finding) && !(isGone && judged.findings.includes(finding)))
  const damaged = await damagedBlocks(parts, found)
  const lasts = new Map(damaged.map(({ firstIndex, lastIndex }) => [firstIndex, lastIndex]))
  const findings = own.map((finding) => ({ ...finding, range: wholeRange(finding, lasts) }))
  // What was put aside is given up once there is no fence any more.
  const isFenced = asIs.kind === 'open' && asIs.fence !== undefined
  const islands = isFenced ? [...found.islands, ...(await runsAside(parts, found))] : found.islands
  return { found, judged, islands, damaged, slots, verdict, asIs, problems, findings }
}

/** As `LogOpening` comes to them. */
function verdictsOf(
  { name, slotsName, identity, isUpgrade, snapshotBase, problems }: LogParts,
  { judged, slots, isGone }: { readonly judged: Recovered; readonly slots: ReadSlots; readonly isGone: boolean },
): { readonly verdict: Verdict; readonly asIs: Verdict } {
  const judgeAs = (found: Recovered, options: Pick<JudgeOptions, 'isAlone' | 'snapshotBase'>): Verdict =>
    judge(found, slots, { name, slotsName, identity: identity ?? judged.identity, isUpgrade, problems, ...options })
  const isWhole = compareHighWater({ ...judged, writes: judged.hardState?.writes }, slots) === 'whole'
  const atStart = { isAlone: undefined, snapshotBase: isWhole ? undefined : snapshotBase }
  // Before a database makes way for a new one, it must be clear that something can be made of that.
  const anew = isGone ? judgeAs(new Recovery().finish(), { isAlone: undefined, snapshotBase }) : undefined
  return {
    verdict: anew?.kind === 'refuse' ? anew : judgeAs(judged, atStart),
    asIs: judgeAs(judged, { isAlone: false, snapshotBase: judged.base === undefined ? snapshotBase : undefined }),
  }
}

const chosen = (slots: LogParts['slots'], identity: Identity | undefined): ReadSlots =>
  identity === undefined ? { newest: undefined, next: 0, unreadable: [0, 1], foreign: undefined } : chooseSlot(slots, ownerOf(identity))

async function readRecords(
  { kv, name, onProgress, renamed }: LogParts,
  knownBase: records.BaseRecord | undefined,
): Promise<{ found: Recovered; failure: DamageError | undefined }> {
  const recovery = new Recovery(knownBase)
  if (kv === undefined) return { found: recovery.finish(), failure: undefined }
  let reported = 0
  const onRecord = (key: Uint8Array, value: Uint8Array): boolean => {
    recovery.record(key, value)
    if (recovery.lastIndex - reported < progressEntries) return true
    reported = recovery.lastIndex
    onProgress({ index: reported, lastIndex: recovery.statedIndex })
    return true
  }
  const error = await new Promise<Error | undefined>((resolve) => {
    kv.range({ firstKey: records.firstKey, lastKey: records.lastKey, bytesMax: readBytes }, onRecord, resolve)
  })
  if (error === undefined) return { found: recovery.finish(), failure: undefined }
  const failure = readError(name, storeError(name, 'read', error))
  if (!(failure instanceof DamageError)) throw failure
  return { found: recovery.finish(), failure: damaged(name, renamed(failure.what), failure) }
}

/** A log that was opened since it was damaged verifies, and still lacks what it had promised. */
function lostBefore({ fence, end, findings }: Extract<Verdict, { kind: 'open' }>): readonly Finding[] {
  if (fence === undefined || findings.length > 0) return []
  const place = `entry ${end.index + 1}`
  const { floor } = fence
  if (floor === undefined) {
    return [{ place, range: undefined, what: `what came after entry ${end.index} was lost before, and nothing tells what it was` }]
  }
  if (floor.index <= end.index) {
    return [
      { place, range: undefined, what: `entry ${floor.index} of term ${floor.term} was lost before, and has not been given back yet` },
    ]
  }
  const range = { firstIndex: end.index + 1, lastIndex: floor.index }
  return [
    {
      place,
      range,
      what: `${entriesName(range)} ${range.firstIndex === range.lastIndex ? 'was' : 'were'} lost before, and not given back yet`,
    },
  ]
}

/** What is said of a block is about all entries in it: a node uses none of them. `lasts`: of each damaged block. */
function wholeRange({ range }: Finding, lasts: ReadonlyMap<number, number>): Finding['range'] {
  const lastIndex = range === undefined || range.firstIndex !== range.lastIndex ? undefined : lasts.get(range.firstIndex)
  return range === undefined || lastIndex === undefined ? range : { firstIndex: range.firstIndex, lastIndex }
}

async function damagedBlocks({ kv, name }: LogParts, { waste, islands, end, hardState }: Recovered): Promise<readonly DamagedBlock[]> {
  const blocks = waste.flatMap((key) => records.readBlockKey(key) ?? [])
  const starts = [...blocks, ...islands.map(({ firstIndex }) => firstIndex)].sort((a, b) => a - b)
  const found: DamagedBlock[] = []
  let next = 0
  for (const firstIndex of kv === undefined ? [] : blocks) {
    while ((starts[next] ?? Number.POSITIVE_INFINITY) <= firstIndex) next++
    const block = await readSealed(kv, name, firstIndex)
    const beforeNext = (starts[next] ?? Math.max(firstIndex, end.index, hardState?.lastIndex ?? 0) + 1) - 1
    found.push({ firstIndex, lastIndex: block?.lastIndex ?? beforeNext, marks: block?.marks ?? [] })
  }
  return found
}

/** The block, if its header and its marks are whole. */
async function readSealed(kv: KeyValue | undefined, name: string, firstIndex: number): Promise<Block | undefined> {
  const value = kv && (await read(kv, name, records.blockKey(firstIndex)))
  try {
    return value && new Block(value, firstIndex)
  } catch (thrown) {
    if (thrown instanceof WireError) return undefined
    throw thrown
  }
}

/** Of the blocks that were put aside: that they verify, the reading has seen to. */
async function runsAside({ kv, name }: LogParts, { salvage }: Recovered): Promise<readonly StoredRun[]> {
  const runs: StoredRun[] = []
  if (kv === undefined) return runs
  for (const blockIndex of salvage) {
    const value = await read(kv, name, records.salvageKey(blockIndex))
    if (value === undefined) continue
    const block = new Block(value, blockIndex)
    const { firstIndex, lastIndex, chain, lastChain } = block
    const { lastTerm } = scanBlock(block, { firstIndex, lastTerm: 0 })
    const last = runs.at(-1)
    if (last !== undefined && last.lastIndex + 1 === firstIndex && last.lastChain === chain) {
      runs[runs.length - 1] = { ...last, lastIndex, lastTerm, lastChain }
    } else runs.push({ firstIndex, lastIndex, lastTerm, chain, lastChain })
  }
  return runs
}

const read = (kv: KeyValue, name: string, key: Uint8Array): Promise<Uint8Array | undefined> =>
  new Promise((resolve, reject) =>
    kv.get(key, (error, value) => (error === undefined ? resolve(value) : reject(storeError(name, 'read', error)))),
  )

/** `entry 5`, `entries 5 to 9`. */
export const entriesName = ({ firstIndex, lastIndex }: { readonly firstIndex: number; readonly lastIndex: number }): string =>
  firstIndex === lastIndex ? `entry ${firstIndex}` : `entries ${firstIndex} to ${lastIndex}`

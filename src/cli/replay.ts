// `raftgen replay`: a log, applied with two builds side by side, up to the first entry with which they do not do the same.
import type { Entry, EntryId, Index } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import { type Inspection, inspect } from '../storage/inspect.ts'
import { entriesName } from '../storage/inspect-log.ts'
import { openSeen, type SeenSnapshot, seeSnapshots } from '../storage/snapshot-look.ts'
import { WireError } from '../wire/bytes.ts'
import { CommandDecoder } from './command-decoder.ts'
import { readEntry, type ShownEntry } from './entry-words.ts'
import { type ExitCode, exitCode } from './exit-code.ts'
import { Advised, WrongUse } from './wrong-use.ts'
import { progressOf, slowly } from './log-progress.ts'
import { dataDirOf, parsedNumber, withStoppedNode } from './log.ts'
import { openBuilds, type ReplayBuild } from './replay-build.ts'
import { comparedSides, type SideComparison } from './replay-comparison.ts'
import { limitDefault, type ReplayLine } from './replay-program.ts'
import { ReplaySide, type SideOutcome } from './replay-side.ts'
import { replayLines, replayObject } from './replay-words.ts'
import { parsedLimit } from './state-diff.ts'
import type { Terminal } from './terminal.ts'

export interface ReplayReport {
  readonly dir: string
  readonly builds: readonly [ReplayBuild, ReplayBuild]
  /** The state that both began with; none: that of the beginning of the log. */
  readonly snapshot: EntryId | undefined
  /** What was applied with both and came to the same; the last is the lower where nothing was. */
  readonly firstIndex: Index
  readonly lastIndex: Index
  readonly difference: ReplayDifference | undefined
}
export interface ReplayDifference {
  readonly shown: ShownEntry
  readonly outcomes: readonly [SideOutcome, SideOutcome]
  /** The version in force afterwards. */
  readonly versions: readonly [number, number]
  /** None where a build cannot go on, or where they are of other versions. */
  readonly states: SideComparison | undefined
}

interface Wanted {
  readonly firstIndex: Index | undefined
  readonly lastIndex: Index | undefined
  readonly limit: number
}

export async function replayCommand({ dir: argument, options }: ReplayLine, terminal: Terminal): Promise<ExitCode> {
  const dir = dataDirOf(argument)
  const number = (text: string | undefined, option: string): number | undefined =>
    text === undefined ? undefined : parsedNumber(text, option)
  const wanted = {
    firstIndex: number(options.from, '--from'),
    lastIndex: number(options.to, '--to'),
    limit: options.limit === undefined ? limitDefault : parsedLimit(options.limit),
  }
  return await withStoppedNode(async (scratch) => {
    const builds = await openBuilds(options, scratch)
    const inspection = await inspect(dir, { scratch, ...progressOf(dir, terminal) })
    try {
      checkMachine(inspection, builds)
      const report = await replay(inspection, { builds, wanted, terminal })
      if (options.json === true) terminal.out(JSON.stringify(replayObject(report)))
      else terminal.out(replayLines(report).join('\n'))
      return report.difference === undefined ? exitCode.fine : exitCode.findings
    } finally {
      await inspection.close()
    }
  })
}

function checkMachine({ dir, machine }: Inspection, [{ machine: own }]: readonly [ReplayBuild, ReplayBuild]): void {
  if (machine === undefined || machine.name === own.name) return
  throw new WrongUse(
    `${dir} holds a log of the machine ${machine.name}, and the builds are of ${own.name}`,
    'Name another directory, or other builds.',
  )
}

interface Replaying {
  readonly builds: readonly [ReplayBuild, ReplayBuild]
  readonly wanted: Wanted
  readonly terminal: Terminal
}

async function replay(inspection: Inspection, { builds, wanted, terminal }: Replaying): Promise<ReplayReport> {
  const { dir, walk, log } = inspection
  const { sides, snapshot } = await begin(inspection, { builds, wanted, terminal })
  const firstIndex = (snapshot?.index ?? 0) + 1
  const lastIndex = Math.min(wanted.lastIndex ?? Number.POSITIVE_INFINITY, await walk.lastIndex())
  if (lastIndex < firstIndex) {
    throw new WrongUse(`${dir} has no entry to apply: it ends with entry ${await walk.lastIndex()}`, 'Choose others with --from and --to.')
  }
  const skipped = new Set(log.found.skips.map((skip) => skip.skipped))
  const say = slowly(terminal)
  const report = { dir, builds, snapshot, firstIndex }
  for await (const piece of walk.pieces({ firstIndex, lastIndex })) {
    if (piece.kind === 'hole') throw missing(dir, entriesName(piece))
    for (const entry of piece.entries) {
      say(() => `applying entry ${entry.index} of ${lastIndex} of ${dir}`)
      const difference = await step(sides, entry, { isSkipped: skipped.has(entry.index), limit: wanted.limit })
      if (difference !== undefined) return { ...report, lastIndex: entry.index - 1, difference }
    }
  }
  return { ...report, lastIndex, difference: undefined }
}

type Sides = readonly [ReplaySide, ReplaySide]

async function step(
  sides: Sides,
  entry: Entry,
  { isSkipped, limit }: { readonly isSkipped: boolean; readonly limit: number },
): Promise<ReplayDifference | undefined> {
  const [old, next] = sides
  const lock = next.build.lock ?? old.build.lock
  const read = readEntry(entry, undefined)
  if (entry.kind === 'command' && read.envelope === undefined)
    throw new WrongUse(
      `entry ${entry.index} cannot be read: ${read.problem}`,
      'It was written by a later release of raftgen: use that one.',
    )
  const treatment = isSkipped ? 'skip' : 'fail'
  const outcomes = [old.apply(entry, read.envelope, treatment), next.apply(entry, read.envelope, treatment)] as const
  if (isSameOutcome(...outcomes) && old.isSameState(next, entry.index)) return undefined
  const versions = [old.replica.version, next.replica.version] as const
  const isStopped = outcomes.some(({ kind }) => kind === 'stopped')
  const shown = readEntry(entry, lock === undefined ? undefined : new CommandDecoder(lock))
  const states = isStopped || versions[0] !== versions[1] ? undefined : await comparedSides(sides, { lock, limit })
  return { shown, outcomes, versions, states }
}

function isSameOutcome(a: SideOutcome, b: SideOutcome): boolean {
  if (a.kind === 'stopped' || b.kind === 'stopped') return false
  const [mine, theirs] = [a.reply ?? new Uint8Array(0), b.reply ?? new Uint8Array(0)]
  return Buffer.from(mine).equals(theirs) && a.refused === b.refused && (a.failure === undefined) === (b.failure === undefined)
}

interface Beginning {
  readonly sides: Sides
  /** None: both are at the beginning of the log. */
  readonly snapshot: EntryId | undefined
}

/** With the state that the log goes on from: the earliest there is, or the last before the first entry that matters. */
async function begin({ dir, walk }: Inspection, { builds, wanted: { firstIndex }, terminal }: Replaying): Promise<Beginning> {
  const isWhole = walk.firstIndex === 1
  const fits = ({ index }: EntryId): boolean => index >= walk.firstIndex - 1 && index < (firstIndex ?? Number.POSITIVE_INFINITY)
  // They come newest first.
  const seen = ((await seeSnapshots(dir)) ?? []).filter(({ id, isAside }) => !isAside && fits(id))
  const candidates = firstIndex === undefined ? (isWhole ? [] : seen.toReversed()) : seen
  for (const candidate of candidates) {
    const sides = sidesOf(builds)
    const problem = await restored(candidate, sides)
    if (problem === undefined) return { sides, snapshot: candidate.id }
    terminal.err(`${candidate.path} is passed over: ${problem}`)
  }
  if (isWhole) return { sides: sidesOf(builds), snapshot: undefined }
  const what = `the log of ${dir} begins after entry ${walk.firstIndex - 1}, and there is no snapshot that both builds can begin with`
  throw new WrongUse(
    what,
    firstIndex === undefined ? 'Take another node, or a copy of its directory from before.' : 'Choose a later --from.',
  )
}

const sidesOf = ([old, next]: Replaying['builds']): Sides => [new ReplaySide(old), new ReplaySide(next)]

/** What is wrong with it, where not both have it. */
async function restored(seen: SeenSnapshot, sides: Sides): Promise<string | undefined> {
  const snapshot = await openSeen(seen).catch((thrown: unknown) => {
    if (thrown instanceof WireError) return thrown
    throw thrown
  })
  if (snapshot === undefined) return 'it is not there any more'
  if (snapshot instanceof WireError) return `it is damaged: ${snapshot.message}`
  try {
    for (const side of sides) {
      const problem = await side.restore(snapshot)
      if (problem !== undefined) return `the ${side.build.label} build cannot read it: ${problem}`
    }
    return undefined
  } finally {
    await snapshot.close()
  }
}

function missing(dir: string, entries: string): Advised {
  const error = new RaftgenError('STORAGE_DAMAGED', `${dir} lacks ${entries}`)
  return new Advised(error, `Begin behind them with --from, or end before them with --to; \`raftgen log verify ${dir}\` says more.`)
}

// What a replay has found, as lines of text and as one object.
import type { Index } from '../core/types.ts'
import { entriesName } from '../storage/inspect-log.ts'
import { entryObject, whatText } from './entry-words.ts'
import type { ReplayDifference, ReplayReport } from './replay.ts'
import type { SideOutcome } from './replay-side.ts'
import { differenceLine, differenceObject } from './state-words.ts'
import { counted } from './terminal.ts'
import { plainValue, valueText } from './value-text.ts'

const labels = ['old', 'new'] as const

export function replayLines(report: ReplayReport): readonly string[] {
  const { dir, firstIndex, lastIndex, snapshot, difference } = report
  const begun = snapshot === undefined ? '' : `, after the snapshot of entry ${snapshot.index}`
  const same = rangeText(firstIndex, lastIndex)
  if (difference === undefined) return [`Both builds do the same with ${same} of ${dir}${begun}.`]
  const before = lastIndex < firstIndex ? [] : [`Both builds do the same with ${same} of ${dir}${begun}.`]
  const { entry } = difference.shown
  return [...before, `Entry ${entry.index} of term ${entry.term}: ${whatText(difference.shown)}`, '', ...foundLines(difference)]
}

const rangeText = (firstIndex: Index, lastIndex: Index): string => entriesName({ firstIndex, lastIndex })

function foundLines({ outcomes, versions, states }: ReplayDifference): readonly string[] {
  const lines = outcomes.flatMap((outcome, i) => outcomeLines(outcome, { label: labels[i] ?? '', states }))
  if (states === undefined) {
    const isStopped = outcomes.some(({ kind }) => kind === 'stopped')
    return isStopped ? lines : [...lines, `version ${versions[0]} is in force in old, and ${versions[1]} in new`]
  }
  const { count, differences } = states
  const more = count - differences.length
  return [
    ...lines,
    ...differences.map((difference) => differenceLine(difference, { a: 'old', b: 'new' })),
    ...(more === 0 ? [] : [`... and ${counted(more, 'more difference')}: --limit <n> prints more`]),
    '',
    `The builds differ: ${counted(count, 'difference')}.`,
  ]
}

interface Told {
  readonly label: string
  readonly states: ReplayDifference['states']
}

function outcomeLines(outcome: SideOutcome, { label, states }: Told): readonly string[] {
  if (outcome.kind === 'stopped') return [`the ${label} build cannot go on: ${outcome.message}`]
  const { failure, refused, reply } = outcome
  if (failure !== undefined) return [`the ${label} build fails: the handler of ${failure.command}: ${failure.message}`]
  if (refused !== undefined) return [`the ${label} build refuses it: ${refused}`]
  return reply === undefined || states === undefined ? [] : [`the ${label} build answers ${valueText(states.reply(reply))}`]
}

/** What a script gets. Public: fields are added, none goes. */
export function replayObject({ dir, builds, snapshot, firstIndex, lastIndex, difference }: ReplayReport): object {
  const [old, next] = builds
  return {
    ok: difference === undefined,
    dir,
    machine: next.machine.name,
    old: old.argument,
    new: next.argument,
    snapshot,
    firstIndex,
    lastIndex,
    difference: difference && differenceOf(difference),
  }
}

function differenceOf({ shown, outcomes, versions, states }: ReplayDifference): object {
  const side = (i: 0 | 1): object => {
    const outcome = outcomes[i]
    if (outcome.kind === 'stopped') return outcome
    const { reply, failure, refused } = outcome
    const failed = failure && { command: failure.command, message: failure.message }
    const answer = reply === undefined || states === undefined ? undefined : plainValue(states.reply(reply))
    return { kind: 'applied', version: versions[i], reply: answer, failure: failed, refused }
  }
  const { index } = shown.entry
  return {
    index,
    entry: entryObject(shown),
    old: side(0),
    new: side(1),
    count: states?.count,
    differences: states?.differences.map((difference) => renamed(differenceObject(difference))),
  }
}

/** `a` and `b` are the old and the new build. */
const renamed = (difference: object): object =>
  Object.fromEntries(Object.entries(difference).map(([key, value]) => [key === 'a' ? 'old' : key === 'b' ? 'new' : key, value]))

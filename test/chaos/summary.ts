// The tables at the end, and whether all is well.
import { families } from './faults/fault.ts'
import type { Operation } from './history.ts'
import type { SkippedFault, StageResult } from './stage.ts'

/** A run of so many minutes has time for every variant of every fault that can be tried. */
export const everyVariantMinutes = 8

export interface Demands {
  readonly minutes: number
  readonly isAllRequired: boolean
}

/** What is wrong with a run. */
export function problemsOf(
  results: readonly StageResult[],
  skipped: readonly SkippedFault[],
  { minutes, isAllRequired }: Demands,
): readonly string[] {
  const found = results.flatMap(({ stage, problems }) => problems.map((problem) => `${stage}: ${problem}`))
  // Those that stopped early had no time for all faults.
  if (found.length === 0) found.push(...results.flatMap((result) => unfelt(result, minutes >= everyVariantMinutes)))
  if (isAllRequired) for (const { family, name, reason } of skipped) found.push(`not tried: ${family}: ${name}: ${reason}`)
  if (results.length === 0) found.push('nothing was tried')
  return found
}

/** What was possible and never happened, or was never noticed. */
function unfelt({ stage, possible, happened }: StageResult, isEachRequired: boolean): readonly string[] {
  const felt = happened.filter(({ hits }) => hits > 0)
  const missing = families
    .filter((family) => possible.some((one) => one.family === family) && !felt.some((one) => one.family === family))
    .map((family) => `${stage}: no fault of the family ${family} was felt`)
  if (!isEachRequired || missing.length > 0) return missing
  return possible
    .filter(({ family, name }) => !felt.some((one) => one.family === family && one.name === name))
    .map(({ family, name }) => `${stage}: the fault "${family}: ${name}" was never felt`)
}

export function summary(results: readonly StageResult[], skipped: readonly SkippedFault[], problems: readonly string[]): string {
  return [
    faultTable(results),
    operationTable(results),
    stageTable(results),
    ...skipped.map(({ family, name, reason }) => `SKIPPED  ${family}: ${name}: ${reason}`),
    verdict(results, problems),
  ].join('\n\n')
}

function faultTable(results: readonly StageResult[]): string {
  const happened = results.flatMap((one) => one.happened)
  const possible = results.flatMap((one) => one.possible.map(({ family, name }) => ({ family, name: `${one.stage} ${name}` })))
  const seen = results.flatMap((one) =>
    one.happened.filter(({ hits }) => hits > 0).map(({ family, name }) => ({ family, name: `${one.stage} ${name}` })),
  )
  const row = (label: string, is: (family: string) => boolean): readonly string[] => {
    const own = happened.filter(({ family }) => is(family))
    const variants = new Set(seen.filter(({ family }) => is(family)).map(({ family, name }) => `${family} ${name}`)).size
    return [
      label,
      String(own.length),
      String(own.filter(({ hits }) => hits > 0).length),
      String(own.reduce((sum, { hits }) => sum + hits, 0)),
      `${variants} of ${possible.filter(({ family }) => is(family)).length}`,
    ]
  }
  const rows = families
    .filter((family) => possible.some((one) => one.family === family))
    .map((family) => row(family, (one) => one === family))
  return table([['faults', 'planned', 'felt', 'hits', 'variants'], ...rows, row('all', () => true)])
}

const outcomes = ['ok', 'notApplied', 'applied', 'unknown', 'none'] as const

function operationTable(results: readonly StageResult[]): string {
  const operations = results.flatMap((one) => one.operations)
  const kindOf = ({ op, consistency }: Operation): string => (consistency === undefined ? op : `${op}, ${consistency}`)
  const kinds = new Map<string, Operation[]>()
  for (const operation of operations) {
    const known = kinds.get(kindOf(operation))
    if (known === undefined) kinds.set(kindOf(operation), [operation])
    else known.push(operation)
  }
  const row = (label: string, own: readonly Operation[]): readonly string[] => [
    label,
    String(own.length),
    ...outcomes.map((outcome) => String(own.filter((one) => one.outcome === outcome).length)),
  ]
  const rows = [...kinds].sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, own]) => row(kind, own))
  return table([['operations', 'called', ...outcomes], ...rows, row('all', operations)])
}

function stageTable(results: readonly StageResult[]): string {
  const seconds = (ms: number | undefined): string => (ms === undefined ? '-' : (ms / 1_000).toFixed(1))
  const rows = results.map((one) => [
    one.stage,
    seconds(one.tookMs),
    String(one.checked),
    String(one.searched),
    String(one.compared),
    seconds(one.longestGapMs),
    seconds(one.recoveriesMs.length === 0 ? undefined : Math.max(...one.recoveriesMs)),
    seconds(one.levelMs),
    String(one.counts.elections),
    String(one.counts.starts),
    String(one.counts.snapshots),
    String(one.counts.fetched),
    String(Math.round(one.residentBytesMax / 1_048_576)),
  ])
  const columns = [
    'seconds',
    'checked',
    'searched',
    'entries',
    'longest gap',
    'serves after',
    'level after',
    'leaders',
    'starts',
    'snapshots',
    'fetched',
    'MiB',
  ]
  return table([['stage', ...columns], ...rows])
}

function verdict(results: readonly StageResult[], problems: readonly string[]): string {
  const faults = results.flatMap(({ happened }) => happened).filter(({ hits }) => hits > 0).length
  const operations = results.reduce((sum, { checked }) => sum + checked, 0)
  const what = `${faults} faults were felt, ${operations} operations were checked`
  if (problems.length === 0)
    return `${what}: every history is linearizable, every command took effect once at most, all nodes are the same.`
  return [`${what}:`, ...problems.map((problem) => `PROBLEM  ${problem}`)].join('\n')
}

function table(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows
  const widths = head.map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length)))
  return rows
    .map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '))
    .join('\n')
}

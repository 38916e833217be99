// The table at the end, and whether all is well.
import type { Result } from './result.ts'

export interface Skipped {
  readonly kind: string
  readonly name: string
  readonly reason: string
}

const columns = ['cases', 'repaired', 'refused', 'unaffected', 'by signal', 'failed', 'lost', 'wrong'] as const
type Counts = Readonly<Record<(typeof columns)[number], number>>

/** Nothing is lost or wrong, and every outcome is one that is allowed. */
export const isFine = ({ outcome, lost, wrong }: Result): boolean => outcome !== 'failed' && lost.length === 0 && wrong.length === 0

/** One row for each kind of file or fault, and one for all. */
export function summary(results: readonly Result[], skipped: readonly Skipped[]): string {
  const kinds = [...new Set(results.map(({ kind }) => kind))].sort()
  const rows = kinds.map((kind) => [kind, countsOf(results.filter((result) => result.kind === kind))] as const)
  const lines = [...rows, ['all', countsOf(results)] as const].map(([name, counts]) => [
    name,
    ...columns.map((column) => String(counts[column])),
  ])
  const table = [['', ...columns], ...lines]
  const width = Math.max(...table.map(([name = '']) => name.length))
  const text = table.map(([name = '', ...cells]) =>
    [name.padEnd(width), ...cells.map((cell, i) => cell.padStart((columns[i] ?? '').length))].join('  '),
  )
  return [...text, ...skipped.map(({ kind, name, reason }) => `SKIPPED  ${kind}: ${name}: ${reason}`)].join('\n')
}

function countsOf(results: readonly Result[]): Counts {
  const count = (holds: (result: Result) => boolean): number => results.filter(holds).length
  return {
    cases: results.length,
    repaired: count(({ outcome }) => outcome === 'repaired'),
    refused: count(({ outcome }) => outcome === 'refused'),
    unaffected: count(({ outcome }) => outcome === 'unaffected'),
    // Among the others: what came after it is what they say.
    'by signal': count(({ isEndedBySignal }) => isEndedBySignal),
    failed: count(({ outcome }) => outcome === 'failed'),
    lost: count(({ lost }) => lost.length > 0),
    wrong: count(({ wrong }) => wrong.length > 0),
  }
}

/** What a case showed; all of it when it is not fine. */
export function described(result: Result, { seed, isVerbose }: { readonly seed: number; readonly isVerbose: boolean }): string {
  const head = `${result.outcome.padEnd(10)} ${result.name} (${result.tookMs} ms)`
  if (isFine(result)) return [head, ...(isVerbose ? result.said.map((line) => `    said: ${line}`) : [])].join('\n')
  const some = (title: string, lines: readonly string[]): readonly string[] => [
    ...lines.slice(0, 5).map((line) => `    ${title}: ${line}`),
    ...(lines.length > 5 ? [`    ${title}: and ${lines.length - 5} more`] : []),
  ]
  return [
    head,
    ...some('PROBLEM', result.problems),
    ...some('LOST', result.lost),
    ...some('WRONG', result.wrong),
    ...result.said.map((line) => `    said: ${line}`),
    `    again: npm run test:disk -- --seed ${seed} --case ${JSON.stringify(result.name)}`,
  ].join('\n')
}

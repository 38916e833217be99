// Numbers of a history.
import type { Operation } from './history.ts'

/** The longest time without an answer of the kind that needs a majority. Milliseconds. */
export function longestGapMs(operations: readonly Operation[]): number {
  const times = operations
    .filter(({ outcome, consistency }) => outcome === 'ok' && consistency !== 'stale' && consistency !== 'atLeast')
    .map((one) => one.return)
    .sort((a, b) => a - b)
  let longest = 0
  for (const [i, time] of times.entries()) longest = Math.max(longest, time - (times[i - 1] ?? time))
  return longest / 1_000
}

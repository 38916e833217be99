// Numbers of a history.
import type { Operation } from './history.ts'

/** The longest time without an answer of the kind that needs a majority, from the first one to `end`, when clients were told to stop. Milliseconds. */
export function longestGapMs(operations: readonly Operation[], end: number): number {
  const answered = operations.filter(({ outcome, consistency }) => outcome === 'ok' && consistency !== 'stale' && consistency !== 'atLeast')
  const times = [...answered.map((one) => Math.min(one.return, end)), end].sort((a, b) => a - b)
  let longest = 0
  for (const [i, time] of times.entries()) longest = Math.max(longest, time - (times[i - 1] ?? time))
  return longest / 1_000
}

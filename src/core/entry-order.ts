import type { EntryId } from './types.ts'

/** Whether a log that ends with `a` has as much as one that ends with `b`: later terms first, then length (§3.6.1). */
export function isAtLeast(a: EntryId, b: EntryId): boolean {
  return a.term > b.term || (a.term === b.term && a.index >= b.index)
}

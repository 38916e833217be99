import type { BoundValue } from '../locked-text.ts'

interface BoundChange {
  readonly name: string
  readonly before: BoundValue | undefined
  readonly after: BoundValue | undefined
}

/** Whether something that fitted may not fit any more. What cannot be told counts as narrower: another pattern. */
export function isNarrowed({ name, before, after }: BoundChange): boolean {
  if (after === undefined) return false
  if (before === undefined) return true
  if (name === 'multipleOf') return !isMultiple(before, after)
  if (/^min|Minimum$/.test(name)) return after > before
  if (/^max|Maximum$/.test(name)) return after < before
  return true
}

/** Whether all multiples of `value` are multiples of `of`. Fractions are not exact, so only equal ones are known to be. */
function isMultiple(value: BoundValue, of: BoundValue): boolean {
  if (typeof value === 'bigint' && typeof of === 'bigint') return value % of === 0n
  return Number.isInteger(value) && Number.isInteger(of) && Number(value) % Number(of) === 0
}

// What an index is ordered by: the values of the indexed fields of an entry, then its key in the table. An array, compared element by element,
// so that no value can look like the border between two.
import type { Compare } from './tree-walk.ts'

/** What a field may hold to be indexed. */
export type IndexValue = string | number | bigint | boolean
export type IndexKey = readonly IndexValue[]

/** Stand below and above every value, at the end of keys that are looked for. No field holds them: numbers of the state are finite. */
export const below = Number.NEGATIVE_INFINITY
export const above = Number.POSITIVE_INFINITY

/**
 * Strings by UTF-16 code unit, numbers by size, false before true: in one place all values are of one type. One may be longer where they are alike:
 * what is looked for ends in `below` or `above`.
 */
export const compareKeys: Compare<IndexKey> = (a, b) => {
  for (let i = 0; i < a.length; i++) {
    const x = a[i]
    const y = b[i]
    if (x === y) continue
    if (x === below || y === above) return -1
    if (x === above || y === below) return 1
    return x !== undefined && y !== undefined && x < y ? -1 : 1
  }
  if (a.length === b.length) return 0
  return b[a.length] === above ? -1 : 1
}

/** Whether the first `count` values are the same. */
export function sameValues(a: IndexKey, b: IndexKey, count: number): boolean {
  for (let i = 0; i < count; i++) {
    if (a[i] !== b[i]) return false
  }
  return true
}

/** As messages name it; long text is cut. */
export function valueText(value: IndexValue): string {
  if (typeof value === 'string') return value.length > 40 ? `${JSON.stringify(value.slice(0, 40))}...` : JSON.stringify(value)
  return typeof value === 'bigint' ? `${value}n` : String(value)
}

/** One by itself, several as a list. */
export const valuesText = (values: IndexKey): string => {
  const texts = values.map(valueText).join(', ')
  return values.length === 1 ? texts : `[${texts}]`
}

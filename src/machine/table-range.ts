import type { Bound, Span } from './tree-walk.ts'

export type Key = string | number

/** A part of a table: from `gte` or behind `gt`, up to `lte` or before `lt`. Each is optional. */
export interface TableRange<K extends string | number> {
  readonly gte?: K
  readonly gt?: K
  readonly lt?: K
  readonly lte?: K
  /** From the greatest key down. Default false. */
  readonly reverse?: boolean
  /** So many entries at most, 0 or more. Default: all. */
  readonly limit?: number
}

const known: ReadonlySet<string> = new Set(['gte', 'gt', 'lt', 'lte', 'reverse', 'limit'])

/** Throws a TypeError for what handlers may get wrong. `name`, `keyType`: of the table. */
export function spanOf(range: TableRange<Key>, of: { readonly name: string; readonly keyType: 'string' | 'number' }): Span<Key> {
  const unknown = Object.keys(range).find((option) => !known.has(option))
  if (unknown !== undefined) throw wrong(of.name, `there is no ${JSON.stringify(unknown)}, only gte, gt, lt, lte, reverse and limit`)
  const { gte, gt, lt, lte } = range
  return { low: boundOf({ gte, gt }, of), high: boundOf({ lte, lt }, of), ...pagingOf(range, `${of.name}.range`) }
}

/** From which end, and how many. `name`: of what was called. */
export function pagingOf(
  { reverse = false, limit = Number.POSITIVE_INFINITY }: Paging,
  name: string,
): Pick<Span<Key>, 'isReversed' | 'limit'> {
  if (typeof reverse !== 'boolean') throw new TypeError(`${name}: reverse is true or false, not ${String(reverse)}`)
  if (typeof limit === 'number' && (limit === Number.POSITIVE_INFINITY || (Number.isSafeInteger(limit) && limit >= 0))) {
    return { isReversed: reverse, limit }
  }
  throw new TypeError(`${name}: limit is a whole number from 0 on, not ${String(limit)}`)
}

/** As handlers give it. */
interface Paging {
  readonly reverse?: unknown
  readonly limit?: unknown
}

/** `bounds`: the closed one, and the open one. */
function boundOf(
  bounds: Readonly<Record<string, Key | undefined>>,
  { name, keyType }: { readonly name: string; readonly keyType: 'string' | 'number' },
): Bound<Key> | undefined {
  const given = Object.entries(bounds).flatMap(([option, key]) => (key === undefined ? [] : [{ option, key }]))
  const [first, second] = given
  if (first === undefined) return undefined
  if (second !== undefined) throw wrong(name, `${first.option} and ${second.option} are both given, one of them is meant`)
  const { option, key } = first
  if (typeof key !== keyType) throw wrong(name, `${option}: a key is a ${keyType}, not ${typeof key} ${String(key)}`)
  return { key, isOpen: option === 'gt' || option === 'lt' }
}

const wrong = (name: string, what: string): TypeError => new TypeError(`${name}.range: ${what}`)

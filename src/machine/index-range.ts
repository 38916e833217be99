import { above, below, type IndexKey, type IndexValue } from './index-key.ts'
import { pagingOf } from './table-range.ts'
import type { Span } from './tree-walk.ts'

/** The first values of `F`: none, some, or all. */
export type Leading<F extends readonly unknown[]> = F extends readonly [unknown, ...infer Rest]
  ? readonly [] | LeadingOf<F, Rest>
  : readonly []
type LeadingOf<F extends readonly unknown[], Rest extends readonly unknown[]> = F extends readonly [...infer First, ...Rest]
  ? readonly [...First, ...Leading<Rest>]
  : never

/** The first values of `F`, at least one. One stands for a list of one. */
type Some<F extends readonly unknown[]> = F[0] | Exclude<Leading<F>, readonly []>

interface Ends<R extends readonly unknown[]> {
  /** From here on. */
  readonly gte?: Some<R>
  /** Behind all that begins so. */
  readonly gt?: Some<R>
  /** Before all that begins so. */
  readonly lt?: Some<R>
  /** Up to here, with all that begins so. */
  readonly lte?: Some<R>
  /** From the greatest down. Default false. */
  readonly reverse?: boolean
  /** So many entries at most, 0 or more. Default: all. */
  readonly limit?: number
}

/** `P` is given, what is left of the fields and the key is `R`. */
type RangesUnder<P extends readonly IndexValue[], R extends readonly IndexValue[]> = R extends readonly [
  infer Next extends IndexValue,
  ...infer Rest extends readonly IndexValue[],
]
  ?
      | (Ends<R> &
          (P extends readonly [] ? { readonly prefix?: readonly [] } : { readonly prefix: P extends readonly [infer One] ? One | P : P }))
      | RangesUnder<readonly [...P, Next], Rest>
  : never

/**
 * A part of an index over the fields `F` of a table with keys `K`. `prefix` says what its first fields are; `gte`, `gt`, `lt` and `lte` are about those
 * that follow, the key of the table being the last: each is a value of the next one, or a list of values of the next ones, and says nothing of those
 * that it leaves out.
 */
export type IndexRange<F extends readonly IndexValue[], K extends string | number> = RangesUnder<readonly [], readonly [...F, K]>

/** What each value of an index must be, the key of the table last. */
export interface IndexPart {
  readonly name: string
  readonly type: 'string' | 'number' | 'bigint' | 'boolean'
}
/** `parts` are those that may be given: with the key of the table or without. */
export interface IndexParts {
  /** Of what was called: `state.jobs.by.next.range`. */
  readonly name: string
  readonly parts: readonly IndexPart[]
}

/** A range as handlers give it: of any index. */
export type AnyIndexRange = Readonly<Record<string, unknown>>

const known: ReadonlySet<string> = new Set(['prefix', 'gte', 'gt', 'lt', 'lte', 'reverse', 'limit'])

/** Throws a TypeError for what handlers may get wrong. */
export function indexSpanOf(range: AnyIndexRange, { name, parts }: IndexParts): Span<IndexKey> {
  const unknown = Object.keys(range).find((option) => !known.has(option))
  if (unknown !== undefined) {
    throw new TypeError(`${name}: there is no ${JSON.stringify(unknown)}, only prefix, gte, gt, lt, lte, reverse and limit`)
  }
  const given = range['prefix']
  const prefix = given === undefined ? [] : prefixOf(listOf(given), { name: `${name}: prefix`, parts: parts.slice(0, -1) })
  const rest = parts.slice(prefix.length)
  const low = endOf(range, ['gte', 'gt'], { name, parts: rest })
  const high = endOf(range, ['lte', 'lt'], { name, parts: rest })
  return {
    low: closed([...prefix, ...(low?.values ?? []), low?.option === 'gt' ? above : below]),
    high: closed([...prefix, ...(high?.values ?? []), high?.option === 'lt' ? below : above]),
    ...pagingOf(range, name),
  }
}

/** All that begins with `prefix`. */
export const spanUnder = (prefix: IndexKey): Span<IndexKey> => ({
  low: closed([...prefix, below]),
  high: closed([...prefix, above]),
  isReversed: false,
  limit: Number.POSITIVE_INFINITY,
})

/** Whether a range is open is in its keys. */
const closed = (key: IndexKey) => ({ key, isOpen: false })

/** The first values of `parts`, as they were given. Throws a TypeError when they are none. */
export function prefixOf(values: readonly unknown[], { name, parts }: IndexParts): IndexKey {
  if (values.length > parts.length) {
    const most = parts.length === 1 ? '1 value' : `${parts.length} values`
    throw new TypeError(`${name}: ${values.length} values are given, at most ${most} can be: ${parts.map((part) => part.name).join(', ')}`)
  }
  return values.map((value, i) => {
    const part = parts[i]
    if (part === undefined || !isValue(value, part.type)) {
      throw new TypeError(`${name}: ${part?.name} is a ${part?.type}, not ${typeof value} ${String(value)}`)
    }
    return value
  })
}

const isValue = (value: unknown, type: IndexPart['type']): value is IndexValue => typeof value === type && !Number.isNaN(value)

const listOf = (given: unknown): readonly unknown[] => (Array.isArray(given) ? given : [given])

/** `options`: the closed one, and the open one. */
function endOf(range: AnyIndexRange, options: readonly string[], { name, parts }: IndexParts) {
  const [first, second] = options.filter((option) => range[option] !== undefined)
  if (first === undefined) return undefined
  if (second !== undefined) throw new TypeError(`${name}: ${first} and ${second} are both given, one of them is meant`)
  const list = listOf(range[first])
  if (list.length === 0) throw new TypeError(`${name}: ${first} has no value`)
  return { option: first, values: prefixOf(list, { name: `${name}: ${first}`, parts }) }
}

// What a comparison of two states has found: all is counted, and the first differences are kept.
import { type Difference, differences, keyed, type Place } from '../machine/differences.ts'
import type { StateReader } from './state-reader.ts'

/** How much of a part differs. `a` and `b`: what each has of it. */
export type Part =
  | {
      readonly kind: 'entries'
      readonly place: Place
      readonly a: number
      readonly b: number
      /** That both have. */
      readonly differing: number
      readonly onlyA: number
      readonly onlyB: number
    }
  | { readonly kind: 'value'; readonly place: Place; readonly differs: boolean }
  /** Of a machine by hand. */
  | { readonly kind: 'bytes'; readonly place: Place; readonly a: number; readonly b: number; readonly firstDifference: number | undefined }

export interface Comparison {
  /** Of all differences. */
  readonly count: number
  /** The first ones: a is here, b is there. */
  readonly differences: readonly Difference[]
  readonly parts: readonly Part[]
  /** What could not be read as the schema says: a sentence without its full stop for each field with such a thing. */
  readonly misfits: readonly string[]
}

export interface CompareOptions {
  readonly reader: StateReader
  /** Differences that are kept. */
  readonly limit: number
}

export class Tally implements Comparison {
  readonly reader: StateReader
  readonly differences: Difference[] = []
  readonly parts: Part[] = []
  readonly misfits: string[] = []
  count = 0
  readonly #limit: number

  constructor({ reader, limit }: CompareOptions) {
    this.reader = reader
    this.#limit = limit
  }

  add(found: Iterable<Difference>): void {
    for (const difference of found) {
      this.count += 1
      if (this.differences.length < this.#limit) this.differences.push(difference)
    }
  }

  /** Counts entries of a part. */
  entries(place: Place, sizes: { readonly a: number; readonly b: number }): (key: number | string, values: Values) => void {
    const part = { kind: 'entries' as const, place, ...sizes, differing: 0, onlyA: 0, onlyB: 0 }
    this.parts.push(part)
    return (key, { a, b }) => {
      const before = this.count
      this.add(differences(keyed(key, place), a, b))
      if (this.count === before) return
      if (a === undefined) part.onlyB += 1
      else if (b === undefined) part.onlyA += 1
      else part.differing += 1
    }
  }
}

export interface Values {
  readonly a: unknown
  readonly b: unknown
}

/** What a state holds comes first: thousands of replies that differ must not hide it. */
export const merged = (state: Comparison, around: Comparison, limit: number): Comparison => ({
  count: state.count + around.count,
  differences: [...state.differences, ...around.differences].slice(0, limit),
  parts: [...state.parts, ...around.parts],
  misfits: [...state.misfits, ...around.misfits],
})

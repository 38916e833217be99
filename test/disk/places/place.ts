import type { Range } from '../damage.ts'

/** A class of positions in a file: all of these ranges are damaged together. */
export interface Place {
  readonly name: string
  readonly ranges: readonly Range[]
}

export const place = (name: string, start: number, bytes: number): Place => ({ name, ranges: [{ start, end: start + Math.max(0, bytes) }] })

/** Fields that stand one behind the other, from `start` on. */
export function fields(start: number, widths: readonly (readonly [name: string, bytes: number])[]): readonly Place[] {
  let at = start
  return widths.map(([name, bytes]) => {
    at += bytes
    return place(name, at - bytes, bytes)
  })
}

export const named = (prefix: string, places: readonly Place[]): readonly Place[] =>
  places.map(({ name, ranges }) => ({ name: `${prefix}: ${name}`, ranges }))

/** The first, the one in the middle and the last; fewer where there are not three. */
export function threeOf<T>(list: readonly T[]): readonly (readonly [name: string, T])[] {
  const found = new Map<number, string>()
  for (const [name, at] of [['first', 0] as const, ['middle', list.length >> 1] as const, ['last', list.length - 1] as const]) {
    if (!found.has(at)) found.set(at, name)
  }
  return [...found].flatMap(([at, name]) => {
    const one = list[at]
    return one === undefined ? [] : [[name, one] as const]
  })
}

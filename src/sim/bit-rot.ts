// What a disk may do to the records of a database behind everybody's back, as LevelDB shows it to those who read: values that are not what was
// written, records that are gone, batches that have left no trace, though they were synced and later ones are there.
import type { Chance } from './chance.ts'

/** What one batch has changed: by key, what was there before it, and what it put there. */
export interface Undo {
  readonly before: ReadonlyMap<string, Uint8Array | undefined>
  readonly after: ReadonlyMap<string, Uint8Array | undefined>
}
type Records = Map<string, Uint8Array>

const kinds = [
  'flip',
  'flip',
  'cut',
  'zero',
  'delete',
  'swap',
  'copy',
  'lostTail',
  'lostTail',
  'lostBatch',
  'lostBatch',
  'everything',
] as const
const tailMax = 6

/** Changes `records`; says what was done to them. `history`: of the last batches, the newest last. */
export function spoil(records: Records, history: readonly Undo[], chance: Chance): string {
  const kind = chance.pick(kinds)
  const names = [...records.keys()].sort()
  const name = chance.pick(names)
  const value = records.get(name) ?? new Uint8Array(0)
  switch (kind) {
    case 'flip':
    case 'cut':
    case 'zero':
      records.set(name, changed(value, kind, chance))
      return `${kind} ${nameOf(name)}`
    case 'delete':
      records.delete(name)
      return `${kind} ${nameOf(name)}`
    case 'swap':
    case 'copy': {
      const other = chance.pick(names)
      const there = records.get(other) ?? new Uint8Array(0)
      records.set(other, value)
      if (kind === 'swap') records.set(name, there)
      return `${kind} ${nameOf(name)} ${nameOf(other)}`
    }
    case 'lostTail': {
      const lost = history.slice(-chance.whole(1, tailMax)).reverse()
      for (const { before } of lost) putAll(records, before)
      return `${kind} of ${lost.length} batches`
    }
    case 'lostBatch': {
      if (history.length === 0) return 'nothing'
      const { before, after } = chance.pick(history)
      // What a later batch has put there is of that one.
      const own = [...before].filter(([key]) => same(records.get(key), after.get(key)))
      putAll(records, new Map(own))
      return kind
    }
    case 'everything':
      records.clear()
      return kind
    default:
      return kind satisfies never
  }
}

function changed(value: Uint8Array, kind: 'flip' | 'cut' | 'zero', chance: Chance): Uint8Array {
  const copy = Uint8Array.from(value)
  const at = chance.whole(0, Math.max(copy.length - 1, 0))
  if (kind === 'cut') return copy.subarray(0, at)
  if (kind === 'zero') return copy.fill(0, at, at + chance.whole(1, 64))
  copy[at] = (copy[at] ?? 0) ^ (1 << chance.whole(0, 7))
  return copy
}

function putAll(records: Records, values: ReadonlyMap<string, Uint8Array | undefined>): void {
  for (const [key, value] of values) {
    if (value === undefined) records.delete(key)
    else records.set(key, value)
  }
}

const same = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0

const nameOf = (name: string): string => Buffer.from(name, 'latin1').toString('hex')

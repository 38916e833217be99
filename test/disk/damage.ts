// What may happen to bytes of a file. Pure but for `damageFile`, which changes the file in place: whoever has it open sees the change.
import { open } from 'node:fs/promises'
import type { Chance } from '../../src/sim/chance.ts'

export const damages = ['flip', 'zero', 'random', 'cut', 'drop', 'repeat'] as const
/**
 * flip     one bit is another
 * zero     the range is zeros
 * random   the range is noise
 * cut      the file ends within the range
 * drop     the range is gone, what followed moves up
 * repeat   the range stands there twice
 */
export type Damage = (typeof damages)[number]

/** Bytes of a file, the end not included. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** Damages all of the ranges, the last one first, so that those before it stay where they are. */
export function damaged(content: Buffer, ranges: readonly Range[], { damage, chance }: { damage: Damage; chance: Chance }): Buffer {
  return ranges.toSorted((a, b) => b.start - a.start).reduce((bytes, range) => damagedRange(bytes, range, { damage, chance }), content)
}

function damagedRange(content: Buffer, { start, end }: Range, { damage, chance }: { damage: Damage; chance: Chance }): Buffer {
  const [before, range, after] = [content.subarray(0, start), content.subarray(start, end), content.subarray(end)]
  switch (damage) {
    case 'flip':
      return Buffer.concat([before, flipped(range, chance), after])
    case 'zero':
      return Buffer.concat([before, Buffer.alloc(range.length), after])
    case 'random':
      return Buffer.concat([before, Buffer.from(Array.from(range, () => chance.whole(0, 255))), after])
    case 'cut':
      return content.subarray(0, chance.whole(start, Math.max(start, end - 1)))
    case 'drop':
      return Buffer.concat([before, after])
    case 'repeat':
      return Buffer.concat([before, range, range, after])
    default:
      return unreachable(damage)
  }
}

function flipped(range: Buffer, chance: Chance): Buffer {
  const bytes = Buffer.from(range)
  if (bytes.length === 0) return bytes
  const at = chance.whole(0, bytes.length - 1)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << chance.whole(0, 7))
  return bytes
}

/**
 * `change` gets what the file holds. Only what is different is written: what its owner writes meanwhile elsewhere in it stays.
 * Errors: those of the system.
 */
export async function damageFile(path: string, change: (content: Buffer) => Buffer): Promise<void> {
  const file = await open(path, 'r+')
  try {
    const before = await file.readFile()
    const after = change(before)
    const start = commonStart(before, after)
    const end = before.length === after.length ? lastDifference(before, after) : after.length
    if (end > start) await file.write(after, start, end - start, start)
    if (after.length < before.length) await file.truncate(after.length)
  } finally {
    await file.close()
  }
}

function commonStart(a: Buffer, b: Buffer): number {
  const end = Math.min(a.length, b.length)
  let at = 0
  while (at < end && a[at] === b[at]) at++
  return at
}

/** Of two of the same length: where what is different ends. */
function lastDifference(a: Buffer, b: Buffer): number {
  let end = a.length
  while (end > 0 && a[end - 1] === b[end - 1]) end--
  return end
}

function unreachable(damage: never): never {
  throw new Error(`no such damage: ${String(damage)}`)
}

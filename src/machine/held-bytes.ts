// Bytes as a table holds them. An array of bytes is three objects and a piece of memory elsewhere, which the garbage collector has to look after one
// by one: with a million of them everything stands still for half a second. A string of as many characters is one object without references.

import { BytesHash } from './bytes-hash.ts'
import { Slab } from './slab.ts'

/** Longer ones stay what they are: there cannot be so many of them. */
const heldMax = 1_024

const hasher = new BytesHash()

/** At most `heldMax` bytes, each as a character. */
export class HeldBytes {
  readonly text: string
  #low = 0
  #high = 0
  #isHashed = false

  /** `bytes`: the same, where they are at hand: their hash costs less than that of the text. */
  constructor(text: string, bytes?: Uint8Array) {
    this.text = text
    if (bytes !== undefined) {
      hasher.of(bytes)
      this.#keepHash()
    }
    Object.freeze(this)
  }

  /** Made once. Good until the next. */
  get hash(): Readonly<Pick<BytesHash, 'low' | 'high'>> {
    if (!this.#isHashed) {
      hasher.ofLatin1(this.text)
      this.#keepHash()
    }
    hasher.low = this.#low
    hasher.high = this.#high
    return hasher
  }

  #keepHash(): void {
    this.#low = hasher.low
    this.#high = hasher.high
    this.#isHashed = true
  }
}

/** Bytes that are held as a copy of their own, whoever has them. */
export const isHeldWhole = (value: unknown): value is Uint8Array => value instanceof Uint8Array && value.length <= heldMax

/** `value`, which is frozen, with its bytes held; or the same where there is nothing to hold. Not for one with records in it (`hasMap`). */
export function hold(value: unknown): unknown {
  // Of bytes within something else the digest takes the bytes.
  return isHeldWhole(value) ? new HeldBytes(latin1Of(value), value) : replaced(value, heldOf)
}

/** The same for many values of which few will change: their bytes are hashed when they do. */
export function holdAsTheyCome(value: unknown): unknown {
  return replaced(value, heldOf)
}

/** What handlers are given goes as soon as it came. */
const slab = new Slab()

/** The value again, with bytes that nobody else has; or the same where there are none. */
export function release(value: unknown): unknown {
  return replaced(value, ownOf)
}

/** The value again, to be looked at and forgotten: its bytes share their memory with other things. */
export function peek(value: unknown): unknown {
  return replaced(value, pooledOf)
}

function heldOf(value: object): unknown {
  if (!(value instanceof Uint8Array)) return undefined
  return value.length > heldMax ? value : new HeldBytes(latin1Of(value))
}

/** Of every `Buffer`, and for any array of bytes: `toString('latin1')` would need a `Buffer` made of it first. */
const { latin1Slice } = Buffer.prototype as unknown as { latin1Slice(this: Uint8Array, start: number, end: number): string }
const latin1Of = (bytes: Uint8Array): string => latin1Slice.call(bytes, 0, bytes.length)

function ownOf(value: object): unknown {
  if (value instanceof Uint8Array) return value.slice()
  return value instanceof HeldBytes ? slab.latin1(value.text) : undefined
}

function pooledOf(value: object): unknown {
  if (value instanceof HeldBytes) return Buffer.from(value.text, 'latin1')
  return value instanceof Uint8Array ? value : undefined
}

/** `leaf`: what stands for an object that is not looked into; `undefined`: it is. */
function replaced(value: unknown, leaf: (value: object) => unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const whole = leaf(value)
  if (whole !== undefined) return whole
  if (Array.isArray(value)) return replacedItems(value, leaf)
  const before = Object.entries(value)
  const after = before.map(([key, field]) => [key, replaced(field, leaf)] as const)
  return after.every(([, field], i) => field === before[i]?.[1]) ? value : Object.freeze(Object.fromEntries(after))
}

function replacedItems(value: readonly unknown[], leaf: (value: object) => unknown): unknown {
  const after = value.map((item) => replaced(item, leaf))
  return after.every((item, i) => item === value[i]) ? value : Object.freeze(after)
}

/** Whether there is a record inside a value. Bytes in it cannot be held: it is of a class of its own. */
export function hasMap(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false
  return value instanceof Map || Object.values(value).some(hasMap)
}

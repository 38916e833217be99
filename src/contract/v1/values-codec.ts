import { wireDepth } from '../../wire/value.ts'
import type { ValueCodec, Wire } from './descriptor.ts'
import { InvalidValue } from './values-invalid.ts'
import type { MaybeWire } from './values-read.ts'

/** For building what is read-only afterwards. */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Levels of arrays that a value may take on the wire: `wireDepthMax`, less what it is wrapped in. */
const valueDepthMax = 60
/** Levels of a recursive value while it is checked: below this the stack is safe, above it the wire could not hold it. */
const checkDepthMax = 64
let checkDepth = 0

/** The three functions of a type as the runtime wants them. */
export const codec = <T>(check: (value: unknown) => T, toWire: (value: T) => Wire, fromWire: (wire: MaybeWire) => T): ValueCodec<T> => ({
  check(value, at) {
    try {
      return check(value)
    } catch (error) {
      throw error instanceof InvalidValue ? error.from(at) : error
    }
  },
  toWire,
  fromWire(wire) {
    try {
      return fromWire(wire)
    } catch (error) {
      throw error instanceof InvalidValue ? error.from('value') : error
    }
  },
})

/** The same for a type that contains itself: what is too deep for the wire is refused by `check`. */
export const recursiveCodec = <T>(
  check: (value: unknown) => T,
  toWire: (value: T) => Wire,
  fromWire: (wire: MaybeWire) => T,
): ValueCodec<T> =>
  codec(
    (value) => {
      checkDepth = 0
      const checked = check(value)
      const depth = wireDepth(toWire(checked))
      if (depth > valueDepthMax) throw new InvalidValue('', tooDeep)
      return checked
    },
    toWire,
    fromWire,
  )

const tooDeep = `is nested more than ${valueDepthMax} levels deep`

/** One level of a recursive type: keeps the stack from overflowing. */
export function descend<T>(value: unknown, check: (value: unknown) => T): T {
  if (checkDepth >= checkDepthMax) throw new InvalidValue('', tooDeep)
  checkDepth++
  try {
    return check(value)
  } finally {
    checkDepth--
  }
}

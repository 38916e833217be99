// The inverse of `toWire`, in the pieces that emitted codecs are made of: strict about shape, blind to bounds. Nothing of the result is
// shared with the wire value.
import { bigintToBytes, bytesToBigint } from '../../wire/value-bigint.ts'
import type { Wire } from './descriptor.ts'
import { InvalidValue, refuse, show } from './values-invalid.ts'
import { byKey, frozenMap } from './values-map.ts'

type Key = string | number
/** A field of an array, as its index gives it. */
export type MaybeWire = Wire | undefined

export function readString(wire: MaybeWire, key: Key = ''): string {
  return typeof wire === 'string' ? wire : refuse(wire, key, 'a string')
}

export function readInteger(wire: MaybeWire, key: Key = ''): number {
  if (typeof wire !== 'number' || !Number.isSafeInteger(wire)) return refuse(wire, key, 'an integer of at most 2^53-1')
  return wire === 0 ? 0 : wire
}

export function readNumber(wire: MaybeWire, key: Key = ''): number {
  if (typeof wire !== 'number' || !Number.isFinite(wire)) return refuse(wire, key, 'a finite number')
  return wire === 0 ? 0 : wire
}

export function readBoolean(wire: MaybeWire, key: Key = ''): boolean {
  return typeof wire === 'boolean' ? wire : refuse(wire, key, 'a boolean')
}

export function readNull(wire: MaybeWire, key: Key = ''): null {
  return wire === null ? null : refuse(wire, key, 'null')
}

/** The reply of an operation without output: nil. */
export function readAbsent(wire: MaybeWire): undefined {
  if (wire !== null) throw new InvalidValue('', `is ${show(wire)}, nothing is expected`)
  return undefined
}

/** Not a copy: `unpackValue` made one, and whoever unpacked a value gives it up to what is read from it. */
export function readBytes(wire: MaybeWire, key: Key = ''): Uint8Array {
  return wire instanceof Uint8Array ? wire : refuse(wire, key, 'bytes')
}

export const writeBigint = bigintToBytes

export function readBigint(wire: MaybeWire, key: Key = ''): bigint {
  if (!(wire instanceof Uint8Array)) return refuse(wire, key, 'the bytes of a bigint')
  try {
    return bytesToBigint(wire)
  } catch {
    throw new InvalidValue(key, `has ${wire.length} bytes that are not the shortest form of a bigint`)
  }
}

export function readLiteral<const T extends string | number | boolean>(wire: MaybeWire, key: Key, values: readonly T[]): T {
  for (const known of values) if (known === wire) return known
  const list = values.map(show).join(', ')
  return refuse(wire, key, values.length === 1 ? list : `one of ${list}`)
}

export function readNullable<T>(wire: MaybeWire, key: Key, read: (wire: MaybeWire) => T): T | null {
  return wire === null ? null : readWithin(wire, key, read)
}

/** A value that may be absent, outside of an object. */
export const readOptional = <T>(wire: MaybeWire, read: (wire: MaybeWire) => T): T | undefined => (wire === null ? undefined : read(wire))

/** What a present optional is wrapped in, where its type admits null. */
export function readPresent(wire: MaybeWire, key: Key): MaybeWire {
  if (!Array.isArray(wire) || wire.length !== 1) return refuse(wire, key, 'an array of one')
  return wire[0]
}

export function readWithin<T>(wire: MaybeWire, key: Key, read: (wire: MaybeWire) => T): T {
  try {
    return read(wire)
  } catch (error) {
    throw error instanceof InvalidValue ? error.under(key) : error
  }
}

/** The fields of an object, or the items of a tuple: exactly `count`. */
export function readFields(wire: MaybeWire, count: number): readonly Wire[] {
  if (!isList(wire)) return refuse(wire, '', 'an array of fields')
  if (wire.length !== count) throw new InvalidValue('', `has ${wire.length} fields, ${count} are required`)
  return wire
}

export function readArray<T>(wire: MaybeWire, key: Key, read: (wire: MaybeWire) => T): readonly T[] {
  if (!isList(wire)) return refuse(wire, key, 'an array')
  const items: T[] = []
  let i = 0
  try {
    for (; i < wire.length; i++) items.push(read(wire[i]))
  } catch (error) {
    throw error instanceof InvalidValue ? error.under(i).under(key) : error
  }
  return Object.freeze(items)
}

/** Keys and values in turn, in key order. */
export function writeMap<K extends string | number, V>(map: ReadonlyMap<K, V>, toWire: (value: V) => Wire): Wire {
  const wire: Wire[] = []
  for (const [key, value] of map) wire.push(key, toWire(value))
  return wire
}

export function readMap<K extends string | number, V>(
  wire: MaybeWire,
  key: Key,
  readKey: (wire: MaybeWire) => K,
  readValue: (wire: MaybeWire) => V,
): ReadonlyMap<K, V> {
  if (!isList(wire) || wire.length % 2 !== 0) return refuse(wire, key, 'an array of keys and values')
  const entries: (readonly [K, V])[] = []
  try {
    for (let i = 0; i < wire.length; i += 2) {
      const next = [readKey(wire[i]), readValue(wire[i + 1])] as const
      const last = entries.at(-1)
      if (last !== undefined && byKey(last, next) >= 0) throw new InvalidValue('', `has the key ${show(next[0])} out of order`)
      entries.push(next)
    }
  } catch (error) {
    throw error instanceof InvalidValue ? error.under(key) : error
  }
  return frozenMap(entries)
}

/** The first item of a union or a reply. */
export function readTag(wire: MaybeWire): MaybeWire {
  return isList(wire) ? wire[0] : refuse(wire, '', 'an array that begins with a tag')
}

/** For values that are on the wire what they are in memory. */
export const asIs = <T extends Wire>(value: T): Wire => value

/** Refuses a tag that this version of the schema does not know. */
export function unknownTag(tag: MaybeWire): never {
  throw new InvalidValue('', `has the unknown tag ${show(tag)}`)
}

const isList = (value: unknown): value is readonly Wire[] => Array.isArray(value)

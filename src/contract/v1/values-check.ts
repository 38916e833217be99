// The checks that emitted codecs are made of. Each takes a value and the key it stands under, and returns it in its one canonical form.
import { ownBytes } from '../../machine/own-bytes.ts'
import { packValue } from '../../wire/value.ts'
import { isBigintInRange } from '../../wire/value-bigint.ts'
import type { Wire } from './descriptor.ts'
import { InvalidValue, refuse, show } from './values-invalid.ts'
import { byKey, frozenMap } from './values-map.ts'

type Key = string | number

interface WellFormed {
  isWellFormed(): boolean
}

/** Lengths count code points, as TypeBox does. Text with half a surrogate pair has no UTF-8 form and is refused. */
export function string(value: unknown, key: Key = '', minLength = 0, maxLength = Number.POSITIVE_INFINITY): string {
  if (typeof value !== 'string') return refuse(value, key, 'a string')
  // Standard since ES2024; every Node of `engines` has it, the types of es2023 do not.
  if (!(value as string & WellFormed).isWellFormed()) throw new InvalidValue(key, 'has half a surrogate pair in it')
  const units = value.length
  if (units > maxLength || units < minLength * 2) checkLength(value, key, minLength, maxLength)
  return value
}

function checkLength(value: string, key: Key, minLength: number, maxLength: number): void {
  const length = codePoints(value)
  const characters = length === 1 ? '1 character' : `${length} characters`
  if (length > maxLength) throw new InvalidValue(key, `has ${characters}, at most ${maxLength} are allowed`)
  if (length < minLength) throw new InvalidValue(key, `has ${characters}, at least ${minLength} ${minLength === 1 ? 'is' : 'are'} required`)
}

function codePoints(value: string): number {
  let count = 0
  for (let i = 0; i < value.length; i++) {
    if ((value.charCodeAt(i) & 0xfc00) !== 0xdc00) count++
  }
  return count
}

export function matches(value: string, key: Key, pattern: RegExp): string {
  if (!pattern.test(value)) throw new InvalidValue(key, `is ${show(value)}, which does not match ${pattern}`)
  return value
}

/** A safe integer; -0 becomes 0. */
export function integer(value: unknown, key: Key = '', minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isSafeInteger(value) || typeof value !== 'number') return refuse(value, key, 'an integer of at most 2^53-1')
  if (value < minimum) throw new InvalidValue(key, `is ${value}, at least ${minimum} is required`)
  if (value > maximum) throw new InvalidValue(key, `is ${value}, at most ${maximum} is allowed`)
  return value === 0 ? 0 : value
}

/** Finite; -0 becomes 0. */
export function number(value: unknown, key: Key = '', minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) return refuse(value, key, 'a finite number')
  if (value < minimum) throw new InvalidValue(key, `is ${value}, at least ${minimum} is required`)
  if (value > maximum) throw new InvalidValue(key, `is ${value}, at most ${maximum} is allowed`)
  return value === 0 ? 0 : value
}

export function above<T extends number | bigint>(value: T, key: Key, bound: T): T {
  if (value <= bound) throw new InvalidValue(key, `is ${value}, more than ${bound} is required`)
  return value
}

export function below<T extends number | bigint>(value: T, key: Key, bound: T): T {
  if (value >= bound) throw new InvalidValue(key, `is ${value}, less than ${bound} is required`)
  return value
}

/** To within 1e-10 where fractions are involved, as TypeBox does. */
export function multipleOf(value: number, key: Key, divisor: number): number {
  if (Number.isInteger(value) && (1 / divisor) % 1 === 0) return value
  const rest = value % divisor
  if (Math.min(Math.abs(rest), Math.abs(rest - divisor), Math.abs(rest + divisor)) < 1e-10) return value
  throw new InvalidValue(key, `is ${value}, a multiple of ${divisor} is required`)
}

/** At most 1 KiB in two's complement. */
export function bigint(value: unknown, key: Key = '', minimum?: bigint, maximum?: bigint): bigint {
  if (typeof value !== 'bigint') return refuse(value, key, 'a bigint')
  if (!isBigintInRange(value)) throw new InvalidValue(key, 'needs more than 1,024 bytes')
  if (minimum !== undefined && value < minimum) throw new InvalidValue(key, `is ${show(value)}, at least ${minimum}n is required`)
  if (maximum !== undefined && value > maximum) throw new InvalidValue(key, `is ${show(value)}, at most ${maximum}n is allowed`)
  return value
}

export function multipleOfBigint(value: bigint, key: Key, divisor: bigint): bigint {
  if (value % divisor !== 0n) throw new InvalidValue(key, `is ${show(value)}, a multiple of ${divisor}n is required`)
  return value
}

export function boolean(value: unknown, key: Key = ''): boolean {
  return typeof value === 'boolean' ? value : refuse(value, key, 'a boolean')
}

export function nothing(value: unknown, key: Key = ''): null {
  return value === null ? null : refuse(value, key, 'null')
}

/** The output of an operation that declares none: whatever the handler returns is dropped, as `void` says. */
export const absent = (_value: unknown): undefined => undefined

/** A value that may be absent, outside of an object. */
export const optional = <T>(value: unknown, check: (value: unknown) => T): T | undefined => (value === undefined ? undefined : check(value))

/** A copy. */
export function bytes(value: unknown, key: Key = '', minLength = 0, maxLength = Number.POSITIVE_INFINITY): Uint8Array {
  if (!(value instanceof Uint8Array)) return refuse(value, key, 'a Uint8Array')
  const { length } = value
  if (length > maxLength) throw new InvalidValue(key, `has ${length} bytes, at most ${maxLength} are allowed`)
  if (length < minLength) throw new InvalidValue(key, `has ${length} bytes, at least ${minLength} are required`)
  return ownBytes(value)
}

/** One of `values`. */
export function literal<const T extends string | number | boolean>(value: unknown, key: Key, values: readonly T[]): T {
  for (const known of values) if (known === value) return known
  const list = values.map(show).join(', ')
  return refuse(value, key, values.length === 1 ? list : `one of ${list}`)
}

export function nullable<T>(value: unknown, key: Key, check: (value: unknown) => T): T | null {
  if (value === null) return null
  try {
    return check(value)
  } catch (error) {
    throw error instanceof InvalidValue ? error.under(key) : error
  }
}

export type Fields<K extends string> = { readonly [P in K]?: unknown }

/** The own fields of an object that has no others than `isField` knows. `count` is how many it knows. */
export function object<K extends string>(value: unknown, isField: (key: string) => key is K, count: number): Fields<K> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array || value instanceof Map) {
    return refuse(value, '', 'an object')
  }
  const keys = Object.keys(value)
  for (const key of keys) {
    if (!isField(key)) throw new InvalidValue('', `has the unknown field ${show(key)}`)
  }
  // All there: reading them cannot meet an inherited one. Else what is absent must not be found on a prototype.
  return keys.length === count ? value : ownFields(value, keys)
}

function ownFields<K extends string>(value: object, keys: readonly string[]): Fields<K> {
  const own: Record<string, unknown> = Object.create(null)
  for (const key of keys) own[key] = Reflect.get(value, key)
  return own as Fields<K>
}

/** Of an object without fields. */
export const noFields = (_key: string): _key is never => false

/** What a handler of a command with declared errors returns. */
export function result(value: unknown): { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown } {
  if (typeof value === 'object' && value !== null && 'ok' in value) {
    if (value.ok === true) return { ok: true, value: 'value' in value ? value.value : undefined }
    if (value.ok === false && 'error' in value) return { ok: false, error: value.error }
  }
  return refuse(value, '', 'ok(...) or a declared error')
}

/** Refuses an error that the machine or this command does not declare. */
export function undeclared(code: unknown, declared: readonly string[]): never {
  throw new InvalidValue('error', `has the code ${show(code)}, this command declares ${declared.join(', ')}`)
}

/** The value of a discriminator, before anything else is known of `value`. */
export function discriminator(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(value, '', 'an object')
  return Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined
}

export function array<T>(
  value: unknown,
  key: Key,
  check: (item: unknown) => T,
  minItems = 0,
  maxItems = Number.POSITIVE_INFINITY,
): readonly T[] {
  if (!Array.isArray(value)) return refuse(value, key, 'an array')
  checkCount(value.length, key, 'item', minItems, maxItems)
  const items: T[] = []
  let i = 0
  try {
    for (; i < value.length; i++) items.push(check(value[i]))
  } catch (error) {
    throw error instanceof InvalidValue ? error.under(i).under(key) : error
  }
  return Object.freeze(items)
}

function checkCount(count: number, key: Key, what: string, min: number, max: number): void {
  const counted = count === 1 ? `1 ${what}` : `${count} ${what === 'entry' ? 'entries' : `${what}s`}`
  if (count > max) throw new InvalidValue(key, `has ${counted}, at most ${max} ${max === 1 ? 'is' : 'are'} allowed`)
  if (count < min) throw new InvalidValue(key, `has ${counted}, at least ${min} ${min === 1 ? 'is' : 'are'} required`)
}

/** No two items alike; `toWire` where they are not plain values. */
export function unique<T>(items: readonly T[], key: Key, toWire?: (item: T) => Wire): readonly T[] {
  const seen = new Set<unknown>()
  for (const [i, item] of items.entries()) {
    const id = toWire === undefined ? item : Buffer.from(packValue(toWire(item))).toString('latin1')
    if (seen.has(id)) throw new InvalidValue(i, `is ${show(item)}, as an item before it`).under(key)
    seen.add(id)
  }
  return items
}

/** Unlike `Array.isArray` it also narrows arrays that are read-only. */
export const isArray = (value: unknown): value is readonly unknown[] => Array.isArray(value)
/** Unlike `instanceof` it also narrows maps that are read-only. */
export const isMap = (value: unknown): value is ReadonlyMap<unknown, unknown> => value instanceof Map

/** The items of a tuple of exactly `count`. */
export function tuple(value: unknown, count: number): readonly unknown[] {
  if (!Array.isArray(value)) return refuse(value, '', 'an array')
  if (value.length !== count) throw new InvalidValue('', `has ${value.length} items, ${count} are required`)
  return value
}

/** A copy in key order. */
export function map<K extends string | number, V>(
  value: unknown,
  key: Key,
  checkKey: (key: unknown) => K,
  checkValue: (value: unknown) => V,
  minEntries = 0,
  maxEntries = Number.POSITIVE_INFINITY,
): ReadonlyMap<K, V> {
  if (!(value instanceof Map)) return refuse(value, key, 'a Map')
  checkCount(value.size, key, 'entry', minEntries, maxEntries)
  const entries: (readonly [K, V])[] = []
  for (const [entryKey, entryValue] of value) entries.push(entry(entryKey, entryValue, key, checkKey, checkValue))
  return frozenMap(entries.sort(byKey))
}

function entry<K extends string | number, V>(
  entryKey: unknown,
  entryValue: unknown,
  key: Key = '',
  checkKey: (key: unknown) => K,
  checkValue: (value: unknown) => V,
): readonly [K, V] {
  let checked: K
  try {
    checked = checkKey(entryKey)
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error
    throw new InvalidValue(key, `has the key ${show(entryKey)}, which ${error.problem}`)
  }
  try {
    return [checked, checkValue(entryValue)]
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error
    throw error.from(`[${JSON.stringify(checked)}]`).under(key)
  }
}

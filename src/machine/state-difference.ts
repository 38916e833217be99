// Where two states of one machine differ, in the words of its schema.
import type { Field, State } from './state.ts'

/** The first difference, as a sentence without its full stop: `state.leases["a"].token is 5 here and 6 there`. */
export function stateDifference<W>(here: State<W>, there: State<W>): string | undefined {
  for (const [i, field] of here.fields.entries()) {
    const found = fieldDifference(field, there.fields[i])
    if (found !== undefined) return found
  }
  return undefined
}

function fieldDifference<W>(here: Field<W>, there: Field<W> | undefined): string | undefined {
  const path = `state.${here.name}`
  if (here.kind === 'cell') return difference(path, here.cell.view(), there?.kind === 'cell' ? there.cell.view() : undefined)
  return there?.kind === 'table'
    ? entriesDifference(path, here.table.view().entries(), there.table.view().entries())
    : `${path} is not there`
}

type Entries = IterableIterator<readonly [unknown, unknown]>

/** Both in the order of their keys. */
function entriesDifference(path: string, here: Entries, there: Entries): string | undefined {
  for (;;) {
    const [a, b] = [here.next(), there.next()]
    if (a.done === true && b.done === true) return undefined
    const [at, theirs] = [a.done === true ? undefined : a.value, b.done === true ? undefined : b.value]
    if (at === undefined || theirs === undefined || at[0] !== theirs[0]) {
      const isHere = at !== undefined && (theirs === undefined || isBefore(at[0], theirs[0]))
      return `${path}[${word(isHere ? at[0] : theirs?.[0])}] is ${isHere ? 'here and not there' : 'there and not here'}`
    }
    const found = difference(`${path}[${word(at[0])}]`, at[1], theirs[1])
    if (found !== undefined) return found
  }
}

const isBefore = (a: unknown, b: unknown): boolean =>
  typeof a === 'string' && typeof b === 'string' ? a < b : typeof a === 'number' && typeof b === 'number' && a < b

function difference(path: string, here: unknown, there: unknown): string | undefined {
  if (Object.is(here, there)) return undefined
  if (here instanceof Uint8Array && there instanceof Uint8Array) {
    return here.length === there.length && here.every((byte, i) => byte === there[i]) ? undefined : said(path, here, there)
  }
  if (here instanceof Map && there instanceof Map) return entriesDifference(path, here.entries(), there.entries())
  if (Array.isArray(here) && Array.isArray(there)) {
    if (here.length !== there.length) return `${path} has ${here.length} items here and ${there.length} there`
    return firstOf(here.keys(), (i) => difference(`${path}[${i}]`, here[i], there[i]))
  }
  if (!isObject(here) || !isObject(there)) return said(path, here, there)
  const names = new Set([...Object.keys(here), ...Object.keys(there)])
  return firstOf(names, (name) => difference(`${path}.${name}`, Reflect.get(here, name), Reflect.get(there, name)))
}

function firstOf<T>(list: Iterable<T>, find: (item: T) => string | undefined): string | undefined {
  for (const item of list) {
    const found = find(item)
    if (found !== undefined) return found
  }
  return undefined
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null && !(value instanceof Uint8Array)

const said = (path: string, here: unknown, there: unknown): string => `${path} is ${word(here)} here and ${word(there)} there`

const wordCharactersMax = 80
const wordBytesMax = 16

function word(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof Uint8Array) return bytesWord(value)
  const text = JSON.stringify(value) ?? String(value)
  return text.length > wordCharactersMax ? `${text.slice(0, wordCharactersMax)}...` : text
}

function bytesWord(bytes: Uint8Array): string {
  const { length } = bytes
  const shown = Array.from(bytes.subarray(0, wordBytesMax), (byte) => byte.toString(16).padStart(2, '0')).join('')
  return `${length} ${length === 1 ? 'byte' : 'bytes'} (${shown}${length > wordBytesMax ? '...' : ''})`
}

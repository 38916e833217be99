// Where two states of one machine differ, in the words of its schema.
import { type Difference, differences, entryDifferences, named, placeText } from './differences.ts'
import type { Field, State } from './state.ts'

/** The first difference, as a sentence without its full stop: `state.leases["a"].token is 5 here and 6 there`. */
export function stateDifference<W>(here: State<W>, there: State<W>): string | undefined {
  for (const [i, field] of here.fields.entries()) {
    for (const found of fieldDifferences(field, there.fields[i])) return said(found)
  }
  return undefined
}

const root = named('state')

/** `there`: of the same machine, so of the same kind. */
function fieldDifferences<W>(here: Field<W>, there: Field<W> | undefined): Generator<Difference> {
  const place = named(here.name, root)
  if (here.kind === 'table' && there?.kind === 'table')
    return entryDifferences(place, here.table.view().entries(), there.table.view().entries())
  return differences(place, here.kind === 'cell' ? here.cell.view() : undefined, there?.kind === 'cell' ? there.cell.view() : undefined)
}

function said(found: Difference): string {
  const path = placeText(found.place, word)
  switch (found.kind) {
    case 'values':
      return `${path} is ${word(found.here)} here and ${word(found.there)} there`
    case 'lengths':
      return `${path} has ${found.here} items here and ${found.there} there`
    case 'onlyHere':
      return `${path} is here and not there`
    case 'onlyThere':
      return `${path} is there and not here`
  }
}

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

// What a comparison of two states has found, as lines of text and as one object.
import { type Difference, placeText } from '../machine/differences.ts'
import { machineText, type Pair, type Replica } from './snapshot-pair.ts'
import type { Comparison, Part } from './state-tally.ts'
import { counted } from './terminal.ts'
import { plainValue, valueText } from './value-text.ts'

interface Names {
  readonly a: string
  readonly b: string
}

export function comparisonLines(pair: Pair, { count, differences, parts }: Comparison): readonly string[] {
  const [{ dir: a, head }, { dir: b }] = pair
  const names = { a, b }
  const title = `${a} and ${b} after entry ${head.lastApplied.index}, ${machineText(head.machine)}`
  const left = count - differences.length
  const more = left === 0 ? [] : [`... and ${counted(left, 'more difference')}: --limit <n> prints more`]
  const found = [...differences.map((difference) => differenceLine(difference, names)), ...more]
  const width = Math.max(...parts.map((part) => nameOf(part).length)) + 2
  return [
    title,
    '',
    ...(found.length === 0 ? [] : [...found, '']),
    ...parts.map((part) => `${nameOf(part).padEnd(width)}${partText(part, names)}`),
    '',
    count === 0 ? 'The states are the same.' : `The states differ: ${counted(count, 'difference')}.`,
  ]
}

export function differenceLine(found: Difference, { a, b }: Names): string {
  const path = placeText(found.place, valueText)
  switch (found.kind) {
    case 'values':
      return `${path} is ${valueText(found.here)} in ${a} and ${valueText(found.there)} in ${b}`
    case 'lengths':
      return `${path} has ${counted(found.here, 'item')} in ${a} and ${found.there} in ${b}`
    case 'onlyHere':
      return `${path} is only in ${a}: ${valueText(found.value)}`
    case 'onlyThere':
      return `${path} is only in ${b}: ${valueText(found.value)}`
  }
}

const nameOf = ({ place }: Part): string => placeText(place, valueText)

function partText(part: Part, names: Names): string {
  switch (part.kind) {
    case 'value':
      return part.differs ? 'differs' : 'the same'
    case 'bytes':
      return `${sizesText(part, 'byte', names)}: ${part.firstDifference === undefined ? 'the same' : `they differ from byte ${part.firstDifference} on`}`
    case 'entries': {
      const { differing, onlyA, onlyB } = part
      const found = [
        ...(differing === 0 ? [] : [`${differing} ${differing === 1 ? 'differs' : 'differ'}`]),
        ...(onlyA === 0 ? [] : [`${onlyA} only in ${names.a}`]),
        ...(onlyB === 0 ? [] : [`${onlyB} only in ${names.b}`]),
      ]
      const noun = placeText(part.place, String) === 'sessions' ? 'session' : 'entry'
      return `${sizesText(part, noun, names)}: ${found.length === 0 ? 'the same' : found.join(', ')}`
    }
  }
}

function sizesText({ a, b }: { readonly a: number; readonly b: number }, noun: string, names: Names): string {
  const text = (count: number): string => (noun === 'entry' && count !== 1 ? `${count} entries` : counted(count, noun))
  return a === b ? text(a) : `${text(a)} in ${names.a}, ${b} in ${names.b}`
}

/** What a script gets. Public: fields are added, none goes. */
export function comparisonObject([a, b]: Pair, { count, differences, parts }: Comparison): object {
  const side = ({ dir, head, content }: Replica): object => ({ dir, snapshot: content.seen.path, term: head.lastApplied.term })
  return {
    ok: count === 0,
    index: a.head.lastApplied.index,
    machine: a.head.machine,
    a: side(a),
    b: side(b),
    count,
    differences: differences.map(differenceObject),
    parts: parts.map(({ place, ...part }) => ({ path: pathOf(place), ...part })),
  }
}

const pathOf = (place: Part['place']): string => placeText(place, (key) => JSON.stringify(key))

/** What is in one alone has no value in the other. */
export function differenceObject(found: Difference): object {
  const path = pathOf(found.place)
  switch (found.kind) {
    case 'values':
      return { path, a: plainValue(found.here), b: plainValue(found.there) }
    case 'lengths':
      return { path: `${path}.length`, a: found.here, b: found.there }
    case 'onlyHere':
      return { path, a: plainValue(found.value) }
    case 'onlyThere':
      return { path, b: plainValue(found.value) }
  }
}

// The state before the first command, as wire values.
import type { Wire } from '../src/contract/v1/descriptor.ts'
import type { DraftCell, DraftTable } from './draft.ts'
import type { Evaluator, FieldOrder, VariantTag } from './evaluate.ts'

export type Initial =
  | { readonly kind: 'table'; readonly entries: readonly (readonly [key: string | number, value: Wire])[] }
  | { readonly kind: 'cell'; readonly value: Wire }

/** Of one property. Throws `InvalidValue`, with a path inside the property. */
export function initialOf(
  property: DraftTable | DraftCell,
  initial: Readonly<Record<string, unknown>>,
  evaluator: Evaluator,
  order?: FieldOrder,
  tag?: VariantTag,
): Initial {
  if (property.kind === 'table') {
    const entries = [...initialRows(property, initial, evaluator)]
    return { kind: 'table', entries: entries.map(([key, value]) => [key, evaluator.toWire(property.value, value, order, tag)] as const) }
  }
  const given = ownOf(initial, property.name)
  const value = given ?? property.default
  if (value === undefined && property.optional) return { kind: 'cell', value: null }
  const wire = evaluator.toWire(property.type, evaluator.check(property.type, value), order, tag)
  return { kind: 'cell', value: property.optional && evaluator.admitsNull(property.type) ? [wire] : wire }
}

/** Of a table, as values. Throws `InvalidValue`. */
export function initialRows(
  { name, key, value }: DraftTable,
  initial: Readonly<Record<string, unknown>>,
  evaluator: Evaluator,
): ReadonlyMap<string | number, unknown> {
  const node = { kind: 'map', key, value, minEntries: undefined, maxEntries: undefined } as const
  const rows = evaluator.check(node, ownOf(initial, name) ?? {})
  return rows instanceof Map ? rows : new Map()
}

const ownOf = (initial: Readonly<Record<string, unknown>>, name: string): unknown =>
  Object.hasOwn(initial, name) ? initial[name] : undefined

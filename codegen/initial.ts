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
  const given = Object.hasOwn(initial, property.name) ? initial[property.name] : undefined
  if (property.kind === 'table') {
    const node = { kind: 'map', key: property.key, value: property.value, minEntries: undefined, maxEntries: undefined } as const
    const map = evaluator.check(node, given ?? {})
    const entries = map instanceof Map ? [...map] : []
    return { kind: 'table', entries: entries.map(([key, value]) => [key, evaluator.toWire(property.value, value, order, tag)] as const) }
  }
  const value = given ?? property.default
  if (value === undefined && property.optional) return { kind: 'cell', value: null }
  const wire = evaluator.toWire(property.type, evaluator.check(property.type, value), order, tag)
  return { kind: 'cell', value: property.optional && evaluator.admitsNull(property.type) ? [wire] : wire }
}

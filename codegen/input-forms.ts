// What a caller may leave out is optional for him and present in the log: such a type has two forms, `XInput` and `X`.
import { partsOf, reachable } from './build/recursion.ts'
import type { DraftType } from './draft.ts'
import type { TypeNode } from './model.ts'

/** Names of the types whose form for callers differs from that in the log, as far as inputs of operations use them. */
export function typesWithInputForm(types: ReadonlyMap<string, DraftType>, inputs: Iterable<string>): ReadonlySet<string> {
  const used = new Set<string>()
  for (const input of inputs) for (const name of [input, ...reachable(input, types)]) used.add(name)
  return new Set([...used].filter((name) => [name, ...reachable(name, types)].some((part) => hasDefaults(types.get(part)))))
}

const hasDefaults = (type: DraftType | undefined): boolean =>
  type?.kind === 'object' && type.fields.some((field) => field.presence === 'default')

/** Whether `node` mentions one of `names`. */
export function mentionsAny(node: TypeNode, names: ReadonlySet<string>): boolean {
  switch (node.kind) {
    case 'named':
      return names.has(node.name)
    case 'array':
      return mentionsAny(node.items, names)
    case 'tuple':
      return node.items.some((item) => mentionsAny(item, names))
    case 'map':
      return mentionsAny(node.value, names)
    case 'nullable':
      return mentionsAny(node.of, names)
    default:
      return false
  }
}

/** Whether any part of `type` mentions one of `names`. */
export const typeMentionsAny = (type: DraftType, names: ReadonlySet<string>): boolean =>
  partsOf(type).some((part) => mentionsAny(part, names))

// Types that contain themselves: which do, and whether a value of them can end.
import type { DraftType } from '../draft.ts'
import type { TypeNode } from '../model.ts'

/** Everything that `type` is made of. */
export function partsOf(type: DraftType): readonly TypeNode[] {
  switch (type.kind) {
    case 'object':
      return type.fields.map((field) => field.type)
    case 'union':
      return type.variants.map((variant) => variant.type)
    case 'alias':
      return [type.type]
  }
}

/** Names of the types that `node` mentions, not those that these mention. */
export function mentions(node: TypeNode): readonly string[] {
  switch (node.kind) {
    case 'named':
      return [node.name]
    case 'array':
      return mentions(node.items)
    case 'tuple':
      return node.items.flatMap(mentions)
    case 'map':
      return mentions(node.value)
    case 'nullable':
      return mentions(node.of)
    default:
      return []
  }
}

/** All types that can be reached from `name`, itself only if it contains itself. */
export function reachable(name: string, types: ReadonlyMap<string, DraftType>): ReadonlySet<string> {
  const found = new Set<string>()
  const visit = (type: DraftType | undefined): void => {
    for (const next of type === undefined ? [] : partsOf(type).flatMap(mentions)) {
      if (found.has(next)) continue
      found.add(next)
      visit(types.get(next))
    }
  }
  visit(types.get(name))
  return found
}

/** Names of the types no value of which can end: `Node` with a required `next: Node`. */
export function endless(types: ReadonlyMap<string, DraftType>): readonly string[] {
  const finite = new Set<string>()
  for (let before = -1; before < finite.size; ) {
    before = finite.size
    for (const [name, type] of types) if (canEnd(type, finite)) finite.add(name)
  }
  return [...types.keys()].filter((name) => !finite.has(name))
}

function canEnd(type: DraftType, finite: ReadonlySet<string>): boolean {
  switch (type.kind) {
    case 'object':
      return type.fields.every((field) => field.presence === 'optional' || nodeCanEnd(field.type, finite))
    case 'union':
      return type.variants.some((variant) => nodeCanEnd(variant.type, finite))
    case 'alias':
      return nodeCanEnd(type.type, finite)
  }
}

function nodeCanEnd(node: TypeNode, finite: ReadonlySet<string>): boolean {
  switch (node.kind) {
    case 'named':
      return finite.has(node.name)
    case 'array':
      return (node.minItems ?? 0) === 0 || nodeCanEnd(node.items, finite)
    case 'tuple':
      return node.items.every((item) => nodeCanEnd(item, finite))
    case 'map':
      return (node.minEntries ?? 0) === 0 || nodeCanEnd(node.value, finite)
    default:
      return true
  }
}

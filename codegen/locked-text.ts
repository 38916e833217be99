// Types as the wire lock writes them. A review reads it, and `parseLockedType` reads it back.
import type { KeyNode, TypeNode } from './model.ts'

/** All of a type: `string(maxLength 64, pattern "^a+$")`, `(string | null)[](maxItems 5)`. */
export const nodeText = (node: TypeNode | KeyNode): string => textOf(node, boundsText)

/** What is on the wire, not how it is bounded: `string`, `(string | null)[]`. The wire hash is of these. */
export const bareText = (node: TypeNode | KeyNode): string => textOf(node, () => '')

type BoundsText = (node: TypeNode | KeyNode) => string

function textOf(node: TypeNode | KeyNode, bounds: BoundsText): string {
  const inner = (part: TypeNode | KeyNode): string => textOf(part, bounds)
  switch (node.kind) {
    case 'named':
      return node.name
    case 'array': {
      const items = node.items.kind === 'nullable' || node.items.kind === 'literals' ? `(${inner(node.items)})` : inner(node.items)
      return `${items}[]${bounds(node)}`
    }
    case 'tuple':
      return `[${node.items.map(inner).join(', ')}]`
    case 'map':
      return `Map<${inner(node.key)}, ${inner(node.value)}>${bounds(node)}`
    case 'nullable':
      return `${inner(node.of)} | null`
    case 'literals':
      return node.values.map((value) => JSON.stringify(value)).join(' | ')
    default:
      return `${node.kind}${bounds(node)}`
  }
}

function boundsText(node: TypeNode | KeyNode): string {
  const bounds = boundsOf(node).map(({ name, value }) => (value === true ? name : `${name} ${boundText(value)}`))
  return bounds.length === 0 ? '' : `(${bounds.join(', ')})`
}

export type BoundValue = string | number | bigint | true
export interface Bound {
  readonly name: string
  readonly value: BoundValue
}

/** Of the node itself, not of what it is made of. The flags of a pattern are written where they are not those of text, `u`. */
export function boundsOf(node: TypeNode | KeyNode): readonly Bound[] {
  switch (node.kind) {
    case 'string':
      return given({
        minLength: node.minLength,
        maxLength: node.maxLength,
        pattern: node.pattern?.source,
        flags: node.pattern === undefined || node.pattern.flags === 'u' ? undefined : node.pattern.flags,
        format: node.format,
      })
    case 'integer':
    case 'bigint':
      return given({ minimum: node.minimum, maximum: node.maximum, multipleOf: node.multipleOf })
    case 'number': {
      const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = node
      return given({ minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf })
    }
    case 'bytes':
      return given({ minLength: node.minLength, maxLength: node.maxLength })
    case 'array':
      return given({ minItems: node.minItems, maxItems: node.maxItems, unique: node.unique ? true : undefined })
    case 'map':
      return given({ minEntries: node.minEntries, maxEntries: node.maxEntries })
    default:
      return []
  }
}

const given = (bounds: Readonly<Record<string, BoundValue | undefined>>): readonly Bound[] =>
  Object.entries(bounds).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]))

/** As it stands in the lock, and in messages. */
export const boundText = (value: BoundValue): string => (typeof value === 'bigint' ? String(value) : JSON.stringify(value))

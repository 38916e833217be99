// The wire lock: `<name>.wire.json`, committed beside the schema. It gives every operation, error and variant its tag and every field its
// place, and keeps them: a tag belongs to a name for good, also when the name is gone for a while.
import { createHash } from 'node:crypto'
import type { Wire } from '../src/contract/v1/descriptor.ts'
import type { Draft, DraftField, DraftType, DraftVariant } from './draft.ts'
import type { Evaluator } from './evaluate.ts'
import type { KeyNode, TypeNode } from './model.ts'

export interface LockedField {
  readonly name: string
  readonly type: string
  readonly optional?: true
  /** As it is on the wire; bytes in hexadecimal. */
  readonly default?: unknown
}
export interface LockedOperation {
  readonly tag: number
  readonly input: string
  readonly output?: string
  readonly errors?: readonly string[]
}
export interface LockedError {
  readonly tag: number
  readonly fields: readonly LockedField[]
}
export type LockedType =
  | { readonly fields: readonly LockedField[] }
  | { readonly variants: readonly { readonly tag: number; readonly key: string; readonly type: string }[] }
  | { readonly is: string }
type Tags = Readonly<Record<string, number>>
export interface LockedVersion {
  readonly status: 'open' | 'frozen'
  readonly wire: string
  readonly commands: Readonly<Record<string, LockedOperation>>
  readonly queries: Readonly<Record<string, LockedOperation>>
  readonly errors: Readonly<Record<string, LockedError>>
  readonly state: readonly LockedField[]
  readonly types: Readonly<Record<string, LockedType>>
  /** Tags of what is gone: never given to another name. */
  readonly retired: {
    readonly commands: Tags
    readonly queries: Tags
    readonly errors: Tags
    readonly variants: Readonly<Record<string, Tags>>
  }
}
export interface Lock {
  /** Format of this file. */
  readonly lock: 1
  readonly machine: string
  readonly versions: Readonly<Record<string, LockedVersion>>
}

/** What this version of the schema looks like, with the tags and the order that `base` gives. */
export function lockVersion(draft: Draft, base: LockedVersion | undefined, evaluator: Evaluator): LockedVersion {
  const commands = tagged(draft.commands, base?.commands, base?.retired.commands)
  const queries = tagged(draft.queries, base?.queries, base?.retired.queries)
  const errors = tagged(draft.errors, base?.errors, base?.retired.errors)
  const unions = variantTags(draft, base)
  const content = {
    commands: mapped(draft.commands, (operation) => operationOf(operation, commands.tags)),
    queries: mapped(draft.queries, (operation) => operationOf(operation, queries.tags)),
    errors: mapped(draft.errors, (error) => ({
      tag: commandsTag(errors.tags, error.name),
      fields: fieldsOf(inOrder(error.fields, fieldNames(base?.errors[error.name]?.fields)), evaluator),
    })),
    state: stateOf(draft, base),
    types: Object.fromEntries([...draft.types].map(([name, type]) => [name, typeOf(type, base?.types[name], unions, evaluator)])),
  }
  const retired = { commands: commands.retired, queries: queries.retired, errors: errors.retired, variants: unions.retired }
  return { status: 'open', wire: wireHash(draft, content), ...content, retired }
}

interface Given {
  readonly tags: ReadonlyMap<string, number>
  readonly retired: Tags
}

/** Known names keep their tags, new ones follow after the largest ever given. */
function tagged(
  items: readonly { readonly name: string }[],
  base: Readonly<Record<string, { readonly tag: number }>> | undefined,
  retired: Tags | undefined,
): Given {
  const known = new Map<string, number>(Object.entries(retired ?? {}))
  for (const [name, { tag }] of Object.entries(base ?? {})) known.set(name, tag)
  let last = Math.max(0, ...known.values())
  const tags = new Map(items.map(({ name }) => [name, known.get(name) ?? ++last]))
  const gone = [...known].filter(([name]) => !tags.has(name)).sort(([, a], [, b]) => a - b)
  return { tags, retired: Object.fromEntries(gone) }
}

const commandsTag = (tags: ReadonlyMap<string, number>, name: string): number => tags.get(name) ?? 0
const mapped = <T extends { readonly name: string }, R>(items: readonly T[], map: (item: T) => R): Readonly<Record<string, R>> =>
  Object.fromEntries(items.map((item) => [item.name, map(item)]))

function operationOf(operation: Draft['commands'][number], tags: ReadonlyMap<string, number>): LockedOperation {
  return {
    tag: commandsTag(tags, operation.name),
    input: operation.input,
    ...(operation.output === undefined ? {} : { output: nodeText(operation.output) }),
    ...(operation.errors.length === 0 ? {} : { errors: operation.errors }),
  }
}

interface UnionTags {
  readonly tags: ReadonlyMap<string, ReadonlyMap<string, number>>
  readonly retired: Readonly<Record<string, Tags>>
}

function variantTags(draft: Draft, base: LockedVersion | undefined): UnionTags {
  const tags = new Map<string, ReadonlyMap<string, number>>()
  const retired = new Map(Object.entries(base?.retired.variants ?? {}))
  for (const [name, type] of draft.types) {
    if (type.kind !== 'union') continue
    const locked = base?.types[name]
    const known =
      locked !== undefined && 'variants' in locked ? Object.fromEntries(locked.variants.map(({ key, tag }) => [key, { tag }])) : undefined
    const given = tagged(
      type.variants.map(({ key }) => ({ name: key })),
      known,
      retired.get(name),
    )
    tags.set(name, given.tags)
    if (Object.keys(given.retired).length > 0) retired.set(name, given.retired)
    else retired.delete(name)
  }
  for (const [name, type] of Object.entries(base?.types ?? {})) {
    if ('variants' in type && !tags.has(name)) retired.set(name, Object.fromEntries(type.variants.map(({ key, tag }) => [key, tag])))
  }
  return { tags, retired: Object.fromEntries(retired) }
}

/** Known names first, in their old order; new ones after them, as the schema has them. */
function inOrder<T extends { readonly name: string }>(items: readonly T[], before: readonly string[]): readonly T[] {
  const rank = new Map(before.map((name, i) => [name, i]))
  return items.toSorted((a, b) => (rank.get(a.name) ?? before.length) - (rank.get(b.name) ?? before.length))
}
const fieldNames = (fields: readonly LockedField[] | undefined): readonly string[] => (fields ?? []).map((field) => field.name)

function fieldsOf(fields: readonly DraftField[], evaluator: Evaluator): readonly LockedField[] {
  return fields.map((field) => ({
    name: field.name,
    type: nodeText(field.type),
    ...(field.presence === 'optional' ? { optional: true } : {}),
    ...(field.presence === 'default' ? { default: plain(evaluator.toWire(field.type, field.default)) } : {}),
  }))
}

/** Of a default: what JSON can hold. */
function plain(wire: Wire): unknown {
  if (wire instanceof Uint8Array) return { bytes: Buffer.from(wire).toString('hex') }
  return Array.isArray(wire) ? wire.map(plain) : wire
}

function stateOf(draft: Draft, base: LockedVersion | undefined): readonly LockedField[] {
  return inOrder(draft.state, fieldNames(base?.state)).map((property) =>
    property.kind === 'table'
      ? { name: property.name, type: `Table<${nodeText(property.key)}, ${nodeText(property.value)}>` }
      : { name: property.name, type: nodeText(property.type), ...(property.optional ? { optional: true } : {}) },
  )
}

function typeOf(type: DraftType, base: LockedType | undefined, unions: UnionTags, evaluator: Evaluator): LockedType {
  switch (type.kind) {
    case 'alias':
      return { is: nodeText(type.type) }
    case 'object': {
      const before = base !== undefined && 'fields' in base ? fieldNames(base.fields) : []
      return { fields: fieldsOf(inOrder(type.fields, before), evaluator) }
    }
    case 'union': {
      const tags = unions.tags.get(type.name)
      const variants = type.variants.map((variant) => ({ tag: variantTag(tags, variant), key: variant.key, type: nodeText(variant.type) }))
      return { variants: variants.toSorted((a, b) => a.tag - b.tag) }
    }
  }
}

const variantTag = (tags: ReadonlyMap<string, number> | undefined, variant: DraftVariant): number => tags?.get(variant.key) ?? 0

/** A node as the lock writes it: what is on the wire, not how it is bounded. */
export function nodeText(node: TypeNode | KeyNode): string {
  switch (node.kind) {
    case 'named':
      return node.name
    case 'array':
      return node.items.kind === 'nullable' || node.items.kind === 'literals' ? `(${nodeText(node.items)})[]` : `${nodeText(node.items)}[]`
    case 'tuple':
      return `[${node.items.map(nodeText).join(', ')}]`
    case 'map':
      return `Map<${nodeText(node.key)}, ${nodeText(node.value)}>`
    case 'nullable':
      return `${nodeText(node.of)} | null`
    case 'literals':
      return node.values.map((value) => JSON.stringify(value)).join(' | ')
    default:
      return node.kind
  }
}

/** Of all that decides what bytes mean. Names of types, defaults and bounds do not; types are numbered as they come up. */
function wireHash(draft: Draft, content: Pick<LockedVersion, 'commands' | 'queries' | 'errors' | 'state' | 'types'>): string {
  const numbers = new Map<string, number>()
  const queue: string[] = []
  const numbered = (text: string): string =>
    text.replace(/"(?:[^"\\]|\\.)*"|[\p{ID_Start}$_][\p{ID_Continue}$]*/gu, (word) => {
      if (!Object.hasOwn(content.types, word)) return word
      if (!numbers.has(word)) {
        numbers.set(word, numbers.size + 1)
        queue.push(word)
      }
      return `#${numbers.get(word)}`
    })
  const fields = (list: readonly LockedField[]): unknown =>
    list.map(({ name, type, optional }) => [name, numbered(type), optional === true])
  const byTag = (operations: LockedVersion['commands']): unknown =>
    Object.entries(operations)
      .sort(([, a], [, b]) => a.tag - b.tag)
      .map(([name, { tag, input, output, errors }]) => [
        tag,
        name,
        numbered(input),
        output === undefined ? null : numbered(output),
        [...(errors ?? [])].sort(),
      ])
  const parts: unknown[] = [draft.name, draft.version, byTag(content.commands), byTag(content.queries)]
  const errors = Object.entries(content.errors).sort(([, a], [, b]) => a.tag - b.tag)
  parts.push(
    errors.map(([name, error]) => [error.tag, name, fields(error.fields)]),
    fields(content.state),
  )
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    const type = content.types[name]
    if (type === undefined) continue
    if ('fields' in type) parts.push(fields(type.fields))
    else if ('is' in type) parts.push(numbered(type.is))
    else parts.push(type.variants.map((variant) => [variant.tag, numbered(variant.type)]))
  }
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16)
}

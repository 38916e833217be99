// One version of a schema as the wire lock holds it.
import type { Wire } from '../src/contract/v1/descriptor.ts'
import type { Draft, DraftError, DraftField, DraftObject, DraftOperation, DraftType } from './draft.ts'
import type { Evaluator, FieldOrder, VariantTag } from './evaluate.ts'
import { initialOf } from './initial.ts'
import type { LockedError, LockedField, LockedOperation, LockedProperty, LockedType, LockedVersion } from './lock.ts'
import { fieldNames, inOrder, type Renamed, renamedFrom, type Tags, tagged, type UnionTags, variantTag, variantTags } from './lock-tags.ts'
import { bareText, nodeText } from './locked-text.ts'
import type { KeyNode, TypeNode } from './model.ts'
import { wireHash } from './wire-hash.ts'

export interface LockBase {
  /** Whose tags and order are kept: the latest version there is. */
  readonly base: LockedVersion | undefined
  /** The one before this: what renames are told of. */
  readonly previous: LockedVersion | undefined
  /** This version, where it is frozen: its renames stay, whether the schema still tells them or not. */
  readonly frozen: LockedVersion | undefined
}

/** What this version of the schema looks like, with the tags and the order that `base` gives. */
export function lockVersion(draft: Draft, { base, previous, frozen }: LockBase, evaluator: Evaluator): LockedVersion {
  const commands = tagged(draft.commands, base?.commands, base?.retired.commands)
  const queries = tagged(draft.queries, base?.queries, base?.retired.queries)
  const errors = tagged(draft.errors, base?.errors, base?.retired.errors)
  const unions = variantTags(draft, base)
  const contentWith = (text: (node: TypeNode | KeyNode) => string) => {
    const writer = new LockWriter(draft, { base, previous, frozen }, { evaluator, unions, text })
    return {
      commands: mapped(draft.commands, (command) => writer.operation(command, commands.tags, 'commands')),
      queries: mapped(draft.queries, (query) => writer.operation(query, queries.tags, 'queries')),
      errors: mapped(draft.errors, (error) => writer.error(error, errors.tags)),
      state: writer.state(),
      types: Object.fromEntries([...draft.types].map(([name, type]) => [name, writer.type(type)])),
    }
  }
  const retired = { commands: commands.retired, queries: queries.retired, errors: errors.retired, variants: unions.retired }
  const wire = wireHash({ machine: draft.name, version: draft.version, ...contentWith(bareText) })
  return { status: 'open', wire, ...contentWith(nodeText), retired }
}

const mapped = <T extends { readonly name: string }, R>(items: readonly T[], map: (item: T) => R): Readonly<Record<string, R>> =>
  Object.fromEntries(items.map((item) => [item.name, map(item)]))

interface WriterParts {
  readonly evaluator: Evaluator
  readonly unions: UnionTags
  readonly text: (node: TypeNode | KeyNode) => string
}

class LockWriter {
  readonly #draft: Draft
  readonly #base: LockedVersion | undefined
  readonly #previous: LockedVersion | undefined
  readonly #frozen: LockedVersion | undefined
  readonly #parts: WriterParts

  constructor(draft: Draft, { base, previous, frozen }: LockBase, parts: WriterParts) {
    this.#draft = draft
    this.#base = base
    this.#previous = previous
    this.#frozen = frozen
    this.#parts = parts
  }

  operation(operation: DraftOperation, tags: Tags, list: 'commands' | 'queries'): LockedOperation {
    const { output, errors } = operation
    return {
      tag: tags.get(operation.name) ?? 0,
      ...wasOf(operation, Object.keys(this.#previous?.[list] ?? {}), this.#frozen?.[list][operation.name]),
      input: operation.input,
      ...(output === undefined ? {} : { output: this.#parts.text(output) }),
      ...(errors.length === 0 ? {} : { errors }),
    }
  }

  error(error: DraftError, tags: Tags): LockedError {
    const was = wasOf(error, Object.keys(this.#previous?.errors ?? {}), this.#frozen?.errors[error.name])
    const known = (version: LockedVersion | undefined, former: string | undefined): readonly string[] =>
      fieldNames((version?.errors[error.name] ?? version?.errors[former ?? ''])?.fields)
    const fields = inOrder(error.fields, known(this.#base, error.was))
    return {
      tag: tags.get(error.name) ?? 0,
      ...was,
      fields: this.#fields(fields, known(this.#previous, was.was), this.#frozen?.errors[error.name]?.fields),
    }
  }

  state(): readonly LockedProperty[] {
    const before = fieldNames(this.#previous?.state)
    return inOrder(this.#draft.state, fieldNames(this.#base?.state)).map((property) => {
      const { name } = property
      const { text } = this.#parts
      const type = property.kind === 'table' ? `Table<${text(property.key)}, ${text(property.value)}>` : text(property.type)
      const optional = property.kind === 'cell' && property.optional ? { optional: true as const } : {}
      return { name, ...wasOf(property, before, named(this.#frozen?.state, name)), type, ...optional, ...this.#initial(property) }
    })
  }

  #initial(property: Draft['state'][number]): { readonly initial?: unknown } {
    const initial = initialOf(property, this.#draft.initial, this.#parts.evaluator, this.#order, this.#tag)
    if (initial.kind === 'cell') return initial.value === null ? {} : { initial: jsonOf(initial.value) }
    return initial.entries.length === 0 ? {} : { initial: initial.entries.map(([key, value]) => [key, jsonOf(value)]) }
  }

  type(type: DraftType): LockedType {
    const { text, unions } = this.#parts
    switch (type.kind) {
      case 'alias':
        return { is: text(type.type) }
      case 'object':
        return this.#object(type)
      case 'union': {
        const { discriminator } = type
        const tags = unions.tags.get(type.name)
        const variants = type.variants.map((variant) => ({ tag: variantTag(tags, variant), key: variant.key, type: text(variant.type) }))
        return { ...(discriminator === undefined ? {} : { discriminator }), variants: variants.toSorted((a, b) => a.tag - b.tag) }
      }
    }
  }

  #object({ name, fields }: DraftObject): LockedType {
    const before = fieldNames(typeFields(this.#previous, name))
    return { fields: this.#fields(this.#order(name, fields), before, typeFields(this.#frozen, name)) }
  }

  #fields(fields: readonly DraftField[], before: readonly string[], frozen: readonly LockedField[] | undefined): readonly LockedField[] {
    const { evaluator, text } = this.#parts
    return fields.map((field) => {
      const { name, type, presence } = field
      const start = { name, ...wasOf(field, before, named(frozen, name)), type: text(type) }
      if (presence === 'optional') return { ...start, optional: true }
      if (presence === 'required') return start
      return { ...start, default: jsonOf(evaluator.toWire(type, evaluator.check(type, field.default), this.#order, this.#tag)) }
    })
  }

  readonly #order: FieldOrder = (name, fields) => inOrder(fields, fieldNames(typeFields(this.#base, name)))
  readonly #tag: VariantTag = (name, variant) => variantTag(this.#parts.unions.tags.get(name), variant)
}

const typeFields = (version: LockedVersion | undefined, name: string): readonly LockedField[] => {
  const type = version?.types[name]
  return type !== undefined && 'fields' in type ? type.fields : []
}
const named = (fields: readonly LockedField[] | undefined, name: string): LockedField | undefined =>
  fields?.find((field) => field.name === name)

interface Former {
  readonly was?: string
}

function wasOf(item: Renamed, before: readonly string[], frozen: Former | undefined): Former {
  if (frozen !== undefined) return frozen.was === undefined ? {} : { was: frozen.was }
  const was = renamedFrom(item, before)
  return was === undefined ? {} : { was }
}

/** What JSON can hold of it. */
export function jsonOf(wire: Wire): unknown {
  if (wire instanceof Uint8Array) return { bytes: Buffer.from(wire).toString('hex') }
  return Array.isArray(wire) ? wire.map(jsonOf) : wire
}

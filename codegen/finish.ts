// A draft and the lock make the model.
import type { Draft, DraftField, DraftOperation, DraftType, DraftVariant } from './draft.ts'
import type { Evaluator, FieldOrder, VariantTag } from './evaluate.ts'
import { initialOf } from './initial.ts'
import type { LockedField, LockedOperation, LockedVersion } from './lock.ts'
import { operationConstant } from './machine-names.ts'
import type { Field, Model, NamedType, OperationModel, StateProperty } from './model.ts'
import { camelCase, propertyName } from './names.ts'

/** The draft is known to be without errors. */
export function finish(draft: Draft, version: LockedVersion, evaluator: Evaluator): Model {
  const order: FieldOrder = (name, fields) => {
    const locked = version.types[name]
    return inLockOrder(fields, locked !== undefined && 'fields' in locked ? locked.fields : [])
  }
  const tag: VariantTag = (name, variant) => tagOf(version, name, variant)
  const commands = draft.commands.map((operation) => operationOf(operation, version.commands[operation.name]))
  const queries = draft.queries.map((operation) => operationOf(operation, version.queries[operation.name]))
  const state = inLockOrder(draft.state, version.state)
  return {
    name: draft.name,
    version: draft.version,
    wire: version.wire,
    open: version.status === 'open',
    docs: draft.docs,
    names: draft.names,
    types: new Map([...draft.types].map(([name, type]) => [name, typeOf(type, version, evaluator)])),
    state: state.map((property) => stateOf(property, { draft, version, evaluator, order, tag })),
    errors: draft.errors.map((error) => {
      const locked = version.errors[error.name]
      return { ...error, tag: locked?.tag ?? 0, was: locked?.was, fields: fieldsOf(error.fields, locked?.fields ?? [], evaluator) }
    }),
    commands,
    queries,
    operations: [...commands, ...queries].map(({ name, handlerKey, kind, docs }) => ({ name, handlerKey, kind, docs })),
  }
}

function operationOf({ name, kind, docs, input, output, errors }: DraftOperation, locked: LockedOperation | undefined): OperationModel {
  const names = { handlerKey: propertyName(name), method: camelCase(name), constant: operationConstant(name, kind) }
  return { name, kind, docs, tag: locked?.tag ?? 0, was: locked?.was, ...names, input, output, errors }
}

const inLockOrder = <T extends { readonly name: string }>(items: readonly T[], locked: readonly LockedField[]): readonly T[] =>
  items.toSorted((a, b) => locked.findIndex(({ name }) => name === a.name) - locked.findIndex(({ name }) => name === b.name))

const tagOf = (version: LockedVersion, name: string, variant: DraftVariant): number => {
  const locked = version.types[name]
  return locked !== undefined && 'variants' in locked ? (locked.variants.find(({ key }) => key === variant.key)?.tag ?? 0) : 0
}

function typeOf(type: DraftType, version: LockedVersion, evaluator: Evaluator): NamedType {
  switch (type.kind) {
    case 'alias':
      return type
    case 'union':
      return { ...type, variants: type.variants.map((variant) => ({ ...variant, tag: tagOf(version, type.name, variant) })) }
    case 'object': {
      const locked = version.types[type.name]
      return { ...type, fields: fieldsOf(type.fields, locked !== undefined && 'fields' in locked ? locked.fields : [], evaluator) }
    }
  }
}

function fieldsOf(fields: readonly DraftField[], locked: readonly LockedField[], evaluator: Evaluator): readonly Field[] {
  return fields.map((field) => {
    const position = locked.findIndex(({ name }) => name === field.name)
    const fallback = field.presence === 'default' ? evaluator.check(field.type, field.default) : undefined
    return { ...field, was: locked[position]?.was, default: fallback, position }
  })
}

interface StateParts {
  readonly draft: Draft
  readonly version: LockedVersion
  readonly evaluator: Evaluator
  readonly order: FieldOrder
  readonly tag: VariantTag
}

function stateOf(property: Draft['state'][number], { draft, version, evaluator, order, tag }: StateParts): StateProperty {
  const initial = initialOf(property, draft.initial, evaluator, order, tag)
  const { name, docs } = property
  const was = version.state.find((locked) => locked.name === name)?.was
  if (property.kind === 'table') return { ...property, was, initial: initial.kind === 'table' ? initial.entries : [] }
  const { type, optional } = property
  return { kind: 'cell', name, was, docs, type, optional, initial: initial.kind === 'cell' ? initial.value : null }
}

// A draft and the lock make the model.
import type { Draft, DraftField, DraftOperation, DraftType, DraftVariant } from './draft.ts'
import type { Evaluator, FieldOrder, VariantTag } from './evaluate.ts'
import { initialOf } from './initial.ts'
import type { LockedField, LockedVersion } from './lock.ts'
import type { Field, Model, NamedType, OperationModel, StateProperty } from './model.ts'
import { camelCase, lowerFirst, pascalCase, propertyName } from './names.ts'

/** The draft is known to be without errors. */
export function finish(draft: Draft, version: LockedVersion, evaluator: Evaluator): Model {
  const order: FieldOrder = (name, fields) => {
    const locked = version.types[name]
    return inLockOrder(fields, locked !== undefined && 'fields' in locked ? locked.fields : [])
  }
  const tag: VariantTag = (name, variant) => tagOf(version, name, variant)
  const commands = draft.commands.map((operation) => operationOf(operation, version.commands[operation.name]?.tag ?? 0))
  const queries = draft.queries.map((operation) => operationOf(operation, version.queries[operation.name]?.tag ?? 0))
  const state = inLockOrder(draft.state, version.state)
  return {
    name: draft.name,
    version: draft.version,
    wire: version.wire,
    open: version.status === 'open',
    docs: draft.docs,
    names: draft.names,
    types: new Map([...draft.types].map(([name, type]) => [name, typeOf(type, version, evaluator)])),
    state: state.map((property) => stateOf(property, draft, evaluator, order, tag)),
    errors: draft.errors.map((error) => {
      const locked = version.errors[error.name]
      return { ...error, tag: locked?.tag ?? 0, fields: fieldsOf(error.fields, locked?.fields ?? [], evaluator) }
    }),
    commands,
    queries,
    operations: [...commands, ...queries].map(({ name, handlerKey, kind, docs }) => ({ name, handlerKey, kind, docs })),
  }
}

function operationOf({ name, kind, docs, input, output, errors }: DraftOperation, tag: number): OperationModel {
  const constant = `${lowerFirst(pascalCase(name))}${kind === 'command' ? 'Command' : 'Query'}`
  return { name, handlerKey: propertyName(name), kind, docs, tag, method: camelCase(name), constant, input, output, errors }
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
  return fields.map((field) => ({
    ...field,
    default: field.presence === 'default' ? evaluator.check(field.type, field.default) : undefined,
    position: locked.findIndex(({ name }) => name === field.name),
  }))
}

function stateOf(property: Draft['state'][number], draft: Draft, evaluator: Evaluator, order: FieldOrder, tag: VariantTag): StateProperty {
  const initial = initialOf(property, draft.initial, evaluator, order, tag)
  const { name, docs } = property
  if (property.kind === 'table') return { ...property, initial: initial.kind === 'table' ? initial.entries : [] }
  const { type, optional } = property
  return { kind: 'cell', name, docs, type, optional, initial: initial.kind === 'cell' ? initial.value : null }
}

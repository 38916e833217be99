import type {
  AliasType,
  Field,
  IndexFieldModel,
  Model,
  NamedType,
  ObjectType,
  OperationModel,
  StateProperty,
  TableModel,
  UnionType,
} from '../model.ts'
import { isDeclarable, propertyName, signatureName } from '../names.ts'
import { type RetiredOperation, retiredOperations } from '../retired-operations.ts'
import { docLines, Module } from './module.ts'
import { type Form, TypeText } from './type-text.ts'

/** Versions that the same handlers serve, and where what is emitted of them is: `v1/types`. */
export interface Served {
  readonly older: readonly Model[]
  folderOf(version: number): string
}

/** `types.ts`: what is stored, sent and answered; the state; what handlers there must be. */
export function emitTypes(model: Model, served: Served, extension: string): Module {
  const module = new Module('types', extension)
  const text = new TypeText(model, (name) => name)
  const inputs = new Set([...model.commands, ...model.queries].map(({ input }) => input))
  for (const type of model.types.values()) {
    const twofold = text.twofold.has(type.name)
    if (twofold) module.add(...declaration(type, 'input', text, inputDocs(type, model)))
    module.add(
      ...declaration(
        type,
        'log',
        text,
        type.docs ??
          (twofold && inputs.has(type.name) ? `What the log holds: \`${type.name}Input\` with its defaults filled in.` : undefined),
      ),
    )
    if (!twofold && inputs.has(type.name)) module.line(`export type ${type.name}Input = ${type.name}`)
  }
  addState(module, model, text)
  addHandlers(module, model, served, text)
  return module
}

function inputDocs(type: NamedType, model: Model): string {
  const users = [...model.commands, ...model.queries].filter(({ input }) => input === type.name).map(({ name }) => `\`${name}\``)
  return users.length === 0
    ? `What a caller gives for \`${type.name}\`: defaults may be left out.`
    : `What the caller gives to ${users.join(' and ')}.`
}

function declaration(type: NamedType, form: Form, text: TypeText, docs: string | undefined): readonly string[] {
  const name = form === 'input' ? `${type.name}Input` : type.name
  switch (type.kind) {
    case 'object':
      return objectDeclaration(type, name, form, text, docs)
    case 'union':
      return unionDeclaration(type, name, form, text, docs)
    case 'alias':
      return aliasDeclaration(type, name, form, text, docs)
  }
}

function objectDeclaration(type: ObjectType, name: string, form: Form, text: TypeText, docs: string | undefined): readonly string[] {
  if (type.fields.length === 0) return [...docLines(docs), `export type ${name} = Readonly<Record<string, never>>`]
  return [...docLines(docs), `export interface ${name} {`, ...type.fields.flatMap((field) => fieldLines(field, form, text)), '}']
}

export function fieldLines(field: Field, form: Form, text: TypeText): readonly string[] {
  const optional = field.presence === 'optional' || (form === 'input' && field.presence === 'default')
  return [...docLines(field.docs, '  '), `  readonly ${propertyName(field.name)}${optional ? '?' : ''}: ${text.of(field.type, form)}`]
}

function unionDeclaration(type: UnionType, name: string, form: Form, text: TypeText, docs: string | undefined): readonly string[] {
  const variants = type.variants.map((variant) => text.of(variant.type, form))
  const flat = `export type ${name} = ${variants.join(' | ')}`
  if (flat.length <= 120) return [...docLines(docs), flat]
  return [...docLines(docs), `export type ${name} =`, ...variants.map((variant) => `  | ${variant}`)]
}

const aliasDeclaration = (type: AliasType, name: string, form: Form, text: TypeText, docs: string | undefined): readonly string[] => [
  ...docLines(docs),
  `export type ${name} = ${text.of(type.type, form)}`,
]

function addState(module: Module, model: Model, text: TypeText): void {
  const { state, readonlyState, machine } = model.names
  module.add(
    `/** The replicated state of \`${machine}\`, as commands see it. Tables change in place; other properties are replaced by assignment. */`,
    ...interfaceOf(state, model.state, (property) => writableLine(property, module, text)),
  )
  module.add(
    '/** The same, as queries see it. */',
    ...interfaceOf(readonlyState, model.state, (property) => readonlyLine(property, module, text)),
  )
}

function interfaceOf(name: string, state: readonly StateProperty[], line: (property: StateProperty) => string): readonly string[] {
  if (state.length === 0) return [`export type ${name} = Readonly<Record<string, never>>`]
  return [`export interface ${name} {`, ...state.flatMap((property) => [...docLines(property.docs, '  '), `  ${line(property)}`]), '}']
}

function writableLine(property: StateProperty, module: Module, text: TypeText): string {
  const name = propertyName(property.name)
  if (property.kind === 'cell') return `${name}: ${cellType(property, text)}`
  return `readonly ${name}: ${tableType('Table', property, module, text)}`
}

function readonlyLine(property: StateProperty, module: Module, text: TypeText): string {
  const name = propertyName(property.name)
  if (property.kind === 'cell') return `readonly ${name}: ${cellType(property, text)}`
  return `readonly ${name}: ${tableType('ReadonlyTable', property, module, text)}`
}

function tableType(type: 'Table' | 'ReadonlyTable', table: TableModel, module: Module, text: TypeText): string {
  const entry = `${text.of(table.key)}, ${text.of(table.value)}`
  const plain = `${module.useType(type)}<${entry}>`
  if (table.indexes.length === 0) return plain
  const lines = table.indexes.flatMap(({ name, docs, unique, fields }) => {
    const view = module.useType(unique ? 'UniqueTableIndex' : 'TableIndex')
    return [...docLines(docs, '      '), `      readonly ${propertyName(name)}: ${view}<${entry}, ${indexedType(fields, text)}>`]
  })
  return [`${plain} & {`, '    readonly by: {', ...lines, '    }', '  }'].join('\n')
}

/** A tuple; with labels where every field has a name that can be one. */
function indexedType(fields: readonly IndexFieldModel[], text: TypeText): string {
  const isLabelled = fields.every(({ name }) => isDeclarable(name))
  const items = fields.map(({ name, nodes }) => {
    const type = [...new Set(nodes.map((node) => text.of(node)))].join(' | ')
    return isLabelled ? `${name}: ${type}` : type
  })
  return `[${items.join(', ')}]`
}

const cellType = (property: Extract<StateProperty, { kind: 'cell' }>, text: TypeText): string =>
  text.of(property.type) + (property.optional ? ' | undefined' : '')

function addHandlers(module: Module, model: Model, { older, folderOf }: Served, text: TypeText): void {
  const { handlers, state, readonlyState } = model.names
  const docs =
    '/** One function for each command and query, synchronous. What it returns is what the caller gets; if it throws, nothing has changed. */'
  const retired = retiredOperations(model, older)
  if (model.operations.length + retired.length === 0) return module.add(docs, `export type ${handlers} = Readonly<Record<string, never>>`)
  const methods = [...model.commands, ...model.queries].flatMap((operation) => {
    const isCommand = operation.kind === 'command'
    const context = module.useType(isCommand ? 'Context' : 'QueryContext')
    const parameters = `state: ${isCommand ? state : readonlyState}, input: ${operation.input}, ctx: ${context}`
    const reply = replyType(operation, module, text, (name) => module.useTypeFrom('errors', errorTypeName(model, name)))
    // A promise is assignable to a return type of `void` alone.
    const returned = reply === 'void' ? 'void | undefined' : reply
    return [...docLines(operation.docs, '  '), `  ${signatureName(operation.name)}(${parameters}): ${returned}`]
  })
  const former = retired.flatMap((operation) => retiredLines(operation, { model, folderOf }, module))
  module.add(docs, `export interface ${handlers} {`, ...methods, ...former, '}')
}

/** It is given the values of the version that a call is of, and answers as that version does. */
function retiredLines(
  { name, was }: RetiredOperation,
  { model: { names }, folderOf }: Pick<Served, 'folderOf'> & { readonly model: Model },
  module: Module,
): readonly string[] {
  const sides = was.map(({ model, operation }) => {
    const label = `v${model.version}`
    const folder = folderOf(model.version)
    const types = module.useNamespace(`${folder}/types`, label)
    const text = new TypeText(model, (type) => `${types}.${type}`)
    const error = (code: string): string => `${module.useNamespace(`${folder}/errors`, `${label}Errors`)}.${errorTypeName(model, code)}`
    return { input: `${types}.${operation.input}`, reply: replyType(operation, module, text, error) }
  })
  const isCommand = was.some(({ operation }) => operation.kind === 'command')
  const inputs = sides.map(({ input }) => input).join(' | ')
  const replies = [...new Set(sides.map(({ reply }) => reply))]
  const returned = replies.includes('void') ? [...replies, 'undefined'] : replies
  const parameters = `state: ${isCommand ? names.state : names.readonlyState}, input: ${inputs}, ctx: ${module.useType(isCommand ? 'Context' : 'QueryContext')}`
  const versions = was.map(({ model }) => model.version).join(', ')
  return [
    `  /** Retired: serves what is of version ${versions}, as long as the cluster uses that. */`,
    `  ${signatureName(name)}(${parameters}): ${returned.join(' | ')}`,
  ]
}

/** What an operation answers: a `Result` where errors are declared, else the bare output. */
export function replyType(operation: OperationModel, module: Module, text: TypeText, error: (name: string) => string): string {
  const output = operation.output === undefined ? 'void' : text.of(operation.output)
  if (operation.errors.length === 0) return output
  return `${module.useType('Result')}<${output}, ${operation.errors.map(error).join(' | ')}>`
}

export const errorTypeName = (model: Model, name: string): string => model.errors.find((error) => error.name === name)?.typeName ?? name

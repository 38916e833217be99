import type { IndexFieldModel, IndexModel, Model, StateProperty, TableModel } from '../model.ts'
import { propertyAccess, propertyName, quoted } from '../names.ts'
import type { OlderVersions } from '../older-versions.ts'
import { stateConstants } from './codec.ts'
import { wireText } from './literal-text.ts'
import { Module } from './module.ts'
import { TypeText } from './type-text.ts'

export interface MachineOptions {
  /** Versions that it knows beside its own. */
  readonly older: OlderVersions
  /** Whether there is `schema-text.ts`. */
  readonly hasSchema: boolean
  readonly extension: string
}

/** `machine.ts`: the machine as data, and bound to its handlers. */
export function emitMachine(model: Model, { older, hasSchema, extension }: MachineOptions): Module {
  const module = emitDescriptor(model, extension, hasSchema)
  const { names } = model
  if (older.known.length > 0) addLadder(module, model, older.known)
  const bound = older.known.length === 0 ? `${module.use('bind')}(${names.descriptor}` : `${module.use('bindVersions')}(${names.ladder}`
  const handlers = module.useTypeFrom('types', names.handlers)
  const type = module.useType('StateMachine')
  const docs =
    '/** Binds your handlers to the machine: for `Server.run`, or for `local` in a test. Each call gives one with a state of its own. */'
  const ended = [...older.ended].toSorted((a, b) => a - b)
  if (ended.length === 0) {
    module.add(docs, `export const ${names.machine} = (handlers: ${handlers}): ${type} =>`, `  ${bound}, handlers)`)
    return module
  }
  const olderType = `${names.prefix}OlderHandlers`
  module.add(
    '/** Handlers of versions whose state has another shape: entries from before are applied by them. */',
    `export interface ${olderType} {`,
    ...ended.map(
      (version) => `  readonly v${version}: ${module.useTypeAs(`v${version}/types`, names.handlers, `${names.handlers}V${version}`)}`,
    ),
    '}',
  )
  module.add(
    docs,
    `export const ${names.machine} = (handlers: ${handlers}, older: ${olderType}): ${type} =>`,
    `  ${bound}, handlers, { ${ended.map((version) => `v${version}: older.v${version}`).join(', ')} })`,
  )
  return module
}

function addLadder(module: Module, { names }: Model, older: readonly Model[]): void {
  const descriptors = older.map(({ version }) => module.useAs(`v${version}/machine`, names.descriptor, `${names.descriptor}V${version}`))
  module.add(
    '/** The versions that this build knows, and how each becomes the next. */',
    `export const ${names.ladder}: ${module.useType('VersionLadder')} = {`,
    `  versions: [${[...descriptors, names.descriptor].join(', ')}],`,
    `  steps: ${module.useFrom('versions', names.steps)},`,
    '}',
  )
}

/** `machine.ts` of an older version, and what that of the newest begins with. */
export function emitDescriptor(model: Model, extension: string, hasSchema = false): Module {
  const module = new Module('machine', extension)
  const { names } = model
  const operations = (list: Model['commands']): string => `[${list.map(({ constant }) => module.useFrom('codec', constant)).join(', ')}]`
  module.add(
    `/** The machine \`${model.name}\`, version ${model.version}: its state and operations, as replicas and clients see them. */`,
    `export const ${names.descriptor}: ${module.useType('MachineDescriptor')} = {`,
    `  name: ${quoted(model.name)},`,
    `  version: ${model.version},`,
    `  wire: ${quoted(model.wire)},`,
    `  open: ${model.open},`,
    ...stateLines(module, model),
    `  commands: ${operations(model.commands)},`,
    `  queries: ${operations(model.queries)},`,
    ...(hasSchema ? [`  schema: ${module.useFrom('schema-text', names.schema)},`] : []),
    '}',
  )
  return module
}

function stateLines(module: Module, model: Model): readonly string[] {
  const { state } = model
  if (state.length === 0) return ['  state: {},']
  const text = new TypeText(model, (name) => module.useTypeFrom('types', name))
  return ['  state: {', ...state.map((property) => `    ${propertyName(property.name)}: ${stateText(module, property, text)},`), '  },']
}

function stateText(module: Module, property: StateProperty, text: TypeText): string {
  const { keys, values, cell } = stateConstants(property.name)
  if (property.kind === 'cell') return `{ kind: 'cell', value: ${module.useFrom('codec', cell)}, initial: ${wireText(property.initial)} }`
  const codecs = `keys: ${module.useFrom('codec', keys)}, values: ${module.useFrom('codec', values)}`
  const start = `kind: 'table', key: ${quoted(property.key.kind)}, ${codecs}, initial: ${initialText(property.initial)}`
  if (property.indexes.length === 0) return `{ ${start} }`
  const indexes = property.indexes.map((index) => `        ${indexText(property, index, text)},`)
  return ['{', `      ${start},`, '      indexes: [', ...indexes, '      ],', '    }'].join('\n')
}

function indexText({ key, value }: TableModel, { name, unique, fields }: IndexModel, text: TypeText): string {
  const parts = fields.map((field) => `{ name: ${quoted(field.name)}, type: ${quoted(field.type)} }`)
  const values = [...fields.map(fieldText), 'key'].join(', ')
  const entry = `(key: ${text.of(key)}, value: ${text.of(value)}) => [${values}]`
  return `{ name: ${quoted(name)}, unique: ${unique}, fields: [${parts.join(', ')}], entry: ${entry} }`
}

/** Where only some variants have it, reading it would not compile. */
function fieldText({ name, everywhere }: IndexFieldModel): string {
  const access = propertyAccess('value', name)
  return everywhere ? access : `${quoted(name)} in value ? ${access} : undefined`
}

const initialText = (entries: Extract<StateProperty, { kind: 'table' }>['initial']): string =>
  `[${entries.map(([key, value]) => `[${wireText(key)}, ${wireText(value)}]`).join(', ')}]`

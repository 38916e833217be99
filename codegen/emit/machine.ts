import type { Model, StateProperty } from '../model.ts'
import { propertyName, quoted } from '../names.ts'
import { stateConstants } from './codec.ts'
import { wireText } from './literal-text.ts'
import { Module } from './module.ts'

/** `machine.ts`: the machine as data, and bound to its handlers. */
export function emitMachine(model: Model, extension: string): Module {
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
    ...stateLines(module, model.state),
    `  commands: ${operations(model.commands)},`,
    `  queries: ${operations(model.queries)},`,
    '}',
  )
  module.add(
    '/** Binds your handlers to the machine: for `Server.run`, or for `local` in a test. Each call gives one with a state of its own. */',
    `export const ${names.machine} = (handlers: ${module.useTypeFrom('types', names.handlers)}): ${module.useType('StateMachine')} =>`,
    `  ${module.use('bind')}(${names.descriptor}, handlers)`,
  )
  return module
}

function stateLines(module: Module, state: readonly StateProperty[]): readonly string[] {
  if (state.length === 0) return ['  state: {},']
  return ['  state: {', ...state.map((property) => `    ${propertyName(property.name)}: ${stateText(module, property)},`), '  },']
}

function stateText(module: Module, property: StateProperty): string {
  const { keys, values, cell } = stateConstants(property.name)
  if (property.kind === 'cell') return `{ kind: 'cell', value: ${module.useFrom('codec', cell)}, initial: ${wireText(property.initial)} }`
  const codecs = `keys: ${module.useFrom('codec', keys)}, values: ${module.useFrom('codec', values)}`
  return `{ kind: 'table', key: ${quoted(property.key.kind)}, ${codecs}, initial: ${initialText(property.initial)} }`
}

const initialText = (entries: Extract<StateProperty, { kind: 'table' }>['initial']): string =>
  `[${entries.map(([key, value]) => `[${wireText(key)}, ${wireText(value)}]`).join(', ')}]`

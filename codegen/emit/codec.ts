import { mentions, reachable } from '../build/recursion.ts'
import type { AliasType, ErrorModel, Model, OperationModel, StateProperty } from '../model.ts'
import { lowerFirst, pascalCase, quoted } from '../names.ts'
import { CodecWriter } from './codec-writer.ts'
import { Module } from './module.ts'
import { addObject } from './objects.ts'
import { replyCodec } from './replies.ts'
import { errorTypeName, replyType } from './types.ts'
import { addUnion } from './variants.ts'

/** `codec.ts`: how every value is checked, written and read; the operations and the state as the runtime sees them. */
export function emitCodec(model: Model, extension: string): Module {
  const module = new Module('codec', extension)
  const writer = new CodecWriter(module, model)
  module.add(`// On the wire a value is the array of its fields, in the order that ${model.name}.wire.json fixes. Names never travel.`)
  const used = usedTypes(model)
  for (const type of model.types.values()) {
    if (!used.has(type.name)) continue
    if (type.kind === 'alias') addAlias(writer, type)
    else {
      writer.text.of({ kind: 'named', name: type.name })
      if (type.kind === 'union') addUnion(writer, type)
      else addObject(writer, type)
    }
  }
  for (const { typeName, name, tag, fields } of model.errors.filter((error) => isAnswered(model, error))) {
    module.useTypeFrom('errors', typeName)
    addObject(writer, { name: typeName, fields, error: { code: name, tag }, recursive: false })
  }
  if (model.commands.some((command) => command.errors.length > 0)) {
    module.add(`const codeOf = (error: unknown): unknown => ${module.use('discriminator')}(error, 'code')`)
  }
  for (const operation of [...model.commands, ...model.queries]) addOperation(writer, operation)
  for (const property of model.state) addStateCodecs(writer, property)
  return module
}

const isAnswered = (model: Model, error: ErrorModel): boolean => model.commands.some((command) => command.errors.includes(error.name))

/** Types that something on the wire is made of: all but those of errors that no command answers with. */
function usedTypes(model: Model): ReadonlySet<string> {
  const operations = [...model.commands, ...model.queries]
  const nodes = [
    ...operations.flatMap(({ input, output }) => [{ kind: 'named', name: input } as const, ...(output === undefined ? [] : [output])]),
    ...model.state.map((property) => (property.kind === 'table' ? property.value : property.type)),
    ...model.errors.filter((error) => isAnswered(model, error)).flatMap((error) => error.fields.map((field) => field.type)),
  ]
  const direct = nodes.flatMap(mentions)
  return new Set([...direct, ...direct.flatMap((name) => [...reachable(name, model.types)])])
}

function addAlias(writer: CodecWriter, { name, type, recursive }: AliasType): void {
  const { module } = writer
  const maybe = module.useType('MaybeWire')
  writer.text.of({ kind: 'named', name })
  const owner = `${name}Inner`
  const check = recursive
    ? `${module.use('descend')}(value, ${writer.checkFunction(type, owner)})`
    : writer.check(type, 'value', "''", name)
  module.add(`function check${name}(value: unknown): ${name} {`, `  return ${check}`, '}')
  if (!writer.isIdentity({ kind: 'named', name })) {
    module.add(
      `function ${lowerFirst(name)}ToWire(value: ${name}): ${module.useType('Wire')} {`,
      `  return ${writer.write(type, 'value', owner)}`,
      '}',
    )
  }
  module.add(
    `function ${lowerFirst(name)}FromWire(wire: ${maybe}): ${name} {`,
    `  return ${writer.read(type, 'wire', "''", recursive ? owner : name)}`,
    '}',
  )
}

function addOperation(writer: CodecWriter, operation: OperationModel): void {
  const { module, model } = writer
  const isCommand = operation.kind === 'command'
  const reply = replyCodec(writer, operation)
  const input = writer.codecOf({ kind: 'named', name: operation.input }, pascalCase(operation.name))
  const replyText = replyType(operation, module, writer.text, (name) => module.useTypeFrom('errors', errorTypeName(model, name)))
  const type = `${module.useType(isCommand ? 'CommandOperation' : 'QueryOperation')}<${operation.input}, ${replyText}>`
  module.add(
    `export const ${operation.constant}: ${type} = {`,
    `  kind: ${quoted(operation.kind)},`,
    `  tag: ${operation.tag},`,
    `  name: ${quoted(operation.name)},`,
    `  input: ${input},`,
    ...(isCommand ? [`  errors: [${operation.errors.map(quoted).join(', ')}],`] : []),
    `  reply: ${reply},`,
    '}',
  )
}

/** What `machine.ts` calls the codecs of a property of the state. */
export const stateConstants = (name: string): { readonly keys: string; readonly values: string; readonly cell: string } => {
  const stem = lowerFirst(pascalCase(name))
  return { keys: `${stem}Keys`, values: `${stem}Values`, cell: `${stem}Cell` }
}

function addStateCodecs(writer: CodecWriter, property: StateProperty): void {
  const { module } = writer
  const constants = stateConstants(property.name)
  const owner = `State${pascalCase(property.name)}`
  if (property.kind === 'table') {
    const keys = writer.codecOf(property.key, `${owner}Key`)
    module.add(`export const ${constants.keys} = ${keys}`)
    const values = writer.codecOf(property.value, `${owner}Value`)
    module.add(`export const ${constants.values} = ${values}`)
    return
  }
  if (!property.optional) return module.add(`export const ${constants.cell} = ${writer.codecOf(property.type, owner)}`)
  addOptionalCell(writer, property, owner)
}

/** A cell that may be `undefined`: nil on the wire; what itself admits null is wrapped. */
function addOptionalCell(writer: CodecWriter, property: Extract<StateProperty, { kind: 'cell' }>, owner: string): void {
  const { module } = writer
  const type = `${writer.text.of(property.type)} | undefined`
  const stem = lowerFirst(owner)
  const wraps = writer.admitsNull(property.type)
  const written = writer.write(property.type, 'value', owner)
  const read = writer.readFunction(property.type, owner)
  module.add(
    `const check${owner}Cell = (value: unknown): ${type} => ${module.use('optional')}(value, ${writer.checkFunction(property.type, owner)})`,
  )
  module.add(
    `const ${stem}CellToWire = (value: ${type}): ${module.useType('Wire')} => (value === undefined ? null : ${wraps ? `[${written}]` : written})`,
  )
  const reading = wraps
    ? `wire === null ? undefined : ${read}(${module.use('readPresent')}(wire, ''))`
    : `${module.use('readOptional')}(wire, ${read})`
  module.add(`const ${stem}CellFromWire = (wire: ${module.useType('MaybeWire')}): ${type} => ${reading}`)
  const make = module.use(writer.isRecursive(property.type) ? 'recursiveCodec' : 'codec')
  module.add(`export const ${stateConstants(property.name).cell} = ${make}(check${owner}Cell, ${stem}CellToWire, ${stem}CellFromWire)`)
}

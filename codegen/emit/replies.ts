// The codec of what a command with declared errors answers: `[0, value]`, `[0]`, or the tag of an error and its fields.
import type { ErrorModel, OperationModel } from '../model.ts'
import { lowerFirst, pascalCase, quoted } from '../names.ts'
import type { CodecWriter } from './codec-writer.ts'

/** Returns the expression of the reply's codec. */
export function replyCodec(writer: CodecWriter, operation: OperationModel): string {
  const { module } = writer
  if (operation.errors.length === 0) {
    if (operation.output !== undefined) return writer.codecOf(operation.output, `${pascalCase(operation.name)}Output`)
    return `${module.use('codec')}(${module.use('absent')}, () => null, ${module.use('readAbsent')})`
  }
  const name = `${pascalCase(operation.name)}Reply`
  const errors = writer.model.errors.filter((error) => operation.errors.includes(error.name))
  const output = operation.output === undefined ? 'void' : writer.text.of(operation.output)
  const type = `${module.useType('Result')}<${output}, ${errors.map((error) => module.useTypeFrom('errors', error.typeName)).join(' | ')}>`
  module.add(...checkLines(writer, operation, errors, name, type))
  module.add(...writeLines(writer, operation, errors, name, type))
  module.add(...readLines(writer, operation, errors, name, type))
  const recursive = operation.output !== undefined && writer.isRecursive(operation.output)
  return `${module.use(recursive ? 'recursiveCodec' : 'codec')}(check${name}, ${lowerFirst(name)}ToWire, ${lowerFirst(name)}FromWire)`
}

const outputOwner = (operation: OperationModel): string => `${pascalCase(operation.name)}Output`

function checkLines(
  writer: CodecWriter,
  operation: OperationModel,
  errors: readonly ErrorModel[],
  name: string,
  type: string,
): readonly string[] {
  const { module } = writer
  const ok =
    operation.output === undefined
      ? `${module.use('ok')}()`
      : `${module.use('ok')}(${writer.check(operation.output, 'reply.value', "'value'", outputOwner(operation))})`
  return [
    `function check${name}(value: unknown): ${type} {`,
    `  const reply = ${module.use('result')}(value)`,
    `  if (reply.ok) return ${ok}`,
    `  const code = ${module.use('within')}(reply.error, 'error', codeOf)`,
    '  switch (code) {',
    ...errors.flatMap((error) => [
      `    case ${quoted(error.name)}:`,
      `      return ${module.use('fail')}(${module.use('within')}(reply.error, 'error', check${error.typeName}))`,
    ]),
    '    default:',
    `      return ${module.use('undeclared')}(code, [${errors.map((error) => quoted(error.name)).join(', ')}])`,
    '  }',
    '}',
  ]
}

function writeLines(
  writer: CodecWriter,
  operation: OperationModel,
  errors: readonly ErrorModel[],
  name: string,
  type: string,
): readonly string[] {
  const { module } = writer
  const ok = operation.output === undefined ? '[0]' : `[0, ${writer.write(operation.output, 'reply.value', outputOwner(operation))}]`
  const head = [`function ${lowerFirst(name)}ToWire(reply: ${type}): ${module.useType('Wire')} {`, `  if (reply.ok) return ${ok}`]
  const [only] = errors
  if (only !== undefined && errors.length === 1) return [...head, `  return ${lowerFirst(only.typeName)}ToWire(reply.error)`, '}']
  const cases = errors.flatMap((error) => [
    `    case ${quoted(error.name)}:`,
    `      return ${lowerFirst(error.typeName)}ToWire(reply.error)`,
  ])
  return [...head, '  switch (reply.error.code) {', ...cases, '  }', '}']
}

function readLines(
  writer: CodecWriter,
  operation: OperationModel,
  errors: readonly ErrorModel[],
  name: string,
  type: string,
): readonly string[] {
  const { module } = writer
  const fields = `${module.use('readFields')}(wire, ${operation.output === undefined ? 1 : 2})`
  const ok =
    operation.output === undefined
      ? [`      ${fields}`, `      return ${module.use('ok')}()`]
      : [`      return ${module.use('ok')}(${writer.read(operation.output, `${fields}[1]`, "'value'", outputOwner(operation))})`]
  return [
    `function ${lowerFirst(name)}FromWire(wire: ${module.useType('MaybeWire')}): ${type} {`,
    `  const tag = ${module.use('readTag')}(wire)`,
    '  switch (tag) {',
    '    case 0:',
    ...ok,
    ...errors.flatMap((error) => [
      `    case ${error.tag}:`,
      `      return ${module.use('fail')}(${lowerFirst(error.typeName)}FromWire(wire))`,
    ]),
    '    default:',
    `      return ${module.use('unknownTag')}(tag)`,
    '  }',
    '}',
  ]
}

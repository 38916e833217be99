import type { ErrorModel, Model } from '../model.ts'
import { quoted } from '../names.ts'
import { docLines, Module } from './module.ts'
import { TypeText } from './type-text.ts'
import { fieldLines } from './types.ts'

/** `errors.ts`: the declared errors, each with a function that answers with it. */
export function emitErrors(model: Model, extension: string): Module {
  const module = new Module('errors', extension)
  const text = new TypeText(model, (name) => module.useTypeFrom('types', name))
  for (const error of model.errors) {
    const fields = error.fields.flatMap((field) => fieldLines(field, 'log', text))
    module.add(...docLines(error.docs), `export interface ${error.typeName} {`, `  readonly code: ${quoted(error.name)}`, ...fields, '}')
    module.add(`/** Answers with \`${error.name}\`: whatever the handler has changed is undone. */`, ...constructorLines(error, module))
  }
  if (model.errors.length === 0) module.add('// The machine declares no errors.', 'export {}')
  return module
}

function constructorLines({ name, typeName, fields }: ErrorModel, module: Module): readonly string[] {
  const failure = `${module.useType('Failure')}<${typeName}>`
  const fail = module.use('fail')
  if (fields.length === 0) return [`export const ${typeName} = (): ${failure} => ${fail}({ code: ${quoted(name)} })`]
  const none = fields.every((field) => field.presence === 'optional') ? ' = {}' : ''
  const line = `export const ${typeName} = (fields: Omit<${typeName}, 'code'>${none}): ${failure} =>`
  const body = `${fail}({ code: ${quoted(name)}, ...fields })`
  return line.length + body.length < 120 ? [`${line} ${body}`] : [line, `  ${body}`]
}

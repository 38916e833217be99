import type { Model, OperationModel } from '../model.ts'
import { propertyName } from '../names.ts'
import { docLines, Module } from './module.ts'
import { TypeText } from './type-text.ts'
import { errorTypeName, replyType } from './types.ts'

/** `client.ts`: one method for each command and query. `older`: versions that it knows beside its own. */
export function emitClient(model: Model, older: readonly Model[], extension: string): Module {
  const module = new Module('client', extension)
  const { client, descriptor } = model.names
  module.useFrom('machine', descriptor)
  const version = older.length === 0 ? `${descriptor}.version` : module.useFrom('machine', model.names.ladder)
  const text = new TypeText(model, (name) => module.useTypeFrom('types', name))
  const caller = module.useType('Caller')
  module.add(
    ...docLines(clientDocs(model)),
    `export class ${client} {`,
    `  readonly #caller: ${caller}`,
    '',
    `  private constructor(caller: ${caller}) {`,
    '    this.#caller = caller',
    '  }',
    '',
    '  /** Finds a server through any of `servers` that answers. Throws UNAVAILABLE when none does before the deadline. */',
    `  static async connect(options: ${module.useType('ClientOptions')}): Promise<${client}> {`,
    `    return new ${client}(await ${module.use('connect')}(${descriptor}, options))`,
    '  }',
    '',
    '  /** Over something that carries calls already, such as `local(machine)` in a test. */',
    `  static over(caller: ${caller}): ${client} {`,
    `    return new ${client}(caller)`,
    '  }',
    ...[...model.commands, ...model.queries].flatMap((operation) => ['', ...methodLines(operation, model, version, module, text)]),
    '',
    '  /** Covers everything that this client was acknowledged or has read so far: for `atLeast`, here or at another client of the cluster. */',
    `  get token(): ${module.useType('Token')} {`,
    '    return this.#caller.token',
    '  }',
    '',
    '  /** Ends the session and the connection. Calls without an answer end with CLOSED, or OUTCOME_UNKNOWN. */',
    '  close(): Promise<void> {',
    '    return this.#caller.close()',
    '  }',
    '}',
  )
  return module
}

const clientDocs = (model: Model): string => `Client of the machine \`${model.name}\`.

Every method may reject with a \`RaftgenError\`, among others: \`INVALID_INPUT\` (nothing was sent), \`UNAVAILABLE\` (not applied; safe to
repeat), \`OUTCOME_UNKNOWN\` (applied once or not at all, and this client cannot tell which). Errors that the schema declares are values.`

/** `version`: an expression that says which versions the client knows. */
function methodLines(operation: OperationModel, model: Model, version: string, module: Module, text: TypeText): readonly string[] {
  const isCommand = operation.kind === 'command'
  const inputName = module.useTypeFrom('types', `${operation.input}Input`)
  const options = module.useType(isCommand ? 'CallOptions' : 'QueryOptions')
  const reply = replyType(operation, module, text, (name) => module.useTypeFrom('errors', errorTypeName(model, name)))
  const call = module.use(isCommand ? 'callCommand' : 'callQuery')
  const constant = module.useFrom('codec', operation.constant)
  const input = mayBeEmpty(operation, model) ? `input: ${inputName} = {}` : `input: ${inputName}`
  return [
    ...docLines(operation.docs, '  '),
    `  ${propertyName(operation.method)}(${input}, options?: ${options}): Promise<${reply}> {`,
    `    return ${call}(this.#caller, ${constant}, ${version}, input, options)`,
    '  }',
  ]
}

/** Whether the caller may leave the input out altogether. */
function mayBeEmpty(operation: OperationModel, model: Model): boolean {
  const type = model.types.get(operation.input)
  return type?.kind === 'object' && type.fields.every((field) => field.presence !== 'required')
}

// Commands and queries of a definition.
import type { DraftOperation } from '../draft.ts'
import { camelCase, isIdentifier, pascalCase, reservedOperations } from '../names.ts'
import type { Place } from '../place.ts'
import { isObjectLike, isPlainObject, kindOf, listOf, type Schema, schemaOf, textOf } from './schema-value.ts'
import { checkKeys, entriesOf, suggestion } from './shape.ts'
import type { TypeBuilder } from './type-builder.ts'

/** Commands and queries, whose names must not meet. */
export class OperationBuilder {
  readonly #builder: TypeBuilder
  readonly #errors: readonly string[]
  /** Method of the client to the operation that has it. */
  readonly #methods = new Map<string, string>()

  constructor(builder: TypeBuilder, errors: readonly string[]) {
    this.#builder = builder
    this.#errors = errors
  }

  all(kind: DraftOperation['kind'], value: unknown, place: Place): readonly DraftOperation[] {
    return entriesOf(value, place, this.#builder.reporter).map(([name, operation]) =>
      this.#operation(kind, name, operation, place.property(name)),
    )
  }

  #operation(kind: DraftOperation['kind'], name: string, value: unknown, place: Place): DraftOperation {
    const { reporter } = this.#builder
    if (!this.#checkName(kind, name, place))
      return { name, kind, was: undefined, docs: undefined, input: '', output: undefined, errors: [] }
    if (!isPlainObject(value)) {
      reporter.report(place, {
        code: 'DEFINITION_INVALID',
        message: `${place.path} is no object`,
        hint: 'Write { input: Type.Object({ ... }), output: ... }.',
      })
    }
    const operation = schemaOf(value)
    checkKeys(operation, kind === 'command' ? ['input', 'output', 'errors', 'was'] : ['input', 'output', 'was'], place, reporter)
    const output = operation['output']
    if (kind === 'query' && output === undefined && isPlainObject(value)) {
      reporter.report(place.namePosition, {
        code: 'OUTPUT_MISSING',
        message: `the query ${name} has no output, so it would say nothing`,
        hint: 'Add `output`.',
      })
    }
    return {
      name,
      kind,
      was: this.#builder.formerName(operation, place),
      docs: place.docs ?? textOf(schemaOf(operation['input'])['description']),
      input: this.#input(name, operation['input'], place.property('input')),
      output: output === undefined ? undefined : this.#builder.node(output, place.property('output'), `${pascalCase(name)}Output`),
      errors: kind === 'command' ? this.#errorNames(operation['errors'], place.property('errors')) : [],
    }
  }

  #checkName(kind: DraftOperation['kind'], name: string, place: Place): boolean {
    const { reporter } = this.#builder
    const method = camelCase(name)
    if (reservedOperations.has(name) || reservedOperations.has(method) || !isIdentifier(method)) {
      const why = isIdentifier(method) ? `which every object or client has already` : 'which gives no name for a method'
      reporter.report(place.namePosition, {
        code: 'NAME_RESERVED',
        message: `the ${kind} is called ${JSON.stringify(name)}, ${why}`,
        hint: 'Give it another name.',
      })
      return false
    }
    const other = this.#methods.get(method)
    if (other !== undefined) {
      reporter.report(place.namePosition, {
        code: 'NAME_TAKEN',
        message: `the ${kind} ${name} would be the method ${method} of the client, as is the ${other}`,
        hint: 'Rename one of them.',
      })
    }
    this.#methods.set(method, `${kind} ${name}`)
    return true
  }

  #input(name: string, value: unknown, place: Place): string {
    const fallback = pascalCase(name)
    if (isObjectLike(value)) {
      const schema = schemaOf(value)
      this.#builder.checkKeywords(kindOf(value) ?? '', schema, place)
      // `const AcquireInput` is the caller's view of `Acquire`: both names are emitted, so the ending is taken off.
      const given = this.#builder.names.given(schema, place)
      const marked = given?.endsWith('Input') === true && given !== 'Input' ? given.slice(0, -'Input'.length) : given
      const node = this.#builder.object(marked === undefined ? schema : withTitle(schema, marked), place, fallback)
      return node.kind === 'named' ? node.name : fallback
    }
    this.#builder.reporter.report(place, {
      code: 'INPUT_INVALID',
      message: value === undefined ? `${place.path} is missing` : `${place.path} is no object`,
      hint: 'Write Type.Object({ ... }), {} for none: an object can get more fields later.',
    })
    return fallback
  }

  #errorNames(value: unknown, place: Place): readonly string[] {
    if (value === undefined) return []
    if (!Array.isArray(value)) {
      this.#builder.reporter.report(place, {
        code: 'DEFINITION_INVALID',
        message: `${place.path} is no array`,
        hint: "Write a list of names: ['Held'].",
      })
      return []
    }
    const names = listOf(value).filter((name, i): name is string => this.#isDeclared(name, place.listed(i)))
    return [...new Set(names)]
  }

  #isDeclared(name: unknown, place: Place): boolean {
    if (typeof name === 'string' && this.#errors.includes(name)) return true
    const known =
      this.#errors.length === 0 ? 'No errors are declared: add `errors` to the machine.' : `Declared are ${this.#errors.join(', ')}.`
    this.#builder.reporter.report(place, {
      code: 'ERROR_UNKNOWN',
      message: `${place.path} names the error ${typeof name === 'string' ? name : JSON.stringify(name)}, which the machine does not declare`,
      hint: (typeof name === 'string' ? suggestion(name, this.#errors) : undefined) ?? known,
    })
    return false
  }
}

/** A copy that keeps TypeBox's hidden marks. */
const withTitle = (schema: Schema, title: string): Schema =>
  Object.defineProperties({}, { ...Object.getOwnPropertyDescriptors(schema), title: { value: title, enumerable: true } })

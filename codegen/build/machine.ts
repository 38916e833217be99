// The definition that a schema file exports, to a draft.
import type { Draft, DraftCell, DraftError, DraftTable, DraftType } from '../draft.ts'
import { typesWithInputForm } from '../input-forms.ts'
import { machineNamesOf } from '../machine-names.ts'
import type { MachineNames } from '../model.ts'
import { camelCase, isDeclarable, isInherited, pascalCase } from '../names.ts'
import type { Place } from '../place.ts'
import { checkValues } from './check-values.ts'
import { checkFormerNames } from './former-names.ts'
import { withIndexes } from './indexes.ts'
import { OperationBuilder } from './operations.ts'
import { checkRetired, retiredOf } from './retired.ts'
import { endless, reachable } from './recursion.ts'
import type { Reporter } from './reporter.ts'
import { isObjectLike, kindOf, listOf, type Schema, schemaOf, textOf } from './schema-value.ts'
import { checkInvariants, checkMachineKeys, entriesOf } from './shape.ts'
import { TypeBuilder } from './type-builder.ts'
import { TypeNames } from './type-names.ts'
import { Where } from './where.ts'

export interface BuiltSchema {
  readonly draft: Draft
  readonly where: Where
}

export const buildDraft = (value: unknown, place: Place, reporter: Reporter): Draft => buildSchema(value, place, reporter).draft

/** Reports into `reporter`; what it returns is complete only if nothing was an error. */
export function buildSchema(value: unknown, place: Place, reporter: Reporter): BuiltSchema {
  const definition = schemaOf(value)
  checkMachineKeys(definition, place, reporter)
  const names = machineNames(definition['name'], place.property('name'), reporter)
  const typeNames = new TypeNames(reporter)
  for (const name of [names.state, names.readonlyState, names.handlers, names.client])
    typeNames.take(name, `the ${name} of the machine`, place.property('name'))
  const builder = new TypeBuilder(reporter, typeNames)

  const errorEntries = entriesOf(definition['errors'], place.property('errors'), reporter)
  const declared = takeErrorNames(errorEntries, place.property('errors'), typeNames)
  const operations = new OperationBuilder(builder, declared)
  const state = stateOf(builder, definition['state'], place.property('state'), names.prefix)
  const draft: Draft = {
    name: names.machine === '' ? 'machine' : String(definition['name']),
    version: versionOf(definition['version'], place.property('version'), reporter),
    docs: undefined,
    names,
    state: withIndexes(state, definition['indexes'], builder.types, place.property('indexes'), reporter),
    initial: schemaOf(definition['initial']),
    errors: errorEntries.map(([name, schema]) => errorOf(builder, name, schema, place.property('errors').property(name))),
    commands: operations.all('command', definition['commands'], place.property('commands')),
    queries: operations.all('query', definition['queries'], place.property('queries')),
    types: builder.types,
    retired: retiredOf(definition['retired'], place.property('retired'), reporter),
  }
  const where = new Where(place, builder.places)
  reserveInputNames(draft, typeNames, place)
  checkInvariants(definition['invariants'], place.property('invariants'), reporter)
  checkUnusedErrors(draft, place.property('errors'), reporter)
  checkRetired(draft, place.property('retired'), reporter)
  checkFormerNames(draft, where, reporter)
  checkEndless(draft, builder, place, reporter)
  if (!reporter.failed) checkValues(draft, builder, place.property('initial'), definition['initial'], reporter)
  if (draft.commands.length + draft.queries.length === 0) {
    reporter.report(place, {
      severity: 'warning',
      code: 'NO_OPERATIONS',
      message: 'the machine has no commands and no queries',
      hint: 'Add `commands` or `queries`.',
    })
  }
  return { draft: { ...draft, types: withRecursion(draft.types) }, where }
}

const machineNamePattern = /^[a-zA-Z][a-zA-Z0-9-]{0,63}$/
/** Names that the emitted modules use beside the machine's own. */
const usedNames = new Set(['bind', 'connect', 'ok', 'fail', 'callCommand', 'callQuery'])

function machineNames(value: unknown, place: Place, reporter: Reporter): MachineNames {
  const name = typeof value === 'string' && machineNamePattern.test(value) ? value : undefined
  const machine = camelCase(name ?? 'machine')
  if (name === undefined || !isDeclarable(machine) || usedNames.has(machine)) {
    reporter.report(place, {
      code: 'MACHINE_NAME',
      message: value === undefined ? 'the machine has no name' : `the machine is called ${JSON.stringify(value)}`,
      hint: 'Use up to 64 ASCII letters, digits and dashes, beginning with a letter; no word of the language.',
    })
  }
  return machineNamesOf(name ?? 'machine')
}

function versionOf(value: unknown, place: Place, reporter: Reporter): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value
  reporter.report(place, {
    code: 'MACHINE_VERSION',
    message: value === undefined ? 'the machine has no version' : `the machine has version ${JSON.stringify(value)}`,
    hint: 'Use a whole number, 1 for the first.',
  })
  return 1
}

function stateOf(builder: TypeBuilder, value: unknown, place: Place, prefix: string): readonly (DraftTable | DraftCell)[] {
  if (!isObjectSchema(value)) {
    builder.reporter.report(place, {
      code: 'STATE_INVALID',
      message: value === undefined ? 'the machine has no state' : 'state is no object',
      hint: 'Write state: Type.Object({ ... }); a Record in it becomes a table.',
    })
    return []
  }
  builder.checkKeywords(kindOf(value) ?? '', schemaOf(value), place)
  const properties = schemaOf(schemaOf(value)['properties'])
  return builderFieldsOf(builder, value, place, properties, prefix)
}

function builderFieldsOf(
  builder: TypeBuilder,
  value: unknown,
  place: Place,
  properties: Schema,
  prefix: string,
): readonly (DraftTable | DraftCell)[] {
  const required = listOf(schemaOf(value)['required'])
  return Object.entries(properties).map(([name, schema]) => {
    const at = place.field(name)
    if (isInherited(name)) {
      builder.reporter.report(at.namePosition, {
        code: 'NAME_RESERVED',
        message: `${at.path} is called ${name}, which every object has already`,
        hint: 'Give it another name.',
      })
    }
    const fallback = prefix + pascalCase(name)
    const docs = textOf(schemaOf(schema)['description']) ?? at.docs
    const was = builder.formerName(schema, at)
    if (kindOf(schema) === 'Record' && required.includes(name)) {
      builder.checkKeywords('Record', schemaOf(schema), at)
      return { kind: 'table', name, was, docs, ...builder.record(schemaOf(schema), at, fallback), indexes: [] }
    }
    return {
      kind: 'cell',
      name,
      was,
      docs,
      type: builder.node(schema, at, fallback),
      optional: !required.includes(name),
      default: schemaOf(schema)['default'],
    }
  })
}

const isObjectSchema = (value: unknown): boolean => kindOf(value) === 'Object'

/** Before anything else: types give way to them. Returns their names as the schema has them. */
function takeErrorNames(entries: readonly (readonly [string, unknown])[], place: Place, names: TypeNames): readonly string[] {
  for (const [name] of entries) names.take(pascalCase(name), `the error ${name}`, place.property(name))
  return entries.map(([name]) => name)
}

function errorOf(builder: TypeBuilder, name: string, value: unknown, place: Place): DraftError {
  const typeName = pascalCase(name)
  if (!isObjectLike(value)) {
    builder.reporter.report(place, {
      code: 'ERROR_INVALID',
      message: `the error ${name} is no object`,
      hint: 'Write Type.Object({ ... }), {} for one without fields.',
    })
    return { name, was: undefined, typeName, docs: undefined, fields: [] }
  }
  const was = builder.formerName(value, place)
  builder.checkKeywords(kindOf(value) ?? '', schemaOf(value), place)
  const fields = builder.fields(value, place, typeName)
  if (fields.some((field) => field.name === 'code')) {
    builder.reporter.report(place.field('code').namePosition, {
      code: 'NAME_RESERVED',
      message: `the error ${name} has a field called code, which is where its own name goes`,
      hint: 'Give the field another name.',
    })
  }
  return { name, was, typeName, docs: textOf(schemaOf(value)['description']) ?? place.docs, fields }
}

/** `AcquireInput` is what the caller of `acquire` gives: nothing else may be called so. */
function reserveInputNames(draft: Draft, names: TypeNames, place: Place): void {
  const inputs = new Set([...draft.commands, ...draft.queries].map(({ input }) => input).filter((input) => draft.types.has(input)))
  const types = new Set([...inputs, ...typesWithInputForm(draft.types, inputs)])
  for (const type of types) names.take(`${type}Input`, `what callers give for ${type}`, place)
}

function checkUnusedErrors(draft: Draft, place: Place, reporter: Reporter): void {
  const used = new Set(draft.commands.flatMap((command) => command.errors))
  for (const { name } of draft.errors) {
    if (used.has(name)) continue
    reporter.report(place.property(name).namePosition, {
      severity: 'warning',
      code: 'ERROR_UNUSED',
      message: `no command lists the error ${name}`,
      hint: `Add it where it may be answered: errors: ['${name}'].`,
    })
  }
}

function checkEndless(draft: Draft, builder: TypeBuilder, place: Place, reporter: Reporter): void {
  for (const name of endless(draft.types)) {
    if (reporter.failed) return
    reporter.report(builder.places.get(name) ?? place, {
      code: 'RECURSION_ENDLESS',
      message: `${name} contains itself in every value, so none could end`,
      hint: 'Make the field that leads back optional, nullable, or an array.',
    })
  }
}

const withRecursion = (types: ReadonlyMap<string, DraftType>): ReadonlyMap<string, DraftType> =>
  new Map([...types].map(([name, type]) => [name, { ...type, recursive: reachable(name, types).has(name) }]))

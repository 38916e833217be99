import { type EvolutionRule, ruleOf } from '../evolution/rules.ts'
import { formerOf } from '../evolution/step.ts'
import type { CellModel, Model, OperationModel, StateProperty, TypeNode } from '../model.ts'
import { propertyName, quoted } from '../names.ts'
import { Module } from './module.ts'
import { isSameReply, type OperationPair, replyFunction } from './steps/reply-step.ts'
import { StepWriter } from './steps/step-writer.ts'
import type { Upcast } from './steps/upcast.ts'
import { endsOf, type Way } from './steps/way.ts'

export interface VersionsModule {
  readonly module: Module
  /** What it imports from the user's migrations. */
  readonly upcasts: readonly Upcast[]
}
export interface VersionsOptions {
  /** Ascending, at least one. */
  readonly older: readonly Model[]
  readonly extension: string
  /** The module of the user's functions, as `versions.ts` names it. */
  readonly migrations: string
  readonly retiredErrors: readonly string[]
}

/** `versions.ts`: how values of each version become values of the next, and back. */
export function emitVersions(model: Model, { older, extension, migrations, retiredErrors }: VersionsOptions): VersionsModule {
  const module = new Module('versions', extension)
  module.add(
    '// Up: what was made for a version, as the next one has it. Down: the other way; what has no form in the older version is refused.',
  )
  const all = [...older, model]
  const upcasts: Upcast[] = []
  const steps = older.map((before, i) => {
    const after = all[i + 1] ?? model
    const writer = new StepWriter(module, { before, after }, { newest: model.version, migrations, retiredErrors })
    const name = addStep(writer)
    upcasts.push(...writer.upcasts)
    return name
  })
  module.add(
    '/** From each version that this build knows to the next. */',
    `export const ${model.names.steps}: readonly ${module.useType('VersionStep')}[] = [${steps.join(', ')}]`,
  )
  return { module, upcasts }
}

function addStep(writer: StepWriter): string {
  const { before, after } = writer.pair
  const name = `v${before.version}ToV${after.version}`
  const parts = [
    ...section('commands', operationLines(writer, before.commands, after.commands)),
    ...section('queries', operationLines(writer, before.queries, after.queries)),
    ...section('state', stateLines(writer)),
  ]
  writer.module.add(`const ${name}: ${writer.module.useType('VersionStep')} = {`, ...parts, '}')
  return name
}

const section = (name: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [`  ${name}: {},`] : [`  ${name}: {`, ...lines.map((line) => `    ${line}`), '  },']

/** Of what is the same in both there is nothing. */
function operationLines(writer: StepWriter, before: readonly OperationModel[], after: readonly OperationModel[]): readonly string[] {
  return after.flatMap((operation) => {
    const old = before.find(({ tag }) => tag === operation.tag)
    if (old === undefined) return []
    const pair = { before: old, after: operation }
    const parts = [...inputLine(writer, pair), ...replyLine(writer, pair)]
    return parts.length === 0 ? [] : [`${operation.tag}: {`, ...parts.map((line) => `  ${line}`), '},']
  })
}

function inputLine(writer: StepWriter, { before, after }: OperationPair): readonly string[] {
  const nodes = { before: { kind: 'named', name: before.input }, after: { kind: 'named', name: after.input } } as const
  const changes = writer.changes(nodes.before, nodes.after)
  if (changes.length === 0) return []
  const isUsers = changes.some(({ rule }) => userUp(ruleOf(rule)))
  const check = isUsers ? (text: string): string => `${inputCodec(writer, after)}.check(${text}, 'input')` : undefined
  return [`input: ${valueStep(writer, nodes, { at: after.input, down: 'exactly', ...(check === undefined ? {} : { check }) })},`]
}

function replyLine(writer: StepWriter, pair: OperationPair): readonly string[] {
  if (isSameReply(writer, pair)) return []
  const { before, after } = pair
  if (before.errors.length + after.errors.length === 0 && before.output !== undefined && after.output !== undefined) {
    const nodes = { before: before.output, after: after.output }
    const step = writer.attempt(() => valueStep(writer, nodes, { at: after.name, down: 'down' }))
    // The output has no name: the user's function is of the whole reply.
    if (typeof step === 'string') return [`reply: ${step},`]
  }
  return [`reply: { up: ${replyFunction(writer, pair, 'up')}, down: ${replyFunction(writer, pair, 'down')} },`]
}

function stateLines(writer: StepWriter): readonly string[] {
  return writer.pair.after.state.flatMap((property) => {
    const old = formerOf(property, writer.pair.before.state)
    if (old === undefined) return []
    const value = fieldStep(writer, old, property)
    return [`${propertyName(property.name)}: { from: ${quoted(old.name)}${value === undefined ? '' : `, value: ${value}`} },`]
  })
}

function fieldStep(writer: StepWriter, before: StateProperty, after: StateProperty): string | undefined {
  const at = `state.${after.name}`
  if (before.kind === 'table' && after.kind === 'table') {
    if (writer.changes(before.value, after.value).length === 0) return undefined
    return valueStep(writer, { before: before.value, after: after.value }, { at, down: 'down' })
  }
  return before.kind === 'cell' && after.kind === 'cell' ? cellStep(writer, before, after, at) : undefined
}

function cellStep(writer: StepWriter, before: CellModel, after: CellModel, at: string): string | undefined {
  const isSame = before.optional === after.optional && writer.changes(before.type, after.type).length === 0
  if (isSame) return undefined
  if (!before.optional && !after.optional) return valueStep(writer, { before: before.type, after: after.type }, { at, down: 'down' })
  return `{ up: ${optionalCell(writer, before, after, { at, way: 'up' })}, down: ${optionalCell(writer, before, after, { at, way: 'down' })} }`
}

function optionalCell(
  writer: StepWriter,
  before: CellModel,
  after: CellModel,
  { at, way }: { readonly at: string; readonly way: Way },
): string {
  const { source } = endsOf(way)
  const { from, to } = writer.sides(way)
  const [given, made] = way === 'up' ? [before, after] : [after, before]
  const type = from.text.of(given.type) + (given.optional ? ' | undefined' : '')
  const converted = writer.convert(before.type, after.type, { value: source, at, way })
  if (!given.optional) return `(${source}: ${type}) => ${converted}`
  const absent = made.optional ? 'undefined' : writer.refuse(`${at} is absent, and version ${to.model.version} requires it`, way)
  return `(${source}: ${type}) => (${source} === undefined ? ${absent} : ${converted})`
}

interface Nodes {
  readonly before: TypeNode
  readonly after: TypeNode
}

/** What a function of the user returns is not canonical, and may not fit. */
const inputCodec = (writer: StepWriter, { constant }: OperationModel): string => {
  const { version } = writer.pair.after
  const isNewest = version === writer.newest
  return `${isNewest ? writer.module.useFrom('codec', constant) : writer.module.useAs(`v${version}/codec`, constant, `${constant}V${version}`)}.input`
}

const userUp = (rule: EvolutionRule): boolean => rule.of === 'value' && rule.up === 'user'

interface StepOptions {
  readonly at: string
  readonly down: 'down' | 'exactly'
  /** Of what goes up. */
  readonly check?: (text: string) => string
}

function valueStep(writer: StepWriter, { before, after }: Nodes, { at, down, check }: StepOptions): string {
  const one = (way: Way): string => {
    const { source } = endsOf(way)
    const text = writer.convert(before, after, { value: source, at, way })
    if (text === source) return writer.module.use('asIs')
    const given = writer.sides(way).from.text.of(way === 'up' ? before : after)
    if (way === 'up' && check !== undefined) return `(${source}: ${given}) => ${check(text)}`
    const [, called] = /^(\w+V\d+ToV\d+\w*|upcast\w+)\((older|newer)\)$/.exec(text) ?? []
    return called ?? `(${source}: ${given}) => ${text}`
  }
  return `{ up: ${one('up')}, down: ${one(down)} }`
}

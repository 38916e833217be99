import { type EvolutionRule, ruleOf } from '../evolution/rules.ts'
import type { Model, OperationModel } from '../model.ts'
import type { OlderVersions } from '../older-versions.ts'
import { Module } from './module.ts'
import { isSameReply, type OperationPair, replyFunction } from './steps/reply-step.ts'
import { stateLines, stateMigration } from './steps/state-step.ts'
import { StepWriter } from './steps/step-writer.ts'
import type { Upcast } from './steps/upcast.ts'
import { valueStep } from './steps/value-step.ts'

export interface VersionsModule {
  readonly module: Module
  /** What it imports from the user's migrations. */
  readonly upcasts: readonly Upcast[]
}
export interface VersionsOptions {
  /** At least one. */
  readonly older: OlderVersions
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
  const { known, ended } = older
  const upcasts: Upcast[] = []
  const exported = new Map<string, string>()
  const steps = known.map((before, i) => {
    const after = known[i + 1] ?? model
    const writer = new StepWriter(module, { before, after }, { newest: model.version, migrations, retiredErrors, exported })
    const name = addStep(writer, ended.has(before.version))
    upcasts.push(...writer.upcasts)
    return name
  })
  module.add(
    '/** From each version that this build knows to the next. */',
    `export const ${model.names.steps}: readonly ${module.useType('VersionStep')}[] = [${steps.join(', ')}]`,
  )
  return { module, upcasts }
}

function addStep(writer: StepWriter, isMigration: boolean): string {
  const { before, after } = writer.pair
  const name = `v${before.version}ToV${after.version}`
  const operations = [
    ...section('commands', operationLines(writer, before.commands, after.commands)),
    ...section('queries', operationLines(writer, before.queries, after.queries)),
  ]
  const { state, migration } = isMigration ? stateMigration(writer) : { state: stateLines(writer), migration: [] }
  const parts = [...operations, ...section('state', state), ...(isMigration ? section('migration', migration) : [])]
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

/** What a function of the user returns is not canonical, and may not fit. */
const inputCodec = (writer: StepWriter, { constant }: OperationModel): string => {
  const { version } = writer.pair.after
  const isNewest = version === writer.newest
  return `${isNewest ? writer.module.useFrom('codec', constant) : writer.module.useAs(`v${version}/codec`, constant, `${constant}V${version}`)}.input`
}

const userUp = (rule: EvolutionRule): boolean => rule.of === 'value' && rule.up === 'user'

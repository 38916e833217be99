// The step of the state: what becomes of each table and cell. Where that cannot be undone value by value it is a migration.
import { type EvolutionRule, ruleOf } from '../../evolution/rules.ts'
import { formerOf } from '../../evolution/step.ts'
import type { CellModel, StateProperty, TableModel, TypeNode } from '../../model.ts'
import { pascalCase, propertyName, quoted } from '../../names.ts'
import type { StepWriter } from './step-writer.ts'
import { NeedsUser } from './upcast.ts'
import { valueStep } from './value-step.ts'
import { endsOf, type Way } from './way.ts'

/** Of a step within a generation. */
export const stateLines = (writer: StepWriter): readonly string[] =>
  keptFields(writer).map(({ before, after }) => fieldLine(before, after, plainStep(writer, { before, after })))

export interface StateMigration {
  /** As those of a step within a generation, of what is moved. */
  readonly state: readonly string[]
  readonly migration: readonly string[]
}

export function stateMigration(writer: StepWriter): StateMigration {
  const lost = lostFields(writer)
  const state: string[] = []
  const values: string[] = []
  for (const pair of keptFields(writer)) {
    const { before, after } = pair
    if (lost.has(after.name)) continue
    const own = ownValue(writer, pair)
    state.push(fieldLine(before, after, own === undefined ? plainStep(writer, pair) : undefined))
    if (own !== undefined) values.push(`${propertyName(after.name)}: ${own},`)
  }
  const finish = wholeState(writer, [...lost.values()])
  const own = values.length === 0 ? ['values: {},'] : ['values: {', ...values.map((line) => `  ${line}`), '},']
  return { state, migration: [...own, `finish: ${finish},`] }
}

interface FieldPair<Property = StateProperty> {
  readonly before: Property
  readonly after: Property
}

function keptFields({ pair }: StepWriter): readonly FieldPair[] {
  return pair.after.state.flatMap((after) => {
    const before = formerOf(after, pair.before.state)
    return before === undefined ? [] : [{ before, after }]
  })
}

const fieldLine = (before: StateProperty, after: StateProperty, value: string | undefined): string =>
  `${propertyName(after.name)}: { from: ${quoted(before.name)}${value === undefined ? '' : `, value: ${value}`} },`

/** What of the older state is not moved, and why, by the name that it has now, or had. */
function lostFields(writer: StepWriter): ReadonlyMap<string, string> {
  const { before, after } = writer.pair
  const kept = keptFields(writer)
  const gone = before.state.filter(({ name }) => !kept.some((pair) => pair.before.name === name))
  const lost = new Map(gone.map(({ name }) => [name, `state.${name} is gone since version ${after.version}`]))
  for (const pair of kept) {
    const { name } = pair.after
    if (pair.before.kind !== pair.after.kind) lost.set(name, `state.${name} was a ${pair.before.kind} and is a ${pair.after.kind}`)
    else if (!hasSameKeys(writer, pair)) lost.set(name, `the keys of state.${name} are others since version ${after.version}`)
  }
  return lost
}

/** Whether each key of the older table is one of the newer. */
function hasSameKeys(writer: StepWriter, { before, after }: FieldPair): boolean {
  if (before.kind !== 'table' || after.kind !== 'table') return true
  return writer.changes(before.key, after.key).every(({ rule }) => isPlainUp(ruleOf(rule)))
}

const isPlainUp = (rule: EvolutionRule): boolean => rule.of === 'value' && rule.up === 'plain'

function plainStep(writer: StepWriter, { before, after }: FieldPair): string | undefined {
  const at = `state.${after.name}`
  if (before.kind === 'table' && after.kind === 'table') {
    if (writer.changes(before.value, after.value).length === 0) return undefined
    return valueStep(writer, { before: before.value, after: after.value }, { at, down: 'down' })
  }
  return before.kind === 'cell' && after.kind === 'cell' ? cellStep(writer, { before, after }, at) : undefined
}

function cellStep(writer: StepWriter, { before, after }: FieldPair<CellModel>, at: string): string | undefined {
  const isSame = before.optional === after.optional && writer.changes(before.type, after.type).length === 0
  if (isSame) return undefined
  if (!before.optional && !after.optional) return valueStep(writer, { before: before.type, after: after.type }, { at, down: 'down' })
  return `{ up: ${cellFunction(writer, { before, after }, { at, way: 'up' })}, down: ${cellFunction(writer, { before, after }, { at, way: 'down' })} }`
}

function cellFunction(
  writer: StepWriter,
  { before, after }: FieldPair<CellModel>,
  { at, way }: { readonly at: string; readonly way: Way },
): string {
  const { source } = endsOf(way)
  const { from, to } = writer.sides(way)
  const [given, made] = way === 'up' ? [before, after] : [after, before]
  const converted = writer.convert(before.type, after.type, { value: source, at, way })
  const type = from.text.of(given.type)
  if (!given.optional) return `(${source}: ${type}) => ${converted}`
  const absent = made.optional ? 'undefined' : writer.refuse(`${at} is absent, and version ${to.model.version} requires it`, way)
  return `(${source}: ${type} | undefined) => (${source} === undefined ? ${absent} : ${converted})`
}

const valueOf = (property: StateProperty): TypeNode => (property.kind === 'table' ? property.value : property.type)

/** What makes the values of the newer version where the user has a part in it; `undefined` where raftgen knows all of it. */
function ownValue(writer: StepWriter, pair: FieldPair): string | undefined {
  const { before, after } = pair
  const changes = writer.changes(valueOf(before), valueOf(after), `state.${after.name}`)
  const bounded = changes.find(({ rule }) => !isPlainUp(ruleOf(rule)) && !isUsersUp(ruleOf(rule)))
  // Its shape is the same, so what does not fit shows in none of its types: the user is asked for all of it.
  if (bounded !== undefined) return fieldFunction(writer, pair, bounded.message)
  const known = writer.upcasts.length
  const text = writer.attempt(() => upText(writer, pair))
  if (text instanceof NeedsUser) return fieldFunction(writer, pair, text.message)
  const isUsers = changes.some(({ rule }) => isUsersUp(ruleOf(rule))) || writer.upcasts.length > known
  return isUsers ? text : undefined
}

const isUsersUp = (rule: EvolutionRule): boolean => rule.of === 'value' && rule.up === 'user'

function upText(writer: StepWriter, { before, after }: FieldPair): string {
  const at = `state.${after.name}`
  if (before.kind === 'cell' && after.kind === 'cell') return cellFunction(writer, { before, after }, { at, way: 'up' })
  if (before.kind !== 'table' || after.kind !== 'table') throw new RangeError('what is moved is of one kind')
  const text = writer.convert(before.value, after.value, { value: 'older', at, way: 'up' })
  return `(older: ${writer.older.text.of(before.value)}) => ${text}`
}

function fieldFunction(writer: StepWriter, { before, after }: FieldPair, why: string): string {
  const types = {
    from: typeOf(writer, 'older', before),
    to: typeOf(writer, 'newer', after),
    ...(after.kind === 'table' ? { key: writer.newer.text.of(after.key) } : {}),
  }
  return writer.own({ verb: 'migrate', name: pascalCase(after.name), type: `${pascalCase(after.name)}Value`, types, why })
}

function typeOf(writer: StepWriter, side: 'older' | 'newer', property: TableModel | CellModel): string {
  return writer[side].text.of(valueOf(property)) + (property.kind === 'cell' && property.optional ? ' | undefined' : '')
}

/** Where all is moved, it may do nothing; it is there all the same: what is new may follow from what was. */
function wholeState(writer: StepWriter, lost: readonly string[]): string {
  const { older, newer } = writer
  const types = { from: older.type(older.model.names.readonlyState), to: newer.type(newer.model.names.state) }
  const { readonlyState, state } = newer.model.names
  const why = lost.length === 0 ? undefined : lost.join('; ')
  return writer.own({ verb: 'migrate', name: 'State', type: { from: readonlyState, to: state }, types, why, fills: true })
}

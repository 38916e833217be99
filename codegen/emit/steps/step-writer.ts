// Steps as expressions and functions: a value of one version as one of its neighbour. What needs a function of its own, a declared type or an
// error, gets one, before what uses it.
import type { Change } from '../../evolution/finding.ts'
import { fieldSteps, type ModelPair, type NodeStep, nodeStep, type TypeStep, typeStep } from '../../evolution/step.ts'
import { ValueChanges } from '../../evolution/value-changes.ts'
import type { ErrorModel, Model, TypeNode } from '../../model.ts'
import { lowerFirst, quoted } from '../../names.ts'
import type { Module } from '../module.ts'
import { literalText, TypeText } from '../type-text.ts'
import { asIsRules, losesByWay } from './as-is.ts'
import { objectLines } from './object-step.ts'
import { unionLines } from './union-step.ts'
import { NeedsUser, type Upcast } from './upcast.ts'
import { endsOf, type Way } from './way.ts'

/** One side of a pair, as `versions.ts` sees it. */
export interface Side {
  readonly model: Model
  /** Of the version: `v1`. */
  readonly label: string
  readonly text: TypeText
  /** Mentions a type of the emitted `types.ts` that is none of the schema's: the state. */
  type(name: string): string
  /** Mentions a declared error. */
  error(name: string): string
}

export class StepWriter {
  readonly module: Module
  readonly pair: ModelPair
  readonly older: Side
  readonly newer: Side
  /** Names of functions that are given out, by what they are for. */
  #functions = new Map<string, string>()
  readonly #migrations: string
  /** By their names: what they stand for. */
  readonly #exportedTypes: Map<string, string>
  readonly newest: number
  /** Errors that nobody is to be answered with any more. */
  readonly retiredErrors: readonly string[]
  /** What the user is to write. */
  readonly upcasts: Upcast[] = []

  constructor(module: Module, pair: ModelPair, { newest, migrations, retiredErrors, exported }: StepContext) {
    this.#exportedTypes = exported
    this.retiredErrors = retiredErrors
    this.#migrations = migrations
    this.newest = newest
    this.module = module
    this.pair = pair
    this.older = sideOf(module, pair.before, newest)
    this.newer = sideOf(module, pair.after, newest)
  }

  sides(way: Way): { readonly from: Side; readonly to: Side } {
    return way === 'up' ? { from: this.older, to: this.newer } : { from: this.newer, to: this.older }
  }

  /** All that is different between two types, however deep. `path`: what messages call it. */
  changes(before: TypeNode, after: TypeNode, path = ''): readonly Change[] {
    const changes = new ValueChanges(this.pair)
    changes.node(before, after, { path, spot: { kind: 'machine', key: 'state' } })
    return changes.changes
  }

  errorChanges(before: ErrorModel, after: ErrorModel): readonly Change[] {
    const changes = new ValueChanges(this.pair)
    changes.fields(before.fields, after.fields, { kind: 'error', name: after.name })
    return changes.changes
  }

  /** `value` of one type as one of the other. Stands for itself where it goes as it is. `at`: what messages call it. */
  convert(before: TypeNode, after: TypeNode, value: Converted): string {
    return this.step(nodeStep(this.pair, before, after), value)
  }

  /** `value`, an expression that may stand twice. */
  step(step: NodeStep, { value, at, way }: Converted): string {
    const inner = (part: NodeStep, partValue: string, partAt: string): string => this.step(part, { value: partValue, at: partAt, way })
    switch (step.kind) {
      case 'same':
      case 'bounds':
        return value
      case 'literals': {
        const gone = way === 'up' ? step.removed : step.added
        if (gone.length === 0) return value
        const is = gone.map((literal) => `${value} === ${literalText(literal)}`).join(' || ')
        return `${is} ? ${this.refuse(`${at} is a value that is ${this.#newOrGone(way)}`, way)} : ${value}`
      }
      case 'number':
        if ((step.to === 'number') === (way === 'up')) return value
        return `Number.isSafeInteger(${value}) ? ${value} : ${this.refuse(`${at} is no whole number`, way)}`
      case 'nullable': {
        const present = inner(step.of, value, at)
        if (step.null === (way === 'up' ? 'removed' : 'added')) {
          return `${value} === null ? ${this.refuse(`${at} is null, which is ${this.#newOrGone(way)}`, way)} : ${present}`
        }
        return present === value || step.null !== 'kept' ? present : `${value} === null ? null : ${present}`
      }
      case 'array': {
        const item = inner(step.items, 'item', `${at}[]`)
        return item === 'item' ? value : `Object.freeze(${value}.map((item) => ${item}))`
      }
      case 'tuple': {
        const items = step.items.map((item, i) => inner(item, `${value}[${i}]`, `${at}[${i}]`))
        return items.every((item, i) => item === `${value}[${i}]`) ? value : `Object.freeze([${items.join(', ')}] as const)`
      }
      case 'map': {
        const [key, item] = [inner(step.key, 'key', `${at}{key}`), inner(step.value, 'item', `${at}{}`)]
        if (key === 'key' && item === 'item') return value
        return `${this.module.use('frozenMap')}(Array.from(${value}, ([key, item]) => [${key}, ${item}] as const))`
      }
      case 'named':
        return this.#named(step.before, step.after, { value, at, way })
      case 'replaced':
        return this.refuse(`${at} has another type since version ${this.pair.after.version}`, way)
    }
  }

  /** An error of one version as that of the other. */
  error(before: ErrorModel, after: ErrorModel, value: string, way: Way): string {
    const exact = this.#wayFor(this.errorChanges(before, after), way)
    if (before.name === after.name && this.errorChanges(before, after).every(({ rule }) => asIsRules(way).has(rule))) return value
    const { to } = this.sides(way)
    const target = way === 'up' ? after : before
    const lines = (): readonly string[] =>
      objectLines(this, fieldSteps(this.pair, before.fields, after.fields), {
        owner: after.name,
        type: to.error(target.typeName),
        way: exact,
        code: target.name,
      })
    const types = { from: this.sides(way).from.error((way === 'up' ? before : after).typeName), to: to.error(target.typeName) }
    return `${this.function(`error ${after.name}`, after.typeName, exact, types, lines)}(${value})`
  }

  #newOrGone(way: Way): string {
    return `${way === 'up' ? 'gone since' : 'new in'} version ${this.pair.after.version}`
  }

  /** An expression that never comes to a value. */
  refuse(message: string, way: Way): string {
    if (way === 'up') throw new NeedsUser(message)
    return this.inexpressible(message)
  }

  inexpressible(message: string): string {
    const error = this.module.use('Inexpressible')
    this.module.once('function inexpressible(message: string): never {', `  throw new ${error}(message)`, '}')
    return `inexpressible(${quoted(message)})`
  }

  /** What `work` returns, or why it is the user's: then nothing of it is left. */
  attempt<T>(work: () => T): T | NeedsUser {
    const functions = new Map(this.#functions)
    const count = this.upcasts.length
    try {
      return this.module.attempt(work)
    } catch (error) {
      if (!(error instanceof NeedsUser)) throw error
      this.#functions = functions
      this.upcasts.splice(count)
      return error
    }
  }

  /** The name of a function; it is written once for each `key` and way. */
  function(
    key: string,
    type: TypeNames,
    way: Way,
    types: { readonly from: string; readonly to: string },
    body: () => readonly string[],
  ): string {
    const known = this.#functions.get(`${way} ${key}`)
    if (known !== undefined) return known
    const { from, to } = this.sides(way)
    const after = typeof type === 'string' ? type : type.to
    const wanted = `${lowerFirst(after)}${from.label.toUpperCase()}To${to.label.toUpperCase()}${way === 'exactly' ? 'Exactly' : ''}`
    let name = wanted
    for (let n = 2; [...this.#functions.values()].includes(name); n++) name = `${wanted}_${n}`
    const lines = this.attempt(() => {
      // First: a type may contain itself.
      this.#functions.set(`${way} ${key}`, name)
      return body()
    })
    if (lines instanceof NeedsUser) {
      const own = this.own({ verb: 'upcast', name: after, type, types, why: lines.message })
      this.#functions.set(`${way} ${key}`, own)
      return own
    }
    const { source } = endsOf(way)
    const isUsed = new RegExp(`\\b${source}\\b`).test(lines.join('\n').replace(/'(?:[^'\\]|\\.)*'/g, ''))
    this.module.add(`function ${name}(${isUsed ? source : `_${source}`}: ${types.from}): ${types.to} {`, ...lines, '}')
    return name
  }

  /** A function of the user: `upcastPartV1toV2`. Its name here. */
  own({ verb, name, type, types, why, fills }: OwnFunction): string {
    const { older, newer } = this
    const [from, to] = typeof type === 'string' ? [type, type] : [type.from, type.to]
    const made = {
      from: this.#exported(`${from}V${older.model.version}`, types.from),
      to: this.#exported(`${to}V${newer.model.version}`, types.to),
    }
    const wanted = `${verb}${name}${older.label.toUpperCase()}to${newer.label.toUpperCase()}`
    let own = wanted
    for (let n = 2; this.upcasts.some((one) => one.name === own && one.from !== made.from); n++) own = `${wanted}_${n}`
    if (!this.upcasts.some((one) => one.name === own)) {
      const key = types.key === undefined ? {} : { key: types.key }
      this.upcasts.push({ name: own, ...made, ...key, ...(fills === true ? { fills } : {}), why })
    }
    return this.module.useFile(this.#migrations, own)
  }

  /** The name under which `versions.ts` exports a type: another one where that of two types would be the same. */
  #exported(wanted: string, text: string): string {
    let name = wanted
    for (let n = 2; (this.#exportedTypes.get(name) ?? text) !== text; n++) name = `${wanted}_${n}`
    this.#exportedTypes.set(name, text)
    this.module.once(`export type ${name} = ${text}`)
    return name
  }

  #named(before: string, after: string, { value, way }: Converted): string {
    const changes = this.changes({ kind: 'named', name: before }, { kind: 'named', name: after })
    if (changes.every(({ rule }) => asIsRules(way).has(rule))) return value
    const own = this.#wayFor(changes, way)
    const { from, to } = this.sides(way)
    const [given, made] = way === 'up' ? [before, after] : [after, before]
    const types = { from: from.text.of({ kind: 'named', name: given }), to: to.text.of({ kind: 'named', name: made }) }
    const step = typeStep(this.pair, { before, after })
    return `${this.function(`${before} ${after}`, { from: before, to: after }, own, types, () => this.#typeLines(step, { before, after }, types.to, own))}(${value})`
  }

  #typeLines(step: TypeStep, names: { readonly before: string; readonly after: string }, type: string, way: Way): readonly string[] {
    const { source } = endsOf(way)
    switch (step.kind) {
      case 'object':
        return objectLines(this, step.fields, { owner: names.after, type, way })
      case 'union':
        return unionLines(this, step.variants, { ...names, way })
      case 'alias':
        return [`  return ${this.step(step.type, { value: source, at: names.after, way })}`]
      case 'replaced':
        return [`  return ${this.refuse(`${names.after} is another type since version ${this.pair.after.version}`, way)}`]
    }
  }

  /** Two functions that do the same are one. */
  #wayFor(changes: readonly Change[], way: Way): Way {
    return way === 'exactly' && !changes.some(({ rule }) => losesByWay.has(rule)) ? 'down' : way
  }
}

export interface StepContext {
  readonly retiredErrors: readonly string[]
  /** The version whose code is beside the module; that of others is in folders. */
  readonly newest: number
  /** The module of the user's functions, as imports name it. */
  readonly migrations: string
  /** Types that the module exports for the user's functions: filled by all steps. */
  readonly exported: Map<string, string>
}

/** What the type is called in the older version and in the newer, or in both. */
type TypeNames = string | { readonly from: string; readonly to: string }

export type OwnFunction = Pick<Upcast, 'why' | 'fills'> & {
  readonly verb: 'upcast' | 'migrate'
  readonly name: string
  readonly type: TypeNames
  readonly types: { readonly from: string; readonly to: string; readonly key?: string }
}

export interface Converted {
  /** An expression that may stand twice. */
  readonly value: string
  /** What messages call it. */
  readonly at: string
  readonly way: Way
}

function sideOf(module: Module, model: Model, newest: number): Side {
  const label = `v${model.version}`
  const folder = model.version === newest ? '' : `${label}/`
  return {
    model,
    label,
    text: new TypeText(model, (name) => `${module.useNamespace(`${folder}types`, label)}.${name}`),
    type: (name) => `${module.useNamespace(`${folder}types`, label)}.${name}`,
    error: (name) => `${module.useNamespace(`${folder}errors`, `${label}Errors`)}.${name}`,
  }
}

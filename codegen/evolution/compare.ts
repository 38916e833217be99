// Two versions of a schema, edit by edit: what is safe, what needs a migration, and what breaks logs or clients.
import type { Spot } from '../build/where.ts'
import type { DraftRetired } from '../draft.ts'
import type { Lock, LockedVersion } from '../lock.ts'
import { LockReader } from '../lock-reader.ts'
import { modelOf } from '../locked-model.ts'
import { nodeText } from '../locked-text.ts'
import type { ErrorModel, Model, OperationModel, StateProperty } from '../model.ts'
import { type Change, type Finding, findingOf, machineFinding, type Subject, type UsedAs } from './finding.ts'
import type { EvolutionCode } from './rules.ts'
import { shownValue } from './shown-value.ts'
import { formerOf, type ModelPair } from './step.ts'
import { type At, ValueChanges } from './value-changes.ts'

export interface SchemaVersion {
  readonly model: Model
  readonly locked: LockedVersion
}

/** Of the wire lock alone. Throws an `Error` where it does not have that version whole. */
export function lockedVersionOf(lock: Lock, version: number): SchemaVersion {
  const model = modelOf(lock, version)
  const locked = lock.versions[version]
  if (locked === undefined) throw new Error(`the wire lock of ${lock.machine} has no version ${version}`)
  return { model, locked }
}

/** What is gone on purpose. */
export type Retired = Omit<DraftRetired, 'versions'>
export const nothingRetired: Retired = { clients: [], commands: [], queries: [], errors: [] }

/** In the order of the newer schema; what is gone comes last in its section. */
export function compareVersions(before: SchemaVersion, after: SchemaVersion, retired: Retired = nothingRetired): readonly Finding[] {
  return new Comparison(before, after, retired).findings()
}

class Comparison {
  readonly #before: SchemaVersion
  readonly #after: SchemaVersion
  readonly #pair: ModelPair
  readonly #retired: Retired
  readonly #readersReady: boolean
  readonly #findings = new Map<string, Finding>()

  constructor(before: SchemaVersion, after: SchemaVersion, retired: Retired) {
    this.#before = before
    this.#after = after
    this.#pair = { before: before.model, after: after.model }
    this.#retired = retired
    this.#readersReady = retired.clients.includes(before.model.version)
  }

  findings(): readonly Finding[] {
    this.#machine()
    this.#state()
    this.#errors()
    this.#operations('command')
    this.#operations('query')
    this.#tombstones()
    return [...this.#findings.values()]
  }

  #machine(): void {
    const { before, after } = this.#pair
    if (before.name !== after.name) {
      const message = `the machine was called ${before.name} and is called ${after.name}`
      const where: Spot = { kind: 'machine', key: 'name' }
      this.#say({ rule: 'EVOLVE_MACHINE_RENAMED', message, before: before.name, after: after.name, where }, 'machine')
    }
    if (!before.open || before.version === after.version) return
    const message = `version ${before.version} is not frozen, and the schema has version ${after.version}`
    const where: Spot = { kind: 'machine', key: 'version' }
    this.#say({ rule: 'EVOLVE_BASE_OPEN', message, before: String(before.version), after: String(after.version), where }, 'machine')
  }

  #state(): void {
    const { before, after } = this.#pair
    const kept = new Set<string>()
    for (const property of after.state) {
      const where: Spot = { kind: 'property', name: property.name }
      const old = formerOf(property, before.state)
      if (old !== undefined) {
        kept.add(old.name)
        this.#property(old, property, where)
        continue
      }
      const message = `state.${property.name} is new`
      this.#inState([{ rule: 'EVOLVE_STATE_ADDED', message, before: undefined, after: propertyText(property), where }])
    }
    for (const property of before.state) {
      if (kept.has(property.name)) continue
      const message = `state.${property.name} is gone`
      const where: Spot = { kind: 'machine', key: 'state' }
      this.#inState([{ rule: 'EVOLVE_STATE_REMOVED', message, before: propertyText(property), after: undefined, where }])
    }
  }

  #property(before: StateProperty, after: StateProperty, where: Spot): void {
    const path = `state.${after.name}`
    const say = (rule: EvolutionCode, message: string, texts: Pick<Change, 'before' | 'after'>): void =>
      this.#inState([{ rule, message, ...texts, where }])
    if (before.name !== after.name) {
      say('EVOLVE_STATE_RENAMED', `${path} was called ${before.name}`, { before: before.name, after: after.name })
    }
    if (before.kind !== after.kind) {
      const texts = { before: propertyText(before), after: propertyText(after) }
      return say('EVOLVE_STATE_KIND_CHANGED', `${path} was a ${before.kind} and is a ${after.kind}`, texts)
    }
    const changes = this.#propertyChanges(before, after, { path, spot: where })
    this.#inState(changes)
    const [was, is] = [initialText(this.#before, before), initialText(this.#after, after)]
    // Of another type it is another.
    if (was !== is && changes.length === 0)
      say('EVOLVE_INITIAL_CHANGED', `the initial value of ${path} was ${was} and is ${is}`, { before: was, after: is })
  }

  #propertyChanges(before: StateProperty, after: StateProperty, at: At): readonly Change[] {
    const changes = new ValueChanges(this.#pair)
    if (before.kind === 'table' && after.kind === 'table') {
      changes.node(before.key, after.key, { ...at, path: `${at.path}{key}` })
      changes.node(before.value, after.value, { ...at, path: `${at.path}{}` })
    }
    if (before.kind !== 'cell' || after.kind !== 'cell') return changes.changes
    changes.node(before.type, after.type, at)
    if (before.optional === after.optional) return changes.changes
    const [was, is] = before.optional ? ['optional', 'required'] : ['required', 'optional']
    const rule = before.optional ? 'EVOLVE_FIELD_MADE_REQUIRED' : 'EVOLVE_FIELD_MADE_OPTIONAL'
    return [...changes.changes, { rule, message: `${at.path} was ${was} and is ${is}`, before: was, after: is, where: at.spot }]
  }

  #errors(): void {
    for (const error of this.#pair.after.errors) {
      const where: Spot = { kind: 'error', name: error.name }
      const old = formerOf(error, this.#pair.before.errors)
      this.#tag('error', { name: error.name, tag: error.tag, old, others: this.#pair.before.errors, where })
      if (old === undefined) continue
      if (old.name !== error.name) {
        const message = `the error ${error.name} was called ${old.name}`
        this.#say({ rule: 'EVOLVE_ERROR_RENAMED', message, before: old.name, after: error.name, where }, 'error')
      }
      const changes = new ValueChanges(this.#pair)
      changes.fields(old.fields, error.fields, { kind: 'error', name: error.name })
      this.#used(changes.changes, { subject: 'error', use: 'result', words: `the error ${error.name}` })
    }
  }

  #operations(kind: 'command' | 'query'): void {
    const list = kind === 'command' ? 'commands' : 'queries'
    const [before, after] = [this.#pair.before[list], this.#pair.after[list]]
    const upper = kind === 'command' ? 'COMMAND' : 'QUERY'
    const kept = new Set<string>()
    for (const operation of after) {
      const { name, tag } = operation
      const where: Spot = { kind, name }
      const old = formerOf(operation, before)
      this.#tag(kind, { name, tag, old, others: before, where })
      if (old === undefined) {
        const message = `the ${kind} ${name} is new`
        this.#say({ rule: `EVOLVE_${upper}_ADDED`, message, before: undefined, after: name, where }, kind)
        continue
      }
      kept.add(old.name)
      if (old.name !== name) {
        const message = `the ${kind} ${name} was called ${old.name}`
        this.#say({ rule: `EVOLVE_${upper}_RENAMED`, message, before: old.name, after: name, where }, kind)
      }
      this.#operation(old, operation)
    }
    for (const { name } of before) {
      if (kept.has(name)) continue
      const isRetired = this.#retired[list].includes(name)
      const rule = isRetired ? (`EVOLVE_${upper}_RETIRED` as const) : (`EVOLVE_${upper}_REMOVED` as const)
      const message = isRetired ? `the ${kind} ${name} is retired` : `the ${kind} ${name} is gone`
      const where: Spot = { kind: 'machine', key: isRetired ? 'retired' : list }
      this.#say({ rule, message, before: name, after: undefined, where }, kind)
    }
  }

  #operation(before: OperationModel, after: OperationModel): void {
    const { kind, name } = after
    const input = new ValueChanges(this.#pair)
    const inputNode = { kind: 'named', name: after.input } as const
    input.node({ kind: 'named', name: before.input }, inputNode, { path: `${name}.input`, spot: { kind: 'input', of: kind, name } })
    this.#used(input.changes, { subject: kind, use: 'input', words: `the input of ${name}` })
    this.#output(before, after)
    if (kind === 'command') this.#answeredErrors(before, after)
  }

  #output(before: OperationModel, after: OperationModel): void {
    const { kind, name } = after
    const spot: Spot = { kind: 'output', of: kind, name }
    const as: UsedAs = { subject: kind === 'command' ? 'result' : 'query', use: 'result', words: `the result of ${name}` }
    if (before.output !== undefined && after.output !== undefined) {
      const changes = new ValueChanges(this.#pair)
      changes.node(before.output, after.output, { path: `${name}.output`, spot })
      return this.#used(changes.changes, as)
    }
    const [was, is] = [before.output, after.output].map((node) => (node === undefined ? undefined : nodeText(node)))
    if (is !== undefined) {
      this.#used([{ rule: 'EVOLVE_OUTPUT_ADDED', message: `${name} had no output and has ${is}`, before: was, after: is, where: spot }], as)
    } else if (was !== undefined) {
      const where: Spot = { kind, name }
      this.#used(
        [{ rule: 'EVOLVE_OUTPUT_REMOVED', message: `${name} had the output ${was} and has none`, before: was, after: is, where }],
        as,
      )
    }
  }

  #answeredErrors(before: OperationModel, after: OperationModel): void {
    const { name } = after
    const where: Spot = { kind: 'command', name }
    const formerName = (error: string): string => this.#pair.after.errors.find((declared) => declared.name === error)?.was ?? error
    for (const error of after.errors) {
      if (before.errors.includes(formerName(error))) continue
      this.#say({ rule: 'EVOLVE_ERROR_ADDED', message: `${name} may answer ${error}`, before: undefined, after: error, where }, 'error')
    }
    const answered = after.errors.map(formerName)
    for (const error of before.errors) {
      if (answered.includes(error)) continue
      const rule = this.#retired.errors.includes(error) ? 'EVOLVE_ERROR_RETIRED' : 'EVOLVE_ERROR_REMOVED'
      this.#say({ rule, message: `${name} does not answer ${error} any more`, before: error, after: undefined, where }, 'error')
    }
  }

  #tag(kind: 'command' | 'query' | 'error', { name, tag, old, others, where }: TagOf): void {
    if (old !== undefined && old.tag !== tag) {
      const message = `the ${kind} ${name} had the tag ${old.tag} and has ${tag}`
      this.#say({ rule: 'EVOLVE_TAG_CHANGED', message, before: String(old.tag), after: String(tag), where }, kind)
    }
    const list = kind === 'command' ? 'commands' : kind === 'query' ? 'queries' : 'errors'
    const gone = Object.entries(this.#before.locked.retired[list]).find(([former, known]) => known === tag && former !== name)?.[0]
    const owner = others.find((other) => other.tag === tag && other !== old)?.name ?? (old === undefined ? gone : undefined)
    if (owner === undefined) return
    const message = `the ${kind} ${name} has the tag ${tag}, which was that of ${owner}`
    this.#say({ rule: 'EVOLVE_TAG_REUSED', message, before: owner, after: name, where }, kind)
  }

  #tombstones(): void {
    for (const list of ['commands', 'queries', 'errors'] as const) {
      const kind = list === 'commands' ? 'command' : list === 'queries' ? 'query' : 'error'
      const { locked } = this.#after
      const kept = [...Object.values(locked[list]).map(({ tag }) => tag), ...Object.values(locked.retired[list])]
      const gone = Object.entries({ ...tagsOf(this.#before.locked[list]), ...this.#before.locked.retired[list] })
      for (const [name, tag] of gone) {
        if (kept.includes(tag)) continue
        const message = `the wire lock does not keep the tag ${tag} of the ${kind} ${name}`
        const where: Spot = { kind: 'machine', key: list }
        this.#say({ rule: 'EVOLVE_TOMBSTONE_DELETED', message, before: `${name} ${tag}`, after: undefined, where }, kind)
      }
    }
  }

  #inState(changes: readonly Change[]): void {
    this.#used(changes, { subject: 'state', use: 'state', words: 'the state' })
  }

  #used(changes: readonly Change[], as: UsedAs): void {
    for (const change of changes) this.#add(findingOf(change, as, this.#readersReady), `${change.message} ${as.use}`)
  }

  #say(change: Change, subject: Subject): void {
    this.#add(machineFinding(change, subject, this.#readersReady), change.message)
  }

  /** A type that several commands use is told of once. */
  #add(finding: Finding, what: string): void {
    const key = `${finding.rule} ${finding.subject} ${what}`
    if (!this.#findings.has(key)) this.#findings.set(key, finding)
  }
}

interface TagOf {
  readonly name: string
  readonly tag: number
  readonly old: { readonly name: string; readonly tag: number } | undefined
  readonly others: readonly (OperationModel | ErrorModel)[]
  readonly where: Spot
}

const tagsOf = (operations: Readonly<Record<string, { readonly tag: number }>>): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(operations).map(([name, { tag }]) => [name, tag]))

const propertyText = (property: StateProperty): string =>
  property.kind === 'table' ? `Table<${nodeText(property.key)}, ${nodeText(property.value)}>` : nodeText(property.type)

/** In the words of the schema: on the wire it depends on the order of fields as well. */
function initialText({ locked }: SchemaVersion, property: StateProperty): string {
  const reader = new LockReader(locked)
  if (property.kind === 'table')
    return shownValue(new Map(property.initial.map(([key, value]) => [key, reader.read(property.value, value)])))
  const { type, initial, optional } = property
  return shownValue(optional ? reader.readOptional(type, initial) : reader.read(type, initial))
}

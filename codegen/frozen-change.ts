// What is different in a version that was frozen, in the words of a message. Entries, snapshots and clients of it are in use.
import type { LockedField, LockedProperty, LockedType, LockedVersion } from './lock.ts'
import { type Bound, bareText, boundsOf, boundText } from './locked-text.ts'
import { parseLockedState, parseLockedType } from './locked-type.ts'
import type { KeyNode, TypeNode } from './model.ts'

/** `the bound maxLength of Acquire.name was 64 and is 32`; none where nothing is. */
export function frozenChange(before: LockedVersion, after: LockedVersion): string | undefined {
  if (before.wire !== after.wire) return wireChange(before, after)
  return new Comparison(before, after).first()
}

/** What a reader should look at first. */
function wireChange(before: LockedVersion, after: LockedVersion): string {
  const operations = [
    ...changes('command', before.commands, after.commands),
    ...changes('query', before.queries, after.queries),
    ...changes('error', before.errors, after.errors),
    ...fieldChanges('state', before.state, after.state),
  ]
  for (const [name, error] of Object.entries(before.errors))
    operations.push(...fieldChanges(name, error.fields, after.errors[name]?.fields ?? []))
  for (const [name, type] of Object.entries(before.types)) {
    const now = after.types[name]
    if ('fields' in type && now !== undefined && 'fields' in now) operations.push(...fieldChanges(name, type.fields, now.fields))
    else if (now !== undefined && shape(type) !== shape(now)) operations.push(`the type ${name} has changed`)
  }
  return operations[0] ?? 'the types of its operations have changed'
}

function changes(what: string, before: Readonly<Record<string, object>>, after: Readonly<Record<string, object>>): readonly string[] {
  const gone = Object.keys(before)
    .filter((name) => !Object.hasOwn(after, name))
    .map((name) => `the ${what} ${name} is gone`)
  const added = Object.keys(after)
    .filter((name) => !Object.hasOwn(before, name))
    .map((name) => `the ${what} ${name} is new`)
  return [...gone, ...added]
}

function fieldChanges(owner: string, before: readonly LockedField[], after: readonly LockedField[]): readonly string[] {
  const now = new Map(after.map((field) => [field.name, field]))
  const changed = before.flatMap((field) => {
    const other = now.get(field.name)
    if (other === undefined) return [`the field ${owner}.${field.name} is gone`]
    if (bare(other.type) !== bare(field.type)) return [`the field ${owner}.${field.name} was ${field.type} and is ${other.type}`]
    return other.optional === field.optional
      ? []
      : [`the field ${owner}.${field.name} was ${field.optional === true ? 'optional' : 'required'} and no longer is`]
  })
  const known = new Set(before.map((field) => field.name))
  return [...changed, ...after.filter((field) => !known.has(field.name)).map((field) => `the field ${owner}.${field.name} is new`)]
}

/** Bounds may have changed as well, or not have been written. */
function bare(text: string): string {
  const node = parseLockedState(text)
  return node.kind === 'cell' ? bareText(node.type) : `Table<${bareText(node.key)}, ${bareText(node.value)}>`
}

function shape(type: LockedType): string {
  if ('fields' in type) return 'fields'
  if ('is' in type) return bare(type.is)
  return JSON.stringify(type.variants.map(({ tag, key, type: variant }) => [tag, key, bare(variant)]))
}

/** Two versions that are alike on the wire: only names of types may differ, so the two can be walked side by side. */
class Comparison {
  readonly #before: LockedVersion
  readonly #after: LockedVersion
  readonly #walked = new Set<string>()

  constructor(before: LockedVersion, after: LockedVersion) {
    this.#before = before
    this.#after = after
  }

  first(): string | undefined {
    const { commands, queries, errors, state } = this.#before
    for (const [name, before] of [...Object.entries(commands), ...Object.entries(queries)]) {
      const after = this.#after.commands[name] ?? this.#after.queries[name]
      if (after === undefined) continue
      const output = before.output === undefined || after.output === undefined ? undefined : ([before.output, after.output] as const)
      const found = this.#types(before.input, after.input) ?? (output === undefined ? undefined : this.#texts(...output, `${name}.output`))
      if (found !== undefined) return found
    }
    for (const [name, { fields }] of Object.entries(errors)) {
      const found = this.#fields(name, fields, this.#after.errors[name]?.fields ?? [])
      if (found !== undefined) return found
    }
    return firstOf(state, (property) => this.#property(property))
  }

  #property(before: LockedProperty): string | undefined {
    const after = this.#after.state.find(({ name }) => name === before.name)
    if (after === undefined) return undefined
    const path = `state.${before.name}`
    const initial = this.#before.partial === true ? undefined : valueChange('initial value', path, before.initial, after.initial)
    if (initial !== undefined) return initial
    const [one, other] = [parseLockedState(before.type), parseLockedState(after.type)]
    if (one.kind === 'cell') return other.kind === 'cell' ? this.#nodes(one.type, other.type, path) : undefined
    if (other.kind === 'cell') return undefined
    return this.#nodes(one.key, other.key, `${path}{key}`) ?? this.#nodes(one.value, other.value, `${path}{}`)
  }

  #fields(owner: string, before: readonly LockedField[], after: readonly LockedField[]): string | undefined {
    return firstOf(before, (field) => {
      const other = after.find(({ name }) => name === field.name)
      if (other === undefined) return undefined
      const path = `${owner}.${field.name}`
      return this.#defaults(path, field.default, other.default) ?? this.#texts(field.type, other.type, path)
    })
  }

  /** What an older release wrote of defaults that hold others was not what applies. */
  #defaults(path: string, before: unknown, after: unknown): string | undefined {
    const isVague = this.#before.partial === true && typeof before === 'object' && after !== undefined
    return isVague ? undefined : valueChange('default', path, before, after)
  }

  #texts(before: string, after: string, path: string): string | undefined {
    return this.#nodes(parseLockedType(before), parseLockedType(after), path)
  }

  #types(before: string, after: string): string | undefined {
    const pair = `${before} ${after}`
    if (this.#walked.has(pair)) return undefined
    this.#walked.add(pair)
    const [one, other] = [this.#before.types[before], this.#after.types[after]]
    return one === undefined || other === undefined ? undefined : this.#declared(before, one, other)
  }

  #declared(name: string, before: LockedType, after: LockedType): string | undefined {
    if ('fields' in before) return 'fields' in after ? this.#fields(name, before.fields, after.fields) : undefined
    if ('is' in before) return 'is' in after ? this.#texts(before.is, after.is, name) : undefined
    if (!('variants' in after)) return undefined
    const discriminators = [before.discriminator, after.discriminator] as const
    const discriminator = this.#before.partial === true ? undefined : valueChange('discriminator', name, ...discriminators)
    if (discriminator !== undefined) return discriminator
    return firstOf(before.variants, ({ tag, key, type }) => {
      const other = after.variants.find((variant) => variant.tag === tag)
      return other === undefined ? undefined : this.#texts(type, other.type, `${name}[${key}]`)
    })
  }

  #nodes(before: TypeNode | KeyNode, after: TypeNode | KeyNode, path: string): string | undefined {
    const bounds = this.#before.partial === true ? undefined : boundChange(boundsOf(before), boundsOf(after), path)
    return bounds ?? this.#parts(before, after, path)
  }

  #parts(before: TypeNode | KeyNode, after: TypeNode | KeyNode, path: string): string | undefined {
    if (before.kind === 'named' && after.kind === 'named') return this.#types(before.name, after.name)
    if (before.kind === 'nullable' && after.kind === 'nullable') return this.#nodes(before.of, after.of, path)
    if (before.kind === 'array' && after.kind === 'array') return this.#nodes(before.items, after.items, `${path}[]`)
    if (before.kind === 'map' && after.kind === 'map') {
      return this.#nodes(before.key, after.key, `${path}{key}`) ?? this.#nodes(before.value, after.value, `${path}{}`)
    }
    if (before.kind !== 'tuple' || after.kind !== 'tuple') return undefined
    return firstOf([...before.items.entries()], ([i, item]) => this.#nodes(item, after.items[i] ?? item, `${path}[${i}]`))
  }
}

function firstOf<T>(items: readonly T[], change: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = change(item)
    if (found !== undefined) return found
  }
  return undefined
}

function boundChange(before: readonly Bound[], after: readonly Bound[], path: string): string | undefined {
  const valueOf = (bounds: readonly Bound[], name: string): Bound['value'] | undefined => bounds.find((bound) => bound.name === name)?.value
  const shown = (value: Bound['value'] | undefined): string => (value === undefined ? 'none' : boundText(value))
  return firstOf([...new Set([...before, ...after].map(({ name }) => name))], (name) => {
    const [was, is] = [valueOf(before, name), valueOf(after, name)]
    return was === is ? undefined : `the bound ${name} of ${path} was ${shown(was)} and is ${shown(is)}`
  })
}

function valueChange(what: string, path: string, before: unknown, after: unknown): string | undefined {
  const [was, is] = [JSON.stringify(before), JSON.stringify(after)]
  return was === is ? undefined : `the ${what} of ${path} was ${was ?? 'none'} and is ${is ?? 'none'}`
}

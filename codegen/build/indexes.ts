// Secondary indexes of tables, as the schema declares them: by one field, by several, unique or not.
import type { DraftCell, DraftField, DraftTable, DraftType } from '../draft.ts'
import type { IndexFieldModel, IndexModel, TypeNode } from '../model.ts'
import { isInherited } from '../names.ts'
import type { Place } from '../place.ts'
import type { Reporter } from './reporter.ts'
import { isPlainObject } from './schema-value.ts'
import { checkKeys, entriesOf, suggestion } from './shape.ts'

/** Each field is compared at each step of a search; beyond this a field of its own that joins them serves better. */
const indexFieldsMax = 8

type Property = DraftTable | DraftCell
type Types = ReadonlyMap<string, DraftType>

/** `state` with its indexes. `place`: of `indexes`. */
export function withIndexes(
  state: readonly Property[],
  value: unknown,
  types: Types,
  place: Place,
  reporter: Reporter,
): readonly Property[] {
  const given = new Map(entriesOf(value, place, reporter))
  for (const name of given.keys()) checkTable(name, state, place, reporter)
  return state.map((property) => {
    if (property.kind === 'cell' || !given.has(property.name)) return property
    const at = place.property(property.name)
    const builder = new IndexBuilder(property, types, reporter)
    const indexes = entriesOf(given.get(property.name), at, reporter).map(([name, spec]) => builder.index(name, spec, at.property(name)))
    return { ...property, indexes: indexes.filter((index) => index !== undefined) }
  })
}

function checkTable(name: string, state: readonly Property[], place: Place, reporter: Reporter): void {
  const property = state.find((one) => one.name === name)
  if (property?.kind === 'table') return
  const tables = state.filter(({ kind }) => kind === 'table').map((one) => one.name)
  const hint =
    tables.length === 0 ? 'Only a Record directly in state is a table, and can have indexes.' : `Tables are ${tables.join(', ')}.`
  reporter.report(place.property(name).namePosition, {
    code: 'INDEX_INVALID',
    message: property === undefined ? `indexes has ${name}, which is not in state` : `indexes has ${name}, and state.${name} is no table`,
    hint: (property === undefined ? suggestion(name, tables) : undefined) ?? hint,
  })
}

/** Fields of one object, or of each variant where values are of several. */
type Variants = readonly (readonly DraftField[])[]

class IndexBuilder {
  readonly #table: DraftTable
  readonly #types: Types
  readonly #reporter: Reporter
  readonly #variants: Variants | undefined

  constructor(table: DraftTable, types: Types, reporter: Reporter) {
    this.#table = table
    this.#types = types
    this.#reporter = reporter
    this.#variants = variantsOf(table.value, types)
  }

  index(name: string, spec: unknown, place: Place): IndexModel | undefined {
    this.#checkName(name, place)
    if (this.#variants === undefined) {
      const message = `${place.path} is an index, and the values of state.${this.#table.name} are no objects, so they have no fields`
      this.#report(place, message, 'Put each value into an object.')
      return undefined
    }
    const isOptions = isPlainObject(spec)
    if (isOptions) checkKeys(spec, ['on', 'unique'], place, this.#reporter)
    const on = isOptions ? spec['on'] : spec
    const unique = isOptions ? (spec['unique'] ?? false) : false
    const at = isOptions ? place.property('on') : place
    const fields = typeof on === 'string' ? [this.#field(on, this.#variants, at)] : this.#fields(on, this.#variants, at)
    if (typeof unique !== 'boolean') {
      this.#report(place.property('unique'), `${place.path}.unique is ${JSON.stringify(unique)}`, 'Write true or false.')
    }
    return { name, docs: place.docs, unique: unique === true, fields: fields.filter((field) => field !== undefined) }
  }

  #fields(on: unknown, variants: Variants, place: Place): readonly (IndexFieldModel | undefined)[] {
    const names = Array.isArray(on) ? on : []
    if (names.length === 0 || !names.every((name) => typeof name === 'string')) {
      const hint = "Write 'owner', ['queue', 'runAt'], or { on: 'email', unique: true }."
      this.#report(place, `${place.path} is neither the name of a field, nor a list of some`, hint)
      return []
    }
    if (names.length > indexFieldsMax) {
      this.#report(place, `${place.path} has ${names.length} fields, at most ${indexFieldsMax} are allowed`, 'Leave out the last ones.')
    }
    return names.map((name, i) => {
      if (names.indexOf(name) < i) this.#report(place.listed(i), `${place.path} has the field ${name} twice`, 'Leave out the second.')
      return this.#field(name, variants, place.listed(i))
    })
  }

  #field(name: string, variants: Variants, place: Place): IndexFieldModel | undefined {
    const found = variants.flatMap((fields) => fields.find((field) => field.name === name) ?? [])
    const [first] = found
    if (first === undefined) {
      const names = [...new Set(variants.flat().map((field) => field.name))]
      const message = `${place.path} names the field ${name}, which the values of state.${this.#table.name} do not have`
      this.#report(place, message, suggestion(name, names) ?? `Their fields are ${names.join(', ')}.`)
      return undefined
    }
    const kinds = new Set(found.map((field) => orderOf(field.type, this.#types)))
    const [type] = kinds
    if (type === undefined || kinds.size > 1) {
      const why = kinds.size > 1 ? 'is of different types in different variants' : 'has no order'
      const hint = 'Strings, numbers, bigints, booleans and enums have one, where all values are of one of these types.'
      this.#report(place, `${place.path} names the field ${name}, which ${why}`, hint)
      return undefined
    }
    return { name, type, nodes: found.map((field) => present(field.type, this.#types)), everywhere: found.length === variants.length }
  }

  #checkName(name: string, place: Place): void {
    if (name !== '' && !isInherited(name) && !/\p{Surrogate}/u.test(name)) return
    this.#reporter.report(place.namePosition, {
      code: 'NAME_RESERVED',
      message: `an index of state.${this.#table.name} is called ${JSON.stringify(name)}`,
      hint: 'Give it another name.',
    })
  }

  #report(place: Place, message: string, hint: string): void {
    this.#reporter.report(place, { code: 'INDEX_INVALID', message, hint })
  }
}

function variantsOf(node: TypeNode, types: Types): Variants | undefined {
  const type = node.kind === 'named' ? types.get(node.name) : undefined
  switch (type?.kind) {
    case 'object':
      return [type.fields]
    case 'alias':
      return variantsOf(type.type, types)
    case 'union': {
      const variants = type.variants.map((variant) => variantsOf(variant.type, types))
      return variants.includes(undefined) ? undefined : variants.flatMap((fields) => fields ?? [])
    }
    default:
      return undefined
  }
}

/** What its values are compared as; none where they cannot be. */
function orderOf(node: TypeNode, types: Types): IndexFieldModel['type'] | undefined {
  switch (node.kind) {
    case 'string':
    case 'bigint':
    case 'boolean':
    case 'number':
      return node.kind
    case 'integer':
      return 'number'
    case 'literals':
      return literalsOrder(new Set(node.values.map((value) => typeof value)))
    case 'nullable':
      return orderOf(node.of, types)
    case 'named': {
      const type = types.get(node.name)
      return type?.kind === 'alias' ? orderOf(type.type, types) : undefined
    }
    default:
      return undefined
  }
}

function literalsOrder(kinds: ReadonlySet<string>): IndexFieldModel['type'] | undefined {
  const [kind] = kinds
  return kinds.size === 1 && (kind === 'string' || kind === 'number' || kind === 'boolean') ? kind : undefined
}

/** Without `null`, which is not in an index. */
function present(node: TypeNode, types: Types): TypeNode {
  if (node.kind === 'nullable') return node.of
  const type = node.kind === 'named' ? types.get(node.name) : undefined
  if (type?.kind !== 'alias') return node
  const inner = present(type.type, types)
  return inner === type.type ? node : inner
}

/** Two entries that have the same values in a unique index; none when all is well. */
export function sameInIndex(
  entries: ReadonlyMap<string | number, unknown>,
  { unique, fields }: IndexModel,
): readonly [string | number, string | number] | undefined {
  if (!unique) return undefined
  const holders = new Map<string, string | number>()
  for (const [key, value] of entries) {
    const values = fields.map(({ name }): unknown => (isPlainObject(value) ? value[name] : undefined))
    if (values.some((each) => each === undefined || each === null)) continue
    const id = JSON.stringify(values.map((each) => (typeof each === 'bigint' ? `${each}` : each)))
    const holder = holders.get(id)
    if (holder !== undefined) return [holder, key]
    holders.set(id, key)
  }
  return undefined
}

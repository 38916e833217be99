// TypeBox schemas to nodes. What cannot be replicated faithfully is reported with its path and the way out; building goes on, so that one
// run finds everything.
import type { DraftField, DraftType } from '../draft.ts'
import type { KeyNode, TypeNode } from '../model.ts'
import { isInherited, pascalCase } from '../names.ts'
import type { Place } from '../place.ts'
import { intersectionOf } from './intersection.ts'
import { recordKey } from './record-key.ts'
import type { Reporter } from './reporter.ts'
import { bigintNode, bytesNode, checkOrder, count, integerNode, literalsNode, literalValues, numberNode, stringNode } from './scalars.ts'
import { isPlainObject, kindOf, listOf, type Schema, schemaOf, textOf, unsupportedKeywords } from './schema-value.ts'
import type { TypeNames } from './type-names.ts'
import { unionNode } from './unions.ts'
import { wayOut } from './unsupported.ts'

/** Stands for what was reported. */
export const broken: TypeNode = { kind: 'null' }

/** The definitions that references of a recursive type may name. */
interface Scope {
  readonly definitions: ReadonlyMap<string, { readonly schema: unknown; readonly name: string; readonly place: Place }>
}

export class TypeBuilder {
  readonly reporter: Reporter
  readonly names: TypeNames
  readonly types = new Map<string, DraftType>()
  /** Where each type was met first. */
  readonly places = new Map<string, Place>()
  /** To be checked when all types are known. */
  readonly defaults: { readonly place: Place; readonly type: TypeNode; readonly value: unknown }[] = []
  readonly #building = new Set<string>()
  /** What was built already: a constant that is used in many places is built once. */
  readonly #objects = new WeakMap<Schema, string>()
  /** Schemas of what has a name, and may say that it was another one. */
  readonly #bearers = new WeakSet<Schema>()
  #scope: Scope | undefined

  constructor(reporter: Reporter, names: TypeNames) {
    this.reporter = reporter
    this.names = names
  }

  /** The node of a schema; `fallback` is its name if it needs one and has none. */
  node(value: unknown, place: Place, fallback: string): TypeNode {
    const kind = kindOf(value)
    const schema = schemaOf(value)
    if (kind === undefined) return this.#unsupported(undefined, place)
    this.checkKeywords(kind, schema, place)
    const { reporter } = this
    switch (kind) {
      case 'String':
        return stringNode(schema, place, reporter)
      case 'Integer':
        return integerNode(schema, place, reporter)
      case 'Number':
        return numberNode(schema, place, reporter)
      case 'BigInt':
        return bigintNode(schema, place, reporter)
      case 'Bytes':
        return bytesNode(schema, place, reporter)
      case 'Boolean':
        return { kind: 'boolean' }
      case 'Null':
        return { kind: 'null' }
      case 'Literal':
      case 'Enum':
        return this.aliased(literalsNode(literalValues(schema), place, reporter), schema, place)
      case 'Array':
        return this.#array(schema, place, fallback)
      case 'Tuple':
        return this.#tuple(schema, place, fallback)
      case 'Record':
        return this.#map(schema, place, fallback)
      case 'Union':
        return unionNode(this, schema, place, fallback)
      case 'Object':
      case 'Intersect':
        return this.object(schema, place, fallback)
      case 'Cyclic':
        return this.#cyclic(schema, place)
      case 'Ref':
        return this.#reference(schema, place)
      default:
        return this.#unsupported(kind, place)
    }
  }

  /** A named object type. */
  object(schema: Schema, place: Place, fallback: string): TypeNode {
    const name = this.names.given(schema, place) ?? fallback
    // Optional, Readonly and the like copy a schema, but not its properties.
    const identity = schemaOf(schema['properties'])
    if (this.#objects.get(identity) === name && this.types.has(name)) return { kind: 'named', name }
    this.#objects.set(identity, name)
    return this.#named(name, place, () => this.#objectType(schema, place, name))
  }

  /** Registers a type under `name`, unless the same one is there already. */
  #named(name: string, place: Place, build: () => DraftType): TypeNode {
    const node: TypeNode = { kind: 'named', name }
    if (this.#building.has(name)) return node
    const bearer = `the type of ${place.path}`
    const known = this.types.get(name)
    if (known === undefined && !this.names.take(name, bearer, place)) return broken
    if (known === undefined) this.places.set(name, place)
    this.#building.add(name)
    const type = build()
    this.#building.delete(name)
    if (known === undefined) this.types.set(name, type)
    else if (!alike(known, type)) this.names.clash(name, this.names.ownerOf(name) ?? 'another type', bearer, place)
    return node
  }

  union(name: string, place: Place, build: () => DraftType): TypeNode {
    return this.#named(name, place, build)
  }

  /** A set of literals gets a name only when it was given one. */
  aliased(type: TypeNode, schema: Schema, place: Place): TypeNode {
    const name = this.names.given(schema, place)
    if (name === undefined) return type
    return this.#named(name, place, () => ({ kind: 'alias', name, docs: this.typeDocs(schema, place), recursive: false, type }))
  }

  typeDocs = (schema: Schema, place: Place): string | undefined => textOf(schema['description']) ?? place.constantDocs

  #objectType(schema: Schema, place: Place, name: string): DraftType {
    const fields = this.fields(schema, place, name)
    return { kind: 'object', name, docs: this.typeDocs(schema, place), recursive: false, fields }
  }

  /** The fields of an object schema, or of an intersection of some. */
  fields(value: unknown, place: Place, owner: string): readonly DraftField[] {
    const schema = kindOf(value) === 'Intersect' ? intersectionOf(schemaOf(value), place, this.reporter) : schemaOf(value)
    const required = listOf(schema['required'])
    return Object.entries(schemaOf(schema['properties'])).map(([name, property]) =>
      this.#field(name, property, required.includes(name), place.field(name), owner),
    )
  }

  #field(name: string, value: unknown, required: boolean, place: Place, owner: string): DraftField {
    if (name === '' || name === '__proto__' || /\p{Surrogate}/u.test(name)) {
      this.reporter.report(place.namePosition, {
        code: 'NAME_RESERVED',
        message: `${place.path} is a field called ${JSON.stringify(name)}`,
        hint: 'Give the field another name.',
      })
    }
    const schema = schemaOf(value)
    const hasDefault = 'default' in schema && schema['default'] !== undefined
    if (isInherited(name) && (!required || hasDefault)) {
      this.reporter.report(place.namePosition, {
        code: 'NAME_RESERVED',
        message: `${place.path} may be absent and is called ${name}, which every object has already`,
        hint: 'Give the field another name, or make it required.',
      })
    }
    const was = this.formerName(schema, place)
    const type = this.node(value, place, owner + pascalCase(name))
    if (hasDefault) this.defaults.push({ place, type, value: schema['default'] })
    return {
      name,
      was,
      docs: textOf(schema['description']) ?? place.docs,
      type,
      presence: hasDefault ? 'default' : required ? 'required' : 'optional',
      default: hasDefault ? schema['default'] : undefined,
    }
  }

  #array(schema: Schema, place: Place, fallback: string): TypeNode {
    const minItems = count(schema, 'minItems', place, this.reporter)
    const maxItems = count(schema, 'maxItems', place, this.reporter)
    checkOrder(minItems, maxItems, 'minItems', 'maxItems', place, this.reporter)
    const items = this.node(schema['items'], place.item(), `${fallback}Item`)
    return { kind: 'array', items, minItems, maxItems, unique: schema['uniqueItems'] === true }
  }

  #tuple(schema: Schema, place: Place, fallback: string): TypeNode {
    const items = listOf(schema['items'])
    const optional = items.findIndex((item) => isPlainObject(item) && '~optional' in item)
    if (optional >= 0) {
      this.reporter.report(place.element(optional), {
        code: 'TYPE_UNSUPPORTED',
        message: `${place.path}[${optional}] is an optional item of a tuple`,
        hint: 'Make the item nullable, or use an object.',
      })
    }
    return { kind: 'tuple', items: items.map((item, i) => this.node(item, place.element(i), `${fallback}${i + 1}`)) }
  }

  #map(schema: Schema, place: Place, fallback: string): TypeNode {
    const minEntries = count(schema, 'minProperties', place, this.reporter)
    const maxEntries = count(schema, 'maxProperties', place, this.reporter)
    checkOrder(minEntries, maxEntries, 'minProperties', 'maxProperties', place, this.reporter)
    return { kind: 'map', ...this.record(schema, place, fallback), minEntries, maxEntries }
  }

  /** Key and value of a Record. */
  record(schema: Schema, place: Place, fallback: string): { readonly key: KeyNode; readonly value: TypeNode } {
    const key = recordKey(schema, place, this.reporter)
    const [value] = Object.values(schemaOf(schema['patternProperties']))
    return { key, value: this.node(value, place.value(), `${fallback}Value`) }
  }

  #cyclic(schema: Schema, place: Place): TypeNode {
    const entry = String(schema['$ref'])
    const outer = this.#scope
    const definitions = new Map(outer?.definitions)
    for (const [key, definition] of Object.entries(schemaOf(schema['$defs']))) {
      const given = key === entry ? this.names.given(schema, place) : undefined
      const name = textOf(schemaOf(definition)['title']) ?? given ?? key
      definitions.set(key, { schema: definition, name: pascalCase(name), place: place.definition(key) })
    }
    this.#scope = { definitions }
    const node = this.#definition(entry, place)
    this.#scope = outer
    return node
  }

  #reference(schema: Schema, place: Place): TypeNode {
    return this.#definition(String(schema['$ref']), place)
  }

  #definition(key: string, place: Place): TypeNode {
    const definition = this.#scope?.definitions.get(key)
    if (definition === undefined) {
      this.reporter.report(place, {
        code: 'REFERENCE_UNKNOWN',
        message: `${place.path} refers to ${JSON.stringify(key)}, which is not defined around it`,
        hint: 'Put both into one Type.Cyclic({ ... }, name).',
      })
      return broken
    }
    const { schema, name, place: at } = definition
    const kind = kindOf(schema)
    if (kind === 'Object' || kind === 'Intersect') return this.#named(name, at, () => this.#objectType(schemaOf(schema), at, name))
    const marked = { ...schemaOf(schema), ...hidden(schema) }
    if (kind === 'Union' && isTaggedUnion(schema)) return unionNode(this, { ...marked, title: name }, at, name)
    return this.#named(name, at, () => this.#definedAlias({ ...marked, title: undefined }, at, name))
  }

  #definedAlias(schema: Schema, place: Place, name: string): DraftType {
    const type = this.node(schema, place, `${name}Value`)
    return { kind: 'alias', name, docs: this.typeDocs(schema, place), recursive: false, type }
  }

  /** The schema behind references, for a look at its kind. */
  dereference(value: unknown): unknown {
    const schema = schemaOf(value)
    if (kindOf(value) === 'Cyclic') return schemaOf(schema['$defs'])[String(schema['$ref'])]
    if (kindOf(value) === 'Ref') return this.#scope?.definitions.get(String(schema['$ref']))?.schema
    return value
  }

  /** What `was` says of something that has a name; anything else cannot have had another one. */
  formerName(value: unknown, place: Place): string | undefined {
    const schema = schemaOf(value)
    this.#bearers.add(schema)
    const { was } = schema
    if (was === undefined || (typeof was === 'string' && was !== '')) return was
    this.reporter.report(place, {
      code: 'RENAME_INVALID',
      message: `${place.path} was called ${JSON.stringify(was)}, which is no name`,
      hint: "Write its name in the version before: was: 'old'.",
    })
    return undefined
  }

  checkKeywords(kind: string, schema: Schema, place: Place): void {
    if ('was' in schema && !this.#bearers.has(schema)) {
      this.reporter.report(place, {
        code: 'RENAME_INVALID',
        message: `${place.path} says what it was called, and has no name`,
        hint: 'Give `was` to a field, a command, a query, an error or a property of the state.',
      })
    }
    for (const keyword of unsupportedKeywords(kind, schema)) {
      this.reporter.report(place, {
        code: 'KEYWORD_UNSUPPORTED',
        message: `${place.path} has the keyword ${keyword}, which would not be checked`,
        hint:
          keyword === 'additionalProperties'
            ? 'Objects are closed: leave it out, or use a Record.'
            : 'Leave it out; check it in the handler, and answer with a declared error.',
      })
    }
    for (const [mark, what] of [
      ['~refine', 'Type.Refine'],
      ['~codec', 'Type.Codec'],
    ] as const) {
      if (!(mark in schema) || kind === 'Bytes') continue
      this.reporter.report(place, {
        code: 'TYPE_UNSUPPORTED',
        message: `${place.path} is made by ${what}, whose functions cannot be carried into generated code`,
        hint: 'Use bounds, a pattern or a format; check the rest in the handler.',
      })
    }
  }

  #unsupported(kind: string | undefined, place: Place): TypeNode {
    this.reporter.report(place, { code: 'TYPE_UNSUPPORTED', ...wayOut(kind, place.path) })
    return broken
  }
}

/** Whether variants of it need tags: it has several, none is null, and not all are literals. */
function isTaggedUnion(schema: unknown): boolean {
  const kinds = listOf(schemaOf(schema)['anyOf']).map(kindOf)
  return kinds.length > 1 && !kinds.includes('Null') && !kinds.every((kind) => kind === 'Literal' || kind === 'Enum')
}

/** TypeBox keeps its marks non-enumerable, so a spread loses them. */
function hidden(schema: unknown): Schema {
  const marks = Object.getOwnPropertyNames(schemaOf(schema)).filter((name) => name.startsWith('~'))
  return Object.fromEntries(marks.map((name) => [name, schemaOf(schema)[name]]))
}

const alike = (a: DraftType, b: DraftType): boolean => text(a) === text(b)
const text = (type: DraftType): string =>
  JSON.stringify({ ...type, docs: undefined }, (key, value: unknown) =>
    key === 'docs' ? undefined : typeof value === 'bigint' ? `${value}n` : value instanceof Uint8Array ? [...value] : value,
  )

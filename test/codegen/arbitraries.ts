// Values that fit a type of the model, and values that nearly do.
import fc from 'fast-check'
import type { Model, NamedType, TypeNode } from '../../codegen/model.ts'

/** Samples of what patterns and formats accept, since nobody can invert them. */
const slugs = fc.stringMatching(/^[a-z]{1,8}(-[a-z]{1,6}){0,3}$/)
const formats: Readonly<Record<string, fc.Arbitrary<string>>> = {
  uuid: fc.uuid(),
  email: fc.constantFrom('a@b.example', 'first.last+tag@sub.example.org'),
  date: fc.constantFrom('2024-02-29', '1999-12-31'),
  'date-time': fc.constantFrom('2026-02-28T12:30:00Z', '2026-02-28t12:30:00.25+01:00'),
  ipv4: fc.constantFrom('127.0.0.1', '255.255.255.255'),
}

export class Arbitraries {
  readonly #model: Model

  constructor(model: Model) {
    this.#model = model
  }

  /** What a caller may give: defaults left out at times. */
  of(node: TypeNode, depth = 0): fc.Arbitrary<unknown> {
    switch (node.kind) {
      case 'string':
        if (node.pattern !== undefined) return slugs
        if (node.format !== undefined) return formats[node.format] ?? fc.constant('')
        return fc
          .string({ unit: 'binary', minLength: node.minLength ?? 0, maxLength: Math.min(node.maxLength ?? 12, 12) })
          .filter((text) => [...text].length >= (node.minLength ?? 0))
      case 'integer':
        return fc
          .integer({ min: Math.max(node.minimum ?? -1e6, Number.MIN_SAFE_INTEGER), max: node.maximum ?? Number.MAX_SAFE_INTEGER })
          .map((integer) => (node.multipleOf === undefined ? integer : integer - (integer % node.multipleOf) + 0))
      case 'number':
        return this.#number(node)
      case 'bigint':
        return fc
          .bigInt({ min: node.minimum ?? -(2n ** 200n), max: node.maximum ?? 2n ** 200n })
          .map((value) => value - (value % (node.multipleOf ?? 1n)))
      case 'bytes':
        return fc.uint8Array({ minLength: node.minLength ?? 0, maxLength: Math.min(node.maxLength ?? 20, 20) })
      case 'boolean':
        return fc.boolean()
      case 'null':
        return fc.constant(null)
      case 'literals':
        return fc.constantFrom(...node.values)
      case 'nullable':
        return fc.option(this.of(node.of, depth), { nil: null })
      case 'array': {
        if (depth > 4 && (node.minItems ?? 0) === 0) return fc.constant([])
        const size = { minLength: node.minItems ?? 0, maxLength: Math.max(node.minItems ?? 0, 4) }
        const items = this.of(node.items, depth + 1)
        return node.unique ? fc.uniqueArray(items, { ...size, selector: (item) => JSON.stringify(item) }) : fc.array(items, size)
      }
      case 'tuple':
        return fc.tuple(...node.items.map((item) => this.of(item, depth + 1)))
      case 'map':
        if (depth > 4) return fc.constant(new Map())
        return fc
          .uniqueArray(fc.tuple(this.of(node.key, depth), this.of(node.value, depth + 1)), {
            maxLength: 3,
            selector: ([key]) => key,
          })
          .map((entries) => new Map(entries))
      case 'named':
        return this.#named(node.name, depth)
    }
  }

  #number(node: Extract<TypeNode, { kind: 'number' }>): fc.Arbitrary<unknown> {
    const min = node.minimum ?? node.exclusiveMinimum ?? -1e9
    const max = node.maximum ?? node.exclusiveMaximum ?? 1e9
    if (node.multipleOf !== undefined) return fc.integer({ min: -1_000, max: 1_000 }).map((times) => times * (node.multipleOf ?? 1))
    return fc.double({
      min,
      max,
      noNaN: true,
      minExcluded: node.exclusiveMinimum !== undefined,
      maxExcluded: node.exclusiveMaximum !== undefined,
    })
  }

  #named(name: string, depth: number): fc.Arbitrary<unknown> {
    const type = this.#model.types.get(name)
    if (type === undefined) throw new Error(`no type ${name}`)
    if (type.kind === 'alias') return this.of(type.type, depth + 1)
    return type.kind === 'object' ? this.#object(type, depth) : this.#union(type, depth)
  }

  #object(type: Extract<NamedType, { kind: 'object' }>, depth: number): fc.Arbitrary<unknown> {
    // A recursive field is left out once it is deep enough.
    const fields = type.fields.filter((field) => depth <= 3 || field.presence !== 'optional')
    const arbitraries = Object.fromEntries(fields.map((field) => [field.name, this.of(field.type, depth + 1)]))
    return fc.record(arbitraries, { requiredKeys: fields.filter((field) => field.presence === 'required').map((field) => field.name) })
  }

  #union(type: Extract<NamedType, { kind: 'union' }>, depth: number): fc.Arbitrary<unknown> {
    const shallow = type.variants.filter((variant) => depth <= 3 || !['array', 'map', 'object'].includes(variant.shape))
    return fc.oneof(...(shallow.length > 0 ? shallow : type.variants).map((variant) => this.of(variant.type, depth + 1)))
  }
}

/** Something else in place of one part of `value`. */
export const spoilt = (value: unknown): fc.Arbitrary<unknown> =>
  fc.tuple(fc.nat(), fc.anything({ withBigInt: true, withMap: true, withTypedArray: true, withNullPrototype: true })).map(([at, other]) => {
    const places = placesOf(value)
    return replaced(value, places[at % places.length] ?? [], other)
  })

type Path = readonly (string | number)[]
function placesOf(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || value instanceof Map) return [path]
  return [path, ...Object.entries(value).flatMap(([key, item]) => placesOf(item, [...path, key]))]
}

function replaced(value: unknown, [key, ...rest]: Path, other: unknown): unknown {
  if (key === undefined) return other
  if (Array.isArray(value)) return value.map((item, i) => (String(i) === key ? replaced(item, rest, other) : item))
  if (typeof value !== 'object' || value === null) return other
  return { ...value, [key]: replaced(Reflect.get(value, key), rest, other) }
}

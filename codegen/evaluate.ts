// Checks and encodes values while generating: defaults and the initial state. The same primitives as in the emitted codecs, chosen by
// looking at the model; a test holds the two to the same verdicts.
import type { Wire } from '../src/contract/v1/descriptor.ts'
import * as values from '../src/contract/v1/values-check.ts'
import { format } from '../src/contract/v1/values-format.ts'
import { InvalidValue, within } from '../src/contract/v1/values-invalid.ts'
import { bigintToBytes } from '../src/wire/value-bigint.ts'
import type { DraftField, DraftType, DraftUnion, DraftVariant } from './draft.ts'
import type { BigintNode, IntegerNode, MapNode, NumberNode, StringNode, TypeNode } from './model.ts'

/** Places in the array of fields: the wire lock's order of `fields`. */
export type FieldOrder = (typeName: string, fields: readonly DraftField[]) => readonly DraftField[]
export type VariantTag = (typeName: string, variant: DraftVariant) => number

export class Evaluator {
  readonly #types: ReadonlyMap<string, DraftType>

  constructor(types: ReadonlyMap<string, DraftType>) {
    this.#types = types
  }

  /** `value` in canonical form. Throws `InvalidValue`. */
  check(node: TypeNode, value: unknown, key: string | number = ''): unknown {
    switch (node.kind) {
      case 'string':
        return checkString(node, value, key)
      case 'integer':
        return checkInteger(node, value, key)
      case 'number':
        return checkNumber(node, value, key)
      case 'bigint':
        return checkBigint(node, value, key)
      case 'bytes':
        return values.bytes(value, key, node.minLength, node.maxLength)
      case 'boolean':
        return values.boolean(value, key)
      case 'null':
        return values.nothing(value, key)
      case 'literals':
        return values.literal(value, key, node.values)
      case 'nullable':
        return value === null ? null : this.check(node.of, value, key)
      case 'array': {
        const items = values.array(value, key, (item) => this.check(node.items, item), node.minItems, node.maxItems)
        return node.unique ? values.unique(items, key, (item) => this.toWire(node.items, item)) : items
      }
      case 'tuple':
        return within(value, key, (items) =>
          values.tuple(items, node.items.length).map((item, i) => this.check(node.items[i] ?? { kind: 'null' }, item, i)),
        )
      case 'map':
        return this.#map(node, value, key)
      case 'named':
        return within(value, key, (inner) => this.#named(node.name, inner))
    }
  }

  /** Fields that stand in an object by themselves: of a type, or of an error. */
  fields(fields: readonly DraftField[], value: unknown): Readonly<Record<string, unknown>> {
    const names = new Set(fields.map((field) => field.name))
    const given = values.object(value, (key): key is string => names.has(key), names.size)
    const result: Record<string, unknown> = {}
    for (const field of fields) {
      const own = given[field.name]
      if (own === undefined && field.presence !== 'required') {
        if (field.presence === 'default') result[field.name] = this.check(field.type, field.default, field.name)
      } else result[field.name] = this.check(field.type, own, field.name)
    }
    return result
  }

  /** Plain objects stand for Maps here: TypeBox calls both a Record. */
  #map(node: MapNode, value: unknown, key: string | number): ReadonlyMap<string | number, unknown> {
    const isObject = typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value))
    const given = isObject ? new Map(Object.entries(value).map(([name, item]) => [keyFrom(node, name), item])) : value
    const checkKey = (name: unknown): string | number =>
      node.key.kind === 'integer' ? checkInteger(node.key, name, '') : checkString(node.key, name, '')
    return values.map(given, key, checkKey, (item) => this.check(node.value, item), node.minEntries, node.maxEntries)
  }

  #named(name: string, value: unknown): unknown {
    const type = this.#type(name)
    switch (type.kind) {
      case 'object':
        return this.fields(type.fields, value)
      case 'union':
        return this.check(this.variantOf(type, value).type, value)
      case 'alias':
        return this.check(type.type, value)
    }
  }

  /** The variant that `value` belongs to, by its shape and discriminator. */
  variantOf(type: DraftUnion, value: unknown): DraftVariant {
    const shape = shapeOf(value)
    const same = type.variants.filter((variant) => variant.shape === shape)
    // An object may stand for a Map where no object is expected.
    const ofShape = same.length > 0 || shape !== 'object' ? same : type.variants.filter((variant) => variant.shape === 'map')
    const discriminant =
      type.discriminator !== undefined && shape === 'object' ? values.discriminator(value, type.discriminator) : undefined
    const found = ofShape.find((variant) => variant.discriminant === discriminant) ?? (ofShape.length === 1 ? ofShape[0] : undefined)
    if (found === undefined) throw new InvalidValue('', `fits no variant of ${type.name}`)
    return found
  }

  /** Of a value that `check` returned. Fields in the order of `order`. */
  toWire(node: TypeNode, value: unknown, order?: FieldOrder, tag?: VariantTag): Wire {
    const inner = (part: TypeNode, item: unknown): Wire => this.toWire(part, item, order, tag)
    switch (node.kind) {
      case 'nullable':
        return value === null ? null : inner(node.of, value)
      case 'array':
        return list(value).map((item) => inner(node.items, item))
      case 'tuple':
        return list(value).map((item, i) => inner(node.items[i] ?? { kind: 'null' }, item))
      case 'map':
        return value instanceof Map ? [...value].flatMap(([key, item]) => [key, inner(node.value, item)]) : []
      case 'named':
        return this.#namedToWire(node.name, value, order, tag, inner)
      default:
        return scalarToWire(value)
    }
  }

  #namedToWire(
    name: string,
    value: unknown,
    order: FieldOrder | undefined,
    tag: VariantTag | undefined,
    inner: (part: TypeNode, item: unknown) => Wire,
  ): Wire {
    const type = this.#type(name)
    if (type.kind === 'alias') return inner(type.type, value)
    if (type.kind === 'union') {
      const variant = this.variantOf(type, value)
      return [tag?.(name, variant) ?? 0, inner(variant.type, value)]
    }
    return (order?.(name, type.fields) ?? type.fields).map((field) => {
      const item: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, field.name) : undefined
      if (item === undefined) return null
      const wire = inner(field.type, item)
      return field.presence === 'optional' && this.admitsNull(field.type) ? [wire] : wire
    })
  }

  /** Whether a value of `node` may be nil on the wire. */
  admitsNull(node: TypeNode): boolean {
    if (node.kind === 'null' || node.kind === 'nullable') return true
    const type = node.kind === 'named' ? this.#types.get(node.name) : undefined
    return type?.kind === 'alias' && this.admitsNull(type.type)
  }

  #type(name: string): DraftType {
    const type = this.#types.get(name)
    if (type === undefined) throw new InvalidValue('', `is of the unknown type ${name}`)
    return type
  }
}

function scalarToWire(value: unknown): Wire {
  if (typeof value === 'bigint') return bigintToBytes(value)
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value instanceof Uint8Array) return value
  return null
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

function keyFrom(node: MapNode, name: string): string | number {
  return node.key.kind === 'integer' && String(Number(name)) === name ? Number(name) : name
}

function shapeOf(value: unknown): string {
  if (typeof value !== 'object') return typeof value
  if (value instanceof Uint8Array) return 'bytes'
  if (value instanceof Map) return 'map'
  return Array.isArray(value) ? 'array' : 'object'
}

function checkString(node: StringNode, value: unknown, key: string | number): string {
  const text = values.string(value, key, node.minLength, node.maxLength)
  if (node.pattern !== undefined) values.matches(text, key, new RegExp(node.pattern.source, node.pattern.flags))
  return node.format === undefined ? text : format(text, key, node.format)
}

function checkInteger(node: IntegerNode, value: unknown, key: string | number): number {
  const integer = values.integer(value, key, node.minimum, node.maximum)
  return node.multipleOf === undefined ? integer : values.multipleOf(integer, key, node.multipleOf)
}

function checkNumber(node: NumberNode, value: unknown, key: string | number): number {
  const number = values.number(value, key, node.minimum, node.maximum)
  if (node.exclusiveMinimum !== undefined) values.above(number, key, node.exclusiveMinimum)
  if (node.exclusiveMaximum !== undefined) values.below(number, key, node.exclusiveMaximum)
  return node.multipleOf === undefined ? number : values.multipleOf(number, key, node.multipleOf)
}

function checkBigint(node: BigintNode, value: unknown, key: string | number): bigint {
  const bigint = values.bigint(value, key, node.minimum, node.maximum)
  return node.multipleOf === undefined ? bigint : values.multipleOfBigint(bigint, key, node.multipleOf)
}

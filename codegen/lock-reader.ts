// Values in the words of the schema. The wire lock says what is on the wire, so the schema itself need not be run, nor be the one that they were
// written with: every version that the lock has can be read.
import type { LockedField, LockedType, LockedVersion } from './lock.ts'
import { parseLockedType } from './locked-type.ts'
import type { TypeNode } from './model.ts'
import * as values from '../src/contract/v1/values-read.ts'

/** Reads values of one version of a machine. */
export class LockReader {
  readonly #version: LockedVersion
  readonly #nodes = new Map<string, TypeNode>()

  constructor(version: LockedVersion) {
    this.#version = version
  }

  /** As the lock writes a type: `Lease`, `string | null`. Parsed once. */
  node(text: string): TypeNode {
    const known = this.#nodes.get(text)
    if (known !== undefined) return known
    const node = parseLockedType(text)
    this.#nodes.set(text, node)
    return node
  }

  /** What `node` makes of `wire`: throws an `InvalidValue` where it does not fit. */
  read(node: TypeNode, wire: values.MaybeWire): unknown {
    switch (node.kind) {
      case 'string':
        return values.readString(wire)
      case 'integer':
        return values.readInteger(wire)
      case 'number':
        return values.readNumber(wire)
      case 'bigint':
        return values.readBigint(wire)
      case 'bytes':
        return values.readBytes(wire)
      case 'boolean':
        return values.readBoolean(wire)
      case 'null':
        return values.readNull(wire)
      case 'literals':
        return values.readLiteral(wire, '', node.values)
      case 'nullable':
        return values.readNullable(wire, '', (inner) => this.read(node.of, inner))
      case 'array':
        return values.readArray(wire, '', (item) => this.read(node.items, item))
      case 'tuple':
        return values.readFields(wire, node.items.length).map((item, i) => this.read(node.items[i] ?? { kind: 'null' }, item))
      case 'map':
        return values.readMap(
          wire,
          '',
          (key) => this.#key(node.key, key),
          (value) => this.read(node.value, value),
        )
      case 'named':
        return this.#named(node.name, wire)
    }
  }

  /** `undefined` when it is absent. What itself admits null is wrapped. */
  readOptional(node: TypeNode, wire: values.MaybeWire): unknown {
    if (wire === null) return undefined
    return this.read(node, this.#admitsNull(node) ? values.readPresent(wire, '') : wire)
  }

  #key(node: TypeNode, wire: values.MaybeWire): string | number {
    return node.kind === 'integer' ? values.readInteger(wire) : values.readString(wire)
  }

  #named(name: string, wire: values.MaybeWire): unknown {
    const type = this.#type(name)
    if ('is' in type) return this.read(this.node(type.is), wire)
    if ('fields' in type) return this.object(type.fields, wire)
    const [tag, value] = values.readFields(wire, 2)
    const variant = type.variants.find((candidate) => candidate.tag === tag)
    return variant === undefined ? values.unknownTag(tag) : this.read(this.node(variant.type), value)
  }

  /** The fields of an object, in the order of the lock. */
  object(fields: readonly LockedField[], wire: values.MaybeWire): object {
    const items = values.readFields(wire, fields.length)
    const read = fields.flatMap(({ name, type, optional }, i): readonly (readonly [string, unknown])[] => {
      const item = items[i]
      const node = this.node(type)
      if (optional !== true) return [[name, values.readWithin(item, name, (inner) => this.read(node, inner))]]
      const value = values.readWithin(item, name, (inner) => this.readOptional(node, inner))
      return value === undefined ? [] : [[name, value]]
    })
    return Object.fromEntries(read)
  }

  #admitsNull(node: TypeNode): boolean {
    if (node.kind === 'null' || node.kind === 'nullable') return true
    const type = node.kind === 'named' ? this.#type(node.name) : undefined
    return type !== undefined && 'is' in type && this.#admitsNull(this.node(type.is))
  }

  #type(name: string): LockedType {
    const type = Object.hasOwn(this.#version.types, name) ? this.#version.types[name] : undefined
    if (type === undefined) throw new Error(`the wire lock has no type ${name}`)
    return type
  }
}

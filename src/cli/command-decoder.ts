// Commands in a log, in the words of the schema. The wire lock says what is on the wire, so the schema itself need not be run, nor be the one that
// the log was written with: every version that the lock has can be read.
import type { Lock, LockedField, LockedType, LockedVersion } from '../../codegen/lock.ts'
import { type LockedNode, parseLockedType } from '../../codegen/locked-type.ts'
import type { Wire } from '../contract/v1/descriptor.ts'
import * as values from '../contract/v1/values-read.ts'
import { unpackValue } from '../wire/value.ts'

export interface DecodedCommand {
  readonly name: string
  /** Objects, arrays, Maps, and what they hold. */
  readonly input: unknown
}

/** The call that a command is: what is known of it without a schema. `undefined` when it is none of a generated client's. */
export function readCall(command: Uint8Array, version: number): { readonly tag: number; readonly input: Wire } | undefined {
  let call: Wire
  try {
    call = unpackValue(command)
  } catch {
    return undefined
  }
  if (!Array.isArray(call) || call.length !== 3) return undefined
  const [itsVersion, tag, input]: readonly Wire[] = call
  return itsVersion === version && typeof tag === 'number' ? { tag, input: input ?? null } : undefined
}

export class CommandDecoder {
  readonly #lock: Lock
  readonly #nodes = new Map<string, LockedNode>()

  constructor(lock: Lock) {
    this.#lock = lock
  }

  /** Of all versions, sorted. */
  get commandNames(): readonly string[] {
    const names = Object.values(this.#lock.versions).flatMap(({ commands }) => Object.keys(commands))
    return [...new Set(names)].sort()
  }

  /** Throws an `Error` that says why, when the bytes are not those of a command of this lock. */
  decode(command: Uint8Array, version: number): DecodedCommand {
    const call = readCall(command, version)
    if (call === undefined) throw new Error('it is no call of a generated client')
    const locked = this.#lock.versions[version]
    if (locked === undefined) throw new Error(`the wire lock has no version ${version}`)
    const found = Object.entries(locked.commands).find(([, { tag }]) => tag === call.tag)
    if (found === undefined) throw new Error(`version ${version} in the wire lock has no command with tag ${call.tag}`)
    const [name, { input }] = found
    return { name, input: new Reader(locked, this.#nodes).read({ kind: 'named', name: input }, call.input) }
  }
}

class Reader {
  readonly #version: LockedVersion
  /** Types by their text: parsed once. */
  readonly #nodes: Map<string, LockedNode>

  constructor(version: LockedVersion, nodes: Map<string, LockedNode>) {
    this.#version = version
    this.#nodes = nodes
  }

  read(node: LockedNode, wire: values.MaybeWire): unknown {
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

  #key(node: LockedNode, wire: values.MaybeWire): string | number {
    return node.kind === 'integer' ? values.readInteger(wire) : values.readString(wire)
  }

  #named(name: string, wire: values.MaybeWire): unknown {
    const type = this.#type(name)
    if ('is' in type) return this.read(this.#node(type.is), wire)
    if ('fields' in type) return this.#object(type.fields, wire)
    const [tag, value] = values.readFields(wire, 2)
    const variant = type.variants.find((candidate) => candidate.tag === tag)
    return variant === undefined ? values.unknownTag(tag) : this.read(this.#node(variant.type), value)
  }

  #object(fields: readonly LockedField[], wire: values.MaybeWire): object {
    const items = values.readFields(wire, fields.length)
    const read = fields.flatMap(({ name, type, optional }, i): readonly (readonly [string, unknown])[] => {
      const item = items[i]
      const node = this.#node(type)
      if (optional !== true) return [[name, values.readWithin(item, name, (inner) => this.read(node, inner))]]
      if (item === null) return []
      const present = this.#admitsNull(node) ? values.readPresent(item, name) : item
      return [[name, values.readWithin(present, name, (inner) => this.read(node, inner))]]
    })
    return Object.fromEntries(read)
  }

  #admitsNull(node: LockedNode): boolean {
    if (node.kind === 'null' || node.kind === 'nullable') return true
    const type = node.kind === 'named' ? this.#type(node.name) : undefined
    return type !== undefined && 'is' in type && this.#admitsNull(this.#node(type.is))
  }

  #type(name: string): LockedType {
    const type = Object.hasOwn(this.#version.types, name) ? this.#version.types[name] : undefined
    if (type === undefined) throw new Error(`the wire lock has no type ${name}`)
    return type
  }

  #node(text: string): LockedNode {
    const known = this.#nodes.get(text)
    if (known !== undefined) return known
    const node = parseLockedType(text)
    this.#nodes.set(text, node)
    return node
  }
}

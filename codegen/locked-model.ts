// The model of a version from the wire lock alone: what the emitters make of it is what they made of its schema, but for docs and indexes,
// which the lock does not have, and for the order of fields, which is the lock's.
import type { Wire } from '../src/contract/v1/descriptor.ts'
import { reachable } from './build/recursion.ts'
import type { Lock, LockedError, LockedField, LockedOperation, LockedProperty, LockedType, LockedVariant, LockedVersion } from './lock.ts'
import { LockReader } from './lock-reader.ts'
import { parseLockedState } from './locked-type.ts'
import { machineNamesOf, operationConstant } from './machine-names.ts'
import type { ErrorModel, Field, LiteralValue, Model, NamedType, OperationModel, Shape, StateProperty, Variant } from './model.ts'
import { camelCase, pascalCase, propertyName } from './names.ts'

/** Throws an `Error` where the lock does not have that version, or has only a part of it. */
export function modelOf(lock: Lock, version: number): Model {
  const locked = lock.versions[version]
  if (locked === undefined) throw new Error(`the wire lock of ${lock.machine} has no version ${version}`)
  if (locked.partial === true)
    throw new Error(`version ${version} in the wire lock of ${lock.machine} has no bounds: an older release wrote it`)
  return new LockedModel(lock.machine, version, locked).model()
}

class LockedModel {
  readonly #machine: string
  readonly #number: number
  readonly #locked: LockedVersion
  readonly #reader: LockReader

  constructor(machine: string, number: number, locked: LockedVersion) {
    this.#machine = machine
    this.#number = number
    this.#locked = locked
    this.#reader = new LockReader(locked)
  }

  model(): Model {
    const { wire, status, state, errors } = this.#locked
    const commands = this.#operations('command', this.#locked.commands)
    const queries = this.#operations('query', this.#locked.queries)
    return {
      name: this.#machine,
      version: this.#number,
      wire,
      open: status === 'open',
      docs: undefined,
      names: machineNamesOf(this.#machine),
      types: this.#types(),
      state: state.map((property) => this.#property(property)),
      errors: Object.entries(errors).map(([name, error]) => this.#error(name, error)),
      commands,
      queries,
      operations: [...commands, ...queries].map(({ name, handlerKey, kind, docs }) => ({ name, handlerKey, kind, docs })),
    }
  }

  #operations(kind: 'command' | 'query', locked: Readonly<Record<string, LockedOperation>>): readonly OperationModel[] {
    return Object.entries(locked).map(([name, { tag, was, input, output, errors = [] }]) => ({
      name,
      handlerKey: propertyName(name),
      kind,
      docs: undefined,
      tag,
      was,
      method: camelCase(name),
      constant: operationConstant(name, kind),
      input,
      output: output === undefined ? undefined : this.#reader.node(output),
      errors,
    }))
  }

  #error(name: string, { tag, was, fields }: LockedError): ErrorModel {
    return { name, typeName: pascalCase(name), tag, was, docs: undefined, fields: this.#fields(fields) }
  }

  #types(): ReadonlyMap<string, NamedType> {
    const types = new Map(Object.entries(this.#locked.types).map(([name, type]) => [name, this.#type(name, type)]))
    return new Map([...types].map(([name, type]) => [name, { ...type, recursive: reachable(name, types).has(name) }]))
  }

  #type(name: string, type: LockedType): NamedType {
    const named = { name, docs: undefined, recursive: false }
    if ('is' in type) return { kind: 'alias', ...named, type: this.#reader.node(type.is) }
    if ('fields' in type) return { kind: 'object', ...named, fields: this.#fields(type.fields) }
    const { discriminator } = type
    return { kind: 'union', ...named, discriminator, variants: type.variants.map((variant) => this.#variant(variant)) }
  }

  #variant({ tag, key, type }: LockedVariant): Variant {
    return { tag, key, ...recognised(key), type: this.#reader.node(type) }
  }

  #fields(fields: readonly LockedField[]): readonly Field[] {
    return fields.map((field, position) => {
      const type = this.#reader.node(field.type)
      const hasDefault = 'default' in field
      return {
        name: field.name,
        was: field.was,
        docs: undefined,
        type,
        presence: hasDefault ? 'default' : field.optional === true ? 'optional' : 'required',
        default: hasDefault ? this.#reader.read(type, wireOf(field.default)) : undefined,
        position,
      }
    })
  }

  #property({ name, was, type, optional, initial }: LockedProperty): StateProperty {
    const node = parseLockedState(type)
    if (node.kind === 'cell') {
      return { kind: 'cell', name, was, docs: undefined, type: node.type, optional: optional === true, initial: wireOf(initial) }
    }
    const entries = Array.isArray(initial) ? initial.map(entryOf) : []
    return { kind: 'table', name, was, docs: undefined, key: node.key, value: node.value, indexes: [], initial: entries }
  }
}

const shapes: readonly Shape[] = ['string', 'number', 'boolean', 'bigint', 'bytes', 'array', 'map', 'object']

/** A key is a shape, `string literals`, or the value of the discriminator as JSON. */
function recognised(key: string): { readonly shape: Shape; readonly discriminant: LiteralValue | undefined } {
  const shape = shapes.find((name) => key === name || key === `${name} literals`)
  if (shape !== undefined) return { shape, discriminant: undefined }
  const value: unknown = JSON.parse(key)
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return { shape: 'object', discriminant: value }
  throw new SyntaxError(`the wire lock has a variant with the key ${key}, which is none`)
}

function entryOf(entry: unknown): readonly [string | number, Wire] {
  const [key, value]: readonly unknown[] = Array.isArray(entry) ? entry : []
  if (typeof key !== 'string' && typeof key !== 'number') throw new SyntaxError('the wire lock has an initial table without keys')
  return [key, wireOf(value)]
}

/** The inverse of `jsonOf`; what is not there is nil. */
export function wireOf(json: unknown): Wire {
  if (json === undefined || json === null) return null
  if (typeof json === 'string' || typeof json === 'number' || typeof json === 'boolean') return json
  if (Array.isArray(json)) return json.map(wireOf)
  const bytes: unknown = Reflect.get(json, 'bytes')
  if (typeof bytes !== 'string') throw new SyntaxError('the wire lock has a value that is none')
  return Uint8Array.from(Buffer.from(bytes, 'hex'))
}

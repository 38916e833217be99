// Nodes as expressions of the three kinds that a codec is made of: check, toWire, fromWire. What needs a function of its own (an item of an
// array, a tuple) gets one, named after where it stands, before the type that uses it.
import { partsOf } from '../build/recursion.ts'
import type { KeyNode, LiteralsNode, Model, NamedType, StringNode, TypeNode } from '../model.ts'
import { lowerFirst, pascalCase, quoted } from '../names.ts'
import { numberText } from './literal-text.ts'
import type { Module } from './module.ts'
import { literalText, TypeText } from './type-text.ts'

export class CodecWriter {
  readonly module: Module
  readonly model: Model
  readonly text: TypeText
  /** Names of functions and constants that are given out, and what for. */
  readonly #names = new Map<string, string>()

  constructor(module: Module, model: Model) {
    this.module = module
    this.model = model
    this.text = new TypeText(model, (name) => module.useTypeFrom('types', name))
  }

  type(name: string): NamedType | undefined {
    return this.model.types.get(name)
  }

  /** `check` of what `value` holds, under `key` (an expression, `''` for none). `owner` names what has to be hoisted. */
  check(node: TypeNode, value: string, key: string, owner: string): string {
    switch (node.kind) {
      case 'string':
        return this.#checkString(node, value, key, owner)
      case 'integer':
        return this.#multiple('multipleOf', node.multipleOf, key, this.#call('integer', value, key, node.minimum, node.maximum))
      case 'number': {
        const bounded = this.#call('number', value, key, node.minimum, node.maximum)
        const above =
          node.exclusiveMinimum === undefined
            ? bounded
            : `${this.module.use('above')}(${bounded}, ${key}, ${numberText(node.exclusiveMinimum)})`
        const below =
          node.exclusiveMaximum === undefined
            ? above
            : `${this.module.use('below')}(${above}, ${key}, ${numberText(node.exclusiveMaximum)})`
        return this.#multiple('multipleOf', node.multipleOf, key, below)
      }
      case 'bigint':
        return this.#multiple('multipleOfBigint', node.multipleOf, key, this.#call('bigint', value, key, node.minimum, node.maximum))
      case 'bytes':
        return this.#call('bytes', value, key, node.minLength, node.maxLength)
      case 'boolean':
        return this.#call('boolean', value, key)
      case 'null':
        return this.#call('nothing', value, key)
      case 'literals':
        return `${this.module.use('literal')}(${value}, ${key}, ${this.literals(node, owner)})`
      case 'nullable':
        return `${this.module.use('nullable')}(${value}, ${key}, ${this.checkFunction(node.of, `${owner}Present`)})`
      case 'array': {
        const item = `${owner}Item`
        const items = this.#call('array', value, key, node.minItems, node.maxItems, this.checkFunction(node.items, item))
        if (!node.unique) return items
        return `${this.module.use('unique')}(${items}, ${key}${this.isScalar(node.items) ? '' : `, ${this.writeFunction(node.items, item)}`})`
      }
      case 'map': {
        const functions = `${this.checkFunction(node.key, `${owner}Key`)}, ${this.checkFunction(node.value, `${owner}Value`)}`
        return this.#call('map', value, key, node.minEntries, node.maxEntries, functions)
      }
      case 'tuple':
      case 'named':
        if (key === "''") return `${this.checkFunction(node, owner)}(${value})`
        return `${this.module.use('within')}(${value}, ${key}, ${this.checkFunction(node, owner)})`
    }
  }

  /** The name of a function that checks one value. */
  checkFunction(node: TypeNode, owner: string): string {
    if (node.kind === 'named') return `check${node.name}`
    const plain = plainCheck(node)
    if (plain !== undefined) return this.module.use(plain)
    return this.#hoist(`check${owner}`, node, (name) => {
      const head = `function ${name}(value: unknown): ${this.text.of(node)} {`
      if (node.kind !== 'tuple') return [head, `  return ${this.check(node, 'value', "''", owner)}`, '}']
      const items = node.items.map((item, i) => this.check(item, `items[${i}]`, String(i), `${owner}${i + 1}`))
      const tuple = `const checked: ${this.text.of(node)} = [${items.join(', ')}]`
      return [
        head,
        `  const items = ${this.module.use('tuple')}(value, ${node.items.length})`,
        `  ${tuple}`,
        '  return Object.freeze(checked)',
        '}',
      ]
    })
  }

  /** `toWire` of `value`, an expression that may stand twice. */
  write(node: TypeNode, value: string, owner: string): string {
    if (this.isIdentity(node)) return value
    switch (node.kind) {
      case 'bigint':
        return `${this.module.use('writeBigint')}(${value})`
      case 'nullable':
        return `${value} === null ? null : ${this.write(node.of, value, `${owner}Present`)}`
      case 'array':
        return `${value}.map(${this.writeFunction(node.items, `${owner}Item`)})`
      case 'map':
        return `${this.module.use('writeMap')}(${value}, ${this.writeFunction(node.value, `${owner}Value`)})`
      default:
        return `${this.writeFunction(node, owner)}(${value})`
    }
  }

  writeFunction(node: TypeNode, owner: string): string {
    if (this.isIdentity(node)) return this.module.use('asIs')
    if (node.kind === 'named') return `${lowerFirst(node.name)}ToWire`
    if (node.kind === 'bigint') return this.module.use('writeBigint')
    return this.#hoist(`${lowerFirst(owner)}ToWire`, node, (name) => {
      const head = `function ${name}(value: ${this.text.of(node)}): ${this.module.useType('Wire')} {`
      const body =
        node.kind === 'tuple'
          ? `[${node.items.map((item, i) => this.write(item, `value[${i}]`, `${owner}${i + 1}`)).join(', ')}]`
          : this.write(node, 'value', owner)
      return [head, `  return ${body}`, '}']
    })
  }

  /** `fromWire` of `wire`, under `key`. */
  read(node: TypeNode, wire: string, key: string, owner: string): string {
    const use = (name: string): string => this.module.use(name)
    switch (node.kind) {
      case 'literals':
        return `${use('readLiteral')}(${wire}, ${key}, ${this.literals(node, owner)})`
      case 'nullable':
        return `${use('readNullable')}(${wire}, ${key}, ${this.readFunction(node.of, `${owner}Present`)})`
      case 'array':
        return `${use('readArray')}(${wire}, ${key}, ${this.readFunction(node.items, `${owner}Item`)})`
      case 'map':
        return `${use('readMap')}(${wire}, ${key}, ${this.readFunction(node.key, `${owner}Key`)}, ${this.readFunction(node.value, `${owner}Value`)})`
      case 'tuple':
      case 'named':
        if (key === "''") return `${this.readFunction(node, owner)}(${wire})`
        return `${use('readWithin')}(${wire}, ${key}, ${this.readFunction(node, owner)})`
      default:
        return `${use(plainReads[node.kind])}(${wire}, ${key})`
    }
  }

  readFunction(node: TypeNode, owner: string): string {
    if (node.kind === 'named') return `${lowerFirst(node.name)}FromWire`
    if (isPlain(node)) return this.module.use(plainReads[node.kind])
    return this.#hoist(`${lowerFirst(owner)}FromWire`, node, (name) => {
      const head = `function ${name}(wire: ${this.module.useType('MaybeWire')}): ${this.text.of(node)} {`
      if (node.kind !== 'tuple') return [head, `  return ${this.read(node, 'wire', "''", owner)}`, '}']
      const items = node.items.map((item, i) => this.read(item, `fields[${i}]`, String(i), `${owner}${i + 1}`))
      return [
        head,
        `  const fields = ${this.module.use('readFields')}(wire, ${node.items.length})`,
        `  const read: ${this.text.of(node)} = [${items.join(', ')}]`,
        '  return Object.freeze(read)',
        '}',
      ]
    })
  }

  /** The constant that lists the values of a literal. */
  literals(node: LiteralsNode, owner: string): string {
    return this.#hoist(`${lowerFirst(owner)}Values`, node, (name) => [
      `const ${name} = [${node.values.map(literalText).join(', ')}] as const`,
    ])
  }

  /** `codec(check, toWire, fromWire)` of a node. */
  codecOf(node: TypeNode, owner: string): string {
    const make = this.module.use(this.isRecursive(node) ? 'recursiveCodec' : 'codec')
    return `${make}(${this.checkFunction(node, owner)}, ${this.writeFunction(node, owner)}, ${this.readFunction(node, owner)})`
  }

  /** Whether a value is on the wire what it is in memory. */
  isIdentity(node: TypeNode): boolean {
    switch (node.kind) {
      case 'bigint':
      case 'map':
        return false
      case 'nullable':
        return this.isIdentity(node.of)
      case 'array':
        return this.isIdentity(node.items)
      case 'tuple':
        return node.items.every((item) => this.isIdentity(item))
      case 'named': {
        const type = this.type(node.name)
        return type?.kind === 'alias' && !type.recursive && this.isIdentity(type.type)
      }
      default:
        return true
    }
  }

  /** Whether two values are the same when `===` says so. */
  isScalar(node: TypeNode): boolean {
    if (node.kind === 'nullable') return this.isScalar(node.of)
    if (node.kind === 'named') {
      const type = this.type(node.name)
      return type?.kind === 'alias' && !type.recursive && this.isScalar(type.type)
    }
    return ['string', 'integer', 'number', 'bigint', 'boolean', 'null', 'literals'].includes(node.kind)
  }

  /** Whether a value of `node` may be nil on the wire. */
  admitsNull(node: TypeNode): boolean {
    if (node.kind === 'null' || node.kind === 'nullable') return true
    const type = node.kind === 'named' ? this.type(node.name) : undefined
    return type?.kind === 'alias' && this.admitsNull(type.type)
  }

  /** Whether `node` holds a type that contains itself. */
  isRecursive(node: TypeNode, seen: ReadonlySet<string> = new Set()): boolean {
    switch (node.kind) {
      case 'named': {
        const type = this.type(node.name)
        if (type === undefined || seen.has(node.name)) return false
        return type.recursive || partsOf(type).some((part) => this.isRecursive(part, new Set([...seen, node.name])))
      }
      case 'array':
        return this.isRecursive(node.items, seen)
      case 'tuple':
        return node.items.some((item) => this.isRecursive(item, seen))
      case 'map':
        return this.isRecursive(node.value, seen)
      case 'nullable':
        return this.isRecursive(node.of, seen)
      default:
        return false
    }
  }

  /** Adds a declaration under `wanted`, or another name if that is taken by something else; once for each use of the same node. */
  #hoist(wanted: string, node: TypeNode | KeyNode, declare: (name: string) => readonly string[]): string {
    const content = JSON.stringify(node, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))
    let name = wanted
    for (let n = 2; this.#isTaken(name, content); n++) name = `${wanted}${n}`
    if (!this.#names.has(name)) {
      this.#names.set(name, content)
      this.module.add(...declare(name))
    }
    return name
  }

  #isTaken(name: string, content: string): boolean {
    const bearer = this.#names.get(name)
    if (bearer !== undefined) return bearer !== content
    const types = [...this.model.types.keys(), ...this.model.errors.map((error) => error.typeName)]
    return types.some((type) => [`check${type}`, `${lowerFirst(type)}ToWire`, `${lowerFirst(type)}FromWire`].includes(name))
  }

  #checkString(node: StringNode, value: string, key: string, owner: string): string {
    const text = this.#call('string', value, key, node.minLength, node.maxLength)
    const matched = node.pattern === undefined ? text : `${this.module.use('matches')}(${text}, ${key}, ${this.#pattern(node, owner)})`
    return node.format === undefined ? matched : `${this.module.use('format')}(${matched}, ${key}, ${quoted(node.format)})`
  }

  #pattern(node: StringNode, owner: string): string {
    const { source, flags } = node.pattern ?? { source: '', flags: '' }
    return this.#hoist(`${lowerFirst(owner)}Pattern`, node, (name) => [`const ${name} = /${source}/${flags}`])
  }

  #multiple(name: string, divisor: number | bigint | undefined, key: string, inner: string): string {
    if (divisor === undefined) return inner
    return `${this.module.use(name)}(${inner}, ${key}, ${numberText(divisor)})`
  }

  /** A call with what bounds there are; `functions` stand before them. */
  #call(name: string, value: string, key: string, min?: number | bigint, max?: number | bigint, functions?: string): string {
    const bound = (value: number | bigint | undefined): string => (value === undefined ? 'undefined' : numberText(value))
    const args = [
      value,
      ...(key === "''" && functions === undefined && min === undefined && max === undefined ? [] : [key]),
      ...(functions === undefined ? [] : [functions]),
    ]
    if (max !== undefined)
      args.push(name === 'string' || name === 'bytes' || name === 'array' || name === 'map' ? bound(min ?? 0) : bound(min), bound(max))
    else if (min !== undefined) args.push(bound(min))
    return `${this.module.use(name)}(${args.join(', ')})`
  }
}

const plainReads = {
  string: 'readString',
  integer: 'readInteger',
  number: 'readNumber',
  bigint: 'readBigint',
  bytes: 'readBytes',
  boolean: 'readBoolean',
  null: 'readNull',
} as const
const isPlain = (node: TypeNode): node is Extract<TypeNode, { kind: keyof typeof plainReads }> => Object.hasOwn(plainReads, node.kind)

/** The function of the contract that checks a node without bounds. */
function plainCheck(node: TypeNode): string | undefined {
  if (node.kind === 'null') return 'nothing'
  if (!isPlain(node)) return undefined
  const unbounded = Object.entries(node).every(([name, bound]) => name === 'kind' || bound === undefined)
  return unbounded ? node.kind : undefined
}

/** `AcquireTtlMs`: what is hoisted for a field is named so. */
export const ownerOf = (type: string, field: string): string => type + pascalCase(field)

// What a schema file says, as plain data: everything the emitters and the command line need, resolved, checked and in order. It knows no
// TypeBox and no syntax.
import type { Wire } from '../src/contract/v1/descriptor.ts'
import type { FormatName } from '../src/contract/v1/values-format.ts'

export interface Model {
  readonly name: string
  readonly version: number
  /** First 16 hex digits of the hash of the wire format. */
  readonly wire: string
  /** Whether this version is not frozen yet. */
  readonly open: boolean
  readonly docs: string | undefined
  readonly names: MachineNames
  /** By name, in the order of first use. */
  readonly types: ReadonlyMap<string, NamedType>
  readonly state: readonly StateProperty[]
  readonly errors: readonly ErrorModel[]
  readonly commands: readonly OperationModel[]
  readonly queries: readonly OperationModel[]
  /** Commands, then queries, in the order of the schema: what handlers there must be. */
  readonly operations: readonly OperationSummary[]
}

/** What the emitted code calls things that belong to the machine as a whole. */
export interface MachineNames {
  /** `locks` */
  readonly machine: string
  /** `Locks` */
  readonly prefix: string
  /** `LocksState` */
  readonly state: string
  /** `LocksReadonlyState` */
  readonly readonlyState: string
  /** `LocksHandlers` */
  readonly handlers: string
  /** `LocksClient` */
  readonly client: string
  /** `locksDescriptor` */
  readonly descriptor: string
  /** `locksLadder` */
  readonly ladder: string
  /** `locksSteps` */
  readonly steps: string
  readonly schema: string
}

export interface OperationSummary {
  /** As it stands in the schema. */
  readonly name: string
  /** As it stands in an object literal: `acquire`, `'close-account'`. */
  readonly handlerKey: string
  readonly kind: 'command' | 'query'
  readonly docs: string | undefined
}

export interface OperationModel extends OperationSummary {
  readonly tag: number
  /** Its name in the version before, where that is another one. */
  readonly was: string | undefined
  /** Method of the client. */
  readonly method: string
  /** Constant of the codec: `acquireCommand`. */
  readonly constant: string
  /** The named type of the input. */
  readonly input: string
  /** What it answers; none for `void`. */
  readonly output: TypeNode | undefined
  /** Names of the declared errors, in the order given. Always empty for a query. */
  readonly errors: readonly string[]
}

export interface ErrorModel {
  /** The `code`, as it stands in the schema. */
  readonly name: string
  /** Of the interface and of its constructor. */
  readonly typeName: string
  readonly tag: number
  /** Its name in the version before, where that is another one. */
  readonly was: string | undefined
  readonly docs: string | undefined
  readonly fields: readonly Field[]
}

export type StateProperty = TableModel | CellModel
export interface TableModel {
  readonly kind: 'table'
  readonly name: string
  /** Its name in the version before, where that is another one. */
  readonly was: string | undefined
  readonly docs: string | undefined
  readonly key: KeyNode
  readonly value: TypeNode
  readonly indexes: readonly IndexModel[]
  /** In key order. */
  readonly initial: readonly (readonly [key: string | number, value: Wire])[]
}
/** An order of the entries of a table. No part of the wire. */
export interface IndexModel {
  readonly name: string
  readonly docs: string | undefined
  readonly unique: boolean
  /** The most significant first. */
  readonly fields: readonly IndexFieldModel[]
}
export interface IndexFieldModel {
  readonly name: string
  readonly type: 'string' | 'number' | 'bigint' | 'boolean'
  /** What it is where it is there: one, or those of the variants that have it. */
  readonly nodes: readonly TypeNode[]
  /** Whether every variant of the value has it. */
  readonly everywhere: boolean
}
export interface CellModel {
  readonly kind: 'cell'
  readonly name: string
  /** Its name in the version before, where that is another one. */
  readonly was: string | undefined
  readonly docs: string | undefined
  readonly type: TypeNode
  /** May be `undefined`. */
  readonly optional: boolean
  readonly initial: Wire
}

export interface Field {
  readonly name: string
  /** Its name in the version before, where that is another one. */
  readonly was: string | undefined
  readonly docs: string | undefined
  readonly type: TypeNode
  readonly presence: 'required' | 'optional' | 'default'
  /** Only of `default`: checked, in canonical form. */
  readonly default: unknown
  /** Place in the array of fields, from 0. Fixed by the wire lock. */
  readonly position: number
}

export type NamedType = ObjectType | UnionType | AliasType
interface Named {
  readonly name: string
  readonly docs: string | undefined
  /** Whether it contains itself. */
  readonly recursive: boolean
}
export interface ObjectType extends Named {
  readonly kind: 'object'
  /** In the order of the schema. */
  readonly fields: readonly Field[]
}
/** Of unlike things, `null` not among them. On the wire a pair: tag and value. */
export interface UnionType extends Named {
  readonly kind: 'union'
  /** The field that tells its objects apart, where there are several. */
  readonly discriminator: string | undefined
  readonly variants: readonly Variant[]
}
/** A name for something that is no object: a set of literals, or a part of a recursive type. */
export interface AliasType extends Named {
  readonly kind: 'alias'
  readonly type: TypeNode
}
export interface Variant {
  readonly tag: number
  /** What it is known by in the wire lock. */
  readonly key: string
  /** How a value of it is recognised. */
  readonly shape: Shape
  /** The value of the discriminator, where one is needed. */
  readonly discriminant: LiteralValue | undefined
  readonly type: TypeNode
}
export type Shape = 'string' | 'number' | 'boolean' | 'bigint' | 'bytes' | 'array' | 'map' | 'object'
export type LiteralValue = string | number | boolean

export type TypeNode =
  | StringNode
  | IntegerNode
  | NumberNode
  | BigintNode
  | BytesNode
  | LiteralsNode
  | ArrayNode
  | TupleNode
  | MapNode
  | { readonly kind: 'boolean' }
  | { readonly kind: 'null' }
  | { readonly kind: 'nullable'; readonly of: TypeNode }
  | { readonly kind: 'named'; readonly name: string }
export type KeyNode = StringNode | IntegerNode

export interface StringNode {
  readonly kind: 'string'
  /** In code points. */
  readonly minLength: number | undefined
  readonly maxLength: number | undefined
  readonly pattern: { readonly source: string; readonly flags: string } | undefined
  readonly format: FormatName | undefined
}
export interface IntegerNode {
  readonly kind: 'integer'
  /** Inclusive, whole. */
  readonly minimum: number | undefined
  readonly maximum: number | undefined
  readonly multipleOf: number | undefined
}
export interface NumberNode {
  readonly kind: 'number'
  readonly minimum: number | undefined
  readonly maximum: number | undefined
  readonly exclusiveMinimum: number | undefined
  readonly exclusiveMaximum: number | undefined
  readonly multipleOf: number | undefined
}
export interface BigintNode {
  readonly kind: 'bigint'
  /** Inclusive. */
  readonly minimum: bigint | undefined
  readonly maximum: bigint | undefined
  readonly multipleOf: bigint | undefined
}
export interface BytesNode {
  readonly kind: 'bytes'
  readonly minLength: number | undefined
  readonly maxLength: number | undefined
}
/** A literal, an enum, or a union of literals. */
export interface LiteralsNode {
  readonly kind: 'literals'
  readonly values: readonly LiteralValue[]
}
export interface ArrayNode {
  readonly kind: 'array'
  readonly items: TypeNode
  readonly minItems: number | undefined
  readonly maxItems: number | undefined
  readonly unique: boolean
}
export interface TupleNode {
  readonly kind: 'tuple'
  readonly items: readonly TypeNode[]
}
/** A Record that is not a table of the state. */
export interface MapNode {
  readonly kind: 'map'
  readonly key: KeyNode
  readonly value: TypeNode
  readonly minEntries: number | undefined
  readonly maxEntries: number | undefined
}

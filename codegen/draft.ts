// What the schema says before the wire lock has given out tags and positions. `was`: as it is given, news or not.
import type {
  AliasType,
  CellModel,
  Field,
  IndexModel,
  KeyNode,
  LiteralValue,
  MachineNames,
  ObjectType,
  Shape,
  TypeNode,
  UnionType,
} from './model.ts'

export type DraftField = Omit<Field, 'position'>
export type DraftObject = Omit<ObjectType, 'fields'> & { readonly fields: readonly DraftField[] }
export interface DraftVariant {
  readonly key: string
  readonly shape: Shape
  readonly discriminant: LiteralValue | undefined
  readonly type: TypeNode
}
export type DraftUnion = Omit<UnionType, 'variants'> & { readonly variants: readonly DraftVariant[] }
export type DraftType = DraftObject | DraftUnion | AliasType

export interface DraftOperation {
  readonly name: string
  readonly was: string | undefined
  readonly kind: 'command' | 'query'
  readonly docs: string | undefined
  readonly input: string
  readonly output: TypeNode | undefined
  readonly errors: readonly string[]
}
export interface DraftError {
  readonly name: string
  readonly was: string | undefined
  readonly typeName: string
  readonly docs: string | undefined
  readonly fields: readonly DraftField[]
}
export interface DraftTable {
  readonly kind: 'table'
  readonly name: string
  readonly was: string | undefined
  readonly docs: string | undefined
  readonly key: KeyNode
  readonly value: TypeNode
  readonly indexes: readonly IndexModel[]
}
export type DraftCell = Omit<CellModel, 'initial'> & { readonly default: unknown }

/** What is gone on purpose. */
export interface DraftRetired {
  readonly versions: readonly number[]
  /** Versions whose clients are gone; their logs and snapshots need not be. */
  readonly clients: readonly number[]
  readonly commands: readonly string[]
  readonly queries: readonly string[]
  readonly errors: readonly string[]
}

export interface Draft {
  readonly name: string
  readonly version: number
  readonly docs: string | undefined
  readonly names: MachineNames
  readonly types: ReadonlyMap<string, DraftType>
  readonly state: readonly (DraftTable | DraftCell)[]
  /** As given: plain objects stand for tables. */
  readonly initial: Readonly<Record<string, unknown>>
  readonly errors: readonly DraftError[]
  readonly commands: readonly DraftOperation[]
  readonly queries: readonly DraftOperation[]
  readonly retired: DraftRetired
}

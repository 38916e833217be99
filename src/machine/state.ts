// The typed state of one machine: an object with one property for each field of the schema's state, all under one transaction.
import { Cell } from './cell.ts'
import type { Check, Codec } from './codec.ts'
import { StateTable } from './table.ts'
import type { IndexSpec } from './table-indexes.ts'
import { Transaction } from './transaction.ts'

export interface TableSpec<W> {
  readonly kind: 'table'
  readonly key: 'string' | 'integer'
  readonly keys: Check
  readonly values: Codec<W>
  /** Default: none. */
  readonly indexes?: readonly IndexSpec[]
  /** Entries at the start of the world, in any order. */
  readonly initial: readonly (readonly [key: string | number, value: W])[]
}
export interface CellSpec<W> {
  readonly kind: 'cell'
  readonly value: Codec<W>
  readonly initial: W
}
export type FieldSpec<W> = TableSpec<W> | CellSpec<W>

/** A field at work: what it is, and what it holds. */
export type Field<W> =
  | { readonly kind: 'table'; readonly name: string; readonly spec: TableSpec<W>; readonly table: StateTable }
  | { readonly kind: 'cell'; readonly name: string; readonly spec: CellSpec<W>; readonly cell: Cell }

export class State<W> {
  readonly transaction = new Transaction()
  /** In the order of the specification. */
  readonly fields: readonly Field<W>[]
  /**
   * What handlers get. Tables are fixed properties, cells are read and assigned; everything else throws. Commands and queries share it:
   * the transaction knows which of them runs.
   */
  readonly root: object

  constructor(specs: Readonly<Record<string, FieldSpec<W>>>) {
    this.fields = Object.entries(specs).map(([name, spec]) => createField(name, spec, this.transaction))
    this.root = createRoot(this.fields)
  }
}

function createField<W>(name: string, spec: FieldSpec<W>, transaction: Transaction): Field<W> {
  const path = `state.${name}`
  if (spec.kind === 'cell') {
    const cell = new Cell({ name: path, value: spec.value, initial: spec.value.fromWire(spec.initial), transaction })
    return { kind: 'cell', name, spec, cell }
  }
  const { key, keys, values, indexes } = spec
  const table = new StateTable({ name: path, key, keys, values, transaction, indexes })
  const initial = spec.initial.toSorted(([a], [b]) => (a < b ? -1 : 1))
  const load = table.prepare(
    initial.map(([key]) => key),
    initial.map(([, value]) => values.fromWire(value)),
  )
  load()
  return { kind: 'table', name, spec, table }
}

function createRoot<W>(fields: readonly Field<W>[]): object {
  const root = {}
  // `defineProperty` and not assignment: a field may be called `__proto__`.
  for (const field of fields) Object.defineProperty(root, field.name, { enumerable: true, ...accessorsOf(field) })
  return Object.preventExtensions(root)
}

function accessorsOf<W>(field: Field<W>): PropertyDescriptor {
  if (field.kind === 'cell') {
    const { cell } = field
    return { get: () => cell.value, set: (value: unknown) => cell.assign(value) }
  }
  const { table, name } = field
  return {
    get: () => table,
    set: () => {
      throw new TypeError(`state.${name} is a table: change it with set and delete`)
    },
  }
}

// The typed state of one machine: an object with one property for each field of the schema's state, all under one transaction.
import { Cell } from './cell.ts'
import type { Check, Codec } from './codec.ts'
import { type Digest, DigestSum, FieldDigest } from './field-digest.ts'
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
  readonly absent?: boolean
}
export interface CellSpec<W> {
  readonly kind: 'cell'
  readonly value: Codec<W>
  readonly initial: W
  /**
   * It has no place in this version of the state: handlers see it as it begins, a table without entries, and what they write to it is not kept. It is neither
   * added up nor written down.
   */
  readonly absent?: boolean
}
export type FieldSpec<W> = TableSpec<W> | CellSpec<W>

/** A field at work: what it is, and what it holds. */
export type Field<W> =
  | { readonly kind: 'table'; readonly name: string; readonly spec: TableSpec<W>; readonly digest: FieldDigest; readonly table: StateTable }
  | { readonly kind: 'cell'; readonly name: string; readonly spec: CellSpec<W>; readonly digest: FieldDigest; readonly cell: Cell }

export class State<W> {
  readonly transaction = new Transaction()
  /** In the order of the specification, without those that are absent. */
  readonly fields: readonly Field<W>[]
  /**
   * What handlers get. Tables are fixed properties, cells are read and assigned; everything else throws. Commands and queries share it:
   * the transaction knows which of them runs.
   */
  readonly root: object
  readonly #sum = new DigestSum()

  constructor(specs: Readonly<Record<string, FieldSpec<W>>>) {
    const fields = Object.entries(specs).map(([name, spec], position) =>
      createField({ name, position, transaction: this.transaction }, spec),
    )
    this.fields = fields.filter(({ spec }) => spec.absent !== true)
    this.root = createRoot(fields)
  }

  /** Equal for equal states, by whatever way they came to be. Good until the next call. */
  get digest(): Digest {
    this.#sum.reset()
    for (const field of this.fields) this.#sum.add(field.digest.sum)
    return this.#sum
  }
}

interface Place {
  readonly name: string
  readonly position: number
  readonly transaction: Transaction
}

function createField<W>({ name, position, transaction }: Place, spec: FieldSpec<W>): Field<W> {
  const path = `state.${name}`
  const codec = spec.kind === 'cell' ? spec.value : spec.values
  const digest = new FieldDigest(position, (value) => codec.toWire(value))
  const { absent = false } = spec
  if (spec.kind === 'cell') {
    const cell = new Cell({ name: path, value: spec.value, initial: spec.value.fromWire(spec.initial), transaction, digest, absent })
    return { kind: 'cell', name, spec, digest, cell }
  }
  const { key, keys, values, indexes } = spec
  const table = new StateTable({ name: path, key, keys, values, transaction, indexes, digest, absent })
  if (absent) return { kind: 'table', name, spec, digest, table }
  const initial = spec.initial.toSorted(([a], [b]) => (a < b ? -1 : 1))
  const loader = table.loader()
  for (const [key, value] of initial) loader.add(key, values.fromWire(value))
  loader.install(sumOf(digest, initial))
  return { kind: 'table', name, spec, digest, table }
}

function sumOf(digest: FieldDigest, entries: readonly (readonly [key: string | number, wire: unknown])[]): Digest {
  const sum = new DigestSum()
  for (const [key, wire] of entries) sum.add(digest.hashOf(key, wire))
  return sum
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

// A state on its way from one version to the next, a few records at a time.
import { DigestSum } from '../../../machine/field-digest.ts'
import type { Field, State } from '../../../machine/state.ts'
import type { ValueCodec, Wire } from '../descriptor.ts'
import type { FieldDescriptor } from '../descriptor.ts'
import type { Migration, VersionStep } from './step.ts'

/** Records between two steps of the iterator: well below a millisecond, unless a function of the user takes its time. */
const sliceRecords = 128

/** How what is in a state becomes what is in another. */
export interface StateMove {
  /** By the name in the newer state; what is not here stays as it begins. None: both are of one shape, and nothing is converted. */
  readonly fields: VersionStep['state'] | undefined
  readonly migration: Migration | undefined
  /** Of the newer state: what the user's functions make is checked by it. */
  readonly descriptors: Readonly<Record<string, FieldDescriptor>>
}

/** Changes only `newer`, as it begins. Throws what a function of the user throws, and `InvalidValue` for what such a function has made that does not fit. */
export function* moveState(older: State<Wire>, newer: State<Wire>, move: StateMove): Generator<void, void> {
  const before = new Map(older.fields.map((field) => [field.name, field]))
  for (const field of newer.fields) {
    const from = move.fields === undefined ? field.name : move.fields[field.name]?.from
    const source = from === undefined ? undefined : before.get(from)
    if (source !== undefined) yield* moveField(source, field, convertOf(field.name, move))
  }
  const { migration } = move
  if (migration?.finish !== undefined) yield* finish(older, newer, (old, state) => migration.finish?.(old, state))
}

type Convert = (value: unknown, key: string | number) => unknown

function convertOf(name: string, { fields, migration, descriptors }: StateMove): Convert | undefined {
  const own = migration?.values[name]
  if (own === undefined) {
    const step = fields?.[name]?.value
    return step === undefined ? undefined : (value) => step.up(value)
  }
  const codec = codecOf(descriptors[name])
  const isTable = descriptors[name]?.kind === 'table'
  return (value, key) => codec.check(own(value, key), `state.${name}${isTable ? `[${JSON.stringify(key)}]` : ''}`)
}

const codecOf = (field: FieldDescriptor | undefined): ValueCodec<unknown> => {
  if (field === undefined) throw new RangeError('a field that moves is in the newer version')
  return field.kind === 'table' ? field.values : field.value
}

function* moveField(older: Field<Wire>, newer: Field<Wire>, convert: Convert | undefined): Generator<void, void> {
  if (older.kind === 'cell' && newer.kind === 'cell') {
    const value = older.cell.view()
    newer.cell.load(convert === undefined ? value : convert(value, ''))
    yield
  } else if (older.kind === 'table' && newer.kind === 'table') yield* moveTable(older, newer, convert)
}

type TableField = Extract<Field<Wire>, { kind: 'table' }>

function* moveTable(older: TableField, newer: TableField, convert: Convert | undefined): Generator<void, void> {
  const loader = newer.table.loader()
  const sum = new DigestSum()
  let moved = 0
  for (const [key, value] of older.table.view().entries()) {
    const converted = convert === undefined ? value : convert(value, key)
    loader.add(key, converted)
    sum.add(newer.digest.hashOf(key, newer.spec.values.toWire(converted)))
    moved += 1
    if (moved % sliceRecords === 0) yield
  }
  loader.install(sum)
  yield
}

/** Queries are answered from the older state in between, so it is open for reading only while the function runs. */
function* finish(
  older: State<Wire>,
  newer: State<Wire>,
  run: (older: object, newer: object) => void | Iterable<void>,
): Generator<void, void> {
  const reading = <T>(work: () => T): T => {
    older.transaction.beginQuery()
    try {
      return work()
    } finally {
      older.transaction.endQuery()
    }
  }
  newer.transaction.begin()
  const work = reading(() => run(older.root, newer.root)?.[Symbol.iterator]())
  if (work !== undefined) while (reading(() => work.next()).done !== true) yield
  newer.transaction.commit()
}

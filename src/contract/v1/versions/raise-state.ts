// A state on its way from one version to the next, a few records at a time.
import { DigestSum } from '../../../machine/field-digest.ts'
import type { Field, State } from '../../../machine/state.ts'
import type { ValueCodec, Wire } from '../descriptor.ts'
import type { Rung } from './rungs.ts'
import type { Migration, VersionStep } from './step.ts'

/** Records between two steps of the iterator: well below a millisecond, unless a function of the user takes its time. */
const sliceRecords = 128

export interface Move {
  readonly older: State<Wire>
  /** As it begins: what is not moved stays so. */
  readonly newer: State<Wire>
  readonly rung: Rung
  readonly step: VersionStep
}

/** Changes only `newer`. Throws what a function of the user throws, and `InvalidValue` for what such a function has made that does not fit. */
export function* raiseState({ older, newer, rung, step }: Move): Generator<void, void> {
  const before = new Map(older.fields.map((field) => [field.name, field]))
  for (const field of newer.fields) {
    const from = step.migration === undefined ? field.name : step.state[rung.toHost.field(field.name)?.from ?? field.name]?.from
    const source = from === undefined ? undefined : before.get(from)
    if (source !== undefined)
      yield* moveField(source, field, step.migration === undefined ? undefined : valueOf(rung, field, step, step.migration))
  }
  if (step.migration?.finish !== undefined) yield* finish(older, newer, step.migration.finish)
}

type Convert = (value: unknown, key: string | number) => unknown

/** Into the values of the handlers that serve the newer version. */
function valueOf({ descriptor, toHost }: Rung, { name }: Field<Wire>, step: VersionStep, migration: Migration): Convert {
  const { from = name, value: further } = toHost.field(name) ?? {}
  const own = migration.values[from]
  const plain = step.state[from]?.value
  const codec = codecOf(descriptor.state[from])
  const raised: Convert = (value, key) => {
    if (own !== undefined) return codec.check(own(value, key), `state.${from}`)
    return plain === undefined ? value : plain.up(value)
  }
  return (value, key) => {
    const converted = raised(value, key)
    return further === undefined ? converted : further.up(converted)
  }
}

const codecOf = (field: Rung['descriptor']['state'][string] | undefined): ValueCodec<unknown> => {
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
function* finish(older: State<Wire>, newer: State<Wire>, run: NonNullable<Migration['finish']>): Generator<void, void> {
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

// A state out of a snapshot, decoded as its bytes come: nobody has to wait for all of them, nor for all of the work at once.
import { DigestSum } from '../../machine/field-digest.ts'
import type { Field, State } from '../../machine/state.ts'
import type { SnapshotReceiver } from '../../machine/state-machine.ts'
import type { TableLoader } from '../../machine/table.ts'
import { type ByteReader, WireError } from '../../wire/bytes.ts'
import { UnitReader } from '../../wire/unit-reader.ts'
import { unpackValue } from '../../wire/value.ts'
import type { Wire } from './descriptor.ts'
import { readBlock, readFieldCount, readFieldKind, readPacked, readPackedBlock, readTableSize } from './snapshot.ts'

type TableField = Extract<Field<Wire>, { kind: 'table' }>

/** The entries of a table that have come so far. */
interface Table {
  readonly field: TableField
  readonly loader: TableLoader
  readonly sum: DigestSum
  left: number
  last: string | number | undefined
}

/** `write` and `end` throw a `WireError`, an `InvalidValue`, or MACHINE_MISMATCH where a unique index was not kept. Nothing changes before what `end` returns is called, and then everything does. */
export class StateReader implements SnapshotReceiver {
  readonly #state: State<Wire>
  readonly #version: number
  readonly #units = new UnitReader('the snapshot', (reader) => this.#unit(reader))
  #hasBegun = false
  /** Fields that are done. */
  readonly #loads: (() => () => void)[] = []
  #table: Table | undefined

  constructor(state: State<Wire>, version: number) {
    this.#state = state
    this.#version = version
  }

  write(part: Uint8Array): void {
    this.#units.write(part)
  }

  end(): () => void {
    this.#units.end()
    // The trees of the tables are built once everything is known to be good.
    const install = this.#loads.map((prepare) => prepare())
    return () => {
      for (const load of install) load()
    }
  }

  /** Reads what comes next, as a whole; false after the last. */
  #unit(reader: ByteReader): boolean {
    const { fields } = this.#state
    if (!this.#hasBegun) {
      const count = readFieldCount(reader, this.#version)
      if (count !== fields.length) throw new WireError(`the snapshot has ${count} fields, this machine has ${fields.length}`)
      this.#hasBegun = true
      return true
    }
    if (this.#table !== undefined) {
      this.#readEntries(reader, this.#table)
      return true
    }
    const field = fields[this.#loads.length]
    if (field === undefined) return false
    this.#readField(reader, field)
    return true
  }

  #readField(reader: ByteReader, field: Field<Wire>): void {
    const name = `state.${field.name}`
    if (readFieldKind(reader, name) !== field.kind) throw new WireError(`${name} is a ${field.kind}, not so in the snapshot`)
    if (field.kind === 'cell') {
      const value = field.spec.value.fromWire(unpackValue(readPacked(reader, name)))
      this.#loads.push(() => () => field.cell.load(value))
      return
    }
    const left = readTableSize(reader, name)
    this.#table = { field, left, last: undefined, loader: field.table.loader(), sum: new DigestSum() }
    this.#maybeEndTable(this.#table)
  }

  #readEntries(reader: ByteReader, table: Table): void {
    const { field, left, last, loader, sum } = table
    const { spec, digest } = field
    const name = `state.${field.name}`
    const keyType = spec.key === 'string' ? 'string' : 'number'
    const place = { name, keyType, left, last } as const
    readBlock(readPackedBlock(reader, name), place, (key, value) => {
      loader.add(key, spec.values.fromWire(value))
      sum.add(digest.hashOf(key, value))
      table.last = key
      table.left -= 1
    })
    this.#maybeEndTable(table)
  }

  #maybeEndTable({ left, loader, sum }: Table): void {
    if (left > 0) return
    this.#table = undefined
    this.#loads.push(() => loader.end(sum))
  }
}

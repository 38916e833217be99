// A state as bytes, and back. Canonical: fields in the lock's order, tables in key order, so equal states are equal bytes.
//
//   format (1), schema version (4), number of fields (2), then for each field
//     cell:   0 (1), value
//     table:  1 (1), number of entries (6), the entries in blocks
//   A value or block is its length (4) and MessagePack; a block is an array of [key, value]. It ends after `blockEntries`, or before with the
//   entry that fills `blockBytes`.
import { assert } from '../../core/invariant.ts'
import type { View } from '../../machine/ordered-map.ts'
import type { CellSpec, Field, State, TableSpec } from '../../machine/state.ts'
import { ByteReader, ByteWriter, WireError } from '../../wire/bytes.ts'
import { packValue, unpackValue } from '../../wire/value.ts'
import type { Wire } from './descriptor.ts'

const format = 1
/** Enough for the encoder to be busy. */
const blockEntries = 64
/** As `roughBytes` counts them: few enough for a part, however large the entries are. */
const blockBytes = 16 * 1_024
/** A part ends with the block or value that fills it: well below a millisecond of work, unless a single value is large. */
const partBytes = 32 * 1_024

export function encodeState(state: State<Wire>, version: number): Uint8Array {
  return Buffer.concat([...stateParts(state, version)])
}

/** The same of the state as it is now, in parts of about `partBytes`, encoded one by one as they are taken. The state may change meanwhile. */
export function stateParts(state: State<Wire>, version: number): Generator<Uint8Array> {
  assert(!state.transaction.writable, 'a snapshot is taken within a transaction')
  return viewParts(state.fields.map(viewOf), version)
}

type FieldView =
  | { readonly kind: 'cell'; readonly value: unknown; readonly spec: CellSpec<Wire> }
  | { readonly kind: 'table'; readonly view: View<string | number, unknown>; readonly spec: TableSpec<Wire> }

/** What is in a table or cell is never changed, only replaced. */
const viewOf = (field: Field<Wire>): FieldView =>
  field.kind === 'cell'
    ? { kind: 'cell', value: field.cell.view(), spec: field.spec }
    : { kind: 'table', view: field.table.view(), spec: field.spec }

function* viewParts(fields: readonly FieldView[], version: number): Generator<Uint8Array> {
  const writer = new ByteWriter(2 * partBytes)
  writer.u8(format)
  writer.u32(version)
  writer.u16(fields.length)
  for (const field of fields) {
    if (field.kind === 'cell') {
      writer.u8(0)
      writer.bytes(packValue(field.spec.value.toWire(field.value)))
      if (writer.length >= partBytes) yield writer.take()
    } else yield* tableParts(writer, field)
  }
  if (writer.length > 0) yield writer.take()
}

/** Throws a `WireError`, an `InvalidValue`, or MACHINE_MISMATCH where a unique index was not kept. Nothing changes before what it returns is called, and then everything does. */
export function prepareState(state: State<Wire>, version: number, snapshot: Uint8Array): () => void {
  const reader = new ByteReader(snapshot)
  const count = readFieldCount(reader, version)
  if (count !== state.fields.length) throw new WireError(`the snapshot has ${count} fields, this machine has ${state.fields.length}`)
  const install = state.fields.map((field) => decodeField(reader, field))
  reader.end('the snapshot')
  return () => {
    for (const load of install) load()
  }
}

/** The fields that follow: for each its kind, then a packed value, or a size and packed blocks. Throws a `WireError`. */
export function readFieldCount(reader: ByteReader, version: number): number {
  const its = { format: reader.u8('format of a snapshot'), version: reader.u32('version of a snapshot') }
  if (its.format !== format) throw new WireError(`the snapshot has format ${its.format}, only ${format} is known`)
  if (its.version !== version) throw new WireError(`the snapshot has schema version ${its.version}, this machine has ${version}`)
  return reader.u16('number of fields')
}

export const readFieldKind = (reader: ByteReader, name: string): 'table' | 'cell' => (reader.boolean(`kind of ${name}`) ? 'table' : 'cell')
export const readTableSize = (reader: ByteReader, name: string): number => reader.u48(`size of ${name}`)
/** Of a cell the value. */
export const readPacked = (reader: ByteReader, name: string): Uint8Array => reader.bytes(name)
export const readPackedBlock = (reader: ByteReader, name: string): Uint8Array => reader.bytes(`entries of ${name}`)

/** Where in a table a block stands. */
export interface BlockPlace {
  /** For messages: `state.leases`. */
  readonly name: string
  /** `undefined`: nobody knows. */
  readonly keyType: 'string' | 'number' | undefined
  /** Entries of the table from this block on. */
  readonly left: number
  /** The key before the block, where it is known. */
  readonly last: string | number | undefined
}

/** Gives each entry of a block to `take`. Throws a `WireError`. */
export function readBlock(packed: Uint8Array, place: BlockPlace, take: (key: string | number, value: Wire) => void): void {
  const { name, keyType } = place
  let { last } = place
  const block = unpackValue(packed)
  const most = Math.min(blockEntries, place.left)
  if (!Array.isArray(block) || block.length === 0 || block.length > most) {
    throw new WireError(`a block of ${name} has not between 1 and ${most} entries`)
  }
  for (const entry of block) {
    if (!Array.isArray(entry) || entry.length !== 2) throw new WireError(`an entry of ${name} is not a key and a value`)
    const [key, value]: Wire[] = entry
    if ((typeof key !== 'string' && typeof key !== 'number') || typeof key !== (keyType ?? typeof key)) {
      throw new WireError(`a key of ${name} is not a ${keyType ?? 'string or number'}`)
    }
    if (last !== undefined && last >= key) throw new WireError(`the keys of ${name} do not ascend at ${JSON.stringify(key)}`)
    last = key
    take(key, value ?? null)
  }
}

/** Leaves in `writer` what does not fill a part. */
function* tableParts(writer: ByteWriter, { view, spec }: Extract<FieldView, { kind: 'table' }>): Generator<Uint8Array> {
  writer.u8(1)
  writer.u48(view.size)
  let block: Wire[] = []
  let bytes = 0
  for (const [key, value] of view.entries()) {
    const entry = [key, spec.values.toWire(value)]
    block.push(entry)
    bytes += roughBytes(entry)
    if (block.length < blockEntries && bytes < blockBytes) continue
    writer.bytes(packValue(block))
    block = []
    bytes = 0
    if (writer.length >= partBytes) yield writer.take()
  }
  if (block.length > 0) writer.bytes(packValue(block))
}

/** About the length of `wire` in MessagePack; the same on every machine, which is what counts. */
function roughBytes(wire: Wire): number {
  if (typeof wire === 'string') return wire.length
  if (typeof wire !== 'object' || wire === null) return 4
  if (wire instanceof Uint8Array) return wire.length
  let bytes = 1
  for (const item of wire) bytes += roughBytes(item)
  return bytes
}

/** Returns what puts the field into the state, once all fields are known to be good. */
function decodeField(reader: ByteReader, field: Field<Wire>): () => void {
  const name = `state.${field.name}`
  if (readFieldKind(reader, name) !== field.kind) throw new WireError(`${name} is a ${field.kind}, not so in the snapshot`)
  if (field.kind === 'cell') {
    const value = field.spec.value.fromWire(unpackValue(readPacked(reader, name)))
    return () => field.cell.load(value)
  }
  const { keys, values } = decodeEntries(reader, field)
  return field.table.prepare(keys, values)
}

function decodeEntries(reader: ByteReader, field: Extract<Field<Wire>, { kind: 'table' }>) {
  const { values: codec, key } = field.spec
  const name = `state.${field.name}`
  const keyType = key === 'string' ? 'string' : 'number'
  const size = readTableSize(reader, name)
  const keys: (string | number)[] = []
  const values: unknown[] = []
  while (keys.length < size) {
    const place = { name, keyType, left: size - keys.length, last: keys.at(-1) } as const
    readBlock(readPackedBlock(reader, name), place, (key, value) => {
      keys.push(key)
      values.push(codec.fromWire(value))
    })
  }
  return { keys, values }
}

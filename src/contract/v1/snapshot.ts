// A state as bytes, and back. Canonical: fields in the lock's order, tables in key order, so equal states are equal bytes.
//
//   format (1), schema version (4), number of fields (2), then for each field
//     cell:   0 (1), value
//     table:  1 (1), number of entries (6), the entries in blocks
//   A value or block is its length (4) and MessagePack; a block is an array of [key, value]. It ends after `blockEntries`, or before with the
//   entry that fills `blockBytes`.
import { assert } from '../../core/invariant.ts'
import { RaftgenError } from '../../errors.ts'
import { type Digest, DigestSum, type FieldDigest } from '../../machine/field-digest.ts'
import type { Frozen } from '../../machine/ordered-map.ts'
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
const partBytes = 8 * 1_024

export function encodeState(state: State<Wire>, version: number): Uint8Array {
  return Buffer.concat([...stateParts(state, version)])
}

/** The same of the state as it is now, in parts of about `partBytes`, encoded one by one as they are taken. The state may change meanwhile. */
export function stateParts(state: State<Wire>, version: number): IterableIterator<Uint8Array> {
  assert(!state.transaction.writable, 'a snapshot is taken within a transaction')
  const fields = state.fields.map(viewOf)
  const parts = viewParts(fields, version)
  // However it ends: a generator that was not begun, or that failed, would leave frozen what it did not come to.
  const end = (): void => {
    for (const field of fields) if (field.kind === 'table') field.view.end()
  }
  return {
    next: () => {
      try {
        return parts.next()
      } catch (error) {
        end()
        throw error
      }
    },
    return: () => {
      end()
      return parts.return(undefined)
    },
    [Symbol.iterator]() {
      return this
    },
  }
}

type FieldView =
  | { readonly kind: 'cell'; readonly value: unknown; readonly spec: CellSpec<Wire>; readonly sums: Sums }
  | { readonly kind: 'table'; readonly view: Frozen<string | number, unknown>; readonly spec: TableSpec<Wire>; readonly sums: Sums }

/** What a field adds up to: as it was kept up with every change, and as its records are found to be. */
interface Sums {
  readonly name: string
  readonly kept: Digest
  readonly digest: FieldDigest
}

/** What is in a table or cell is never changed, only replaced. */
function viewOf(field: Field<Wire>): FieldView {
  const { name, digest } = field
  const { low, high } = digest.sum
  const sums = { name, kept: { low, high }, digest }
  return field.kind === 'cell'
    ? { kind: 'cell', value: field.cell.view(), spec: field.spec, sums }
    : { kind: 'table', view: field.table.freeze(), spec: field.spec, sums }
}

function* viewParts(fields: readonly FieldView[], version: number): Generator<Uint8Array> {
  const writer = new ByteWriter(2 * partBytes)
  writer.u8(format)
  writer.u32(version)
  writer.u16(fields.length)
  for (const field of fields) {
    if (field.kind === 'cell') {
      const wire = field.spec.value.toWire(field.value)
      checkSum(field.sums, field.sums.digest.hashOf('', wire))
      writer.u8(0)
      writer.bytes(packValue(wire))
      if (writer.length >= partBytes) yield writer.take()
    } else yield* tableParts(writer, field)
  }
  if (writer.length > 0) yield writer.take()
}

/** Nothing but a write within a transaction may change the state: a snapshot reads all of it, so it looks whether that is so. */
function checkSum({ name, kept }: Sums, found: Digest): void {
  if (found.low === kept.low && found.high === kept.high) return
  const what = `state.${name} is not what was written to it`
  const why = 'something has changed it in memory, beside the transactions: a fault of the memory, or of raftgen'
  throw new RaftgenError('STATE_DIVERGED', `${what}: ${why}. A restart reads it from the disk again`)
}

/** So many bytes tell the version of a snapshot. */
export const snapshotVersionBytes = 5

/** What it begins with. Throws a `WireError`. */
export function readSnapshotVersion(reader: ByteReader): number {
  const its = reader.u8('format of a snapshot')
  if (its !== format) throw new WireError(`the snapshot has format ${its}, only ${format} is known`)
  return reader.u32('version of a snapshot')
}

/** The fields that follow: for each its kind, then a packed value, or a size and packed blocks. Throws a `WireError`. */
export function readFieldCount(reader: ByteReader, version: number): number {
  const its = readSnapshotVersion(reader)
  if (its !== version) throw new WireError(`the snapshot has schema version ${its}, this machine has ${version}`)
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
function* tableParts(writer: ByteWriter, { view, spec, sums }: Extract<FieldView, { kind: 'table' }>): Generator<Uint8Array> {
  const found = new DigestSum()
  writer.u8(1)
  writer.u48(view.size)
  let block: Wire[] = []
  let bytes = 0
  for (const [key, value] of view.entries()) {
    const wire = spec.values.toWire(value)
    const entry = [key, wire]
    found.add(sums.digest.hashOf(key, wire))
    block.push(entry)
    bytes += roughBytes(entry)
    if (block.length < blockEntries && bytes < blockBytes) continue
    writer.bytes(packValue(block))
    block = []
    bytes = 0
    if (writer.length >= partBytes) yield writer.take()
  }
  if (block.length > 0) writer.bytes(packValue(block))
  checkSum(sums, found)
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

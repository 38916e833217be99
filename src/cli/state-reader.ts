// The state of a machine in the words of its schema, as far as they are known.
import type { Lock, LockedOperation, LockedVersion } from '../../codegen/lock.ts'
import { type LockedStateNode, parseLockedState } from '../../codegen/locked-type.ts'
import type { Wire } from '../contract/v1/descriptor.ts'
import { InvalidValue } from '../contract/v1/values-invalid.ts'
import * as values from '../contract/v1/values-read.ts'
import { isSame, keyed, named, type Place } from '../machine/differences.ts'
import type { Recorded } from '../machine/kept-replies.ts'
import type { SessionRecord } from '../machine/sessions.ts'
import { WireError } from '../wire/bytes.ts'
import type { ReplicaMachine } from '../wire/replica-codec.ts'
import { unpackValue } from '../wire/value.ts'
import { LockReader } from '../../codegen/lock-reader.ts'
import { timeText } from './value-text.ts'

/** A field of a state. */
export interface FieldReader {
  readonly place: Place
  /** `undefined`: only the snapshot says it. */
  readonly kind: 'table' | 'cell' | undefined
  readonly keyType: 'string' | 'number' | undefined
  /** Of a cell, or under a key. Throws an `InvalidValue` where `wire` does not fit. */
  value(wire: Wire): unknown
}

export interface StateReader {
  /** `undefined`: only the snapshot says how many there are, and `field` knows nothing of them. */
  readonly fields: readonly FieldReader[] | undefined
  /** The field in this place, of which nothing is known. */
  field(i: number): FieldReader
  reply(reply: Uint8Array): object
}

const root = named('state')

/** Without a lock values are what is on the wire: fields have numbers instead of names. */
export function stateReader(lock: Lock | undefined, { version }: ReplicaMachine): StateReader {
  const locked = lock?.versions[version]
  const field = (i: number): FieldReader => ({ place: keyed(i, root), kind: undefined, keyType: undefined, value: (wire) => wire })
  if (locked === undefined) return { fields: undefined, field, reply: (bytes) => replyOf(bytes, (wire) => ({ result: wire })) }
  const reader = new LockReader(locked)
  const fields = locked.state.map((given) => {
    const node = parseLockedState(given.type)
    return fieldReader(named(given.name, root), node, (wire) => readField(reader, node, { wire, isOptional: given.optional === true }))
  })
  // A reply is of the version that was in force when it was made.
  const reply = (wire: Wire, its: number): object => {
    const then = its === version ? locked : lock?.versions[its]
    return then === undefined ? { result: wire } : repliedBy(then, then === locked ? reader : new LockReader(then), wire)
  }
  return { fields, field, reply: (bytes) => replyOf(bytes, reply) }
}

function fieldReader(place: Place, node: LockedStateNode, value: (wire: Wire) => unknown): FieldReader {
  if (node.kind === 'cell') return { place, kind: 'cell', keyType: undefined, value }
  return { place, kind: 'table', keyType: node.key.kind === 'string' ? 'string' : 'number', value }
}

function readField(
  reader: LockReader,
  node: LockedStateNode,
  { wire, isOptional }: { readonly wire: Wire; readonly isOptional: boolean },
): unknown {
  if (node.kind === 'table') return reader.read(node.value, wire)
  return isOptional ? reader.readOptional(node.type, wire) : reader.read(node.type, wire)
}

/** A session as a value: what `differences` can walk. */
export function sessionValue({ ttlMs, lastActive, ackedBelow, lastSeq, replies }: SessionRecord, reader: StateReader): object {
  const shown = ({ index, reply }: Recorded): object => ({ index, ...(reply === undefined ? { dropped: true } : reader.reply(reply)) })
  return {
    ttlMs,
    lastActive: timeText(lastActive),
    ackedBelow,
    lastSeq,
    replies: new Map([...replies].map(([seq, recorded]) => [seq, shown(recorded)])),
  }
}

/** A machine by hand replies what it likes. */
function replyOf(reply: Uint8Array, result: (wire: Wire, version: number) => object): object {
  let wire: Wire
  try {
    wire = unpackValue(reply)
  } catch (thrown) {
    if (!(thrown instanceof WireError)) throw thrown
    return { bytes: reply }
  }
  if (!Array.isArray(wire)) return { bytes: reply }
  const [status, value = null, version]: readonly Wire[] = wire
  if (status === 1 && wire.length === 1) return { failed: 'HANDLER_FAILED' }
  return status === 0 && typeof version === 'number' && wire.length === 3 ? result(value, version) : { bytes: reply }
}

/** A session does not say which command it has answered. Where only one has such replies it was that one; where several read the same in it, that is told. */
function repliedBy(version: LockedVersion, reader: LockReader, wire: Wire): object {
  const read = Object.entries(version.commands).flatMap(([command, operation]) => {
    try {
      return [{ command, result: readReply(operation, version, { reader, wire }) }]
    } catch (thrown) {
      if (!(thrown instanceof InvalidValue)) throw thrown
      return []
    }
  })
  const [first, ...others] = read
  if (first === undefined || !others.every(({ result }) => isSame(result, first.result))) return { result: wire }
  return others.length === 0 ? first : { result: first.result }
}

function readReply(
  { output, errors = [] }: LockedOperation,
  version: LockedVersion,
  { reader, wire }: { readonly reader: LockReader; readonly wire: Wire },
): unknown {
  const value = (given: values.MaybeWire): unknown => (output === undefined ? undefined : reader.read(reader.node(output), given))
  if (errors.length === 0) return output === undefined ? values.readAbsent(wire) : value(wire)
  const tag = values.readTag(wire)
  if (tag === 0) {
    const [, result] = values.readFields(wire, output === undefined ? 1 : 2)
    return output === undefined ? { ok: true } : { ok: true, value: value(result) }
  }
  const code = errors.find((name) => version.errors[name]?.tag === tag)
  const error = code === undefined ? undefined : version.errors[code]
  if (error === undefined) return values.unknownTag(tag)
  const fields = values.readFields(wire, error.fields.length + 1).slice(1)
  return { ok: false, error: { code, ...reader.object(error.fields, fields) } }
}

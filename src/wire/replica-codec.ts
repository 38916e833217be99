// A whole replicated state as bytes, in pieces: what a snapshot holds. Equal states give equal bytes, whoever encodes them.
//
//   format (1, or 2 where commands were skipped)
//   machine: name (text), version (4), wire format (text)
//   last applied: index (6), term (6)
//   log time: now (6), ceiling (6), term of the ceiling (6)
//   format 2: commands that were skipped: count (4), their indexes (6 each)
//   sessions, see `sessions-codec.ts`
//   state of the machine, as it gave it
//   length of that (6): last, so that a machine may be asked for its state piece by piece
import type { Index } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import { type Replica, type ReplicaState, skippedMax } from '../machine/replica.ts'
import type { SessionsView } from '../machine/sessions.ts'
import type { StateMachine } from '../machine/state-machine.ts'
import { ByteReader, ByteWriter, WireError } from './bytes.ts'
import { sessionPieces } from './sessions-codec.ts'

const format = 1
const formatWithSkipped = 2
/** No piece is larger, so that a disk or a connection that takes one at a time is free in between. */
export const replicaPieceBytes = 64 * 1_024
/** A longer state fits no memory: it is decoded from one array. Bytes. */
export const replicaBytesMax = 2 ** 32
/** Behind the state of the machine: how long that is. */
export const replicaTrailerBytes = 6

/**
 * The state as it is now, encoded as the pieces are taken. The replica may apply nothing before `drawn` is called: at once where its machine gives
 * parts of a frozen state, else once the last of it was read. Pieces are views of memory that nothing else writes to.
 */
export function encodeReplica(replica: Replica, drawn: () => void = () => {}): Generator<Uint8Array> {
  const head = encodeHead(replica)
  const sessions = replica.sessions.view()
  const frozen = replica.machine.frozenSnapshotParts?.()
  if (frozen !== undefined) drawn()
  const isDrawn = frozen !== undefined
  return piecesOf({ head, sessions, parts: () => frozen ?? machineParts(replica.machine), drawn: isDrawn ? () => {} : drawn })
}

interface Drawing {
  readonly head: Uint8Array
  readonly sessions: SessionsView
  parts(): Iterable<Uint8Array>
  drawn(): void
}

function* piecesOf({ head, sessions, parts, drawn }: Drawing): Generator<Uint8Array> {
  yield head
  for (const part of sessionPieces(sessions, replicaPieceBytes)) yield* slices(part)
  let length = 0
  // One behind: of a machine that gives its state in one part, nothing is read any more while that is cut up.
  let last: Uint8Array = new Uint8Array(0)
  for (const part of parts()) {
    yield* slices(last)
    length += part.length
    last = part
  }
  drawn()
  yield* slices(last)
  const trailer = new ByteWriter(replicaTrailerBytes)
  trailer.u48(length)
  yield trailer.take()
}

function encodeHead({ machine, lastApplied, lastAppliedTerm, now, ceiling, ceilingTerm, skipped }: Replica): Uint8Array {
  const writer = new ByteWriter(256)
  writer.u8(skipped.length === 0 ? format : formatWithSkipped)
  writer.text(machine.name)
  writer.u32(machine.version)
  writer.text(machine.wire)
  for (const value of [lastApplied, lastAppliedTerm, now, ceiling, ceilingTerm]) writer.u48(value)
  if (skipped.length === 0) return writer.take()
  writer.u32(skipped.length)
  for (const index of skipped) writer.u48(index)
  return writer.take()
}

function machineParts(machine: StateMachine): Iterable<Uint8Array> {
  return machine.snapshotParts?.() ?? [machine.snapshot()]
}

function* slices(part: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < part.length; at += replicaPieceBytes) yield part.subarray(at, at + replicaPieceBytes)
}

/** What stands before the sessions. */
export interface ReplicaHead extends Omit<ReplicaState, 'sessions'> {
  readonly machine: ReplicaMachine
}
/** Whose state it is. */
export type ReplicaMachine = Pick<StateMachine, 'name' | 'version' | 'wire'>

/** For who reads a state of any machine, part by part: this, then sessions, the state of the machine, and the trailer. Throws a `WireError`. */
export function readReplicaHead(reader: ByteReader): ReplicaHead {
  const itsFormat = reader.u8('format of a state')
  if (itsFormat !== format && itsFormat !== formatWithSkipped) {
    throw new WireError(`the state has format ${itsFormat}, only ${format} and ${formatWithSkipped} are known`)
  }
  const machine = readMachine(reader)
  const times = readTimes(reader)
  return { machine, ...times, skipped: itsFormat === format ? [] : readSkipped(reader, times.lastApplied.index) }
}

/** Bytes of the state of the machine. */
export const readReplicaTrailer = (reader: ByteReader): number => reader.u48('length of the state of the machine')

/** `claimed`: by the trailer. */
export function checkMachineBytes(claimed: number, bytes: number): void {
  if (claimed !== bytes) throw new WireError(`the state of the machine has ${bytes} bytes, not ${claimed}`)
}

function readMachine(reader: ByteReader): ReplicaMachine {
  const name = reader.text('name of the machine')
  const version = reader.u32('version of the machine')
  return { name, version, wire: reader.text('wire format of the machine') }
}

function readTimes(reader: ByteReader): Omit<ReplicaState, 'sessions' | 'skipped'> {
  const lastApplied = { index: reader.positive('index of the last entry applied'), term: reader.positive('term of the last entry applied') }
  const now = reader.u48('log time')
  const ceiling = reader.u48('ceiling of log time')
  const ceilingTerm = reader.u48('term of the ceiling')
  if (ceilingTerm > lastApplied.term) throw new WireError(`the ceiling is of term ${ceilingTerm}, the last entry of ${lastApplied.term}`)
  return { lastApplied, now, ceiling, ceilingTerm }
}

function readSkipped(reader: ByteReader, lastApplied: Index): readonly Index[] {
  const count = reader.count(6, 'skipped commands')
  if (count === 0 || count > skippedMax) throw new WireError(`${count} commands were skipped: 1 to ${skippedMax} are remembered`)
  const skipped: Index[] = []
  for (let last = 0; skipped.length < count; ) {
    const index = reader.positive('index of a skipped command')
    if (index <= last || index > lastApplied) throw new WireError(`command ${index} was skipped, after ${last} and up to ${lastApplied}`)
    skipped.push(index)
    last = index
  }
  return skipped
}

export function checkMachine({ name, version, wire }: ReplicaMachine, machine: StateMachine): void {
  if (name !== machine.name) {
    throw new RaftgenError('MACHINE_MISMATCH', `the snapshot holds the state of the machine ${name}, and this is ${machine.name}`)
  }
  if (version === machine.version && wire === machine.wire) return
  throw new RaftgenError(
    'MACHINE_MISMATCH',
    `the snapshot holds the state of the machine ${name} in version ${version} (wire format ${wire}), ` +
      `and this is version ${machine.version} (wire format ${machine.wire}), which cannot read it`,
  )
}

// A whole replicated state as bytes, in pieces: what a snapshot holds. Equal states give equal bytes, whoever encodes them.
//
//   format (1, or 2 where commands were skipped, or 3 where an entry has said which version of the schema is in force)
//   machine: name (text), version (4), wire format (text)
//   last applied: index (6), term (6)
//   log time: now (6), ceiling (6), term of the ceiling (6)
//   format 2 and 3: commands that were skipped: count (4), their indexes (6 each)
//   format 3: the first entry that said which version is in force (6)
//   sessions, see `sessions-codec.ts`
//   state of the machine, as it gave it
//   length of that (6): last, so that a machine may be asked for its state piece by piece
import type { Index } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import type { Replica, ReplicaState } from '../machine/replica.ts'
import { skippedMax } from '../machine/skipped-entries.ts'
import type { SessionsView } from '../machine/sessions.ts'
import { identityOf, knows, knownVersions } from '../machine/evolution.ts'
import type { StateMachine } from '../machine/state-machine.ts'
import { ByteReader, ByteWriter, WireError } from './bytes.ts'
import { sessionPieces } from './sessions-codec.ts'

const format = 1
const formatWithSkipped = 2
const formatWithVersion = 3
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

function encodeHead({ machine, lastApplied, lastAppliedTerm, now, ceiling, ceilingTerm, skipped, begunAt }: Replica): Uint8Array {
  const writer = new ByteWriter(256)
  const its = begunAt > 0 ? formatWithVersion : skipped.length > 0 ? formatWithSkipped : format
  const { name, version, wire } = identityOf(machine)
  writer.u8(its)
  writer.text(name)
  writer.u32(version)
  writer.text(wire)
  for (const value of [lastApplied, lastAppliedTerm, now, ceiling, ceilingTerm]) writer.u48(value)
  if (its === format) return writer.take()
  writer.u32(skipped.length)
  for (const index of skipped) writer.u48(index)
  if (its === formatWithVersion) writer.u48(begunAt)
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
  if (itsFormat < format || itsFormat > formatWithVersion) {
    throw new WireError(`the state has format ${itsFormat}, only ${format} to ${formatWithVersion} are known`)
  }
  const machine = readMachine(reader)
  const times = readTimes(reader)
  const skipped =
    itsFormat === format ? [] : readSkipped(reader, { lastApplied: times.lastApplied.index, mayBeNone: itsFormat === formatWithVersion })
  const begunAt = itsFormat === formatWithVersion ? reader.positive('entry that put the first version in force') : 0
  if (begunAt > times.lastApplied.index)
    throw new WireError(`entry ${begunAt} put a version in force, the last one applied is ${times.lastApplied.index}`)
  return { machine, ...times, skipped, begunAt }
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

function readTimes(reader: ByteReader): Omit<ReplicaState, 'sessions' | 'skipped' | 'begunAt'> {
  const lastApplied = { index: reader.positive('index of the last entry applied'), term: reader.positive('term of the last entry applied') }
  const now = reader.u48('log time')
  const ceiling = reader.u48('ceiling of log time')
  const ceilingTerm = reader.u48('term of the ceiling')
  if (ceilingTerm > lastApplied.term) throw new WireError(`the ceiling is of term ${ceilingTerm}, the last entry of ${lastApplied.term}`)
  return { lastApplied, now, ceiling, ceilingTerm }
}

function readSkipped(
  reader: ByteReader,
  { lastApplied, mayBeNone }: { readonly lastApplied: Index; readonly mayBeNone: boolean },
): readonly Index[] {
  const count = reader.count(6, 'skipped commands')
  if ((count === 0 && !mayBeNone) || count > skippedMax)
    throw new WireError(`${count} commands were skipped: 1 to ${skippedMax} are remembered`)
  const skipped: Index[] = []
  for (let last = 0; skipped.length < count; ) {
    const index = reader.positive('index of a skipped command')
    if (index <= last || index > lastApplied) throw new WireError(`command ${index} was skipped, after ${last} and up to ${lastApplied}`)
    skipped.push(index)
    last = index
  }
  return skipped
}

/** Throws MACHINE_MISMATCH or VERSION_UNKNOWN where `machine` cannot be of this version. */
export function checkMachine({ name, version, wire }: ReplicaMachine, machine: StateMachine): void {
  if (name !== machine.name) {
    throw new RaftgenError('MACHINE_MISMATCH', `the snapshot holds the state of the machine ${name}, and this is ${machine.name}`)
  }
  if (knows(machine, { version, wire })) return
  const known = knownVersions(machine)
  const what = `the snapshot holds the state of the machine ${name} in version ${version}`
  if (machine.evolution !== undefined && !known.some((one) => one.version === version)) {
    throw new RaftgenError('VERSION_UNKNOWN', `${what}, and this build knows ${known.map((one) => one.version).join(', ')}`)
  }
  throw new RaftgenError(
    'MACHINE_MISMATCH',
    `${what} (wire format ${wire}), and this is version ${machine.version} (wire format ${machine.wire}), which cannot read it`,
  )
}

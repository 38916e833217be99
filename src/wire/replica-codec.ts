// A whole replicated state as bytes, in pieces: what a snapshot holds. Equal states give equal bytes, whoever encodes them.
//
//   format (2)
//   machine: name (text), version (4), wire format (text)
//   last applied: index (6), term (6)
//   log time: now (6), ceiling (6), term of the ceiling (6)
//   sessions, see `sessions-codec.ts`
//   commands that were skipped: count (4), their indexes (6 each); not in format 1
//   state of the machine, as it gave it
//   length of that (6): last, so that a machine may be asked for its state piece by piece
import type { EntryId, Index } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import { type Replica, type ReplicaState, skippedMax } from '../machine/replica.ts'
import type { SessionsView } from '../machine/sessions.ts'
import type { StateMachine } from '../machine/state-machine.ts'
import { ByteReader, ByteWriter, WireError } from './bytes.ts'
import { readSessions, sessionPieces } from './sessions-codec.ts'

const format = 2
/** Of states without skipped commands. */
const formatWithoutSkipped = 1
/** No piece is larger, so that a disk or a connection that takes one at a time is free in between. */
export const replicaPieceBytes = 64 * 1_024
/** A longer state fits no memory: it is decoded from one array. Bytes. */
export const replicaBytesMax = 2 ** 32
const trailerBytes = 6

/**
 * The state as it is now, encoded as the pieces are taken. The replica may apply nothing before `drawn` is called: at once where its machine gives
 * parts of a frozen state, else once the last of it was read. Pieces are views of memory that nothing else writes to.
 */
export function encodeReplica(replica: Replica, drawn: () => void = () => {}): Generator<Uint8Array> {
  const head = encodeHead(replica)
  const sessions = replica.sessions.view()
  const tail = encodeTail(replica)
  const frozen = replica.machine.frozenSnapshotParts?.()
  if (frozen !== undefined) drawn()
  const isDrawn = frozen !== undefined
  return piecesOf({ head, sessions, tail, parts: () => frozen ?? machineParts(replica.machine), drawn: isDrawn ? () => {} : drawn })
}

interface Drawing {
  readonly head: Uint8Array
  readonly sessions: SessionsView
  /** What comes after them. */
  readonly tail: Uint8Array
  parts(): Iterable<Uint8Array>
  drawn(): void
}

function* piecesOf({ head, sessions, tail, parts, drawn }: Drawing): Generator<Uint8Array> {
  yield head
  for (const part of sessionPieces(sessions, replicaPieceBytes)) yield* slices(part)
  yield tail
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
  const trailer = new ByteWriter(trailerBytes)
  trailer.u48(length)
  yield trailer.take()
}

/** Takes the pieces of an encoded replica, cut in any way, and puts what they hold in the place of what a replica has. */
export class ReplicaDecoder {
  readonly #content: Uint8Array
  #written = 0

  /** `bytes`: of all pieces together. */
  constructor(bytes: number) {
    this.#content = new Uint8Array(bytes)
  }

  /** Copies `piece`. */
  write(piece: Uint8Array): void {
    if (this.#written + piece.length > this.#content.length) {
      throw new WireError(`the state has more than the ${this.#content.length} bytes that were announced`)
    }
    this.#content.set(piece, this.#written)
    this.#written += piece.length
  }

  /**
   * Throws a `WireError`, or MACHINE_MISMATCH, before `replica` has changed; or what its machine throws, and then nothing of `replica` may
   * be used before another restore.
   */
  restore(replica: Replica): void {
    const { state, machineState } = this.#decode(replica.machine)
    replica.restore(state, machineState)
  }

  /**
   * In two steps: what is thrown here, a `WireError`, MACHINE_MISMATCH, or what the machine throws, leaves `replica` as it was, if it has a state;
   * `install` replaces everything.
   */
  prepare(replica: Replica, options: { readonly hasState: boolean }): PreparedReplica {
    const { state, machineState } = this.#decode(replica.machine)
    return { lastApplied: state.lastApplied, install: replica.prepare(state, machineState, options) }
  }

  #decode(machine: StateMachine): ReturnType<typeof decode> {
    if (this.#written < this.#content.length) {
      throw new WireError(`the state has ${this.#written} bytes, ${this.#content.length} were announced`)
    }
    return decode(this.#content, machine)
  }
}

/** A state that was decoded, and only has to take its place. */
export interface PreparedReplica {
  readonly lastApplied: EntryId
  install(): void
}

function encodeHead({ machine, lastApplied, lastAppliedTerm, now, ceiling, ceilingTerm }: Replica): Uint8Array {
  const writer = new ByteWriter(256)
  writer.u8(format)
  writer.text(machine.name)
  writer.u32(machine.version)
  writer.text(machine.wire)
  for (const value of [lastApplied, lastAppliedTerm, now, ceiling, ceilingTerm]) writer.u48(value)
  return writer.take()
}

function encodeTail({ skipped }: Replica): Uint8Array {
  const writer = new ByteWriter(64)
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

function decode(content: Uint8Array, machine: StateMachine): { readonly state: ReplicaState; readonly machineState: Uint8Array } {
  const reader = new ByteReader(content)
  const itsFormat = reader.u8('format of a state')
  if (itsFormat !== format && itsFormat !== formatWithoutSkipped) {
    throw new WireError(`the state has format ${itsFormat}, only ${formatWithoutSkipped} and ${format} are known`)
  }
  checkMachine(reader, machine)
  const lastApplied = { index: reader.positive('index of the last entry applied'), term: reader.positive('term of the last entry applied') }
  const now = reader.u48('log time')
  const ceiling = reader.u48('ceiling of log time')
  const ceilingTerm = reader.u48('term of the ceiling')
  if (ceilingTerm > lastApplied.term) throw new WireError(`the ceiling is of term ${ceilingTerm}, the last entry of ${lastApplied.term}`)
  const sessions = readSessions(reader, { lastApplied: lastApplied.index, now })
  const skipped = itsFormat === formatWithoutSkipped ? [] : readSkipped(reader, lastApplied.index)
  const machineState = reader.raw(Math.max(0, reader.remaining - trailerBytes), 'state of the machine')
  const length = reader.u48('length of the state of the machine')
  if (length !== machineState.length) throw new WireError(`the state of the machine has ${machineState.length} bytes, not ${length}`)
  return { state: { lastApplied, now, ceiling, ceilingTerm, sessions, skipped }, machineState }
}

function readSkipped(reader: ByteReader, lastApplied: Index): readonly Index[] {
  const count = reader.count(6, 'skipped commands')
  if (count > skippedMax) throw new WireError(`${count} commands were skipped, at most ${skippedMax} are remembered`)
  const skipped: Index[] = []
  for (let last = 0; skipped.length < count; ) {
    const index = reader.positive('index of a skipped command')
    if (index <= last || index > lastApplied) throw new WireError(`command ${index} was skipped, after ${last} and up to ${lastApplied}`)
    skipped.push(index)
    last = index
  }
  return skipped
}

function checkMachine(reader: ByteReader, machine: StateMachine): void {
  const name = reader.text('name of the machine')
  const version = reader.u32('version of the machine')
  const wire = reader.text('wire format of the machine')
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

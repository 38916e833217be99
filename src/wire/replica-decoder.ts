// A whole replicated state out of its bytes, decoded as they come: see `replica-codec.ts` for what they are.
import type { EntryId } from '../core/types.ts'
import type { Replica, ReplicaState } from '../machine/replica.ts'
import type { SessionRecord } from '../machine/sessions.ts'
import type { SnapshotReceiver, StateMachine } from '../machine/state-machine.ts'
import { ByteReader, WireError } from './bytes.ts'
import {
  checkMachine,
  checkMachineBytes,
  readReplicaHead,
  readReplicaTrailer,
  type ReplicaHead,
  replicaTrailerBytes,
} from './replica-codec.ts'
import { checkSessionOrder, readSession, readSessionCount } from './sessions-codec.ts'
import { UnitReader } from './unit-reader.ts'

/** A state that was decoded, and only has to take its place. */
export interface PreparedReplica {
  readonly lastApplied: EntryId
  install(): void
}

/**
 * Takes the pieces of an encoded replica, cut in any way, and puts what they hold in the place of what a replica has. A machine that can decodes its part of them as they come
 * (`receiveSnapshot`); for any other they are gathered.
 */
export class ReplicaDecoder {
  readonly #machine: StateMachine
  readonly #bytes: number
  readonly #units = new UnitReader('the state', (reader) => this.#unit(reader))
  #written = 0
  #head: ReplicaHead | undefined
  #sessionsLeft: number | undefined
  readonly #sessions: SessionRecord[] = []
  #receiver: SnapshotReceiver | undefined
  readonly #gathered: Uint8Array[] = []
  #machineBytes = 0
  /** The last bytes so far: those of the trailer, in the end. */
  #tail: Uint8Array = new Uint8Array(0)
  /** What was wrong with a piece is told where it is asked for. */
  #problem: { readonly error: unknown } | undefined

  /** `machine`: of the replica that will have the state. `bytes`: of all pieces together. */
  constructor(machine: StateMachine, bytes: number) {
    this.#machine = machine
    this.#bytes = bytes
  }

  /** Keeps nothing of `piece`. Throws a `WireError` when there are too many of them. */
  write(piece: Uint8Array): void {
    this.#written += piece.length
    if (this.#written > this.#bytes) throw new WireError(`the state has more than the ${this.#bytes} bytes that were announced`)
    if (this.#problem !== undefined) return
    try {
      this.#take(this.#units.isDone ? piece : this.#units.write(piece))
    } catch (error) {
      this.#problem = { error }
    }
  }

  /**
   * Throws a `WireError`, or MACHINE_MISMATCH, before `replica` has changed; or what its machine throws, and then nothing of `replica` may
   * be used before another restore.
   */
  restore(replica: Replica): void {
    const { state, receiver, gathered } = this.#end()
    if (receiver === undefined) replica.restore(state, gathered())
    else replica.adopt(state, receiver.end())
  }

  /**
   * In two steps: what is thrown here, a `WireError`, MACHINE_MISMATCH, or what the machine throws, leaves `replica` as it was, if it has a state;
   * `install` replaces everything.
   */
  prepare(replica: Replica, options: { readonly hasState: boolean }): PreparedReplica {
    const { state, receiver, gathered } = this.#end()
    const { lastApplied } = state
    if (receiver === undefined) return { lastApplied, install: replica.prepare(state, gathered(), options) }
    const install = receiver.end()
    return { lastApplied, install: () => replica.adopt(state, install) }
  }

  /** The head, the number of sessions, or one of them; false where the state of the machine follows. */
  #unit(reader: ByteReader): boolean {
    if (this.#head === undefined) {
      const head = readReplicaHead(reader)
      checkMachine(head.machine, this.#machine)
      this.#head = head
      return true
    }
    if (this.#sessionsLeft === undefined) {
      this.#sessionsLeft = readSessionCount(reader)
      return true
    }
    if (this.#sessionsLeft === 0) return false
    const session = readSession(reader, { lastApplied: this.#head.lastApplied.index, now: this.#head.now })
    checkSessionOrder(session.id, this.#sessions.at(-1)?.id ?? 0)
    this.#sessions.push(session)
    this.#sessionsLeft -= 1
    return true
  }

  /** Bytes of the state of the machine, or behind it: the last few are kept back, since they are the trailer. */
  #take(part: Uint8Array): void {
    if (part.length === 0) return
    const bytes = this.#tail.length === 0 ? part : Buffer.concat([this.#tail, part])
    const end = Math.max(0, bytes.length - replicaTrailerBytes)
    this.#tail = new Uint8Array(bytes.subarray(end))
    this.#machineBytes += end
    this.#receiver ??= this.#machine.receiveSnapshot?.()
    if (this.#receiver !== undefined) this.#receiver.write(bytes.subarray(0, end))
    else if (end > 0) this.#gathered.push(new Uint8Array(bytes.subarray(0, end)))
  }

  #end(): { readonly state: ReplicaState; readonly receiver: SnapshotReceiver | undefined; gathered(): Uint8Array } {
    if (this.#written < this.#bytes) throw new WireError(`the state has ${this.#written} bytes, ${this.#bytes} were announced`)
    if (this.#problem !== undefined) throw this.#problem.error
    this.#units.end()
    if (this.#head === undefined) throw new WireError('the state ends too soon')
    checkMachineBytes(readReplicaTrailer(new ByteReader(this.#tail)), this.#machineBytes)
    const { machine: _, ...times } = this.#head
    return { state: { ...times, sessions: this.#sessions }, receiver: this.#receiver, gathered: () => Buffer.concat(this.#gathered) }
  }
}

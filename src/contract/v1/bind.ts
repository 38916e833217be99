// Makes a state machine of descriptors and handlers: one that is of one version of its schema at a time, and can be raised to the next.
import { InvariantError } from '../../core/invariant.ts'
import { RaftgenError } from '../../errors.ts'
import { type Admission, type Evolution, type KnownVersion, type Lowering, MigrationFailure } from '../../machine/evolution.ts'
import type { Digest } from '../../machine/field-digest.ts'
import { stateDifference } from '../../machine/state-difference.ts'
import type {
  ApplyContext,
  QueryContext,
  SnapshotReceiver,
  StateMachine,
  Twin,
  TypedMachine,
  VersionSchema,
} from '../../machine/state-machine.ts'
import { type BoundMachine, failedReply } from './bound-machine.ts'
import type { MachineDescriptor } from './descriptor.ts'
import { isExhaustion, wordsOf } from './handlers.ts'
import { typedOperations } from './typed.ts'
import { type OlderHandlers, Rungs } from './versions/rungs.ts'
import { SnapshotOfVersion } from './versions/snapshot-of-version.ts'
import type { VersionLadder } from './versions/step.ts'

/**
 * Binds handlers to the machine that `descriptor` describes: one function for each command and query, by name. Throws HANDLER_MISSING
 * naming every operation without a handler and every handler without an operation. Each call gives a machine with a state of its own.
 */
export const bind = (descriptor: MachineDescriptor, handlers: object): StateMachine =>
  bindVersions({ versions: [descriptor], steps: [] }, handlers)

/** The same for a machine that knows older versions, too. `older`: the handlers of generations that are over, `v1` for the one whose last version is 1. */
export const bindVersions = (ladder: VersionLadder, handlers: object, older: OlderHandlers = {}): StateMachine =>
  new EvolvingMachine(new Rungs(ladder, handlers, older))

class EvolvingMachine implements StateMachine, Evolution {
  readonly name: string
  readonly version: number
  readonly wire: string
  readonly open: boolean
  readonly known: readonly KnownVersion[]
  readonly failedReply = failedReply
  readonly evolution: Evolution = this
  readonly schema: readonly VersionSchema[]
  readonly #rungs: Rungs
  /** Of the version in force. */
  #position: number
  #machine: BoundMachine

  constructor(rungs: Rungs) {
    const { name, version, wire, open, schema = [] } = rungs.newest.descriptor
    this.name = name
    this.version = version
    this.wire = wire
    this.open = open
    this.schema = schema
    this.known = rungs.all.map(({ descriptor }) => ({ version: descriptor.version, wire: descriptor.wire }))
    this.#rungs = rungs
    this.#position = rungs.all.length - 1
    this.#machine = rungs.create(this.#position)
  }

  get active(): number {
    return this.#rungs.at(this.#position).descriptor.version
  }

  begin(version: number): void {
    const position = this.#rungs.positionOf(version)
    this.#stand(position, this.#rungs.create(position))
  }

  *raise(version: number): Generator<void, void> {
    const end = this.#rungs.positionOf(version)
    let [position, machine] = [this.#position, this.#machine]
    while (position < end) {
      position += 1
      const next = this.#rungs.create(position)
      yield* this.#raised(position, machine, next)
      machine = next
    }
    this.#stand(position, machine)
  }

  admit(kind: 'command' | 'query', call: Uint8Array): Admission {
    return this.#rungs.admit(kind, call, this.#position, this.#machine)
  }

  lower(kind: 'command' | 'query', call: Uint8Array, reply: Uint8Array, version: number): Lowering {
    return this.#rungs.lower(kind, call, reply, version)
  }

  check(command: Uint8Array): string | undefined {
    return this.#machine.check(command)
  }

  checkQuery(query: Uint8Array): string | undefined {
    return this.#machine.checkQuery(query)
  }

  apply(command: Uint8Array, context: ApplyContext): Uint8Array {
    return this.#machine.apply(command, context)
  }

  query(query: Uint8Array, context: QueryContext): Uint8Array {
    return this.#machine.query(query, context)
  }

  get digest(): Digest {
    return this.#machine.digest
  }

  snapshot(): Uint8Array {
    return this.#machine.snapshot()
  }

  frozenSnapshotParts(): Iterable<Uint8Array> {
    return this.#machine.frozenSnapshotParts()
  }

  restoreSnapshot(snapshot: Uint8Array): void {
    this.prepareSnapshot(snapshot)()
  }

  prepareSnapshot(snapshot: Uint8Array): () => void {
    const receiver = this.receiveSnapshot()
    receiver.write(snapshot)
    return receiver.end()
  }

  receiveSnapshot(): SnapshotReceiver {
    return new SnapshotOfVersion((version) => {
      const position = this.#rungs.positionOf(version)
      const machine = this.#rungs.create(position)
      return { receiver: machine.receiveSnapshot(), install: () => this.#stand(position, machine) }
    })
  }

  nameOf(command: Uint8Array): string {
    return this.#machine.nameOf(command)
  }

  twin(): Twin {
    const machine = new EvolvingMachine(this.#rungs)
    machine.begin(this.active)
    return {
      machine,
      difference: () => stateDifference(this.#machine.state, machine.#machine.state),
      nameOf: (command) => this.nameOf(command),
    }
  }

  /** Of the newest version. */
  get typed(): TypedMachine {
    return { operations: typedOperations(this.#rungs.newest.descriptor), read: (look) => this.#machine.read(look) }
  }

  *#raised(position: number, older: BoundMachine, newer: BoundMachine): Generator<void, void> {
    try {
      yield* this.#rungs.raise(position, older.state, newer.state)
    } catch (error) {
      if (error instanceof InvariantError) throw error
      const { version } = this.#rungs.at(position).descriptor
      if (isExhaustion(error)) {
        throw new RaftgenError(
          'HANDLER_FATAL',
          `the migration to version ${version} ran out of stack or memory: ${wordsOf(error).message}`,
          { cause: error },
        )
      }
      throw new MigrationFailure(`the migration to version ${version} fails: ${wordsOf(error).message}`, { cause: error })
    }
  }

  #stand(position: number, machine: BoundMachine): void {
    this.#position = position
    this.#machine = machine
  }
}

// From the last piece to the state. The core puts a snapshot in the place of its log as soon as it is told of it, so it is told of none that was
// not read and decoded first: what cannot be used costs nothing then.
//
//   fetched --begin--> reading --taken--> prepared --the core has made room: claim--> due --installed--> the state
//                         | no snapshot of a state that can be: `useless`
import { type Index, InvariantError, type SnapshotMeta, type Term } from '../core/index.ts'
import type { Replica } from '../machine/replica.ts'
import type { Snapshots } from '../ports/snapshots.ts'
import type { PreparedReplica, ReplicaDecoder } from '../wire/replica-decoder.ts'
import { labelProblem } from './recover.ts'
import { snapshotProblem } from './snapshot-form.ts'
import { readReplica } from './snapshot-reader.ts'

/** A snapshot that is in the store, and whose pieces were given by members of at most `term`. */
export interface Received {
  readonly snapshot: SnapshotMeta
  readonly term: Term
}

export interface Prepared {
  readonly snapshot: SnapshotMeta
  readonly state: PreparedReplica
}

export type Checked =
  | { readonly kind: 'good'; readonly received: Received }
  /** Its content is of no use, and never will be. */
  | { readonly kind: 'useless'; readonly received: Received; readonly error: Error }
  /** The disk did not give it back: nothing is known of its content. */
  | { readonly kind: 'unread'; readonly received: Received; readonly error: Error }

interface IntakePorts {
  readonly snapshots: Snapshots
  readonly replica: Replica
  wake(): void
}

export class SnapshotIntake {
  readonly #ports: IntakePorts
  #reading: Received | undefined
  #read: { readonly error: Error | undefined; readonly decoder: ReplicaDecoder | undefined } | undefined
  #prepared: Prepared | undefined
  #due: Prepared | undefined

  constructor(ports: IntakePorts) {
    this.#ports = ports
  }

  /** One is on its way to become the state. */
  get isActive(): boolean {
    return this.#reading !== undefined || this.#prepared !== undefined || this.#due !== undefined
  }

  /** Whether the snapshot of `index` is. */
  holds(index: Index): boolean {
    return [this.#reading, this.#prepared, this.#due].some((one) => one?.snapshot.id.index === index)
  }

  /** One at a time. */
  begin(received: Received): void {
    const { snapshots, replica, wake } = this.#ports
    this.#reading = received
    readReplica({ snapshots, machine: replica.machine }, received.snapshot, (error, decoder) => {
      this.#read = { error, decoder }
      wake()
    })
  }

  /** Whether something waits for `check`. */
  get isRead(): boolean {
    return this.#read !== undefined
  }

  /** Once for each `begin`, after it `isRead`. A good one stays prepared until it is claimed or dropped. Throws what must stop the node. */
  check(options: { readonly hasState: boolean }): Checked | undefined {
    const received = this.#reading
    const read = this.#read
    if (received === undefined || read === undefined) return undefined
    this.#reading = undefined
    this.#read = undefined
    if (read.decoder === undefined) return { kind: 'unread', received, error: read.error ?? new Error('it could not be read') }
    const { snapshot } = received
    const state = this.#prepare(read.decoder, snapshot, options)
    if (state instanceof Error) return { kind: 'useless', received, error: state }
    this.#prepared = { snapshot, state }
    return { kind: 'good', received }
  }

  /** The core has no use for it, or the state has got there without it. */
  drop(): void {
    this.#prepared = undefined
  }

  /** What waits for its turn and is of an entry before `index` is of no use any more. */
  dropBelow(index: Index): void {
    if ((this.#prepared?.snapshot.id.index ?? index) < index) this.drop()
  }

  /** The log goes on from it now. False where it is not prepared. */
  claim(index: Index): boolean {
    const prepared = this.#prepared
    if (prepared?.snapshot.id.index !== index) return false
    this.#prepared = undefined
    this.#due = prepared
    this.#ports.wake()
    return true
  }

  takeDue(): Prepared | undefined {
    const due = this.#due
    this.#due = undefined
    return due
  }

  /** `applied` of the entries are in the state. */
  passed(applied: Index): void {
    if ((this.#prepared?.snapshot.id.index ?? Number.POSITIVE_INFINITY) <= applied) this.drop()
  }

  #prepare(decoder: ReplicaDecoder, snapshot: SnapshotMeta, options: { readonly hasState: boolean }): PreparedReplica | Error {
    const problem = snapshotProblem(snapshot)
    if (problem !== undefined) return new Error(`the snapshot of entry ${snapshot.id.index} cannot be: ${problem}`)
    try {
      const state = decoder.prepare(this.#ports.replica, options)
      return labelProblem(snapshot, state.lastApplied) ?? state
    } catch (error) {
      if (error instanceof InvariantError) throw error
      return error instanceof Error ? error : new Error(String(error))
    }
  }
}

import type { Evolution } from '../machine/evolution.ts'
import type { Digest } from '../machine/field-digest.ts'
import type { ApplyContext, QueryContext, StateMachine } from '../machine/state-machine.ts'
import { Ambience } from '../sim/ambience.ts'

/** A machine whose handlers run under another clock and with other luck: what depends on them is another on this replica. */
export class Elsewhere implements StateMachine {
  readonly name: string
  readonly version: number
  readonly wire: string
  readonly failedReply?: Uint8Array
  readonly frozenSnapshotParts?: () => Iterable<Uint8Array>
  readonly evolution?: Evolution
  readonly #machine: StateMachine
  readonly #ambience = new Ambience({ zone: false })

  constructor(machine: StateMachine) {
    this.#machine = machine
    this.name = machine.name
    this.version = machine.version
    this.wire = machine.wire
    if (machine.failedReply !== undefined) this.failedReply = machine.failedReply
    if (machine.evolution !== undefined) this.evolution = machine.evolution
    const parts = machine.frozenSnapshotParts?.bind(machine)
    if (parts !== undefined) this.frozenSnapshotParts = parts
  }

  check(command: Uint8Array): string | undefined {
    return this.#machine.check?.(command)
  }

  checkQuery(query: Uint8Array): string | undefined {
    return this.#machine.checkQuery?.(query)
  }

  apply(command: Uint8Array, context: ApplyContext): Uint8Array {
    return this.#ambience.elsewhere(() => this.#machine.apply(command, context))
  }

  query(query: Uint8Array, context: QueryContext): Uint8Array {
    return this.#ambience.elsewhere(() => this.#machine.query(query, context))
  }

  get digest(): Digest {
    return this.#machine.digest ?? { low: 0, high: 0 }
  }

  snapshot(): Uint8Array {
    return this.#machine.snapshot()
  }

  restoreSnapshot(snapshot: Uint8Array): void {
    this.#machine.restoreSnapshot(snapshot)
  }
}

// What the replicas did with committed commands. All of them must do the same at the same index, and nothing of it may change later.
import type { Digest, Index, NodeId, Term } from '../../core/types.ts'
import type { Evolution } from '../../machine/evolution.ts'
import type { ApplyContext, QueryContext, StateMachine } from '../../machine/state-machine.ts'
import { digestOf } from '../digest.ts'
import type { Verdict } from '../violation.ts'

/** A command as it took effect. */
export interface Execution {
  readonly index: Index
  readonly term: Term
  /** Log time. */
  readonly now: number
  readonly version: number
  readonly command: Uint8Array
  readonly reply: Uint8Array
}
/** A query as some node answered it. */
export interface QueryExecution {
  readonly node: NodeId
  readonly index: Index
  readonly now: number
  readonly query: Uint8Array
  readonly reply: Uint8Array
}

/** States are compared whenever this many entries have passed. */
const digestEvery = 32

export class Applied {
  readonly #verdict: Verdict
  readonly #executions: (Execution | undefined)[] = []
  readonly #digests = new Map<Index, string>()
  readonly #queries: QueryExecution[] = []
  /** Of the present life of each node. */
  readonly #machines = new Map<NodeId, WatchedMachine>()
  /** The latest log time that any query was shown. */
  #shownNow = 0

  constructor(verdict: Verdict) {
    this.#verdict = verdict
  }

  get shownNow(): number {
    return this.#shownNow
  }

  /** By index, with holes where no command took effect. */
  get executions(): readonly (Execution | undefined)[] {
    return this.#executions
  }

  /** States by index, as the first replica that was looked at there had them. */
  get states(): ReadonlyMap<Index, string> {
    return this.#digests
  }

  get queries(): readonly QueryExecution[] {
    return this.#queries
  }

  /** `machine` of a new life of `node`, watched. */
  watch(node: NodeId, machine: StateMachine): StateMachine {
    const watched = new WatchedMachine(node, machine, this)
    this.#machines.set(node, watched)
    return watched
  }

  /** The state of `node` was read from a snapshot of `index`: it is what every other replica had there. */
  onRestored(node: NodeId, index: Index): void {
    const machine = this.#machines.get(node)
    if (machine === undefined) return
    machine.startsAfter(index)
    this.onState(node, index, digestOf([machine.snapshot()]))
  }

  /** `node` is gone, with its state. */
  forget(node: NodeId): void {
    this.#machines.delete(node)
  }

  onApply(node: NodeId, execution: Execution, lastIndex: Index): void {
    const { index } = execution
    this.#verdict.check(
      index > lastIndex,
      'each entry is applied once, in order',
      () => `node ${node} applies entry ${index} after ${lastIndex}`,
    )
    const before = this.#executions[index]
    if (before === undefined) {
      this.#executions[index] = execution
      return
    }
    const isSame =
      before.term === execution.term &&
      before.now === execution.now &&
      before.version === execution.version &&
      Buffer.compare(before.command, execution.command) === 0
    this.#verdict.check(
      isSame,
      'state machine safety (figure 3.2)',
      () => `entry ${index} is another command on node ${node} than elsewhere`,
    )
    this.#verdict.check(
      Buffer.compare(before.reply, execution.reply) === 0,
      'equal replies at an equal index',
      () => `node ${node} answers entry ${index} otherwise than another replica`,
    )
  }

  /** The whole state of `node` at `index`. */
  onState(node: NodeId, index: Index, state: string): void {
    const before = this.#digests.get(index) ?? state
    this.#digests.set(index, before)
    this.#verdict.check(
      before === state,
      'equal states at an equal index',
      () => `node ${node} has digest ${state} at ${index}, another had ${before}`,
    )
  }

  /** Every replica of `nodes` is in `state` now. */
  checkStates(state: string, nodes: readonly NodeId[]): void {
    for (const [node, machine] of this.#machines) {
      if (!nodes.includes(node)) continue
      const present = digestOf([machine.snapshot()])
      this.#verdict.check(
        present === state,
        'linearizability: the model',
        () => `node ${node} ends with digest ${present}, the machine with ${state}`,
      )
    }
  }

  /** `lastIndex`: of the query before it in this life of the node. */
  onQuery(query: QueryExecution, lastIndex: Index): void {
    this.#verdict.check(
      query.index >= lastIndex,
      'what a node answers never falls back',
      () => `node ${query.node} answers a query at ${query.index}, after one at ${lastIndex}`,
    )
    this.#queries.push(query)
    this.#shownNow = Math.max(this.#shownNow, query.now)
  }
}

const noDigest: Digest = { low: 0, high: 0 }

class WatchedMachine implements StateMachine {
  readonly name: string
  readonly version: number
  readonly wire: string
  /** There is one where the machine has one: with it nothing is held up. */
  readonly frozenSnapshotParts?: () => Iterable<Uint8Array>
  readonly failedReply?: Uint8Array
  readonly evolution?: Evolution
  readonly #node: NodeId
  readonly #machine: StateMachine
  readonly #applied: Applied
  #lastIndex: Index = 0
  #lastQueryIndex: Index = 0

  constructor(node: NodeId, machine: StateMachine, applied: Applied) {
    this.name = machine.name
    this.version = machine.version
    this.wire = machine.wire
    this.#node = node
    this.#machine = machine
    this.#applied = applied
    const parts = machine.frozenSnapshotParts?.bind(machine)
    if (parts !== undefined) this.frozenSnapshotParts = parts
    if (machine.evolution !== undefined) this.evolution = machine.evolution
    if (machine.failedReply !== undefined) this.failedReply = machine.failedReply
  }

  /** Its state reflects everything up to `index`. */
  startsAfter(index: Index): void {
    this.#lastIndex = index
  }

  check(command: Uint8Array): string | undefined {
    return this.#machine.check?.(command)
  }

  checkQuery(query: Uint8Array): string | undefined {
    return this.#machine.checkQuery?.(query)
  }

  apply(command: Uint8Array, context: ApplyContext): Uint8Array {
    const { index, term, now, version } = context
    const reply = this.#replyTo(command, context)
    this.#applied.onApply(this.#node, { index, term, now, version, command, reply }, this.#lastIndex)
    this.#lastIndex = index
    if (index % digestEvery === 0) this.#applied.onState(this.#node, index, digestOf([this.#machine.snapshot()]))
    return reply
  }

  /** A command of which processes die comes to nothing, once it is skipped. */
  #replyTo(command: Uint8Array, context: ApplyContext): Uint8Array {
    try {
      return this.#machine.apply(command, context)
    } catch (error) {
      const { index, term, now, version } = context
      const reply = this.failedReply ?? new Uint8Array(0)
      this.#applied.onApply(this.#node, { index, term, now, version, command, reply }, this.#lastIndex)
      throw error
    }
  }

  query(query: Uint8Array, context: QueryContext): Uint8Array {
    const reply = this.#machine.query(query, context)
    this.#applied.onQuery({ node: this.#node, index: context.index, now: context.now, query, reply }, this.#lastQueryIndex)
    this.#lastQueryIndex = context.index
    return reply
  }

  /** A machine that has none is compared by its answers. */
  get digest(): Digest {
    return this.#machine.digest ?? noDigest
  }

  snapshot(): Uint8Array {
    return this.#machine.snapshot()
  }

  snapshotParts(): Iterable<Uint8Array> {
    return this.#machine.snapshotParts?.() ?? [this.#machine.snapshot()]
  }

  restoreSnapshot(snapshot: Uint8Array): void {
    this.#machine.restoreSnapshot(snapshot)
  }
}

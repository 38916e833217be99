// Operations on the members of a simulated cluster, as an operator does them by hand. They go over the wire, to whoever leads, and are tried
// again for as long as that may help.
import type { ConfState, ConfStep, Index, Ms, NodeId } from '../core/types.ts'
import type { Cluster } from './cluster.ts'
import type { Order } from './operator.ts'
import type { SimServer } from './sim-server.ts'
import type { Upheaval } from './upheaval.ts'

const persistMs = 10_000

export class Members {
  readonly #cluster: Cluster
  readonly #upheaval: Upheaval

  constructor(cluster: Cluster, upheaval: Upheaval) {
    this.#cluster = cluster
    this.#upheaval = upheaval
  }

  /** The newest configuration that is committed. */
  get conf(): ConfState {
    return this.#cluster.world.safety.confs.newest
  }

  /** How often the configuration was changed. */
  get changes(): number {
    return this.#cluster.world.safety.confs.changes
  }

  /** Starts a machine with an empty disk and an id of its own, which asks to be let in. `voter`: default true. */
  add({ voter = true }: { readonly voter?: boolean } = {}): NodeId {
    return this.#upheaval.add({ voter }).id
  }

  /** Whether `node` votes, and no change is under way. */
  isVoter(node: NodeId): boolean {
    const { voters, votersOutgoing } = this.conf
    return voters.includes(node) && votersOutgoing.length === 0
  }

  remove(node: NodeId): Order {
    return this.change([{ kind: 'remove', id: node }], (conf) => conf.removed.includes(node))
  }

  demote(node: NodeId): Order {
    return this.change(
      [{ kind: 'demote', id: node }],
      ({ voters, votersOutgoing }) => !voters.includes(node) && votersOutgoing.length === 0,
    )
  }

  promote(node: NodeId): Order {
    return this.change(
      [{ kind: 'promote', id: node }],
      ({ voters, votersOutgoing }) => voters.includes(node) && votersOutgoing.length === 0,
    )
  }

  /** 0: no leases. Milliseconds. */
  setLease(leaseMs: Ms): Order {
    return this.change([{ kind: 'setLease', leaseMs }], (conf) => conf.leaseMs === leaseMs)
  }

  /** Gives `node` new addresses. */
  move(node: NodeId): void {
    this.#upheaval.move(this.#server(node), { persistMs })
  }

  /** Any change. `isDone`: how to see that it was carried out, whatever was answered. Default: it is asked once only. */
  change(steps: readonly ConfStep[], isDone?: (conf: ConfState) => boolean): Order {
    return this.#upheaval.operator.change(steps, isDone === undefined ? { persistMs: 0 } : { persistMs, isDone })
  }

  /** Asked once. `to`: default the most up-to-date voter. */
  transfer(to?: NodeId): Order {
    return this.#upheaval.operator.transfer(to, { persistMs: 0 })
  }

  /** The command at `index`, where nodes have stopped applying. It is asked for again where it is refused, for so long. */
  skip(index: Index, { persistMs = 0 }: { readonly persistMs?: Ms } = {}): Order {
    return this.#upheaval.operator.skip(index, { persistMs })
  }

  /** The machine gets an empty disk, and asks to be let in again. */
  replaceDisk(node: NodeId): void {
    this.#upheaval.replaceDisk(this.#server(node))
  }

  /** The machine gets an empty disk, and what was on the former one when the cluster began: the mistake of an operator. It is not started. */
  bootstrapAgain(node: NodeId): void {
    this.#cluster.foundAgain(this.#server(node))
  }

  /** Flips a bit in the newest snapshot of `node`, or in all of them. How many there were. */
  damageSnapshots(node: NodeId, which: 'newest' | 'all'): number {
    const server = this.#server(node)
    const intact = this.#upheaval.intactSnapshots(server)
    for (const name of which === 'all' ? intact : intact.slice(0, 1)) server.files.damage(name)
    return intact.length
  }

  /** Whether the machine has stopped for good, because it is no member any more. */
  hasStopped(node: NodeId): boolean {
    return this.#server(node).isRetired
  }

  #server(node: NodeId): SimServer {
    return this.#cluster.server(node)
  }
}

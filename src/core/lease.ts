// Lease reads (§6.4.1): who answered a round of heartbeats helps to elect nobody else for `leaseMs` after it heard of it, which was not
// before the round began. While that is so of a quorum, no other leader can commit anything, and a leader may answer reads by its clock.
import { leaseShare } from './limits.ts'
import type { NodeContext } from './node-context.ts'
import { quorumValue } from './quorum.ts'
import type { Index, Ms, NodeId } from './types.ts'

interface LeaseOptions {
  /** Index of the entry that the leader began its term with. */
  readonly firstOwnIndex: Index
  readonly matchIndexOf: (id: NodeId) => Index
  readonly confirmedRoundOf: (id: NodeId) => number
}

export class Lease {
  readonly #ctx: NodeContext
  readonly #options: LeaseOptions
  /** Rounds by the time they began, ascending; of those that began at the same time, the first. Bounded: older than a lease is of no use. */
  #begun: { readonly round: number; readonly atMs: Ms }[] = []
  #isRevoked = false

  constructor(ctx: NodeContext, options: LeaseOptions) {
    this.#ctx = ctx
    this.#options = options
  }

  began(round: number): void {
    const { log, now } = this.#ctx
    const { leaseMs } = log.conf
    if (leaseMs === 0 || this.#begun[this.#begun.length - 1]?.atMs === now) return
    const useless = this.#begun.findIndex(({ atMs }) => now - atMs < leaseMs)
    this.#begun = useless === -1 ? [] : this.#begun.slice(useless)
    this.#begun.push({ round, atMs: now })
  }

  /** The leader has asked another to be elected: nobody is held back any more, in this term. */
  revoke(): void {
    this.#isRevoked = true
  }

  /** Whether nobody else can lead at `now`, the time of the last tick. */
  isHeld(): boolean {
    const { log, now } = this.#ctx
    const { leaseMs } = log.conf
    // Committed: before that a leader without this configuration could be elected by servers that know of no lease.
    if (this.#isRevoked || leaseMs === 0 || !log.isConfCommitted) return false
    const round = quorumValue(log.conf, this.#roundOf)
    const newest = this.#begun.findLast((begun) => begun.round <= round)
    return newest !== undefined && now - newest.atMs < leaseShare * leaseMs
  }

  /**
   * Only of who has the configuration that says so, on its disk, and no other after it: the rest wait no longer than their own election
   * timeout. Beyond what matches a log may hold anything, but not once it holds an entry of this term (§3.5).
   */
  readonly #roundOf = (id: NodeId): number => {
    const { firstOwnIndex, matchIndexOf, confirmedRoundOf } = this.#options
    return matchIndexOf(id) >= Math.max(this.#ctx.log.confIndex, firstOwnIndex) ? confirmedRoundOf(id) : 0
  }
}

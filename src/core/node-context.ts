import type { CoreLimits, Timing } from './api.ts'
import type { Outbox } from './outbox.ts'
import type { RaftLog } from './raft-log.ts'
import type { Ms, NodeId } from './types.ts'

/** What the roles of one node share. Everything else belongs to a role, and ends with it. */
export interface NodeContext {
  readonly id: NodeId
  readonly log: RaftLog
  readonly outbox: Outbox
  readonly limits: CoreLimits
  readonly timing: Timing
  /** Of the last tick. */
  now: Ms
  /**
   * The last round of heartbeats. Never falls in the life of the process: with the term it names a round for good, so that the answer
   * to an old one can confirm nothing of a new one (§6.4).
   */
  round: number
}

import type { CoreLimits, Timing } from './api.ts'
import type { Outbox } from './outbox.ts'
import type { Persistence } from './persistence.ts'
import type { RaftLog } from './raft-log.ts'
import type { Message, Ms, NodeId } from './types.ts'
import type { Witnesses } from './witnesses.ts'

/** What the roles of one node share. Everything else belongs to a role, and ends with it. */
export interface NodeContext {
  readonly id: NodeId
  readonly log: RaftLog
  readonly outbox: Outbox
  readonly witnesses: Witnesses
  readonly limits: CoreLimits
  readonly timing: Timing
  /** Names this life among all lives of this node. */
  readonly nonce: number
  /** Of the last tick. */
  now: Ms
  /** As this node was told last: see the input `disk`. */
  disk: { readonly isFull: boolean; readonly isHung: boolean }
  /** As this node was told last: see the input `sound`. */
  isSound: boolean
  /**
   * The last round of heartbeats. Never falls in the life of the process: with the term it names a round for good, so that the answer
   * to an old one can confirm nothing of a new one (§6.4).
   */
  round: number
  /** The last question to a leader for a read index. Never falls either; with node and nonce it names the question for good. */
  question: number
}

/** An answer that says no more than our term and vote: at once if these are durable, else with the promises (§3.8). */
export function reply(message: Message, { outbox, persistence }: { readonly outbox: Outbox; readonly persistence: Persistence }): void {
  if (persistence.isHardStateDurable) outbox.send(message)
  else outbox.promise(message)
}

import type { NodeId, PeerMessage } from '../core/types.ts'

/**
 * Best effort, to peers. A message may be lost, and is when its peer's queue is full; it arrives unchanged or not at all; those of one
 * connection arrive in order. Across a reconnect old ones may still arrive after new ones.
 */
export interface Net {
  /** Queues; what is sent in one turn to one peer leaves in one write, or in two where `flush` comes between. */
  send(messages: readonly PeerMessage[]): void
  /** What was sent leaves now: what comes next in this turn may take a while. Not there where nothing is queued. */
  flush?(): void
}

/** What a transport reports to the node it serves. */
export interface NetEvents {
  receive(message: PeerMessage): void
  /** The connection to `peer` broke or its queue overflowed: messages sent since the last reply may be lost. */
  unreachable(peer: NodeId): void
  /** Its process has ended: the connection to it closed, and an immediate redial was refused (ECONNREFUSED). Not for broken networks. */
  peerDown(peer: NodeId, incarnation: number): void
  /** A member said that this node, in this incarnation, is no member any more. `message` says which and why, in a sentence. */
  removed(message: string): void
  /**
   * This node must not go on: a member has known it with another disk (DATA_DIR_FOREIGN), or what it has to remember of its peers cannot be
   * written.
   */
  failed(error: Error): void
}

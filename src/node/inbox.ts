// What has arrived from peers since the last turn.
import type { NodeId, PeerMessage } from '../core/index.ts'

/** Messages from peers that wait for a turn; beyond it they are dropped, which Raft survives. A turn takes all of them. */
export const inboxMax = 16_384
/** Dead processes that wait for a turn. Members are few; one that dies again is no more dead. */
const downMax = 1_024

export interface Arrived {
  readonly messages: readonly PeerMessage[]
  /** Whose connection broke, after that. */
  readonly unreachable: readonly NodeId[]
  /** Whose process has ended, after what it may still have said. */
  readonly down: readonly { readonly peer: NodeId; readonly incarnation: number }[]
}

export class Inbox {
  #messages: PeerMessage[] = []
  #unreachable: NodeId[] = []
  #down: Arrived['down'][number][] = []

  /** False when it is full. */
  receive(message: PeerMessage): boolean {
    if (this.#messages.length >= inboxMax) return false
    this.#messages.push(message)
    return true
  }

  /** False when that is known already. */
  unreachable(peer: NodeId): boolean {
    if (this.#unreachable.includes(peer)) return false
    this.#unreachable.push(peer)
    return true
  }

  peerDown(peer: NodeId, incarnation: number): boolean {
    if (this.#down.length >= downMax) return false
    this.#down.push({ peer, incarnation })
    return true
  }

  take(): Arrived {
    const arrived = { messages: this.#messages, unreachable: this.#unreachable, down: this.#down }
    this.#messages = []
    this.#unreachable = []
    this.#down = []
    return arrived
  }
}

// How far a follower may commit: what its leader has committed, as far as the very message that says so proves that both have the same (§3.5). What
// it commits beyond that may be the same by luck.
import type { Index, NodeId, PeerMessage, SoftState, Term } from '../../core/types.ts'
import type { Verdict } from '../violation.ts'
import { notePromised } from './damaged.ts'
import type { Watched } from './watched.ts'

export class Proven {
  readonly #verdict: Verdict
  readonly #through = new Map<NodeId, Index>()
  /** By snapshots that it was ever seen to have: a later life may find them. */
  readonly #held = new Map<NodeId, Index>()

  constructor(verdict: Verdict) {
    this.#verdict = verdict
  }

  /** `node` says that it has what the leader of a term has, up to an entry. While that one leads, it will count on it. */
  onAcknowledges(
    node: Watched,
    leader: Watched | undefined,
    { term, matchIndex }: { readonly term: Term; readonly matchIndex: Index },
  ): void {
    notePromised(node, matchIndex)
    if (leader?.role !== 'leader' || leader.term !== term) return
    const [its, own] = [leader.written.termAt(matchIndex), node.durable.termAt(matchIndex)]
    this.#verdict.check(
      its === undefined || own === undefined || its === own,
      'what is acknowledged is what the leader has (§3.5)',
      () => `node ${node.id} acknowledges entry ${matchIndex} of term ${own} to node ${leader.id}, whose entry is of term ${its}`,
    )
  }

  /** A process begins, with a log and a state from which it knows that `index` is committed. */
  onRecovered(id: NodeId, index: Index): void {
    this.#through.set(id, Math.max(index, this.#held.get(id) ?? 0))
  }

  /** A snapshot that `id` has is of something committed. */
  onSnapshot(id: NodeId, index: Index): void {
    this.#held.set(id, Math.max(index, this.#held.get(id) ?? 0))
    this.#raise(id, index)
  }

  /** Whether it counts or not: that of an older leader was committed as well. */
  onReceived(id: NodeId, message: PeerMessage): void {
    // Heartbeats say no more than what their sender knows to match.
    if (message.kind === 'Heartbeat') this.#raise(id, message.commitIndex)
    if (message.kind === 'AppendEntries') this.#raise(id, Math.min(message.commitIndex, message.prev.index + message.entries.length))
  }

  /** After a turn of a node. `hasLed`: at the end of the turn before. */
  onTurn(
    id: NodeId,
    { role, commitIndex, hasLed }: { readonly role: SoftState['role']; readonly commitIndex: Index; readonly hasLed: boolean },
  ): void {
    // Leaders count.
    if (role === 'leader' || hasLed) return this.#raise(id, commitIndex)
    const through = this.#through.get(id) ?? 0
    this.#verdict.check(
      commitIndex <= through,
      'a follower commits what was proven to match (§3.5)',
      () => `node ${id} commits up to ${commitIndex}, nobody has told it of more than ${through}`,
    )
  }

  #raise(id: NodeId, index: Index): void {
    this.#through.set(id, Math.max(this.#through.get(id) ?? 0, index))
  }
}

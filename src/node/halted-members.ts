// Which members have stopped applying, and where: each of those tells all others again and again. Soft knowledge, of the present term only, for the one
// that leads and is asked to skip a command.
import { type ConfState, type Halted, type Index, isQuorum, type Ms, type NodeId, type Raft, type Term } from '../core/index.ts'
import type { Net } from '../ports/net.ts'

/** Who was not heard from for so many heartbeats has not halted, for all this node knows. */
const forgottenAfter = 5

/** Who has no state has applied nothing, from the first entry on, which is never a command. */
export const withoutState: Index = 1

export interface HaltedMembersPorts {
  readonly id: NodeId
  readonly heartbeatMs: Ms
  readonly raft: Raft
  readonly net: Net
  /** Of this node: it applies nothing from there on; `withoutState` where it has given up its state. */
  stopsAt(): Index | undefined
}

export interface HaltedMember {
  readonly id: NodeId
  /** It applies nothing from there on; `withoutState` where it has no state any more. */
  readonly index: Index
}

export class HaltedMembers {
  readonly #ports: HaltedMembersPorts
  readonly #heard = new Map<NodeId, { readonly message: Halted; readonly at: Ms }>()
  #toldAt: Ms = Number.NEGATIVE_INFINITY
  #toldTerm: Term = 0
  #now: Ms = 0

  constructor(ports: HaltedMembersPorts) {
    this.#ports = ports
  }

  receive(message: Halted): void {
    this.#heard.set(message.from, { message, at: this.#now })
  }

  turn(now: Ms): void {
    this.#now = now
    const { id, heartbeatMs, raft, net } = this.#ports
    for (const [from, { at }] of this.#heard) if (now - at > forgottenAfter * heartbeatMs) this.#heard.delete(from)
    const index = this.#ports.stopsAt()
    const { term } = raft.softState
    if (index === undefined || (now - this.#toldAt < heartbeatMs && term === this.#toldTerm)) return
    this.#toldAt = now
    this.#toldTerm = term
    const others = raft.conf.members.filter((member) => member.id !== id)
    net.send(others.map((member) => ({ kind: 'Halted', from: id, to: member.id, term, index })))
  }

  /** By id, this node among them. What was said in an earlier term is not known of this one: its sender may have applied the command as leader since. */
  get list(): readonly HaltedMember[] {
    return this.#saidSince(Number.NEGATIVE_INFINITY)
  }

  /**
   * Whether a quorum has applied nothing from `index` on. What was said before `since` counts for nothing: its sender may have begun another life, with
   * other handlers.
   */
  isQuorumAt(index: Index, conf: ConfState, since = Number.NEGATIVE_INFINITY): boolean {
    const halted = this.#saidSince(since).filter((one) => one.index <= index)
    return isQuorum(
      conf,
      halted.map(({ id }) => id),
    )
  }

  #saidSince(since: Ms): readonly HaltedMember[] {
    const { id, raft } = this.#ports
    const own = this.#ports.stopsAt()
    const { term } = raft.softState
    const others = [...this.#heard.values()].filter(({ message, at }) => message.term === term && at >= since)
    const all = others.map(({ message }) => ({ id: message.from, index: message.index }))
    if (own !== undefined) all.push({ id, index: own })
    return all.sort((a, b) => a.id - b.id)
  }
}

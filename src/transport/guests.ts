// Nodes that are let in although this one's log does not know them, at least not as who they are: they may have joined while it was away, and
// be all that is left of those it knew. A guest is answered where it says that it listens, for as long as it stays connected.
import type { Member, Ms, NodeId, PeerMessage } from '../core/types.ts'

/** At once. More than a cluster that is replaced node by node ever has; a machine gone wild does not get more connections out of us. */
export const guestsMax = 15

interface Guest {
  readonly member: Member
  /** Since when its connection is gone. */
  leftAt: Ms | undefined
}

export class Guests {
  readonly #guests = new Map<NodeId, Guest>()
  readonly #graceMs: Ms

  constructor({ graceMs }: { readonly graceMs: Ms }) {
    this.#graceMs = graceMs
  }

  has(id: NodeId): boolean {
    return this.#guests.has(id)
  }

  get(id: NodeId): Member | undefined {
    return this.#guests.get(id)?.member
  }

  get members(): Member[] {
    return [...this.#guests.values()].map(({ member }) => member)
  }

  /** Whether `id` could be one: those that have left make room. */
  hasRoom(id: NodeId): boolean {
    return this.#guests.has(id) || this.#guests.size < guestsMax || this.#left() !== undefined
  }

  /** It has connected. There is room. */
  admit(member: Member): void {
    const left = this.#guests.has(member.id) || this.#guests.size < guestsMax ? undefined : this.#left()
    if (left !== undefined) this.#guests.delete(left)
    this.#guests.set(member.id, { member, leftAt: undefined })
  }

  /** Its connection was lost. */
  left(id: NodeId, now: Ms): void {
    const guest = this.#guests.get(id)
    if (guest !== undefined) guest.leftAt = now
  }

  /** Only those stay for whom `stays` says so. */
  retain(stays: (member: Member) => boolean): void {
    for (const [id, { member }] of this.#guests) if (!stays(member)) this.#guests.delete(id)
  }

  /** Forgets those that have left and did not come back. True when there were any. */
  sweep(now: Ms): boolean {
    const { size } = this.#guests
    for (const [id, { leftAt }] of this.#guests) if (leftAt !== undefined && now - leftAt > this.#graceMs) this.#guests.delete(id)
    return this.#guests.size < size
  }

  #left(): NodeId | undefined {
    for (const [id, { leftAt }] of this.#guests) if (leftAt !== undefined) return id
    return undefined
  }
}

/**
 * Whether `message` is an answer that is counted, or believed, by the id of who gives it, or a sign of life of that member. Those of a guest are
 * not: who was asked is the member of that id, and one that has lost its disk since has promised nothing that the former one did. What a guest
 * knows of the committed log is true whoever was asked.
 */
export const isCountedAnswer = ({ kind }: PeerMessage): boolean => countedAnswers[kind]

const countedAnswers = {
  PreVote: false,
  PreVoteReply: true,
  RequestVote: false,
  RequestVoteReply: true,
  AppendEntries: false,
  AppendEntriesReply: true,
  Heartbeat: false,
  HeartbeatReply: true,
  InstallSnapshot: false,
  InstallSnapshotReply: true,
  TimeoutNow: false,
  ReadIndex: true,
  ReadIndexReply: true,
  SnapshotRequest: false,
  SnapshotChunk: false,
  Recall: false,
  RecallReply: false,
  EntriesRequest: false,
  EntriesChunk: false,
  Halted: true,
  VersionsKnown: true,
  DigestReport: true,
  DigestsRequest: false,
  DigestsChunk: false,
} as const satisfies Record<PeerMessage['kind'], boolean>

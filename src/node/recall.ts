// What a node may have forgotten (an older copy of its disk was put back, or it cannot tell what its log held) it asks the others for, before its
// first vote or acknowledgement in a life: which of its acknowledgements and votes do they remember?
//
//   asking --all have answered, or some have and an election timeout is over--> settled: what they remember is heeded, all at once
//     |                                                                          a late answer is heeded, too, and nothing of a node
//     +-- where nobody knows its floor: all, and none is forgetful itself         is stepped before its answer
//
// A rollback that nobody who can be reached remembers is not found out.
import {
  type EntryId,
  type HardState,
  type Ms,
  type NodeId,
  type PeerMessage,
  type Raft,
  type RecallReply,
  type Term,
  votersOf,
} from '../core/index.ts'
import type { Net } from '../ports/net.ts'
import type { NodeEvent } from './options.ts'

/** So many others than the members are asked, when they have something to say. */
const strangersMax = 64
/** So many of those that this node waits for are named to the ones that it asks; were there more, those would have to answer themselves. */
const awaitedMax = 64

export interface RecallPorts {
  readonly id: NodeId
  readonly incarnation: number
  /** Names this life: answers to an earlier one count for nothing. */
  readonly nonce: number
  readonly electionTimeoutMs: Ms
  readonly heartbeatMs: Ms
  readonly raft: Pick<Raft, 'status' | 'softState' | 'fence' | 'conf' | 'step'>
  readonly net: Net
  /** `message` comes once more, in a later turn. */
  again(message: PeerMessage): void
  report(event: NodeEvent): void
}

/** What somebody else remembers of this node, and it does not. */
interface Memory {
  readonly by: NodeId
  readonly floor: EntryId | undefined
  /** Counts as given from now on. */
  readonly vote: { readonly term: Term; readonly votedFor: NodeId } | undefined
  readonly votedTerm: Term | undefined
}

export class Recall {
  readonly #ports: RecallPorts
  /** As this life began: what came later nobody has forgotten. */
  readonly #boot: { readonly hardState: HardState; readonly last: EntryId }
  /** The latest of each. */
  readonly #answers = new Map<NodeId, RecallReply>()
  /** When each was asked last. */
  readonly #asked = new Map<NodeId, Ms>()
  /** Others than the voters that have something to say. */
  readonly #strangers = new Set<NodeId>()
  /** What those said last, as leaders, who were not heeded yet: they would say it again only with their next heartbeat. */
  readonly #unheeded = new Map<NodeId, PeerMessage>()
  /** When the last of those that are to be asked became known. */
  #since: Ms | undefined
  #isSettled: boolean
  /** Somebody has not answered yet. */
  #isAsking = true

  constructor(ports: RecallPorts) {
    const { term, votedFor, lastIndex, lastTerm, fence, conf } = ports.raft.status
    this.#ports = ports
    this.#boot = { hardState: { term, votedFor }, last: { term: lastTerm, index: lastIndex } }
    // Who joins has never promised anything, for all it knows.
    const isNew = conf.voters.length === 0 && lastIndex === 0 && fence === undefined
    this.#isSettled = isNew || this.#others.length === 0
  }

  /** Until then this node takes part in nothing. */
  get isSettled(): boolean {
    return this.#isSettled
  }

  /** Whether `message` may be heeded: who was not asked yet is asked first. Of what a leader says until then the last comes again. */
  admits(message: PeerMessage): boolean {
    const { kind, from } = message
    if (this.#isSettled && this.#answers.has(from)) return true
    if (!this.#answers.has(from) && this.#strangers.size < strangersMax) {
      this.#strangers.add(from)
      this.#isAsking = true
    }
    const isKnown = this.#answers.has(from) || this.#strangers.has(from)
    if (isKnown && (kind === 'AppendEntries' || kind === 'Heartbeat')) this.#unheeded.set(from, message)
    return false
  }

  receive(reply: RecallReply): void {
    if (reply.nonce !== this.#ports.nonce) return
    const isFirst = !this.#answers.has(reply.from)
    this.#answers.set(reply.from, reply)
    this.#strangers.delete(reply.from)
    if (!isFirst || !this.#isSettled) return
    this.#heed([reply])
    this.#release()
  }

  /** Asks those that have not answered, and settles. Called in every turn. */
  turn(now: Ms): void {
    if (!this.#isAsking) return
    this.#isAsking = this.#ask(now)
    if (!this.#isSettled) this.#maybeSettle(now - (this.#since ?? now))
  }

  /** Those that this node waits for. */
  get missing(): readonly NodeId[] {
    if (this.#isSettled) return []
    const others = this.#others
    const gone = this.#gone(others)
    const missing = others.filter((id) => !gone.has(id) && !this.#hasAnswered(id))
    const tellers = others.filter((id) => !gone.has(id) && this.#hasAnswered(id))
    return this.#isEnough(tellers, missing) ? [] : missing
  }

  /**
   * Whoever may have counted what this node has promised: all members, for a learner may have become a voter since, and all voters that they know of. A
   * change of voters is in the log of one of the old ones at least (§4.3), so none is missed.
   */
  get #others(): readonly NodeId[] {
    const { id, raft } = this.#ports
    const others = new Set(raft.conf.members.map((member) => member.id))
    for (const { voters } of this.#answers.values()) for (const voter of voters) others.add(voter)
    others.delete(id)
    return [...others]
  }

  /**
   * Nobody waits for those that were removed, once all the rest have answered that they know it: then each of them holds the entry that says so, and all
   * that was committed before it, and has not voted since for those that it removes.
   */
  #gone(others: readonly NodeId[]): ReadonlySet<NodeId> {
    const gone = new Set(others.filter((id) => [...this.#answers.values()].some((answer) => answer.gone.includes(id))))
    for (let before = 0; before !== gone.size; ) {
      before = gone.size
      const rest = others.filter((id) => !gone.has(id))
      const isKnown = (id: NodeId): boolean =>
        rest.every((teller) => this.#hasAnswered(teller) && this.#answers.get(teller)?.gone.includes(id))
      for (const id of gone) if (rest.length === 0 || !isKnown(id)) gone.delete(id)
    }
    return gone
  }

  /**
   * Whether nobody need wait for the `missing`, which have all answered, and are as forgetful as this node: all the rest agree on who votes, and together
   * with this node the forgetful are no majority of those. Then one of the rest took part in whatever this node did.
   */
  #isEnough(tellers: readonly NodeId[], missing: readonly NodeId[]): boolean {
    const answers = tellers.flatMap((teller) => this.#answers.get(teller) ?? [])
    const [first] = answers
    if (first === undefined || missing.some((id) => !this.#answers.has(id))) return false
    const { voters } = first
    const isAgreed = answers.every((answer) => answer.isConfLasting && answer.voters.join() === voters.join())
    const forgetful = voters.filter((voter) => voter === this.#ports.id || missing.includes(voter))
    return isAgreed && voters.length > 0 && 2 * forgetful.length <= voters.length
  }

  get #isFloorUnknown(): boolean {
    const { fence } = this.#ports.raft
    return fence !== undefined && fence.floor === undefined
  }

  /** One that is forgetful itself cannot tell what this node has held: it is asked again until it can. */
  #hasAnswered(id: NodeId): boolean {
    const answer = this.#answers.get(id)
    return answer !== undefined && !(answer.isForgetful && this.#isFloorUnknown)
  }

  /** Whether anybody has yet to answer. */
  #ask(now: Ms): boolean {
    const { id, incarnation, nonce, raft, net, heartbeatMs, electionTimeoutMs } = this.#ports
    const others = this.#others
    if (this.#since === undefined || others.some((other) => !this.#asked.has(other))) this.#since = now
    const pauseMs = now - this.#since < electionTimeoutMs ? heartbeatMs : electionTimeoutMs
    const isDue = (to: NodeId, ms: Ms): boolean => now - (this.#asked.get(to) ?? Number.NEGATIVE_INFINITY) >= ms
    const missing = [...others, ...this.#strangers].filter((other) => !this.#hasAnswered(other))
    // Who has answered may have learned since that nobody need wait for some of the others any more.
    const again = this.#isFloorUnknown && missing.length > 0 ? others.filter((other) => this.#hasAnswered(other)) : []
    for (const to of [...missing.filter((other) => isDue(other, pauseMs)), ...again.filter((other) => isDue(other, electionTimeoutMs))]) {
      this.#asked.set(to, now)
      const awaited = others.slice(0, awaitedMax)
      net.send([{ kind: 'Recall', from: id, to, term: raft.softState.term, incarnation, nonce, awaited }])
    }
    return missing.length > 0
  }

  #maybeSettle(elapsedMs: Ms): void {
    const isComplete = this.missing.length === 0
    if (this.#isFloorUnknown) {
      if (!isComplete) return
      this.#learnFloor()
    } else {
      if (!isComplete && (elapsedMs < this.#ports.electionTimeoutMs || !this.#isHeardEnough)) return
      this.#heed([...this.#answers.values()])
    }
    this.#isSettled = true
    this.#release()
  }

  #release(): void {
    for (const [from, message] of this.#unheeded) {
      if (!this.#answers.has(from)) continue
      this.#unheeded.delete(from)
      this.#ports.again(message)
    }
  }

  /** Somebody has answered, or nobody else votes: then nothing depends on it that learners are there. */
  get #isHeardEnough(): boolean {
    const { id, raft } = this.#ports
    return this.#answers.size > 0 || votersOf(raft.conf).every((voter) => voter === id)
  }

  /**
   * What others remember better than this node. In one step, so that it gets to the disk as one: a later term alone would make the next life believe
   * that it knows of whatever came before.
   */
  #heed(replies: readonly RecallReply[]): void {
    const memories = replies.flatMap((reply) => this.#memoryOf(reply) ?? [])
    if (memories.length === 0) return
    const { raft, report } = this.#ports
    const votes = memories.flatMap(({ vote }) => vote ?? []).sort((a, b) => b.term - a.term)
    const floors = memories.flatMap(({ floor }) => floor ?? []).sort((a, b) => b.term - a.term || b.index - a.index)
    raft.step({ kind: 'recalled', hardState: votes[0], floor: floors[0] })
    for (const { by, floor, votedTerm } of memories) {
      report({ kind: 'forgotten', by, floor, votedTerm, lastIndex: this.#boot.last.index })
    }
  }

  #memoryOf({ from, match, matchTerm, votedTerm }: RecallReply): Memory | undefined {
    const { hardState, last } = this.#boot
    const isVoteForgotten = votedTerm > hardState.term || (votedTerm === hardState.term && hardState.votedFor !== from && votedTerm > 0)
    // In a later term than that in which it was acknowledged, a leader may have replaced it, as this node knows.
    const isEntryForgotten =
      hardState.term <= matchTerm && (last.term < match.term || (last.term === match.term && last.index < match.index))
    if (!isVoteForgotten && !isEntryForgotten) return undefined
    // Whoever has led a term may have this node's vote in it: nobody else got elected then.
    const term = Math.max(isVoteForgotten ? votedTerm : 0, matchTerm)
    return {
      by: from,
      floor: isEntryForgotten ? match : undefined,
      vote: isVoteForgotten || matchTerm > hardState.term ? { term, votedFor: from } : undefined,
      votedTerm: isVoteForgotten ? votedTerm : undefined,
    }
  }

  /**
   * Whatever this node had acknowledged, another of the majority that has it holds it, too, or something later, or it is the leader who counts it; whomever
   * it has voted for was in that term, or is in a later one. Its vote in the latest counts as given.
   */
  #learnFloor(): void {
    const { id, raft, report } = this.#ports
    let floor: EntryId = { term: 0, index: 0 }
    let term = 0
    for (const answer of this.#answers.values()) {
      for (const { term, index } of [answer.held, answer.match]) {
        if (term > floor.term || (term === floor.term && index > floor.index)) floor = { term, index }
      }
      term = Math.max(term, answer.term)
    }
    raft.step({ kind: 'recalled', hardState: term === 0 ? undefined : { term, votedFor: id }, floor })
    report({ kind: 'floorLearned', floor })
  }
}

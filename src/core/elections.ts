// Terms, roles and elections of one node (§3.4, §3.6.1, §4.2.3, §9.6).
import { Candidate, PreCandidate } from './candidate.ts'
import { ElectionTimer } from './election-timer.ts'
import { FollowerReads } from './follower-reads.ts'
import { broken, unreachable } from './invariant.ts'
import { Leader } from './leader.ts'
import { type NodeContext, reply } from './node-context.ts'
import type { Persistence } from './persistence.ts'
import { isSoleVoter, isVoter } from './quorum.ts'
import type {
  HardState,
  Message,
  NodeId,
  PreVote,
  PreVoteReply,
  RequestVote,
  RequestVoteReply,
  SoftState,
  Term,
  TimeoutNow,
} from './types.ts'

export interface Follower {
  readonly kind: 'follower'
  readonly leader: NodeId | undefined
  /** Where there is a leader to ask. */
  readonly reads: FollowerReads | undefined
}
/** State that only makes sense in one role lives in that role: a follower has no progress of others to misuse. */
export type Role = Follower | PreCandidate | Candidate | Leader

export class Elections {
  readonly #ctx: NodeContext
  readonly #persistence: Persistence
  readonly #timer: ElectionTimer
  #role: Role = { kind: 'follower', leader: undefined, reads: undefined }

  constructor(ctx: NodeContext, { persistence, seed }: { readonly persistence: Persistence; readonly seed: number }) {
    const { id, now, timing } = ctx
    this.#ctx = ctx
    this.#persistence = persistence
    this.#timer = new ElectionTimer({ id, seed, now, electionTimeoutMs: timing.electionTimeoutMs })
  }

  get role(): Role {
    return this.#role
  }
  get term(): Term {
    return this.#persistence.hardState.term
  }
  get leader(): NodeId | undefined {
    if (this.#role.kind === 'leader') return this.#ctx.id
    return this.#role.kind === 'follower' ? this.#role.leader : undefined
  }
  get softState(): SoftState {
    return { role: this.#role.kind, term: this.term, leader: this.leader }
  }

  tick(): void {
    const { now, log, id, disk } = this.#ctx
    this.#timer.tick(now)
    if (this.#role.kind === 'leader') {
      if (!this.#role.tick()) this.becomeFollower({ term: this.term, leader: undefined })
      return
    }
    if (this.#role.kind === 'follower') this.#role.reads?.tick()
    // Nobody else's vote is needed, and nobody's lease is in the way.
    const isAlone = isSoleVoter(log.conf, id) && this.#role.kind === 'follower' && this.leader === undefined && !this.#hearsLeader
    if (!isAlone && !this.#timer.hasExpired({ now, leaseMs: log.conf.leaseMs, isFull: disk.isFull })) return
    if (this.#mayCampaign) this.#becomePreCandidate()
    else if (this.leader !== undefined) this.becomeFollower({ term: this.term, leader: undefined })
  }

  /** Term and vote are as on the disk, if nothing came in between. */
  persisted(): void {
    if (this.#role.kind !== 'candidate' || !this.#persistence.isHardStateDurable) return
    this.#role.countOwn()
    this.#conclude(this.#role)
  }

  becomeFollower({ term, leader }: { readonly term: Term; readonly leader: NodeId | undefined }): void {
    if (this.#role.kind === 'leader') this.#timer.restart()
    this.#abandonRole(leader)
    if (term > this.term) this.#adoptTerm({ term, votedFor: undefined })
    const reads = leader === undefined ? undefined : new FollowerReads(this.#ctx, { leader, term })
    this.#role = { kind: 'follower', leader, reads }
  }

  /**
   * This node was in a later term than it knows, or has voted in the present one and forgotten it. A vote for another than the one it knows of cannot
   * be: then none is left to give in that term, and it goes on in the next.
   */
  recall({ term, votedFor }: HardState): void {
    const known = this.#persistence.hardState
    if (term < known.term || (term === known.term && (votedFor === undefined || votedFor === known.votedFor))) return
    const isContradiction = term === known.term && known.votedFor !== undefined
    this.#abandonRole(undefined)
    this.#adoptTerm(isContradiction ? { term: term + 1, votedFor: undefined } : { term, votedFor })
    this.#role = { kind: 'follower', leader: undefined, reads: undefined }
  }

  /** True when `from` leads our term, as far as we can know. */
  follow({ from, term }: { readonly from: NodeId; readonly term: Term }): boolean {
    const leader = this.leader
    if (leader !== undefined && leader !== from) {
      // A stranger proves nothing about us; a member proves that two leaders were elected in one term.
      if (this.#isMember(from)) broken(`two leaders in term ${term}: ${leader} and ${from} (§3.4, election safety)`)
      return false
    }
    if (leader === undefined) this.becomeFollower({ term, leader: from })
    this.#timer.heardLeader()
    return true
  }

  /** The process of `peer` has ended: whoever followed it waits no longer, but for a jitter (§9.6: pre-votes disturb nobody). */
  peerDown({ peer, incarnation }: { readonly peer: NodeId; readonly incarnation: number }): void {
    const { conf } = this.#ctx.log
    if (this.#role.kind !== 'follower' || this.#role.leader !== peer) return
    // Whoever promised not to elect anybody during a lease has promised it to a leader that may be heard elsewhere (§6.4.1).
    if (conf.leaseMs > 0 || conf.members.find(({ id }) => id === peer)?.incarnation !== incarnation) return
    this.becomeFollower({ term: this.term, leader: undefined })
    this.#timer.hurry()
  }

  /** A leader that is no voter any more hands over, and leads no more (§4.2.2). */
  stepDown(leader: Leader): void {
    leader.handOver()
    this.becomeFollower({ term: this.term, leader: undefined })
  }

  /** Its state is gone, or cannot be trusted any more: whoever would lead next is asked to do so at once. */
  standAside(): void {
    if (this.#role.kind === 'leader') this.stepDown(this.#role)
    else this.endCandidacy()
  }

  /** A server that hears from a leader does not take part in elections, unless that leader asked for them (§4.2.3, §3.10). */
  isDisruptive(message: Message): boolean {
    const isRequest = message.kind === 'PreVote' || (message.kind === 'RequestVote' && !message.transfer)
    // Under a lease even in its own term: it may have adopted that from anybody, while the leader before it is still heard elsewhere.
    return isRequest && (message.term > this.term || this.#ctx.log.conf.leaseMs > 0) && this.#hearsLeader
  }

  /** Changes nothing here at all, granted or not (§9.6). */
  onPreVote(message: PreVote): void {
    const { log, outbox, id, disk } = this.#ctx
    // A vote that does not get to the disk is none: whoever counted on it would raise the term in vain.
    const granted = message.term > this.term && this.#mayVoteFor(message) && !disk.isHung && log.isUpToDate(message.last)
    const term = granted ? message.term : this.term
    outbox.send({ kind: 'PreVoteReply', from: id, to: message.from, term, granted })
  }

  /** One vote a term, first come first served, to a log that misses nothing of ours (§3.4, §3.6.1). Learners vote too when asked (§4.2.1). */
  onRequestVote(message: RequestVote): void {
    const { term, votedFor } = this.#persistence.hardState
    const isFree = votedFor === message.from || (votedFor === undefined && this.leader === undefined)
    const granted = isFree && this.#mayVoteFor(message) && this.#ctx.log.isUpToDate(message.last)
    if (granted) {
      if (votedFor === undefined) this.#persistence.set({ term, votedFor: message.from })
      this.#timer.restart()
    }
    this.#reply({ kind: 'RequestVoteReply', from: this.#ctx.id, to: message.from, term, granted })
  }

  onPreVoteReply(message: PreVoteReply): void {
    if (this.#role.kind !== 'preCandidate' || message.term !== this.term + Number(message.granted)) return
    this.#role.count(message)
    this.#conclude(this.#role)
  }

  onRequestVoteReply(message: RequestVoteReply): void {
    if (this.#role.kind !== 'candidate') return
    if (message.granted) this.#noteVote(message)
    this.#role.count(message)
    this.#conclude(this.#role)
  }

  /** Our leader wants us to lead: at once, and without asking whether that would succeed (§3.10). */
  onTimeoutNow(message: TimeoutNow): void {
    if (this.#role.kind === 'leader' || !this.follow(message) || !this.#mayCampaign) return
    this.#becomeCandidate({ transfer: true })
  }

  /** A candidacy speaks of a log that is no more: a snapshot has taken its place, or it was found to lack something. */
  endCandidacy(): void {
    if (this.#role.kind === 'follower' || this.#role.kind === 'leader') return
    this.becomeFollower({ term: this.term, leader: undefined })
  }

  /**
   * Only voters campaign, with all of their state (§4.2.1) and all that they have acknowledged, and a disk that takes writes. One that the newest configuration leaves out does so as long as it does not
   * know that one to be committed: it may be the only one who has it (§4.2.2).
   */
  get #mayCampaign(): boolean {
    const { log, id, disk, isSound } = this.#ctx
    if (disk.isHung || !isSound) return false
    return log.hasState && log.fence === undefined && log.conf.voters.length > 0 && (isVoter(log.conf, id) || isVoter(log.confBefore, id))
  }

  /**
   * Before it knows who votes a node has no log either: it would vote for anyone, whatever it may have promised in another life. Nor does it vote for who was removed:
   * whoever asks what it has forgotten relies on that, and the cluster can elect this node in its place. Without a state to be trusted it votes for nobody.
   */
  #mayVoteFor({ from }: RequestVote | PreVote): boolean {
    const { log, isSound } = this.#ctx
    const { voters, removed } = log.conf
    return isSound && voters.length > 0 && !removed.includes(from)
  }

  /** A leader hears itself, until its own check says that nobody else hears it (§6.2). */
  get #hearsLeader(): boolean {
    if (this.#role.kind === 'leader') return true
    const { now, log } = this.#ctx
    const { leaseMs } = log.conf
    return (leaseMs > 0 || this.leader !== undefined) && this.#timer.hasHeard({ now, leaseMs })
  }

  #becomePreCandidate(): void {
    this.#abandonRole(undefined)
    this.#timer.restartPreVote()
    const role = new PreCandidate(this.#ctx, this.term)
    this.#role = role
    this.#conclude(role)
  }

  #becomeCandidate({ transfer }: { readonly transfer: boolean }): void {
    this.#abandonRole(undefined)
    this.#timer.restart()
    this.#adoptTerm({ term: this.term + 1, votedFor: this.#ctx.id })
    this.#role = new Candidate(this.#ctx, { term: this.term, transfer })
  }

  #becomeLeader(): void {
    if (this.#role.kind !== 'candidate') broken(`a ${this.#role.kind} becomes leader`)
    if (!this.#persistence.isHardStateDurable) broken(`leader of term ${this.term} before its own vote is durable`)
    this.#role = new Leader(this.#ctx, this.term)
  }

  #conclude(role: PreCandidate | Candidate): void {
    switch (role.result) {
      case 'won':
        if (role.kind === 'preCandidate') this.#becomeCandidate({ transfer: false })
        else this.#becomeLeader()
        break
      case 'lost':
        this.becomeFollower({ term: this.term, leader: undefined })
        break
      case 'pending':
        break
      default:
        unreachable(role.result)
    }
  }

  /** Whoever waits for what the role would have done learns it now. */
  #abandonRole(leader: NodeId | undefined): void {
    if (this.#role.kind === 'leader') {
      this.#role.observe()
      this.#role.abandon(leader)
    }
    if (this.#role.kind === 'follower') this.#role.reads?.abandon(leader)
  }

  #adoptTerm(hardState: { readonly term: Term; readonly votedFor: NodeId | undefined }): void {
    this.#persistence.set(hardState)
    this.#ctx.outbox.dropPromises()
  }

  #reply(message: Message): void {
    reply(message, { outbox: this.#ctx.outbox, persistence: this.#persistence })
  }

  /** Who has voted for this node may forget it. */
  #noteVote({ from, term }: RequestVoteReply): void {
    const { witnesses, log, outbox } = this.#ctx
    const member = log.conf.members.find(({ id }) => id === from)
    if (member === undefined) return
    witnesses.voted(member, term)
    const witness = witnesses.take(log)
    if (witness !== undefined) outbox.note(witness)
  }

  #isMember(id: NodeId): boolean {
    return this.#ctx.log.conf.members.some((member) => member.id === id)
  }
}

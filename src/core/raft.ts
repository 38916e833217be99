// One node of Raft (D. Ongaro, "Consensus: Bridging Theory and Practice", 2014; sections are cited as §). Terms, roles and elections are
// here, replication is in `leader.ts` and `raft-log.ts`. It knows of time, disk and network only what `step` is told.
import type { Input, RaftOptions, RaftStatus, Ready } from './api.ts'
import { Candidate, PreCandidate } from './candidate.ts'
import { ElectionTimer } from './election-timer.ts'
import type { EntriesRange } from './entry-window.ts'
import { broken, unreachable } from './invariant.ts'
import { Leader } from './leader.ts'
import { limitsOf, timingOf } from './limits.ts'
import { isWellFormed } from './message-form.ts'
import type { NodeContext } from './node-context.ts'
import { Outbox } from './outbox.ts'
import { Persistence } from './persistence.ts'
import { isSoleVoter, isVoter } from './quorum.ts'
import { RaftLog } from './raft-log.ts'
import { acceptEntries, answerStale } from './replies.ts'
import type {
  AppendEntries,
  AppendEntriesReply,
  Entry,
  Heartbeat,
  Index,
  Message,
  Ms,
  NodeId,
  PreVote,
  PreVoteReply,
  RequestVote,
  RequestVoteReply,
  SoftState,
  Term,
} from './types.ts'

interface Follower {
  readonly kind: 'follower'
  readonly leader: NodeId | undefined
}
/** State that only makes sense in one role lives in that role: a follower has no progress of others to misuse. */
type Role = Follower | PreCandidate | Candidate | Leader

export class Raft {
  readonly #ctx: NodeContext
  readonly #log: RaftLog
  readonly #outbox = new Outbox()
  readonly #persistence: Persistence
  readonly #electionTimer: ElectionTimer
  #role: Role = { kind: 'follower', leader: undefined }
  /** As given out by the last `ready`. */
  #givenApplyThrough: Index
  #givenSoftState: SoftState
  /** As of the last step; neither ever falls. */
  #checkedTerm: Term
  #checkedCommitIndex: Index

  /** Throws BAD_OPTIONS. */
  constructor({ id, log: summary, now, seed, timing, limits }: RaftOptions) {
    const context = { id, limits: limitsOf(limits), timing: timingOf(timing), outbox: this.#outbox, now, round: 0 }
    this.#log = new RaftLog(summary, context.limits)
    this.#ctx = { ...context, log: this.#log }
    this.#persistence = new Persistence(this.#log, summary.hardState)
    this.#electionTimer = new ElectionTimer({ id, seed, now, electionTimeoutMs: context.timing.electionTimeoutMs })
    this.#givenApplyThrough = this.#log.applyThrough
    this.#givenSoftState = this.softState
    this.#checkedTerm = summary.hardState.term
    this.#checkedCommitIndex = this.#log.commitIndex
    this.#checkInvariants()
  }

  get softState(): SoftState {
    return { role: this.#role.kind, term: this.#term, leader: this.#leader }
  }

  get status(): RaftStatus {
    const { lastIndex, lastTerm, stableIndex, commitIndex, lastApplied, conf } = this.#log
    const { votedFor } = this.#persistence.hardState
    const committedInTerm = this.#log.termAt(commitIndex) === this.#term
    const log = { commitIndex, committedInTerm, lastApplied, lastIndex, lastTerm, stableIndex, conf }
    const position = { id: this.#ctx.id, ...this.softState, votedFor, ...log }
    if (this.#role.kind !== 'leader') return { ...position, followers: [], uncommittedBytes: 0 }
    const followers = [...this.#role.progress.values()].map(({ id, state, matchIndex, nextIndex, inflightMessages, inflightBytes }) => {
      return { id, state, matchIndex, nextIndex, inflightMessages, inflightBytes }
    })
    return { ...position, followers, uncommittedBytes: this.#role.uncommittedBytes }
  }

  /** Advances by one input. What is merely unwanted is refused or ignored; what Raft says cannot happen is asserted. */
  step(input: Input): void {
    switch (input.kind) {
      case 'tick':
        this.#tick(input.now)
        break
      case 'receive':
        this.#receive(input.message)
        break
      case 'propose':
        this.#propose(input)
        break
      case 'read':
        this.#read(input)
        break
      case 'persisted':
        this.#persisted(input)
        break
      case 'applied':
        if (input.index > this.#givenApplyThrough) broken(`applied ${input.index}, but only ${this.#givenApplyThrough} was given out`)
        this.#log.appliedTo(input.index)
        break
      case 'fetched':
        if (this.#role.kind === 'leader') this.#role.onFetched(input)
        break
      case 'unreachable':
        if (this.#role.kind === 'leader') this.#role.onUnreachable(input.peer)
        break
      default:
        unreachable(input)
    }
    this.#checkInvariants()
  }

  /**
   * Takes what has accumulated; `undefined` when there is nothing. With `write: false` (a write is in flight) nothing that needs the disk
   * comes out: it collects, and the next write takes all of it.
   */
  ready({ write }: { readonly write: boolean }): Ready | undefined {
    const persist = write ? this.#persistence.take() : undefined
    // After `take`: the array that is written is the one that is sent.
    if (this.#role.kind === 'leader') this.#role.flush({ write })
    const applyThrough = this.#log.applyThrough
    const softState = this.#changedSoftState()
    const isIdle = persist === undefined && softState === undefined && applyThrough === this.#givenApplyThrough
    if (isIdle && !this.#outbox.has({ promises: write })) return undefined
    this.#givenApplyThrough = applyThrough
    return { persist, applyThrough, softState, ...this.#outbox.take({ promises: write }) }
  }

  /** `undefined` when they are not all in memory: read them from the log. Else one entry at least. */
  entriesInMemory(range: EntriesRange): readonly Entry[] | undefined {
    return this.#log.slice(range)
  }

  get #term(): Term {
    return this.#persistence.hardState.term
  }

  get #leader(): NodeId | undefined {
    if (this.#role.kind === 'leader') return this.#ctx.id
    return this.#role.kind === 'follower' ? this.#role.leader : undefined
  }

  // --- Inputs

  #tick(now: Ms): void {
    // A clock that falls is not monotonic; the least harm is that time stands still.
    this.#ctx.now = Math.max(this.#ctx.now, now)
    this.#electionTimer.tick(this.#ctx.now)
    if (this.#role.kind === 'leader') {
      if (!this.#role.tick()) this.#becomeFollower({ term: this.#term, leader: undefined })
      return
    }
    const { conf } = this.#log
    const isAlone = isSoleVoter(conf, this.#ctx.id) && this.#role.kind === 'follower'
    if (!isAlone && !this.#electionTimer.hasExpired(this.#ctx.now)) return
    // Everyone votes when asked, but only voters ask (§4.2.1).
    if (isVoter(conf, this.#ctx.id)) this.#becomePreCandidate()
    else if (this.#leader !== undefined) this.#becomeFollower({ term: this.#term, leader: undefined })
  }

  #receive(message: Message): void {
    if (!isWellFormed(message, this.#ctx.id) || this.#isDisruptive(message)) return
    if (message.term < this.#term) {
      const answer = answerStale(message, { id: this.#ctx.id, term: this.#term, log: this.#log })
      if (answer !== undefined) this.#reply(answer)
      return
    }
    if (message.term > this.#term && !isPreVoting(message)) {
      this.#becomeFollower({ term: message.term, leader: isFromLeader(message) ? message.from : undefined })
    }
    this.#receiveCurrent(message)
  }

  /** `message` is of our term; a pre-vote is of the next. */
  #receiveCurrent(message: Message): void {
    switch (message.kind) {
      case 'PreVote':
        this.#onPreVote(message)
        break
      case 'PreVoteReply':
        if (message.term === this.#term + Number(message.granted)) this.#onVoteReply('preCandidate', message)
        break
      case 'RequestVote':
        this.#onRequestVote(message)
        break
      case 'RequestVoteReply':
        this.#onVoteReply('candidate', message)
        break
      case 'AppendEntries':
        // A promise, even when it brings nothing new: what it confirms may still be on its way to the disk.
        if (this.#follow(message)) this.#promiseOrReply(acceptEntries(this.#log, message))
        break
      case 'Heartbeat':
        this.#onHeartbeat(message)
        break
      case 'AppendEntriesReply':
        if (this.#role.kind === 'leader') this.#role.onAppendEntriesReply(message)
        break
      case 'HeartbeatReply':
        if (this.#role.kind === 'leader') this.#role.onHeartbeatReply(message)
        break
      default:
        unreachable(message)
    }
  }

  #propose({ ticket, commands }: { readonly ticket: number; readonly commands: readonly Uint8Array[] }): void {
    if (this.#role.kind === 'leader') this.#role.propose({ ticket, commands })
    else this.#outbox.refuse({ of: 'propose', id: ticket, from: 0, reason: 'notLeader', leader: this.#leader })
  }

  #read({ id }: { readonly id: number }): void {
    if (this.#role.kind === 'leader') this.#role.read(id)
    else this.#outbox.refuse({ of: 'read', id, from: 0, reason: 'notLeader', leader: this.#leader })
  }

  #persisted({ seq }: { readonly seq: number }): void {
    this.#persistence.completed(seq)
    if (this.#role.kind === 'leader') this.#role.maybeCommit()
    if (this.#role.kind !== 'candidate' || !this.#persistence.isHardStateDurable) return
    this.#role.countOwn()
    this.#concludeElection(this.#role)
  }

  // --- Roles

  #becomeFollower({ term, leader }: { readonly term: Term; readonly leader: NodeId | undefined }): void {
    if (this.#role.kind === 'leader') {
      this.#role.abandon(leader)
      this.#electionTimer.restart()
    }
    if (term > this.#term) this.#adoptTerm({ term, votedFor: undefined })
    this.#role = { kind: 'follower', leader }
  }

  #becomePreCandidate(): void {
    this.#electionTimer.restart()
    const role = new PreCandidate(this.#ctx, this.#term)
    this.#role = role
    this.#concludeElection(role)
  }

  #becomeCandidate(): void {
    this.#electionTimer.restart()
    this.#adoptTerm({ term: this.#term + 1, votedFor: this.#ctx.id })
    this.#role = new Candidate(this.#ctx, this.#term)
  }

  #becomeLeader(): void {
    if (this.#role.kind !== 'candidate') broken(`a ${this.#role.kind} becomes leader`)
    if (!this.#persistence.isHardStateDurable) broken(`leader of term ${this.#term} before its own vote is durable`)
    this.#role = new Leader(this.#ctx, this.#term)
  }

  // --- Elections

  /** A server that hears from a leader does not take part in elections, unless that leader asked for them (§4.2.3, §3.10). */
  #isDisruptive(message: Message): boolean {
    if (message.term <= this.#term) return false
    const isRequest = message.kind === 'PreVote' || (message.kind === 'RequestVote' && !message.transfer)
    return isRequest && this.#hearsLeader
  }

  /** A leader hears itself, until its own check says that nobody else hears it (§6.2). */
  get #hearsLeader(): boolean {
    if (this.#role.kind === 'leader') return true
    return this.#leader !== undefined && this.#electionTimer.isRecent(this.#ctx.now)
  }

  /** Changes nothing here at all, granted or not (§9.6). */
  #onPreVote(message: PreVote): void {
    const granted = message.term > this.#term && this.#log.isUpToDate(message.last)
    const term = granted ? message.term : this.#term
    this.#outbox.send({ kind: 'PreVoteReply', from: this.#ctx.id, to: message.from, term, granted })
  }

  /** One vote a term, first come first served, to a log that misses nothing of ours (§3.4, §3.6.1). Learners vote too when asked (§4.2.1). */
  #onRequestVote(message: RequestVote): void {
    const { term, votedFor } = this.#persistence.hardState
    const isFree = votedFor === message.from || (votedFor === undefined && this.#leader === undefined)
    const granted = isFree && this.#log.isUpToDate(message.last)
    if (granted) {
      if (votedFor === undefined) this.#persistence.set({ term, votedFor: message.from })
      this.#electionTimer.restart()
    }
    this.#reply({ kind: 'RequestVoteReply', from: this.#ctx.id, to: message.from, term, granted })
  }

  #onVoteReply(kind: 'preCandidate' | 'candidate', message: PreVoteReply | RequestVoteReply): void {
    if (this.#role.kind !== kind) return
    this.#role.count(message)
    this.#concludeElection(this.#role)
  }

  #concludeElection(role: PreCandidate | Candidate): void {
    switch (role.result) {
      case 'won':
        if (role.kind === 'preCandidate') this.#becomeCandidate()
        else this.#becomeLeader()
        break
      case 'lost':
        this.#becomeFollower({ term: this.#term, leader: undefined })
        break
      case 'pending':
        break
      default:
        unreachable(role.result)
    }
  }

  // --- Followers

  #onHeartbeat(message: Heartbeat): void {
    if (!this.#follow(message)) return
    // Beyond the end of the log only where entries that were acknowledged got lost: nothing of that is known to match.
    if (message.commitIndex <= this.#log.lastIndex) this.#log.commitTo(message.commitIndex)
    this.#reply({ kind: 'HeartbeatReply', from: this.#ctx.id, to: message.from, term: this.#term, round: message.round })
  }

  /** True when the sender leads our term, as far as we can know. */
  #follow({ from, term }: AppendEntries | Heartbeat): boolean {
    const leader = this.#leader
    if (leader !== undefined && leader !== from) {
      // A stranger proves nothing about us; a member proves that two leaders were elected in one term.
      if (this.#isMember(from)) broken(`two leaders in term ${term}: ${leader} and ${from} (§3.4, election safety)`)
      return false
    }
    if (leader === undefined) this.#becomeFollower({ term, leader: from })
    this.#electionTimer.restart()
    return true
  }

  // --- What all roles share

  #adoptTerm(hardState: { readonly term: Term; readonly votedFor: NodeId | undefined }): void {
    this.#persistence.set(hardState)
    this.#outbox.dropPromises()
  }

  /** An answer that says no more than our term and vote: at once if these are durable, else with the promises (§3.8). */
  #reply(message: Message): void {
    if (this.#persistence.isHardStateDurable) this.#outbox.send(message)
    else this.#outbox.promise(message)
  }

  #promiseOrReply(message: AppendEntriesReply): void {
    if (message.ok) this.#outbox.promise(message)
    else this.#reply(message)
  }

  #isMember(id: NodeId): boolean {
    return this.#log.conf.members.some((member) => member.id === id)
  }

  #changedSoftState(): SoftState | undefined {
    const { role, term, leader } = this.#givenSoftState
    if (role === this.#role.kind && term === this.#term && leader === this.#leader) return undefined
    this.#givenSoftState = this.softState
    return this.#givenSoftState
  }

  #checkInvariants(): void {
    const { commitIndex, lastTerm } = this.#log
    this.#log.checkPointers()
    if (this.#term < this.#checkedTerm) broken(`the term falls from ${this.#checkedTerm} to ${this.#term}`)
    if (commitIndex < this.#checkedCommitIndex) broken(`commit falls from ${this.#checkedCommitIndex} to ${commitIndex}`)
    if (this.#term < lastTerm) broken(`the log ends with term ${lastTerm}, beyond our term ${this.#term}`)
    if (this.#role.kind === 'leader' && this.#role.term !== this.#term) broken(`a leader of another term than ${this.#term}`)
    this.#checkedTerm = this.#term
    this.#checkedCommitIndex = commitIndex
  }
}

/** A pre-vote speaks of a term that nobody is in: it is never adopted (§9.6). */
function isPreVoting(message: Message): boolean {
  return message.kind === 'PreVote' || (message.kind === 'PreVoteReply' && message.granted)
}

function isFromLeader(message: Message): boolean {
  return message.kind === 'AppendEntries' || message.kind === 'Heartbeat'
}

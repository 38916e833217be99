// One node of Raft (D. Ongaro, "Consensus: Bridging Theory and Practice", 2014; sections are cited as §). Terms, roles and elections are in
// `elections.ts`, the leader's work in `leader.ts`, the log in `raft-log.ts`. It knows of time, disk and network only what `step` is told.
import type { Input, RaftOptions, RaftStatus, Ready, Recollected } from './api.ts'
import { Elections } from './elections.ts'
import type { EntriesRange } from './entry-window.ts'
import { broken, unreachable } from './invariant.ts'
import { limitsOf, timingOf } from './limits.ts'
import { isFromLeader, isPreVoting, isWellFormed } from './message-form.ts'
import { type NodeContext, reply } from './node-context.ts'
import { checkOptions, restoredOf } from './options.ts'
import { Outbox } from './outbox.ts'
import { Persistence } from './persistence.ts'
import { RaftLog } from './raft-log.ts'
import { recollectionOf } from './recollect.ts'
import { acceptEntries, answerHeartbeat, answerStale } from './replies.ts'
import { Snapshots } from './snapshots.ts'
import { statusOf } from './status.ts'
import type {
  AppendEntries,
  ConfState,
  Entry,
  Fence,
  Heartbeat,
  Index,
  InstallSnapshot,
  Member,
  Message,
  Ms,
  NodeId,
  ReadIndexReply,
  SoftState,
  Term,
} from './types.ts'
import { Witnesses } from './witnesses.ts'

type InputOf<Kind extends Input['kind']> = Extract<Input, { readonly kind: Kind }>

export class Raft {
  readonly #ctx: NodeContext
  readonly #log: RaftLog
  readonly #outbox = new Outbox()
  readonly #persistence: Persistence
  readonly #elections: Elections
  readonly #snapshots: Snapshots
  /** As given out by the last `ready`. */
  #givenApplyThrough: Index
  #givenSoftState: SoftState
  /** The newest snapshot that was to be restored. */
  #givenRestore: Index | undefined
  /** As of the last step; neither ever falls. */
  #checkedTerm: Term
  #checkedCommitIndex: Index

  /** Throws BAD_OPTIONS, and says which option is wrong, what it is, and what it must be. */
  constructor(options: RaftOptions) {
    checkOptions(options)
    const { id, log: summary, now, seed, nonce } = options
    const limits = limitsOf(options.limits)
    this.#log = new RaftLog(summary, { cacheBytesMax: limits.cacheBytesMax, ...restoredOf(options) })
    const disk = { isFull: false, isHung: false }
    const shared = { id, limits, timing: timingOf(options.timing), nonce, now, disk, isSound: true, round: 0, question: 0 }
    this.#ctx = { ...shared, outbox: this.#outbox, log: this.#log, witnesses: new Witnesses(summary.witness ?? []) }
    this.#persistence = new Persistence(this.#log, summary.hardState)
    this.#elections = new Elections(this.#ctx, { persistence: this.#persistence, seed })
    this.#snapshots = new Snapshots(this.#ctx, this.#elections)
    this.#givenApplyThrough = this.#log.applyThrough ?? this.#log.lastApplied
    this.#givenSoftState = this.softState
    this.#checkedTerm = summary.hardState.term
    this.#checkedCommitIndex = this.#log.commitIndex
    this.#checkInvariants()
  }

  get softState(): SoftState {
    return this.#elections.softState
  }

  /** As in `status`, for whoever asks each turn. The same object as long as it is the same configuration. */
  get conf(): ConfState {
    return this.#log.conf
  }
  get committedConf(): ConfState {
    return this.#log.committedConf
  }
  get lastIndex(): Index {
    return this.#log.lastIndex
  }
  get commitIndex(): Index {
    return this.#log.commitIndex
  }
  get committedInTerm(): boolean {
    return this.#log.termAt(this.#log.commitIndex) === this.#elections.softState.term
  }
  get fence(): Fence | undefined {
    return this.#log.fence
  }
  /** Of the entry at `index`; `undefined` where the log has none, or has forgotten it (§5.1). */
  termAt(index: Index): Term | undefined {
    return this.#log.termAt(index)
  }
  get transferee(): NodeId | undefined {
    const { role } = this.#elections
    return role.kind === 'leader' ? role.transferee : undefined
  }

  /** Of a leader: whether its disk and those of a quorum have room for commands, for all it knows. True of others. */
  get hasRoom(): boolean {
    const { role } = this.#elections
    return role.kind !== 'leader' || role.hasRoom
  }

  get status(): RaftStatus {
    return statusOf({ ctx: this.#ctx, elections: this.#elections, persistence: this.#persistence })
  }

  /**
   * What this node remembers of another, in this incarnation. Whoever starts on a disk that an older copy may have been put back on asks the other
   * voters, before it votes or acknowledges anything, and steps what they remember better as `recalled` (see `src/node/recall.ts`). `awaited`: whom
   * it waits for.
   */
  recollect(member: Pick<Member, 'id' | 'incarnation'>, awaited: readonly NodeId[]): Recollected {
    return recollectionOf(this.#ctx, this.#elections, { member, awaited })
  }

  /** Advances by one input. What is merely unwanted is refused or ignored; what Raft says cannot happen is asserted. */
  step(input: Input): void {
    this.#take(input)
    const { role } = this.#elections
    if (role.kind === 'leader' && role.isOver) this.#elections.stepDown(role)
    this.#checkInvariants()
  }

  /**
   * Takes what has accumulated; `undefined` when there is nothing. With `write: false` (a write is in flight) nothing that needs the disk
   * comes out: it collects, and the next write takes all of it.
   */
  ready({ write }: { readonly write: boolean }): Ready | undefined {
    const persist = write ? this.#persistence.take() : undefined
    const { role } = this.#elections
    // After `take`: the array that is written is the one that is sent.
    if (role.kind === 'leader') role.flush({ write })
    if (role.kind === 'follower') role.reads?.flush()
    const applyThrough = this.#log.applyThrough ?? this.#givenApplyThrough
    const restore = this.#newRestore()
    const softState = this.#changedSoftState()
    const isSame = softState === undefined && restore === undefined && applyThrough === this.#givenApplyThrough
    if (isSame && persist === undefined && !this.#outbox.has({ promises: write })) return undefined
    if (applyThrough < this.#givenApplyThrough) broken(`apply falls from ${this.#givenApplyThrough} to ${applyThrough}`)
    this.#givenApplyThrough = applyThrough
    return this.#outbox.take({ persist, applyThrough, restore, softState }, { promises: write })
  }

  /** `undefined` when they are not all in memory: read them from the log. Else one entry at least. */
  entriesInMemory(range: EntriesRange): readonly Entry[] | undefined {
    return this.#log.slice(range)
  }

  // --- Inputs

  #take(input: Input): void {
    const { role } = this.#elections
    switch (input.kind) {
      case 'tick':
        this.#tick(input.now)
        break
      case 'receive':
        this.#receive(input.message)
        break
      case 'propose':
        if (role.kind === 'leader') role.propose(input)
        else this.#refuse({ of: 'propose', id: input.ticket })
        break
      case 'read':
        this.#read(input)
        break
      case 'changeConf':
        if (role.kind === 'leader') role.changeConf(input)
        else this.#refuse({ of: 'changeConf', id: input.ticket })
        break
      case 'transfer':
        if (role.kind === 'leader') role.transfer(input)
        else this.#refuse({ of: 'transfer', id: input.ticket })
        break
      case 'persisted':
        this.#persistence.completed(input.seq)
        if (role.kind === 'leader') role.maybeCommit()
        this.#elections.persisted()
        break
      case 'applied':
        this.#applied(input)
        break
      case 'fetched':
        if (role.kind === 'leader') role.onFetched(input)
        break
      case 'unreachable':
      case 'peerUp':
      case 'peerDown':
        if (role.kind === 'leader') role.onConnection(input)
        if (input.kind === 'peerDown') this.#elections.peerDown(input)
        break
      case 'disk':
        this.#ctx.disk = input
        break
      case 'sound':
        this.#ctx.isSound = input.isSound
        if (!input.isSound) this.#elections.standAside()
        break
      case 'snapshotReceived':
        this.#snapshots.received(input)
        break
      case 'stateLost':
        this.#log.loseState()
        this.#elections.standAside()
        break
      case 'recalled':
        this.#recalled(input)
        break
      case 'repaired':
        this.#repaired(input)
        break
      case 'compact':
        this.#snapshots.compact(input)
        break
      default:
        unreachable(input)
    }
  }

  #tick(now: Ms): void {
    // A clock that falls is not monotonic; the least harm is that time stands still.
    this.#ctx.now = Math.max(this.#ctx.now, now)
    this.#elections.tick()
    this.#snapshots.tick()
  }

  #receive(message: Message): void {
    if (!isWellFormed(message, this.#ctx.id) || this.#log.isFloorUnknown || this.#elections.isDisruptive(message)) return
    const { term } = this.#elections
    if (message.term < term) {
      const answer = answerStale(message, { id: this.#ctx.id, term, log: this.#log })
      if (answer !== undefined) this.#reply(answer)
      return
    }
    if (message.term > term && !isPreVoting(message)) {
      this.#elections.becomeFollower({ term: message.term, leader: isFromLeader(message) ? message.from : undefined })
    }
    this.#receiveCurrent(message)
  }

  /** `message` is of our term; a pre-vote is of the next. */
  #receiveCurrent(message: Message): void {
    const { role } = this.#elections
    switch (message.kind) {
      case 'PreVote':
        this.#elections.onPreVote(message)
        break
      case 'PreVoteReply':
        this.#elections.onPreVoteReply(message)
        break
      case 'RequestVote':
        this.#elections.onRequestVote(message)
        break
      case 'RequestVoteReply':
        this.#elections.onRequestVoteReply(message)
        break
      case 'AppendEntries':
        this.#onAppendEntries(message)
        break
      case 'AppendEntriesReply':
        if (role.kind === 'leader') role.onAppendEntriesReply(message)
        break
      case 'Heartbeat':
        this.#onHeartbeat(message)
        break
      case 'HeartbeatReply':
        if (role.kind === 'leader') role.onHeartbeatReply(message)
        break
      case 'InstallSnapshot':
        this.#onInstallSnapshot(message)
        break
      case 'InstallSnapshotReply':
        if (role.kind === 'leader') role.onInstallSnapshotReply(message)
        break
      case 'TimeoutNow':
        this.#elections.onTimeoutNow(message)
        break
      case 'ReadIndex':
        if (role.kind === 'leader') role.onReadIndex(message)
        break
      case 'ReadIndexReply':
        this.#onReadIndexReply(message)
        break
      default:
        unreachable(message)
    }
  }

  #read({ id, lease }: InputOf<'read'>): void {
    const { role } = this.#elections
    if (role.kind === 'leader') role.read({ id, lease })
    else if (role.kind === 'follower' && role.reads !== undefined) role.reads.add(id)
    else this.#refuse({ of: 'read', id })
  }

  #applied({ index }: InputOf<'applied'>): void {
    const given = Math.max(this.#givenApplyThrough, this.#givenRestore ?? 0)
    if (index > given) broken(`applied ${index}, but only ${given} was given out`)
    this.#log.appliedTo(index)
  }

  // --- What was lost

  #recalled({ hardState, floor }: InputOf<'recalled'>): void {
    if (hardState !== undefined) this.#elections.recall(hardState)
    if (floor !== undefined) this.#log.fenceAt(floor)
    if (this.#log.fence !== undefined) this.#elections.endCandidacy()
  }

  #repaired({ entries }: InputOf<'repaired'>): void {
    const last = entries.at(-1)
    const { role, leader } = this.#elections
    const mayRepair = role.kind === 'follower' && leader === undefined && this.#log.isStable && this.#log.fence?.floor !== undefined
    if (last === undefined || !mayRepair) return
    // It was in that term once.
    if (last.term > this.#elections.term) this.#elections.becomeFollower({ term: last.term, leader: undefined })
    this.#log.repair(entries)
  }

  // --- Followers

  /** Its acknowledgement is a promise, even when it brings nothing new: what it confirms may still be on its way to the disk. */
  #onAppendEntries(message: AppendEntries): void {
    if (!this.#elections.follow(message)) return
    const answer = acceptEntries(this.#log, message)
    if (answer.ok) this.#outbox.promise(answer)
    else this.#reply(answer)
  }

  #onHeartbeat(message: Heartbeat): void {
    if (!this.#elections.follow(message)) return
    // Its leader relies on what this node has acknowledged. Where that got lost, others may stand in its place.
    if (this.#log.fence === undefined && message.commitIndex <= this.#log.lastIndex) this.#log.commitTo(message.commitIndex)
    this.#reply(answerHeartbeat(message, this.#ctx))
  }

  /** The leader has compacted what we need next. Whether we got there already, it learns from the answer. */
  #onInstallSnapshot(message: InstallSnapshot): void {
    if (!this.#elections.follow(message)) return
    if (message.last.index > this.#log.commitIndex) this.#outbox.wantSnapshot(message.last.index)
    this.#reply({ ...this.#headerTo(message), kind: 'InstallSnapshotReply', hint: this.#log.committed })
  }

  #onReadIndexReply(message: ReadIndexReply): void {
    const { role } = this.#elections
    if (role.kind === 'follower') role.reads?.onReply(message)
  }

  // --- What all roles share

  #headerTo({ from }: Message): { readonly from: NodeId; readonly to: NodeId; readonly term: Term } {
    return { from: this.#ctx.id, to: from, term: this.#elections.term }
  }

  #reply(message: Message): void {
    reply(message, { outbox: this.#outbox, persistence: this.#persistence })
  }

  #refuse({ of, id }: { readonly of: 'propose' | 'read' | 'changeConf' | 'transfer'; readonly id: number }): void {
    const message = of === 'propose' || of === 'read' ? undefined : `node ${this.#ctx.id} is not the leader`
    this.#outbox.refuse({ of, id, from: 0, reason: 'notLeader', message, leader: this.#elections.leader })
  }

  #newRestore(): Index | undefined {
    const { restorable } = this.#log
    if (restorable === undefined || restorable === this.#givenRestore) return undefined
    this.#givenRestore = restorable
    return restorable
  }

  #changedSoftState(): SoftState | undefined {
    const { role, term, leader } = this.#givenSoftState
    const { role: now } = this.#elections
    if (role === now.kind && term === this.#elections.term && leader === this.#elections.leader) return undefined
    this.#givenSoftState = this.softState
    return this.#givenSoftState
  }

  #checkInvariants(): void {
    const { commitIndex, lastTerm } = this.#log
    const { term, role } = this.#elections
    this.#log.checkPointers()
    if (term < this.#checkedTerm) broken(`the term falls from ${this.#checkedTerm} to ${term}`)
    if (commitIndex < this.#checkedCommitIndex) broken(`commit falls from ${this.#checkedCommitIndex} to ${commitIndex}`)
    if (term < lastTerm) broken(`the log ends with term ${lastTerm}, beyond our term ${term}`)
    if (role.kind === 'leader' && role.term !== term) broken(`a leader of another term than ${term}`)
    this.#checkedTerm = term
    this.#checkedCommitIndex = commitIndex
  }
}

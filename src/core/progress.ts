//              ok                        nothing that is still in the leader's log matches the follower's
//   probe  ------------->  replicate     probe / replicate  ------------->  snapshot  ------------->  probe
//     ^                        |                                                       it says that it got there
//     +------------------------+           probe:     one message at a time, empty at the end of the log, until it says where its log matches
//        refused, unreachable, lost        replicate: messages follow each other without waiting, up to a window
//                                          snapshot:  no entries; it is reminded to fetch a snapshot from somebody
import { CatchUp } from './catch-up.ts'
import { broken } from './invariant.ts'
import { lostAfterHeartbeats } from './limits.ts'
import type { RaftLog } from './raft-log.ts'
import { Stopwatch } from './stopwatch.ts'
import type { EntryId, HeartbeatReply, Index, Member, Ms, NodeId } from './types.ts'

interface Probe {
  readonly kind: 'probe'
  /** One message is out. Answered, or given up at a later heartbeat's answer. */
  isPaused: boolean
}
interface Replicate {
  readonly kind: 'replicate'
  readonly inflight: Inflight[]
  inflightBytes: number
}
interface Snapshot {
  readonly kind: 'snapshot'
}
interface Inflight {
  readonly lastIndex: Index
  readonly bytes: number
  /** The last heartbeat round that had begun when it was sent. */
  readonly round: number
}

export interface Window {
  readonly messagesMax: number
  readonly bytesMax: number
}
export interface ProgressOptions {
  readonly member: Member
  /** What it is sent first. */
  readonly nextIndex: Index
  readonly log: RaftLog
  readonly window: Window
  readonly electionTimeoutMs: Ms
}

/** What a leader knows of one follower, in one incarnation. */
export class Progress {
  readonly id: NodeId
  readonly incarnation: number
  readonly #log: RaftLog
  readonly #window: Window
  readonly #electionTimeoutMs: Ms
  /** Everything up to here is durable on the follower and equal to the leader's log. Invariant: matchIndex < nextIndex. */
  #matchIndex: Index = 0
  /** Invariant: what precedes it is in the leader's log, or its base. */
  #nextIndex: Index
  #state: Probe | Replicate | Snapshot = { kind: 'probe', isPaused: false }
  /** First index of the fetch that is out; there is one at a time. */
  #fetching: Index | undefined
  /** The newest heartbeat round it answered. */
  #confirmedRound = 0
  /** Since anything came from it in this term (§6.2). */
  readonly #heard = new Stopwatch(undefined)
  /** Since a probe was sent; since the messages in flight last got fewer, or began to be some. */
  readonly #waited = new Stopwatch(undefined)
  readonly #catchUp: CatchUp
  #isLearner = false
  /** The base it was told to fetch a snapshot of: what follows is kept for it until it has everything that is committed. */
  #pinned: Index | undefined
  /** As it said last. */
  #isFull = false

  constructor({ member, nextIndex, log, window, electionTimeoutMs }: ProgressOptions) {
    this.id = member.id
    this.incarnation = member.incarnation
    this.#log = log
    this.#nextIndex = nextIndex
    this.#window = window
    this.#electionTimeoutMs = electionTimeoutMs
    this.#catchUp = new CatchUp({ lastIndex: log.lastIndex, electionTimeoutMs })
  }

  get matchIndex(): Index {
    return this.#matchIndex
  }
  get nextIndex(): Index {
    return this.#nextIndex
  }
  get state(): 'probe' | 'replicate' | 'snapshot' {
    return this.#state.kind
  }
  get inflightMessages(): number {
    if (this.#state.kind === 'replicate') return this.#state.inflight.length
    return this.#state.kind === 'probe' ? Number(this.#state.isPaused) : 0
  }
  get inflightBytes(): number {
    return this.#state.kind === 'replicate' ? this.#state.inflightBytes : 0
  }
  get confirmedRound(): number {
    return this.#confirmedRound
  }
  get isFetching(): boolean {
    return this.#fetching !== undefined
  }
  get canSend(): boolean {
    if (this.#state.kind === 'snapshot') return false
    if (this.#state.kind === 'probe') return !this.#state.isPaused
    return this.#state.inflight.length < this.#window.messagesMax && this.#state.inflightBytes < this.#window.bytesMax
  }
  /** Of a learner: whether its last round took less than an election timeout (§4.2.1). */
  get isCaughtUp(): boolean {
    return !this.#isLearner || this.#catchUp.isCaughtUp
  }
  /** Its disk is nearly full. */
  get isFull(): boolean {
    return this.#isFull
  }
  /** The leader's log must not be compacted beyond this for its sake. */
  get pinnedIndex(): Index | undefined {
    return this.#pinned === undefined ? undefined : Math.max(this.#pinned, this.#matchIndex)
  }

  heardElapsedMs(now: Ms): number {
    return this.#heard.elapsedMs(now)
  }
  /** Whether anything came from it within an election timeout. */
  isActive(now: Ms): boolean {
    return this.#heard.elapsedMs(now) < this.#electionTimeoutMs
  }

  tick(now: Ms): void {
    this.#heard.tick(now)
    this.#waited.tick(now)
    this.#catchUp.tick({ now, lastIndex: this.#log.lastIndex, matchIndex: this.#matchIndex })
  }

  /** The configuration says what it is. How it kept up as a voter still counts: it may be promoted before it has answered as a learner. */
  becomeLearner(isLearner: boolean): void {
    this.#isLearner = isLearner
  }

  /** Anything of this term came from it. */
  heard(): void {
    this.#heard.start()
  }

  /** Answers may overtake each other: what it says of its disk counts only where it is news. */
  confirm({ round, isFull = false }: Pick<HeartbeatReply, 'round' | 'isFull'>): void {
    if (round < this.#confirmedRound) return
    this.#confirmedRound = round
    this.#isFull = isFull
  }

  /** An AppendEntries that ends at `lastIndex` leaves. */
  sent({ lastIndex, bytes, round }: Inflight): void {
    if (!this.canSend || this.#state.kind === 'snapshot') broken(`a message to ${this.id} beyond its window`)
    if (this.#state.kind === 'probe') {
      this.#state.isPaused = true
      this.#waited.start()
      return
    }
    if (lastIndex < this.#nextIndex) broken(`an empty message to ${this.id}, whose log is known`)
    if (this.#state.inflight.length === 0) this.#waited.start()
    this.#state.inflight.push({ lastIndex, bytes, round })
    this.#state.inflightBytes += bytes
    // Optimistic: what was sent is taken as arrived, until the follower or the connection says otherwise (§10.2.1).
    this.#nextIndex = lastIndex + 1
  }

  /** The follower holds everything up to `matchIndex`. True when that is news. */
  acknowledged({ matchIndex, now }: { readonly matchIndex: Index; readonly now: Ms }): boolean {
    const isNews = matchIndex > this.#matchIndex
    if (isNews) this.#matchIndex = matchIndex
    this.#nextIndex = Math.max(this.#nextIndex, matchIndex + 1)
    this.#catchUp.acknowledged({ now, lastIndex: this.#log.lastIndex, matchIndex: this.#matchIndex })
    if (this.#pinned !== undefined && matchIndex >= this.#log.commitIndex) this.#pinned = undefined
    if (this.#state.kind === 'replicate') this.#release(this.#state, matchIndex)
    // Less than what matched before is an old answer: it says nothing of the probe that is out, nor of a snapshot that came.
    else if (matchIndex === this.#matchIndex && (this.#state.kind === 'probe' || matchIndex >= this.#neededIndex)) this.#becomeReplicate()
    return isNews
  }

  /**
   * The follower refused what follows `prevIndex`; its log may match up to `hint`. An answer to an old message is ignored. Where nothing of
   * its log matches what is left of the leader's, it needs a snapshot (§5.3), and is told so from the next heartbeat on.
   */
  refused({ prevIndex, hint }: { readonly prevIndex: Index; readonly hint: EntryId }): void {
    if (!this.#isCurrent(prevIndex)) return
    const { base } = this.#log
    const hintIndex = this.#log.newestMatching(hint)
    // It lacks what it has acknowledged: its disk has lost that. It counts for nothing more than it has, from now on.
    if (prevIndex <= this.#matchIndex) this.#matchIndex = Math.min(this.#matchIndex, hintIndex ?? 0)
    if (hintIndex !== undefined && prevIndex > base.index) {
      this.#becomeProbe()
      this.#backUpTo(Math.min(prevIndex, hintIndex + 1))
      return
    }
    // Before the first entry all logs match: who refuses there takes no entries before it has a snapshot, of whatever index.
    this.#pinned = base.index
    this.#state = { kind: 'snapshot' }
  }

  /** It is told what to fetch; a base that moved on meanwhile is the new one. */
  reminded(): void {
    if (this.#pinned !== undefined) this.#pinned = Math.max(this.#pinned, this.#log.base.index)
  }

  /** Everything up to `index` is committed for all it knows: its log is probed from there. */
  installed(index: Index): void {
    if (this.#state.kind !== 'snapshot' || index < this.#neededIndex || index > this.#log.lastIndex) return
    this.#becomeProbe()
    this.#backUpTo(index + 1)
  }

  /** The leader's log begins later now: what was next may be gone. Where that leaves a gap, the follower refuses what follows it. */
  compacted(): void {
    if (this.#state.kind === 'snapshot' || this.#nextIndex > this.#log.base.index) return
    // What is out stays out: were each compaction a reason to send, whoever is silent would be sent without end.
    this.#state = { kind: 'probe', isPaused: this.inflightMessages > 0 }
    this.#backUpTo(this.#nextIndex)
  }

  /** What is in flight may be lost. It goes on with the next answer to a heartbeat: until then nobody may be there. */
  unreachable(): void {
    if (this.#state.kind === 'snapshot') return
    this.#backUpTo(this.#matchIndex + 1)
    this.#state = { kind: 'probe', isPaused: true }
    this.#waited.expire()
  }

  /** What is in flight is lost, and somebody is there. */
  restarted(): void {
    if (this.#state.kind === 'snapshot') return
    this.#backUpTo(this.#matchIndex + 1)
    this.#becomeProbe()
  }

  /**
   * An answer to the heartbeats of `round`: it is alive. Sends a probe again that waited for about a heartbeat, and gives up messages which
   * were sent before that round and moved nothing for several heartbeats: the loss of a message or of its answer stalls nobody for good.
   */
  answered({ round, now, heartbeatMs }: { readonly round: number; readonly now: Ms; readonly heartbeatMs: number }): void {
    if (this.#state.kind === 'snapshot') return
    const waitedMs = this.#waited.elapsedMs(now)
    if (this.#state.kind === 'probe') {
      // Half of it: what was sent is dated a tick late, and would miss every other heartbeat.
      if (2 * waitedMs >= heartbeatMs) this.#state.isPaused = false
      return
    }
    const oldest = this.#state.inflight[0]
    if (oldest === undefined || oldest.round >= round || waitedMs < lostAfterHeartbeats * heartbeatMs) return
    this.#becomeProbe()
    this.#backUpTo(this.#matchIndex + 1)
  }

  fetch(firstIndex: Index): void {
    if (this.#fetching !== undefined) broken(`a second fetch for ${this.id}`)
    this.#fetching = firstIndex
  }

  /** True when it answers the fetch that is out. */
  fetched(firstIndex: Index): boolean {
    if (this.#fetching !== firstIndex) return false
    this.#fetching = undefined
    return true
  }

  /** The log could not give what was to be sent: tries again after a heartbeat, not in a busy loop. */
  postpone(): void {
    if (this.#state.kind === 'snapshot') return
    this.#state = { kind: 'probe', isPaused: true }
    this.#waited.start()
  }

  /** What a snapshot must hold at least, so that the log goes on from it. */
  get #neededIndex(): Index {
    return Math.max(1, this.#log.base.index)
  }

  #isCurrent(prevIndex: Index): boolean {
    if (this.#state.kind === 'snapshot') return false
    // Of a message that was sent before the log was compacted: what it says, the base cannot mend.
    if (prevIndex < this.#log.base.index) return this.#matchIndex < this.#log.base.index
    return this.#state.kind === 'probe' ? prevIndex === this.#nextIndex - 1 : prevIndex > this.#matchIndex
  }

  #becomeProbe(): void {
    this.#state = { kind: 'probe', isPaused: false }
  }

  #becomeReplicate(): void {
    this.#state = { kind: 'replicate', inflight: [], inflightBytes: 0 }
    this.#backUpTo(this.#matchIndex + 1)
  }

  /** No further than what matches, nor than what is left of the log. */
  #backUpTo(index: Index): void {
    this.#nextIndex = Math.max(index, this.#matchIndex + 1, this.#log.base.index + 1)
  }

  #release(state: Replicate, matchIndex: Index): void {
    let count = 0
    for (const { lastIndex, bytes } of state.inflight) {
      if (lastIndex > matchIndex) break
      count++
      state.inflightBytes -= bytes
    }
    if (count === 0) return
    state.inflight.splice(0, count)
    this.#waited.start()
  }
}

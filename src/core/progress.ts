//              ok                                  a snapshot is next: a third state between these two
//   probe  ------------->  replicate
//     ^                        |                   probe:     one message at a time, until the follower says where its log matches
//     +------------------------+                   replicate: messages follow each other without waiting, up to a window
//        refused, unreachable, lost
import { broken } from './invariant.ts'
import { lostAfterHeartbeats } from './limits.ts'
import { Stopwatch } from './stopwatch.ts'
import type { Index, Ms, NodeId } from './types.ts'

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

/** What a leader knows of one follower. */
export class Progress {
  readonly id: NodeId
  readonly #window: Window
  /** Everything up to here is durable on the follower and equal to the leader's log. Invariant: matchIndex < nextIndex. */
  #matchIndex: Index = 0
  #nextIndex: Index
  #state: Probe | Replicate = { kind: 'probe', isPaused: false }
  /** First index of the fetch that is out; there is one at a time. */
  #fetching: Index | undefined
  /** The newest heartbeat round it answered. */
  #confirmedRound = 0
  /** Since anything came from it in this term (§6.2). */
  readonly #heard = new Stopwatch(undefined)
  /** Since a probe was sent; since the messages in flight last got fewer, or began to be some. */
  readonly #waited = new Stopwatch(undefined)

  constructor({ id, nextIndex, window }: { readonly id: NodeId; readonly nextIndex: Index; readonly window: Window }) {
    this.id = id
    this.#nextIndex = nextIndex
    this.#window = window
  }

  get matchIndex(): Index {
    return this.#matchIndex
  }
  get nextIndex(): Index {
    return this.#nextIndex
  }
  get state(): 'probe' | 'replicate' {
    return this.#state.kind
  }
  get inflightMessages(): number {
    return this.#state.kind === 'replicate' ? this.#state.inflight.length : Number(this.#state.isPaused)
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
    if (this.#state.kind === 'probe') return !this.#state.isPaused
    return this.#state.inflight.length < this.#window.messagesMax && this.#state.inflightBytes < this.#window.bytesMax
  }

  heardElapsedMs(now: Ms): number {
    return this.#heard.elapsedMs(now)
  }

  tick(now: Ms): void {
    this.#heard.tick(now)
    this.#waited.tick(now)
  }

  /** Anything of this term came from it. */
  heard(): void {
    this.#heard.start()
  }

  confirm(round: number): void {
    this.#confirmedRound = Math.max(this.#confirmedRound, round)
  }

  /** An AppendEntries that ends at `lastIndex` leaves. */
  sent({ lastIndex, bytes, round }: Inflight): void {
    if (!this.canSend) broken(`a message to ${this.id} beyond its window`)
    if (lastIndex < this.#nextIndex) broken(`an empty message to ${this.id}`)
    if (this.#state.kind === 'probe') {
      this.#state.isPaused = true
      this.#waited.start()
      return
    }
    if (this.#state.inflight.length === 0) this.#waited.start()
    this.#state.inflight.push({ lastIndex, bytes, round })
    this.#state.inflightBytes += bytes
    // Optimistic: what was sent is taken as arrived, until the follower or the connection says otherwise (§10.2.1).
    this.#nextIndex = lastIndex + 1
  }

  /** The follower holds everything up to `matchIndex`. True when that is news. */
  acknowledged(matchIndex: Index): boolean {
    const isNews = matchIndex > this.#matchIndex
    if (isNews) this.#matchIndex = matchIndex
    this.#nextIndex = Math.max(this.#nextIndex, matchIndex + 1)
    if (this.#state.kind === 'probe') {
      // Less than what matched before is an old answer: it says nothing of the probe that is out.
      if (matchIndex === this.#matchIndex) this.#becomeReplicate()
      return isNews
    }
    this.#release(this.#state, matchIndex)
    return isNews
  }

  /** The follower refused what follows `prevIndex`; its log may match up to `hintIndex`. An answer to an old message is ignored. */
  refused({ prevIndex, hintIndex }: { readonly prevIndex: Index; readonly hintIndex: Index }): void {
    const isCurrent = this.#state.kind === 'probe' ? prevIndex === this.#nextIndex - 1 : prevIndex > this.#matchIndex
    if (!isCurrent) return
    this.#becomeProbe()
    this.#nextIndex = Math.max(this.#matchIndex + 1, Math.min(prevIndex, hintIndex + 1))
  }

  /** What is in flight may be lost. It goes on with the next answer to a heartbeat: until then nobody may be there. */
  unreachable(): void {
    this.#becomeProbe()
    this.#nextIndex = this.#matchIndex + 1
    this.#pause()
  }

  /**
   * An answer to the heartbeats of `round`: it is alive. Sends a probe again that waited for about a heartbeat, and gives up messages which
   * were sent before that round and moved nothing for several heartbeats: the loss of a message or of its answer stalls nobody for good.
   */
  answered({ round, now, heartbeatMs }: { readonly round: number; readonly now: Ms; readonly heartbeatMs: number }): void {
    const waitedMs = this.#waited.elapsedMs(now)
    if (this.#state.kind === 'probe') {
      // Half of it: what was sent is dated a tick late, and would miss every other heartbeat.
      if (2 * waitedMs >= heartbeatMs) this.#state.isPaused = false
      return
    }
    const oldest = this.#state.inflight[0]
    if (oldest === undefined || oldest.round >= round || waitedMs < lostAfterHeartbeats * heartbeatMs) return
    this.#becomeProbe()
    this.#nextIndex = this.#matchIndex + 1
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

  /** The log could not give what was to be sent: asks again after a heartbeat, not in a busy loop. */
  postpone(): void {
    this.#becomeProbe()
    this.#state = { kind: 'probe', isPaused: true }
    this.#waited.start()
  }

  #pause(): void {
    this.#state = { kind: 'probe', isPaused: true }
    this.#waited.expire()
  }

  #becomeProbe(): void {
    this.#state = { kind: 'probe', isPaused: false }
  }

  #becomeReplicate(): void {
    this.#state = { kind: 'replicate', inflight: [], inflightBytes: 0 }
    this.#nextIndex = this.#matchIndex + 1
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

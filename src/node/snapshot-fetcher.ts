// Gets a snapshot from other members, piece by piece, into the store. One request is out at a time, so that nothing of Raft waits long behind
// it; whatever is lost is asked for again, of the next member. What was written is kept while anybody has the same snapshot.
//
//   idle --want--> asking --first piece--> download: ask, write, ask, write ... finish --> received --accept--> idle
//                    ^                         | nobody has it any more, or it is damaged      | its content is of no use
//                    +-------------------------+-----------------------------------------------+
import type { Index, Ms, NodeId, SnapshotChunk, SnapshotMeta, SnapshotRequest, Term } from '../core/index.ts'
import type { Clock } from '../ports/clock.ts'
import type { Snapshots, SnapshotWriter } from '../ports/snapshots.ts'
import { replicaPieceBytes } from '../wire/replica-codec.ts'
import { FetchOrder, type Sources } from './fetch-order.ts'
import type { NodeEvent } from './options.ts'
import { snapshotProblem, termProblem } from './snapshot-form.ts'
import type { Received } from './snapshot-intake.ts'

/**
 * Who does not answer within this is left for the next one. It is not asked again before this, twice as long after each question in a row that it
 * did not answer, up to the second: that holds nobody else up. Milliseconds.
 */
const answerMs = 1_000
const answerMsMax = 2_000
/** Nobody in a whole round had one: it is begun anew after this, twice as long after each in a row, up to the second. Milliseconds. */
const roundMs = 100
const roundMsMax = 2_000
/** One that no piece came of for this long is given up, once another member was found that does not have it. Milliseconds. */
const stalledMs = 5_000
/** What was not fetched within this time may be made up for: turns come more seldom than pieces may. Milliseconds. */
const burstMs = 50
const progressMs = 1_000
/** Snapshots that were of no use are known again, so that none of them is fetched twice in a life: the last of them, this many. */
const refusedMax = 64

export interface FetcherPorts {
  readonly id: NodeId
  readonly incarnation: number
  readonly seed: number
  readonly snapshots: Snapshots
  readonly clock: Clock
  readonly bytesPerSecond: number
  wake(): void
  report(event: NodeEvent): void
}

interface Download {
  readonly snapshot: SnapshotMeta
  readonly writer: SnapshotWriter
  /** Bytes written; what is asked for next. */
  offset: number
  /** Largest of the senders. */
  term: Term
  isWriting: boolean
  isDropped: boolean
  progressAt: Ms
  reportedAt: Ms
  /** Members that said that they do not have it. */
  readonly lacking: Set<NodeId>
}

export class SnapshotFetcher {
  readonly #ports: FetcherPorts
  readonly #order: FetchOrder
  /** `undefined`: none is needed. */
  #minIndex: Index | undefined
  /** Index of the newest that the core has made use of in this life: it will do with that one. */
  #receivedIndex: Index = 0
  /** In the store, and not found to be good or bad yet: nothing is asked for meanwhile. */
  #received: Received | undefined
  #isReceivedTaken = false
  /** Found to be of no use, whoever has them. */
  #refused: SnapshotMeta[] = []
  /** Index of the newest of those that a member offered: it is asked for a newer one. */
  readonly #refusedOf = new Map<NodeId, Index>()
  /** Why an offer of a member could not be; said once, not each time it is asked. */
  readonly #problems = new Map<NodeId, string>()
  #download: Download | undefined
  /** The writer of one that was dropped is not gone yet: only one is written at a time. */
  #isAborting = false
  #asked: { readonly peer: NodeId; readonly until: Ms } | undefined
  /** Nobody is asked before this. */
  #notBefore: Ms = 0
  /** Up to when the allowance is used up. */
  #spentUntil: Ms = 0
  /** The member asked last did not help. */
  #needsNext = true
  /** Those that did not answer the last questions in time: how many, and when the next may be asked. */
  readonly #silent = new Map<NodeId, { readonly unanswered: number; readonly until: Ms }>()
  #rounds = 0

  constructor(ports: FetcherPorts) {
    this.#ports = ports
    this.#order = new FetchOrder(ports)
  }

  /** Index that is needed at least; `undefined` while none is. */
  get minIndex(): Index | undefined {
    return this.#minIndex
  }

  /** Whether the store is, or is about to be, written to. */
  get isActive(): boolean {
    return this.#minIndex !== undefined || this.#isAborting || this.#received !== undefined
  }

  /** One of at least `minIndex` is needed. What is under way goes on if it is new enough. */
  want(minIndex: Index): void {
    if (minIndex <= this.#receivedIndex || minIndex <= (this.#minIndex ?? 0)) return
    this.#minIndex = minIndex
    if (this.#download !== undefined && this.#download.snapshot.id.index < minIndex) this.#drop()
  }

  /** None is needed any more. */
  cancel(): void {
    this.#minIndex = undefined
    this.#rest()
    this.#drop()
  }

  /** What was asked of `peer` may be lost. */
  unreachable(peer: NodeId): void {
    if (this.#asked?.peer === peer) this.#leave()
  }

  receive(chunk: SnapshotChunk): void {
    if (this.#minIndex === undefined || this.#isAborting || this.#received !== undefined) return
    const isPrompt = this.#asked?.peer === chunk.from
    const isAnswer = this.#silent.delete(chunk.from) || isPrompt
    const problem = termProblem(chunk.term)
    if (problem !== undefined) {
      if (isAnswer) this.#impossible(chunk, problem)
      return
    }
    const download = this.#download
    if (chunk.snapshot === undefined) {
      // A late one may be about another snapshot.
      if (isPrompt) this.#lacks(chunk.from)
    } else if (download === undefined) {
      if (isAnswer) this.#begin(chunk.snapshot, chunk)
    } else if (isSame(download.snapshot, chunk.snapshot) && chunk.offset === download.offset && !download.isWriting) {
      // Whoever it comes from, and however late: it is the piece that is needed.
      this.#accept(download, chunk)
    }
  }

  /** Asks for what is needed next, if it is time for that. */
  next(sources: Sources): Omit<SnapshotRequest, 'from' | 'term'> | undefined {
    if (this.#minIndex === undefined || this.#received !== undefined || this.#download?.isWriting === true) return undefined
    const now = this.#ports.clock.monotonicMs()
    if (this.#isHopeless(sources, now)) this.#drop()
    if (this.#asked !== undefined) {
      if (now < this.#asked.until) return undefined
      this.#unanswered(this.#asked.peer, now)
    }
    if (this.#isAborting || now < this.#notBefore || now < this.#spentUntil) return undefined
    if (this.#needsNext && !this.#goOn(sources, now)) return undefined
    return this.#ask(this.#minIndex, now)
  }

  /** What has become durable in the store, once; to be answered with one of the following three. */
  takeReceived(): Received | undefined {
    if (this.#isReceivedTaken) return undefined
    this.#isReceivedTaken = this.#received !== undefined
    return this.#received
  }

  /** The core was told of it, and makes use of it. */
  accept(): void {
    const index = this.#settle()?.snapshot.id.index ?? 0
    this.#receivedIndex = Math.max(this.#receivedIndex, index)
    if (index >= (this.#minIndex ?? 0)) this.#minIndex = undefined
  }

  /** Its content is of no use: nobody is asked for it again. */
  refuse(): void {
    const received = this.#settle()
    if (received !== undefined) this.#refused = [...this.#refused.slice(1 - refusedMax), received.snapshot]
    this.#notBefore = this.#ports.clock.monotonicMs() + roundMsMax
  }

  /** There is nothing wrong with it that is known. */
  retry(): void {
    this.#settle()
    this.#notBefore = this.#ports.clock.monotonicMs() + roundMsMax
  }

  #settle(): Received | undefined {
    const received = this.#received
    this.#received = undefined
    this.#isReceivedTaken = false
    return received
  }

  #ask(minIndex: Index, now: Ms): Omit<SnapshotRequest, 'from' | 'term'> | undefined {
    const peer = this.#order.current
    if (peer === undefined) {
      this.#needsNext = true
      this.#notBefore = now + roundMs
      return undefined
    }
    this.#asked = { peer, until: now + answerMs }
    const download = this.#download
    const of = download === undefined ? undefined : { id: download.snapshot.id, checksum: download.snapshot.checksum }
    const least = download === undefined ? Math.max(minIndex, (this.#refusedOf.get(peer) ?? 0) + 1) : minIndex
    return { kind: 'SnapshotRequest', to: peer, minIndex: least, of, offset: download?.offset ?? 0 }
  }

  /** To the next member; false where a whole round was of no use, and another would be too soon. */
  #goOn(sources: Sources, now: Ms): boolean {
    for (;;) {
      const isNewRound = this.#order.next(sources)
      this.#needsNext = this.#isSilent(this.#order.current, now)
      if (isNewRound) {
        this.#rounds += 1
        if (this.#rounds > 1) {
          // Whoever had what is half here may be back any moment.
          this.#notBefore = now + Math.min(roundMs * 2 ** (this.#rounds - 2), this.#download === undefined ? roundMsMax : answerMs / 2)
          return false
        }
      }
      if (!this.#needsNext) return true
    }
  }

  #isSilent(peer: NodeId | undefined, now: Ms): boolean {
    return peer !== undefined && now < (this.#silent.get(peer)?.until ?? 0)
  }

  /** Its answer may still come: it is taken then. */
  #unanswered(peer: NodeId, now: Ms): void {
    const unanswered = this.#silent.get(peer)?.unanswered ?? 0
    const until = now - answerMs + Math.min(answerMs * 2 ** unanswered, answerMsMax)
    this.#silent.set(peer, { unanswered: unanswered + 1, until })
    this.#leave()
  }

  #leave(): void {
    this.#asked = undefined
    this.#needsNext = true
    this.#ports.wake()
  }

  #lacks(peer: NodeId): void {
    this.#download?.lacking.add(peer)
    // Another one that was asked may still help.
    if (this.#asked === undefined || this.#asked.peer === peer) this.#leave()
  }

  /** Whoever had it has it no more, or is gone while others are there. */
  #isHopeless({ conf }: Sources, now: Ms): boolean {
    const download = this.#download
    if (download === undefined || download.lacking.size === 0) return false
    if (now - download.progressAt >= stalledMs) return true
    return conf.members.every(({ id }) => id === this.#ports.id || download.lacking.has(id))
  }

  #begin(snapshot: SnapshotMeta, chunk: SnapshotChunk): void {
    const { snapshots, clock } = this.#ports
    if (snapshot.id.index < (this.#minIndex ?? 0) || chunk.offset !== 0) return this.#lacks(chunk.from)
    const problem = snapshotProblem(snapshot)
    if (problem !== undefined) return this.#impossible(chunk, problem)
    if (this.#refused.some((one) => isSame(one, snapshot))) {
      this.#refusedOf.set(chunk.from, snapshot.id.index)
      return this.#lacks(chunk.from)
    }
    if (this.#predates(snapshot)) {
      this.#minIndex = snapshot.id.index + 1
      return this.#lacks(chunk.from)
    }
    const stored = snapshots.list.find((one) => isSame(one, snapshot))
    // Fetched in an earlier life, which ended before it could be used.
    if (stored !== undefined) return this.#complete(stored, chunk.term)
    const { id, conf, bytes, checksum } = snapshot
    const now = clock.monotonicMs()
    this.#download = {
      snapshot,
      writer: snapshots.create({ id, conf, expected: { bytes, checksum } }),
      offset: 0,
      term: chunk.term,
      isWriting: false,
      isDropped: false,
      progressAt: now,
      reportedAt: now - progressMs,
      lacking: new Set(),
    }
    this.#accept(this.#download, chunk)
  }

  /** No correct member says this. It is passed over. */
  #impossible({ from, snapshot }: SnapshotChunk, problem: string): void {
    if (this.#problems.get(from) !== problem) {
      this.#problems.set(from, problem)
      const index = snapshot?.id.index ?? 0
      const error = new Error(`node ${from} offers a snapshot of entry ${index} that cannot be: ${problem}. It is not fetched from there`)
      this.#ports.report({ kind: 'snapshotFailed', index, error })
    }
    this.#lacks(from)
  }

  /**
   * From before this node was let in, and so of no use to it: it would not know those who know it. Where its id is named as what it was before
   * it lost its disk, it would even take itself for that voter.
   */
  #predates({ conf }: SnapshotMeta): boolean {
    const { id, incarnation } = this.#ports
    if (conf.removed.includes(id)) return false
    const self = conf.members.find((member) => member.id === id)
    return self === undefined || self.incarnation < incarnation
  }

  #accept(download: Download, { from, term, data }: SnapshotChunk): void {
    const end = download.offset + data.length
    if (data.length === 0 || data.length > replicaPieceBytes || end > download.snapshot.bytes) return this.#lacks(from)
    this.#asked = undefined
    this.#needsNext = false
    this.#order.stay(from)
    this.#rest()
    this.#progress(download, { from, isEnd: end === download.snapshot.bytes })
    this.#spend(data.length)
    download.term = Math.max(download.term, term)
    download.lacking.delete(from)
    download.isWriting = true
    download.writer.write(data, (error) => {
      download.isWriting = false
      if (error !== undefined) return this.#failed(download, error)
      if (download.isDropped) return this.#abort(download)
      download.offset = end
      if (end === download.snapshot.bytes) this.#finish(download)
      else this.#ports.wake()
    })
  }

  #finish(download: Download): void {
    download.isWriting = true
    download.writer.finish((error, snapshot) => {
      download.isWriting = false
      if (error !== undefined || snapshot === undefined) return this.#failed(download, error ?? new Error('it was not stored'))
      if (!download.isDropped) return this.#complete(snapshot, download.term)
      this.#isAborting = false
      this.#ports.wake()
    })
  }

  #complete(snapshot: SnapshotMeta, term: Term): void {
    this.#download = undefined
    this.#received = { snapshot, term }
    this.#leave()
  }

  /** The writer has left nothing behind. All of it is fetched again, of the next member. */
  #failed(download: Download, error: Error): void {
    const { clock, report } = this.#ports
    this.#isAborting = false
    if (this.#download === download) this.#download = undefined
    this.#leave()
    this.#notBefore = clock.monotonicMs() + roundMsMax
    report({ kind: 'snapshotFailed', index: download.snapshot.id.index, error })
  }

  #drop(): void {
    const download = this.#download
    this.#asked = undefined
    this.#needsNext = true
    if (download === undefined) return
    this.#download = undefined
    this.#isAborting = true
    download.isDropped = true
    if (!download.isWriting) this.#abort(download)
  }

  #abort({ writer }: Download): void {
    // What it could not take back is gone with the next start at the latest.
    writer.abort(() => {
      this.#isAborting = false
      this.#ports.wake()
    })
  }

  /** Nothing has failed lately. */
  #rest(): void {
    this.#rounds = 0
  }

  #spend(bytes: number): void {
    const now = this.#ports.clock.monotonicMs()
    this.#spentUntil = Math.max(this.#spentUntil, now - burstMs) + (bytes * 1_000) / this.#ports.bytesPerSecond
  }

  #progress(download: Download, { from, isEnd }: { readonly from: NodeId; readonly isEnd: boolean }): void {
    const { clock, report } = this.#ports
    const { snapshot, offset } = download
    const now = clock.monotonicMs()
    download.progressAt = now
    if (!isEnd && now - download.reportedAt < progressMs) return
    download.reportedAt = now
    report({ kind: 'snapshotFetching', index: snapshot.id.index, from, offset: isEnd ? snapshot.bytes : offset, bytes: snapshot.bytes })
  }
}

const isSame = (a: SnapshotMeta, b: SnapshotMeta): boolean =>
  a.id.index === b.id.index && a.id.term === b.id.term && a.checksum === b.checksum && a.bytes === b.bytes

// Gets a snapshot from other members, piece by piece, into the store. One request is out at a time, so that nothing of Raft waits long behind
// it; whatever is lost is asked for again, of the next member. What was written is kept while anybody has the same snapshot.
//
//   idle --want--> asking --first piece--> download: ask, write, ask, write ... finish --> received
//                    ^                         | nobody has it any more, or it is damaged
//                    +-------------------------+
import type { Index, LogBase, Ms, NodeId, SnapshotChunk, SnapshotMeta, SnapshotRequest, Term } from '../core/index.ts'
import type { Clock } from '../ports/clock.ts'
import type { Snapshots, SnapshotWriter } from '../ports/snapshots.ts'
import { replicaPieceBytes } from '../wire/replica-codec.ts'
import { FetchOrder, type Sources } from './fetch-order.ts'
import type { NodeEvent } from './options.ts'

/** A piece that does not come within this is asked for again; twice as long after each in a row, up to the second. Milliseconds. */
const answerMs = 1_000
const answerMsMax = 8_000
/** Nobody in a whole round had one: it is begun anew after this, twice as long after each in a row, up to the second. Milliseconds. */
const roundMs = 100
const roundMsMax = 2_000
/** One that no piece came of for this long is given up, once another member was found that does not have it. Milliseconds. */
const stalledMs = 10_000
/** What was not fetched within this time may be made up for: turns come more seldom than pieces may. Milliseconds. */
const burstMs = 50
const progressMs = 1_000

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

/** What the core is told. */
export interface Received {
  readonly base: LogBase
  readonly term: Term
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
  /** Index of the newest that was handed to the core in this life: it will do with that one. */
  #receivedIndex: Index = 0
  #received: Received | undefined
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
  #unanswered = 0
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
    return this.#minIndex !== undefined || this.#isAborting
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
    if (this.#minIndex === undefined || this.#isAborting) return
    const isAnswer = this.#asked?.peer === chunk.from
    const download = this.#download
    if (chunk.snapshot === undefined) {
      if (isAnswer) this.#lacks(chunk.from)
    } else if (download === undefined) {
      if (isAnswer) this.#begin(chunk.snapshot, chunk)
    } else if (isSame(download.snapshot, chunk.snapshot) && chunk.offset === download.offset && !download.isWriting) {
      // Whoever it comes from, and however late: it is the piece that is needed.
      this.#accept(download, chunk)
    }
  }

  /** Asks for what is needed next, if it is time for that. */
  next(sources: Sources): Omit<SnapshotRequest, 'from' | 'term'> | undefined {
    if (this.#minIndex === undefined || this.#download?.isWriting === true) return undefined
    const now = this.#ports.clock.monotonicMs()
    if (this.#asked !== undefined) {
      if (now < this.#asked.until) return undefined
      this.#unanswered += 1
      this.#leave()
    }
    if (this.#isHopeless(sources, now)) this.#drop()
    if (this.#isAborting || now < this.#notBefore || now < this.#spentUntil) return undefined
    if (this.#needsNext && !this.#goOn(sources, now)) return undefined
    return this.#ask(this.#minIndex, now)
  }

  /** What has become durable in the store since the last call. */
  takeReceived(): Received | undefined {
    const received = this.#received
    this.#received = undefined
    return received
  }

  #ask(minIndex: Index, now: Ms): Omit<SnapshotRequest, 'from' | 'term'> | undefined {
    const peer = this.#order.current
    if (peer === undefined) {
      this.#needsNext = true
      this.#notBefore = now + roundMs
      return undefined
    }
    this.#asked = { peer, until: now + Math.min(answerMs * 2 ** this.#unanswered, answerMsMax) }
    const download = this.#download
    const of = download === undefined ? undefined : { id: download.snapshot.id, checksum: download.snapshot.checksum }
    return { kind: 'SnapshotRequest', to: peer, minIndex, of, offset: download?.offset ?? 0 }
  }

  /** To the next member; false where a whole round was of no use, and another would be too soon. */
  #goOn(sources: Sources, now: Ms): boolean {
    this.#needsNext = false
    if (!this.#order.next(sources)) return true
    this.#rounds += 1
    if (this.#rounds === 1) return true
    this.#notBefore = now + Math.min(roundMs * 2 ** (this.#rounds - 2), roundMsMax)
    return false
  }

  #leave(): void {
    this.#asked = undefined
    this.#needsNext = true
    this.#ports.wake()
  }

  #lacks(peer: NodeId): void {
    this.#download?.lacking.add(peer)
    this.#leave()
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

  #complete({ id, conf }: SnapshotMeta, term: Term): void {
    this.#download = undefined
    this.#leave()
    this.#receivedIndex = id.index
    this.#received = { base: { id, conf }, term }
    if (id.index >= (this.#minIndex ?? 0)) this.#minIndex = undefined
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
    this.#unanswered = 0
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

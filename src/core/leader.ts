// A leader: what it knows of its followers, what it sends them, and the reads that wait for them. It ends with its term.
import { broken } from './invariant.ts'
import { bytesOfEntries, bytesOfEntry, entryOverheadBytes } from './limits.ts'
import type { NodeContext } from './node-context.ts'
import { Progress } from './progress.ts'
import { isVoter, quorumValue, replicasOf } from './quorum.ts'
import { Reads } from './reads.ts'
import { Stopwatch } from './stopwatch.ts'
import type { AppendEntriesReply, Entry, HeartbeatReply, Index, NodeId, Term } from './types.ts'

const noData = new Uint8Array(0)

export class Leader {
  readonly kind = 'leader'
  /** An old leader cannot act with a new term: it has only its own. */
  readonly term: Term
  readonly #ctx: NodeContext
  readonly #progress = new Map<NodeId, Progress>()
  readonly #reads = new Reads()
  readonly #heartbeat = new Stopwatch(undefined)
  /** Index of the entry it began with. */
  #firstOwnIndex: Index = 0
  /** Of the entries from there on. Returns to 0 when all are committed. */
  #uncommittedBytes = 0

  /** `matchIndex` of each voter; our own counts only as far as our disk has it (§10.2.1). */
  readonly #matchIndexOf = (id: NodeId): Index => {
    return id === this.#ctx.id ? this.#ctx.log.stableIndex : (this.#progress.get(id)?.matchIndex ?? 0)
  }
  readonly #confirmedRoundOf = (id: NodeId): number => {
    return id === this.#ctx.id ? this.#ctx.round : (this.#progress.get(id)?.confirmedRound ?? 0)
  }
  /** Negative: the larger, the more recent. */
  readonly #heardOf = (id: NodeId): number => {
    return id === this.#ctx.id ? 0 : -(this.#progress.get(id)?.heardElapsedMs(this.#ctx.now) ?? Number.POSITIVE_INFINITY)
  }

  constructor(ctx: NodeContext, term: Term) {
    this.#ctx = ctx
    this.term = term
    const { inflightMessagesMax, inflightBytesMax } = ctx.limits
    for (const id of replicasOf(ctx.log.conf)) {
      if (id === ctx.id) continue
      const window = { messagesMax: inflightMessagesMax, bytesMax: inflightBytesMax }
      this.#progress.set(id, new Progress({ id, nextIndex: ctx.log.lastIndex + 1, window }))
    }
    // What earlier terms left cannot be committed by counting: an entry of this term commits it along (§3.6.2, §6.4).
    this.#append({ kind: 'noop', data: noData })
  }

  get progress(): ReadonlyMap<NodeId, Progress> {
    return this.#progress
  }
  get uncommittedBytes(): number {
    return this.#uncommittedBytes
  }

  /** False when no quorum was heard from within an election timeout: then it is no leader any more, for all it knows (§6.2). */
  tick(): boolean {
    const { now, timing, log } = this.#ctx
    this.#heartbeat.tick(now)
    for (const progress of this.#progress.values()) progress.tick(now)
    if (-quorumValue(log.conf, this.#heardOf) >= timing.electionTimeoutMs) return false
    // By this clock alone, whatever was sent or came in between; a long pause is one heartbeat, not many.
    if (this.#heartbeat.elapsedMs(now) >= timing.heartbeatMs) {
      this.#heartbeat.startAt(now)
      this.#beginRound({ includeLearners: true })
    }
    return true
  }

  /** Appends what fits, in order; the rest is refused. */
  propose({ ticket, commands }: { readonly ticket: number; readonly commands: readonly Uint8Array[] }): void {
    const { limits, log, outbox, id } = this.#ctx
    const first = { term: this.term, index: log.lastIndex + 1 }
    let count = 0
    for (const data of commands) {
      // One at least goes through, however large: otherwise nothing ever would.
      const bytes = this.#uncommittedBytes + data.length + entryOverheadBytes
      if (this.#uncommittedBytes > 0 && bytes > limits.uncommittedBytesMax) break
      this.#append({ kind: 'command', data })
      count++
    }
    if (count > 0 || commands.length === 0) outbox.accept({ ticket, first, count })
    if (count < commands.length) outbox.refuse({ of: 'propose', id: ticket, from: count, reason: 'uncommittedBytesMax', leader: id })
  }

  read(readId: number): void {
    const { limits, outbox, id } = this.#ctx
    if (this.#reads.count < limits.readsMax) this.#reads.add(readId)
    else outbox.refuse({ of: 'read', id: readId, from: 0, reason: 'readsMax', leader: id })
  }

  onAppendEntriesReply(message: AppendEntriesReply): void {
    const progress = this.#progress.get(message.from)
    if (progress === undefined) return
    progress.heard()
    const { log } = this.#ctx
    if (!message.ok) {
      progress.refused({ prevIndex: message.prevIndex, hintIndex: log.newestNotAfter(message.hint).index })
      return
    }
    // Nobody can hold more of our log than there is: not a peer of ours.
    if (message.matchIndex > log.lastIndex) return
    if (progress.acknowledged(message.matchIndex)) this.maybeCommit()
  }

  onHeartbeatReply(message: HeartbeatReply): void {
    const { round, now, timing } = this.#ctx
    const progress = this.#progress.get(message.from)
    if (progress === undefined || message.round > round) return
    progress.heard()
    progress.confirm(message.round)
    progress.answered({ round: message.round, now, heartbeatMs: timing.heartbeatMs })
    this.#maybeGrantReads()
  }

  onFetched({
    peer,
    firstIndex,
    entries,
  }: {
    readonly peer: NodeId
    readonly firstIndex: Index
    readonly entries: readonly Entry[]
  }): void {
    const progress = this.#progress.get(peer)
    if (progress === undefined || !progress.fetched(firstIndex)) return
    const usable = this.#usable({ firstIndex, entries })
    if (usable.length === 0) {
      progress.postpone()
      return
    }
    // It may have moved on, or back, while the disk was read.
    if (progress.nextIndex === firstIndex && progress.canSend) this.#sendEntries(progress, usable)
  }

  onUnreachable(peer: NodeId): void {
    this.#progress.get(peer)?.unreachable()
  }

  /** Commits what a quorum holds, if it is of this term (§3.6.2, figure 3.7 has the counter-example). */
  maybeCommit(): void {
    const { log } = this.#ctx
    const commitIndex = log.commitIndex
    const index = quorumValue(log.conf, this.#matchIndexOf)
    if (index <= commitIndex || log.termAt(index) !== this.term) return
    this.#uncommittedBytes -= log.bytesOf({ firstIndex: Math.max(commitIndex + 1, this.#firstOwnIndex), lastIndex: index })
    log.commitTo(index)
    if (this.#uncommittedBytes < 0) broken(`${this.#uncommittedBytes} bytes are uncommitted`)
  }

  /**
   * Sends what can be sent. While a write of ours is in flight, entries after it wait for the next one, unless a follower is idle: so a
   * batch is one array for the disk and for every follower, encoded once, and a slow disk here still delays nobody's replication.
   */
  flush({ write }: { readonly write: boolean }): void {
    this.#maybeBeginReads()
    const { log } = this.#ctx
    for (const progress of this.#progress.values()) {
      const isIdle = progress.inflightMessages === 0
      this.#replicate(progress, write || isIdle ? log.lastIndex : log.writtenIndex)
    }
  }

  /** It is no leader any more: whoever waits for a read learns it now. What was proposed may or may not be committed by others. */
  abandon(leader: NodeId | undefined): void {
    for (const id of this.#reads.takeAll()) {
      this.#ctx.outbox.refuse({ of: 'read', id, from: 0, reason: 'leadershipLost', leader })
    }
  }

  #append({ kind, data }: { readonly kind: 'command' | 'noop'; readonly data: Uint8Array }): void {
    const { log } = this.#ctx
    const entry: Entry = { term: this.term, index: log.lastIndex + 1, kind, data, conf: undefined }
    if (kind === 'noop') this.#firstOwnIndex = entry.index
    this.#uncommittedBytes += bytesOfEntry(entry)
    log.push(entry)
  }

  #replicate(progress: Progress, lastIndex: Index): void {
    const { log, limits } = this.#ctx
    while (progress.canSend && progress.nextIndex <= lastIndex) {
      const entries = log.slice({ firstIndex: progress.nextIndex, lastIndex, bytesMax: limits.messageBytesMax })
      if (entries === undefined) {
        this.#maybeFetch(progress)
        return
      }
      this.#sendEntries(progress, entries)
    }
  }

  #sendEntries(progress: Progress, entries: readonly Entry[]): void {
    const { log, outbox, id, round } = this.#ctx
    const index = progress.nextIndex - 1
    const term = log.termAt(index)
    if (term === undefined) broken(`the entry before ${progress.nextIndex} is not in the log`)
    const { commitIndex } = log
    outbox.send({ kind: 'AppendEntries', from: id, to: progress.id, term: this.term, prev: { term, index }, entries, commitIndex })
    progress.sent({ lastIndex: index + entries.length, bytes: bytesOfEntries(entries), round })
  }

  #maybeFetch(progress: Progress): void {
    if (progress.isFetching) return
    const { log, outbox, limits } = this.#ctx
    const firstIndex = progress.nextIndex
    progress.fetch(firstIndex)
    outbox.fetch({ peer: progress.id, firstIndex, lastIndex: log.firstIndexInMemory - 1, bytesMax: limits.messageBytesMax })
  }

  /** What of `entries`, read some time ago, still is this log, and fits in a message: a log may count their bytes in its own way. */
  #usable({ firstIndex, entries }: { readonly firstIndex: Index; readonly entries: readonly Entry[] }): readonly Entry[] {
    const { log, limits } = this.#ctx
    let bytes = 0
    const end = entries.findIndex((entry, i) => {
      bytes += bytesOfEntry(entry)
      return entry.index !== firstIndex + i || !log.has(entry) || (i > 0 && bytes > limits.messageBytesMax)
    })
    return end === -1 ? entries : entries.slice(0, end)
  }

  /** A leader does not know what is committed until an entry of its own term is (§6.4). */
  get #hasCommittedInTerm(): boolean {
    const { log } = this.#ctx
    return log.termAt(log.commitIndex) === this.term
  }

  #maybeBeginReads(): void {
    if (this.#reads.areWaiting && !this.#reads.areInRound && this.#hasCommittedInTerm) this.#beginRound({ includeLearners: false })
  }

  #beginRound({ includeLearners }: { readonly includeLearners: boolean }): void {
    const { log, outbox, id } = this.#ctx
    const round = ++this.#ctx.round
    for (const progress of this.#progress.values()) {
      if (!includeLearners && !isVoter(log.conf, progress.id)) continue
      // Not our commitIndex alone: beyond its matchIndex the follower's log may differ from ours (§3.5).
      const commitIndex = Math.min(log.commitIndex, progress.matchIndex)
      outbox.send({ kind: 'Heartbeat', from: id, to: progress.id, term: this.term, commitIndex, round })
    }
    if (!this.#hasCommittedInTerm) return
    this.#reads.join({ round, index: log.commitIndex })
    this.#maybeGrantReads()
  }

  #maybeGrantReads(): void {
    if (!this.#reads.areInRound) return
    this.#reads.confirm(quorumValue(this.#ctx.log.conf, this.#confirmedRoundOf), (grant) => this.#ctx.outbox.grant(grant))
  }
}

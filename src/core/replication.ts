// What a leader knows of its followers, and how the log gets to them (§3.5, §10.2): entries, or the word that a snapshot is needed (§5.3).
// Who is followed is what the newest configuration says, from the moment it is appended (§4.1).
import { broken } from './invariant.ts'
import { bytesOfEntries, bytesOfEntry, pinnedElectionTimeouts } from './limits.ts'
import type { NodeContext } from './node-context.ts'
import { Progress } from './progress.ts'
import { replicasOf } from './quorum.ts'
import type { AppendEntriesReply, Entry, Index, InstallSnapshotReply, NodeId, Term } from './types.ts'

const noEntries: readonly Entry[] = []

export interface ConnectionNews {
  readonly kind: 'unreachable' | 'peerDown' | 'peerUp'
  readonly peer: NodeId
}

export class Replication {
  readonly #ctx: NodeContext
  readonly #term: Term
  readonly #progress = new Map<NodeId, Progress>()

  constructor(ctx: NodeContext, term: Term) {
    this.#ctx = ctx
    this.#term = term
    // Its no-op is what they are sent first.
    this.#follow({ nextIndex: ctx.log.lastIndex + 1 })
  }

  get progress(): ReadonlyMap<NodeId, Progress> {
    return this.#progress
  }

  /** `matchIndex` of each replica; our own counts only as far as our disk has it (§10.2.1). */
  readonly matchIndexOf = (id: NodeId): Index => {
    return id === this.#ctx.id ? this.#ctx.log.stableIndex : (this.#progress.get(id)?.matchIndex ?? 0)
  }
  readonly confirmedRoundOf = (id: NodeId): number => {
    return id === this.#ctx.id ? this.#ctx.round : (this.#progress.get(id)?.confirmedRound ?? 0)
  }
  /** 1 where the disk has room for commands, for all that is known. */
  readonly roomOf = (id: NodeId): number => {
    const isFull = id === this.#ctx.id ? this.#ctx.disk.isFull : this.#progress.get(id)?.isFull
    return isFull === true ? 0 : 1
  }
  /** Negative: the larger, the more recent. */
  readonly heardOf = (id: NodeId): number => {
    return id === this.#ctx.id ? 0 : -(this.#progress.get(id)?.heardElapsedMs(this.#ctx.now) ?? Number.POSITIVE_INFINITY)
  }

  /**
   * A configuration was appended: it is the first that new members are sent. Where nothing follows it, nothing else would find out how far
   * they are.
   */
  followConf(): void {
    this.#follow({ nextIndex: this.#ctx.log.lastIndex })
  }

  tick(): void {
    for (const progress of this.#progress.values()) progress.tick(this.#ctx.now)
  }

  /** Tells the witnesses who holds what. */
  observe(): void {
    const { log, witnesses } = this.#ctx
    for (const { id, incarnation, matchIndex } of this.#progress.values()) {
      const term = matchIndex === 0 ? undefined : log.termAt(matchIndex)
      if (term !== undefined) witnesses.acknowledged({ id, incarnation }, { match: { term, index: matchIndex }, matchTerm: this.#term })
    }
  }

  /** True when it is news that counts. */
  onAppendEntriesReply(message: AppendEntriesReply): boolean {
    const progress = this.#progress.get(message.from)
    if (progress === undefined) return false
    progress.heard()
    if (!message.ok) {
      progress.refused(message)
      return false
    }
    // Nobody can hold more of our log than there is: not a peer of ours.
    if (message.matchIndex > this.#ctx.log.lastIndex) return false
    return progress.acknowledged({ matchIndex: message.matchIndex, now: this.#ctx.now })
  }

  onInstallSnapshotReply({ from, hint }: InstallSnapshotReply): void {
    const progress = this.#progress.get(from)
    if (progress === undefined) return
    progress.heard()
    progress.installed(hint.index)
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
    // It may have moved on, or back, while the disk was read; what it needed then may be compacted by now.
    if (progress.nextIndex !== firstIndex) return
    const usable = this.#usable({ firstIndex, entries })
    if (usable.length === 0) progress.postpone()
    else if (progress.canSend) this.#sendEntries(progress, usable)
  }

  onConnection({ kind, peer }: ConnectionNews): void {
    const progress = this.#progress.get(peer)
    if (kind === 'peerUp') progress?.restarted()
    else progress?.unreachable()
  }

  /** Tells those that need a snapshot, at each heartbeat: they may have lost the word, or their source. */
  remind(): void {
    const { log, outbox, id } = this.#ctx
    for (const progress of this.#progress.values()) {
      if (progress.state !== 'snapshot') continue
      progress.reminded()
      outbox.send({ kind: 'InstallSnapshot', from: id, to: progress.id, term: this.#term, last: log.base })
    }
  }

  /** The log was compacted. */
  compacted(): void {
    for (const progress of this.#progress.values()) progress.compacted()
  }

  /** The log must not be compacted beyond this, for the sake of followers that fetch a snapshot and are not dead (§5.3). */
  get pinnedIndex(): Index {
    const { now, timing } = this.#ctx
    let pinned = Number.POSITIVE_INFINITY
    for (const progress of this.#progress.values()) {
      const isDead = progress.heardElapsedMs(now) >= pinnedElectionTimeouts * timing.electionTimeoutMs
      if (progress.pinnedIndex !== undefined && !isDead) pinned = Math.min(pinned, progress.pinnedIndex)
    }
    return pinned
  }

  /**
   * Sends what can be sent. While a write of ours is in flight, entries after it wait for the next one, unless a follower is idle: so a
   * batch is one array for the disk and for every follower, encoded once, and a slow disk here still delays nobody's replication.
   */
  flush({ write }: { readonly write: boolean }): void {
    const { log } = this.#ctx
    for (const progress of this.#progress.values()) {
      const isIdle = progress.inflightMessages === 0
      this.#replicate(progress, write || isIdle ? log.lastIndex : log.writtenIndex)
    }
  }

  #replicate(progress: Progress, lastIndex: Index): void {
    const { log, limits } = this.#ctx
    // Heartbeats say nothing of the log. Where nothing is written either, an empty message finds out whether it matches, or what is missing.
    if (progress.canSend && progress.state === 'probe' && progress.nextIndex > log.lastIndex) this.#sendEntries(progress, noEntries)
    while (progress.canSend && progress.nextIndex <= lastIndex) {
      // It may take nothing for long: to find out, one entry each time is enough.
      const bytesMax = progress.isFull && progress.state === 'probe' ? 1 : limits.messageBytesMax
      const entries = log.slice({ firstIndex: progress.nextIndex, lastIndex, bytesMax })
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
    outbox.send({ kind: 'AppendEntries', from: id, to: progress.id, term: this.#term, prev: { term, index }, entries, commitIndex })
    progress.sent({ lastIndex: index + entries.length, bytes: bytesOfEntries(entries), round })
  }

  #maybeFetch(progress: Progress): void {
    if (progress.isFetching) return
    const { log, outbox, limits } = this.#ctx
    const firstIndex = progress.nextIndex
    progress.fetch(firstIndex)
    outbox.fetch({ peer: progress.id, firstIndex, lastIndex: log.firstIndexInMemory - 1, bytesMax: limits.messageBytesMax })
  }

  /** New members are followed from now on, former ones no more; one with a new incarnation has lost its disk, and starts from nothing. */
  #follow({ nextIndex }: { readonly nextIndex: Index }): void {
    const { log, id: self, limits, timing } = this.#ctx
    const { conf } = log
    const replicas = new Set(replicasOf(conf))
    for (const id of this.#progress.keys()) if (!replicas.has(id)) this.#progress.delete(id)
    const window = { messagesMax: limits.inflightMessagesMax, bytesMax: limits.inflightBytesMax }
    for (const id of replicas) {
      const member = conf.members.find((each) => each.id === id)
      if (member === undefined) broken(`node ${id} has a role in the configuration, and is no member of it`)
      if (id === self) continue
      if (this.#progress.get(id)?.incarnation !== member.incarnation) {
        this.#progress.set(id, new Progress({ member, nextIndex, log, window, electionTimeoutMs: timing.electionTimeoutMs }))
      }
      this.#progress.get(id)?.becomeLearner(conf.learners.includes(id) && !conf.votersOutgoing.includes(id))
    }
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
}

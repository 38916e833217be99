// A leader (§3.5): it appends, counts who holds what, and commits. It ends with its term.
import type { TransferRefusalReason, ConfRefusalReason } from './api.ts'
import { broken } from './invariant.ts'
import { bytesOfEntry, entryOverheadBytes } from './limits.ts'
import { type Change, Membership } from './membership.ts'
import type { NodeContext } from './node-context.ts'
import type { Progress } from './progress.ts'
import { quorumValue } from './quorum.ts'
import { type ConnectionNews, Replication } from './replication.ts'
import { Rounds } from './rounds.ts'
import { Transfer } from './transfer.ts'
import type { AppendEntriesReply, ConfState, Entry, HeartbeatReply, Index, InstallSnapshotReply, NodeId, ReadIndex, Term } from './types.ts'

const noData = new Uint8Array(0)

export class Leader {
  readonly kind = 'leader'
  /** An old leader cannot act with a new term: it has only its own. */
  readonly term: Term
  readonly #ctx: NodeContext
  readonly #replication: Replication
  readonly #rounds: Rounds
  readonly #membership: Membership
  readonly #transfer: Transfer
  /** Index of the entry it began with. */
  readonly #firstOwnIndex: Index
  /** Of the entries from there on. Returns to 0 when all are committed. */
  #uncommittedBytes = 0

  constructor(ctx: NodeContext, term: Term) {
    this.#ctx = ctx
    this.term = term
    this.#replication = new Replication(ctx, term)
    this.#rounds = new Rounds(ctx, { term, replication: this.#replication })
    this.#membership = new Membership(ctx, this.#replication)
    this.#transfer = new Transfer(ctx, { term, progress: this.#replication.progress })
    this.#firstOwnIndex = ctx.log.lastIndex + 1
    // What earlier terms left cannot be committed by counting: an entry of this term commits it along (§3.6.2, §6.4).
    this.#append({ kind: 'noop', data: noData, conf: undefined })
  }

  get progress(): ReadonlyMap<NodeId, Progress> {
    return this.#replication.progress
  }
  get uncommittedBytes(): number {
    return this.#uncommittedBytes
  }
  get transferee(): NodeId | undefined {
    return this.#transfer.transferee
  }
  /** The log must not be compacted beyond this. */
  get pinnedIndex(): Index {
    return this.#replication.pinnedIndex
  }
  /** Its own disk has room for commands, and those of a quorum have. */
  get hasRoom(): boolean {
    const { log, disk } = this.#ctx
    return !disk.isFull && quorumValue(log.conf, this.#replication.roomOf) === 1
  }
  /** It is no voter any more, and that is committed: it steps down (§4.2.2). */
  get isOver(): boolean {
    return this.#membership.isOver && this.#rounds.hasCommittedInTerm
  }

  /** False when no quorum was heard from within an election timeout: then it is no leader any more, for all it knows (§6.2). */
  tick(): boolean {
    const { timing, log } = this.#ctx
    this.#replication.tick()
    if (-quorumValue(log.conf, this.#replication.heardOf) >= timing.electionTimeoutMs) return false
    this.#transfer.tick()
    if (this.#rounds.tick()) {
      this.observe()
      this.#replication.remind()
      this.#transfer.askAgain()
    }
    if (this.#appendDue()) this.maybeCommit()
    return true
  }

  /** Appends what fits, in order; the rest is refused. */
  propose({ ticket, commands }: { readonly ticket: number; readonly commands: readonly Uint8Array[] }): void {
    const { limits, log, outbox, id } = this.#ctx
    if (this.transferee !== undefined) {
      outbox.refuse({ of: 'propose', id: ticket, from: 0, reason: 'transferring', message: undefined, leader: id })
      return
    }
    const first = { term: this.term, index: log.lastIndex + 1 }
    let count = 0
    for (const data of commands) {
      // One at least goes through, however large: otherwise nothing ever would.
      const bytes = this.#uncommittedBytes + data.length + entryOverheadBytes
      if (this.#uncommittedBytes > 0 && bytes > limits.uncommittedBytesMax) break
      this.#append({ kind: 'command', data, conf: undefined })
      count++
    }
    if (count > 0 || commands.length === 0) outbox.accept({ ticket, first, count })
    if (count === commands.length) return
    outbox.refuse({ of: 'propose', id: ticket, from: count, reason: 'uncommittedBytesMax', message: undefined, leader: id })
  }

  changeConf({ ticket, ...change }: Change & { readonly ticket: number }): void {
    if (this.transferee !== undefined) {
      this.#refuse('changeConf', { ticket, reason: 'transferring', message: `leadership is being handed to node ${this.transferee}` })
      return
    }
    const decision = this.#membership.decide(change, { committedInTerm: this.#rounds.hasCommittedInTerm })
    if (decision.kind === 'refused') {
      this.#refuse('changeConf', { ticket, ...decision })
      return
    }
    const { term, index } = this.#appendConf(decision.conf)
    this.#ctx.outbox.accept({ ticket, first: { term, index }, count: 1 })
    // With fewer to wait for, more may be committed.
    this.maybeCommit()
  }

  transfer({ ticket, to }: { readonly ticket: number; readonly to: NodeId | undefined }): void {
    const refusal = this.#transfer.begin(to)
    if (refusal !== undefined) this.#refuse('transfer', { ticket, ...refusal })
  }

  read(read: { readonly id: number; readonly lease: boolean }): void {
    this.#rounds.read(read)
  }

  onReadIndex(message: ReadIndex): void {
    this.#rounds.onReadIndex(message)
  }

  onAppendEntriesReply(message: AppendEntriesReply): void {
    if (this.#replication.onAppendEntriesReply(message)) this.maybeCommit()
  }

  onHeartbeatReply(message: HeartbeatReply): void {
    this.#rounds.onHeartbeatReply(message)
  }

  onInstallSnapshotReply(message: InstallSnapshotReply): void {
    this.#replication.onInstallSnapshotReply(message)
  }

  onFetched(fetched: { readonly peer: NodeId; readonly firstIndex: Index; readonly entries: readonly Entry[] }): void {
    this.#replication.onFetched(fetched)
  }

  onConnection(news: ConnectionNews): void {
    this.#replication.onConnection(news)
  }

  onCompacted(): void {
    this.#replication.compacted()
  }

  /** Commits what a quorum holds, and does what waited for that: it may shrink the quorum, so that more is committed. */
  maybeCommit(): void {
    while (this.#commitQuorum()) if (!this.#appendDue()) return
  }

  /** What depends on this turn's time and inputs as a whole. */
  flush({ write }: { readonly write: boolean }): void {
    if (this.#transfer.maybeAsk()) this.#rounds.revokeLease()
    this.#rounds.flush()
    this.#replication.flush({ write })
  }

  /** Notes what the others have acknowledged: about each heartbeat, and in the end. */
  observe(): void {
    const { witnesses, log, outbox } = this.#ctx
    this.#replication.observe()
    const witness = witnesses.take(log)
    if (witness !== undefined) outbox.note(witness)
  }

  /** It is no leader any more. What was proposed may or may not be committed by others. */
  abandon(leader: NodeId | undefined): void {
    this.#rounds.abandon(leader)
  }

  /** Somebody who has most of the log need not wait for a timeout (§3.10). What was appended just now is not kept back. */
  handOver(): void {
    this.#replication.flush({ write: true })
    const to = this.#transfer.best()
    if (to !== undefined) this.#transfer.ask(to)
  }

  /** Commits what a quorum holds, if it is of this term (§3.6.2, figure 3.7 has the counter-example). True when that is news. */
  #commitQuorum(): boolean {
    const { log } = this.#ctx
    const commitIndex = log.commitIndex
    // A follower may hold what our own disk has not got yet; nobody holds more than there is.
    const index = quorumValue(log.conf, this.#replication.matchIndexOf)
    if (index <= commitIndex || log.termAt(index) !== this.term) return false
    this.#uncommittedBytes -= log.bytesOf({ firstIndex: Math.max(commitIndex + 1, this.#firstOwnIndex), lastIndex: index })
    log.commitTo(index)
    if (this.#uncommittedBytes < 0) broken(`${this.#uncommittedBytes} bytes are uncommitted`)
    return true
  }

  /** Leaves a joint configuration, promotes who has caught up. Not during a transfer: the target could never catch up; the next leader does. */
  #appendDue(): boolean {
    if (this.transferee !== undefined || !this.#rounds.hasCommittedInTerm) return false
    const { due } = this.#membership
    if (due === undefined) return false
    this.#appendConf(due)
    return true
  }

  /** In force at once (§4.1). */
  #appendConf(conf: ConfState): Entry {
    const entry = this.#append({ kind: 'conf', data: noData, conf })
    this.#replication.followConf()
    return entry
  }

  #append(content: Pick<Entry, 'kind' | 'data' | 'conf'>): Entry {
    const { log } = this.#ctx
    const entry: Entry = { term: this.term, index: log.lastIndex + 1, kind: content.kind, data: content.data, conf: content.conf }
    this.#uncommittedBytes += bytesOfEntry(entry)
    log.push(entry)
    return entry
  }

  #refuse(
    of: 'changeConf' | 'transfer',
    refusal: {
      readonly ticket: number
      readonly reason: ConfRefusalReason | TransferRefusalReason | 'transferring'
      readonly message: string
    },
  ): void {
    const { ticket, reason, message } = refusal
    this.#ctx.outbox.refuse({ of, id: ticket, from: 0, reason, message, leader: this.#ctx.id })
  }
}

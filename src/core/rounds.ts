// Rounds of heartbeats: they keep followers, and an answered one confirms that this leader still leads (§6.4). Reads wait for that.
import type { NodeContext } from './node-context.ts'
import { Lease } from './lease.ts'
import { QuickQuorum } from './quick-quorum.ts'
import { isVoter, quorumValue } from './quorum.ts'
import { Reads, type ReadsConfirmed } from './reads.ts'
import type { Replication } from './replication.ts'
import { Stopwatch } from './stopwatch.ts'
import type { HeartbeatReply, Index, NodeId, ReadIndex, Term } from './types.ts'

/** So much of a heartbeat's interval those have who are asked for reads, before everyone is. */
const patienceWithQuorum = 1 / 4

export class Rounds implements ReadsConfirmed {
  readonly #ctx: NodeContext
  readonly #term: Term
  readonly #replication: Replication
  readonly #reads = new Reads()
  /** Reads that may be answered from a lease, since the last `flush`. */
  #leaseReads: number[] = []
  readonly #lease: Lease
  readonly #heartbeat = new Stopwatch(undefined)
  readonly #quick = new QuickQuorum()
  /** Whom the round that reads wait for was sent to, where that was not everyone. */
  #asked: readonly NodeId[] | undefined
  readonly #sinceAsked = new Stopwatch(undefined)

  /** The leader has not appended anything yet. */
  constructor(ctx: NodeContext, { term, replication }: { readonly term: Term; readonly replication: Replication }) {
    this.#ctx = ctx
    this.#term = term
    this.#replication = replication
    const { matchIndexOf, confirmedRoundOf } = replication
    this.#lease = new Lease(ctx, { firstOwnIndex: ctx.log.lastIndex + 1, matchIndexOf, confirmedRoundOf })
  }

  /** True when a round has begun that everyone takes part in. */
  tick(): boolean {
    const { now, timing } = this.#ctx
    this.#heartbeat.tick(now)
    // By this clock alone, whatever was sent or came in between; a long pause is one heartbeat, not many.
    if (this.#heartbeat.elapsedMs(now) < timing.heartbeatMs) {
      this.#maybeAskOthers()
      return false
    }
    this.#heartbeat.startAt(now)
    this.#quick.began(this.#ctx.round + 1)
    this.#begin(undefined)
    return true
  }

  read({ id, lease }: { readonly id: number; readonly lease: boolean }): void {
    const { limits, outbox, log } = this.#ctx
    if (this.#reads.count + this.#leaseReads.length >= limits.readsMax) {
      outbox.refuse({ of: 'read', id, from: 0, reason: 'readsMax', message: undefined, leader: this.#ctx.id })
    } else if (lease && log.conf.leaseMs > 0) this.#leaseReads.push(id)
    else this.#reads.add(id)
  }

  /** A follower asks. Strangers and a full queue get no answer: whoever is still there asks again. */
  onReadIndex(question: ReadIndex): void {
    const progress = this.#replication.progress.get(question.from)
    if (progress === undefined) return
    progress.heard()
    if (this.#reads.count < this.#ctx.limits.readsMax) this.#reads.addQuestion(question)
  }

  onHeartbeatReply(message: HeartbeatReply): void {
    const { round, now, timing } = this.#ctx
    const progress = this.#replication.progress.get(message.from)
    if (progress === undefined || message.round > round) return
    progress.heard()
    progress.confirm(message)
    this.#quick.answered(message.from, message.round)
    progress.answered({ round: message.round, now, heartbeatMs: timing.heartbeatMs })
    this.#maybeGrant()
  }

  /** Now, after the tick of this turn: a lease that ran out during a pause must not answer. */
  flush(): void {
    if (this.#leaseReads.length > 0) this.#flushLeaseReads()
    if (this.#reads.areWaiting && !this.#reads.areInRound && this.hasCommittedInTerm) this.#beginForReads()
  }

  /** From now on there is no lease in this term (§6.4.1). */
  revokeLease(): void {
    this.#lease.revoke()
  }

  /** It is no leader any more: whoever waits for a read learns it now. */
  abandon(leader: NodeId | undefined): void {
    for (const id of [...this.#reads.takeAll(), ...this.#leaseReads]) {
      this.#ctx.outbox.refuse({ of: 'read', id, from: 0, reason: 'leadershipLost', message: undefined, leader })
    }
    this.#leaseReads = []
  }

  /** A leader does not know what is committed until an entry of its own term is (§6.4). */
  get hasCommittedInTerm(): boolean {
    const { log } = this.#ctx
    return log.termAt(log.commitIndex) === this.#term
  }

  grant(id: number, index: Index): void {
    this.#ctx.outbox.grant({ id, index })
  }

  answer({ from, nonce, counter }: ReadIndex, index: Index): void {
    this.#ctx.outbox.send({ kind: 'ReadIndexReply', from: this.#ctx.id, to: from, term: this.#term, nonce, counter, index })
  }

  #flushLeaseReads(): void {
    const isHeld = this.hasCommittedInTerm && this.#lease.isHeld()
    for (const id of this.#leaseReads) {
      if (isHeld) this.grant(id, this.#ctx.log.commitIndex)
      else this.#reads.add(id)
    }
    this.#leaseReads = []
  }

  #beginForReads(): void {
    const { log, id } = this.#ctx
    const quick = this.#quick.of(log.conf, id)
    // Who asks learns by it at once what is committed.
    const ids = quick === undefined ? undefined : [...new Set([...quick, ...this.#reads.askers])]
    this.#begin((other) => isVoter(log.conf, other) && (ids?.includes(other) ?? true))
    if (!this.#reads.areInRound) return
    this.#asked = ids
    this.#sinceAsked.start()
  }

  /** Those who were asked for reads take long to answer: so the others are asked, too. */
  #maybeAskOthers(): void {
    const { log, round, now, timing } = this.#ctx
    this.#sinceAsked.tick(now)
    const asked = this.#asked
    if (asked === undefined || this.#sinceAsked.elapsedMs(now) < timing.heartbeatMs * patienceWithQuorum) return
    this.#asked = undefined
    this.#quick.forget()
    for (const id of this.#replication.progress.keys()) if (isVoter(log.conf, id) && !asked.includes(id)) this.#send(id, round)
  }

  /** Of all who are followed those for whom `isAsked`; everyone, where that is left out. */
  #begin(isAsked: ((id: NodeId) => boolean) | undefined): void {
    const round = ++this.#ctx.round
    this.#asked = undefined
    this.#lease.began(round)
    for (const id of this.#replication.progress.keys()) if (isAsked?.(id) ?? true) this.#send(id, round)
    if (!this.hasCommittedInTerm) return
    this.#reads.join({ round, index: this.#ctx.log.commitIndex })
    this.#maybeGrant()
  }

  #send(to: NodeId, round: number): void {
    const { log, outbox, id } = this.#ctx
    // Not our commitIndex alone: beyond its matchIndex the follower's log may differ from ours (§3.5).
    const commitIndex = Math.min(log.commitIndex, this.#replication.matchIndexOf(to))
    outbox.send({ kind: 'Heartbeat', from: id, to, term: this.#term, commitIndex, round })
  }

  #maybeGrant(): void {
    if (!this.#reads.areInRound) return
    this.#reads.confirm(quorumValue(this.#ctx.log.conf, this.#replication.confirmedRoundOf), this)
    if (!this.#reads.areInRound) this.#asked = undefined
  }
}

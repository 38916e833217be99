// Exactly once (§6.3): what each client has been answered, replicated like the state itself and part of it. Time here is log time.
import { broken } from '../core/invariant.ts'
import type { Index } from '../core/types.ts'
import { type Digest, DigestSum } from './field-digest.ts'
import { type KeptReplies, type Recorded, ReplyQueue } from './kept-replies.ts'
import { hashOfReply, hashOfSession } from './runtime-hash.ts'

/** A client may be this far ahead of its oldest unsettled command. Bounds the replies kept for it. */
export const sessionWindow = 8_192
/** Replies kept for one session, bytes. Beyond it the oldest are dropped: asked for again, they are REPLY_DROPPED. */
export const sessionReplyBytesMax = 4 * 1_024 * 1_024
/** Sessions of one cluster; opening one more is refused. */
export const sessionsMax = 100_000

/** A class: whatever makes one, all are of one shape, and each command touches one. */
class Session {
  /** Of the sessions when it was made. One that is older than the last view belongs to that view, and is changed no more. */
  readonly age: number
  readonly ttlMs: number
  /** Log time of the last sign of life. */
  lastActive: number
  ackedBelow: number
  /** Highest seq executed. Commands of a session take effect in the order of their seqs. */
  lastSeq: number
  /** Seqs are recorded in order. Invariant: every seq >= ackedBelow. */
  readonly replies: ReplyQueue
  replyBytes: number
  /** No seq below still has its reply, other than as dropped. */
  keptFrom: number

  /** With replies of its own: a copy of those given. */
  constructor(
    age: number,
    {
      ttlMs,
      lastActive,
      ackedBelow,
      lastSeq,
      replies,
      replyBytes,
      keptFrom,
    }: Omit<Session, 'age' | 'replies'> & Pick<SessionRecord, 'replies'>,
  ) {
    this.age = age
    this.ttlMs = ttlMs
    this.lastActive = lastActive
    this.ackedBelow = ackedBelow
    this.lastSeq = lastSeq
    this.replies = ReplyQueue.from(replies)
    this.replyBytes = replyBytes
    this.keptFrom = keptFrom
  }
}

/** One session, as snapshots and digests see it. */
export interface SessionRecord {
  readonly id: Index
  readonly ttlMs: number
  readonly lastActive: number
  readonly ackedBelow: number
  readonly lastSeq: number
  /** None below `ackedBelow` or above `lastSeq`. */
  readonly replies: KeptReplies
}

/** All sessions as they were at one moment. */
export interface SessionsView {
  readonly size: number
  /** By ascending id. */
  entries(): Iterable<SessionRecord>
}

/** What may be done with a command that has reached its place in the log. */
export type Verdict = { readonly kind: 'execute' } | { readonly kind: 'duplicate'; readonly recorded: Recorded } | SessionRefusal
export interface SessionRefusal {
  readonly kind: 'refused'
  readonly code: 'SESSION_EXPIRED' | 'NOT_APPLIED' | 'OVERLOADED' | 'OUTCOME_UNKNOWN'
  readonly message: string
}

const execute: Verdict = { kind: 'execute' }

export class Sessions {
  /** By ascending id: ids are indexes of the log, and sessions are opened in its order. */
  readonly #sessions = new Map<number, Session>()
  /** Grows with each view. */
  #age = 0
  /** Of the sessions, and of the replies kept for them. What else there is of a session shows in these, later. */
  readonly #sum = new DigestSum()
  /** No session expires before this log time. A lower bound: a sign of life does not raise it, the next scan does. */
  #nextExpiry = Number.POSITIVE_INFINITY

  get size(): number {
    return this.#sessions.size
  }

  /** Equal where the same clients have been answered the same. Good until the next change. */
  get digest(): Digest {
    return this.#sum
  }

  has(session: number): boolean {
    return this.#sessions.has(session)
  }

  /** What command `seq` of `id` was answered, where that is kept. */
  recorded(id: number, seq: number): Recorded | undefined {
    return this.#sessions.get(id)?.replies.get(seq)
  }

  /** Opens the session named `id`; false when there are `sessionsMax` already. */
  open(id: Index, { now, ttlMs }: { readonly now: number; readonly ttlMs: number }): boolean {
    if (this.#sessions.size >= sessionsMax) return false
    if (this.#sessions.has(id)) broken(`session ${id} is opened twice`)
    const fresh = { ttlMs, lastActive: now, ackedBelow: 1, lastSeq: 0, replies: new ReplyQueue(), replyBytes: 0, keptFrom: 1 }
    this.#sessions.set(id, new Session(this.#age, fresh))
    this.#sum.add(hashOfSession(id, ttlMs))
    this.#nextExpiry = Math.min(this.#nextExpiry, now + ttlMs)
    return true
  }

  close(id: number): void {
    const session = this.#sessions.get(id)
    if (session !== undefined) this.#remove(id, session)
  }

  /** A sign of life. Unknown sessions are ignored. */
  touch(id: number, { now, ackedBelow }: { readonly now: number; readonly ackedBelow: number }): void {
    const session = this.#own(id)
    if (session === undefined) return
    session.lastActive = now
    this.#acknowledge(id, session, ackedBelow)
  }

  /** Every session gets its full time to live. */
  renew(now: number): void {
    for (const [id, session] of this.#sessions) this.#owned(id, session).lastActive = now
  }

  /** Forgets the sessions without a sign of life for longer than their time to live. Cheap while none is due. */
  expire(now: number): void {
    if (now <= this.#nextExpiry) return
    this.#nextExpiry = Number.POSITIVE_INFINITY
    for (const [id, session] of this.#sessions) {
      const expiry = session.lastActive + session.ttlMs
      if (expiry < now) this.#remove(id, session)
      else this.#nextExpiry = Math.min(this.#nextExpiry, expiry)
    }
  }

  /** Judges command `seq` of `id`, whose place in the log has come, and changes nothing: that it counts as a sign of life is for `touch`. */
  judge(id: number, { seq, ackedBelow }: { readonly seq: number; readonly ackedBelow: number }): Verdict {
    const session = this.#sessions.get(id)
    if (session === undefined) return refused('SESSION_EXPIRED', `session ${id} is unknown or has expired`)
    const oldest = Math.max(session.ackedBelow, ackedBelow)
    // Its client does not wait for it any more, and nobody can say whether it was applied.
    if (seq < oldest) return refused('OUTCOME_UNKNOWN', `command ${seq} of session ${id} was given up by its client`)
    if (seq > session.lastSeq) {
      if (seq < oldest + sessionWindow) return execute
      return refused('OVERLOADED', `command ${seq} is more than ${sessionWindow} ahead of ${oldest}, the oldest unanswered one`)
    }
    const recorded = session.replies.get(seq)
    if (recorded !== undefined) return { kind: 'duplicate', recorded }
    return refused('NOT_APPLIED', `command ${seq} of session ${id} came after command ${session.lastSeq} had been applied`)
  }

  /** Keeps the reply of a command that `judge` let execute. */
  record(id: number, seq: number, recorded: { readonly index: Index; readonly reply: Uint8Array }): void {
    const session = this.#own(id)
    if (session === undefined) broken(`session ${id} vanished while its command was applied`)
    if (seq <= session.lastSeq) broken(`command ${seq} of session ${id} is applied after ${session.lastSeq}`)
    session.lastSeq = seq
    session.replies.set(seq, recorded)
    this.#sum.add(hashOfReply(id, seq, recorded))
    session.replyBytes += recorded.reply.length
    if (session.replyBytes > sessionReplyBytesMax) this.#dropOldest(id, session)
  }

  /** Everything, by ascending session and seq, while nothing changes: what digests are made from. */
  entries(): Iterable<SessionRecord> {
    return this.#list().entries()
  }

  /**
   * As they are now, for good: a millisecond for all sessions that there can be. Afterwards the first sign of life of each copies it, with its
   * unsettled replies.
   */
  view(): SessionsView {
    this.#age += 1
    return this.#list()
  }

  #acknowledge(id: number, session: Session, ackedBelow: number): void {
    if (ackedBelow > session.ackedBelow) this.#forgetBelow(id, session, ackedBelow)
  }

  #forgetBelow(id: number, session: Session, ackedBelow: number): void {
    session.ackedBelow = ackedBelow
    session.replies.dropBelow(ackedBelow, (seq, recorded) => {
      session.replyBytes -= recorded.reply?.length ?? 0
      this.#sum.subtract(hashOfReply(id, seq, recorded))
    })
  }

  #dropOldest(id: number, session: Session): void {
    let seq = Math.max(session.keptFrom, session.ackedBelow)
    for (; session.replyBytes > sessionReplyBytesMax; seq++) {
      const recorded = session.replies.get(seq)
      if (recorded?.reply === undefined) continue
      const dropped = { index: recorded.index, reply: undefined }
      session.replies.set(seq, dropped)
      session.replyBytes -= recorded.reply.length
      this.#sum.subtract(hashOfReply(id, seq, recorded))
      this.#sum.add(hashOfReply(id, seq, dropped))
    }
    session.keptFrom = seq
  }

  #remove(id: number, session: Session): void {
    this.#sessions.delete(id)
    this.#sum.subtract(hashOfSession(id, session.ttlMs))
    for (const [seq, recorded] of session.replies) this.#sum.subtract(hashOfReply(id, seq, recorded))
  }

  #list(): SessionsView {
    const ids: number[] = []
    const sessions: Session[] = []
    this.#sessions.forEach((session, id) => {
      ids.push(id)
      sessions.push(session)
    })
    return { size: ids.length, entries: () => recordsOf(ids, sessions) }
  }

  /** Replaces everything. `records` by ascending id, as `entries` gave them; their replies are kept, not copied. */
  restore(records: Iterable<SessionRecord>): void {
    this.#sessions.clear()
    this.#sum.reset()
    this.#nextExpiry = Number.POSITIVE_INFINITY
    let lastId = 0
    for (const { id, ttlMs, lastActive, ackedBelow, lastSeq, replies } of records) {
      if (id <= lastId) broken(`session ${id} is restored after session ${lastId}`)
      lastId = id
      let replyBytes = 0
      this.#sum.add(hashOfSession(id, ttlMs))
      for (const [seq, recorded] of replies) {
        replyBytes += recorded.reply?.length ?? 0
        this.#sum.add(hashOfReply(id, seq, recorded))
      }
      // Not known where the dropped ones end: the next drop looks from the first on.
      const kept = { ttlMs, lastActive, ackedBelow, lastSeq, replies, replyBytes, keptFrom: ackedBelow }
      this.#sessions.set(id, new Session(this.#age, kept))
      this.#nextExpiry = Math.min(this.#nextExpiry, lastActive + ttlMs)
    }
  }

  /** Session `id`, to be changed. */
  #own(id: number): Session | undefined {
    const session = this.#sessions.get(id)
    return session === undefined ? undefined : this.#owned(id, session)
  }

  #owned(id: number, session: Session): Session {
    if (session.age === this.#age) return session
    const copy = new Session(this.#age, session)
    // In the place of the one before: the order stays.
    this.#sessions.set(id, copy)
    return copy
  }
}

function* recordsOf(ids: readonly number[], sessions: readonly Session[]): Generator<SessionRecord> {
  for (const [i, { ttlMs, lastActive, ackedBelow, lastSeq, replies }] of sessions.entries()) {
    yield { id: ids[i] ?? 0, ttlMs, lastActive, ackedBelow, lastSeq, replies }
  }
}

const refused = (code: SessionRefusal['code'], message: string): SessionRefusal => ({ kind: 'refused', code, message })

// Commands from the call to the reply: numbered in call order in a session of the cluster, sent again in that order as often as needed.
// It knows nothing of addresses and connections but whether the present one leads to the leader.
import { assert } from '../core/invariant.ts'
import type { Ms } from '../core/types.ts'
import type { ErrorCode, RaftgenError } from '../errors.ts'
import type { ClientMessage, CommandItem, Refused, Replies, ReplyItem, SessionOpened } from '../wire/client-messages.ts'
import type { Backoff } from './backoff.ts'
import type { Call } from './call.ts'
import { CallQueue } from './call-queue.ts'
import { CommandWindow } from './command-window.ts'
import { Congestion, type Wish } from './congestion.ts'
import type { Ledger } from './ledger.ts'
import type { SessionTiming } from './limits.ts'
import { aborted, closed, expired, overdue, refused, sessionLost } from './verdict.ts'

/** What became of a message of the server: it took notice of us, does not lead, or asked for patience. */
export type Reception = 'served' | 'notLeader' | 'later'

export interface Moment {
  readonly now: Ms
  /** The server's limit for one command. */
  readonly commandBytesMax: number
  /** Of the schema, in force in the cluster: see `Identity`. */
  readonly version: number
}

export class CommandLane {
  readonly #ledger: Ledger
  readonly #timing: SessionTiming
  readonly #backoff: Backoff
  /** Not numbered yet, in call order; each was called after every one in the window. */
  readonly #waiting = new CallQueue()
  readonly #window = new CommandWindow()
  readonly #congestion = new Congestion()
  /** Of those that wait. */
  #unsent = 0
  /** Index of the entry that opened it. */
  #session: number | undefined
  /** Id of the request to open one, on the present connection. */
  #opening: number | undefined
  #requests = 0
  /** The cluster does not know the session any more. Nothing new is sent in it; replies on their way are waited for until then. */
  #endsAt: Ms | undefined
  /** Send again from this number on before anything new: else a later command would overtake it. */
  #resendFrom: number | undefined
  /** The server has refused that one, and nothing was sent since. */
  #isHeldBack = false
  /** Not before. Also of a refused request to open a session. */
  #resumeAt: Ms = 0
  /** Attempts on the present connection that are not answered, and wanted. */
  #pending = 0
  /** All of them: a server has to do with what was given up, too. */
  #inFlight = 0
  /** Why the server has no room, while that is so. */
  #overload: string | undefined
  /** The last command that the server refused for now. Once it is served, or one after it, the next wait is short again. */
  #refusedSeq = 0

  constructor(options: {
    readonly ledger: Ledger
    readonly timing: SessionTiming
    readonly backoff: Backoff
  }) {
    this.#ledger = options.ledger
    this.#timing = options.timing
    this.#backoff = options.backoff
  }

  /** The session, unless there is none or it is ending. */
  get session(): number | undefined {
    return this.#endsAt === undefined ? this.#session : undefined
  }

  get ackedBelow(): number {
    return this.#window.ackedBelow
  }

  /** Whether the server owes this lane an answer. */
  get asks(): boolean {
    return this.#inFlight > 0 || this.#opening !== undefined
  }

  /** Whether a leader is needed: for calls, or to keep the session. */
  get wantsLeader(): boolean {
    return this.#session !== undefined || this.#waiting.peek() !== undefined
  }

  /** When `fill` has something to do that it could not do at its last call. Infinity when it waits for something else than time. */
  get nextAt(): Ms {
    if (this.#endsAt !== undefined) return this.#endsAt
    if (this.#opening !== undefined) return Number.POSITIVE_INFINITY
    const waits = this.#session === undefined ? this.#waiting.peek() !== undefined : this.#resendFrom !== undefined && this.#hasRoom
    return waits ? this.#resumeAt : Number.POSITIVE_INFINITY
  }

  /** Why one more would hardly be answered in time. Never while nothing is under way: then it is a leader that is missing. */
  whyNoMore(wish: Wish): RaftgenError | undefined {
    if (this.#inFlight === 0) return undefined
    const late = this.#congestion.lateness(wish, { ahead: this.#ahead, oldest: () => this.#oldest })
    return late === undefined ? undefined : overdue(late)
  }

  call(call: Call): void {
    const overload = this.whyNoMore({ now: call.since, patienceMs: call.deadline - call.since })
    if (overload !== undefined) return this.#ledger.settle(call, overload, undefined)
    this.#unsent += 1
    this.#waiting.push(call)
  }

  /** The present connection leads to the leader from now on: everything unsettled goes there, in order, before anything new. */
  onLeader(now: Ms): void {
    this.#resumeAt = now
    this.#isHeldBack = false
    if (this.#window.ackedBelow < this.#window.nextSeq) this.#resendFrom = this.#window.ackedBelow
  }

  onDisconnected(): void {
    for (let seq = this.#window.ackedBelow; seq < this.#window.nextSeq; seq++) this.#window.get(seq)?.onDisconnected()
    this.#pending = 0
    this.#inFlight = 0
    this.#opening = undefined
    this.#overload = undefined
    this.#congestion.onDisconnected()
    this.#maybeEndSession()
  }

  onSessionOpened({ requestId, session, refused: refusal }: SessionOpened, now: Ms): Reception {
    if (requestId !== this.#opening) return 'served'
    this.#opening = undefined
    if (refusal === undefined) {
      this.#session = session
      this.#resumeAt = now
      this.#refusedSeq = 0
      this.#onServed(0)
      return 'served'
    }
    if (refusal.code === 'NOT_LEADER') return 'notLeader'
    if (refusal.code === 'RETRY' || refusal.code === 'OVERLOADED') {
      this.#onLater(refusal, now)
      return 'later'
    }
    for (let call = this.#waiting.peek(); call !== undefined; call = this.#waiting.peek()) this.fail(call, refusal.code, refusal.message)
    return 'served'
  }

  /** `notLeader` as soon as one reply says so, else the last word. */
  onReplies({ session, items }: Replies, now: Ms): Reception {
    const inFlight = this.#inFlight
    this.#inFlight = Math.max(0, inFlight - items.length)
    this.#congestion.onReplies(items, { inFlight, now })
    if (session !== this.#session) return 'served'
    let reception: Reception = 'served'
    for (const item of items) {
      const call = this.#window.get(item.seq)
      if (call === undefined) continue
      if (call.pending > 0) {
        call.pending -= 1
        this.#pending -= 1
      }
      const wasHeldBack = this.#isHeldBack
      const one = this.#onReply(call, item, now)
      if (reception !== 'notLeader') reception = one
      if (!wasHeldBack && this.#isHeldBack && item.refused?.code === 'OVERLOADED') this.#congestion.onRefused(inFlight)
    }
    this.#maybeEndSession()
    return reception
  }

  /** The cluster does not know the session any more. */
  onSessionLost(session: number, now: Ms): void {
    if (session !== this.#session || this.#endsAt !== undefined) return
    // Replies that were on their way when the session ended say what became of their commands.
    this.#endsAt = now + this.#timing.leaderWaitMs
    this.#maybeEndSession()
  }

  /** Adds what is to be sent to the leader now. */
  fill(messages: ClientMessage[], { now, commandBytesMax, version }: Moment): void {
    if (this.#endsAt !== undefined) {
      if (now < this.#endsAt) return
      this.#endSession()
    }
    if (this.#opening !== undefined || now < this.#resumeAt) return
    if (this.#session === undefined) return this.#maybeOpenSession(messages)
    const items: CommandItem[] = []
    this.#resend(items, version)
    this.#sendNew(items, { commandBytesMax, version })
    this.#congestion.observe(this.#ahead, now)
    const last = items.at(-1)
    if (last === undefined) return
    this.#congestion.onSent(last.seq, now)
    messages.push({ kind: 'Commands', session: this.#session, ackedBelow: this.#window.ackedBelow, items })
  }

  expire(call: Call, tried: string): void {
    // There is a leader, and it has as much to do as it can.
    const isHeldUp = call.seq === 0 && this.#inFlight > 0 && !this.#hasRoom
    const overload = this.#overload ?? (isHeldUp ? `${this.#inFlight} commands of this client were under way all the time` : undefined)
    this.#settle(call, expired(call, { tried, overload, session: this.#session }))
  }

  abort(call: Call): void {
    this.#settle(call, aborted(call, this.#session))
  }

  close(call: Call): void {
    this.#settle(call, closed(call, this.#session))
  }

  fail(call: Call, code: ErrorCode, message: string): void {
    this.#settle(call, refused(call, { code, message: call.explained({ code, message }), session: this.#session }))
  }

  #onReply(call: Call, item: ReplyItem, now: Ms): Reception {
    const { index, reply, refused: refusal, failure } = item
    if (refusal === undefined) {
      this.#drop(call)
      this.#ledger.settle(call, undefined, { index, reply, ...(failure === undefined ? {} : { failure }) })
      this.#onServed(item.seq)
      return 'served'
    }
    switch (refusal.code) {
      case 'NOT_LEADER':
        return 'notLeader'
      case 'RETRY':
        call.exposed = true
        this.#resendLater(call, refusal, now)
        return 'later'
      case 'STORAGE_FULL':
      case 'APPLY_HALTED':
      case 'STATE_DIVERGED':
      case 'NOT_YET_ACTIVE':
        // What may be in the log already is worth asking for again, as long as its caller waits: the answer may be there.
        if (!call.mayBeInLog) {
          this.fail(call, refusal.code, refusal.message)
          return 'served'
        }
        this.#resendLater(call, refusal, now)
        return 'later'
      case 'OVERLOADED':
        this.#resendLater(call, refusal, now)
        return 'later'
      case 'SESSION_EXPIRED':
        this.#endsAt ??= now + this.#timing.leaderWaitMs
        this.fail(call, refusal.code, refusal.message)
        return 'served'
      default:
        this.fail(call, refusal.code, refusal.message)
        return 'served'
    }
  }

  #onServed(seq: number): void {
    if (seq < this.#refusedSeq) return
    this.#overload = undefined
    this.#backoff.reset()
  }

  #onLater({ code, message }: Refused, now: Ms): void {
    if (code === 'OVERLOADED') this.#overload = message
    this.#resumeAt = now + this.#backoff.nextMs()
  }

  /**
   * The server refuses everything later of this session on this connection until it, or something before it, comes again. Where it has been sent again
   * meanwhile, that attempt has an answer of its own.
   */
  #resendLater({ seq, pending }: Call, refusal: Refused, now: Ms): void {
    if (pending > 0) return
    if (!this.#isHeldBack) this.#onLater(refusal, now)
    this.#isHeldBack = true
    this.#resendFrom = Math.min(this.#resendFrom ?? seq, seq)
    this.#refusedSeq = this.#resendFrom
  }

  #maybeOpenSession(messages: ClientMessage[]): void {
    if (this.#waiting.peek() === undefined) return
    this.#requests += 1
    this.#opening = this.#requests
    messages.push({ kind: 'OpenSession', requestId: this.#requests })
  }

  #resend(items: CommandItem[], version: number): void {
    if (this.#resendFrom === undefined || !this.#hasRoom) return
    // The refused one may have been given up meanwhile. A number below it then tells the server that its refusal arrived.
    const first = this.#isHeldBack ? this.#window.openAtOrBelow(this.#resendFrom) : this.#resendFrom
    this.#isHeldBack = false
    for (let seq = Math.max(first, this.#window.ackedBelow); seq < this.#window.nextSeq; seq++) {
      const call = this.#window.get(seq)
      if (call === undefined) continue
      if (!this.#hasRoom) {
        this.#resendFrom = seq
        return
      }
      this.#send(call, call.bytesIn(version), items)
    }
    this.#resendFrom = undefined
  }

  #sendNew(items: CommandItem[], { commandBytesMax, version }: Omit<Moment, 'now'>): void {
    while (this.#resendFrom === undefined && this.#window.hasRoom && this.#hasRoom) {
      const call = this.#waiting.peek()
      if (call === undefined) return
      const command = call.bytesIn(version)
      if (command.length > commandBytesMax) {
        this.fail(call, 'TOO_LARGE', `the command has ${command.length} bytes, at most ${commandBytesMax} are allowed`)
        continue
      }
      this.#waiting.shift()
      this.#unsent -= 1
      this.#window.add(call)
      this.#send(call, command, items)
    }
  }

  #send(call: Call, command: Uint8Array, items: CommandItem[]): void {
    call.pending += 1
    this.#pending += 1
    this.#inFlight += 1
    items.push({ seq: call.seq, command })
  }

  /** All that has no answer yet: not sent, sent, and to be sent again. */
  get #ahead(): number {
    return this.#unsent + this.#inFlight + Math.max(0, this.#window.openCount - this.#pending)
  }

  /** When that was made which has waited for longest. */
  get #oldest(): Ms {
    const call = this.#window.get(this.#window.ackedBelow) ?? this.#waiting.peek()
    return call?.since ?? Number.POSITIVE_INFINITY
  }

  /** In flight, besides what the server has already. */
  get #hasRoom(): boolean {
    return this.#congestion.hasRoom(this.#inFlight)
  }

  #settle(call: Call, error: RaftgenError): void {
    this.#drop(call)
    this.#ledger.settle(call, error, undefined)
    if (call.seq !== 0) return this.#maybeEndSession()
    this.#unsent -= 1
    this.#waiting.onSettled()
  }

  #drop(call: Call): void {
    if (call.seq === 0) return
    this.#pending -= call.pending
    this.#window.remove(call)
  }

  #maybeEndSession(): void {
    if (this.#endsAt !== undefined && this.#pending === 0) this.#endSession()
  }

  /** What is certainly not in the log goes on in the next session, before everything that was called later. */
  #endSession(): void {
    const session = this.#session
    assert(session !== undefined, 'a session ends that never was')
    const unsent: Call[] = []
    for (const call of this.#window.reset()) {
      if (call.mayBeInLog) this.#ledger.settle(call, sessionLost(call, session), undefined)
      else {
        call.seq = 0
        unsent.push(call)
      }
    }
    this.#unsent += unsent.length
    this.#waiting.prepend(unsent)
    this.#session = undefined
    this.#endsAt = undefined
    this.#resendFrom = undefined
    this.#isHeldBack = false
    this.#pending = 0
  }
}

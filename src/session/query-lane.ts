// Queries from the call to the answer. They change nothing, so they are sent again freely, in any order.
import type { Ms } from '../core/types.ts'
import { type ErrorCode, RaftgenError } from '../errors.ts'
import type { ClientMessage, QueryItem, QueryReplies, QueryReplyItem } from '../wire/client-messages.ts'
import type { Backoff } from './backoff.ts'
import type { Call } from './call.ts'
import { CallQueue } from './call-queue.ts'
import type { Moment, Reception } from './command-lane.ts'
import type { Ledger } from './ledger.ts'
import { OpenRequests } from './open-requests.ts'
import { aborted, closed, expired } from './verdict.ts'

export class QueryLane {
  readonly #ledger: Ledger
  readonly #backoff: Backoff
  /** Need a server that leads, or, on the connection to the nearest, one that knows a leader. */
  readonly #bound = new CallQueue()
  /** Go to whatever server is there. */
  readonly #local = new CallQueue()
  /** Sent on the present connection. */
  readonly #sent = new OpenRequests()
  /** Refused ones are not sent again before. */
  #resumeAt: Ms = 0
  #overload: string | undefined

  constructor(options: { readonly ledger: Ledger; readonly backoff: Backoff }) {
    this.#ledger = options.ledger
    this.#backoff = options.backoff
  }

  get asks(): boolean {
    return this.#sent.size > 0
  }

  /** Whether calls wait for something to be sent. */
  get waits(): boolean {
    return this.#local.peek() !== undefined || this.wantsLeader
  }

  get wantsLeader(): boolean {
    return this.#bound.peek() !== undefined
  }

  /** Whether a server that has lost the others is of no use: some call, sent or not, wants more than what is there. */
  get needsOthers(): boolean {
    if (this.wantsLeader) return true
    if (this.#sent.some(({ consistency }) => consistency !== 'stale')) return true
    const local = this.#local.peek()
    return local !== undefined && local.consistency !== 'stale'
  }

  /** When `fill` has something to do that it could not do at its last call. */
  nextAt({ leading }: { readonly leading: boolean }): Ms {
    const waits = this.#local.peek() !== undefined || (leading && this.wantsLeader)
    return waits ? this.#resumeAt : Number.POSITIVE_INFINITY
  }

  call(call: Call): void {
    this.#queueOf(call).push(call)
  }

  onLeader(now: Ms): void {
    this.#resumeAt = now
  }

  onDisconnected(): void {
    const bound: Call[] = []
    const local: Call[] = []
    for (const call of this.#sent.calls()) {
      call.onDisconnected()
      call.seq = 0
      if (call.isLocal) local.push(call)
      else bound.push(call)
    }
    this.#sent.clear()
    this.#bound.prepend(bound)
    this.#local.prepend(local)
    this.#resumeAt = 0
    this.#overload = undefined
  }

  onReplies({ items }: QueryReplies, now: Ms): Reception {
    let reception: Reception = 'served'
    for (const item of items) {
      const call = this.#sent.get(item.requestId)
      if (call === undefined) continue
      this.#sent.delete(item.requestId)
      call.pending = 0
      const one = this.#onReply(call, item, now)
      if (reception !== 'notLeader') reception = one
    }
    return reception
  }

  /** Adds what is to be sent now: those that any server can answer always, the others when this one leads, or will do for other reasons. */
  fill(messages: ClientMessage[], { now, leading, ...moment }: Moment & { readonly leading: boolean }): void {
    if (now < this.#resumeAt) return
    const items: QueryItem[] = []
    this.#send(this.#local, items, moment)
    if (leading) this.#send(this.#bound, items, moment)
    if (items.length > 0) messages.push({ kind: 'Queries', items })
  }

  expire(call: Call, tried: string): void {
    this.#settle(call, expired(call, { tried, overload: this.#overload, session: undefined }))
  }

  abort(call: Call): void {
    this.#settle(call, aborted(call, undefined))
  }

  close(call: Call): void {
    this.#settle(call, closed(call, undefined))
  }

  fail(call: Call, code: ErrorCode, message: string): void {
    this.#settle(call, new RaftgenError(code, call.explained({ code, message })))
  }

  #onReply(call: Call, { index, reply, refused }: QueryReplyItem, now: Ms): Reception {
    if (refused === undefined) {
      this.#ledger.settle(call, undefined, { index, reply })
      this.#overload = undefined
      this.#backoff.reset()
      return 'served'
    }
    switch (refused.code) {
      case 'NOT_LEADER':
        this.#putBack(call)
        return 'notLeader'
      case 'OVERLOADED':
      case 'RETRY':
        this.#putBack(call)
        if (refused.code === 'OVERLOADED') this.#overload = refused.message
        if (this.#resumeAt <= now) this.#resumeAt = now + this.#backoff.nextMs()
        return 'later'
      default:
        this.#ledger.settle(call, new RaftgenError(refused.code, call.explained(refused)), undefined)
        return 'served'
    }
  }

  #putBack(call: Call): void {
    call.seq = 0
    this.#queueOf(call).push(call)
  }

  #send(queue: CallQueue, items: QueryItem[], { commandBytesMax, version }: Omit<Moment, 'now'>): void {
    for (let call = queue.peek(); call !== undefined; call = queue.peek()) {
      const query = call.bytesIn(version)
      if (query.length > commandBytesMax) {
        this.fail(call, 'TOO_LARGE', `the query has ${query.length} bytes, at most ${commandBytesMax} are allowed`)
        continue
      }
      queue.shift()
      this.#sent.add(call)
      call.pending = 1
      items.push({ requestId: call.seq, consistency: call.consistency, atLeast: call.atLeast?.index ?? 0, query })
    }
  }

  #settle(call: Call, error: RaftgenError): void {
    this.#ledger.settle(call, error, undefined)
    if (call.seq === 0) this.#queueOf(call).onSettled()
    else this.#sent.delete(call.seq)
  }

  #queueOf(call: Call): CallQueue {
    return call.isLocal ? this.#local : this.#bound
  }
}

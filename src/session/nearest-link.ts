// The second connection of a client, for queries `from: 'nearest'`: to the first server, in the order given, that can be reached. There is none
// before the first such query. It knows nothing of commands and sessions.
import { unreachable } from '../core/invariant.ts'
import type { Ms } from '../core/types.ts'
import type { ErrorCode } from '../errors.ts'
import type { ClientMessage, Goodbye, LeaderHint, QueryReplies, ServerMessage, Welcome } from '../wire/client-messages.ts'
import type { Connect, LinkOrders, SessionInput } from './api.ts'
import type { Identity } from './identity.ts'
import type { SessionTiming } from './limits.ts'
import { type BarredLink, type DialingLink, isMismatch, keepAliveAt, type Link, type OpenLink, openLink, silentAt } from './link.ts'
import type { QueryLane } from './query-lane.ts'
import type { Router } from './router.ts'

export interface NearestLinkOptions {
  readonly identity: Identity
  /** In the order of the given servers; of its own. */
  readonly router: Router
  readonly lane: QueryLane
  readonly timing: SessionTiming
  readonly now: Ms
  /** Every server refused this client for good: what is to become of the calls. */
  readonly onBarred: (code: ErrorCode, message: string) => void
}

export class NearestLink {
  readonly #identity: Identity
  readonly #router: Router
  readonly #lane: QueryLane
  readonly #timing: SessionTiming
  readonly #onBarred: NearestLinkOptions['onBarred']
  #link: Link
  #disconnect: number | undefined

  constructor({ identity, router, lane, timing, now, onBarred }: NearestLinkOptions) {
    this.#identity = identity
    this.#router = router
    this.#lane = lane
    this.#timing = timing
    this.#onBarred = onBarred
    this.#link = { kind: 'down', retryAt: now }
  }

  /** For messages: each server with what came of it. */
  get tried(): string {
    return this.#router.triedServers
  }

  /** Whether `attempt` names the connection of this one, so that what it brings belongs here. */
  owns(attempt: number): boolean {
    return (this.#link.kind === 'dialing' || this.#link.kind === 'open') && this.#link.attempt === attempt
  }

  /** Of the attempt that it owns. */
  receive(message: ServerMessage, now: Ms): void {
    const link = this.#link
    if (link.kind !== 'dialing' && link.kind !== 'open') return
    if (message.kind === 'Goodbye') return this.#onGoodbye(link, message, now)
    if (link.kind === 'dialing') {
      if (message.kind === 'Welcome') this.#onWelcome(link, message, now)
      return
    }
    link.heardAt = now
    link.probedAt = undefined
    if (message.kind === 'QueryReplies') this.#onReplies(link, message, now)
    if (message.kind === 'LeaderChanged') this.#onLeader(link, message.leader, now)
    if (message.kind !== 'Welcome') return
    this.#identity.learn(message)
    this.#router.learn(message.servers)
  }

  /** Of the attempt that it owns. */
  onDisconnected({ reason, code }: Extract<SessionInput, { kind: 'disconnected' }>, now: Ms): void {
    const link = this.#link
    if (link.kind !== 'dialing' && link.kind !== 'open') return
    if (link.kind === 'dialing' && code !== undefined && isMismatch(code)) this.#router.bar(link.address, { code, message: reason })
    else this.#onLost(link, reason, now)
    this.#becomeDown(now)
  }

  /** What is to be done now; nothing in most turns of most clients. */
  ready(now: Ms, nextAttempt: () => number): LinkOrders | undefined {
    if (this.#link.kind === 'closed' && this.#disconnect === undefined) return undefined
    this.#judge(now)
    const connect = this.#maybeConnect(now, nextAttempt)
    const send: ClientMessage[] = []
    if (this.#link.kind === 'open') this.#fill(send, this.#link, now)
    const disconnect = this.#disconnect
    this.#disconnect = undefined
    return send.length === 0 && disconnect === undefined && connect === undefined ? undefined : { send, disconnect, connect }
  }

  /** Infinity when it waits for something else than time. */
  get nextTickAt(): Ms {
    const link = this.#link
    switch (link.kind) {
      case 'down':
        return this.#lane.waits ? link.retryAt : Number.POSITIVE_INFINITY
      case 'dialing':
        return link.until
      case 'open': {
        const at = Math.min(keepAliveAt(link, this.#timing, this.#lane.asks), silentAt(link, this.#timing), this.#lane.nextAt(link))
        return link.leaderBy !== undefined && this.#lane.needsOthers ? Math.min(at, link.leaderBy) : at
      }
      case 'barred':
      case 'closed':
        return Number.POSITIVE_INFINITY
      default:
        return unreachable(link)
    }
  }

  close(now: Ms): void {
    this.#leave(now)
    this.#link = { kind: 'closed' }
  }

  #onWelcome(dialing: DialingLink, welcome: Welcome, now: Ms): void {
    const { address } = dialing
    const message = this.#identity.admit(address, welcome)
    if (message !== undefined) {
      this.#router.bar(address, { code: 'CLUSTER_MISMATCH', message })
      return this.#leave(now)
    }
    this.#router.learn(welcome.servers)
    const link = openLink(dialing, welcome, now)
    this.#link = link
    this.#router.note(address, 'was connected, and did not answer')
    this.#onLeader(link, welcome.leader, now)
  }

  #onLeader(link: OpenLink, leader: LeaderHint | undefined, now: Ms): void {
    if (leader === undefined) return this.#onNoLeader(link, now)
    link.leading = true
    link.leaderBy = undefined
    this.#lane.onLeader(now)
  }

  /** Stays for a while: a server that is up hears of the next leader soon, and says so. One that is cut off does not. */
  #onNoLeader(link: OpenLink, now: Ms): void {
    this.#router.note(link.address, 'knows no leader')
    link.leading = false
    link.leaderBy ??= now + this.#timing.leaderWaitMs
  }

  #onReplies(link: OpenLink, replies: QueryReplies, now: Ms): void {
    const reception = this.#lane.onReplies(replies, now)
    if (reception === 'notLeader') this.#onNoLeader(link, now)
    if (reception === 'served') this.#router.served()
  }

  #onGoodbye(link: DialingLink | OpenLink, { code, message }: Goodbye, now: Ms): void {
    const { kind, address } = link
    if (kind === 'dialing' && isMismatch(code)) this.#router.bar(address, { code, message: `${address} refused this client: ${message}` })
    else this.#onLost(link, `said goodbye with ${code}: ${message}`, now)
    this.#leave(now)
  }

  /** Once a connection is lost the choice begins anew: the nearest may be back. */
  #onLost({ kind, address }: DialingLink | OpenLink, status: string, now: Ms): void {
    this.#router.unreachable(address, { now, status })
    if (kind === 'open') this.#router.restart()
  }

  #leave(now: Ms): void {
    if (this.#link.kind === 'dialing' || this.#link.kind === 'open') this.#disconnect = this.#link.attempt
    this.#becomeDown(now)
  }

  #becomeDown(now: Ms): void {
    this.#link = { kind: 'down', retryAt: now }
    this.#lane.onDisconnected()
  }

  #judge(now: Ms): void {
    const link = this.#link
    if (link.kind === 'dialing' && now >= link.until) {
      this.#onLost(link, `no answer within ${this.#timing.connectTimeoutMs} ms`, now)
      return this.#leave(now)
    }
    if (link.kind !== 'open') return
    if (now >= silentAt(link, this.#timing)) {
      this.#onLost(link, `silent for ${this.#timing.silenceMs} ms`, now)
      return this.#leave(now)
    }
    if (link.leaderBy !== undefined && now >= link.leaderBy && this.#lane.needsOthers) {
      this.#router.useless(now)
      this.#leave(now)
    }
  }

  #maybeConnect(now: Ms, nextAttempt: () => number): Connect | undefined {
    if (!this.#lane.waits) return undefined
    if (this.#link.kind === 'barred') this.#onCallsWhileBarred(this.#link, now)
    if (this.#link.kind !== 'down' || now < this.#link.retryAt) return undefined
    const route = this.#router.next(now)
    switch (route.kind) {
      case 'dial': {
        const { address } = route
        const attempt = nextAttempt()
        this.#link = { kind: 'dialing', attempt, address, until: now + this.#timing.connectTimeoutMs }
        return { attempt, address, hello: this.#identity.hello() }
      }
      case 'wait':
        this.#link = { kind: 'down', retryAt: route.until }
        return undefined
      case 'barred':
        this.#link = { kind: 'barred', code: route.code, message: route.message, until: now + this.#timing.barredMs }
        this.#onBarred(route.code, route.message)
        return undefined
      default:
        unreachable(route)
    }
  }

  /** An operator may have mended what was wrong: after a while the servers are asked again. */
  #onCallsWhileBarred({ code, message, until }: BarredLink, now: Ms): void {
    if (now < until) return this.#onBarred(code, message)
    this.#router.unbar()
    this.#link = { kind: 'down', retryAt: now }
  }

  #fill(send: ClientMessage[], link: OpenLink, now: Ms): void {
    const asked = this.#lane.asks
    this.#lane.fill(send, { now, commandBytesMax: link.commandBytesMax, version: this.#identity.version, leading: link.leading })
    if (!asked && this.#lane.asks) link.heardAt = now
    if (now < keepAliveAt(link, this.#timing, this.#lane.asks)) return
    send.push({ kind: 'KeepAlive', session: 0, ackedBelow: 0 })
    link.keptAliveAt = now
    link.probedAt ??= now
  }
}

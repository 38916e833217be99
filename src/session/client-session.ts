// A client of the cluster, without sockets and clocks (§6.1-6.3): it finds the leader and stays with it, and sees each call through to
// exactly one settlement. `client/` drives it with real connections, the simulator with simulated ones.
import { assert, unreachable } from '../core/invariant.ts'
import type { Ms } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import type { ClientMessage, Goodbye, KeepAliveReply, LeaderHint, ServerMessage, Welcome } from '../wire/client-messages.ts'
import type { CallInput, ClientSessionOptions, Connect, SessionInput, SessionReady } from './api.ts'
import { seededRandom } from './backoff.ts'
import { Calls } from './calls.ts'
import type { Token } from './caller.ts'
import type { Reception } from './command-lane.ts'
import type { Wish } from './congestion.ts'
import { Identity } from './identity.ts'
import { defaultLimits, defaultTiming, type SessionTiming } from './limits.ts'
import { type BarredLink, type DialingLink, isMismatch, keepAliveAt, type Link, type OpenLink, openLink, silentAt } from './link.ts'
import { NearestLink } from './nearest-link.ts'
import { Router } from './router.ts'

export class ClientSession {
  readonly #identity: Identity
  readonly #timing: SessionTiming
  readonly #calls: Calls
  readonly #router: Router
  readonly #nearest: NearestLink
  readonly #nextAttempt = (): number => ++this.#attempts
  #now: Ms
  #link: Link
  #attempts = 0
  #disconnect: number | undefined
  #parting: ClientMessage | undefined

  constructor(options: ClientSessionOptions) {
    assert(options.servers.length > 0, 'a client needs the address of one server at least')
    const limits = { ...defaultLimits, ...options.limits }
    const timing = { ...defaultTiming, ...options.timing }
    const random = seededRandom(options.seed)
    this.#identity = new Identity(options)
    this.#timing = timing
    this.#calls = new Calls({ limits, timing, random })
    this.#router = new Router({ servers: options.servers, limits, timing, random, start: 'random' })
    this.#nearest = new NearestLink({
      identity: this.#identity,
      router: new Router({ servers: options.servers, limits, timing, random, start: 'first' }),
      lane: this.#calls.near,
      timing,
      now: options.now,
      onBarred: (code, message) => this.#calls.failNear(code, message),
    })
    this.#now = options.now
    this.#link = { kind: 'down', retryAt: options.now }
  }

  /** The last that any server named. */
  get leader(): LeaderHint | undefined {
    return this.#router.leader
  }

  /** Address of the server that welcomed this client and is still connected. */
  get connectedTo(): string | undefined {
    return this.#link.kind === 'open' ? this.#link.address : undefined
  }

  /** Covers everything that calls were answered with so far. */
  get token(): Token {
    return Object.freeze({ clusterId: this.#identity.clusterId, index: this.#calls.reflected })
  }

  /** Calls that are not settled. */
  get openCalls(): number {
    return this.#calls.open
  }

  /** For messages: each server with what came of it, and who was last known to lead. */
  get tried(): string {
    return this.#router.tried
  }

  /** Why a command would be refused at present, whatever it is. */
  whyNoCommand(wish: Wish): RaftgenError | undefined {
    return this.#link.kind === 'closed' ? undefined : this.#calls.whyNoCommand(wish)
  }

  /** Takes one input in. What follows from it comes out of `ready`, once for all inputs of a turn. */
  step(input: SessionInput): void {
    switch (input.kind) {
      case 'tick':
        if (input.now > this.#now) this.#now = input.now
        return
      case 'call':
        return this.#call(input)
      case 'abort':
        return this.#calls.abort(input.callId)
      case 'received':
        if (this.#nearest.owns(input.attempt)) return this.#nearest.receive(input.message, this.#now)
        return this.#receive(input.attempt, input.message)
      case 'disconnected':
        if (this.#nearest.owns(input.attempt)) return this.#nearest.onDisconnected(input, this.#now)
        return this.#onDisconnected(input)
      case 'close':
        return this.#close()
      default:
        unreachable(input)
    }
  }

  /** Everything that is to be done now. Judges what is late, so that an answer that arrived in the same turn still counts. */
  ready(): SessionReady {
    const send: ClientMessage[] = []
    if (this.#parting !== undefined) send.push(this.#parting)
    this.#parting = undefined
    this.#calls.expire(this.#now, this.#router, this.#nearest)
    this.#judgeLink()
    const connect = this.#maybeConnect()
    if (this.#link.kind === 'open') this.#fill(send, this.#link)
    const disconnect = this.#disconnect
    this.#disconnect = undefined
    const nearest = this.#nearest.ready(this.#now, this.#nextAttempt)
    return { send, disconnect, connect, nearest, settled: this.#calls.fetchSettled(), nextTickAt: this.#nextTickAt() }
  }

  #call(input: CallInput): void {
    if (this.#link.kind === 'closed') return this.#calls.refuse(input.callId, new RaftgenError('CLOSED', 'the client is closed'))
    const foreign = this.#identity.refuse(input.atLeast)
    if (foreign !== undefined) return this.#calls.refuse(input.callId, foreign)
    this.#calls.add(input)
    if (input.operation === 'connect' && this.#link.kind === 'open') this.#calls.onWelcome(this.#identity)
  }

  #close(): void {
    this.#calls.closeAll()
    const { session } = this.#calls.commands
    if (this.#link.kind === 'open' && this.#link.leading && session !== undefined) this.#parting = { kind: 'CloseSession', session }
    this.#leave()
    this.#link = { kind: 'closed' }
    this.#nearest.close(this.#now)
  }

  #receive(attempt: number, message: ServerMessage): void {
    const link = this.#link
    if (link.kind !== 'dialing' && link.kind !== 'open') return
    if (link.attempt !== attempt) return
    if (message.kind === 'Goodbye') return this.#onGoodbye(link, message)
    if (link.kind === 'dialing') {
      if (message.kind === 'Welcome') this.#onWelcome(link, message)
      return
    }
    link.heardAt = this.#now
    link.probedAt = undefined
    this.#onMessage(link, message)
  }

  #onMessage(link: OpenLink, message: Exclude<ServerMessage, Goodbye>): void {
    switch (message.kind) {
      case 'Replies':
        return this.#onReception(link, this.#calls.commands.onReplies(message, this.#now))
      case 'QueryReplies':
        return this.#onReception(link, this.#calls.queries.onReplies(message, this.#now))
      case 'SessionOpened':
        return this.#onReception(link, this.#calls.commands.onSessionOpened(message, this.#now))
      case 'LeaderChanged':
        return this.#onLeader(link, message.leader, { news: true })
      case 'KeepAliveReply':
        return this.#onKeepAliveReply(link, message)
      case 'Welcome':
        this.#identity.learn(message)
        return this.#router.learn(message.servers)
      case 'StatusReply':
      case 'AdminReply':
      case 'JoinReply':
        return // not asked for
      default:
        unreachable(message)
    }
  }

  #onWelcome(dialing: DialingLink, welcome: Welcome): void {
    const { address } = dialing
    const foreign = this.#identity.admit(address, welcome)
    if (foreign !== undefined) {
      this.#router.bar(address, { code: 'CLUSTER_MISMATCH', message: foreign })
      return this.#leave()
    }
    this.#router.learn(welcome.servers)
    const link = openLink(dialing, welcome, this.#now)
    this.#link = link
    this.#calls.onWelcome(this.#identity)
    this.#onLeader(link, welcome.leader, { news: false })
  }

  /** `news`: told unasked, because it changed. */
  #onLeader(link: OpenLink, leader: LeaderHint | undefined, { news }: { readonly news: boolean }): void {
    if (leader === undefined) return this.#onNoLeader(link, 'knows no leader')
    if (leader.id === link.nodeId) {
      this.#router.leads(leader)
      this.#router.note(link.address, 'leads, and did not answer')
      link.leading = true
      link.leaderBy = undefined
      return this.#calls.onLeader(this.#now)
    }
    if (this.#router.follow(leader, { now: this.#now, news })) {
      this.#router.note(link.address, `named node ${leader.id} at ${leader.client} as leader`)
      return this.#leave()
    }
    this.#onNoLeader(link, `named node ${leader.id} as leader, which could not be reached`)
  }

  /** Stays for a while: a server that is up hears of the next leader soon, and says so. */
  #onNoLeader(link: OpenLink, status: string): void {
    this.#router.note(link.address, status)
    link.leading = false
    link.leaderBy ??= this.#now + this.#timing.leaderWaitMs
  }

  #onReception(link: OpenLink, reception: Reception): void {
    if (reception === 'served') this.#router.served()
    if (reception === 'notLeader') this.#onNoLeader(link, 'does not lead any more')
  }

  #onKeepAliveReply(link: OpenLink, { session, alive }: KeepAliveReply): void {
    if (link.leading && !alive && session !== 0) this.#calls.commands.onSessionLost(session, this.#now)
  }

  #onGoodbye({ kind, address }: DialingLink | OpenLink, { code, message }: Goodbye): void {
    // After the Welcome a mismatch can only mean bytes that were damaged on their way.
    if (kind === 'dialing' && isMismatch(code)) this.#router.bar(address, { code, message: `${address} refused this client: ${message}` })
    else this.#router.unreachable(address, { now: this.#now, status: `said goodbye with ${code}: ${message}` })
    this.#leave()
  }

  #onDisconnected({ attempt, reason, code }: Extract<SessionInput, { kind: 'disconnected' }>): void {
    const link = this.#link
    if ((link.kind !== 'dialing' && link.kind !== 'open') || link.attempt !== attempt) return
    const { kind, address } = link
    if (kind === 'open') this.#onBroken(address, reason)
    else if (code !== undefined && isMismatch(code)) this.#router.bar(address, { code, message: reason })
    else this.#router.unreachable(address, { now: this.#now, status: reason })
    this.#becomeDown()
  }

  /** A connection may break alone. Whether its server is gone as well is quickly found out: a dead process refuses at once. */
  #onBroken(address: string, reason: string): void {
    this.#router.note(address, reason)
    this.#router.useless(this.#now)
    this.#router.retry(address)
  }

  /** Gives the present connection up. */
  #leave(): void {
    if (this.#link.kind === 'dialing' || this.#link.kind === 'open') this.#disconnect = this.#link.attempt
    this.#becomeDown()
  }

  #becomeDown(): void {
    this.#link = { kind: 'down', retryAt: this.#now }
    this.#calls.onDisconnected()
  }

  #judgeLink(): void {
    const link = this.#link
    const now = this.#now
    if (link.kind === 'dialing' && now >= link.until) {
      this.#router.unreachable(link.address, { now, status: `no answer within ${this.#timing.connectTimeoutMs} ms` })
      return this.#leave()
    }
    if (link.kind !== 'open') return
    if (now >= silentAt(link, this.#timing)) {
      this.#router.unreachable(link.address, { now, status: `silent for ${this.#timing.silenceMs} ms` })
      return this.#leave()
    }
    if (link.leaderBy !== undefined && now >= link.leaderBy && this.#calls.wantLeader) {
      this.#router.useless(now)
      this.#leave()
    }
  }

  #maybeConnect(): Connect | undefined {
    if (this.#link.kind === 'barred' && this.#calls.open > 0) this.#onCallsWhileBarred(this.#link)
    if (this.#link.kind !== 'down' || this.#now < this.#link.retryAt) return undefined
    const route = this.#router.next(this.#now)
    switch (route.kind) {
      case 'dial': {
        const { address } = route
        const attempt = this.#nextAttempt()
        this.#link = { kind: 'dialing', attempt, address, until: this.#now + this.#timing.connectTimeoutMs }
        return { attempt, address, hello: this.#identity.hello() }
      }
      case 'wait':
        this.#link = { kind: 'down', retryAt: route.until }
        return undefined
      case 'barred':
        this.#link = { kind: 'barred', code: route.code, message: route.message, until: this.#now + this.#timing.barredMs }
        this.#calls.failAll(route.code, route.message)
        return undefined
      default:
        unreachable(route)
    }
  }

  /** An operator may have mended what was wrong: after a while the servers are asked again. */
  #onCallsWhileBarred({ code, message, until }: BarredLink): void {
    if (this.#now < until) return this.#calls.failAll(code, message)
    this.#router.unbar()
    this.#link = { kind: 'down', retryAt: this.#now }
  }

  #fill(send: ClientMessage[], link: OpenLink): void {
    const asked = this.#calls.ask
    const { version } = this.#identity
    const moment = { now: this.#now, commandBytesMax: link.commandBytesMax, version, leading: link.leading }
    if (link.leading) {
      this.#calls.commands.fill(send, moment)
      // Commands and the request for a session are signs of life of it; queries are not.
      if (send.length > 0) link.keptAliveAt = this.#now
    }
    this.#calls.queries.fill(send, moment)
    if (!asked && this.#calls.ask) link.heardAt = this.#now
    if (this.#now >= keepAliveAt(link, this.#timing, this.#calls.ask)) this.#keepAlive(send, link)
  }

  #keepAlive(send: ClientMessage[], link: OpenLink): void {
    const session = link.leading ? (this.#calls.commands.session ?? 0) : 0
    send.push({ kind: 'KeepAlive', session, ackedBelow: this.#calls.commands.ackedBelow })
    link.keptAliveAt = this.#now
    link.probedAt ??= this.#now
  }

  #nextTickAt(): Ms | undefined {
    const at = Math.min(this.#calls.earliestDeadline, this.#nextLinkTickAt(), this.#nearest.nextTickAt)
    return Number.isFinite(at) ? at : undefined
  }

  #nextLinkTickAt(): Ms {
    const link = this.#link
    switch (link.kind) {
      case 'down':
        return link.retryAt
      case 'dialing':
        return link.until
      case 'open': {
        const keepAlive = keepAliveAt(link, this.#timing, this.#calls.ask)
        let at = Math.min(keepAlive, silentAt(link, this.#timing), this.#calls.queries.nextAt(link))
        if (link.leading) at = Math.min(at, this.#calls.commands.nextAt)
        if (link.leaderBy !== undefined && this.#calls.wantLeader) at = Math.min(at, link.leaderBy)
        return at
      }
      case 'barred':
      case 'closed':
        return Number.POSITIVE_INFINITY
      default:
        return unreachable(link)
    }
  }
}

// One client process: the real session machine on simulated connections.
import type { Index, Ms } from '../core/types.ts'
import type { Connect, LinkOrders, SessionReady } from '../session/api.ts'
import type { Token } from '../session/caller.ts'
import { ClientSession } from '../session/client-session.ts'
import type { SessionLimits, SessionTiming } from '../session/limits.ts'
import { writeClientMessage } from '../wire/client-codec.ts'
import type { ClientMessage } from '../wire/client-messages.ts'
import { FrameReader, FrameWriter } from '../wire/frame.ts'
import { decodeServerMessage } from '../wire/server-codec.ts'
import type { SimClock } from './clock.ts'
import { Connection } from './connection.ts'
import type { CallKind, SimCall } from './history.ts'
import type { Place } from './network.ts'
import type { ClientForms } from './list-versions.ts'
import type { SimServer } from './sim-server.ts'
import type { World } from './world.ts'

/** Places of clients come after those of servers. */
const firstClientPlace = 1_000
/** So that a timer that was rounded down does not fire again and again. Milliseconds. */
const timerSlackMs = 0.01

export interface SimClientOptions {
  readonly id: number
  readonly clock: SimClock
  /** Addresses that it starts with. */
  readonly servers: readonly string[]
  /** Who answers at an address, as far as this client can reach it. */
  readonly find: (address: string) => SimServer | undefined
  readonly timing: Partial<SessionTiming>
  readonly limits: Partial<SessionLimits>
  /** Of a machine with versions. Default: a client of bytes. */
  readonly forms?: ClientForms
}

export interface CallTerms {
  readonly timeoutMs: Ms
  /** Of `atLeast`. */
  readonly token?: Index
  /** Of a query: not to the leader but to the first server of the list that can be reached. */
  readonly nearest?: boolean
  /** Runs when the call is settled. */
  readonly settled?: (call: SimCall) => void
}

export class SimClient {
  readonly id: number
  readonly name: string
  readonly place: Place
  readonly #world: World
  readonly #clock: SimClock
  readonly #find: (address: string) => SimServer | undefined
  readonly #session: ClientSession
  readonly #forms: ClientForms | undefined
  readonly #frames = new FrameWriter(1_024)
  readonly #calls = new Map<number, SimCall>()
  readonly #onSettled = new Map<number, (call: SimCall) => void>()
  /** By attempt; one or two. */
  readonly #connections = new Map<number, Connection>()
  #dialled = 0
  /** Of the newest connection to the leader, and of that to the nearest server. */
  #leaderAttempt = 0
  #nearestAttempt = 0
  #isPumping = false
  #timerAt: Ms = Number.POSITIVE_INFINITY
  #isAlive = true

  constructor(world: World, { id, clock, servers, find, timing, limits, forms }: SimClientOptions) {
    this.id = id
    this.name = `client ${id}`
    this.place = firstClientPlace + id
    this.#world = world
    this.#clock = clock
    this.#find = find
    clock.boot(world.chance.between(0, 1_000_000))
    this.#session = new ClientSession({
      servers,
      now: clock.monotonicMs(),
      seed: world.chance.seed(),
      timing,
      limits,
      ...(forms && { machine: forms.machine }),
    })
    this.#forms = forms
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  get connections(): readonly Connection[] {
    return [...this.#connections.values()]
  }

  /** Everything that it was acknowledged or has read is covered by this. */
  get token(): Token {
    return this.#session.token
  }

  get openCalls(): number {
    return this.#calls.size
  }

  /** `payload` must be an array of its own. */
  call(kind: CallKind, called: Uint8Array, { timeoutMs, token = this.token.index, nearest = false, settled }: CallTerms): SimCall {
    const { history, scheduler, applied, note, clusterId } = this.#world
    const forms = kind === 'command' ? this.#forms : undefined
    const payload = forms?.own(called) ?? called
    const call = history.call({ client: this.id, kind, payload, calledAt: scheduler.now, timeoutMs, floorNow: applied.shownNow, token })
    this.#calls.set(call.id, call)
    if (settled !== undefined) this.#onSettled.set(call.id, settled)
    note(call.id, { who: this.name, what: `calls ${kind}`, about: this.#wordsOf(call) })
    const now = this.#tick()
    this.#session.step({
      kind: 'call',
      callId: call.id,
      operation: kind === 'command' ? 'command' : 'query',
      payload,
      older: forms?.older(payload, (lowered) => history.alias(call, lowered)),
      since: now,
      deadline: now + timeoutMs,
      consistency: kind === 'stale' || kind === 'lease' ? kind : 'linearizable',
      atLeast: kind === 'atLeast' ? { clusterId, index: token } : undefined,
      from: nearest ? 'nearest' : 'leader',
    })
    this.#pumpSoon()
    return call
  }

  abort(call: SimCall): void {
    this.#tick()
    this.#session.step({ kind: 'abort', callId: call.id })
    this.#pumpSoon()
  }

  /** Ends in an orderly way. */
  close(): void {
    this.#tick()
    this.#session.step({ kind: 'close' })
    this.#pumpSoon()
  }

  /** The process is gone. Nobody will ever know what became of its calls; for the history they failed, with an unknown outcome. */
  crash(): readonly SimCall[] {
    this.#isAlive = false
    for (const connection of this.#connections.values()) connection.closeByClient()
    this.#connections.clear()
    const open = [...this.#calls.values()]
    this.#calls.clear()
    return open
  }

  receive(connection: Connection, bytes: Uint8Array): void {
    if (connection !== this.#connections.get(connection.attempt)) return
    this.#tick()
    const reader = new FrameReader()
    reader.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
    for (let body = reader.next(); body !== undefined; body = reader.next()) {
      const message = decodeServerMessage(body)
      this.#world.note(message.kind.length, { who: this.name, what: 'is told', about: message })
      this.#world.chart?.clientMessage(this.#world.scheduler.now, connection.serverName, this.name, message)
      this.#session.step({ kind: 'received', attempt: connection.attempt, message })
    }
    this.#pumpSoon()
  }

  onDisconnected(connection: Connection, reason: string): void {
    if (connection !== this.#connections.get(connection.attempt)) return
    this.#connections.delete(connection.attempt)
    this.#tick()
    this.#session.step({ kind: 'disconnected', attempt: connection.attempt, reason, code: undefined })
    this.#pumpSoon()
  }

  #tick(): Ms {
    const now = this.#clock.monotonicMs()
    this.#session.step({ kind: 'tick', now })
    return now
  }

  /** What is called in one turn leaves together. */
  #pumpSoon(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    this.#world.scheduler.after(this.#world.chance.between(0, 0.2), () => {
      this.#isPumping = false
      this.#pump()
    })
  }

  #pump(): void {
    if (!this.#isAlive) return
    this.#tick()
    const ready = this.#session.ready()
    this.#perform(this.#leaderAttempt, ready)
    if (ready.connect !== undefined) this.#leaderAttempt = ready.connect.attempt
    if (ready.nearest !== undefined) {
      this.#perform(this.#nearestAttempt, ready.nearest)
      if (ready.nearest.connect !== undefined) this.#nearestAttempt = ready.nearest.connect.attempt
    }
    this.#settle(ready.settled)
    if (ready.nextTickAt !== undefined) this.#wakeAt(this.#clock.whenShows(ready.nextTickAt) + timerSlackMs)
  }

  /** `attempt`: of the connection that the orders are for. */
  #perform(attempt: number, { send, disconnect, connect }: LinkOrders): void {
    if (send.length > 0) this.#send(attempt, send)
    if (disconnect !== undefined) {
      this.#connections.get(disconnect)?.closeByClient()
      this.#connections.delete(disconnect)
    }
    if (connect !== undefined) this.#connect(connect)
  }

  #send(attempt: number, messages: readonly ClientMessage[]): void {
    const { history, note, sabotage, chart, scheduler } = this.#world
    for (const message of messages) {
      note(message.kind.length, { who: this.name, what: 'sends', about: message })
      chart?.clientMessage(scheduler.now, this.name, this.#connections.get(attempt)?.serverName ?? 'nobody', message)
      if (message.kind === 'Commands') {
        for (const { seq, command } of message.items) history.sent({ session: message.session, seq, payload: command })
      }
      writeClientMessage(this.#frames, sabotage.clientMessage?.(message) ?? message)
    }
    const bytes = this.#frames.take()
    if (bytes.length > 0) this.#connections.get(attempt)?.fromClient(bytes)
  }

  #connect({ attempt, address, hello }: Connect): void {
    const server = this.#find(address)
    this.#world.note(attempt, { who: this.name, what: 'dials', about: address })
    if (server === undefined) {
      this.#session.step({ kind: 'disconnected', attempt, reason: 'EHOSTUNREACH', code: undefined })
      return this.#pumpSoon()
    }
    this.#dialled += 1
    const id = this.id * 100_000 + this.#dialled
    const connection = new Connection(this.#world, { id, attempt, client: this, server })
    this.#connections.set(attempt, connection)
    writeClientMessage(this.#frames, hello)
    connection.open(this.#frames.take())
  }

  #settle(settled: SessionReady['settled']): void {
    for (const { callId, error, answer } of settled) {
      const call = this.#calls.get(callId)
      if (call === undefined) {
        this.#world.verdict.violate('a call is settled once', `call ${callId} is settled twice`)
        continue
      }
      this.#calls.delete(callId)
      this.#world.history.settle(call, this.#world.scheduler.now, { error, answer })
      this.#world.note(callId, { who: this.name, what: `learns of call ${callId}:`, about: this.#outcomeOf(call) })
      this.#onSettled.get(callId)?.(call)
      this.#onSettled.delete(callId)
    }
  }

  #wordsOf({ id, kind, payload }: SimCall): number | (() => string) {
    const { words } = this.#world
    return words === undefined ? id : () => `${words.call(kind, payload)} (call ${id})`
  }

  #outcomeOf({ kind, payload, outcome }: SimCall): unknown {
    const { words } = this.#world
    if (words === undefined || outcome.kind !== 'answered') return outcome
    return () => `${words.answer(kind, payload, outcome.reply)} at ${outcome.index}`
  }

  #wakeAt(at: Ms): void {
    const { scheduler } = this.#world
    if (at >= this.#timerAt && this.#timerAt > scheduler.now) return
    this.#timerAt = at
    scheduler.at(at, () => {
      if (this.#timerAt !== at) return
      this.#timerAt = Number.POSITIVE_INFINITY
      this.#pump()
    })
  }
}

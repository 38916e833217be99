// One client process: the real session machine on simulated connections.
import type { Ms } from '../core/types.ts'
import type { SessionReady } from '../session/api.ts'
import { ClientSession } from '../session/client-session.ts'
import type { SessionLimits, SessionTiming } from '../session/limits.ts'
import { writeClientMessage } from '../wire/client-codec.ts'
import type { ClientMessage } from '../wire/client-messages.ts'
import { FrameReader, FrameWriter } from '../wire/frame.ts'
import { decodeServerMessage } from '../wire/server-codec.ts'
import type { SimClock } from './clock.ts'
import { Connection } from './connection.ts'
import type { SimCall } from './history.ts'
import type { Place } from './network.ts'
import type { SimServer } from './sim-server.ts'
import type { World } from './world.ts'

/** Places of clients come after those of servers. */
const firstClientPlace = 1_000
/** So that a timer that was rounded down does not fire again and again. Milliseconds. */
const timerSlackMs = 0.01

export interface SimClientOptions {
  readonly id: number
  readonly clock: SimClock
  /** Those that it can reach, by address. */
  readonly servers: ReadonlyMap<string, SimServer>
  readonly timing: Partial<SessionTiming>
  readonly limits: Partial<SessionLimits>
}

export class SimClient {
  readonly id: number
  readonly name: string
  readonly place: Place
  readonly #world: World
  readonly #clock: SimClock
  readonly #servers: ReadonlyMap<string, SimServer>
  readonly #session: ClientSession
  readonly #frames = new FrameWriter(1_024)
  readonly #calls = new Map<number, SimCall>()
  readonly #onSettled = new Map<number, (call: SimCall) => void>()
  #connection: Connection | undefined
  #connections = 0
  #isPumping = false
  #timerAt: Ms = Number.POSITIVE_INFINITY
  #isAlive = true

  constructor(world: World, { id, clock, servers, timing, limits }: SimClientOptions) {
    this.id = id
    this.name = `client ${id}`
    this.place = firstClientPlace + id
    this.#world = world
    this.#clock = clock
    this.#servers = servers
    clock.boot(world.chance.between(0, 1_000_000))
    this.#session = new ClientSession({ servers: [...servers.keys()], now: clock.monotonicMs(), seed: world.chance.seed(), timing, limits })
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  get connection(): Connection | undefined {
    return this.#connection
  }

  get openCalls(): number {
    return this.#calls.size
  }

  /** `payload` must be an array of its own. `settled` runs when the call is. */
  call(
    kind: SimCall['kind'],
    payload: Uint8Array,
    { timeoutMs, settled }: { readonly timeoutMs: Ms; readonly settled?: (call: SimCall) => void },
  ): SimCall {
    const { history, scheduler, applied, note } = this.#world
    const call = history.call({ client: this.id, kind, payload, calledAt: scheduler.now, timeoutMs, floorNow: applied.shownNow })
    this.#calls.set(call.id, call)
    if (settled !== undefined) this.#onSettled.set(call.id, settled)
    note(call.id, { who: this.name, what: `calls ${kind}`, about: call.id })
    const now = this.#tick()
    this.#session.step({
      kind: 'call',
      callId: call.id,
      operation: kind === 'command' ? 'command' : 'query',
      payload,
      deadline: now + timeoutMs,
      consistency: kind === 'stale' ? 'stale' : 'linearizable',
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
    this.#connection?.closeByClient()
    this.#connection = undefined
    const open = [...this.#calls.values()]
    this.#calls.clear()
    return open
  }

  receive(connection: Connection, bytes: Uint8Array): void {
    if (connection !== this.#connection) return
    this.#tick()
    const reader = new FrameReader()
    reader.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
    for (let body = reader.next(); body !== undefined; body = reader.next()) {
      const message = decodeServerMessage(body)
      this.#world.note(message.kind.length, { who: this.name, what: 'is told', about: message })
      this.#session.step({ kind: 'received', attempt: connection.attempt, message })
    }
    this.#pumpSoon()
  }

  onDisconnected(connection: Connection, reason: string): void {
    if (connection !== this.#connection) return
    this.#connection = undefined
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
    if (ready.send.length > 0) this.#send(ready.send)
    if (ready.disconnect !== undefined && this.#connection?.attempt === ready.disconnect) {
      this.#connection.closeByClient()
      this.#connection = undefined
    }
    if (ready.connect !== undefined) this.#connect(ready.connect)
    this.#settle(ready.settled)
    if (ready.nextTickAt !== undefined) this.#wakeAt(this.#clock.whenShows(ready.nextTickAt) + timerSlackMs)
  }

  #send(messages: readonly ClientMessage[]): void {
    const { history, note, sabotage } = this.#world
    for (const message of messages) {
      note(message.kind.length, { who: this.name, what: 'sends', about: message })
      if (message.kind === 'Commands') {
        for (const { seq, command } of message.items) history.sent({ session: message.session, seq, payload: command })
      }
      writeClientMessage(this.#frames, sabotage.clientMessage?.(message) ?? message)
    }
    const bytes = this.#frames.take()
    if (bytes.length > 0) this.#connection?.fromClient(bytes)
  }

  #connect({ attempt, address, hello }: NonNullable<SessionReady['connect']>): void {
    const server = this.#servers.get(address)
    this.#world.note(attempt, { who: this.name, what: 'dials', about: address })
    if (server === undefined) {
      this.#session.step({ kind: 'disconnected', attempt, reason: 'EHOSTUNREACH', code: undefined })
      return this.#pumpSoon()
    }
    this.#connections += 1
    const id = this.id * 100_000 + this.#connections
    this.#connection = new Connection(this.#world, { id, attempt, client: this, server })
    writeClientMessage(this.#frames, hello)
    this.#connection.open(this.#frames.take())
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
      this.#world.note(callId, { who: this.name, what: `learns of call ${callId}:`, about: call.outcome })
      this.#onSettled.get(callId)?.(call)
      this.#onSettled.delete(callId)
    }
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

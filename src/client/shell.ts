// Sockets, timer and callbacks around the pure session. Everything that is called in one tick of the event loop shares one write: the flush
// is queued with `process.nextTick`, which runs after the microtasks that are already queued, so continuations of one turn share it too.
// What is settled without anything from outside is told in the next turn only: a caller that asks again as soon as it is refused would
// otherwise keep the event loop from ever coming to its sockets and timers.
import { RaftgenError } from '../errors.ts'
import type { Connect, LinkOrders, Operation, Settled } from '../session/api.ts'
import type { Caller, CallOptions, OlderForms, QueryOptions, Settle, Token } from '../session/caller.ts'
import { ClientSession } from '../session/client-session.ts'
import { defaultTiming } from '../session/limits.ts'
import type { LeaderHint } from '../wire/client-messages.ts'
import type { ClientConnection, Dial } from './dial.ts'
import { type ClientOptions, callProblem, defaultTimeoutMs, queryProblem } from './options.ts'
import { SignalWatch } from './signal-watch.ts'

/** Nothing that a client waits for needs a finer clock. */
const timerGrainMs = 10
const nothing = new Uint8Array(0)

interface Live {
  readonly attempt: number
  readonly connection: ClientConnection
}
/** The two connections of a client, each when there is one. */
interface Lines {
  leader: Live | undefined
  nearest: Live | undefined
}
type Line = keyof Lines
/** Of a command, and of whatever has no options. */
const plainQuery: QueryOptions = {}

export class Shell implements Caller {
  readonly #session: ClientSession
  readonly #dial: Dial
  readonly #timeoutMs: number
  /** By call id: ids are places in here, taken anew once they are free. */
  readonly #settles: (Settle | undefined)[] = []
  readonly #signals: (AbortSignal | undefined)[] = []
  readonly #freeIds: number[] = []
  readonly #watch = new SignalWatch((callId) => this.#abort(callId))
  readonly #flushLater = (): void => this.#flush()
  readonly #tellRefusals = (): void => {
    for (const { callId, error, answer } of this.#refusals.splice(0)) this.#settle(callId, error, answer)
  }
  readonly #tellTurnedAway = (): void => {
    for (const { refused, error } of this.#turnedAway.splice(0)) {
      try {
        refused(error)
      } catch (thrown) {
        throwLater(thrown)
      }
    }
  }
  /** Settled, and told in the next turn of the event loop. */
  readonly #refusals: Settled[] = []
  /** Not even taken in, and told likewise. */
  readonly #turnedAway: { readonly refused: (error: RaftgenError) => void; readonly error: RaftgenError }[] = []
  #flushing = false
  /** Since the last flush something came that no caller can bring about again and again: a message, the end of a connection, a moment. */
  #stirred = false
  readonly #lines: Lines = { leader: undefined, nearest: undefined }
  #timer: NodeJS.Timeout | undefined
  /** When it fires. */
  #timerAt = 0
  #timerHoldsProcess = false
  #closing: Promise<void> | undefined
  #onGone: (() => void) | undefined

  /** `options` were checked. Starts to connect with the first flush. */
  constructor(options: ClientOptions, dial: Dial) {
    this.#dial = dial
    this.#timeoutMs = options.timeoutMs ?? defaultTimeoutMs
    this.#session = new ClientSession({
      servers: options.servers,
      now: performance.now(),
      seed: Math.floor(Math.random() * 4_294_967_296),
      ...(options.clusterId === undefined ? {} : { clusterId: options.clusterId }),
      ...(options.machine === undefined ? {} : { machine: options.machine }),
    })
  }

  get leader(): LeaderHint | undefined {
    return this.#session.leader
  }

  /** Address of the server that is connected. */
  get connectedTo(): string | undefined {
    return this.#session.connectedTo
  }

  /** For messages. */
  get tried(): string {
    return this.#session.tried
  }

  /** Settles once a member of the cluster has welcomed this client. */
  connected(options: CallOptions, settle: Settle): void {
    this.#call('connect', nothing, options, plainQuery, settle)
  }

  turnsAway(options: CallOptions | undefined, refused: (error: RaftgenError) => void): boolean {
    const error = this.#session.whyNoCommand({ now: performance.now(), patienceMs: options?.timeoutMs ?? this.#timeoutMs })
    if (error === undefined) return false
    if (this.#turnedAway.length === 0) setImmediate(this.#tellTurnedAway)
    this.#turnedAway.push({ refused, error })
    return true
  }

  /** `command` must not be changed until it is settled: it may be sent again. The bytes of the reply are the caller's. */
  command(command: Uint8Array, options: CallOptions | undefined, settle: Settle, older?: OlderForms): void {
    const problem = options === undefined ? undefined : callProblem(options)
    if (problem !== undefined) return this.#refuse('BAD_OPTIONS', problem, settle)
    if (!(command instanceof Uint8Array)) return this.#refuse('INVALID_INPUT', `a command is bytes, not ${typeof command}`, settle)
    this.#call('command', command, options, plainQuery, settle, older)
  }

  query(query: Uint8Array, options: QueryOptions | undefined, settle: Settle, older?: OlderForms): void {
    const problem = options === undefined ? undefined : queryProblem(options)
    if (problem !== undefined) return this.#refuse('BAD_OPTIONS', problem, settle)
    if (!(query instanceof Uint8Array)) return this.#refuse('INVALID_INPUT', `a query is bytes, not ${typeof query}`, settle)
    this.#call('query', query, options, options ?? plainQuery, settle, older)
  }

  get token(): Token {
    return this.#session.token
  }

  /** Calls that are not settled end with CLOSED, or OUTCOME_UNKNOWN where they may have been applied. Resolves once the connections are gone. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#session.step({ kind: 'close' })
      this.#stirred = true
      if (this.#isOffline) resolve()
      else this.#onGone = resolve
      this.#schedule()
    })
    return this.#closing
  }

  get #isOffline(): boolean {
    return this.#lines.leader === undefined && this.#lines.nearest === undefined
  }

  #call(
    operation: Operation,
    payload: Uint8Array,
    options: CallOptions | undefined,
    { consistency = 'linearizable', atLeast, from }: QueryOptions,
    settle: Settle,
    older?: OlderForms,
  ): void {
    const callId = this.#freeIds.pop() ?? this.#settles.length
    this.#settles[callId] = settle
    const since = performance.now()
    const deadline = since + (options?.timeoutMs ?? this.#timeoutMs)
    this.#session.step({ kind: 'call', callId, operation, payload, older, since, deadline, consistency, atLeast, from })
    const signal = options?.signal
    this.#signals[callId] = signal
    if (signal !== undefined) this.#watch.watch(signal, callId)
    this.#schedule()
  }

  /** Never from inside the call: callers may count on that. */
  #refuse(code: 'BAD_OPTIONS' | 'INVALID_INPUT', message: string, settle: Settle): void {
    const error = new RaftgenError(code, message)
    setImmediate(() => settle(error, undefined))
  }

  #abort(callId: number): void {
    this.#session.step({ kind: 'abort', callId })
    this.#schedule()
  }

  #schedule(): void {
    if (this.#flushing) return
    this.#flushing = true
    process.nextTick(this.#flushLater)
  }

  /** Never from inside a callback of its own: `ready` gives out arrays that the next one but one uses again. */
  #flush(): void {
    this.#flushing = false
    this.#session.step({ kind: 'tick', now: performance.now() })
    const ready = this.#session.ready()
    const stirred = this.#stirred
    this.#stirred = false
    this.#perform('leader', ready)
    if (ready.nearest !== undefined) this.#perform('nearest', ready.nearest)
    if (stirred) for (const { callId, error, answer } of ready.settled) this.#settle(callId, error, answer)
    else this.#refuseLater(ready.settled)
    this.#arm(ready.nextTickAt)
  }

  #refuseLater(settled: readonly Settled[]): void {
    if (settled.length === 0) return
    if (this.#refusals.length === 0) setImmediate(this.#tellRefusals)
    for (const one of settled) this.#refusals.push(one)
  }

  #perform(line: Line, { send, disconnect, connect }: LinkOrders): void {
    const live = this.#lines[line]
    if (send.length > 0) live?.connection.send(send)
    if (disconnect !== undefined && live?.attempt === disconnect) live.connection.close()
    if (connect !== undefined) this.#connect(line, connect)
  }

  #connect(line: Line, { attempt, address, hello }: Connect): void {
    try {
      const connection = this.#dial({
        address,
        hello,
        connectTimeoutMs: defaultTiming.connectTimeoutMs,
        events: {
          message: (message) => {
            this.#stirred = true
            this.#session.step({ kind: 'tick', now: performance.now() })
            this.#session.step({ kind: 'received', attempt, message })
            this.#schedule()
          },
          closed: (error) => {
            this.#stirred = true
            this.#onClosed(line, attempt, error)
          },
        },
      })
      this.#lines[line] = { attempt, connection }
    } catch (error) {
      // An address that a server told, and that is none.
      this.#onClosed(line, attempt, error instanceof Error ? error : new Error(String(error)))
    }
  }

  #onClosed(line: Line, attempt: number, error: Error | undefined): void {
    if (this.#lines[line]?.attempt === attempt) this.#lines[line] = undefined
    this.#session.step({ kind: 'tick', now: performance.now() })
    this.#session.step({
      kind: 'disconnected',
      attempt,
      reason: reasonOf(error),
      code: error instanceof RaftgenError ? error.code : undefined,
    })
    if (this.#isOffline) this.#onGone?.()
    this.#schedule()
  }

  #settle(callId: number, ...outcome: Parameters<Settle>): void {
    const settle = this.#settles[callId]
    const signal = this.#signals[callId]
    this.#settles[callId] = undefined
    this.#freeIds.push(callId)
    if (signal !== undefined) {
      this.#signals[callId] = undefined
      this.#watch.unwatch(signal, callId)
    }
    try {
      settle?.(...outcome)
    } catch (thrown) {
      throwLater(thrown)
    }
  }

  /** One timer, moved only when something is wanted earlier: it may fire in vain, and then is set anew. */
  #arm(at: number | undefined): void {
    if (at === undefined) return this.#disarm()
    if (this.#timer === undefined || at < this.#timerAt) {
      this.#disarm()
      const grains = Math.ceil(Math.max(0, at - performance.now()) / timerGrainMs)
      const delayMs = Math.max(1, grains) * timerGrainMs
      this.#timerAt = performance.now() + delayMs
      this.#timer = setTimeout(() => this.#onTimer(), delayMs)
      this.#timerHoldsProcess = true
    }
    this.#holdProcess(this.#timer)
  }

  /** While calls wait for a server and there is no socket, nothing else keeps the process from ending without an answer to them. */
  #holdProcess(timer: NodeJS.Timeout): void {
    const hold = this.#isOffline && this.#session.openCalls > 0
    if (hold === this.#timerHoldsProcess) return
    this.#timerHoldsProcess = hold
    if (hold) timer.ref()
    else timer.unref()
  }

  #disarm(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Timers run before the poll for input, immediates after it: after a stall of this process, answers that wait in the socket come first. */
  #onTimer(): void {
    this.#timer = undefined
    this.#stirred = true
    setImmediate(this.#flushLater)
  }
}

/** A bug of one caller. The others of this turn still get their answers. */
function throwLater(thrown: unknown): void {
  process.nextTick(() => {
    throw thrown
  })
}

const systemReasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  ETIMEDOUT: 'connection timed out',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ENOTFOUND: 'unknown host',
  EAI_AGAIN: 'host name not resolved',
}

function reasonOf(error: Error | undefined): string {
  if (error === undefined) return 'connection closed'
  // The transport's sentence names the address, which stands beside this one.
  const cause = error instanceof RaftgenError && error.code === 'UNAVAILABLE' && error.cause instanceof Error ? error.cause : error
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  return systemReasons[code] ?? cause.message
}

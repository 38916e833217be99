// A node in the world: sockets, disk, timers and a clock around the pure one.
import { createHash, randomInt } from 'node:crypto'
import { EventEmitter } from 'node:events'
import type { SoftState } from '../core/index.ts'
import { InvariantError } from '../core/invariant.ts'
import { RaftgenError } from '../errors.ts'
import { Node, type NodeEvent } from '../node/index.ts'
import type { Identity, Log } from '../ports/log.ts'
import { LevelLog } from '../storage/index.ts'
import { ClientListener, PeerTransport } from '../transport/index.ts'
import type { Hello, NodeStatus } from '../wire/client-messages.ts'
import { type BootstrapOptions, type CheckedTiming, checkBootstrap, checkServer, type Logger, type ServerOptions } from './options.ts'

interface ServerEvents {
  /** This node changed its role, term or leader. */
  role: [SoftState]
  handlerFailed: [Extract<NodeEvent, { kind: 'handlerFailed' }>]
  queryFailed: [Extract<NodeEvent, { kind: 'queryFailed' }>]
}

const stderrLogger: Logger = {
  info: () => {},
  warn: (message) => process.stderr.write(`raftgen: ${message}\n`),
  error: (message) => process.stderr.write(`raftgen: ${message}\n`),
}

/** For this long after the start an unreachable peer is not worth a warning. Milliseconds. */
const quietStartMs = 5_000

const clock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() }

export class Server {
  /** Resolves after `close`. Rejects with the cause when the node stopped itself: a failed write, or a broken invariant. */
  readonly closed: Promise<void>
  readonly identity: Identity
  readonly #events = new EventEmitter<ServerEvents>()
  readonly #logger: Logger
  readonly #log: Log
  readonly #node: Node
  readonly #startedAt = clock.monotonicMs()
  #peers: PeerTransport | undefined
  #clients: ClientListener | undefined
  #timer: NodeJS.Timeout | undefined
  #woken = false
  #stopped: Promise<void> | undefined
  #whenReady: (() => void)[] = []
  readonly #settleClosed: { readonly resolve: () => void; readonly reject: (error: Error) => void }

  /** Writes identity and first configuration. Once per node; what is there already is never touched (DATA_DIR_EXISTS). */
  static async bootstrap(options: BootstrapOptions): Promise<void> {
    const conf = checkBootstrap(options)
    const { dir, id, clusterId } = options
    await LevelLog.bootstrap({ dir, identity: { clusterId, nodeId: id, incarnation: 1 }, conf })
  }

  /**
   * Opens the log, verifies it, listens, and takes part in the cluster. Resolves when both ports accept connections; the node may still be
   * without a leader (see `ready`). Throws a `RaftgenError` that names what is wrong; nothing is left open then.
   */
  static async run(options: ServerOptions): Promise<Server> {
    const timing = checkServer(options)
    const logger = options.logger ?? stderrLogger
    const { log, identity } = await openLog(options, logger)
    const server = new Server(options, { log, identity, logger, timing })
    try {
      await server.#listen(options, timing)
    } catch (error) {
      await server.#release()
      throw error
    }
    return server
  }

  private constructor(
    options: ServerOptions,
    {
      log,
      identity,
      logger,
      timing,
    }: { readonly log: Log; readonly identity: Identity; readonly logger: Logger; readonly timing: CheckedTiming },
  ) {
    this.#log = log
    this.#logger = logger
    this.identity = identity
    const { promise, resolve, reject } = withResolvers()
    this.closed = promise
    this.#settleClosed = { resolve, reject }
    const limits = options.limits ?? {}
    const { machine } = options
    this.#node = new Node(
      { id: identity.nodeId, clusterId: identity.clusterId, machine, seed: randomInt(2 ** 32), timing, coreLimits: limits, limits },
      {
        log,
        clock,
        net: { send: (messages) => this.#peers?.send(messages) },
        clients: {
          send: (connection, messages) => this.#clients?.send(connection, messages),
          goodbye: (connection, { code, message }) => this.#clients?.goodbye(connection, code, message),
        },
        wake: () => this.#wake(),
        fail: (error) => this.#fail(error),
        digest: (parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex'),
        report: (event) => this.#report(event),
      },
    )
  }

  /** Address for peers, with the port that was taken. */
  get peerAddress(): string {
    return this.#peers?.address ?? ''
  }

  /** Address for clients, with the port that was taken. */
  get clientAddress(): string {
    return this.#clients?.address ?? ''
  }

  on<E extends keyof ServerEvents>(event: E, listener: (...args: ServerEvents[E]) => void): this {
    // @types/node ties listener and event together only for concrete names.
    this.#events.on(event, listener as never)
    return this
  }

  /** How this node sees itself and the cluster. `digest` reads the whole state. */
  status(options: { readonly digest: boolean } = { digest: false }): NodeStatus {
    return this.#node.status(options)
  }

  /** Resolves once this node leads, or follows a leader and has applied what that has committed. Rejects when the node stops before. */
  async ready(): Promise<void> {
    await Promise.race([
      this.closed,
      new Promise<void>((resolve) => {
        this.#whenReady.push(resolve)
        this.#wake()
      }),
    ])
    if (this.#stopped !== undefined) throw new RaftgenError('CLOSED', 'the server was closed before it was ready')
  }

  /** Says goodbye to clients and peers, waits for the write under way, closes the log. Idempotent. */
  async close(): Promise<void> {
    this.#stopped ??= this.#release().then(this.#settleClosed.resolve, this.#settleClosed.reject)
    await this.#stopped
  }

  async #listen(options: ServerOptions, timing: CheckedTiming): Promise<void> {
    const node = this.#node
    const { machine, listen } = options
    this.#peers = await PeerTransport.listen({
      address: listen.peer,
      self: this.identity,
      machine: { name: machine.name, wire: machine.wire },
      members: node.conf.members,
      events: { receive: (message) => node.receive(message), unreachable: (peer) => node.unreachable(peer) },
      onError: (error) => this.#warnOfPeer(error),
    })
    this.#clients = await ClientListener.listen({
      address: listen.client,
      handlers: {
        open: (connection, hello) => this.#welcome(connection, hello),
        message: (connection, message) => node.clientMessage(connection, message),
        closed: (connection) => node.clientClosed(connection),
      },
      onError: (error) => this.#logger.warn(error.message),
    })
    this.#timer = setInterval(() => this.#wake(), timing.tickMs)
    this.#wake()
  }

  /** Nodes start one after the other: that a peer is not there yet is no news. */
  #warnOfPeer(error: Error): void {
    const starting = clock.monotonicMs() - this.#startedAt < quietStartMs
    if (starting && error instanceof RaftgenError && error.code === 'UNAVAILABLE') this.#logger.info(error.message)
    else this.#logger.warn(error.message)
  }

  #welcome(connection: number, hello: Hello): void {
    const answer = this.#node.clientOpened(connection, hello)
    if (answer.kind === 'Welcome') this.#clients?.send(connection, [answer])
    else this.#clients?.goodbye(connection, answer.code, answer.message)
  }

  /** Turns run after the poll phase: whatever has arrived by then shares one turn, and is read before time is looked at. */
  #wake(): void {
    if (this.#woken || this.#stopped !== undefined) return
    this.#woken = true
    setImmediate(() => {
      this.#woken = false
      if (this.#stopped !== undefined) return
      this.#node.turn()
      this.#peers?.flush()
      this.#clients?.flush()
      if (this.#whenReady.length > 0 && this.#node.caughtUp) for (const resolve of this.#whenReady.splice(0)) resolve()
    })
  }

  #report(event: NodeEvent): void {
    switch (event.kind) {
      case 'role':
        this.#events.emit('role', event.softState)
        return
      case 'handlerFailed':
        this.#logger.error(
          `the handler of ${event.failure.command} failed at index ${event.index}: ${event.failure.stack ?? event.failure.message}`,
        )
        this.#events.emit('handlerFailed', event)
        return
      case 'queryFailed':
        this.#logger.error(`a query failed: ${event.stack ?? event.message}`)
        this.#events.emit('queryFailed', event)
        return
      default:
    }
  }

  #fail(cause: Error): void {
    if (this.#stopped !== undefined) return
    const error =
      cause instanceof RaftgenError
        ? cause
        : new RaftgenError('INTERNAL', `node ${this.identity.nodeId} has stopped: ${cause.message}`, { cause })
    this.#logger.error(
      `node ${this.identity.nodeId} stops: ${cause instanceof InvariantError ? (cause.stack ?? cause.message) : cause.message}`,
    )
    const reject = () => this.#settleClosed.reject(error)
    this.#stopped = this.#release().then(reject, reject)
  }

  async #release(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all([this.#clients?.close({ code: 'CLOSED', message: `node ${this.identity.nodeId} is closing` }), this.#peers?.close()])
    await new Promise<void>((resolve, reject) => this.#log.close((error) => (error === undefined ? resolve() : reject(error))))
  }
}

async function openLog(options: ServerOptions, logger: Logger): Promise<{ readonly log: Log; readonly identity: Identity }> {
  if (!('dir' in options)) return options
  const log = await LevelLog.open(options.dir, {
    onProgress: (index) => logger.info(`verifying the log of ${options.dir}: entry ${index}`),
  })
  return { log, identity: log.identity }
}

/** `Promise.withResolvers` is younger than Node 20. */
function withResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void; readonly reject: (error: Error) => void } {
  let resolve = () => {}
  let reject = (_: Error) => {}
  const promise = new Promise<void>((ok, no) => {
    resolve = ok
    reject = no
  })
  return { promise, resolve, reject }
}

// A node in the world: sockets, disk, timers and a clock around the pure one.
import { createHash, randomInt } from 'node:crypto'
import type { SoftState } from '../core/index.ts'
import { InvariantError } from '../core/invariant.ts'
import { RaftgenError } from '../errors.ts'
import { Node, type NodeEvent } from '../node/index.ts'
import type { Identity, Log } from '../ports/log.ts'
import { LevelLog } from '../storage/index.ts'
import { ClientListener, PeerTransport } from '../transport/index.ts'
import type { Hello, NodeStatus } from '../wire/client-messages.ts'
import { guarded, stderrLogger } from './logger.ts'
import { type BootstrapOptions, type CheckedOptions, checkBootstrap, checkServer, type Logger, type ServerOptions } from './options.ts'

interface ServerEvents {
  /** This node changed its role, term or leader. */
  role: [SoftState]
  handlerFailed: [Extract<NodeEvent, { kind: 'handlerFailed' }>]
  queryFailed: [Extract<NodeEvent, { kind: 'queryFailed' }>]
}
type Listeners = { readonly [E in keyof ServerEvents]: ((...args: ServerEvents[E]) => void)[] }

/** For this long after the start an unreachable peer is not worth a warning. Milliseconds. */
const quietStartMs = 5_000

const clock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() }

export class Server {
  /**
   * Resolves after `close`. Rejects with the cause when the node stopped itself: a failed write, or a broken invariant. Whoever does not
   * handle it gets an unhandled rejection then, so by default a failed node ends its process with exit code 1, and something can start it
   * anew; `ready` and `close` do not count as handling it. To go on without the node, handle it: `server.closed.catch(...)`.
   */
  readonly closed: Promise<void>
  readonly identity: Identity
  readonly #listeners: Listeners = { role: [], handlerFailed: [], queryFailed: [] }
  readonly #logger: Logger
  readonly #log: Log
  readonly #node: Node
  readonly #startedAt = clock.monotonicMs()
  #peers: PeerTransport | undefined
  #clients: ClientListener | undefined
  #timer: NodeJS.Timeout | undefined
  #woken = false
  /** `run` has not handed it out yet: a failure is thrown there, and nobody can see `closed`. */
  #starting = true
  /** Why the node stopped itself. */
  #failure: RaftgenError | undefined
  /** Set from the moment on in which it stops, whoever wanted that: no turn begins any more. */
  #stopped: Promise<void> | undefined
  #waiters: Settle[] = []
  readonly #settleClosed: Settle

  /** Writes identity and first configuration. Once per node; what is there already is never touched (DATA_DIR_EXISTS). */
  static async bootstrap(options: BootstrapOptions): Promise<void> {
    const conf = checkBootstrap(options)
    const { dir, id, clusterId } = options
    await LevelLog.bootstrap({ dir, identity: { clusterId, nodeId: id, incarnation: 1 }, conf })
  }

  /**
   * Opens the log, verifies it, listens, and takes part in the cluster. Resolves when both ports accept connections; the node may still be
   * without a leader (see `ready`). Throws a `RaftgenError` that names what is wrong: options (BAD_OPTIONS, SCHEMA_OPEN) before anything
   * was opened, all else after everything was closed again.
   */
  static async run(options: ServerOptions): Promise<Server> {
    const checked = checkServer(options)
    const logger = guarded(options.logger ?? stderrLogger)
    const { log, identity } = await openLog(options, logger)
    let server: Server | undefined
    try {
      server = new Server(options, { log, identity, logger, checked })
      await server.#listen(options, checked)
      return server
    } catch (error) {
      // What went wrong first is what the caller wants to know.
      await (server === undefined ? closeLog(log) : server.#abandon()).catch((late: Error) => logger.warn(notClosed(identity, late)))
      throw error
    }
  }

  private constructor(
    options: ServerOptions,
    {
      log,
      identity,
      logger,
      checked: { timing, limits },
    }: { readonly log: Log; readonly identity: Identity; readonly logger: Logger; readonly checked: CheckedOptions },
  ) {
    this.#log = log
    this.#logger = logger
    this.identity = identity
    const { promise, ...settle } = withResolvers()
    this.closed = promise
    this.#settleClosed = settle
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

  /**
   * Calls `listener` at each `event`, in the middle of a turn: it should be quick. One that throws is reported to `logger.error`, and is called
   * again next time.
   */
  on<E extends keyof ServerEvents>(event: E, listener: (...args: ServerEvents[E]) => void): this {
    this.#listeners[event].push(listener)
    return this
  }

  /** How this node sees itself and the cluster. `digest` reads the whole state. */
  status(options: { readonly digest: boolean } = { digest: false }): NodeStatus {
    return this.#node.status(options)
  }

  /**
   * Resolves once this node leads, or follows a leader and has applied what that has committed. Rejects when the node stops before: with what
   * stopped it, or with CLOSED. `closed` rejects none the less.
   */
  async ready(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#stopped !== undefined) throw closedEarly()
    await new Promise<void>((resolve, reject) => {
      this.#waiters.push({ resolve, reject })
      this.#wake()
    })
  }

  /**
   * Says goodbye to clients and peers, waits for the write under way, closes the log. Idempotent; after a failure it resolves once all is
   * closed. Rejects when the log could not be closed.
   */
  async close(): Promise<void> {
    if (this.#stopped === undefined) {
      this.#stopped = this.#release()
      this.#stopped.then(this.#settleClosed.resolve, this.#settleClosed.resolve)
      for (const { reject } of this.#waiters.splice(0)) reject(closedEarly())
    }
    await this.#stopped
  }

  async #listen(options: ServerOptions, { timing }: CheckedOptions): Promise<void> {
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
    // Peers may have talked to it already.
    if (this.#failure !== undefined) throw this.#failure
    this.#starting = false
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
      if (this.#waiters.length > 0 && this.#node.caughtUp) for (const { resolve } of this.#waiters.splice(0)) resolve()
    })
  }

  #report(event: NodeEvent): void {
    switch (event.kind) {
      case 'role':
        this.#tell('role', event.softState)
        return
      case 'handlerFailed':
        this.#logger.error(
          `the handler of ${event.failure.command} failed at index ${event.index}: ${event.failure.stack ?? event.failure.message}`,
        )
        this.#tell('handlerFailed', event)
        return
      case 'queryFailed':
        this.#logger.error(`a query failed: ${event.stack ?? event.message}`)
        this.#tell('queryFailed', event)
        return
      default:
    }
  }

  /** A listener that throws is a bug of its own, not one of the node: the turn it was called from goes on. */
  #tell<E extends keyof ServerEvents>(event: E, ...args: ServerEvents[E]): void {
    for (const listener of [...this.#listeners[event]]) {
      try {
        listener(...args)
      } catch (error) {
        this.#logger.error(`a listener of ${event} threw: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
      }
    }
  }

  #fail(cause: Error): void {
    const { nodeId } = this.identity
    const text = cause instanceof InvariantError ? (cause.stack ?? cause.message) : cause.message
    if (this.#stopped !== undefined) {
      // What was asked of the log too late is refused by it; all else is news.
      if (!(cause instanceof RaftgenError && cause.code === 'CLOSED')) this.#logger.error(`node ${nodeId} failed while it closed: ${text}`)
      return
    }
    const error =
      cause instanceof RaftgenError ? cause : new RaftgenError('INTERNAL', `node ${nodeId} has stopped: ${cause.message}`, { cause })
    this.#failure = error
    this.#logger.error(`node ${nodeId} stops: ${text}`)
    if (this.#starting) return
    const stopped = () => this.#settleClosed.reject(error)
    this.#stopped = this.#release()
      .catch((late: Error) => this.#logger.warn(notClosed(this.identity, late)))
      .then(stopped)
    for (const { reject } of this.#waiters.splice(0)) reject(error)
  }

  /** It never ran: nobody knows it. */
  async #abandon(): Promise<void> {
    this.#stopped = this.#release()
    await this.#stopped
  }

  async #release(): Promise<void> {
    clearInterval(this.#timer)
    const goodbye = { code: 'CLOSED', message: `node ${this.identity.nodeId} is closing` } as const
    try {
      await Promise.all([this.#clients?.close(goodbye), this.#peers?.close()])
    } finally {
      await closeLog(this.#log)
    }
  }
}

async function openLog(options: ServerOptions, logger: Logger): Promise<{ readonly log: Log; readonly identity: Identity }> {
  if ('log' in options && options.log !== undefined) return options
  if (!('dir' in options)) return options
  const { dir, id, clusterId, listen, machine } = options
  const log = await LevelLog.open(dir, {
    expect: { ...(id === undefined ? {} : { nodeId: id }), ...(clusterId === undefined ? {} : { clusterId }) },
    machine,
    onProgress: (index) => logger.info(`verifying the log of ${dir}: entry ${index}`),
  })
  const { nodeId } = log.identity
  const other = log.summary.base.conf.members.find((member) => member.id !== nodeId && member.peer === listen.peer)
  if (other === undefined) return { log, identity: log.identity }
  await closeLog(log)
  throw new RaftgenError(
    'DATA_DIR_FOREIGN',
    `${dir} belongs to node ${nodeId}, but ${listen.peer} is where node ${other.id} listens. Correct dir or listen`,
  )
}

async function closeLog(log: Log): Promise<void> {
  await new Promise<void>((resolve, reject) => log.close((error) => (error === undefined ? resolve() : reject(error))))
}

const notClosed = ({ nodeId }: Identity, error: Error): string => `the log of node ${nodeId} could not be closed: ${error.message}`
const closedEarly = (): RaftgenError => new RaftgenError('CLOSED', 'the server was closed before it was ready')

interface Settle {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** `Promise.withResolvers` is younger than Node 20. */
function withResolvers(): Settle & { readonly promise: Promise<void> } {
  let resolve = () => {}
  let reject = (_: Error) => {}
  const promise = new Promise<void>((ok, no) => {
    resolve = ok
    reject = no
  })
  return { promise, resolve, reject }
}

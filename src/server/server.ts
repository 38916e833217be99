// A node in the world: sockets, disk, timers and a clock around the pure one.
import { knownVersions } from '../machine/evolution.ts'
import { createHash, randomBytes, randomInt } from 'node:crypto'
import type { NodeId } from '../core/index.ts'
import { InvariantError } from '../core/invariant.ts'
import { RaftgenError } from '../errors.ts'
import { defaultNodeLimits, Node } from '../node/index.ts'
import type { Recovered } from '../node/options.ts'
import type { Identity } from '../ports/log.ts'
import { LevelLog } from '../storage/index.ts'
import { ClientListener, PeerTransport } from '../transport/index.ts'
import type { Hello, NodeStatus } from '../wire/client-messages.ts'
import { Events, type ServerEvents } from './events.ts'
import { type CheckedTiming, coreLimitsOf } from './limits.ts'
import { LeaderWatch } from './leader-watch.ts'
import { guarded, stderrLogger } from './logger.ts'
import { closeStore, notClosed, openStore, recoverState, type Store, type StoreSettings } from './open-store.ts'
import { addressProblem } from './own-address.ts'
import { OwnCalls, ownConnection } from './own-calls.ts'
import { Readiness } from './readiness.ts'
import {
  type Advertised,
  type BootstrapOptions,
  type CheckedOptions,
  checkBootstrap,
  checkServer,
  type Logger,
  type ServerOptions,
} from './options.ts'

/** For this long after the start an unreachable peer is not worth a warning. Milliseconds. */
const quietStartMs = 5_000

const clock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() }

export class Server {
  /**
   * Resolves after `close`. Rejects with the cause when the node stopped itself: a failed write, a broken invariant, or that it is no member any
   * more. Whoever does not handle it gets an unhandled rejection then, so by default a failed node ends its process with exit code 1, and
   * something can start it anew; `ready` and `close` do not count as handling it. To go on without the node, handle it: `server.closed.catch(...)`.
   * An error whose `code` is NODE_REMOVED is for good: whatever starts the process again should look at it, and then not do so.
   */
  readonly closed: Promise<void>
  readonly identity: Identity
  readonly #events: Events
  readonly #logger: Logger
  readonly #store: Store
  readonly #node: Node
  readonly #timing: CheckedTiming
  readonly #leaderWatch: LeaderWatch
  readonly #startedAt = clock.monotonicMs()
  #peers: PeerTransport | undefined
  #clients: ClientListener | undefined
  #timer: NodeJS.Timeout | undefined
  #woken = false
  /** When the last turn began, or was put off. */
  #awakeAt = clock.monotonicMs()
  /** The turn to come was put off once. */
  #polledAgain = false
  /** `run` has not handed it out yet: a failure is thrown there, and nobody can see `closed`. */
  #starting = true
  /** Why the node stopped itself. */
  #failure: RaftgenError | undefined
  /** Set from the moment on in which it stops, whoever wanted that: no turn begins any more. */
  #stopped: Promise<void> | undefined
  readonly #readiness = new Readiness()
  /** Under way since the first `close`. */
  #handingOver: Promise<void> | undefined
  /** Ends the wait for it. */
  #handedOver: (() => void) | undefined
  readonly #ownCalls = new OwnCalls((message) => this.#node.clientMessage(ownConnection, message))
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
  static async run(options: ServerOptions, { watch }: ServerInternals = {}): Promise<Server> {
    const checked = checkServer(options)
    const logger = guarded(options.logger ?? stderrLogger)
    const { diskReserveBytes: reserveBytes } = { ...defaultNodeLimits, ...checked.limits }
    const store = await openStore(options, { logger, reserveBytes, ...(watch === undefined ? {} : { watch }) })
    let server: Server | undefined
    try {
      const recovered = await recoverState(store, options.machine, logger)
      const { onHandlerError = 'fail', retryHalted = false, activation = 'automatic' } = options
      server = new Server({ store, recovered, logger, checked, onHandlerError, retryHalted, activation })
      await server.#listen(options)
      return server
    } catch (error) {
      // What went wrong first is what the caller wants to know.
      await (server === undefined ? closeStore(store) : server.#abandon()).catch((late: Error) =>
        logger.warn(notClosed(store.identity, late)),
      )
      throw error
    }
  }

  private constructor({ store, recovered, logger, checked: { timing, limits }, onHandlerError, retryHalted, activation }: ServerParts) {
    const { log, snapshots, identity } = store
    this.#store = store
    this.#logger = logger
    this.#timing = timing
    this.identity = identity
    this.#events = new Events(identity.nodeId, logger)
    const { electionTimeoutMs } = timing
    this.#leaderWatch = new LeaderWatch({ identity, electionTimeoutMs, logger, members: () => this.#node.conf.members })
    const { promise, ...settle } = withResolvers()
    this.closed = promise
    this.#settleClosed = settle
    const { clusterId, nodeId, incarnation } = identity
    const coreLimits = coreLimitsOf(limits)
    const nonce = randomBytes(6).readUIntBE(0, 6)
    const halted = store.halt?.stored && { ...store.halt.stored, isFatal: true }
    const policy = { onHandlerError, halted, retryHalted, activation }
    this.#node = new Node(
      { id: nodeId, clusterId, incarnation, recovered, seed: randomInt(2 ** 32), nonce, ...policy, timing, coreLimits, limits },
      {
        log,
        snapshots,
        clock,
        net: { send: (messages) => this.#peers?.send(messages), flush: () => this.#peers?.flush() },
        clients: {
          send: (connection, messages) =>
            connection === ownConnection ? this.#ownCalls.receive(messages) : this.#clients?.send(connection, messages),
          goodbye: (connection, { code, message }) => this.#clients?.goodbye(connection, code, message),
        },
        wake: () => this.#wake(),
        fail: (error) => this.#fail(error),
        digest: (parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex'),
        confChanged: ({ members }, committed) => this.#peers?.setConf({ members, committed }),
        report: (event) => {
          if (event.kind === 'handlerFatal') store.halt?.write(event.halt)
          if (event.kind === 'applyGoesOn') store.halt?.remove()
          this.#events.report(event)
        },
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
    this.#events.on(event, listener)
    return this
  }

  /** How this node sees itself and the cluster. `digest` reads the whole state. */
  status(options: { readonly digest: boolean } = { digest: false }): NodeStatus {
    return this.#node.status(options)
  }

  /**
   * Resolves once this node leads, or follows a leader and has applied what that has committed. Rejects when the node stops before: with what
   * stopped it, or with CLOSED; `closed` rejects none the less. And with APPLY_HALTED when it does not apply all of it, for a handler fails: the node takes
   * part on then.
   */
  async ready(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#stopped !== undefined) throw closedEarly()
    this.#wake()
    await this.#readiness.wait()
  }

  /**
   * Hands leadership to another voter, `to`, by default the most up-to-date one, and resolves once that leads; writes wait meanwhile. Throws
   * UNAVAILABLE when this node does not lead, or stopped leading and knows nobody who does for five election timeouts; and CHANGE_REFUSED with the
   * reason when it leads on: at the latest after an election timeout.
   */
  async transferLeadership({ to }: { readonly to?: NodeId } = {}): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#stopped !== undefined) throw closedEarly()
    await this.#ownCalls.ask({ kind: 'transfer', to })
  }

  /**
   * Hands leadership over if this node leads, unless `handOver` is false: writes wait until another leads, for an election timeout at most. Then
   * says goodbye to clients and peers, waits for the write under way, closes snapshots and log. Idempotent; after a failure it resolves once
   * all is closed. Rejects when the log could not be closed.
   */
  async close({ handOver = true }: { readonly handOver?: boolean } = {}): Promise<void> {
    if (handOver && this.#stopped === undefined && this.#leadsOthers) {
      this.#handingOver ??= this.#handOver()
      await this.#handingOver
    }
    if (this.#stopped === undefined) {
      this.#stopped = this.#release()
      this.#stopped.then(this.#settleClosed.resolve, this.#settleClosed.resolve)
      this.#endWaits(closedEarly())
    }
    await this.#stopped
  }

  get #leadsOthers(): boolean {
    const { id, conf, softState } = this.#node
    return softState.role === 'leader' && conf.voters.some((other) => other !== id)
  }

  /** Until another leads, or nothing can come of it. */
  async #handOver(): Promise<void> {
    this.#node.handOver()
    const timer = setTimeout(() => this.#handedOver?.(), this.#timing.electionTimeoutMs)
    await new Promise<void>((resolve) => {
      this.#handedOver = resolve
    })
    this.#handedOver = undefined
    clearTimeout(timer)
  }

  async #listen(options: ServerOptions): Promise<void> {
    const { machine, listen } = options
    const node = this.#node
    // Before anything comes in: a node without room is not to take it.
    await this.#store.space?.start((space) => node.measured(space))
    this.#peers = await PeerTransport.listen({
      address: listen.peer,
      self: this.identity,
      machine: { name: machine.name, versions: knownVersions(machine) },
      members: node.conf.members,
      committed: node.committedConf,
      disks: this.#store.disks,
      events: {
        receive: (message) => node.receive(message),
        unreachable: (peer) => node.unreachable(peer),
        peerDown: (peer, incarnation) => node.peerDown(peer, incarnation),
        removed: (message) => this.#fail(new RaftgenError('NODE_REMOVED', message)),
        failed: (error) => this.#fail(error),
      },
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
    node.clientOpened(ownConnection, { kind: 'Hello', clusterId: '', machine: '', version: 0, wire: '' })
    this.#checkAddresses('advertise' in options ? options.advertise : undefined)
    // Peers may have talked to it already.
    if (this.#failure !== undefined) throw this.#failure
    this.#starting = false
    this.#timer = setInterval(() => this.#wake(), this.#timing.tickMs)
    this.#wake()
  }

  /** Whether others look for this node where it is. `advertised`: where it says itself that they do. */
  #checkAddresses(advertised: Advertised = { peer: this.peerAddress, client: this.clientAddress }): void {
    const self = this.#node.conf.members.find(({ id }) => id === this.identity.nodeId)
    const problem = self === undefined ? undefined : addressProblem(self, advertised)
    if (problem !== undefined) this.#logger.warn(problem)
  }

  /** Nodes start one after the other: that a peer is not there yet is no news. */
  #warnOfPeer(error: Error): void {
    const starting = clock.monotonicMs() - this.#startedAt < quietStartMs
    if (starting && error instanceof RaftgenError && error.code === 'UNAVAILABLE') this.#logger.info(error.message)
    // A member is out of the cluster until somebody does something about it.
    else if (error instanceof RaftgenError && error.code === 'DATA_DIR_FOREIGN') this.#logger.error(error.message)
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
    setImmediate(this.#onImmediate)
  }

  readonly #onImmediate = (): void => {
    if (this.#stopped !== undefined) return
    const now = clock.monotonicMs()
    const stalled = now - this.#awakeAt > this.#timing.heartbeatMs / 2
    this.#awakeAt = now
    if (stalled && !this.#polledAgain) {
      // Whatever arrived while this process stood still is read first: the poll phase may lie before the stall. Once more is enough.
      this.#polledAgain = true
      setImmediate(this.#onImmediate)
      return
    }
    this.#polledAgain = false
    this.#woken = false
    this.#turn()
  }

  #turn(): void {
    this.#node.turn()
    this.#peers?.flush()
    this.#clients?.flush()
    if (this.#readiness.isAwaited) this.#readiness.turn(this.#node)
    // Not before the next leader is known: until then it may need this node's vote, and clients could not be told where to go.
    const { role, leader } = this.#node.softState
    this.#leaderWatch.turn(leader, this.#awakeAt)
    if (this.#handedOver !== undefined && role !== 'leader' && leader !== undefined) this.#handedOver()
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
    this.#endWaits(error)
  }

  #endWaits(error: RaftgenError): void {
    this.#readiness.fail(error)
    this.#ownCalls.fail(error)
    this.#handedOver?.()
  }

  /** It never ran: nobody knows it. */
  async #abandon(): Promise<void> {
    this.#stopped = this.#release()
    await this.#stopped
  }

  async #release(): Promise<void> {
    clearInterval(this.#timer)
    this.#leaderWatch.stop()
    const goodbye = { code: 'CLOSED', message: `node ${this.identity.nodeId} is closing` } as const
    try {
      await Promise.all([this.#clients?.close(goodbye), this.#peers?.close()])
    } finally {
      await closeStore(this.#store)
    }
  }
}

const closedEarly = (): RaftgenError => new RaftgenError('CLOSED', 'the server was closed before it was ready')

/** Not for users: what is tested. */
export type ServerInternals = Pick<StoreSettings, 'watch'>

interface ServerParts extends Required<Pick<ServerOptions, 'onHandlerError' | 'retryHalted' | 'activation'>> {
  readonly store: Store
  readonly recovered: Recovered
  readonly logger: Logger
  readonly checked: CheckedOptions
}

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

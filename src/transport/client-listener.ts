import type { Socket } from 'node:net'
import type { Ms } from '../core/types.ts'
import { type ErrorCode, RaftgenError } from '../errors.ts'
import type { ClientMessage, Hello, ServerMessage } from '../wire/client-messages.ts'
import { FrameWriter } from '../wire/frame.ts'
import { ClientConnection, type ConnectionEvents } from './client-connection.ts'
import { type ClientLimits, clientLimits } from './client-limits.ts'
import { Reports } from './reports.ts'
import { type Listening, listenOn } from './socket.ts'
import { sweepEvery } from './timing.ts'

/** Deadlines are looked at this often. */
const sweepMs = 250

/** A connection is a positive integer, used once in the life of a listener. */
export interface ClientHandlers {
  /** A client has said hello, and waits for `Welcome` or `goodbye`. */
  open(connection: number, hello: Hello): void
  /**
   * In order, each after `open`. Never a Hello. Commands and queries in it are views into the frame that arrived: to keep one for
   * longer than a turn, copy it.
   */
  message(connection: number, message: ClientMessage): void
  /** Once for each `open`, never from inside a call to the listener. What is sent to it from now on is dropped. */
  closed(connection: number): void
}
export interface ClientListenerOptions {
  /** `host:port` to listen on. Port 0 takes a free one; `address` says which. */
  readonly address: string
  readonly handlers: ClientHandlers
  readonly limits?: Partial<ClientLimits>
  /** What an operator should know: refused and malformed connections. The same sentence comes once a minute at most. */
  readonly onError?: (error: Error) => void
}

/** Since the start, but for `connections`, which are those of now. */
export interface ClientCounters {
  readonly connections: number
  /** Handshakes refused, connections beyond a limit. */
  readonly refused: number
  /** Connections ended because of what they carried. */
  readonly malformed: number
  /** Connections that did not open as ours do. */
  readonly foreign: number
  /** Connections that were silent for too long, or did not read their replies. */
  readonly cut: number
}

/**
 * The clients of a node over TCP. Every byte that can arrive is either a message or the end of that one connection, with a `Goodbye` that says
 * why where the other side can read it.
 *
 * What one turn sends to a client leaves in one write, at `flush`, or at the end of the running callback when nobody calls it.
 */
export class ClientListener {
  readonly #handlers: ClientHandlers
  readonly #limits: ClientLimits
  readonly #reports: Reports
  /** No hello yet. Oldest first. */
  readonly #handshakes = new Set<ClientConnection>()
  readonly #connections = new Map<number, ClientConnection>()
  readonly #perAddress = new Map<string, number>()
  readonly #counters = { refused: 0, malformed: 0, foreign: 0, cut: 0 }
  /** Scratch of `flush`, shared: an idle connection owns no buffer. */
  readonly #frames = new FrameWriter(65_536)
  /** Have something to send at the next flush. */
  #dirty: ClientConnection[] = []
  #lastNumber = 0
  #listening: Listening | undefined
  #stopSweeping: () => void = () => {}
  #closed = false
  /** Called when the last connection is gone, once this closes. */
  #onEmpty: (() => void) | undefined

  private constructor({ handlers, limits, onError = () => {} }: ClientListenerOptions) {
    this.#handlers = handlers
    this.#limits = { ...clientLimits, ...limits }
    this.#reports = new Reports(onError)
  }

  /** Throws BAD_OPTIONS, ADDRESS_IN_USE. */
  static async listen(options: ClientListenerOptions): Promise<ClientListener> {
    const listener = new ClientListener(options)
    listener.#listening = await listenOn({
      address: options.address,
      onSocket: (socket) => listener.#onSocket(socket),
      onError: (error) => listener.#reports.say(error),
    })
    listener.#stopSweeping = sweepEvery(sweepMs, (now) => listener.#sweep(now))
    return listener
  }

  /** Where this node listens. */
  get address(): string {
    return this.#listening?.address ?? ''
  }

  get counters(): ClientCounters {
    return { connections: this.#connections.size, ...this.#counters }
  }

  /** Queues. Dropped when `connection` is gone. */
  send(connection: number, messages: readonly ServerMessage[]): void {
    const target = this.#connections.get(connection)
    if (target?.enqueue(messages) !== true) return
    this.#dirty.push(target)
    if (this.#dirty.length === 1) queueMicrotask(this.#flushLate)
  }

  /** Writes what was sent since the last one. Called at the end of a turn. */
  flush(): void {
    if (this.#dirty.length === 0) return
    const dirty = this.#dirty
    this.#dirty = []
    for (const connection of dirty) if (connection.flush(this.#frames)) this.#counters.cut += 1
  }

  /** Reads no more from it until `resume`. What was read already, 64 KiB at most and the frame under way, still comes. */
  pause(connection: number): void {
    this.#connections.get(connection)?.pause()
  }

  resume(connection: number): void {
    this.#connections.get(connection)?.resume()
  }

  /** Sends what is queued, then `Goodbye`, and ends the connection. `closed` follows. */
  goodbye(connection: number, code: ErrorCode, message: string): void {
    this.flush()
    this.#connections.get(connection)?.goodbye(code, message)
  }

  /** Takes no more clients, and ends those that are there, with `goodbye` when one is given. Resolves once `closed` was called for all. */
  async close(goodbye?: { readonly code: ErrorCode; readonly message: string }): Promise<void> {
    this.#closed = true
    this.#stopSweeping()
    this.flush()
    for (const connection of this.#handshakes) connection.destroy()
    for (const connection of this.#connections.values()) {
      if (goodbye === undefined) connection.destroy()
      else connection.goodbye(goodbye.code, goodbye.message)
    }
    await this.#listening?.close()
    // The last sockets report their end a moment after they were counted out.
    if (this.#isEmpty()) return
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve
    })
  }

  readonly #flushLate = (): void => this.flush()

  readonly #connectionEvents: ConnectionEvents = {
    hello: (connection, hello) => this.#onHello(connection, hello),
    message: (connection, message) => {
      if (!this.#closed) this.#handlers.message(connection.number, message)
    },
    foreign: () => void this.#counters.foreign++,
    malformed: (error) => {
      this.#counters.malformed += 1
      this.#reports.say(error)
    },
    refused: (error) => this.#onRefused(error),
    closed: (connection) => this.#onClosed(connection),
  }

  #onSocket(socket: Socket): void {
    this.#handshakes.add(new ClientConnection(socket, this.#limits, this.#connectionEvents))
    if (this.#handshakes.size <= this.#limits.handshakesMax) return
    for (const oldest of this.#handshakes) {
      this.#cutHandshake(oldest)
      return
    }
  }

  #onHello(connection: ClientConnection, hello: Hello): void {
    this.#handshakes.delete(connection)
    connection.answer()
    const full = this.#checkRoom(connection.remoteAddress)
    if (full !== undefined) {
      this.#onRefused(new RaftgenError('OVERLOADED', `refused a connection from ${connection.remoteAddress}: ${full}`))
      connection.goodbye('OVERLOADED', full)
      return
    }
    connection.number = ++this.#lastNumber
    this.#connections.set(connection.number, connection)
    this.#perAddress.set(connection.remoteAddress, (this.#perAddress.get(connection.remoteAddress) ?? 0) + 1)
    this.#handlers.open(connection.number, hello)
  }

  /** Why one more connection from `remoteAddress` is too many, or nothing. */
  #checkRoom(remoteAddress: string): string | undefined {
    const { connectionsMax, connectionsPerAddressMax } = this.#limits
    if (this.#connections.size >= connectionsMax) return `this server has ${connectionsMax} connections, its limit`
    if ((this.#perAddress.get(remoteAddress) ?? 0) < connectionsPerAddressMax) return undefined
    return `this server has ${connectionsPerAddressMax} connections from ${remoteAddress}, its limit for one address`
  }

  #onRefused(error: RaftgenError): void {
    this.#counters.refused += 1
    this.#reports.say(error)
  }

  #onClosed(connection: ClientConnection): void {
    this.#handshakes.delete(connection)
    if (this.#connections.delete(connection.number)) {
      const left = (this.#perAddress.get(connection.remoteAddress) ?? 1) - 1
      if (left === 0) this.#perAddress.delete(connection.remoteAddress)
      else this.#perAddress.set(connection.remoteAddress, left)
      this.#handlers.closed(connection.number)
    }
    if (this.#isEmpty()) this.#onEmpty?.()
  }

  #isEmpty(): boolean {
    return this.#connections.size + this.#handshakes.size === 0
  }

  #sweep(now: Ms): void {
    for (const connection of this.#handshakes) {
      if (now - connection.since <= this.#limits.handshakeTimeoutMs) break
      this.#cutHandshake(connection)
    }
    let outputBytes = 0
    let largest: ClientConnection | undefined
    for (const connection of this.#connections.values()) {
      if (connection.sweep(now)) this.#counters.cut += 1
      outputBytes += connection.pendingBytes
      if (connection.pendingBytes > (largest?.pendingBytes ?? 0)) largest = connection
    }
    if (outputBytes <= this.#limits.outputTotalBytesMax || largest === undefined) return
    this.#counters.cut += 1
    largest.destroy()
  }

  #cutHandshake(connection: ClientConnection): void {
    this.#handshakes.delete(connection)
    this.#counters.cut += 1
    connection.destroy()
  }
}

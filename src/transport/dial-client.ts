import type { Ms } from '../core/types.ts'
import { RaftgenError } from '../errors.ts'
import { WireError } from '../wire/bytes.ts'
import { writeClientMessage } from '../wire/client-codec.ts'
import type { ClientMessage, Hello, ServerMessage } from '../wire/client-messages.ts'
import { FrameWriter } from '../wire/frame.ts'
import { chooseVersion, encodePreamble, type Preamble } from '../wire/handshake.ts'
import { decodeServerMessage } from '../wire/server-codec.ts'
import { Channel } from './channel.ts'
import { connectTo } from './socket.ts'

export interface DialClientOptions {
  /** `host:port` of a server's port for clients. */
  readonly address: string
  readonly hello: Hello
  /** From the call to the server's first message. Milliseconds, default 5,000. */
  readonly connectTimeoutMs?: Ms
  readonly events: DialClientEvents
}
export interface DialClientEvents {
  /** The first is `Welcome`, or `Goodbye` when the server refuses. Replies in it are views into the frame that arrived. */
  message(message: ServerMessage): void
  /**
   * Once, and the last call, never from inside `dialClient` or a method. `undefined` when either side ended it in order; else UNAVAILABLE
   * (could not connect, or lost) or PROTOCOL_MISMATCH (what answers is no server of ours).
   */
  closed(error: RaftgenError | undefined): void
}

/** One connection of a client. It does not come back once it is closed. */
export interface ClientLink {
  /** One write. May be called at once: what is sent before the connection stands follows the hello. Dropped once closed. */
  send(messages: readonly ClientMessage[]): void
  /** Sent, and still in this process. The caller keeps it bounded. */
  readonly bufferedBytes: number
  /** Ends the connection once what was sent has left. */
  close(): void
}

/** Dials in the background. Throws BAD_OPTIONS when the address is none. */
export function dialClient(options: DialClientOptions): ClientLink {
  return new TcpClientLink(options)
}

class TcpClientLink implements ClientLink {
  readonly #address: string
  readonly #events: DialClientEvents
  readonly #channel: Channel
  readonly #frames = new FrameWriter(16_384)
  readonly #deadline: NodeJS.Timeout
  #preamble: Preamble | undefined
  /** `said`: the server has said goodbye, or this side has closed. What follows is no error. */
  #state: 'dialling' | 'open' | 'said' = 'dialling'

  constructor({ address, hello, connectTimeoutMs = 5_000, events }: DialClientOptions) {
    this.#address = address
    this.#events = events
    this.#channel = new Channel(connectTo(address), {
      preamble: (preamble) => this.#onPreamble(preamble),
      frame: (body) => this.#onFrame(body),
      malformed: () => {},
      closed: (error) => this.#onClosed(error),
    })
    const late = (): void => {
      if (this.#state === 'dialling') this.#channel.destroy(new Error(`no answer within ${connectTimeoutMs} ms`))
    }
    // An immediate after the timer: an answer that waited out a stall of this process has been read by now.
    this.#deadline = setTimeout(() => setImmediate(late), connectTimeoutMs)
    writeClientMessage(this.#frames, hello)
    this.#channel.write(Buffer.concat([encodePreamble({ role: 'client' }), this.#frames.take()]))
  }

  get bufferedBytes(): number {
    return this.#channel.pendingBytes
  }

  send(messages: readonly ClientMessage[]): void {
    for (const message of messages) writeClientMessage(this.#frames, message)
    if (this.#frames.length > 0) this.#channel.writeAll(this.#frames)
  }

  close(): void {
    if (this.#state === 'dialling') this.#channel.destroy()
    else this.#channel.end(new Uint8Array(0))
    this.#state = 'said'
  }

  #onPreamble(preamble: Preamble): void {
    this.#preamble = preamble
  }

  #onFrame(body: Buffer): void {
    const message = this.#channel.decode(body, decodeServerMessage)
    if (message === undefined) return
    if (this.#state === 'dialling' && message.kind !== 'Goodbye' && !this.#isAccepted()) {
      this.#channel.destroy(new WireError('it speaks no version that is known here'))
      return
    }
    clearTimeout(this.#deadline)
    this.#state = message.kind === 'Goodbye' ? 'said' : 'open'
    this.#events.message(message)
    if (message.kind === 'Goodbye') this.#channel.end(new Uint8Array(0))
  }

  #isAccepted(): boolean {
    const preamble = this.#preamble
    return preamble !== undefined && preamble.role === 'client' && preamble.version === chooseVersion(preamble)
  }

  #onClosed(error: Error | undefined): void {
    clearTimeout(this.#deadline)
    this.#events.closed(this.#state === 'said' ? undefined : this.#describe(error))
  }

  #describe(cause: Error | undefined): RaftgenError {
    const reason = cause?.message ?? 'the other side closed the connection'
    if (cause instanceof WireError) {
      return new RaftgenError('PROTOCOL_MISMATCH', `what answers at ${this.#address} is no raftgen server for clients: ${reason}`, {
        cause,
      })
    }
    if (this.#state === 'dialling') return new RaftgenError('UNAVAILABLE', `cannot connect to ${this.#address}: ${reason}`, { cause })
    // What was sent may have arrived: only the caller knows what that was.
    return new RaftgenError('UNAVAILABLE', `lost the connection to ${this.#address}: ${reason}`, { cause, outcome: 'unknown' })
  }
}

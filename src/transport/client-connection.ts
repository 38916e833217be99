// One client as its listener sees it. The hello first, then messages; replies wait here for the end of the turn.
import type { Socket } from 'node:net'
import type { Ms } from '../core/types.ts'
import { type ErrorCode, RaftgenError } from '../errors.ts'
import { WireError } from '../wire/bytes.ts'
import { decodeClientMessage } from '../wire/client-codec.ts'
import type { ClientMessage, Hello, ServerMessage } from '../wire/client-messages.ts'
import type { FrameWriter } from '../wire/frame.ts'
import { chooseVersion, encodePreamble, ForeignError, type Preamble } from '../wire/handshake.ts'
import { goodbyeFrame, writeServerMessage } from '../wire/server-codec.ts'
import { Channel } from './channel.ts'
import type { ClientLimits } from './client-limits.ts'
import { checkPreamble } from './peer-identity.ts'

/** Replies are handed to the socket when this many bytes of them are encoded, so that what does not fit its limit is never encoded at all. */
const writeBytesMax = 1_024 * 1_024

export interface ConnectionEvents {
  /** The handshake is complete. */
  hello(connection: ClientConnection, hello: Hello): void
  message(connection: ClientConnection, message: ClientMessage): void
  foreign(): void
  malformed(error: RaftgenError): void
  refused(error: RaftgenError): void
  closed(connection: ClientConnection): void
}

export class ClientConnection {
  readonly since: Ms = performance.now()
  /** From 1; 0 until its listener has let it in. */
  number = 0
  readonly #channel: Channel
  readonly #limits: ClientLimits
  readonly #events: ConnectionEvents
  #version: number | undefined
  #greeted = false
  /** The eight bytes that answer the client's have left. */
  #answered = false
  #outbox: ServerMessage[] = []
  /** The server does not want more for now. */
  #pausedByServer = false
  /** The client does not read. */
  #pausedByOutput = false

  constructor(socket: Socket, limits: ClientLimits, events: ConnectionEvents) {
    this.#limits = limits
    this.#events = events
    this.#channel = new Channel(socket, {
      preamble: (preamble) => this.#onPreamble(preamble),
      frame: (body) => this.#onFrame(body),
      malformed: (error) => this.#onMalformed(error),
      drained: () => this.#onDrained(),
      closed: () => events.closed(this),
    })
  }

  get remoteAddress(): string {
    return this.#channel.remoteAddress
  }

  get pendingBytes(): number {
    return this.#channel.pendingBytes
  }

  /** Keeps `messages` for `flush`; whether they are the first. */
  enqueue(messages: readonly ServerMessage[]): boolean {
    if (!this.#channel.isOpen) return false
    const first = this.#outbox.length === 0 && messages.length > 0
    for (const message of messages) this.#outbox.push(message)
    return first
  }

  /**
   * One write for everything kept, or several when that is much. `frames` is empty, and is so again afterwards. Whether the client had to
   * be cut for not reading.
   */
  flush(frames: FrameWriter): boolean {
    const messages = this.#outbox
    this.#outbox = []
    if (!this.#channel.isOpen) return false
    for (const message of messages) {
      writeServerMessage(frames, message)
      if (frames.length >= writeBytesMax && this.#write(frames)) return true
    }
    if (frames.length > 0 && this.#write(frames)) return true
    if (this.pendingBytes > this.#limits.outputPauseBytes) this.#pauseByOutput()
    return false
  }

  pause(): void {
    this.#pausedByServer = true
    this.#channel.pause()
  }

  resume(): void {
    if (!this.#pausedByServer) return
    this.#pausedByServer = false
    if (!this.#pausedByOutput) this.#channel.resume()
  }

  goodbye(code: ErrorCode, message: string): void {
    this.#end(this.#version, code, message)
  }

  destroy(): void {
    this.#channel.destroy()
  }

  /** Ends a connection that has been silent for too long, or takes too long to read what waits for it; whether it did. */
  sweep(now: Ms): boolean {
    const { idleTimeoutMs } = this.#limits
    if (!this.#channel.isOpen || this.#pausedByServer || now - this.#channel.frameAt <= idleTimeoutMs) return false
    if (this.#pausedByOutput) this.destroy()
    else this.goodbye('UNAVAILABLE', `nothing was heard on this connection for ${idleTimeoutMs} ms`)
    return true
  }

  /** Whether that was too much. */
  #write(frames: FrameWriter): boolean {
    this.#channel.writeAll(frames)
    const tooMuch = this.pendingBytes > this.#limits.outputBytesMax
    if (tooMuch) this.destroy()
    return tooMuch
  }

  #onPreamble(preamble: Preamble): void {
    const refusal = checkPreamble(preamble, 'client', 'this server')
    if (refusal === undefined) this.#version = chooseVersion(preamble)
    else this.#refuse(refusal.code, refusal.message)
  }

  #onFrame(body: Buffer): void {
    const message = this.#channel.decode(body, decodeClientMessage)
    if (message === undefined) return
    if (this.#greeted !== (message.kind !== 'Hello')) {
      this.#onMalformed(new WireError(this.#greeted ? 'a client says Hello twice' : `a client opens with ${message.kind}, not with Hello`))
      return
    }
    if (message.kind !== 'Hello') {
      this.#events.message(this, message)
      return
    }
    this.#greeted = true
    this.#events.hello(this, message)
  }

  /** Answers the preamble. Once, before anything else is written. */
  answer(): void {
    if (this.#answered || this.#version === undefined) return
    this.#answered = true
    this.#channel.write(encodePreamble({ role: 'client', version: this.#version }))
  }

  #refuse(code: ErrorCode, message: string): void {
    this.#events.refused(new RaftgenError(code, `refused a connection from ${this.remoteAddress}: ${message}`))
    this.#end(undefined, code, message)
  }

  #onMalformed(error: WireError): void {
    if (error instanceof ForeignError) {
      this.#events.foreign()
      this.destroy()
      return
    }
    this.#events.malformed(new RaftgenError('PROTOCOL_MISMATCH', `cut the connection from ${this.remoteAddress}: ${error.message}`))
    this.#end(this.#version, 'PROTOCOL_MISMATCH', error.message)
  }

  #end(version: number | undefined, code: ErrorCode, message: string): void {
    const goodbye = goodbyeFrame({ code, message })
    const preamble = encodePreamble(version === undefined ? { role: 'client' } : { role: 'client', version })
    this.#channel.end(this.#answered ? goodbye : Buffer.concat([preamble, goodbye]))
  }

  #pauseByOutput(): void {
    if (this.#pausedByOutput) return
    this.#channel.touch()
    this.#pausedByOutput = true
    this.#channel.pause()
  }

  #onDrained(): void {
    if (!this.#pausedByOutput) return
    this.#pausedByOutput = false
    if (!this.#pausedByServer) this.#channel.resume()
  }
}

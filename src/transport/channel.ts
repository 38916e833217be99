// One connection, of either side: the preamble, then frames. Knows nothing of what the frames say.
import type { Socket } from 'node:net'
import type { Ms } from '../core/types.ts'
import { FrameReader, type FrameWriter, frameHeaderBytes } from '../wire/frame.ts'
import { type Preamble, PreambleReader, preambleBytes } from '../wire/handshake.ts'
import { WireError } from '../wire/bytes.ts'

/** How long an ended connection may take to send what it still has, and to see the other side end. */
const lingerMs = 1_000

/** `closed` and `drained` never come from inside a call to the channel. */
export interface ChannelEvents {
  /** The other side's first eight bytes. Once, before any frame. */
  preamble(preamble: Preamble): void
  /** `body` is a view into what arrived: who keeps it keeps all of that, and asks `compact` first. */
  frame(body: Buffer): void
  /** Not a stream of ours. The channel closes by itself unless it was ended in here. */
  malformed(error: WireError): void
  /** Everything that was written has left this process. */
  drained?(): void
  /** Once, and the last call. */
  closed(error: Error | undefined): void
}

export class Channel {
  readonly remoteAddress: string
  readonly #socket: Socket
  readonly #events: ChannelEvents
  readonly #frames = new FrameReader()
  #opening: PreambleReader | undefined = new PreambleReader()
  /** `ending`: nothing is delivered or written any more, what was written still leaves. */
  #state: 'open' | 'ending' | 'closed' = 'open'
  #error: Error | undefined
  #receivedBytes = 0
  /** Of those, the preamble and whole frames. */
  #framedBytes = preambleBytes
  #partialAt: Ms | undefined
  #sentBytes = 0
  #heardAt: Ms = performance.now()
  #frameAt: Ms = this.#heardAt

  constructor(socket: Socket, events: ChannelEvents) {
    this.#socket = socket
    this.#events = events
    this.remoteAddress = socket.remoteAddress ?? 'unknown'
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('drain', () => events.drained?.())
    socket.on('error', (error) => {
      this.#error = error
    })
    socket.on('close', () => this.#onClose())
  }

  /** Neither ended nor destroyed nor closed. */
  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Since the start, the preamble included. */
  get receivedBytes(): number {
    return this.#receivedBytes
  }

  get sentBytes(): number {
    return this.#sentBytes
  }

  /** Written, and still in this process. */
  get pendingBytes(): number {
    return this.#socket.writableLength
  }

  /** When the last byte came. */
  get heardAt(): Ms {
    return this.#heardAt
  }

  /** When the last whole frame came. Bytes that never make a frame do not count. */
  get frameAt(): Ms {
    return this.#frameAt
  }

  /** The frame that has begun and is not whole: since when, and how much of it has come. */
  get partial(): { readonly since: Ms; readonly bytes: number } | undefined {
    return this.#partialAt === undefined ? undefined : { since: this.#partialAt, bytes: this.#receivedBytes - this.#framedBytes }
  }

  write(bytes: Uint8Array): void {
    if (this.#state !== 'open') return
    this.#sentBytes += bytes.length
    this.#socket.write(bytes)
  }

  /** Writes all of `frames`, which is empty afterwards. Their memory is used again at once where the system has taken all of it, as it mostly does. */
  writeAll(frames: FrameWriter): void {
    if (this.#socket.writableLength > 0 || this.#state !== 'open') return this.write(frames.take())
    frames.lend((bytes) => {
      this.write(bytes)
      return this.#socket.writableLength === 0
    })
  }

  pause(): void {
    if (this.#state === 'open') this.#socket.pause()
  }

  resume(): void {
    this.touch()
    this.#socket.resume()
  }

  /** Starts the clocks of idleness anew: while nothing is read, nothing can be heard. */
  touch(): void {
    this.#heardAt = performance.now()
    this.#frameAt = this.#heardAt
  }

  /** Sends `last`, then ends. Goes on reading and forgetting: closing over unread bytes would reset the connection, and `last` be lost. */
  end(last: Uint8Array): void {
    if (this.#state !== 'open') return
    this.#state = 'ending'
    this.#sentBytes += last.length
    this.#socket.end(last)
    this.#socket.resume()
    const linger = setTimeout(() => this.#socket.destroy(), lingerMs)
    this.#socket.once('close', () => clearTimeout(linger))
  }

  /** Closes at once. `closed` follows, with `error`. */
  destroy(error?: Error): void {
    if (this.#state === 'open') this.#state = 'ending'
    this.#error ??= error
    this.#socket.destroy()
  }

  /** What `decode` makes of `body`; `undefined` when that is malformed, which is then dealt with. */
  decode<T>(body: Uint8Array, decode: (body: Uint8Array) => T): T | undefined {
    try {
      return decode(body)
    } catch (error) {
      this.#onMalformed(error)
      return undefined
    }
  }

  #onData(chunk: Buffer): void {
    this.#receivedBytes += chunk.length
    if (this.#state !== 'open') return
    this.#heardAt = performance.now()
    const bytes = this.#opening === undefined ? chunk : this.#open(this.#opening, chunk)
    if (bytes === undefined) return
    this.#frames.push(bytes)
    for (let body = this.#nextFrame(); body !== undefined; body = this.#nextFrame()) {
      this.#frameAt = this.#heardAt
      this.#framedBytes += frameHeaderBytes + body.length
      this.#partialAt = undefined
      this.#events.frame(body)
    }
    if (this.#receivedBytes > this.#framedBytes) this.#partialAt ??= this.#heardAt
  }

  #nextFrame(): Buffer | undefined {
    if (this.#state !== 'open') return undefined
    try {
      return this.#frames.next()
    } catch (error) {
      this.#onMalformed(error)
      return undefined
    }
  }

  #open(opening: PreambleReader, chunk: Buffer): Buffer | undefined {
    const opened = this.decode(chunk, () => opening.push(chunk))
    if (opened === undefined) return undefined
    this.#opening = undefined
    this.#events.preamble(opened.preamble)
    return opened.rest
  }

  #onMalformed(error: unknown): void {
    if (!(error instanceof WireError)) throw error
    this.#events.malformed(error)
    if (this.#state === 'open') this.destroy(error)
  }

  #onClose(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#events.closed(this.#error)
  }
}

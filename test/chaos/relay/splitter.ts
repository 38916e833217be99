// Cuts a stream into what it is made of: the preamble, then frames, each whole with its header. Checks nothing: what is spoilt is for the ends to notice.
import { frameBytesMax, frameHeaderBytes } from '../../../src/wire/frame.ts'
import { preambleBytes } from '../../../src/wire/handshake.ts'

export interface Piece {
  readonly kind: 'preamble' | 'frame' | 'torrent'
  readonly bytes: Buffer
}

export class Splitter {
  #rest: Buffer = Buffer.alloc(0)
  #isOpen = false
  /** Its headers make no sense: from here on it is passed on as it comes. */
  #isLost = false

  push(chunk: Buffer): readonly Piece[] {
    const pieces: Piece[] = []
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    for (let length = this.#nextLength(); length !== undefined; length = this.#nextLength()) {
      const bytes = this.#rest.subarray(0, length)
      this.#rest = this.#rest.subarray(length)
      pieces.push({ kind: this.#isLost ? 'torrent' : this.#isOpen ? 'frame' : 'preamble', bytes })
      this.#isOpen = true
    }
    return pieces
  }

  /** What has come of a piece that never became whole. */
  end(): Buffer {
    return this.#rest
  }

  #nextLength(): number | undefined {
    const available = this.#rest.length
    if (available === 0) return undefined
    if (this.#isLost) return available
    if (!this.#isOpen) return available < preambleBytes ? undefined : preambleBytes
    if (available < frameHeaderBytes) return undefined
    const body = this.#rest.readUInt32BE(0)
    if (body > frameBytesMax) {
      this.#isLost = true
      return available
    }
    return available < frameHeaderBytes + body ? undefined : frameHeaderBytes + body
  }
}

// Frames: how messages stand in a stream of bytes. Length of the body (u32), CRC-32 of the body (u32), body.
//
// A body is handed out as a view where it lies in one chunk of the socket, else in a buffer of its own that grows with what has arrived:
// a header alone never makes us allocate what it announces. Whoever keeps a body, or views into it, for longer than a turn asks
// `compact` first, so that a small entry does not hold a chunk of 64 KiB in memory for as long as it is cached.
import { crc32 } from 'node:zlib'
import { broken } from '../core/invariant.ts'
import { ByteWriter, WireError } from './bytes.ts'

/** Body of one frame, bytes. Room for an AppendEntries of 1 MiB and one entry of the largest size; more is refused on the header. */
export const frameBytesMax = 4 * 1_024 * 1_024
/** Length and checksum. */
export const frameHeaderBytes = 8

/** An assembled frame starts this small, and grows to at most this many times what has arrived. */
const assemblyBytesMin = 1_024
const assemblyGrowth = 4
const nothing = Buffer.alloc(0)

/** Collects frames, so that one write to a socket carries all of a turn. */
export class FrameWriter {
  readonly #writer: ByteWriter
  /** Where the body of the frame under way starts. */
  #start = 0

  constructor(bytes = 1_024) {
    this.#writer = new ByteWriter(bytes)
  }

  /** Bytes of all frames so far. */
  get length(): number {
    return this.#writer.length
  }

  /** Bytes of the body under way. */
  get bodyLength(): number {
    return this.#writer.length - this.#start
  }

  /** Starts a frame. Its body is what is written to the result until `end`. */
  begin(): ByteWriter {
    this.#start = this.#writer.skip(frameHeaderBytes) + frameHeaderBytes
    return this.#writer
  }

  end(): void {
    const length = this.bodyLength
    // Senders split and refuse long before: the other side would take this frame for an attack and close.
    if (length <= 0 || length > frameBytesMax) broken(`a frame of ${length} bytes was written, at most ${frameBytesMax} are allowed`)
    const header = this.#start - frameHeaderBytes
    this.#writer.patchU32(header, length)
    this.#writer.patchU32(header + 4, crc32(this.#writer.view(this.#start)))
  }

  /** Everything since the last `take`. */
  take(): Uint8Array {
    return this.#writer.take()
  }

  /** Shows everything since the last `take` to `use`; its memory is used again where `use` says that it needs it no more. */
  lend(use: (frames: Uint8Array) => boolean): void {
    this.#writer.lend(use)
  }

  /** Forgets everything since the last `take`. */
  clear(): void {
    this.#writer.truncate(0)
  }
}

/** One frame of its own. For what is written once; a `FrameWriter` is cheaper for all else. */
export function frame(write: (body: ByteWriter) => void): Uint8Array {
  const frames = new FrameWriter(256)
  write(frames.begin())
  frames.end()
  return frames.take()
}

/**
 * Finds the frames in a stream. `push` a chunk, then call `next` until it gives `undefined`. Both may throw a `WireError`: the stream has
 * lost its place for good then, and the connection has to go. Memory: the chunk, and one frame at most.
 */
export class FrameReader {
  #chunk: Buffer = nothing
  #at = 0
  /** Header and body of a frame that did not lie in one chunk. */
  #assembly: Buffer | undefined
  #assembled = 0

  /** Keeps `chunk` until it is read; it must not be changed. */
  push(chunk: Buffer): void {
    this.#chunk = this.#at === this.#chunk.length ? chunk : Buffer.concat([this.#chunk.subarray(this.#at), chunk])
    this.#at = 0
  }

  /** The next body, or `undefined` until more arrives. */
  next(): Buffer | undefined {
    if (this.#assembly !== undefined) return this.#assemble(this.#assembly)
    const available = this.#chunk.length - this.#at
    if (available === 0) return this.#release()
    if (available < frameHeaderBytes) return this.#begin(frameHeaderBytes)
    const length = bodyLength(this.#chunk, this.#at)
    if (available < frameHeaderBytes + length) return this.#begin(frameHeaderBytes + length)
    const start = this.#at + frameHeaderBytes
    this.#at = start + length
    const body = this.#chunk.subarray(start, this.#at)
    checkBody(body, this.#chunk.readUInt32BE(start - 4))
    return body
  }

  /** Lets go of a chunk that is read, so that an idle connection holds none. */
  #release(): undefined {
    this.#chunk = nothing
    this.#at = 0
    return undefined
  }

  #begin(total: number): Buffer | undefined {
    this.#assembly = Buffer.allocUnsafeSlow(Math.min(total, assemblyBytesMin))
    this.#assembled = 0
    return this.#assemble(this.#assembly)
  }

  /** Takes from the chunk what the frame under way lacks: first its header, then, once its length is known, its body. */
  #assemble(assembly: Buffer): Buffer | undefined {
    let buffer = assembly
    if (this.#assembled < frameHeaderBytes) this.#fill(buffer, frameHeaderBytes)
    if (this.#assembled < frameHeaderBytes) return this.#release()
    const total = frameHeaderBytes + bodyLength(buffer, 0)
    const reached = Math.min(total, this.#assembled + this.#chunk.length - this.#at)
    if (reached > buffer.length) {
      buffer = Buffer.allocUnsafeSlow(Math.min(total, Math.max(assemblyBytesMin, reached * assemblyGrowth)))
      assembly.copy(buffer, 0, 0, this.#assembled)
      this.#assembly = buffer
    }
    this.#fill(buffer, total)
    if (this.#assembled < total) return this.#release()
    this.#assembly = undefined
    const body = buffer.subarray(frameHeaderBytes, total)
    checkBody(body, buffer.readUInt32BE(4))
    return body
  }

  #fill(buffer: Buffer, target: number): void {
    const copied = this.#chunk.copy(buffer, this.#assembled, this.#at, this.#at + Math.max(0, target - this.#assembled))
    this.#at += copied
    this.#assembled += copied
  }
}

/**
 * `body`, or a copy of it when it fills less than a quarter of the memory that it holds on to. So what is kept costs at most four times
 * its size, and large bodies, where copying would be felt, are not copied.
 */
export function compact(body: Uint8Array): Uint8Array {
  return body.length * 4 < body.buffer.byteLength ? new Uint8Array(body) : body
}

function bodyLength(buffer: Buffer, at: number): number {
  const length = buffer.readUInt32BE(at)
  if (length > frameBytesMax) throw new WireError(`a frame announces ${length} bytes, at most ${frameBytesMax} are allowed`)
  if (length === 0) throw new WireError('a frame is empty')
  return length
}

function checkBody(body: Buffer, checksum: number): void {
  const actual = crc32(body)
  if (actual !== checksum) {
    throw new WireError(`a frame of ${body.length} bytes has checksum ${hex(actual)}, its header says ${hex(checksum)}`)
  }
}

const hex = (value: number): string => value.toString(16).padStart(8, '0')

// Fixed-width, big-endian building blocks of every binary format of ours. Lengths are checked before anything is allocated.
import { readU48, writeU48 } from './u48.ts'

/** Bytes that do not follow a format of ours. What they came from (a connection, a file) is dropped or refused; it never crashes a node. */
export class WireError extends Error {
  override readonly name = 'WireError'
  readonly #missing: number | undefined

  constructor(message: string, options: { readonly missing?: number } = {}) {
    super(message)
    this.#missing = options.missing
  }

  /** Bytes that are lacking at least, where those that are there may be the beginning of something whole: who has more of them tries again. */
  get missing(): number | undefined {
    return this.#missing
  }
}

/** Memory for pieces up to this size is cut from what Node keeps for that: a piece from the system for each costs more than filling it. */
const pooledMax = 1_024
/** A writer that has lent its memory, and gets it back, keeps no more of it. */
const keptMax = 262_144

const memory = (bytes: number): Buffer => (bytes <= pooledMax ? Buffer.allocUnsafe(bytes) : Buffer.allocUnsafeSlow(bytes))

/** A buffer that grows by doubling. `take` gives what was written and starts anew. */
export class ByteWriter {
  #buffer: Buffer
  #length = 0

  constructor(bytes = 1_024) {
    this.#buffer = memory(bytes)
  }

  get length(): number {
    return this.#length
  }

  /** Reserves `bytes`, to be filled in later with `patchU32`; returns their position. */
  skip(bytes: number): number {
    this.#reserve(bytes)
    const at = this.#length
    this.#length += bytes
    return at
  }

  patchU32(at: number, value: number): void {
    this.#buffer.writeUInt32BE(value, at)
  }

  u8(value: number): void {
    this.#reserve(1)
    this.#buffer[this.#length++] = value
  }

  u16(value: number): void {
    this.#reserve(2)
    this.#length = this.#buffer.writeUInt16BE(value, this.#length)
  }

  u32(value: number): void {
    this.#reserve(4)
    this.#length = this.#buffer.writeUInt32BE(value, this.#length)
  }

  /** Throws a `RangeError` outside 0..2^48-1. */
  u48(value: number): void {
    this.#reserve(6)
    writeU48(this.#buffer, this.#length, value)
    this.#length += 6
  }

  /** As they are, without a length. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** Length (u32), then bytes. */
  bytes(bytes: Uint8Array): void {
    this.u32(bytes.length)
    this.raw(bytes)
  }

  /** Length in bytes (u32), then UTF-8. */
  text(text: string): void {
    const length = Buffer.byteLength(text)
    this.u32(length)
    this.#reserve(length)
    this.#buffer.write(text, this.#length)
    this.#length += length
  }

  /** A view of what was written so far; void after the next write. */
  view(from = 0): Uint8Array {
    return this.#buffer.subarray(from, this.#length)
  }

  /** Takes back what was written from `length` on. */
  truncate(length: number): void {
    this.#length = length
  }

  /**
   * What was written, not shared with this writer any more. It pins at most twice its own length, or 8 KiB that others have a part of: little of
   * a large buffer is copied out.
   */
  take(): Uint8Array {
    const written = this.#buffer.subarray(0, this.#length)
    this.#length = 0
    if (written.length * 2 < this.#buffer.length) {
      const copy = memory(written.length)
      written.copy(copy)
      return copy
    }
    this.#startAnew(written.length)
    return written
  }

  /** Shows what was written to `use`, and starts anew: in the same memory where `use` says that it needs it no more. */
  lend(use: (written: Uint8Array) => boolean): void {
    const { length } = this
    this.#length = 0
    if (!use(this.#buffer.subarray(0, length)) || this.#buffer.length > keptMax) this.#startAnew(length)
  }

  #startAnew(bytes: number): void {
    this.#buffer = memory(Math.max(1_024, Math.min(bytes, 65_536)))
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#buffer.length) return
    const grown = memory(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(grown, 0, 0, this.#length)
    this.#buffer = grown
  }
}

/** Reads what `ByteWriter` wrote. Everything beyond the end, or out of its range, is a `WireError` that names what was read. */
export class ByteReader {
  readonly #buffer: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get remaining(): number {
    return this.#buffer.length - this.#at
  }

  get position(): number {
    return this.#at
  }

  /** A view of what was read since `start`. */
  slice(start: number): Uint8Array {
    return this.#buffer.subarray(start, this.#at)
  }

  u8(what: string): number {
    return this.#buffer.readUInt8(this.#advance(1, what))
  }

  u16(what: string): number {
    return this.#buffer.readUInt16BE(this.#advance(2, what))
  }

  u32(what: string): number {
    return this.#buffer.readUInt32BE(this.#advance(4, what))
  }

  u48(what: string): number {
    return readU48(this.#buffer, this.#advance(6, what))
  }

  /** A u48 that is not 0: an id, a count from 1. */
  positive(what: string): number {
    const value = this.u48(what)
    if (value === 0) throw new WireError(`${what} is 0`)
    return value
  }

  boolean(what: string): boolean {
    const value = this.u8(what)
    if (value > 1) throw new WireError(`${what} is ${value}, neither 0 nor 1`)
    return value === 1
  }

  /** A view, not a copy. */
  raw(length: number, what: string): Uint8Array {
    const start = this.#advance(length, what)
    return this.#buffer.subarray(start, start + length)
  }

  /** A view, not a copy. */
  bytes(what: string): Uint8Array {
    return this.raw(this.u32(what), what)
  }

  /** Refuses more than `bytesMax`, and bytes that are not UTF-8. */
  text(what: string, bytesMax = 1_024): string {
    const length = this.u32(what)
    if (length > bytesMax) throw new WireError(`${what} has ${length} bytes, at most ${bytesMax} are allowed`)
    const start = this.#advance(length, what)
    const text = this.#buffer.toString('utf8', start, start + length)
    if (text.includes('\ufffd') && !Buffer.from(text).equals(this.#buffer.subarray(start, start + length))) {
      throw new WireError(`${what} is not UTF-8`)
    }
    return text
  }

  /** A count of things that take `bytesEach` at least: refused before anything is allocated when they cannot be there. */
  count(bytesEach: number, what: string): number {
    const count = this.u32(what)
    const missing = count * bytesEach - this.remaining
    if (missing > 0) throw new WireError(`${count} ${what} cannot fit in ${this.remaining} bytes`, { missing })
    return count
  }

  /** Refuses trailing bytes. */
  end(what: string): void {
    if (this.remaining > 0) throw new WireError(`${what} is followed by ${this.remaining} bytes too many`)
  }

  #advance(length: number, what: string): number {
    const { remaining } = this
    if (length > remaining) throw new WireError(`${what} needs ${length} bytes, ${remaining} are left`, { missing: length - remaining })
    const at = this.#at
    this.#at += length
    return at
  }
}

// Values as MessagePack: nil, booleans, numbers, strings, bytes and arrays, nothing else. msgpackr writes what is not short; reading is done here in one
// pass, so that nothing is allocated, built or shared before it was found to be there and to be allowed.
//
// Written: integers of up to 32 bits in their shortest form, every other number as float64. Read: integers of any width within the safe
// range, too, so that a later writer may choose other forms while nodes of both kinds run together.
import { Packr, RESET_BUFFER_MODE } from 'msgpackr/pack'
import { Slab } from '../machine/slab.ts'
import { WireError } from './bytes.ts'
import { packShort, type WritableMemory } from './short-value.ts'

/** What a value is between its type and its bytes: MessagePack without maps and extensions. Objects are arrays of their fields. */
export type Wire = null | boolean | number | string | Uint8Array | readonly Wire[]

/** Where small bytes are put: a `Slab`. */
export interface Memory extends WritableMemory {
  take(length: number): Uint8Array
  copy(bytes: Uint8Array): Uint8Array
}

/** Arrays in arrays. Bounds the stack of everything that walks a value. */
export const wireDepthMax = 64

const packr = new Packr({ useRecords: false, moreTypes: false, bundleStrings: false, encodeUndefinedAsNil: false, useToJSON: false })

/** Small: whoever keeps the bytes of one value keeps no more of others than with a `Buffer` of Node. */
const pool = new Slab(8 * 1_024)

/** Bytes of `wire`, not to be changed: small ones share a pool. Throws a `WireError` when it is nested deeper than `wireDepthMax`. */
export function packValue(wire: Wire): Uint8Array {
  const short = packShort(wire, pool)
  if (short !== undefined) return short
  checkDepth(wire)
  return packr.pack(wire)
}

/** As `packValue`, in memory of `slab`: for what goes as soon as it came. */
export function packValueInto(slab: Memory, wire: Wire): Uint8Array {
  const short = packShort(wire, slab)
  if (short !== undefined) return short
  checkDepth(wire)
  const packed = packr.pack(wire, RESET_BUFFER_MODE)
  const bytes = slab.take(packed.length)
  bytes.set(packed)
  return bytes
}

function checkDepth(wire: Wire): void {
  if (typeof wire === 'object' && wireDepth(wire) > wireDepthMax) {
    throw new WireError(`a value is nested more than ${wireDepthMax} levels deep`)
  }
}

/** Levels of arrays; stops counting beyond `wireDepthMax`. */
export function wireDepth(wire: Wire, above = 0): number {
  if (!Array.isArray(wire)) return above
  if (above > wireDepthMax) return above + 1
  let depth = above + 1
  for (const item of wire) {
    if (typeof item === 'object' && item !== null) depth = Math.max(depth, wireDepth(item, above + 1))
  }
  return depth
}

/**
 * The value that `bytes` hold. Shares no memory with them; bytes in it that are small are in memory of `slab`, where one is given. Throws a `WireError` for anything else than exactly one value: maps,
 * extensions, float32, numbers that are not finite, integers beyond 2^53-1, text that is not UTF-8, and what goes too deep or on too long.
 */
export function unpackValue(bytes: Uint8Array, slab?: Memory): Wire {
  const reader = new Reader(bytes, slab)
  const value = reader.value(0)
  reader.end()
  return value
}

/** Items of the array that `bytes` begin with, as far as it is one of fewer than 65,536: nothing of them is read. */
export function packedCount(bytes: Uint8Array): number | undefined {
  const [head = 0, high = 0, low = 0] = bytes
  if (head >= 0x90 && head < 0xa0) return head & 0x0f
  return head === 0xdc ? high * 0x100 + low : undefined
}

class Reader {
  readonly #bytes: Buffer
  readonly #length: number
  readonly #slab: Memory | undefined
  #at = 0

  constructor(bytes: Uint8Array, slab: Memory | undefined) {
    this.#slab = slab
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#length = bytes.length
  }

  value(depth: number): Wire {
    const head = this.#bytes[this.#advance(1, 'a value')] ?? 0
    if (head < 0x80) return head
    if (head >= 0xe0) return head - 0x100
    if (head >= 0xa0 && head < 0xc0) return this.#text(head & 0x1f)
    if (head >= 0x90 && head < 0xa0) return this.#array(head & 0x0f, depth)
    return this.#long(head, depth)
  }

  end(): void {
    if (this.#at < this.#length) throw new WireError(`a value is followed by ${this.#length - this.#at} bytes too many`)
  }

  /** What names its type, or its size, in bytes of its own. */
  #long(head: number, depth: number): Wire {
    const bytes = this.#bytes
    switch (head) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
        return this.#blob(bytes.readUInt8(this.#advance(1, 'a length')))
      case 0xc5:
        return this.#blob(bytes.readUInt16BE(this.#advance(2, 'a length')))
      case 0xc6:
        return this.#blob(bytes.readUInt32BE(this.#advance(4, 'a length')))
      case 0xcb:
        return finite(bytes.readDoubleBE(this.#advance(8, 'a number')))
      case 0xcc:
        return bytes.readUInt8(this.#advance(1, 'an integer'))
      case 0xcd:
        return bytes.readUInt16BE(this.#advance(2, 'an integer'))
      case 0xce:
        return bytes.readUInt32BE(this.#advance(4, 'an integer'))
      case 0xcf:
        return safe(bytes.readBigUInt64BE(this.#advance(8, 'an integer')))
      case 0xd0:
        return bytes.readInt8(this.#advance(1, 'an integer'))
      case 0xd1:
        return bytes.readInt16BE(this.#advance(2, 'an integer'))
      case 0xd2:
        return bytes.readInt32BE(this.#advance(4, 'an integer'))
      case 0xd3:
        return safe(bytes.readBigInt64BE(this.#advance(8, 'an integer')))
      case 0xd9:
        return this.#text(bytes.readUInt8(this.#advance(1, 'a length')))
      case 0xda:
        return this.#text(bytes.readUInt16BE(this.#advance(2, 'a length')))
      case 0xdb:
        return this.#text(bytes.readUInt32BE(this.#advance(4, 'a length')))
      case 0xdc:
        return this.#array(bytes.readUInt16BE(this.#advance(2, 'a count')), depth)
      case 0xdd:
        return this.#array(bytes.readUInt32BE(this.#advance(4, 'a count')), depth)
      default:
        throw new WireError(
          `a value begins with byte 0x${head.toString(16).padStart(2, '0')}: maps, extensions and float32 are not allowed`,
        )
    }
  }

  #array(count: number, depth: number): readonly Wire[] {
    if (depth >= wireDepthMax) throw new WireError(`a value is nested more than ${wireDepthMax} levels deep`)
    // One byte an item at least.
    if (count > this.#length - this.#at) throw new WireError(`${count} items cannot fit in ${this.#length - this.#at} bytes`)
    // As large as needed where that is small: an array that grows takes room for seventeen at once.
    const items = count <= smallCountMax ? new Array<Wire>(count) : []
    for (let i = 0; i < count; i++) items[i] = this.value(depth + 1)
    return items
  }

  #blob(length: number): Uint8Array {
    const start = this.#advance(length, 'bytes')
    const bytes = this.#bytes.subarray(start, start + length)
    if (this.#slab !== undefined && length <= sharedMax) return this.#slab.copy(bytes)
    // Not a piece of a pool: what a user holds shares its `buffer` with nobody. And half as dear as the constructor that copies.
    const copy = new Uint8Array(length)
    copy.set(bytes)
    return copy
  }

  #text(length: number): string {
    const start = this.#advance(length, 'text')
    const bytes = this.#bytes
    const end = start + length
    // Most text is short ASCII, for which the call into the runtime costs more than the work.
    const short = length <= shortTextMax ? shortAscii(bytes, start, end) : undefined
    if (short !== undefined) return short
    const text = bytes.toString('utf8', start, end)
    // Bytes that are not UTF-8 become U+FFFD; so does a true U+FFFD, hence the second look.
    if (text.includes('\ufffd') && !Buffer.from(text).equals(bytes.subarray(start, end))) throw new WireError('text is not UTF-8')
    return text
  }

  #advance(length: number, what: string): number {
    const at = this.#at
    if (length > this.#length - at) throw new WireError(`${what} needs ${length} bytes, ${this.#length - at} are left`)
    this.#at = at + length
    return at
  }
}

const shortTextMax = 32
const smallCountMax = 16
/** Longer ones have memory of their own: a table keeps them as they are. */
const sharedMax = 1_024

/** None when a byte is not ASCII. */
function shortAscii(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = ''
  let at = start
  for (; at + 3 < end; at += 4) {
    const [a, b, c, d] = [bytes[at] ?? 0, bytes[at + 1] ?? 0, bytes[at + 2] ?? 0, bytes[at + 3] ?? 0]
    if ((a | b | c | d) >= 0x80) return undefined
    text += String.fromCharCode(a, b, c, d)
  }
  for (; at < end; at++) {
    const byte = bytes[at] ?? 0
    if (byte >= 0x80) return undefined
    text += String.fromCharCode(byte)
  }
  return text
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw new WireError(`a number is ${value}, not finite`)
  return value
}

function safe(value: bigint): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new WireError(`the integer ${value} is beyond 2^53-1`)
  return number
}

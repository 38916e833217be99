// The bytes of short values, as msgpackr writes them: nearly every call is one, and nearly every reply. A packer for everything takes several times as
// long for it. Two passes: how long it is, so that it is written where it stays, and the bytes.
import type { Wire } from './value.ts'

/** Of all of it, bytes. */
const bytesMax = 4_096
/** Arrays in arrays. */
const depthMax = 8
/** Longer arrays have another head. */
const itemsMax = 15
/** Up to here a string is looked at character by character: beyond it a call into the runtime costs less. */
const asciiMax = 31

/** Memory that is written where it stays. */
export interface WritableMemory {
  /** The same until more is reserved. */
  readonly memory: Uint8Array
  /** So many bytes are taken. Where they begin. */
  reserve(length: number): number
}

/** Its bytes, in the memory of `slab`; `undefined` where it is not short. */
export function packShort(wire: Wire, slab: WritableMemory): Uint8Array | undefined {
  const length = sizeOf(wire, 0)
  if (length > bytesMax) return undefined
  const start = slab.reserve(length)
  const { memory } = slab
  const buffer = Buffer.isBuffer(memory) ? memory : Buffer.from(memory.buffer, memory.byteOffset, memory.byteLength)
  write(buffer, start, wire)
  return buffer.subarray(start, start + length)
}

/** Above `bytesMax`: it is not short. */
function sizeOf(wire: Wire, depth: number): number {
  switch (typeof wire) {
    case 'boolean':
      return 1
    case 'number':
      return sizeOfNumber(wire)
    case 'string':
      return sizeOfText(wire)
    default:
      if (wire === null) return 1
      if (wire instanceof Uint8Array) return wire.length + (wire.length < 0x100 ? 2 : 3)
      return Array.isArray(wire) ? sizeOfArray(wire, depth) : bytesMax + 1
  }
}

function sizeOfNumber(value: number): number {
  if (value >>> 0 === value) return value < 0x80 ? 1 : value < 0x100 ? 2 : value < 0x1_0000 ? 3 : 5
  if (value >> 0 === value) return value >= -0x20 ? 1 : value >= -0x80 ? 2 : value >= -0x8000 ? 3 : 5
  return 9
}

function sizeOfText(text: string): number {
  const { length } = text
  if (length > bytesMax) return length
  if (length <= asciiMax && isAscii(text)) return length + 1
  const bytes = Buffer.byteLength(text)
  return bytes + (bytes < 0x20 ? 1 : bytes < 0x100 ? 2 : 3)
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false
  return true
}

function sizeOfArray(items: readonly Wire[], depth: number): number {
  if (items.length > itemsMax || depth >= depthMax) return bytesMax + 1
  let size = 1
  for (const item of items) {
    size += sizeOf(item, depth + 1)
    if (size > bytesMax) break
  }
  return size
}

/** Returns where it ends. */
function write(buffer: Buffer, at: number, wire: Wire): number {
  switch (typeof wire) {
    case 'boolean':
      return put(buffer, at, wire ? 0xc3 : 0xc2)
    case 'number':
      return writeNumber(buffer, at, wire)
    case 'string':
      return writeText(buffer, at, wire)
    default:
      if (wire === null) return put(buffer, at, 0xc0)
      if (wire instanceof Uint8Array) return writeBytes(buffer, at, wire)
      return writeArray(buffer, at, wire)
  }
}

function put(buffer: Buffer, at: number, byte: number): number {
  buffer[at] = byte
  return at + 1
}

function writeNumber(buffer: Buffer, at: number, value: number): number {
  if (value >>> 0 === value) {
    // -0 is 0.
    if (value < 0x80) return put(buffer, at, value)
    if (value < 0x100) return put(buffer, put(buffer, at, 0xcc), value)
    if (value < 0x1_0000) return buffer.writeUInt16BE(value, put(buffer, at, 0xcd))
    return buffer.writeUInt32BE(value, put(buffer, at, 0xce))
  }
  if (value >> 0 === value) {
    if (value >= -0x20) return put(buffer, at, 0x100 + value)
    if (value >= -0x80) return put(buffer, put(buffer, at, 0xd0), value)
    if (value >= -0x8000) return buffer.writeInt16BE(value, put(buffer, at, 0xd1))
    return buffer.writeInt32BE(value, put(buffer, at, 0xd2))
  }
  return buffer.writeDoubleBE(value, put(buffer, at, 0xcb))
}

function writeText(buffer: Buffer, start: number, text: string): number {
  const { length } = text
  if (length <= asciiMax && isAscii(text)) {
    const at = put(buffer, start, 0xa0 | length)
    for (let i = 0; i < length; i++) buffer[at + i] = text.charCodeAt(i)
    return at + length
  }
  const bytes = Buffer.byteLength(text)
  const at =
    bytes < 0x20
      ? put(buffer, start, 0xa0 | bytes)
      : bytes < 0x100
        ? put(buffer, put(buffer, start, 0xd9), bytes)
        : buffer.writeUInt16BE(bytes, put(buffer, start, 0xda))
  return at + buffer.write(text, at)
}

function writeBytes(buffer: Buffer, start: number, bytes: Uint8Array): number {
  const { length } = bytes
  const at = length < 0x100 ? put(buffer, put(buffer, start, 0xc4), length) : buffer.writeUInt16BE(length, put(buffer, start, 0xc5))
  buffer.set(bytes, at)
  return at + length
}

function writeArray(buffer: Buffer, start: number, items: readonly Wire[]): number {
  let at = put(buffer, start, 0x90 | items.length)
  for (const item of items) at = write(buffer, at, item)
  return at
}

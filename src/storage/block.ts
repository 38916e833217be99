// A block: the contiguous entries of one write, as one record. The bytes of the entries are those of `encodeEntries`, untouched.
//
//   format  entriesPerMark  chain before  first index  count | entries ... | marks ...             | checksum
//   u8      u8              u32           u48          u32   |             | (end u32, chain u32)* | u32
//
// The chain is defined for each entry: chain(i) = CRC-32 of the encoded entry i (term, kind, length, data), going on from chain(i - 1);
// the index is where it stands in the chain, which has no gaps from the base on. It does not depend on where blocks begin, which differs
// by node. Stored is the chain after every `entriesPerMark` entries and after the last: a mark. So a reader finds and verifies one entry
// by the mark before and the mark after it. The checksum at the end covers header and marks, the chain covers the entries.
import type { Entry, Index } from '../core/types.ts'
import { WireError } from '../wire/bytes.ts'
import { decodeEntryRun, encodedEntryEnd } from '../wire/entry-codec.ts'
import { checksum } from './checksum.ts'

const blockFormat = 1
const headerBytes = 16
const markBytes = 8
const sealBytes = 4
/** A call of `checksum` costs as much as 700 bytes of it: one an entry would be four times as dear as one for all. */
const entriesPerMark = 16

/** Entries to be stored, encoded, and the chain before the first of them. */
export interface EntryRun {
  readonly firstIndex: Index
  readonly count: number
  readonly chain: number
  /** Encoded entries one after the other, nothing before or after. */
  readonly bytes: Buffer
}

export interface EncodedBlock {
  readonly firstIndex: Index
  readonly count: number
  readonly value: Uint8Array
  /** Chain after the last entry. */
  readonly lastChain: number
}

/** Cuts a run into blocks of at most `blockBytesMax` of entries each; an entry that is larger gets a block to itself. */
export function encodeBlocks(run: EntryRun, blockBytesMax: number): readonly EncodedBlock[] {
  const blocks: EncodedBlock[] = []
  let { firstIndex, chain } = run
  let start = 0
  let count = 0
  let markEnds: number[] = []
  const cut = (end: number): void => {
    if (count % entriesPerMark !== 0) markEnds.push(end - start)
    const block = encodeBlock({ firstIndex, count, chain, bytes: run.bytes.subarray(start, end) }, markEnds)
    blocks.push(block)
    firstIndex += count
    chain = block.lastChain
    start = end
    count = 0
    markEnds = []
  }
  let at = 0
  for (let i = 0; i < run.count; i++) {
    const end = encodedEntryEnd(run.bytes, at, run.firstIndex + i)
    if (end - start > blockBytesMax && count > 0) cut(at)
    if (++count % entriesPerMark === 0) markEnds.push(end - start)
    at = end
  }
  if (count > 0) cut(at)
  return blocks
}

/** `markEnds`: where in `bytes` the entries of each mark end. */
function encodeBlock({ firstIndex, count, chain, bytes }: EntryRun, markEnds: readonly number[]): EncodedBlock {
  const marksAt = headerBytes + bytes.length
  const sealAt = marksAt + markEnds.length * markBytes
  const value = Buffer.allocUnsafe(sealAt + sealBytes)
  value[0] = blockFormat
  value[1] = entriesPerMark
  value.writeUInt32BE(chain, 2)
  value.writeUIntBE(firstIndex, 6, 6)
  value.writeUInt32BE(count, 12)
  value.set(bytes, headerBytes)
  let lastChain = chain
  let start = 0
  let at = marksAt
  for (const end of markEnds) {
    lastChain = checksum(bytes.subarray(start, end), lastChain)
    at = value.writeUInt32BE(end, at)
    at = value.writeUInt32BE(lastChain, at)
    start = end
  }
  value.writeUInt32BE(sealOf(value, marksAt, sealAt), sealAt)
  return { firstIndex, count, value, lastChain }
}

const sealOf = (value: Buffer, marksAt: number, sealAt: number): number =>
  checksum(value.subarray(marksAt, sealAt), checksum(value.subarray(0, headerBytes)))

/** A block read from the disk. Its header and marks are verified at once, its entries as they are asked for. */
export class Block {
  readonly firstIndex: Index
  readonly count: number
  /** Chain before the first entry, and after the last. */
  readonly chain: number
  readonly lastChain: number
  readonly #value: Buffer
  readonly #perMark: number
  readonly #marksAt: number

  /** Throws a `WireError` when header or marks are damaged. `keyIndex` is what its key says. */
  constructor(bytes: Uint8Array, keyIndex: Index) {
    const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    const what = `the block of entry ${keyIndex}`
    if (value.length < headerBytes + markBytes + sealBytes) throw new WireError(`${what} is cut off after ${value.length} bytes`)
    if (value[0] !== blockFormat) throw new WireError(`${what} has format ${value[0]}, this version reads ${blockFormat}`)
    this.#value = value
    this.#perMark = value.readUInt8(1)
    this.chain = value.readUInt32BE(2)
    this.firstIndex = value.readUIntBE(6, 6)
    this.count = value.readUInt32BE(12)
    const marks = this.#perMark === 0 ? 0 : Math.ceil(this.count / this.#perMark)
    const sealAt = value.length - sealBytes
    this.#marksAt = sealAt - marks * markBytes
    // A damaged count may point anywhere: where the marks cannot be, the checksum cannot match either.
    const sealed = this.#marksAt >= headerBytes && sealOf(value, this.#marksAt, sealAt) === value.readUInt32BE(sealAt)
    if (!sealed) throw new WireError(`${what} does not match its checksum`)
    if (this.firstIndex !== keyIndex) throw new WireError(`${what} says that it starts at entry ${this.firstIndex}`)
    if (marks === 0) throw new WireError(`${what} holds no entries`)
    if (this.#end(marks - 1) !== this.#marksAt - headerBytes) throw new WireError(`${what} has marks beyond its entries`)
    this.lastChain = this.#chainAfter(marks - 1)
  }

  get lastIndex(): Index {
    return this.firstIndex + this.count - 1
  }

  /** Encoded bytes of all entries; none of them verified. */
  get bytes(): Buffer {
    return this.#value.subarray(headerBytes, this.#marksAt)
  }

  /** Chain after each run of entries, as the seal has it: whether the entries themselves verify or not. */
  get marks(): readonly { readonly index: Index; readonly chain: number }[] {
    const count = Math.ceil(this.count / this.#perMark)
    return Array.from({ length: count }, (_, mark) => ({
      index: Math.min(this.firstIndex + (mark + 1) * this.#perMark - 1, this.lastIndex),
      chain: this.#chainAfter(mark),
    }))
  }

  /** Verifies the entries from `firstIndex` to `lastIndex`, which the block holds, and appends them to `into`. */
  read(firstIndex: Index, lastIndex: Index, into: Entry[]): void {
    const fromMark = Math.floor((firstIndex - this.firstIndex) / this.#perMark)
    const toMark = Math.floor((lastIndex - this.firstIndex) / this.#perMark)
    this.#verify(fromMark, toMark)
    const bytes = this.bytes.subarray(0, this.#end(toMark))
    let at = this.#start(fromMark)
    for (let index = this.firstIndex + fromMark * this.#perMark; index < firstIndex; index++) at = encodedEntryEnd(bytes, at, index)
    decodeEntryRun(bytes.subarray(at), { firstIndex, count: lastIndex - firstIndex + 1 }, into)
  }

  /** Verifies all entries, and that nothing but them stands between header and marks. */
  verify(): void {
    this.#verify(0, Math.floor((this.count - 1) / this.#perMark))
  }

  /** Chain after the entry at `index`, which the block holds; what leads to it is verified. */
  chainAt(index: Index): number {
    const mark = Math.floor((index - this.firstIndex) / this.#perMark)
    this.#verify(mark, mark)
    const { bytes } = this
    const start = this.#start(mark)
    let at = start
    for (let i = this.firstIndex + mark * this.#perMark; i <= index; i++) at = encodedEntryEnd(bytes, at, i)
    return checksum(bytes.subarray(start, at), mark === 0 ? this.chain : this.#chainAfter(mark - 1))
  }

  /** The entries before `index`, verified, as a run of their own. */
  before(index: Index): EntryRun {
    this.verify()
    const { bytes } = this
    let at = 0
    for (let kept = this.firstIndex; kept < index; kept++) at = encodedEntryEnd(bytes, at, kept)
    return { firstIndex: this.firstIndex, count: index - this.firstIndex, chain: this.chain, bytes: bytes.subarray(0, at) }
  }

  /** One checksum over the whole stretch; only when it fails, mark by mark, to name the place. */
  #verify(fromMark: number, toMark: number): void {
    const { bytes } = this
    const seed = fromMark === 0 ? this.chain : this.#chainAfter(fromMark - 1)
    if (checksum(bytes.subarray(this.#start(fromMark), this.#end(toMark)), seed) === this.#chainAfter(toMark)) return
    let chain = seed
    for (let mark = fromMark; mark <= toMark; mark++) {
      chain = checksum(bytes.subarray(this.#start(mark), this.#end(mark)), chain)
      if (chain !== this.#chainAfter(mark)) throw new WireError(`${this.#nameOf(mark)} not match its checksum`)
    }
  }

  #nameOf(mark: number): string {
    const first = this.firstIndex + mark * this.#perMark
    const last = Math.min(first + this.#perMark - 1, this.lastIndex)
    return first === last ? `entry ${first} does` : `the run of entries ${first} to ${last} does`
  }

  #start(mark: number): number {
    return mark === 0 ? 0 : this.#end(mark - 1)
  }

  #end(mark: number): number {
    return this.#value.readUInt32BE(this.#marksAt + mark * markBytes)
  }

  #chainAfter(mark: number): number {
    return this.#value.readUInt32BE(this.#marksAt + mark * markBytes + 4)
  }
}

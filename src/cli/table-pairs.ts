// The entries of one table in two snapshots, walked in step: blocks that are the same byte by byte are not even decoded.
import { readBlock, readPackedBlock, readTableSize } from '../contract/v1/snapshot.ts'
import { isSame, orderOf } from '../machine/differences.ts'
import { WireError } from '../wire/bytes.ts'
import { packedCount, type Wire } from '../wire/value.ts'
import type { SnapshotStream } from './snapshot-stream.ts'

/** Entries that differ; `undefined`: there is none under this key. */
export interface EntryPair {
  readonly key: string | number
  readonly a: Wire | undefined
  readonly b: Wire | undefined
}

export interface TableOptions {
  /** For messages: `state.leases`. */
  readonly name: string
  readonly keyType: 'string' | 'number' | undefined
}

/** The size is next in `content`. */
export async function openTable(content: SnapshotStream, options: TableOptions): Promise<TableWalk> {
  const size = await content.read((reader) => readTableSize(reader, options.name))
  return new TableWalk(content, size, options)
}

/** By ascending key, to the end of both. */
export async function* differingEntries(a: TableWalk, b: TableWalk): AsyncGenerator<EntryPair> {
  while (!a.isAtEnd || !b.isAtEnd) {
    await a.fetch()
    await b.fetch()
    if (a.maybeSkip(b)) continue
    a.unpack()
    b.unpack()
    yield* step(a, b)
  }
}

/** As long as both know what is next. */
function* step(a: TableWalk, b: TableWalk): Generator<EntryPair> {
  while (!a.wantsBlock && !b.wantsBlock) {
    const [ours, theirs] = [a.current, b.current]
    const order = orderOf(ours?.key, theirs?.key)
    const key = (order <= 0 ? ours : theirs)?.key
    if (key === undefined) return
    if (order !== 0) yield { key, a: order < 0 ? ours?.value : undefined, b: order > 0 ? theirs?.value : undefined }
    else if (!isSame(ours?.value, theirs?.value)) yield { key, a: ours?.value, b: theirs?.value }
    if (order <= 0) a.advance()
    if (order >= 0) b.advance()
  }
}

interface Entry {
  readonly key: string | number
  readonly value: Wire
}

export class TableWalk {
  readonly size: number
  readonly #content: SnapshotStream
  readonly #options: TableOptions
  /** Entries in blocks that were not unpacked. */
  #left: number
  /** The next block, where it was fetched and not unpacked. */
  #packed: Uint8Array | undefined
  #entries: readonly Entry[] = []
  #at = 0
  #last: string | number | undefined

  /** For `openTable`. */
  constructor(content: SnapshotStream, size: number, options: TableOptions) {
    this.#content = content
    this.size = size
    this.#left = size
    this.#options = options
  }

  get isAtEnd(): boolean {
    return this.current === undefined && this.#left === 0
  }

  /** Whether only the next block tells what is next. */
  get wantsBlock(): boolean {
    return this.current === undefined && this.#left > 0
  }

  get current(): Entry | undefined {
    return this.#entries[this.#at]
  }

  advance(): void {
    this.#at += 1
  }

  async fetch(): Promise<void> {
    if (!this.wantsBlock || this.#packed !== undefined) return
    this.#packed = await this.#content.read((reader) => readPackedBlock(reader, this.#options.name))
  }

  /** Passes over the next block of both, where both are at one and it is the same. */
  maybeSkip(other: TableWalk): boolean {
    const [ours, theirs] = [this.#packed, other.#packed]
    if (ours === undefined || theirs === undefined || !Buffer.from(ours.buffer, ours.byteOffset, ours.length).equals(theirs)) return false
    this.#pass(ours)
    other.#pass(theirs)
    return true
  }

  unpack(): void {
    const packed = this.#packed
    if (packed === undefined) return
    const entries: Entry[] = []
    readBlock(packed, { ...this.#options, left: this.#left, last: this.#last }, (key, value) => entries.push({ key, value }))
    this.#packed = undefined
    this.#left -= entries.length
    this.#entries = entries
    this.#at = 0
    this.#last = entries.at(-1)?.key
  }

  #pass(packed: Uint8Array): void {
    const count = packedCount(packed) ?? 0
    const { name } = this.#options
    if (count === 0 || count > this.#left) throw new WireError(`a block of ${name} has not between 1 and ${this.#left} entries`)
    this.#packed = undefined
    this.#left -= count
    this.#last = undefined
  }
}

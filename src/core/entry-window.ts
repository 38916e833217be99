// The newest entries, kept in memory in the arrays they came in: codecs know an array by identity, so a batch that is written and sent
// to two followers as the same array is encoded once.
import { broken } from './invariant.ts'
import { bytesOfEntries, bytesOfEntry } from './limits.ts'
import type { Entry, Index } from './types.ts'

export interface EntriesRange {
  readonly firstIndex: Index
  readonly lastIndex: Index
  /** Stop before this many bytes, but give one entry at least. */
  readonly bytesMax: number
}

interface Chunk {
  readonly firstIndex: Index
  readonly entries: readonly Entry[]
  bytes: number
}

/** In the place of a chunk that was dropped, so that its entries are freed at once. */
const dropped: Chunk = { firstIndex: 0, entries: [], bytes: 0 }

export class EntryWindow {
  /** Invariant: contiguous; the first `#head` of them are dropped already. */
  #chunks: Chunk[] = []
  #head = 0
  /** The entries of the last chunk while nobody has seen them: only then may it grow. */
  #open: Entry[] | undefined
  /** Next index to append. */
  #end: Index
  #bytes = 0
  /** The last range put together from several chunks: the other followers ask for the same one. */
  #slice: { readonly range: EntriesRange; readonly entries: readonly Entry[] } | undefined

  constructor(end: Index) {
    this.#end = end
  }

  /** Index of the first entry in memory; that of the next to come when there is none. */
  get firstIndex(): Index {
    return this.#chunks[this.#head]?.firstIndex ?? this.#end
  }

  /** Bytes kept. */
  get bytes(): number {
    return this.#bytes
  }

  /** Appends one; neighbours that come one by one share an array until it is given out. */
  push(entry: Entry): void {
    const bytes = bytesOfEntry(entry)
    const last = this.#chunks[this.#chunks.length - 1]
    if (this.#open !== undefined && last !== undefined) {
      this.#open.push(entry)
      last.bytes += bytes
    } else {
      this.#open = [entry]
      this.#chunks.push({ firstIndex: entry.index, entries: this.#open, bytes })
    }
    this.#bytes += bytes
    this.#end = entry.index + 1
  }

  /** Appends `entries` as the array they are. */
  append(entries: readonly Entry[]): void {
    const first = entries[0]
    if (first === undefined) return
    const bytes = bytesOfEntries(entries)
    this.#open = undefined
    this.#chunks.push({ firstIndex: first.index, entries, bytes })
    this.#bytes += bytes
    this.#end = first.index + entries.length
  }

  truncateFrom(index: Index): void {
    this.#open = undefined
    this.#slice = undefined
    while (this.#chunks.length > this.#head) {
      const last = this.#chunks[this.#chunks.length - 1]
      if (last === undefined || last.firstIndex + last.entries.length <= index) break
      this.#chunks.pop()
      this.#bytes -= last.bytes
      if (last.firstIndex < index) this.append(last.entries.slice(0, index - last.firstIndex))
    }
    this.#end = index
  }

  /** Drops whole arrays from the front, all of them given out before, none with an entry above `lastIndex`, until at most `bytesMax` are kept. */
  evict({ lastIndex, bytesMax }: { readonly lastIndex: Index; readonly bytesMax: number }): void {
    while (this.#bytes > bytesMax) {
      const first = this.#chunks[this.#head]
      if (first === undefined || first.firstIndex + first.entries.length - 1 > lastIndex) break
      this.#bytes -= first.bytes
      this.#chunks[this.#head++] = dropped
    }
    // Half of the array is dropped chunks: a copy now costs one move a chunk over its life.
    if (this.#head > 32 && this.#head * 2 > this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#head)
      this.#head = 0
    }
  }

  /** `undefined` when the first of them is not in memory. What is given out is never changed. */
  slice(range: EntriesRange): readonly Entry[] | undefined {
    if (range.firstIndex < this.firstIndex) return undefined
    const at = this.#chunkAt(range.firstIndex)
    const chunk = this.#chunks[at]
    if (chunk === undefined || range.lastIndex >= this.#end) {
      return broken(`entries ${range.firstIndex}..${range.lastIndex} are beyond ${this.#end - 1}`)
    }
    const chunkEnds = chunk.firstIndex + chunk.entries.length - 1
    if (chunk.firstIndex === range.firstIndex && chunkEnds === range.lastIndex && chunk.bytes <= range.bytesMax) {
      if (chunk.entries === this.#open) this.#open = undefined
      return chunk.entries
    }
    const known = this.#slice
    if (known !== undefined && isSameRange(known.range, range)) return known.entries
    const entries = this.#collect(at, range)
    this.#slice = { range, entries }
    return entries
  }

  /** Everything from `firstIndex`, as one array, which later slices of just these entries share. */
  seal(firstIndex: Index): readonly Entry[] {
    this.#open = undefined
    const at = this.#chunkAt(firstIndex)
    const chunk = this.#chunks[at]
    if (chunk === undefined || chunk.firstIndex !== firstIndex) broken(`no array of entries starts at ${firstIndex}`)
    if (at === this.#chunks.length - 1) return chunk.entries
    const merged = this.#chunks.splice(at)
    const entries = merged.flatMap((each) => each.entries)
    this.#chunks.push({ firstIndex, entries, bytes: merged.reduce((bytes, each) => bytes + each.bytes, 0) })
    return entries
  }

  /** Bytes of the entries of the range that are in memory. */
  bytesOf({ firstIndex, lastIndex }: { readonly firstIndex: Index; readonly lastIndex: Index }): number {
    let bytes = 0
    for (let at = this.#chunkAt(Math.max(firstIndex, this.firstIndex)); at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at]
      if (chunk === undefined || chunk.firstIndex > lastIndex) break
      const inside = chunk.firstIndex >= firstIndex && chunk.firstIndex + chunk.entries.length - 1 <= lastIndex
      bytes += inside ? chunk.bytes : bytesOfEntries(chunk.entries.filter(({ index }) => index >= firstIndex && index <= lastIndex))
    }
    return bytes
  }

  #collect(at: number, { firstIndex, lastIndex, bytesMax }: EntriesRange): readonly Entry[] {
    const entries: Entry[] = []
    let bytes = 0
    for (let next = at; next < this.#chunks.length; next++) {
      const chunk = this.#chunks[next]
      if (chunk === undefined) break
      for (let i = Math.max(0, firstIndex - chunk.firstIndex); i < chunk.entries.length; i++) {
        const entry = chunk.entries[i]
        if (entry === undefined || entry.index > lastIndex) return entries
        bytes += bytesOfEntry(entry)
        if (bytes > bytesMax && entries.length > 0) return entries
        entries.push(entry)
      }
    }
    return entries
  }

  /** Position of the chunk that holds `index`. */
  #chunkAt(index: Index): number {
    let low = this.#head
    let high = this.#chunks.length
    if ((this.#chunks[high - 1]?.firstIndex ?? Number.POSITIVE_INFINITY) <= index) return high - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#chunks[middle]?.firstIndex ?? 0) <= index) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}

function isSameRange(a: EntriesRange, b: EntriesRange): boolean {
  return a.firstIndex === b.firstIndex && a.lastIndex === b.lastIndex && a.bytesMax === b.bytesMax
}

// A log from its first entry to its last, whatever is missing in between: what verifies, in order, and the holes. For looking at a log, and for
// filling the holes of another with it; a node never reads like this.
import type { Entry, Index } from '../core/types.ts'
import { WireError } from '../wire/bytes.ts'
import { Block } from './block.ts'
import { BlockIndex } from './block-index.ts'
import { BlockReader } from './block-reader.ts'
import { storeError } from './damage.ts'
import type { KeyValue } from './kv.ts'
import { blockKey, readBlockKey } from './records.ts'
import { type Finding, type Island, missing, type Recovered } from './recovery.ts'
import { SalvageReader } from './salvage-reader.ts'

/** Of entries handed over at once, bytes of data: what is in memory of a log at any time. */
const chunkBytes = 1_024 * 1_024
/** Findings that are looked at for the reason of a hole: who has more of them has other worries. */
const reasonsMax = 1_000

export type LogPiece =
  /** Contiguous, verified, at least one. */
  | { readonly kind: 'entries'; readonly entries: readonly Entry[] }
  | { readonly kind: 'hole'; readonly firstIndex: Index; readonly lastIndex: Index; readonly what: string }

interface Range {
  readonly firstIndex: Index
  readonly lastIndex: Index
}

export interface WalkOptions {
  readonly kv: KeyValue | undefined
  readonly name: string
  readonly found: Recovered
  /** What is known to be wrong, for the reasons of holes. */
  readonly findings: readonly Finding[]
  readonly withAside: boolean
}

export class LogWalk {
  /** The first that may be there: what comes before it is compacted. */
  readonly firstIndex: Index
  readonly #findings: readonly Finding[]
  readonly #sources: readonly EntrySource[]

  /** `found` is what `kv` holds; without a database nothing is there. `withAside`: what was put aside counts, too. */
  constructor({ kv, name, found, findings, withAside }: WalkOptions) {
    this.#findings = findings.slice(0, reasonsMax)
    this.firstIndex = (found.base?.id.index ?? 0) + 1
    this.#sources = kv === undefined ? [] : sourcesOf(kv, name, withAside ? found : { ...found, salvage: [] })
  }

  /** The last entry that can be read, wherever it stands: before `firstIndex` when there is none. */
  async lastIndex(): Promise<Index> {
    const lasts = await Promise.all(this.#sources.map((source) => source.lastIndex()))
    return Math.max(this.firstIndex - 1, ...lasts)
  }

  /** All of the range, holes included, by ascending index. */
  async *pieces({ firstIndex, lastIndex }: Range): AsyncGenerator<LogPiece, void, void> {
    let next = Math.max(firstIndex, this.firstIndex)
    while (next <= lastIndex) {
      const entries = await this.#nearest({ firstIndex: next, lastIndex })
      const found = entries[0]?.index ?? lastIndex + 1
      if (found > next) yield { kind: 'hole', firstIndex: next, lastIndex: found - 1, what: this.#reason(next, found - 1) }
      if (entries.length > 0) yield { kind: 'entries', entries }
      next = found + entries.length
    }
  }

  /** Whoever goes on at the first index, or else the soonest after it. What is in use comes before what is not. */
  async #nearest(range: Range): Promise<readonly Entry[]> {
    let nearest: readonly Entry[] = []
    for (const source of this.#sources) {
      const lastIndex = (nearest[0]?.index ?? range.lastIndex + 1) - 1
      if (lastIndex < range.firstIndex) break
      const entries = await source.entries({ firstIndex: range.firstIndex, lastIndex })
      if (entries.length > 0) nearest = entries
    }
    return nearest
  }

  /** The most that is known of why these are not there. */
  #reason(firstIndex: Index, lastIndex: Index): string {
    const about = this.#findings.filter(
      ({ range }) => range !== undefined && range.firstIndex <= lastIndex && range.lastIndex >= firstIndex,
    )
    return about.find(({ what }) => !what.includes('missing'))?.what ?? about[0]?.what ?? missing(firstIndex, lastIndex)
  }
}

/** Entries of a part of the log. */
interface EntrySource {
  /** Contiguous and verified, from the first of the range that is there; empty when none is. */
  entries(range: Range): Promise<readonly Entry[]>
  /** 0 when there is none. */
  lastIndex(): Promise<Index>
}

function sourcesOf(kv: KeyValue, name: string, found: Recovered): readonly EntrySource[] {
  const { index, end, base, islands, salvage, waste } = found
  const prefix = { firstIndex: (base?.id.index ?? 0) + 1, lastIndex: end.index }
  const damaged = waste.flatMap((key) => readBlockKey(key) ?? [])
  return [
    ...(index.length === 0 ? [] : [new Run(kv, name, { ...prefix, index })]),
    ...(islands.length === 0 ? [] : [new Islands(kv, name, islands)]),
    ...(salvage.length === 0 ? [] : [new Aside(kv, name, salvage)]),
    ...(damaged.length === 0 ? [] : [new DamagedBlocks(kv, name, damaged)]),
  ]
}

/** Blocks that go on from one another. */
class Run implements EntrySource {
  readonly #reader: BlockReader
  readonly #range: Range

  constructor(kv: KeyValue, name: string, { firstIndex, lastIndex, index }: Range & { readonly index: BlockIndex }) {
    this.#reader = new BlockReader(kv, name, index)
    this.#range = { firstIndex, lastIndex }
  }

  entries(wanted: Range): Promise<readonly Entry[]> {
    const firstIndex = Math.max(wanted.firstIndex, this.#range.firstIndex)
    const lastIndex = Math.min(wanted.lastIndex, this.#range.lastIndex)
    if (firstIndex > lastIndex) return Promise.resolve([])
    return new Promise((resolve, reject) => {
      const range = { firstIndex, lastIndex, bytesMax: chunkBytes }
      this.#reader.entries(range, (error, entries) => (error === undefined ? resolve(entries) : reject(error)))
    })
  }

  lastIndex(): Promise<Index> {
    return Promise.resolve(this.#range.lastIndex)
  }
}

/** Runs behind holes. */
class Islands implements EntrySource {
  readonly #kv: KeyValue
  readonly #name: string
  /** Ascending by their first index. */
  readonly #islands: readonly Island[]
  /** All before this one end before `#passed`: a walk goes forward. */
  #next = 0
  #passed: Index = 0

  constructor(kv: KeyValue, name: string, islands: readonly Island[]) {
    this.#kv = kv
    this.#name = name
    this.#islands = islands
  }

  async entries(wanted: Range): Promise<readonly Entry[]> {
    this.#skipTo(wanted.firstIndex)
    for (let i = this.#next; i < this.#islands.length; i++) {
      const island = this.#islands[i]
      if (island === undefined || island.firstIndex > wanted.lastIndex) break
      if (island.lastIndex >= wanted.firstIndex) return await this.#read(island, wanted)
    }
    return []
  }

  lastIndex(): Promise<Index> {
    return Promise.resolve(this.#islands.at(-1)?.lastIndex ?? 0)
  }

  #skipTo(firstIndex: Index): void {
    if (firstIndex < this.#passed) this.#next = 0
    this.#passed = firstIndex
    while ((this.#islands[this.#next]?.lastIndex ?? firstIndex) < firstIndex) this.#next++
  }

  /** Without chains: what is read was verified before, and is again within its block. */
  #read({ firstIndex, lastIndex, blocks }: Island, wanted: Range): Promise<readonly Entry[]> {
    const index = new BlockIndex()
    for (const block of blocks) index.push(block, 0)
    return new Run(this.#kv, this.#name, { firstIndex, lastIndex, index }).entries(wanted)
  }
}

/** Blocks that were put aside. */
class Aside implements EntrySource {
  readonly #reader: SalvageReader
  readonly #lastBlock: Index

  constructor(kv: KeyValue, name: string, salvage: readonly Index[]) {
    this.#reader = new SalvageReader(kv, name, salvage)
    this.#lastBlock = salvage.at(-1) ?? 0
  }

  entries(range: Range): Promise<readonly Entry[]> {
    return new Promise((resolve, reject) => {
      this.#reader.entries({ ...range, bytesMax: chunkBytes }, (error, entries) => (error === undefined ? resolve(entries) : reject(error)))
    })
  }

  async lastIndex(): Promise<Index> {
    let last = 0
    for (let firstIndex = this.#lastBlock; ; firstIndex = last + 1) {
      const entries = await this.entries({ firstIndex, lastIndex: Number.MAX_SAFE_INTEGER })
      const index = entries.at(-1)?.index
      if (index === undefined) return last
      last = index
    }
  }
}

/** Blocks of which something does not verify: what does is there all the same. */
class DamagedBlocks implements EntrySource {
  readonly #kv: KeyValue
  readonly #name: string
  /** First indexes, ascending. */
  readonly #blocks: readonly Index[]

  constructor(kv: KeyValue, name: string, blocks: readonly Index[]) {
    this.#kv = kv
    this.#name = name
    this.#blocks = blocks
  }

  async entries({ firstIndex, lastIndex }: Range): Promise<readonly Entry[]> {
    const at = this.#blocks.findLastIndex((block) => block <= firstIndex)
    for (const block of this.#blocks.slice(Math.max(at, 0))) {
      if (block > lastIndex) break
      const found = contiguous(await this.#verified(block), { firstIndex, lastIndex })
      if (found.length > 0) return found
    }
    return []
  }

  async lastIndex(): Promise<Index> {
    for (const block of this.#blocks.toReversed()) {
      const last = (await this.#verified(block)).at(-1)
      if (last !== undefined) return last.index
    }
    return 0
  }

  #verified(blockIndex: Index): Promise<readonly Entry[]> {
    return new Promise((resolve, reject) => {
      this.#kv.get(blockKey(blockIndex), (error, value) => {
        if (error !== undefined) return reject(storeError(this.#name, 'read', error))
        resolve(value === undefined ? [] : verifiedOf(value, blockIndex))
      })
    })
  }
}

/** From the first that is in the range up to where they stop being contiguous. */
function contiguous(entries: readonly Entry[], { firstIndex, lastIndex }: Range): readonly Entry[] {
  const wanted = entries.filter(({ index }) => index >= firstIndex && index <= lastIndex)
  const end = wanted.findIndex(({ index }, i) => index !== (wanted[0]?.index ?? 0) + i)
  return end < 0 ? wanted : wanted.slice(0, end)
}

/** Entry by entry, each with the run that it is sealed with. */
function verifiedOf(value: Uint8Array, blockIndex: Index): readonly Entry[] {
  const entries: Entry[] = []
  ifWhole(() => {
    const block = new Block(value, blockIndex)
    for (let index = block.firstIndex; index <= block.lastIndex; index++) ifWhole(() => block.read(index, index, entries))
  })
  return entries
}

function ifWhole(read: () => void): void {
  try {
    read()
  } catch (thrown) {
    if (!(thrown instanceof WireError)) throw thrown
  }
}

import type { Entry, Index } from '../core/types.ts'
import type { RaftgenError } from '../errors.ts'
import type { EntriesRange } from '../ports/log.ts'
import { Block, type EntryRun } from './block.ts'
import type { BlockIndex } from './block-index.ts'
import { damaged, readError, storeError } from './damage.ts'
import type { KeyValue } from './kv.ts'
import { blockKey, readBlockKey } from './records.ts'

type RangeDone = (error: RaftgenError | undefined, entries: readonly Entry[]) => void
type RunDone = (error: RaftgenError | undefined, run: EntryRun | undefined) => void

/** Finds entries in blocks and verifies them. What it is asked for is in the log, and nothing is removed meanwhile. */
export class BlockReader {
  readonly #kv: KeyValue
  readonly #name: string
  readonly #index: BlockIndex

  constructor(kv: KeyValue, name: string, index: BlockIndex) {
    this.#kv = kv
    this.#name = name
    this.#index = index
  }

  entries(range: EntriesRange, done: RangeDone): void {
    const position = this.#index.find(range.firstIndex)
    const lastPosition = this.#index.find(range.lastIndex)
    if (position === lastPosition) return this.#readOne(range, position, done)
    this.#readSeveral(range, { position, lastPosition }, done)
  }

  /** The entries of the block at `position` that come before `index`. */
  runBefore(index: Index, position: number, done: RunDone): void {
    this.#readBlock(position, (block) => block.before(index), done)
  }

  /** Chain after the entry at `index`, in the block at `position`. */
  chainAt(index: Index, position: number, done: (error: RaftgenError | undefined, chain: number | undefined) => void): void {
    this.#readBlock(position, (block) => block.chainAt(index), done)
  }

  #readOne(range: EntriesRange, position: number, done: RangeDone): void {
    const collected = new Collected(range)
    this.#readBlock(
      position,
      (block) => collected.add(block),
      (error) => done(error, error === undefined ? collected.entries : []),
    )
  }

  #readSeveral(range: EntriesRange, { position, lastPosition }: { position: number; lastPosition: number }, done: RangeDone): void {
    const collected = new Collected(range)
    const firstKey = blockKey(this.#index.firstIndex(position))
    const lastKey = blockKey(this.#index.firstIndex(lastPosition))
    let next = position
    let complete = false
    const each = (key: Uint8Array, value: Uint8Array): boolean => {
      const blockIndex = this.#index.firstIndex(next)
      if (readBlockKey(key) !== blockIndex) return false
      complete = collected.add(new Block(value, blockIndex)) || next === lastPosition
      next++
      return !complete
    }
    this.#kv.range({ firstKey, lastKey, bytesMax: range.bytesMax }, each, (error) => {
      if (error !== undefined) return done(storeError(this.#name, 'read', error), [])
      if (!complete) return done(this.#missing(this.#index.firstIndex(next)), [])
      done(undefined, collected.entries)
    })
  }

  #readBlock<T>(position: number, use: (block: Block) => T, done: (error: RaftgenError | undefined, used: T | undefined) => void): void {
    const blockIndex = this.#index.firstIndex(position)
    this.#kv.get(blockKey(blockIndex), (error, value) => {
      if (error !== undefined) return done(storeError(this.#name, 'read', error), undefined)
      if (value === undefined) return done(this.#missing(blockIndex), undefined)
      let used: T
      try {
        used = use(new Block(value, blockIndex))
      } catch (thrown) {
        return done(readError(this.#name, thrown), undefined)
      }
      done(undefined, used)
    })
  }

  #missing(blockIndex: Index): RaftgenError {
    return damaged(this.#name, `the block of entry ${blockIndex} is missing`)
  }
}

/** The entries of a range, as blocks come in. */
class Collected {
  readonly entries: Entry[] = []
  readonly #range: EntriesRange
  #bytes = 0

  constructor(range: EntriesRange) {
    this.#range = range
  }

  /** True once the range is full. */
  add(block: Block): boolean {
    const { entries } = this
    const { firstIndex, lastIndex, bytesMax } = this.#range
    const start = entries.length
    block.read(Math.max(firstIndex, block.firstIndex), Math.min(lastIndex, block.lastIndex), entries)
    for (let i = start; i < entries.length; i++) {
      this.#bytes += entries[i]?.data.length ?? 0
      if (i === 0 || this.#bytes <= bytesMax) continue
      entries.length = i
      return true
    }
    return false
  }
}

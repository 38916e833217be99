import type { Entry, Index } from '../core/types.ts'
import type { EntriesDone, EntriesRange } from '../ports/log.ts'
import { Block } from './block.ts'
import { readError, storeError } from './damage.ts'
import type { KeyValue } from './kv.ts'
import { salvageKey } from './records.ts'

/** Reads blocks that were put aside. */
export class SalvageReader {
  readonly #kv: KeyValue
  readonly #name: string
  /** First indexes, ascending. */
  readonly #blocks: readonly Index[]

  constructor(kv: KeyValue, name: string, blocks: readonly Index[]) {
    this.#kv = kv
    this.#name = name
    this.#blocks = blocks
  }

  /** Verified entries of the range, contiguous from the first of them that is there: of one block at most. */
  entries({ firstIndex, lastIndex, bytesMax }: EntriesRange, done: EntriesDone): void {
    const at = Math.max(
      this.#blocks.findLastIndex((blockIndex) => blockIndex <= firstIndex),
      0,
    )
    this.#read(at, (error, block) => {
      if (error !== undefined) return done(error, [])
      if (block === undefined) return done(undefined, [])
      if (block.lastIndex < firstIndex) {
        const next = this.#blocks[at + 1]
        if (next === undefined || next > lastIndex) return done(undefined, [])
        return this.entries({ firstIndex: next, lastIndex, bytesMax }, done)
      }
      if (block.firstIndex > lastIndex) return done(undefined, [])
      const found: Entry[] = []
      try {
        block.read(Math.max(firstIndex, block.firstIndex), Math.min(lastIndex, block.lastIndex), found)
      } catch (thrown) {
        return done(readError(this.#name, thrown), [])
      }
      done(undefined, within(found, bytesMax))
    })
  }

  #read(at: number, done: (error: Error | undefined, block: Block | undefined) => void): void {
    const blockIndex = this.#blocks[at]
    if (blockIndex === undefined) return this.#kv.defer(() => done(undefined, undefined))
    this.#kv.get(salvageKey(blockIndex), (error, value) => {
      if (error !== undefined) return done(storeError(this.#name, 'read', error), undefined)
      if (value === undefined) return done(undefined, undefined)
      let block: Block
      try {
        block = new Block(value, blockIndex)
      } catch (thrown) {
        return done(readError(this.#name, thrown), undefined)
      }
      done(undefined, block)
    })
  }
}

/** One entry at least. */
function within(entries: readonly Entry[], bytesMax: number): readonly Entry[] {
  let bytes = 0
  const end = entries.findIndex((entry, i) => {
    bytes += entry.data.length
    return i > 0 && bytes > bytesMax
  })
  return end < 0 ? entries : entries.slice(0, end)
}

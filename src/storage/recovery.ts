// Reading a log: one pass over every record, in key order. Each record is verified, then the log as a whole: no entry missing, none twice, every
// chain going on from the one before, terms rising, and the end where the last write said it is. What does not fit is a finding: what comes
// before the first of them is the verified prefix, and what verifies by itself behind it are islands. What to make of it is for others to say.
//
// Below the base only the block counts into which it falls. It is the last that begins there, if it is needed: it is when the log goes on
// and no block begins where it would. All others are leftovers of a compaction, and not looked at.
import type { ConfState, EntryId, Index, Term } from '../core/types.ts'
import type { Identity, Skip } from '../ports/log.ts'
import { WireError } from '../wire/bytes.ts'
import { Block } from './block.ts'
import { BlockIndex } from './block-index.ts'
import { type BlockContent, scanBlock } from './block-scan.ts'
import type { LogPosition } from './high-water.ts'
import {
  type BaseRecord,
  appliedKey,
  baseKey,
  blockKey,
  decodeApplied,
  decodeBase,
  decodeHardState,
  decodeIdentity,
  type HardStateRecord,
  hardStateKey,
  identityKey,
  readBlockKey,
  readSalvageKey,
} from './records.ts'
import { TermRuns } from './term-runs.ts'

/** Something that is not as it was written. */
export interface Finding {
  /** A record, a file, a directory. */
  readonly place: string
  /** The entries it is about; none when it is about something else. */
  readonly range: { readonly firstIndex: Index; readonly lastIndex: Index } | undefined
  /** A sentence without its full stop. */
  readonly what: string
}

/** Entries that go on from each other. */
export interface Run {
  readonly firstIndex: Index
  readonly lastIndex: Index
  /** Chain before the first entry, and after the last. */
  readonly chain: number
  readonly lastChain: number
}

/** Blocks behind a hole, each verified, each going on from the one before. */
export interface Island extends Run {
  readonly lastTerm: Term
  /** First indexes of its blocks. */
  readonly blocks: readonly Index[]
}

/** What could be read of a log. */
export interface Recovered {
  readonly identity: Identity | undefined
  readonly base: BaseRecord | undefined
  /** The record of the base is lost; the high water knew what was in it. */
  readonly isBaseRestored: boolean
  readonly hardState: HardStateRecord | undefined
  /** Of the verified prefix. */
  readonly index: BlockIndex
  readonly terms: TermRuns
  readonly confs: readonly { readonly index: Index; readonly conf: ConfState }[]
  readonly skips: readonly Skip[]
  /** Of the verified prefix; (0, 0) when there is not even a base. */
  readonly end: LogPosition
  /** No finding is about entries. */
  readonly isIntact: boolean
  /** In the order in which they were found; the first about entries is why the prefix ends. */
  readonly findings: readonly Finding[]
  readonly islands: readonly Island[]
  /** First indexes of blocks that were put aside before. */
  readonly salvage: readonly Index[]
  /** The runs that they are. */
  readonly asides: readonly Run[]
  /** First indexes of blocks below the base that were not deleted yet. */
  readonly leftovers: readonly Index[]
  /** Keys of records that are good for nothing. */
  readonly waste: readonly Uint8Array[]
}

const nowhere: LogPosition = { term: 0, index: 0, chain: 0 }

/** Takes records by ascending key. */
export class Recovery {
  /** As the high water has it, for a log that has lost its own. */
  readonly #knownBase: BaseRecord | undefined
  #isBaseRestored = false
  #identity: Identity | undefined
  #base: BaseRecord | undefined
  #hardState: HardStateRecord | undefined
  #terms = new TermRuns(nowhere)
  #end: LogPosition = nowhere
  readonly #index = new BlockIndex()
  readonly #confs: { index: Index; conf: ConfState }[] = []
  readonly #skips: Skip[] = []
  /** The prefix has ended. */
  #isBroken = false
  #isIntact = true
  readonly #findings: Finding[] = []
  readonly #islands: (Island & { readonly blocks: Index[] })[] = []
  readonly #salvage: Index[] = []
  readonly #asides: Run[] = []
  readonly #leftovers: Index[] = []
  readonly #waste: Uint8Array[] = []
  /** The last block so far that begins at the base or below it. */
  #below: { readonly firstIndex: Index; readonly value: Uint8Array } | undefined

  constructor(knownBase?: BaseRecord) {
    this.#knownBase = knownBase
  }

  get lastIndex(): Index {
    return this.#islands.at(-1)?.lastIndex ?? this.#end.index
  }

  record(key: Uint8Array, value: Uint8Array): void {
    const blockIndex = readBlockKey(key)
    if (blockIndex !== undefined) return this.#onBlockRecord(blockIndex, value)
    const salvageIndex = readSalvageKey(key)
    if (salvageIndex !== undefined) return this.#onSalvage(key, salvageIndex, value)
    const problem = this.#tryRead(() => this.#onOther(key, value))
    if (problem !== undefined) this.#find({ place: 'the database', what: problem })
  }

  finish(): Recovered {
    this.#restoreBase()
    const { base } = this
    const hardState = this.#hardState
    if (this.#identity === undefined) this.#missing('identity')
    if (base === undefined || this.#isBaseRestored) this.#missing('base')
    if (base === undefined) this.#isIntact = false
    if (hardState === undefined) this.#missing('hard state')
    if (base !== undefined && hardState !== undefined && hardState.lastIndex > base.id.index) this.#onFirstAbove(hardState.lastIndex + 1)
    else this.#leaveBelow()
    if (base !== undefined && hardState !== undefined) this.#checkEnd(hardState)
    return {
      identity: this.#identity,
      base,
      isBaseRestored: this.#isBaseRestored,
      hardState,
      index: this.#index,
      terms: this.#terms,
      confs: this.#confs,
      skips: this.#skips,
      end: this.#end,
      isIntact: this.#isIntact,
      findings: this.#findings,
      islands: this.#islands,
      salvage: this.#salvage,
      asides: this.#asides,
      leftovers: this.#leftovers,
      waste: this.#waste,
    }
  }

  get base(): BaseRecord | undefined {
    return this.#base
  }

  /** Where the last write left the log, once that record was read. */
  get statedIndex(): Index | undefined {
    return this.#hardState?.lastIndex
  }

  #onOther(key: Uint8Array, value: Uint8Array): void {
    if (baseKey.equals(key)) this.#onBase(decodeBase(value))
    else if (hardStateKey.equals(key)) this.#hardState = decodeHardState(value)
    else if (identityKey.equals(key)) this.#identity = decodeIdentity(value)
    else if (appliedKey.equals(key)) decodeApplied(value)
    else {
      this.#waste.push(key)
      throw new WireError(`the record ${Buffer.from(key).toString('hex')} is not one of a log`)
    }
  }

  #onBase(base: BaseRecord): void {
    this.#base = base
    this.#terms = new TermRuns(base.id)
    this.#end = { ...base.id, chain: base.chain }
  }

  #onSalvage(key: Uint8Array, firstIndex: Index, value: Uint8Array): void {
    const problem = this.#tryRead(() => {
      const block = new Block(value, firstIndex)
      block.verify()
      this.#salvage.push(firstIndex)
      this.#onAside(block)
    })
    if (problem !== undefined) this.#waste.push(key)
  }

  #onAside({ firstIndex, lastIndex, chain, lastChain }: Block): void {
    const last = this.#asides.at(-1)
    if (last?.lastChain === chain && last.lastIndex + 1 === firstIndex) this.#asides.splice(-1, 1, { ...last, lastIndex, lastChain })
    else this.#asides.push({ firstIndex, lastIndex, chain, lastChain })
  }

  /** It was not there when it was its turn. */
  #restoreBase(): void {
    if (this.#base !== undefined || this.#knownBase === undefined) return
    this.#isBaseRestored = true
    this.#onBase(this.#knownBase)
  }

  #onBlockRecord(firstIndex: Index, value: Uint8Array): void {
    this.#restoreBase()
    const { base } = this
    if (base !== undefined && firstIndex <= base.id.index) {
      this.#leaveBelow()
      this.#below = { firstIndex, value }
      return
    }
    if (base !== undefined) this.#onFirstAbove(firstIndex)
    this.#onBlock(firstIndex, value)
  }

  /** The first block above the base begins at `firstIndex`: what is between was written with the base's own entry. */
  #onFirstAbove(firstIndex: Index): void {
    const { base } = this
    const below = this.#below
    if (below === undefined || base === undefined || firstIndex === base.id.index + 1) return this.#leaveBelow()
    const problem = this.#tryRead(() => {
      const block = new Block(below.value, below.firstIndex)
      if (block.lastIndex <= base.id.index) return
      block.verify()
      if (block.chainAt(base.id.index) !== base.chain) {
        throw new WireError(`entry ${base.id.index} is not the one with which the log was compacted`)
      }
      const content = scanBlock(block, { firstIndex: base.id.index + 1, lastTerm: base.id.term })
      this.#below = undefined
      this.#take(block, content)
    })
    if (problem !== undefined) this.#break(problem, { firstIndex: base.id.index + 1, lastIndex: firstIndex - 1 })
    this.#leaveBelow()
  }

  #leaveBelow(): void {
    if (this.#below !== undefined) this.#leftovers.push(this.#below.firstIndex)
    this.#below = undefined
  }

  #onBlock(firstIndex: Index, value: Uint8Array): void {
    let block: Block | undefined
    let content: BlockContent | undefined
    const problem = this.#tryRead(() => {
      block = new Block(value, firstIndex)
      block.verify()
      content = scanBlock(block, { firstIndex, lastTerm: this.#lastTerm(firstIndex) })
    })
    if (problem !== undefined || block === undefined || content === undefined) return this.#onBadBlock(firstIndex, problem ?? '')
    if (!this.#isBroken && firstIndex <= this.#end.index) {
      return this.#onBadBlock(firstIndex, `entry ${firstIndex} is stored twice`)
    }
    if (this.#isBroken || this.#base === undefined) return this.#onIsland(block, content)
    const { index, chain } = this.#end
    if (firstIndex === index + 1 && block.chain === chain) return this.#take(block, content)
    if (firstIndex > index + 1) this.#break(missing(index + 1, firstIndex - 1), { firstIndex: index + 1, lastIndex: firstIndex - 1 })
    else this.#break(`entry ${firstIndex} was not written after the entry ${index} that is stored`, block)
    this.#onIsland(block, content)
  }

  /** Of the entry before `firstIndex`, as far as it is stored: terms never fall from there. */
  #lastTerm(firstIndex: Index): Term {
    const island = this.#islands.at(-1)
    if (island !== undefined) return island.lastIndex + 1 === firstIndex ? island.lastTerm : 0
    return this.#isBroken || this.#end.index + 1 !== firstIndex ? 0 : this.#end.term
  }

  #onBadBlock(firstIndex: Index, what: string): void {
    this.#waste.push(blockKey(firstIndex))
    if (firstIndex <= this.#end.index) {
      this.#isIntact = false
      this.#find({ place: nameOf(firstIndex), range: { firstIndex, lastIndex: firstIndex }, what })
    } else this.#break(what, { firstIndex, lastIndex: firstIndex })
  }

  #onIsland(block: Block, { lastTerm }: BlockContent): void {
    const { firstIndex, lastIndex, chain, lastChain } = block
    const last = this.#islands.at(-1)
    if (last !== undefined && last.lastIndex + 1 === firstIndex && last.lastChain === chain) {
      last.blocks.push(firstIndex)
      this.#islands[this.#islands.length - 1] = { ...last, lastIndex, lastTerm, lastChain }
    } else this.#islands.push({ firstIndex, lastIndex, lastTerm, chain, lastChain, blocks: [firstIndex] })
  }

  #take(block: Block, { lastTerm, runs, confs, skips }: BlockContent): void {
    for (const { term, firstIndex } of runs) this.#terms.push(term, firstIndex)
    this.#confs.push(...confs)
    this.#skips.push(...skips)
    this.#index.push(block.firstIndex, block.lastChain)
    this.#end = { term: lastTerm, index: block.lastIndex, chain: block.lastChain }
  }

  #checkEnd(hardState: HardStateRecord): void {
    const { term, index, chain } = this.#end
    const { lastIndex, lastTerm, lastChain } = hardState
    if (term > hardState.term) {
      this.#break(`entry ${index} of term ${term} is of a later term than the hard state, ${hardState.term}`, undefined)
    }
    if (this.#isBroken) return
    const expected = { firstIndex: lastIndex, lastIndex }
    if (index < lastIndex) return this.#break(missing(index + 1, lastIndex), { firstIndex: index + 1, lastIndex })
    const [found, stated] = [`${index} of term ${term}`, `${lastIndex} of term ${lastTerm}`]
    if (found !== stated) this.#break(`the log ends with entry ${found}, the last write left it at entry ${stated}`, expected)
    else if (chain !== lastChain) this.#break(`entry ${found} is not the one with which the last write left the log`, expected)
  }

  /** What is wrong with what `read` looks at, if anything is. */
  #tryRead(read: () => void): string | undefined {
    try {
      read()
      return undefined
    } catch (thrown) {
      if (thrown instanceof WireError) return thrown.message
      throw thrown
    }
  }

  #missing(record: string): void {
    // What is damaged was found already.
    if (this.#findings.some(({ what }) => what.startsWith(`the ${record} record`))) return
    this.#find({ place: 'the database', what: `the ${record} record is missing` })
  }

  #break(what: string, range: EntryRange | undefined): void {
    this.#isBroken = true
    this.#isIntact = false
    this.#find({ place: range === undefined ? 'the database' : nameOf(range.firstIndex), range, what })
  }

  #find({ place, range, what }: { place: string; range?: EntryRange | undefined; what: string }): void {
    this.#findings.push({ place, range: range && { firstIndex: range.firstIndex, lastIndex: range.lastIndex }, what })
  }
}

type EntryRange = { readonly firstIndex: Index; readonly lastIndex: Index }
const nameOf = (index: Index): string => `entry ${index}`
export const missing = (first: Index, last: Index): string =>
  first === last ? `entry ${first} is missing` : `entries ${first} to ${last} are missing`
export const entryName = ({ term, index }: EntryId): string => `entry ${index} of term ${term}`

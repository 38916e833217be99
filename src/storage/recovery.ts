// Opening a log: one pass over every record, in key order. Each record is verified, then the log as a whole: no entry missing, none twice,
// every chain going on from the one before, terms rising, and the end where the last write said it is. What does not fit is refused.
//
// Below the base only the block counts into which it falls. It is the last that begins there, if it is needed: it is when the log goes on
// and no block begins where it would. All others are leftovers of a compaction, and not looked at.
import type { Entry, EntryId, Index, LogBase, LogSummary, Term } from '../core/types.ts'
import type { Identity } from '../ports/log.ts'
import { WireError } from '../wire/bytes.ts'
import { decodeEntryRun, encodedEntryEnd } from '../wire/entry-codec.ts'
import { Block } from './block.ts'
import { BlockIndex } from './block-index.ts'
import {
  type BaseRecord,
  baseKey,
  decodeBase,
  decodeHardState,
  decodeIdentity,
  type HardStateRecord,
  hardStateKey,
  identityKey,
  readBlockKey,
} from './records.ts'
import { TermRuns } from './term-runs.ts'

/** A log that was found whole. */
export interface Recovered {
  readonly identity: Identity
  readonly base: BaseRecord
  readonly hardState: HardStateRecord
  readonly index: BlockIndex
  readonly terms: TermRuns
  readonly summary: LogSummary
  /** First indexes of blocks below the base that were not deleted yet. */
  readonly leftovers: readonly Index[]
}

/** The log up to here, while it is read. */
interface Position {
  readonly lastIndex: Index
  readonly lastTerm: Term
  readonly chain: number
}

/** Takes records by ascending key. Every damage is a `WireError` that names the record or the entry. */
export class Recovery {
  #identity: Identity | undefined
  #base: BaseRecord | undefined
  #hardState: HardStateRecord | undefined
  #terms: TermRuns | undefined
  #position: Position = { lastIndex: 0, lastTerm: 0, chain: 0 }
  readonly #index = new BlockIndex()
  readonly #leftovers: Index[] = []
  /** The last block so far that begins at the base or below it. */
  #below: { readonly firstIndex: Index; readonly value: Uint8Array } | undefined
  readonly #confs: { index: Index; conf: LogBase['conf'] }[] = []

  get lastIndex(): Index {
    return this.#position.lastIndex
  }

  record(key: Uint8Array, value: Uint8Array): void {
    const blockIndex = readBlockKey(key)
    if (blockIndex !== undefined) this.#onBlockRecord(blockIndex, value)
    else if (baseKey.equals(key)) this.#onBase(decodeBase(value))
    else if (hardStateKey.equals(key)) this.#hardState = decodeHardState(value)
    else if (identityKey.equals(key)) this.#identity = decodeIdentity(value)
    else throw new WireError(`the record ${Buffer.from(key).toString('hex')} is not one of a log`)
  }

  finish(): Recovered {
    const { base, terms } = this.#requireBase()
    const hardState = this.#hardState
    if (this.#identity === undefined) throw new WireError('the identity record is missing')
    if (hardState === undefined) throw new WireError('the hard state record is missing')
    if (hardState.lastIndex > base.id.index) this.#onFirstAbove(hardState.lastIndex + 1)
    else this.#leaveBelow()
    this.#checkEnd(hardState)
    return {
      identity: this.#identity,
      base,
      hardState,
      index: this.#index,
      terms,
      summary: {
        hardState: { term: hardState.term, votedFor: hardState.votedFor },
        base: { id: base.id, conf: base.conf },
        lastIndex: this.lastIndex,
        terms: [...terms.runs],
        confs: this.#confs,
      },
      leftovers: this.#leftovers,
    }
  }

  #requireBase(): { base: BaseRecord; terms: TermRuns } {
    if (this.#base === undefined || this.#terms === undefined) throw new WireError('the base record is missing')
    return { base: this.#base, terms: this.#terms }
  }

  #onBase(base: BaseRecord): void {
    this.#base = base
    this.#terms = new TermRuns(base.id)
    this.#position = { lastIndex: base.id.index, lastTerm: base.id.term, chain: base.chain }
  }

  #onBlockRecord(firstIndex: Index, value: Uint8Array): void {
    const { base } = this.#requireBase()
    if (firstIndex <= base.id.index) {
      this.#leaveBelow()
      this.#below = { firstIndex, value }
      return
    }
    this.#onFirstAbove(firstIndex)
    this.#onBlock(new Block(value, firstIndex))
  }

  /** The first block above the base begins at `firstIndex`: what is between was written with the base's own entry. */
  #onFirstAbove(firstIndex: Index): void {
    const below = this.#below
    const { base, terms } = this.#requireBase()
    if (below === undefined || firstIndex === base.id.index + 1) return this.#leaveBelow()
    const block = new Block(below.value, below.firstIndex)
    if (block.lastIndex <= base.id.index) return this.#leaveBelow()
    this.#below = undefined
    block.verify()
    if (block.chainAt(base.id.index) !== base.chain) {
      throw new WireError(`entry ${base.id.index} is not the one with which the log was compacted`)
    }
    this.#take(block, terms)
  }

  #leaveBelow(): void {
    if (this.#below !== undefined) this.#leftovers.push(this.#below.firstIndex)
    this.#below = undefined
  }

  #onBlock(block: Block): void {
    const { terms } = this.#requireBase()
    const { lastIndex, chain } = this.#position
    const { firstIndex } = block
    if (firstIndex <= lastIndex) throw new WireError(`entry ${firstIndex} is stored twice`)
    if (firstIndex > lastIndex + 1) throw new WireError(missing(lastIndex + 1, firstIndex - 1))
    if (block.chain !== chain) throw new WireError(`entry ${firstIndex} was not written after the entry ${lastIndex} that is stored`)
    block.verify()
    this.#take(block, terms)
  }

  #take(block: Block, terms: TermRuns): void {
    const lastTerm = this.#scan(block, terms)
    this.#index.push(block.firstIndex, block.lastChain)
    this.#position = { lastIndex: block.lastIndex, lastTerm, chain: block.lastChain }
  }

  /** Terms and configurations, without decoding what is in the commands. Returns the last term. */
  #scan(block: Block, terms: TermRuns): Term {
    const { bytes } = block
    let { lastTerm } = this.#position
    const firstIndex = this.lastIndex + 1
    let at = 0
    for (let index = block.firstIndex; index < firstIndex; index++) at = encodedEntryEnd(bytes, at, index)
    for (let index = firstIndex; index <= block.lastIndex; index++) {
      const end = encodedEntryEnd(bytes, at, index)
      const term = bytes.readUIntBE(at, 6)
      if (term < lastTerm) throw new WireError(`entry ${index} has term ${term}, the one before it ${lastTerm}`)
      if (term > lastTerm || index === firstIndex) terms.push(term, index)
      lastTerm = term
      // 0 is a command: it has nothing to be found here.
      if (bytes[at + 6] !== 0) this.#onSpecialEntry(bytes.subarray(at, end), index)
      at = end
    }
    if (at !== bytes.length) throw new WireError(`entry ${block.lastIndex} is followed by ${bytes.length - at} bytes too many`)
    return lastTerm
  }

  #onSpecialEntry(bytes: Buffer, index: Index): void {
    const entries: Entry[] = []
    decodeEntryRun(bytes, { firstIndex: index, count: 1 }, entries)
    const conf = entries[0]?.conf
    if (conf !== undefined) this.#confs.push({ index, conf })
  }

  #checkEnd(hardState: HardStateRecord): void {
    const { lastIndex, lastTerm, chain } = this.#position
    if (lastIndex < hardState.lastIndex) throw new WireError(missing(lastIndex + 1, hardState.lastIndex))
    const found = name({ term: lastTerm, index: lastIndex })
    const expected = name({ term: hardState.lastTerm, index: hardState.lastIndex })
    if (found !== expected) throw new WireError(`the log ends with entry ${found}, the last write left it at entry ${expected}`)
    if (chain !== hardState.lastChain) throw new WireError(`entry ${found} is not the one with which the last write left the log`)
    if (lastTerm > hardState.term) throw new WireError(`entry ${found} is of a later term than the hard state, ${hardState.term}`)
  }
}

const name = ({ term, index }: EntryId): string => `${index} of term ${term}`
const missing = (first: Index, last: Index): string =>
  first === last ? `entry ${first} is missing` : `entries ${first} to ${last} are missing`

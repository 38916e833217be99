// Opening a log: one pass over every record, in key order. Each record is verified, then the log as a whole: no entry missing, none twice,
// every chain going on from the one before, terms rising, and the end where the last write said it is. What does not fit is refused.
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
  readonly #confs: { index: Index; conf: LogBase['conf'] }[] = []

  get lastIndex(): Index {
    return this.#position.lastIndex
  }

  record(key: Uint8Array, value: Uint8Array): void {
    const blockIndex = readBlockKey(key)
    if (blockIndex !== undefined) this.#onBlock(new Block(value, blockIndex))
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

  #onBlock(block: Block): void {
    const { terms } = this.#requireBase()
    const { lastIndex, chain } = this.#position
    const { firstIndex } = block
    if (firstIndex <= lastIndex) throw new WireError(`entry ${firstIndex} is stored twice`)
    if (firstIndex > lastIndex + 1) throw new WireError(missing(lastIndex + 1, firstIndex - 1))
    if (block.chain !== chain) throw new WireError(`entry ${firstIndex} was not written after the entry ${lastIndex} that is stored`)
    block.verify()
    const lastTerm = this.#scan(block, terms)
    this.#index.push(firstIndex, block.lastChain)
    this.#position = { lastIndex: block.lastIndex, lastTerm, chain: block.lastChain }
  }

  /** Terms and configurations, without decoding what is in the commands. Returns the last term. */
  #scan(block: Block, terms: TermRuns): Term {
    const { bytes } = block
    let { lastTerm } = this.#position
    let at = 0
    for (let index = block.firstIndex; index <= block.lastIndex; index++) {
      const end = encodedEntryEnd(bytes, at, index)
      const term = bytes.readUIntBE(at, 6)
      if (term < lastTerm) throw new WireError(`entry ${index} has term ${term}, the one before it ${lastTerm}`)
      if (term > lastTerm || index === block.firstIndex) terms.push(term, index)
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

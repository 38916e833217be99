// What one write makes of a log: the records to put and to delete, and where the log ends after it. Pure; `BlockLog` performs it.
import { assert } from '../core/invariant.ts'
import type { Entry, EntryId, HardState, Index, Persist } from '../core/types.ts'
import { encodeEntries, entriesHeaderBytes } from '../wire/entry-codec.ts'
import { type EncodedBlock, encodeBlocks } from './block.ts'
import type { BlockIndex } from './block-index.ts'
import { checksum } from './checksum.ts'
import type { Mark } from './high-water.ts'
import type { Operation } from './kv.ts'
import {
  type BaseRecord,
  baseKey,
  blockKey,
  encodeBase,
  encodeHardState,
  type HardStateRecord,
  hardStateKey,
  salvageKey,
} from './records.ts'

/** Entries in one record, bytes: a record is read and verified as a whole. A single larger entry still gets its block. */
export const blockBytesMax = 1_024 * 1_024

/** What of the log a write leaves in place: blocks, the last entry in them, and the base before them. */
export interface Kept {
  /** Put by this write when it is not the present one. */
  readonly base: BaseRecord
  readonly blocks: number
  /** The block that the truncation cuts through, shortened: it replaces the first of the others. */
  readonly shortened: EncodedBlock | undefined
  readonly id: EntryId
}

export interface LogWrite {
  readonly blocks: readonly EncodedBlock[]
  readonly hardState: HardStateRecord
}

/** Throws an `InvariantError` for what the core may never ask for: the last line of defence before the disk. */
export function planWrite(persist: Persist, { kept, index, before }: { kept: Kept; index: BlockIndex; before: HardStateRecord }): LogWrite {
  checkWrite(persist, before, kept.id)
  const chain = kept.shortened?.lastChain ?? index.chainAfter(kept.blocks - 1, kept.base.chain)
  const appended = toBlocks(persist.entries, chain)
  const blocks = kept.shortened === undefined ? appended : [kept.shortened, ...appended]
  const last = persist.entries.at(-1) ?? kept.id
  const hardState: HardStateRecord = {
    writes: before.writes + 1,
    term: persist.hardState.term,
    votedFor: persist.hardState.votedFor,
    lastIndex: last.index,
    lastTerm: last.term,
    lastChain: blocks.at(-1)?.lastChain ?? chain,
  }
  return { blocks, hardState }
}

/** The records of one batch. A block that is deleted and put again is put: later operations prevail. */
export function operationsOf(batch: {
  readonly base: BaseRecord | undefined
  readonly deleted: readonly Index[]
  /** Of blocks that were put aside. */
  readonly dropped: readonly Index[]
  readonly blocks: readonly EncodedBlock[]
  readonly hardState: HardStateRecord
}): readonly Operation[] {
  const operations: Operation[] = []
  if (batch.base !== undefined) operations.push({ kind: 'put', key: baseKey, value: encodeBase(batch.base) })
  for (const firstIndex of batch.deleted) operations.push({ kind: 'delete', key: blockKey(firstIndex) })
  for (const firstIndex of batch.dropped) operations.push({ kind: 'delete', key: salvageKey(firstIndex) })
  for (const { firstIndex, value } of batch.blocks) operations.push({ kind: 'put', key: blockKey(firstIndex), value })
  operations.push({ kind: 'put', key: hardStateKey, value: encodeHardState(batch.hardState) })
  return operations
}

/** Where the write of this record left the log. */
export const markOf = ({ writes, lastIndex, lastTerm, lastChain }: HardStateRecord): Mark => ({
  term: lastTerm,
  index: lastIndex,
  chain: lastChain,
  writes,
})

/** The chain after `entries`, which go on from `chain`. */
export function chainOf(entries: readonly Entry[], chain: number): number {
  if (entries.length === 0) return chain
  return checksum(encodeEntries(entries).subarray(entriesHeaderBytes), chain)
}

function toBlocks(entries: readonly Entry[], chain: number): readonly EncodedBlock[] {
  const [first] = entries
  if (first === undefined) return []
  const encoded = encodeEntries(entries)
  const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length).subarray(entriesHeaderBytes)
  return encodeBlocks({ firstIndex: first.index, count: entries.length, chain, bytes }, blockBytesMax)
}

function checkWrite({ hardState, entries, reset, truncateFrom }: Persist, before: HardState, kept: EntryId): void {
  assert(hardState.term >= before.term, 'a term never falls (§3.3)')
  const sameTerm = hardState.term === before.term
  assert(!sameTerm || before.votedFor === undefined || hardState.votedFor === before.votedFor, 'one vote a term (§3.4)')
  assert(reset === undefined || truncateFrom === undefined, 'a reset leaves nothing to truncate')
  let { index, term } = kept
  for (const entry of entries) {
    assert(entry.index === index + 1, 'appended entries follow the log without a gap')
    assert(entry.term >= term, 'terms never fall along a log (§3.6)')
    index = entry.index
    term = entry.term
  }
  assert(term <= hardState.term, 'no entry is of a later term than the node')
}

// What a block tells of the log besides its entries: terms, configurations, and what operators skip, without decoding what is in the commands.
import type { ConfState, Entry, Index, Term, TermRun } from '../core/types.ts'
import { WireError } from '../wire/bytes.ts'
import type { Skip } from '../ports/log.ts'
import { decodeEntryRun, encodedEntryEnd, entryHeaderBytes } from '../wire/entry-codec.ts'
import { skippedBy } from '../wire/envelope-codec.ts'
import type { Block } from './block.ts'

export interface BlockContent {
  readonly lastTerm: Term
  readonly runs: readonly TermRun[]
  readonly confs: readonly { readonly index: Index; readonly conf: ConfState }[]
  readonly skips: readonly Skip[]
}

/** From `firstIndex` on, which is in the block; `lastTerm` is that of the entry before it. Throws a `WireError`. */
export function scanBlock(block: Block, { firstIndex, lastTerm }: { readonly firstIndex: Index; readonly lastTerm: Term }): BlockContent {
  const { bytes } = block
  const runs: TermRun[] = []
  const confs: { index: Index; conf: ConfState }[] = []
  const skips: Skip[] = []
  let last = lastTerm
  let at = 0
  for (let index = block.firstIndex; index < firstIndex; index++) at = encodedEntryEnd(bytes, at, index)
  for (let index = firstIndex; index <= block.lastIndex; index++) {
    const end = encodedEntryEnd(bytes, at, index)
    const term = bytes.readUIntBE(at, 6)
    if (term < last) throw new WireError(`entry ${index} has term ${term}, the one before it ${last}`)
    if (term > last || index === firstIndex) runs.push({ term, firstIndex: index })
    last = term
    // 0 is a command: nothing of it is looked at but whether it is a user's.
    if (bytes[at + 6] === 0) {
      const skipped = skippedBy(bytes.subarray(at + entryHeaderBytes, end))
      if (skipped !== undefined) skips.push({ index, skipped })
    } else {
      const conf = confOf(bytes.subarray(at, end), index)
      if (conf !== undefined) confs.push({ index, conf })
    }
    at = end
  }
  if (at !== bytes.length) throw new WireError(`entry ${block.lastIndex} is followed by ${bytes.length - at} bytes too many`)
  return { lastTerm: last, runs, confs, skips }
}

function confOf(bytes: Buffer, index: Index): ConfState | undefined {
  const entries: Entry[] = []
  decodeEntryRun(bytes, { firstIndex: index, count: 1 }, entries)
  return entries[0]?.conf
}

// A disk that was damaged must not hide it: what is left of its log is the beginning of what it was, and is fenced as high as all that was promised.
import type { EntryId, Index, LogSummary } from '../../core/types.ts'
import { compareIds } from '../../storage/high-water.ts'
import type { Verdict } from '../violation.ts'
import type { Watched } from './watched.ts'

/** `node` acknowledges everything up to `index`. */
export function notePromised(node: Watched, index: Index): void {
  const term = node.durable.termAt(index)
  if (term !== undefined && compareIds({ term, index }, node.promised) > 0) node.promised = { term, index }
}

/** Of a disk that was damaged, as it was read; from here on it is what is left. */
export function checkDamaged(node: Watched, { summary, verdict }: { readonly summary: LogSummary; readonly verdict: Verdict }): void {
  const { id, durable, promised, promisedTerm } = node
  const last = lastOf(summary)
  const { fence, hardState } = summary
  const isLow = fence === undefined ? compareIds(last, promised) < 0 : fence.floor !== undefined && compareIds(fence.floor, promised) < 0
  verdict.check(
    !isLow,
    'no promise of a damaged log is forgotten',
    () => `node ${id} had acknowledged ${JSON.stringify(promised)}, and comes back with ${JSON.stringify({ last, fence })}`,
  )
  const isTermKnown = fence === undefined || fence.floor !== undefined
  verdict.check(
    !isTermKnown || hardState.term >= promisedTerm,
    'no promise of a damaged log is forgotten',
    () => `node ${id} was in term ${promisedTerm}, and comes back in term ${hardState.term}`,
  )
  durable.loseTo(summary)
}

const lastOf = ({ base, lastIndex, terms }: LogSummary): EntryId => ({ term: terms.at(-1)?.term ?? base.id.term, index: lastIndex })

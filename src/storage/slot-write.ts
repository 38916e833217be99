// One write of a log that has a high water: its batch, and then the slot that says so; or both at once, where its store can do that.
import type { Fence, Member, Persist } from '../core/types.ts'
import type { Done } from '../ports/log.ts'
import { compareIds, type HighWater } from './high-water.ts'
import type { HighWaterKeeper, NextSlot } from './high-water-keeper.ts'
import type { KeyValue, Operation } from './kv.ts'
import { markOf } from './log-write.ts'
import type { BaseRecord, HardStateRecord } from './records.ts'

export interface NextState {
  readonly base: BaseRecord
  readonly hardState: HardStateRecord
  /** As it is after this write. */
  readonly fence: Fence | undefined
  readonly members: readonly Member[]
}

/** `written` is called once, when both have ended. */
export function writeWithSlot(
  { kv, keeper }: { readonly kv: KeyValue; readonly keeper: HighWaterKeeper },
  { operations, next }: { readonly operations: readonly Operation[]; readonly next: NextState },
  written: Done,
): void {
  const write = (): void => {
    const commit = kv.commit?.bind(kv, operations)
    if (commit !== undefined) return keeper.commit(slotOf(next, keeper.state), commit, written)
    kv.batch(operations, (error) => {
      if (error !== undefined) written(error)
      else keeper.write(slotOf(next, keeper.state), written)
    })
  }
  if (!isRaised(keeper.state.fence, next.fence)) return write()
  keeper.write({ ...keeper.state, fence: next.fence }, (error) => {
    if (error !== undefined) written(error)
    else write()
  })
}

/**
 * A fence that others remember comes with a later term, and whoever is in that term asks for nothing older: it must not be there alone. Where nothing was
 * known before, the term comes first: what it keeps this node from must not be forgotten once it takes part again.
 */
function isRaised(before: Fence | undefined, after: Fence | undefined): boolean {
  if (after?.floor === undefined || (before !== undefined && before.floor === undefined)) return false
  return before?.floor === undefined || compareIds(before.floor, after.floor) < 0
}

/** What is left of the fence after a write. An unknown floor is reached by nothing: whoever knows better sets one. */
export function fenceAfter(
  before: Fence | undefined,
  { fence = before }: Persist,
  { lastTerm, lastIndex }: HardStateRecord,
): Fence | undefined {
  if (fence?.floor === undefined) return fence
  return compareIds({ term: lastTerm, index: lastIndex }, fence.floor) >= 0 ? undefined : fence
}

function slotOf({ base, hardState, fence, members }: NextState, before: HighWater): NextSlot {
  const { term, votedFor } = hardState
  const position = { term: base.id.term, index: base.id.index, chain: base.chain }
  const reached = fence === undefined ? undefined : before.reached
  return { hardState: { term, votedFor }, last: markOf(hardState), base: position, baseConf: base.conf, fence, reached, members }
}

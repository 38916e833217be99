// One write of a log that has a high water: its batch, and the slot that goes with it.
import type { Fence, Member, Persist } from '../core/types.ts'
import type { Done } from '../ports/log.ts'
import { compareIds, type Mark } from './high-water.ts'
import type { HighWaterKeeper, NextSlot } from './high-water-keeper.ts'
import type { KeyValue, Operation } from './kv.ts'
import { markOf } from './log-write.ts'
import type { BaseRecord, HardStateRecord } from './records.ts'

export interface NextState {
  readonly persist: Persist
  readonly base: BaseRecord
  readonly hardState: HardStateRecord
  /** As the write before it has left it. */
  readonly before: HardStateRecord
  readonly fence: Fence | undefined
  readonly members: readonly Member[]
}

/** `written` is called once, when both have ended. On success the caller tells the keeper to `rest`. */
export function writeWithSlot(
  { kv, keeper, isBeside }: { readonly kv: KeyValue; readonly keeper: HighWaterKeeper; readonly isBeside: boolean },
  { operations, next }: { readonly operations: readonly Operation[]; readonly next: NextState },
  written: Done,
): void {
  keeper.begin()
  if (!isBeside) {
    return kv.batch(operations, (error) => {
      if (error !== undefined) written(error)
      else keeper.write(slotOf(next, markOf(next.hardState), keeper), written)
    })
  }
  let isOneDone = false
  let failure: Error | undefined
  const arrive = (error: Error | undefined): void => {
    failure ??= error
    if (isOneDone) return written(failure)
    isOneDone = true
  }
  kv.batch(operations, arrive)
  keeper.write(slotOf(next, markOf(next.before), keeper), arrive)
}

/** What is left of the fence after a write. An unknown floor is reached by nothing: whoever knows better says `unfence`. */
export function fenceAfter(fence: Fence | undefined, { unfence }: Persist, { lastTerm, lastIndex }: HardStateRecord): Fence | undefined {
  if (fence === undefined || unfence === true) return undefined
  const isReached = fence.floor !== undefined && compareIds({ term: lastTerm, index: lastIndex }, fence.floor) >= 0
  return isReached ? undefined : fence
}

function slotOf({ persist, base, hardState, fence, members }: NextState, settled: Mark, keeper: HighWaterKeeper): NextSlot {
  return {
    hardState: persist.hardState,
    last: markOf(hardState),
    settled,
    base: { ...base.id, chain: base.chain },
    // Until this write is known to be durable the fence stays, even when it reaches the floor.
    fence: persist.unfence === true ? undefined : fence,
    witness: persist.witness ?? keeper.state.witness,
    members,
  }
}

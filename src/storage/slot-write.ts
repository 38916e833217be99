// One write of a log that has a high water: its batch, and then the slot that says so.
import type { Fence, Member, Persist } from '../core/types.ts'
import type { Done } from '../ports/log.ts'
import { compareIds } from './high-water.ts'
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
  kv.batch(operations, (error) => {
    if (error !== undefined) written(error)
    else keeper.write(slotOf(next), written)
  })
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

function slotOf({ base, hardState, fence, members }: NextState): NextSlot {
  const { term, votedFor } = hardState
  const position = { ...base.id, chain: base.chain }
  return { hardState: { term, votedFor }, last: markOf(hardState), base: position, baseConf: base.conf, fence, members }
}

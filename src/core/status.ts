import type { FollowerStatus, RaftStatus } from './api.ts'
import type { Elections } from './elections.ts'
import type { NodeContext } from './node-context.ts'
import type { Persistence } from './persistence.ts'
import type { Progress } from './progress.ts'
import type { Ms } from './types.ts'

interface StatusSources {
  readonly ctx: NodeContext
  readonly elections: Elections
  readonly persistence: Persistence
}

/** A copy of what there is to see. */
export function statusOf({ ctx, elections, persistence }: StatusSources): RaftStatus {
  const { log, id, now } = ctx
  const { role, softState } = elections
  const { commitIndex, lastApplied, lastIndex, lastTerm, stableIndex, conf, committedConf, isConfPending, hasState } = log
  const leader = role.kind === 'leader' ? role : undefined
  return {
    id,
    ...softState,
    votedFor: persistence.hardState.votedFor,
    commitIndex,
    committedInTerm: log.termAt(commitIndex) === softState.term,
    lastApplied,
    firstIndex: log.base.index + 1,
    lastIndex,
    lastTerm,
    stableIndex,
    conf,
    committedConf,
    isConfPending,
    hasState,
    fence: log.fence,
    transferee: leader?.transferee,
    followers: leader === undefined ? [] : [...leader.progress.values()].map((progress) => followerStatusOf(progress, now)),
    uncommittedBytes: leader?.uncommittedBytes ?? 0,
  }
}

function followerStatusOf(progress: Progress, now: Ms): FollowerStatus {
  const { id, state, isCaughtUp, isFull, matchIndex, nextIndex, inflightMessages, inflightBytes } = progress
  return { id, state, isActive: progress.isActive(now), isCaughtUp, isFull, matchIndex, nextIndex, inflightMessages, inflightBytes }
}

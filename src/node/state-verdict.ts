// Who is right, where replicas differ: whoever a majority of the voters agrees with. Nobody else is, and who leads does not count.
import { type ConfState, type Digest, isQuorum, type NodeId, votersOf } from '../core/index.ts'

/**
 * `agrees`: a majority has what this node has; `others`: the voters that have something else. `differs`: a majority has something else; `others`: they.
 * `split`: some differ, and there is no majority so far; `others`: who differs from this node, or from each other. `unknown`: nobody differs so far.
 */
export interface StateVerdict {
  readonly standing: 'agrees' | 'differs' | 'split' | 'unknown'
  readonly others: readonly NodeId[]
  /** Every voter has said what it has. */
  readonly isComplete: boolean
}

/** After one entry. `reports`: of other members; only those of voters count. A learner is judged like a voter, and has no vote in it. */
export function judgeState(
  conf: ConfState,
  { id, own }: { readonly id: NodeId; readonly own: Digest },
  reports: ReadonlyMap<NodeId, Digest>,
): StateVerdict {
  const known = new Map([...reports, [id, own] as const])
  const voters = votersOf(conf)
  const isComplete = voters.every((voter) => known.has(voter))
  const said = voters.flatMap((voter) => {
    const digest = known.get(voter)
    return digest === undefined ? [] : [{ voter, digest }]
  })
  const differing = said.filter(({ digest }) => !isEqual(digest, own)).map(({ voter }) => voter)
  const candidates = [own, ...said.map(({ digest }) => digest)]
  const right = candidates.find((digest) =>
    isQuorum(
      conf,
      said.filter((one) => isEqual(one.digest, digest)).map(({ voter }) => voter),
    ),
  )
  if (right === undefined) return { standing: differing.length > 0 ? 'split' : 'unknown', others: differing, isComplete }
  if (isEqual(right, own)) return { standing: 'agrees', others: differing, isComplete }
  const majority = said.filter(({ digest }) => isEqual(digest, right)).map(({ voter }) => voter)
  return { standing: 'differs', others: majority, isComplete }
}

export const isEqual = (one: Digest, other: Digest): boolean => one.low === other.low && one.high === other.high

// Who is in a cluster and how far each has got, as people and programs want it.
import type { ConfState, Index, Ms, NodeId } from '../core/types.ts'
import type { AdminReply, MemberProgress } from '../wire/client-messages.ts'

export interface ClusterMember {
  readonly id: NodeId
  /** Rises each time the member comes back without its disk. */
  readonly incarnation: number
  /** `host:port` for the other members. */
  readonly peer: string
  /** `host:port` for clients. */
  readonly client: string
  /**
   * `joining`: a learner that the leader makes a voter as soon as it has caught up. `leaving`: still counts as a voter until the change that is
   * under way has ended.
   */
  readonly role: 'voter' | 'learner' | 'joining' | 'leaving'
  readonly isLeader: boolean
  /** What the leader knows of it; `undefined` when the answer came from a node that had just stopped leading. */
  readonly progress: MemberStanding | undefined
}
export interface MemberStanding {
  /** `probe`: the leader looks for where the logs agree. `replicate`: entries flow. `snapshot`: it fetches a snapshot first. */
  readonly state: MemberProgress['state']
  /** Whether it was heard from within an election timeout. */
  readonly isActive: boolean
  /** Of a learner: near enough to the end of the log to become a voter. */
  readonly isCaughtUp: boolean
  /** Newest entry that it is known to hold. */
  readonly matchIndex: Index
  /** Committed entries that it is not known to hold yet. */
  readonly lag: number
}

export interface ClusterView {
  readonly clusterId: string
  readonly leader: NodeId
  readonly term: number
  readonly commitIndex: Index
  /** By ascending id. */
  readonly members: readonly ClusterMember[]
  /** Ids of former members: never used again. */
  readonly removed: readonly NodeId[]
  /** Whether a change of the voters is under way: both the old and the new ones count. */
  readonly isJoint: boolean
  /** Lease reads; `undefined` when they are off. */
  readonly leaseReads: { readonly durationMs: Ms } | undefined
  readonly electionTimeoutMs: Ms
}

export function clusterView(clusterId: string, told: NonNullable<AdminReply['members']>): ClusterView {
  const { leader, term, commitIndex, conf, progress, electionTimeoutMs } = told
  const members = conf.members.map((member) => ({
    ...member,
    role: roleOf(member.id, conf),
    isLeader: member.id === leader,
    progress: standingOf(
      progress.find(({ id }) => id === member.id),
      commitIndex,
    ),
  }))
  const leaseReads = conf.leaseMs === 0 ? undefined : { durationMs: conf.leaseMs }
  const isJoint = conf.votersOutgoing.length > 0
  return { clusterId, leader, term, commitIndex, members, removed: conf.removed, isJoint, leaseReads, electionTimeoutMs }
}

function roleOf(id: NodeId, { voters, votersOutgoing, joining }: ConfState): ClusterMember['role'] {
  if (voters.includes(id)) return 'voter'
  if (votersOutgoing.includes(id)) return 'leaving'
  return joining.includes(id) ? 'joining' : 'learner'
}

function standingOf(progress: MemberProgress | undefined, commitIndex: Index): MemberStanding | undefined {
  if (progress === undefined) return undefined
  const { state, isActive, isCaughtUp, matchIndex } = progress
  return { state, isActive, isCaughtUp, matchIndex, lag: Math.max(0, commitIndex - matchIndex) }
}

// From one configuration to the next (§4.3): pure arithmetic. Whether now is the time for it, the leader knows (`membership.ts`).
import type { ConfRefusalReason } from './api.ts'
import { incarnationMax, leaseMsMax, membersMax, nodeIdMax, removedMax } from './limits.ts'
import type { ConfState, ConfStep, Member, NodeId } from './types.ts'

export interface ConfRefusal {
  readonly kind: 'refused'
  readonly reason: ConfRefusalReason
  /** A sentence with the values in it. */
  readonly message: string
}
export type ConfPlan = { readonly kind: 'next'; readonly conf: ConfState } | ConfRefusal

/**
 * What `conf`, which is not joint, becomes by `steps`, all of them at once. Where the set of voters changes it is joint: both majorities
 * are needed until it is left again (§4.3). Anything else counts nobody differently, and is one entry.
 */
export function planChange(conf: ConfState, steps: readonly ConfStep[]): ConfPlan {
  if (steps.length === 0) return refused('noSteps', 'a change of the configuration needs one step at least')
  const draft = new Draft(conf)
  for (const step of steps) {
    const refusal = draft.take(step)
    if (refusal !== undefined) return refusal
  }
  return draft.finish()
}

/** What a joint configuration becomes once its entry is committed: the outgoing voters count no more, and whoever has no role is removed. */
export function leaveJoint(conf: ConfState): ConfState {
  return withoutStrangers({ ...conf, votersOutgoing: [] })
}

/** Why nothing could live in `conf`, or `undefined`. Holds for all that `planChange` and `leaveJoint` give; others' are checked by it. */
export function confProblem({ members, voters, votersOutgoing, learners, joining, removed, leaseMs }: ConfState): string | undefined {
  if (voters.length === 0) return 'it has no voters'
  for (const ids of [members.map(({ id }) => id), voters, votersOutgoing, learners, joining, removed]) {
    if (!ids.every(isId) || new Set(ids).size < ids.length) return `${ids.join(', ')} are not ids, each once`
  }
  const named = new Set([...voters, ...votersOutgoing, ...learners])
  if (named.size !== members.length || !members.every(({ id }) => named.has(id))) return 'its members are not those it names'
  if (voters.some((id) => learners.includes(id))) return 'a voter is a learner'
  if (!joining.every((id) => learners.includes(id))) return 'one that joins is not a learner'
  if (removed.some((id) => named.has(id))) return 'a member was removed before'
  return isLease(leaseMs) ? undefined : `its lease is ${leaseMs} ms`
}

class Draft {
  readonly #from: ConfState
  readonly #named = new Set<NodeId>()
  readonly #members: Map<NodeId, Member>
  readonly #voters: Set<NodeId>
  readonly #learners: Set<NodeId>
  readonly #joining: Set<NodeId>
  #leaseMs: number | undefined

  constructor(conf: ConfState) {
    this.#from = conf
    this.#members = new Map(conf.members.map((member) => [member.id, member]))
    this.#voters = new Set(conf.voters)
    this.#learners = new Set(conf.learners)
    this.#joining = new Set(conf.joining)
  }

  take(step: ConfStep): ConfRefusal | undefined {
    if (step.kind === 'setLease') return this.#setLease(step.leaseMs)
    const id = step.kind === 'addLearner' || step.kind === 'update' ? step.member.id : step.id
    if (!isId(id)) return refused('unknownId', `${id} is not the id of a node: a whole number from 1 to 2^48 - 1`)
    if (this.#named.has(id)) return refused('duplicateId', `two steps name node ${id}`)
    this.#named.add(id)
    if (step.kind === 'addLearner') return this.#add(step)
    if (!this.#members.has(id)) return refused('unknownId', `node ${id} is not a member`)
    switch (step.kind) {
      case 'promote':
        if (!this.#learners.has(id)) return refused('notLearner', `node ${id} is not a learner`)
        this.#drop(id)
        this.#voters.add(id)
        return undefined
      case 'demote':
      case 'suspend':
        if (!this.#voters.has(id)) return refused('notVoter', `node ${id} is not a voter`)
        this.#drop(id)
        this.#learners.add(id)
        if (step.kind === 'suspend') this.#joining.add(id)
        return undefined
      case 'remove':
        this.#drop(id)
        return undefined
      case 'update':
        return this.#update(step)
      default:
        return step satisfies never
    }
  }

  finish(): ConfPlan {
    if (this.#voters.size === 0) return refused('noVoters', 'nobody would be left to vote')
    const voters = ascending(this.#voters)
    const isJoint = voters.length !== this.#from.voters.length || voters.some((id) => !this.#from.voters.includes(id))
    const conf = withoutStrangers({
      members: [...this.#members.values()].sort((a, b) => a.id - b.id),
      voters,
      votersOutgoing: isJoint ? this.#from.voters : [],
      learners: ascending(this.#learners),
      joining: ascending(this.#joining),
      removed: this.#from.removed,
      leaseMs: this.#leaseMs ?? this.#from.leaseMs,
    })
    const { length: count } = conf.members
    if (count > membersMax) return refused('membersMax', `there would be ${count} members, more than membersMax, which is ${membersMax}`)
    if (conf.removed.length <= removedMax) return { kind: 'next', conf }
    return refused('membersMax', `there would be ${conf.removed.length} removed members, more than ${removedMax}`)
  }

  #drop(id: NodeId): void {
    this.#voters.delete(id)
    this.#learners.delete(id)
    this.#joining.delete(id)
  }

  #add({ member, joining }: { readonly member: Member; readonly joining: boolean }): ConfRefusal | undefined {
    const { id, incarnation } = member
    if (this.#members.has(id)) return refused('duplicateId', `node ${id} is a member already`)
    if (this.#from.removed.includes(id)) return refused('removedId', `node ${id} was removed before: an id is never used again`)
    if (!isIncarnation(incarnation)) return refused('badIncarnation', `node ${id} has incarnation ${incarnation}; they start at 1`)
    this.#members.set(id, member)
    this.#learners.add(id)
    if (joining) this.#joining.add(id)
    return undefined
  }

  #update({ member, joining }: { readonly member: Member; readonly joining: boolean }): ConfRefusal | undefined {
    const { id, incarnation } = member
    const known = this.#members.get(id)?.incarnation ?? 0
    if (!isIncarnation(incarnation) || incarnation < known) {
      return refused('badIncarnation', `node ${id} is of incarnation ${known}, and cannot become ${incarnation}`)
    }
    const isVoter = this.#voters.has(id)
    if (incarnation > known && isVoter) {
      return refused('badIncarnation', `node ${id} is a voter: demote it before it comes back with incarnation ${incarnation}`)
    }
    this.#members.set(id, member)
    this.#joining.delete(id)
    if (joining && !isVoter) this.#joining.add(id)
    return undefined
  }

  #setLease(leaseMs: number): ConfRefusal | undefined {
    if (this.#leaseMs !== undefined) return refused('badLease', 'two steps set the lease')
    if (!isLease(leaseMs)) return refused('badLease', `a lease of ${leaseMs} ms is not a whole number from 0 to ${leaseMsMax}`)
    this.#leaseMs = leaseMs
    return undefined
  }
}

/** Members without a role are no members: their ids are never used again. */
function withoutStrangers(conf: ConfState): ConfState {
  const named = new Set([...conf.voters, ...conf.votersOutgoing, ...conf.learners])
  const strangers = conf.members.filter(({ id }) => !named.has(id)).map(({ id }) => id)
  if (strangers.length === 0) return conf
  return { ...conf, members: conf.members.filter(({ id }) => named.has(id)), removed: ascending([...conf.removed, ...strangers]) }
}

function refused(reason: ConfRefusalReason, message: string): ConfRefusal {
  return { kind: 'refused', reason, message }
}

function ascending(ids: Iterable<NodeId>): readonly NodeId[] {
  return [...ids].sort((a, b) => a - b)
}

export function isId(id: NodeId): boolean {
  return Number.isInteger(id) && id >= 1 && id <= nodeIdMax
}

function isIncarnation(incarnation: number): boolean {
  return Number.isInteger(incarnation) && incarnation >= 1 && incarnation <= incarnationMax
}

function isLease(leaseMs: number): boolean {
  return Number.isInteger(leaseMs) && leaseMs >= 0 && leaseMs <= leaseMsMax
}
